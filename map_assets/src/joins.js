// Lines from a cause to what it takes with it, while the pointer rests on either. Counterpart: `cause` in the rows of feed.py.
// One rule: they end where things are drawn, so that what stands in one ring is one line, and there are never more than the eye follows.

import { lineOf } from "./features.js";
import { halve, unrolled } from "./geometry.js";

/** @import { Painter } from "./painter.js" */
/** @import { Network } from "./network.js" */

const JOINS_MOST = 400;

export class Joins {
  #network;
  #painter;
  /** @type {string | null} */
  #id = null;

  /** @param {Network} network @param {Painter} painter */
  constructor(network, painter) {
    this.#network = network;
    this.#painter = painter;
  }

  /** The pointer rests on a device or link, or on neither. @param {string | null} id */
  point(id) {
    if (id === this.#id) return;
    this.#id = id;
    this.refresh();
  }

  /** Draw what joins it as things are now. */
  refresh() {
    const cause = this.#id === null ? undefined : (this.#network.healthOf(this.#id).cause ?? this.#id);
    const start = cause === undefined ? null : this.#placeOf(cause);
    const affected = cause === undefined ? [] : cause === this.#id ? this.#network.behind(cause) : [/** @type {string} */ (this.#id)];
    const ends = /** @type {Map<string, LngLat>} */ (new Map());
    for (const id of start ? affected : []) {
      if (ends.size === JOINS_MOST) break;
      const end = this.#painter.placeOf(id);
      if (end && end.join() !== start?.join()) ends.set(end.join(), end);
    }
    this.#painter.put("join", start ? [...ends.values()].map((end) => lineOf(unrolled([start, end]), {})) : []);
  }

  /** Where a cause is drawn: a device at its place, a link in its middle. @param {string} id @returns {LngLat | null} */
  #placeOf(id) {
    const link = this.#network.links.get(id);
    const path = link && this.#network.pathOf(link);
    return path ? halve(path).middle : this.#painter.placeOf(id);
  }
}
