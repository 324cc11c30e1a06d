// One slow pulse around what has just gone down, so that the eye finds it; steady after that. Counterpart: `.pulse` in page.css.
// One rule: it runs beside the map, never in it: an animation may not cost a frame of the map, and few may run at once.

import { Marker } from "../vendor/maplibre-gl.mjs";
import { now_us } from "./clock.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Network } from "./network.js" */

const PULSE_US = 30e6;
const PULSES_MOST = 6;

export class Pulses {
  #map;
  #network;
  /** @type {Map<string, { marker: Marker, ends: ReturnType<typeof setTimeout> }>} */
  #running = new Map();

  /** @param {MapLibre} map @param {Network} network */
  constructor(map, network) {
    this.#map = map;
    this.#network = network;
  }

  /** Begin and end what the health of these devices asks for. @param {Iterable<string>} ids */
  follow(ids) {
    for (const id of ids) {
      const device = this.#network.devices.get(id);
      const { status, since_us } = this.#network.healthOf(id);
      const left_us = since_us + PULSE_US - now_us();
      if (!device || status !== "down" || left_us <= 0) this.#end(id);
      else if (!this.#running.has(id) && this.#running.size < PULSES_MOST) this.#begin(device, left_us / 1000);
    }
  }

  /** @param {DeviceRow} device @param {number} left_ms */
  #begin({ id, lng, lat }, left_ms) {
    const element = document.createElement("div");
    element.className = "pulse";
    const marker = new Marker({ element }).setLngLat([lng, lat]).addTo(this.#map);
    this.#running.set(id, { marker, ends: setTimeout(() => this.#end(id), left_ms) });
  }

  /** @param {string} id */
  #end(id) {
    const running = this.#running.get(id);
    if (!running) return;
    clearTimeout(running.ends);
    running.marker.remove();
    this.#running.delete(id);
  }
}
