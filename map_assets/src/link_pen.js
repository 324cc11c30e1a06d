// Draws a link along its way: a device, bends, a device. Counterpart: `LinkDrawn` in app/map/bridge_tools.py.
// One rule: one link, one message; what has no second end is no link.

import { lineOf, pointOf } from "./features.js";
import { hitAt } from "./pointer.js";

/** @import { MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { Stage } from "./overlay.js" */
/** @import { Bench } from "./tools.js" */

export const BENDS_MOST = 200;

export class LinkPen {
  #stage;
  #bench;
  /** @type {DeviceRow | null} */
  #from = null;
  /** @type {LngLat[]} */
  #bends = [];
  /** @type {MapMouseEvent | null} */
  #pointer = null;

  /** @param {Stage} stage @param {Bench} bench */
  constructor(stage, bench) {
    this.#stage = stage;
    this.#bench = bench;
  }

  hint() {
    const said = this.#from ? `from ${this.#from.name}: click its bends, then the device it ends at. Backspace takes the last bend` : "click the device where it begins";
    return { name: "New link", said };
  }

  end() {
    this.cancel();
    this.#pointer = null;
    this.#bench.draw([]);
  }

  cancel() {
    const was = this.#from !== null;
    this.#from = null;
    this.#bends = [];
    this.#draw();
    return was;
  }

  /** @param {MapMouseEvent} event */
  click(event) {
    event.preventDefault();
    const device = this.#deviceAt(event);
    if (!this.#from) this.#from = device ?? null;
    else if (device) this.#finish(device);
    else if (this.#bends.length < BENDS_MOST) this.#bends.push(event.lngLat.wrap().toArray());
    this.#pointer = null;
    this.#draw();
    this.#bench.say();
  }

  /** @param {MapMouseEvent} event */
  dblclick(event) {
    event.preventDefault();
  }

  /** @param {MapMouseEvent} event */
  contextmenu(event) {
    event.preventDefault();
    this.#takeBend();
  }

  /** @param {MapMouseEvent} event */
  mousemove(event) {
    this.#pointer = event;
    if (this.#from) this.#draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Backspace") this.#takeBend();
    else if (event.key === "Enter") {
      const device = this.#pointer && this.#deviceAt(this.#pointer);
      if (device) this.#finish(device);
    } else return false;
    return true;
  }

  /** @param {FromWindow} _message @param {{ places: boolean }} touched */
  take(_message, { places }) {
    if (places && this.#from && !this.#stage.network.devices.has(this.#from.id)) {
      this.cancel();
      this.#bench.say();
    }
  }

  #takeBend() {
    if (!this.#bends.pop()) this.#from = null;
    this.#draw();
    this.#bench.say();
  }

  /** @param {MapMouseEvent} event */
  #deviceAt({ point }) {
    const hit = hitAt(this.#stage.map, this.#stage.painter.glass, point);
    return hit?.kind === "device" ? this.#stage.network.devices.get(hit.id) : undefined;
  }

  /** @param {DeviceRow} to */
  #finish(to) {
    const from = this.#from;
    if (!from || from.id === to.id) return;
    this.#stage.send({ type: "link_drawn", a: from.id, b: to.id, path: this.#bends });
    this.cancel();
    this.#bench.say();
  }

  #draw() {
    if (!this.#from) return this.#bench.draw([]);
    /** @type {LngLat[]} */
    const path = [[this.#from.lng, this.#from.lat], ...this.#bends];
    const here = this.#pointer?.lngLat.toArray();
    this.#bench.draw([
      ...(path.length > 1 ? [lineOf(path, { kind: "leg" })] : []),
      ...(here ? [lineOf([path[path.length - 1], here], { kind: "ghost" })] : []),
      ...path.map((place) => pointOf(place, { kind: "bend" })),
    ]);
  }
}
