// The live source: what needs layout and is not in the tiles, by kind. Counterpart: painter.js makes the features, layers.js shows them.
// Theory: each time it is set costs frames of the map, so it rests for many times as long as it took, and the glass has that time; what
// a hand does is never waited for. One rule: what is the same as before is not sent.

/** @import { Map as MapLibre, GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { Frames } from "./frames.js" */

/** @typedef {"broken" | "lag" | "pill" | "odd" | "ring" | "fan" | "chosen" | "drag" | "join" | "moved"} Kind what it holds */

const NAME = "live";
/** It follows the ticks, but not more often than this. */
const REST_LEAST_MS = 1_000;
/** So many times as long as it takes the map it waits. */
const REST = 10;
const REST_MOST_MS = 4_000;
/** @type {Kind[]} */
const BY_HAND = ["drag", "chosen", "fan", "join", "moved"];

export class Live {
  #map;
  #frames;
  /** What it holds, by kind; the text so that the same is not sent twice. @type {Map<Kind, { text: string, features: Feature[] }>} */
  #held = new Map();
  /** @type {ReturnType<typeof setTimeout> | null} */
  #sending = null;
  #sentAt_ms = 0;
  /** How long the map took to show what it got last; null while it is under way. @type {number | null} */
  #took_ms = 0;

  /** @param {MapLibre} map @param {Frames} frames */
  constructor(map, frames) {
    this.#map = map;
    this.#frames = frames;
    map.on("render", () => {
      if (this.#took_ms === null && this.isThere) this.#took_ms = performance.now() - this.#sentAt_ms;
    });
  }

  /** Whether the map has all that was put. */
  get isThere() {
    return this.#sending === null && this.#map.isSourceLoaded(NAME);
  }

  /** The features of a kind as they were put last. @param {Kind} kind */
  of(kind) {
    return this.#held.get(kind)?.features ?? [];
  }

  /** Replace the features of a kind where they differ from what is there. @param {Kind} kind @param {Feature[]} features */
  put(kind, features) {
    const text = JSON.stringify(features);
    if ((this.#held.get(kind)?.text ?? "[]") === text) return;
    for (const feature of features) feature.properties = { ...feature.properties, kind };
    this.#held.set(kind, { text, features });
    const byHand = BY_HAND.includes(kind);
    const rest_ms = Math.min(REST_MOST_MS, Math.max(REST_LEAST_MS, REST * (this.#took_ms ?? 0)));
    const wait_ms = byHand ? 0 : Math.max(0, this.#sentAt_ms + rest_ms - performance.now());
    if (this.#sending !== null && !byHand) return;
    clearTimeout(this.#sending ?? undefined);
    this.#sending = setTimeout(() => {
      this.#sending = null;
      this.#sentAt_ms = performance.now();
      this.#took_ms = null;
      if (!byHand) this.#frames.hold();
      const all = [...this.#held.values()].flatMap((held) => held.features);
      /** @type {GeoJSONSource} */ (this.#map.getSource(NAME)).setData({ type: "FeatureCollection", features: all });
    }, wait_ms);
  }
}
