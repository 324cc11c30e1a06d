// Cable links that devices tell of and nobody has drawn: thin dots between two symbols. Counterpart: app/map/candidates.py.
// One rule: a candidate is quieter than any link that is drawn, and adopting it is the window's: the page only says which was clicked.

import { textElement } from "./card.js";
import { lineOf } from "./features.js";
import { unrolled } from "./geometry.js";
import { alone, byZoom, filter } from "./style.js";

/** @import { GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */

/** The layer and its source. */
export const CANDIDATES = "candidates";

export class Candidates {
  /** @type {Record<string, SourceSpecification>} */
  sources = { [CANDIDATES]: { type: "geojson", data: { type: "FeatureCollection", features: [] } } };
  #stage;
  /** @type {CandidateRow[]} */
  #rows = [];

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take({ candidates }, { places }) {
    if (candidates) this.#rows = candidates;
    if (candidates || (places && this.#rows.length)) this.laid();
    if (candidates) this.#putLegend();
  }

  setTheme() {
    this.#putLegend();
  }

  laid() {
    const { map, network, painter } = this.#stage;
    const features = this.#rows.flatMap(({ id, a, b }) => {
      const [one, other] = [network.devices.get(a), network.devices.get(b)];
      if (!one || !other) return [];
      const from = Math.max(painter.aloneFrom(a), painter.aloneFrom(b));
      return [lineOf(unrolled([[one.lng, one.lat], [other.lng, other.lat]]), { link: id, from })];
    });
    /** @type {GeoJSONSource} */ (map.getSource(CANDIDATES)).setData({ type: "FeatureCollection", features });
  }

  /** @param {Palette} p @returns {{ areas: LayerSpecification[] }} */
  layers(p) {
    return {
      areas: [
        {
          id: CANDIDATES, type: "line", source: CANDIDATES, metadata: { group: CANDIDATES }, filter: filter(alone), minzoom: 6,
          layout: { "line-cap": "round" },
          paint: { "line-color": p.text.quiet, "line-width": byZoom([1.2, 2, 2.4, 3], 1), "line-dasharray": [0, 2.6], "line-opacity": 0.75 },
        },
      ],
    };
  }

  /** Named in the legend while there is one. */
  #putLegend() {
    const kinds = document.querySelector("#legend .kinds");
    for (const old of kinds?.querySelectorAll(".of-candidates") ?? []) old.remove();
    if (!this.#rows.length) return;
    kinds?.append(textElement("span", "of-candidates sample candidate", ""), textElement("span", "of-candidates", "candidate"));
  }
}
