// The bends of the selected link while the map is edited: handles to drag, middles that become bends, Alt or right click takes one.
// Counterpart: hand.js, which hands it the pointer; `BendsMoved` in app/map/bridge_tools.py. One rule: one drag, one message.

import { lineOf, pointOf } from "./features.js";
import { flatten, fromFlat } from "./geometry.js";
import { BENDS_MOST } from "./link_pen.js";

/** @import { Feature } from "geojson" */
/** @import { MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { Stage } from "./overlay.js" */

const REACH_PX = 9;
/** A leg shorter than this on the screen has no handle in its middle. */
const MIDDLE_LEAST_PX = 40;

export class Bends {
  #stage;
  /** The bends as they would be: while one is held, and until the window has taken them. @type {{ link: string, path: LngLat[], at: number | null } | null} */
  #held = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
  }

  /** Whether a bend is held. */
  get active() {
    return this.#held?.at != null;
  }

  /** Let go without moving anything. @returns {boolean} whether there was something to let go */
  cancel() {
    const was = this.active;
    this.#held = null;
    return was;
  }

  /** The network has changed: what was sent is there, or was refused. */
  settle() {
    if (!this.active) this.#held = null;
  }

  /** @param {MapMouseEvent} event @returns {boolean} whether there was something to take */
  mousedown(event) {
    const found = this.#handleAt(event.point);
    if (!found) return false;
    const { link, path, i, isBend } = found;
    if (event.originalEvent.altKey && event.originalEvent.button === 0) return isBend && this.#drop(link.id, path, i);
    if (event.originalEvent.button !== 0 || (!isBend && path.length >= BENDS_MOST)) return false;
    const bends = isBend ? [...path] : path.toSpliced(i, 0, event.lngLat.toArray());
    this.#held = { link: link.id, path: bends, at: i };
    return true;
  }

  /** @param {MapMouseEvent} event */
  mousemove({ lngLat }) {
    if (this.#held?.at != null) this.#held.path[this.#held.at] = lngLat.wrap().toArray();
  }

  mouseup() {
    const held = this.#held;
    if (held?.at == null) return;
    held.at = null;
    this.#send(held.link, held.path);
  }

  /** @param {MapMouseEvent} event @returns {boolean} whether a bend was taken away */
  contextmenu({ point }) {
    const found = this.#handleAt(point);
    return found?.isBend ? this.#drop(found.link.id, found.path, found.i) : false;
  }

  /** @param {MapMouseEvent["point"]} point */
  isAt(point) {
    return this.#handleAt(point) !== null;
  }

  /** @returns {Feature[]} */
  features() {
    const drawn = this.#drawn();
    if (!drawn) return [];
    const { whole } = drawn;
    const bends = drawn.path.map((place) => pointOf(place, { kind: "bend" }));
    const middles = this.#middles(whole).map(({ place }) => pointOf(place, { kind: "middle" }));
    return [...(this.#held ? [lineOf(flatten(whole).map(fromFlat), { kind: "leg" })] : []), ...middles, ...bends];
  }

  /** @param {string} link @param {LngLat[]} path @param {number} i */
  #drop(link, path, i) {
    const rest = path.toSpliced(i, 1);
    this.#held = { link, path: rest, at: null };
    this.#send(link, rest);
    return true;
  }

  /** @param {string} id @param {LngLat[]} path */
  #send(id, path) {
    this.#stage.send({ type: "bends_moved", id, path });
  }

  /** The selected link, its bends, and the whole way with its ends. */
  #drawn() {
    const { network, painter } = this.#stage;
    const link = network.links.get(painter.chosen ?? "");
    const path = link && this.#held?.link === link.id ? this.#held.path : link?.path;
    const whole = link && path ? network.pathOf({ ...link, path }) : null;
    return link && path && whole ? { link, path, whole } : null;
  }

  /** Where a leg can get a bend. @param {LngLat[]} whole */
  #middles(whole) {
    const { map } = this.#stage;
    const flat = flatten(whole);
    return flat.slice(1).flatMap(([x, y], i) => {
      const [from, to] = [map.project(whole[i]), map.project(fromFlat([x, y]))];
      if (from.dist(to) < MIDDLE_LEAST_PX) return [];
      return [{ i, place: fromFlat([(flat[i][0] + x) / 2, (flat[i][1] + y) / 2]) }];
    });
  }

  /** The handle under a point: of a bend first. @param {MapMouseEvent["point"]} point */
  #handleAt(point) {
    const drawn = this.#drawn();
    if (!drawn || this.active) return null;
    const near = (/** @type {LngLat} */ place) => this.#stage.map.project(place).dist(point) <= REACH_PX;
    const bend = drawn.path.findIndex(near);
    if (bend >= 0) return { ...drawn, i: bend, isBend: true };
    const middle = this.#middles(drawn.whole).find(({ place }) => near(place));
    return middle ? { ...drawn, i: middle.i, isBend: false } : null;
  }
}
