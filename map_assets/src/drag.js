// Moving a device by hand: a preview while it is held, one message when it is dropped. Counterpart: `device_dropped` in bridge.py.
// Theory: only the selected device can be dragged, so that nobody moves a mast who meant to move the map.
// One rule: one drag, one message; Escape drops nothing.

import { lineOf, pointOf } from "./features.js";
import { hitAt } from "./pointer.js";

/** @import { Map as MapLibre, MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { Painter } from "./painter.js" */
/** @import { Network } from "./network.js" */

const STARTS_AFTER_PX = 5;
const PREVIEW_STAYS_MS = 1_500;
/** After a drop the preview stays until the device has moved; it vanishes if the move was refused. */

export class Drag {
  #map;
  #network;
  #painter;
  #send;
  /** @type {{ id: string, from: LngLat, start: { x: number, y: number }, at: LngLat | null } | null} */
  #held = null;
  /** Whether nothing can be moved by hand. */
  locked = false;

  /** @param {MapLibre} map @param {Network} network @param {Painter} painter @param {Send} send */
  constructor(map, network, painter, send) {
    this.#map = map;
    this.#network = network;
    this.#painter = painter;
    this.#send = send;
    map.on("mousedown", (event) => this.#take(event));
    map.on("mousemove", (event) => this.#move(event));
    addEventListener("mouseup", () => this.#drop());
    addEventListener("blur", () => this.cancel());
  }

  /** Whether a device is being dragged. */
  get active() {
    return this.#held?.at != null;
  }

  /** Let go without moving anything. @returns {boolean} whether there was something to let go */
  cancel() {
    const was = this.active;
    this.#held = null;
    this.#painter.put("drag", []);
    return was;
  }

  /** @param {MapMouseEvent} event */
  #take(event) {
    const free = !this.locked && event.originalEvent.button === 0 && !event.defaultPrevented;
    const hit = free && !this.#painter.imagining ? hitAt(this.#map, this.#painter.glass, event.point) : null;
    const device = hit?.kind === "device" && hit.id === this.#painter.chosen ? this.#network.devices.get(hit.id) : undefined;
    if (!device) return;
    event.preventDefault();
    this.#held = { id: device.id, from: [device.lng, device.lat], start: event.point, at: null };
  }

  /** @param {MapMouseEvent} event */
  #move({ point, lngLat }) {
    const held = this.#held;
    if (!held || (!held.at && Math.hypot(point.x - held.start.x, point.y - held.start.y) < STARTS_AFTER_PX)) return;
    held.at = [lngLat.lng, lngLat.lat];
    this.#painter.put("drag", [lineOf([held.from, held.at], {}), pointOf(held.at, {})]);
  }

  #drop() {
    const held = this.#held;
    this.#held = null;
    if (!held?.at) return;
    const lng = ((((held.at[0] + 180) % 360) + 360) % 360) - 180;
    this.#send({ type: "device_dropped", id: held.id, lng, lat: held.at[1] });
    setTimeout(() => this.#held ?? this.#painter.put("drag", []), PREVIEW_STAYS_MS);
  }

  /** The network has changed: a preview is over when its device has moved. */
  settle() {
    if (!this.#held) this.#painter.put("drag", []);
  }
}
