// Round trips as rings and on links' ends, open alerts as badges. Counterpart: app/map/readings.py, which sends them while they are shown.
// Theory: the latency is feature-state of what is drawn already; badges are a small source of their own, made anew when alerts
// change. A link's latency is a band beneath it, so that its load is still read; one that is down has none. One rule: nothing here is as bright as a fault, and what is off costs nothing.

import { middleInLane, pointOf } from "./features.js";
import { LOAD_HIDDEN, LOAD_UNKNOWN } from "./network.js";
import { alone, ex, filter, grown, isLine, linkOffset, linkWidth, SEMIBOLD } from "./style.js";
import { NETWORK } from "./tiles.js";

/** @import { GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */

const BADGES = "badges";
const NOT_KNOWN = -1;

export class Readings {
  /** @type {Record<string, SourceSpecification>} */
  sources = { [BADGES]: { type: "geojson", data: { type: "FeatureCollection", features: [] } } };
  #stage;
  /** Classes of the devices whose round trip is known. @type {Map<string, number>} */
  #latency = new Map();
  /** @type {BadgeRow[]} */
  #badges = [];

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    stage.map.on("zoomend", () => this.laid()); // lanes are of the screen
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take({ readings }, { fresh, places }) {
    if (fresh) {
      for (const id of this.#latency.keys()) this.#paint(id, null);
      this.#latency.clear();
      this.#badges = [];
    }
    for (const { id, level } of readings?.latency ?? []) {
      if (level === null) this.#latency.delete(id);
      else this.#latency.set(id, level);
      this.#paint(id, level);
    }
    if (places && !fresh) for (const [id, level] of this.#latency) this.#paint(id, level);
    if (readings?.alerts) this.#badges = readings.alerts;
    if (fresh || readings?.alerts) this.#paintBadges();
  }

  laid() {
    if (this.#badges.length) this.#paintBadges();
  }

  /** @param {Palette} p @returns {{ areas: LayerSpecification[], marks: LayerSpecification[] }} */
  layers(p) {
    const level = ["number", ["feature-state", "latency"], NOT_KNOWN];
    const color = ex(["match", level, ...p.latency.flatMap((ink, i) => [i, ink]), p.latency[0]]);
    const ifKnown = ex(["case", [">=", level, 0], 1, 0]);
    const isDown = ["==", ["number", ["feature-state", "load"], ["get", "load"], LOAD_UNKNOWN], LOAD_HIDDEN];
    const latency = { metadata: { group: "latency" }, source: NETWORK };
    const badges = { metadata: { group: "alerts" }, source: BADGES, filter: filter(alone) };
    const severity = ex(["match", ["get", "status"], "down", p.status.down, "degraded", p.status.degraded, p.status.unknown]);
    return {
      areas: [
        {
          id: "latency-ends", type: "line", ...latency, "source-layer": "links", filter: filter(["all", isLine, alone]), minzoom: 7,
          paint: { "line-color": color, "line-width": linkWidth(7), "line-offset": linkOffset, "line-opacity": ex(["case", isDown, 0, ifKnown]) },
        },
      ],
      marks: [
        {
          id: "latency-rings", type: "circle", ...latency, "source-layer": "devices", filter: filter(alone), minzoom: 6,
          paint: { "circle-radius": grown(7.5), "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": color, "circle-stroke-width": grown(2.6), "circle-stroke-opacity": ifKnown },
        },
        {
          id: "badge-grounds", type: "circle", ...badges, minzoom: 5,
          paint: { "circle-radius": 7.5, "circle-translate": [-11, -11], "circle-color": p.surface.panel, "circle-stroke-color": severity, "circle-stroke-width": 1.6 },
        },
        {
          id: "badge-counts", type: "symbol", ...badges, minzoom: 5,
          layout: { "text-field": ex(["get", "count"]), "text-font": SEMIBOLD, "text-size": 10, "text-allow-overlap": true, "text-ignore-placement": true },
          paint: { "text-color": p.text.text, "text-translate": [-11, -11] },
        },
      ],
    };
  }

  /** A device and its half of each of its links. @param {string} id @param {number | null} level */
  #paint(id, level) {
    const { map, network } = this.#stage;
    const state = { latency: level ?? NOT_KNOWN };
    map.setFeatureState({ source: NETWORK, sourceLayer: "devices", id }, state);
    for (const link of network.linksAt(id)) {
      const half = network.links.get(link)?.a === id ? "ab" : "ba";
      map.setFeatureState({ source: NETWORK, sourceLayer: "links", id: `${link}:${half}` }, state);
    }
  }

  #paintBadges() {
    const { map, network, painter } = this.#stage;
    /** @type {Feature[]} */
    const features = this.#badges.flatMap(({ id, count, status }) => {
      const device = network.devices.get(id);
      const link = network.links.get(id);
      const path = link && network.pathOf(link);
      const at = device ? /** @type {LngLat} */ ([device.lng, device.lat]) : link && path ? middleInLane(network, link, path, map.getZoom()) : null;
      const from = device ? painter.aloneFrom(id) : link ? Math.max(painter.aloneFrom(link.a), painter.aloneFrom(link.b)) : 0;
      return at ? [pointOf(at, { status, count: count > 99 ? "99+" : String(count), from })] : [];
    });
    /** @type {GeoJSONSource} */ (map.getSource(BADGES)).setData({ type: "FeatureCollection", features });
  }
}
