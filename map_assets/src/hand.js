// The editing hand: any device can be dragged, several together, and the bends of the selected link. Counterpart: app/map/tools.py.
// Theory: who is picked is the page's; the window is told, so that its verbs know whom they are for. A move is a shift in
// Mercator, so that a group keeps its shape on the screen, and becomes places when it ends.
// One rule: one drag, or keys until they rest, are one message.

import { Bends } from "./bends.js";
import { lineOf, pointOf } from "./features.js";
import { fromFlat, pixelsPerDegree, toFlat, unrolled } from "./geometry.js";
import { hitAt } from "./pointer.js";

/** @import { Feature } from "geojson" */
/** @import { MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */
/** @import { Bench } from "./tools.js" */

const STARTS_AFTER_PX = 5;
const PICKED_MOST = 2_000;
const GHOSTS_MOST = 200;
const NUDGE_PX = 2;
const NUDGE_FAR_PX = 20;
/** Keys have come to rest when none came for so long. */
const REST_MS = 700;
/** After a drop the preview stays until the devices have moved; it vanishes if the move was refused. */
const PREVIEW_STAYS_MS = 1_500;
/** @type {Record<string, [x: number, y: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Hand {
  #stage;
  #bench;
  #bends;
  /** @type {Set<string>} */
  #picked = new Set();
  /** What is moved, and how far in Mercator. @type {{ ids: string[], start: { x: number, y: number } | null, from: LngLat, by: [x: number, y: number], moved: boolean } | null} */
  #held = null;
  /** @type {{ from: { x: number, y: number }, box: HTMLElement, more: boolean } | null} */
  #band = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rests;

  /** @param {Stage} stage @param {Bench} bench */
  constructor(stage, bench) {
    this.#stage = stage;
    this.#bench = bench;
    this.#bends = new Bends(stage);
    stage.map.on("moveend", () => this.#on && this.#draw());
  }

  #on = false;

  hint() {
    const { size } = this.#picked;
    if (!size) return { name: "Editing", said: "drag devices and bends; Shift + drag or Ctrl + click for several" };
    /** @type {[string, () => void][]} */
    const buttons = [["Align to site", () => this.#stage.send({ type: "align_asked" })], ["None", () => this.#pick([])]];
    return { name: size === 1 ? "1 device" : `${size.toLocaleString("en")} devices`, said: "drag or arrow keys to move", buttons };
  }

  begin() {
    this.#on = true;
    this.#stage.map.boxZoom.disable();
    this.#draw();
  }

  end() {
    this.cancel();
    this.#pick([]);
    this.#on = false;
    this.#stage.map.boxZoom.enable();
    this.#bench.draw([]);
  }

  cancel() {
    const was = this.#bends.cancel() || this.#held !== null || this.#band !== null;
    clearTimeout(this.#rests);
    this.#held = null;
    this.#band?.box.remove();
    this.#band = null;
    const picked = !was && this.#picked.size > 0;
    if (picked) this.#pick([]);
    this.#draw();
    return was || picked;
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take({ select }, { places }) {
    if (!this.#on) return;
    if (places) {
      this.#bends.settle();
      if (this.#held && !this.#held.start) this.#held = null;
      const gone = [...this.#picked].some((id) => !this.#stage.network.devices.has(id));
      if (gone) this.#pick([...this.#picked].filter((id) => this.#stage.network.devices.has(id)));
    }
    if (places || select !== undefined) setTimeout(() => this.#on && this.#draw());
  }

  /** @param {MapMouseEvent} event */
  mousedown(event) {
    const { button, shiftKey, ctrlKey, metaKey } = event.originalEvent;
    if (this.#stage.painter.imagining || event.defaultPrevented) return;
    if (this.#bends.mousedown(event)) event.preventDefault();
    else if (button !== 0) return;
    else if (shiftKey) this.#stretch(event);
    else {
      const hit = hitAt(this.#stage.map, this.#stage.painter.glass, event.point);
      const device = hit?.kind === "device" ? this.#stage.network.devices.get(hit.id) : undefined;
      if (!device || ctrlKey || metaKey) return;
      event.preventDefault();
      this.#send();
      const ids = this.#picked.has(device.id) ? [...this.#picked] : [device.id];
      this.#held = { ids, start: { x: event.point.x, y: event.point.y }, from: event.lngLat.toArray(), by: [0, 0], moved: false };
    }
  }

  /** @param {MapMouseEvent} event */
  mousemove(event) {
    const { point, lngLat } = event;
    const held = this.#held;
    if (this.#bends.active) this.#bends.mousemove(event);
    else if (this.#band) return this.#bandTo(point);
    else if (held?.start) {
      if (!held.moved && Math.hypot(point.x - held.start.x, point.y - held.start.y) < STARTS_AFTER_PX) return;
      const [from, to] = [toFlat(held.from), toFlat(lngLat.toArray())];
      held.by = [to[0] - from[0], to[1] - from[1]];
      held.moved = true;
    } else return;
    this.#draw();
  }

  mouseup() {
    if (this.#bends.active) this.#bends.mouseup();
    else if (this.#band) this.#closeBand();
    else if (this.#held?.start) {
      this.#held.start = null;
      if (this.#held.moved) this.#send();
      else this.#held = null;
    } else return;
    this.#draw();
  }

  /** Ctrl + click picks one more, or one less. @param {MapMouseEvent} event */
  click(event) {
    const { ctrlKey, metaKey, altKey, shiftKey } = event.originalEvent;
    if (altKey || shiftKey || this.#bends.isAt(event.point)) return event.preventDefault();
    if (!ctrlKey && !metaKey) return;
    event.preventDefault();
    const hit = hitAt(this.#stage.map, this.#stage.painter.glass, event.point);
    const ring = hit?.kind === "ring" ? this.#stage.painter.ring(hit.id) : null;
    const ids = hit?.kind === "device" ? [hit.id] : (ring?.members ?? []);
    const has = ids.every((id) => this.#picked.has(id));
    this.#pick(has ? [...this.#picked].filter((id) => !ids.includes(id)) : [...this.#picked, ...ids]);
  }

  /** @param {MapMouseEvent} event */
  contextmenu(event) {
    if (!this.#bends.contextmenu(event)) return;
    event.preventDefault();
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  key({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    const arrow = ARROWS[key];
    if (!arrow || ctrlKey || metaKey || altKey) return false;
    const { chosen } = this.#stage.painter;
    const ids = this.#picked.size ? [...this.#picked] : this.#stage.network.devices.has(chosen ?? "") ? [/** @type {string} */ (chosen)] : [];
    if (!ids.length || this.#held?.start) return false;
    const held = (this.#held ??= { ids, start: null, from: [0, 0], by: [0, 0], moved: true });
    const step = (shiftKey ? NUDGE_FAR_PX : NUDGE_PX) / pixelsPerDegree(this.#stage.map.getZoom());
    held.by = [held.by[0] + arrow[0] * step, held.by[1] + arrow[1] * step];
    clearTimeout(this.#rests);
    this.#rests = setTimeout(() => this.#send(), REST_MS);
    this.#draw();
    return true;
  }

  /** Tell the window where what is held is to stand. */
  #send() {
    const held = this.#held;
    clearTimeout(this.#rests);
    if (!held?.moved) return;
    const moves = this.#moved(held).map(({ id, to: [lng, lat] }) => ({ id, lng: ((((lng + 180) % 360) + 360) % 360) - 180, lat }));
    if (moves.length) this.#stage.send({ type: "devices_dropped", moves });
    held.moved = false;
    setTimeout(() => {
      if (this.#held === held) this.#held = null;
      if (this.#on) this.#draw();
    }, PREVIEW_STAYS_MS);
  }

  /** @param {{ ids: string[], by: [x: number, y: number] }} held */
  #moved({ ids, by }) {
    return ids.flatMap((id) => {
      const device = this.#stage.network.devices.get(id);
      if (!device) return [];
      const from = /** @type {LngLat} */ ([device.lng, device.lat]);
      const [x, y] = toFlat(from);
      return [{ id, from, to: fromFlat([x + by[0], y + by[1]]) }];
    });
  }

  /** @param {MapMouseEvent} event */
  #stretch(event) {
    event.preventDefault();
    const box = document.createElement("div");
    box.className = "band";
    document.body.append(box);
    const { shiftKey, ctrlKey, metaKey } = event.originalEvent;
    this.#band = { from: { x: event.point.x, y: event.point.y }, box, more: shiftKey && (ctrlKey || metaKey) };
    this.#bandTo(event.point);
  }

  /** @param {{ x: number, y: number }} to */
  #bandTo(to) {
    if (!this.#band) return;
    const { from, box } = this.#band;
    const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${Math.abs(to.x - from.x)}px`, height: `${Math.abs(to.y - from.y)}px` });
  }

  #closeBand() {
    if (!this.#band) return;
    const { box, more } = this.#band;
    const { left, top, right, bottom } = box.getBoundingClientRect();
    box.remove();
    this.#band = null;
    const here = Array.from(this.#stage.network.devices.values()).filter(({ lng, lat }) => {
      const { x, y } = this.#stage.map.project([lng, lat]);
      return x >= left && x <= right && y >= top && y <= bottom;
    });
    this.#pick([...(more ? this.#picked : []), ...here.map(({ id }) => id)]);
  }

  /** @param {string[]} ids */
  #pick(ids) {
    const was = this.#picked;
    this.#picked = new Set(ids.slice(0, PICKED_MOST));
    if (was.size === 0 && this.#picked.size === 0) return;
    this.#stage.send({ type: "picked", ids: [...this.#picked] });
    this.#draw();
    this.#bench.say();
  }

  #draw() {
    const { network } = this.#stage;
    const moved = this.#held && (this.#held.moved || !this.#held.start) ? this.#moved(this.#held) : [];
    const at = new Map(moved.map(({ id, to }) => [id, to]));
    const picked = [...this.#picked].flatMap((id) => network.devices.get(id) ?? []);
    /** @type {Feature[]} */
    const features = picked.map(({ id, lng, lat }) => pointOf(at.get(id) ?? [lng, lat], { kind: "picked" }));
    const links = new Set(moved.slice(0, GHOSTS_MOST).flatMap(({ id }) => network.linksAt(id)));
    for (const id of [...links].slice(0, GHOSTS_MOST)) {
      const link = network.links.get(id);
      const path = link && network.pathOf(link);
      if (!link || !path) continue;
      path[0] = at.get(link.a) ?? path[0];
      path[path.length - 1] = at.get(link.b) ?? path[path.length - 1];
      features.push(lineOf(unrolled(path), { kind: "ghost" }));
    }
    for (const { to } of moved) features.push(pointOf(to, { kind: "moved" }));
    this.#bench.draw([...features, ...this.#bends.features()]);
  }
}
