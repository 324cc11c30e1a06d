// What pointer and keys do on paper: move, mark, enter, draw, resize. Counterpart: app/map/bridge_paper.py, app/schematic/desk.py.
// Theory: a hand holds one thing from press to release: what is marked, a corner of a drawing, a rubber band or a new drawing. While
// it does, a preview is shown; at release the window is told once, and what it makes of that comes back as rows.
// One rule: one hold, one message; Escape lets go of everything and tells nobody.

import { lineOf, pointOf } from "./features.js";
import { hitAt } from "./pointer.js";
import { cornersOf, drawingFeatures, groundOf, pointAt, pulled } from "./sheet.js";

/** @import { MapMouseEvent, PointLike } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { PaperOverlay } from "./paper.js" */
/** @import { Stage } from "./overlay.js" */
/** @import { Point } from "./sheet.js" */

const STARTS_AFTER_PX = 5;
const REACH_PX = 6;
/** The ring of a submap is on the glass before the map has its frame. */
const RING_PX = 16;
const PREVIEW_STAYS_MS = 1_500;
const PREVIEWS_MOST = 300;
/** A drawing that was only clicked, in points. */
const FRESH = /** @type {const} */ ([160, 96]);

/**
 * @typedef {{ what: "things", id: string }
 *   | { what: "corner", drawing: DrawingRow, corner: number }
 *   | { what: "band", more: boolean }
 *   | { what: "fresh", shape: Exclude<Pen, "hand"> }
 *   | { what: "nothing" }} Hold
 */

export class PaperHand {
  #stage;
  #overlay;
  /** @type {Pen} */
  #tool = "hand";
  /** @type {{ hold: Hold, start: { x: number, y: number }, from: Point, to: Point | null } | null} */
  #held = null;
  /** Dropped a moment ago: the preview stays until the window answers. */
  #dropped = false;

  /** @param {Stage} stage @param {PaperOverlay} overlay */
  constructor(stage, overlay) {
    this.#stage = stage;
    this.#overlay = overlay;
    const { map, send } = stage;
    map.on("mousedown", (event) => this.#take(event));
    map.on("mousemove", (event) => this.#move(event));
    addEventListener("mouseup", () => this.#drop());
    addEventListener("blur", () => this.#cancel());
    map.on("click", (event) => this.#click(event));
    map.on("dblclick", (event) => {
      const id = overlay.shown ? (this.#submapAt(event) ?? this.#drawingAt(event)) : null;
      if (!id) return;
      event.preventDefault();
      send({ type: "thing_opened", id });
    });
    map.on("contextmenu", (event) => {
      if (!overlay.shown) return;
      event.preventDefault();
      const [x, y] = pointAt(event.lngLat);
      send({ type: "paper_menu_asked", id: this.#thingAt(event) ?? this.#drawingAt(event), x, y, right: event.point.x, down: event.point.y });
    });
    addEventListener("keydown", (event) => {
      if (!overlay.shown || event.key !== "Escape" || stage.painter.imagining) return;
      event.preventDefault();
      if (!this.#cancel()) send({ type: "paper_escaped" });
    });
  }

  /** Take up a tool. @param {Pen} tool */
  take(tool) {
    this.#tool = tool;
    this.#stage.map.getCanvas().style.cursor = tool === "hand" ? "" : "crosshair";
  }

  /** The paper has changed: a preview of what was dropped is over. */
  settle() {
    if (this.#dropped && !this.#held) {
      this.#dropped = false;
      this.#overlay.mark();
    }
  }

  /** @param {MapMouseEvent} event */
  #take(event) {
    if (!this.#overlay.shown || event.originalEvent.button !== 0 || this.#stage.painter.imagining) return;
    const hold = this.#holdAt(event);
    if (!hold) return;
    event.preventDefault();
    this.#held = { hold, start: event.point, from: pointAt(event.lngLat), to: null };
  }

  /** @param {MapMouseEvent} event @returns {Hold | null} */
  #holdAt(event) {
    if (this.#tool !== "hand") return { what: "fresh", shape: this.#tool };
    const corner = this.#cornerAt(event);
    if (corner) return corner;
    const thing = this.#thingAt(event);
    if (thing) return this.#isGuest(thing) ? { what: "nothing" } : { what: "things", id: thing };
    if (event.originalEvent.shiftKey) return { what: "band", more: true };
    const drawing = this.#drawingAt(event);
    return drawing ? { what: "things", id: drawing } : null;
  }

  /** @param {MapMouseEvent} event */
  #move({ point, lngLat }) {
    const held = this.#held;
    if (!held || (!held.to && Math.hypot(point.x - held.start.x, point.y - held.start.y) < STARTS_AFTER_PX)) return;
    held.to = pointAt(lngLat);
    this.#overlay.mark(this.#preview(held.hold, held.from, held.to));
  }

  #drop() {
    const held = this.#held;
    this.#held = null;
    if (!held) return;
    const { hold, from, to } = held;
    const { send } = this.#stage;
    if (hold.what === "fresh") {
      const size = hold.shape === "text" ? [0, 0] : FRESH;
      const end = to ?? /** @type {Point} */ ([from[0] + size[0], from[1] + (hold.shape === "line" ? 0 : size[1])]);
      send({ type: "drawing_made", shape: hold.shape, ...frameOf(hold.shape, from, end) });
    } else if (to && hold.what === "things") send({ type: "things_moved", id: hold.id, dx: to[0] - from[0], dy: to[1] - from[1] });
    else if (to && hold.what === "band") {
      const [left, right] = [from[0], to[0]].sort((a, b) => a - b);
      const [top, bottom] = [from[1], to[1]].sort((a, b) => a - b);
      send({ type: "area_marked", left, top, right, bottom });
    } else if (to && hold.what === "corner") {
      const { id, x, y, width, height } = pulled(hold.drawing, hold.corner, to);
      send({ type: "drawing_pulled", id, x, y, width, height });
    }
    if (!to) return;
    if (hold.what === "things" || hold.what === "corner") {
      this.#dropped = true;
      setTimeout(() => this.settle(), PREVIEW_STAYS_MS);
    } else this.#overlay.mark();
  }

  /** @returns {boolean} whether something was held */
  #cancel() {
    const was = this.#held?.to != null;
    this.#held = null;
    if (was) this.#overlay.mark();
    return was;
  }

  /** @param {MapMouseEvent} event */
  #click(event) {
    if (!this.#overlay.shown || this.#stage.painter.imagining) return;
    if (this.#tool !== "hand") return event.preventDefault();
    const more = event.originalEvent.shiftKey;
    const thing = this.#thingAt(event);
    const submap = this.#submapAt(event);
    const id = submap ?? (more ? thing : null) ?? (thing || this.#linkAt(event) ? null : this.#drawingAt(event));
    if (!id) return;
    event.preventDefault();
    this.#stage.send({ type: "thing_marked", id, more });
  }

  /** @param {Hold} hold @param {Point} from @param {Point} to @returns {Feature[]} */
  #preview(hold, from, to) {
    if (hold.what === "fresh") {
      const drawing = { id: "", shape: hold.shape, text: hold.shape === "text" ? "Text" : "", color: "", ...frameOf(hold.shape, from, to) };
      return drawingFeatures(drawing);
    }
    if (hold.what === "band") return drawingFeatures({ id: "", shape: "box", text: "", color: "", ...frameOf("box", from, to) });
    if (hold.what === "corner") return drawingFeatures(pulled(hold.drawing, hold.corner, to));
    if (hold.what === "nothing") return [];
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const ids = this.#overlay.marks.has(hold.id) ? [...this.#overlay.marks] : [hold.id];
    const drawings = this.#overlay.shown?.drawings.filter(({ id }) => ids.includes(id)) ?? [];
    const moved = drawings.flatMap((row) => drawingFeatures({ ...row, x: row.x + dx, y: row.y + dy }));
    const places = this.#overlay.placesOf(ids.slice(0, PREVIEWS_MOST));
    return [...moved, ...places.flatMap(([x, y]) => [
      lineOf([groundOf([x, y]), groundOf([x + dx, y + dy])], {}),
      pointOf(groundOf([x + dx, y + dy]), { what: "mark" }),
    ])];
  }

  /** The device or submap under the pointer. @param {MapMouseEvent} event @returns {string | null} */
  #thingAt(event) {
    const submap = this.#submapAt(event);
    if (submap) return submap;
    const hit = hitAt(this.#stage.map, this.#stage.painter.glass, event.point);
    return hit?.kind === "device" ? hit.id : null;
  }

  /** @param {MapMouseEvent} event */
  #linkAt(event) {
    return hitAt(this.#stage.map, this.#stage.painter.glass, event.point)?.kind === "link";
  }

  /** The submap under the pointer: its frame, or the ring of what is in it. @param {MapMouseEvent} event @returns {string | null} */
  #submapAt({ point }) {
    const { map } = this.#stage;
    const [frame] = map.queryRenderedFeatures(boxAround(point), { layers: ["paper-submaps"] });
    if (frame) return frame.properties.id;
    const inRing = this.#overlay.shown?.submaps.find(({ at }) => {
      const { x, y } = map.project(groundOf(at));
      return Math.hypot(x - point.x, y - point.y) <= RING_PX;
    });
    return inRing?.id ?? null;
  }

  /** The drawing whose line or letters are under the pointer. @param {MapMouseEvent} event @returns {string | null} */
  #drawingAt({ point }) {
    const found = this.#stage.map.queryRenderedFeatures(boxAround(point), { layers: ["paper-lines", "paper-texts"] });
    return found[0]?.properties.id ?? null;
  }

  /** A handle of the one drawing that is marked. @param {MapMouseEvent} event @returns {Hold | null} */
  #cornerAt({ point }) {
    const { map } = this.#stage;
    const drawing = this.#overlay.marks.size === 1 ? this.#overlay.shown?.drawings.find(({ id }) => this.#overlay.marks.has(id)) : undefined;
    if (!drawing) return null;
    const corner = cornersOf(drawing).findIndex((at) => {
      const { x, y } = map.project(groundOf(at));
      return Math.hypot(x - point.x, y - point.y) <= REACH_PX + 2;
    });
    return corner < 0 ? null : { what: "corner", drawing, corner };
  }

  /** @param {string} id */
  #isGuest(id) {
    const device = this.#stage.network.devices.get(id);
    if (!device) return false;
    const [x, y] = pointAt(device);
    return Boolean(this.#overlay.shown?.guests.some(([u, v]) => Math.hypot(u - x, v - y) < 1));
  }
}

/** @param {{ x: number, y: number }} point */
const boxAround = ({ x, y }) => /** @type {[PointLike, PointLike]} */ ([[x - REACH_PX, y - REACH_PX], [x + REACH_PX, y + REACH_PX]]);

/** @param {Exclude<Pen, "hand">} shape @param {Point} from @param {Point} to */
function frameOf(shape, from, to) {
  if (shape === "line") return { x: from[0], y: from[1], width: to[0] - from[0], height: to[1] - from[1] };
  if (shape === "text") return { x: from[0], y: from[1], width: 0, height: 0 };
  return { x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]), width: Math.abs(to[0] - from[0]), height: Math.abs(to[1] - from[1]) };
}
