// Devices that stand at one place, spread around it so that each can be seen and clicked. Counterpart: the stacks of clusters.js.
// One rule: a fan is of the screen, not of the ground: it closes when the zoom changes.

import { lineOf, pointOf, severityOf } from "./features.js";
import { fanOut } from "./geometry.js";
import { label } from "./words.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Painter } from "./painter.js" */
/** @import { Network } from "./network.js" */

export class Fan {
  #map;
  #network;
  #painter;
  /** @type {DeviceRow[]} */
  #members = [];

  /** @param {MapLibre} map @param {Network} network @param {Painter} painter */
  constructor(map, network, painter) {
    this.#map = map;
    this.#network = network;
    this.#painter = painter;
  }

  /** @param {DeviceRow[]} members all at one place */
  open(members) {
    this.#members = members;
    this.refresh();
  }

  /** @returns {boolean} whether one was open */
  close() {
    const was = this.#members.length > 0;
    this.open([]);
    return was;
  }

  /** Paint the members as they fare now. */
  refresh() {
    const [first] = this.#members;
    if (!first) return this.#painter.put("fan", []);
    const at = /** @type {LngLat} */ ([first.lng, first.lat]);
    const middle = this.#map.project(at);
    const features = fanOut(this.#members.length).flatMap(([dx, dy], i) => {
      const { id, name } = this.#members[i];
      const { lng, lat } = this.#map.unproject([middle.x + dx, middle.y + dy]);
      const { status } = this.#network.healthOf(id);
      return [
        lineOf([at, [lng, lat]], {}),
        pointOf([lng, lat], { id, status, label: label(name), anchor: dx < -1 ? "right" : "left", severity: severityOf(status) }),
      ];
    });
    this.#painter.put("fan", features);
  }
}
