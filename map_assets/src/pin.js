// A place that somebody looked for: the map flies there and a pin stands on it for a while. Counterpart: `fly_to_place` of view.py.
// One rule: a pin is no part of the network: the next click on the map takes it away.

import { Marker } from "../vendor/maplibre-gl.mjs";

/** @import { Stage } from "./overlay.js" */

export class Pin {
  #stage;
  /** @type {Marker | null} */
  #marker = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    stage.map.on("click", () => this.#drop());
  }

  /** @param {FromWindow} message */
  take({ pin }) {
    if (pin === undefined) return;
    this.#drop();
    if (!pin) return;
    const element = document.createElement("div");
    element.className = "pin";
    this.#marker = new Marker({ element, anchor: "bottom" }).setLngLat([pin.lng, pin.lat]).addTo(this.#stage.map);
    this.#stage.camera.flyTo([pin.lng, pin.lat]);
  }

  #drop() {
    this.#marker?.remove();
    this.#marker = null;
  }
}
