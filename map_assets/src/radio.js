// Sectors as wedges, and lines between radios coloured by how they hear each other. Counterpart: app/map/radio.py.
// Theory: wedges and lines are two sources that change when somebody edits or a device tells of a new link; the signal is
// feature-state. A line that is a link by hand too is a pale band beneath that link, else it is thin and alone.
// One rule: the weakest signal is the brightest, and none is as bright as a fault.

import { textElement } from "./card.js";
import { lineOf, pointOf } from "./features.js";
import { unrolled } from "./geometry.js";
import { paletteOf } from "./palette.js";
import { byZoom, ex, filter, MEDIUM } from "./style.js";

/** @import { GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */

const SECTORS = "sectors";
const HOPS = "hops";
/** Upper bounds of the signal classes but the last, as `SIGNAL_BOUNDS_DBM` of domain/radio_budget.py has them. */
const BOUNDS_DBM = ["−80", "−72", "−65", "−57", "dBm"];
const NOT_TOLD = -1;
/** Wedges say how many clients they have from here on. */
const COUNT_ZOOM = 10.5;

/** @type {SourceSpecification} */
const EMPTY = { type: "geojson", data: { type: "FeatureCollection", features: [] }, promoteId: "id" };

export class Radio {
  sources = { [SECTORS]: EMPTY, [HOPS]: EMPTY };
  #map;
  #network;
  /** @type {SectorRow[]} */
  #sectors = [];
  /** @type {Map<string, HopRow>} */
  #hops = new Map();
  /** @type {Map<string, number | null>} */
  #levels = new Map();
  /** @type {ThemeName} */
  #theme = "dark";

  /** @param {Stage} stage */
  constructor({ map, network }) {
    this.#map = map;
    this.#network = network;
  }

  /** @param {Palette} p */
  layers = (p) => ({ areas: radioLayers(p) });

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    this.#putLegend();
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take({ radio }, { fresh, places }) {
    if (fresh) this.#levels.clear();
    if (radio?.sectors) {
      this.#sectors = radio.sectors;
      this.#put(SECTORS, sectorFeatures(this.#sectors));
    }
    if (radio?.hops) this.#hops = new Map(radio.hops.map((row) => [row.id, row]));
    if (radio?.hops || places) this.#put(HOPS, this.#hopFeatures());
    for (const { id, level } of radio?.signals ?? []) {
      this.#levels.set(id, level);
      this.#map.setFeatureState({ source: HOPS, id }, { level: level ?? NOT_TOLD });
    }
    if (radio) this.#putLegend();
  }

  /** @param {string} source @param {Feature[]} features */
  #put(source, features) {
    /** @type {GeoJSONSource} */ (this.#map.getSource(source)).setData({ type: "FeatureCollection", features });
  }

  #hopFeatures() {
    const features = [];
    for (const { id, a, b, drawn } of this.#hops.values()) {
      const [one, other] = [this.#network.devices.get(a), this.#network.devices.get(b)];
      const link = this.#network.links.get(id);
      const path = link ? this.#network.pathOf(link) : one && other ? lngLats(one, other) : null;
      if (path) features.push(lineOf(unrolled(path), { id, drawn }));
    }
    return features;
  }

  /** The classes and their colours, while there is a line that has one. */
  #putLegend() {
    const legend = document.getElementById("legend");
    legend?.querySelector(".signal")?.remove();
    if (!legend || ![...this.#levels.entries()].some(([id, level]) => level !== null && this.#hops.has(id))) return;
    const ramp = textElement("div", "ramp signal", "");
    ramp.title = "Signal";
    paletteOf(this.#theme).signal.forEach((color, i) => {
      const step = textElement("span", "", BOUNDS_DBM[i]);
      step.style.setProperty("--step", color);
      ramp.append(step);
    });
    legend.insertBefore(ramp, legend.querySelector(".kinds"));
  }
}

/** @param {DeviceRow} one @param {DeviceRow} other @returns {LngLat[]} */
const lngLats = (one, other) => [[one.lng, one.lat], [other.lng, other.lat]];

/** @param {SectorRow[]} sectors @returns {Feature[]} */
function sectorFeatures(sectors) {
  return sectors.flatMap(({ id, clients, unplaced, ring }) => {
    const said = clients === 0 ? "" : `${clients} ${clients === 1 ? "client" : "clients"}${unplaced ? `, ${unplaced} without a place` : ""}`;
    /** @type {Feature} */
    const wedge = { type: "Feature", properties: { id }, geometry: { type: "Polygon", coordinates: [ring] } };
    const rim = ring[Math.floor((ring.length - 1) / 2)];
    return said ? [wedge, pointOf(rim, { id: `${id}:said`, said })] : [wedge];
  });
}

/** @param {Palette} p @returns {LayerSpecification[]} */
function radioLayers(p) {
  const level = ["number", ["feature-state", "level"], NOT_TOLD];
  const color = ex(["match", level, ...p.signal.flatMap((ink, i) => [i, ink]), p.status.unknown]);
  const told = ["case", [">=", level, 0], 1, 0.45];
  const isWedge = filter(["==", ["geometry-type"], "Polygon"]);
  const sectors = { metadata: { group: "sectors" }, source: SECTORS };
  const signal = { metadata: { group: "signal" }, source: HOPS };
  return [
    {
      id: "sector-ground", type: "fill", ...sectors, filter: isWedge, minzoom: 7,
      paint: { "fill-color": p.text.quiet, "fill-opacity": ex(["interpolate", ["linear"], ["zoom"], 7, 0.05, 10, 0.1, 14, 0.07]) },
    },
    {
      id: "sector-rim", type: "line", ...sectors, filter: isWedge, minzoom: 9,
      paint: { "line-color": p.text.quiet, "line-opacity": 0.4, "line-width": 1 },
    },
    {
      id: "signal-band", type: "line", ...signal, filter: filter(["get", "drawn"]), minzoom: 8,
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": color, "line-width": byZoom([2, 6, 9, 12], 1), "line-opacity": ex(["case", [">=", level, 0], 0.5, 0]) },
    },
    {
      id: "signal-line", type: "line", ...signal, filter: filter(["!", ["get", "drawn"]]), minzoom: 8,
      paint: { "line-color": color, "line-width": byZoom([0.6, 1, 1.4, 2], 1), "line-opacity": ex(told) },
    },
    {
      id: "sector-said", type: "symbol", ...sectors, filter: filter(["==", ["geometry-type"], "Point"]), minzoom: COUNT_ZOOM,
      layout: { "text-field": ["get", "said"], "text-font": MEDIUM, "text-size": 11, "text-padding": 4, "text-max-width": 30 },
      paint: { "text-color": p.text.quiet, "text-halo-color": p.surface.ground, "text-halo-width": 1.5 },
    },
  ];
}
