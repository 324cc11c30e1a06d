// The network's style layers, from the bottom up, for one theme. Pure. Counterpart: painter.js fills their sources.
// Theory: every link and every device's name is in the network's tiles, which only change when somebody edits; feature-state says
// how they look now. Symbols and rings are on the glass (glass.js). What needs layout (the name and age of what is down, pills, a
// selection) lives in one small source, `live`, whose features say in `kind` what they are; it follows a moment later.
// Collisions: the topmost layers are placed first, so invisible obstacles on top keep every name off every symbol.
// Inside the what-if frame what is steps back, and the layers of fate_layers.js show what would be.
// One rule: a theme changes paint and pictures only, never a layer's filter, layout or place.

import { LOAD_AFFECTED, LOAD_HIDDEN, LOAD_NOT_KNOWN, LOAD_UNKNOWN } from "./network.js";
import { detourLayers, fateLayers, lostLinkLayers } from "./fate_layers.js";
import { NETWORK } from "./tiles.js";
import {
  alone, arrowOffset, arrowSize, beyond, byZoom, ex, FATE, filter, grown, held, heldName, isLine, isPoint, isPop, laneOffset, LINK_STOPS, linkOffset,
  linkWidth, live, MEDIUM, ofThisZoom, rank, SEMIBOLD, status, stops,
} from "./style.js";
import { SYMBOL_PX } from "./symbols.js";

/** @import { LayerSpecification, ExpressionSpecification, FilterSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */

export const HOTTEST = 5;
export const PILL_ZOOM = 10;
/** Sizes of the mark of a link that is down. */
const STRIKE_STOPS = [0.5, 0.95, 1.1, 1.3];

/** @param {"devices" | "links"} layer of the network's tiles */
const from = (layer) => ({ source: NETWORK, "source-layer": layer });

/** What a half-link would carry inside the what-if frame, else what it carries. */
const load = ["number", ["feature-state", "would"], ["feature-state", "load"], ["get", "load"], LOAD_UNKNOWN];
/**
 * The colour of a half-link; all of them the quietest where people hide the load. It reads feature-state then as well: MapLibre goes on
 * asking a paint that did so when a tile was made, and fails on a bare colour.
 * @param {Palette} p @param {boolean} loads
 */
const loadColor = (p, loads) =>
  ex(["match", load, ...(loads ? [...p.load.flatMap((color, i) => [i, color]), LOAD_NOT_KNOWN, p.status.unknown] : [LOAD_NOT_KNOWN, p.load[0]]), p.load[0]]);
/** 1 where the half-link carries a load class. */
const ifLive = ex(["case", [">=", load, 0], 1, 0]);

/** Many thin lines together outshine a fault: seen from afar they are fainter. @param {(most: number) => unknown} opacity */
const fainterAfar = (opacity) => ex(["interpolate", ["linear"], ["zoom"], 6, opacity(0.35), 9, opacity(0.7)]);

/** @param {Palette} p @param {boolean} loads @returns {LayerSpecification[]} */
function linkLayers(p, loads) {
  const round = /** @type {const} */ ({ "line-join": "round" });
  const heldLive = held(ifLive);
  // What is behind a cause is drawn by the layers of what is live, thin: a layer of its own would cost in every frame of a calm night.
  const behind = ["==", load, LOAD_AFFECTED];
  const lineColor = ex(["case", behind, p.status.affected, loadColor(p, loads)]);
  const lineWidth = stops(LINK_STOPS, (k, i) => ["case", behind, [0.7, 1.25, 1.25, 1.5][i], ["*", k, ["get", "width"]]]);
  const lineOpacity = fainterAfar((most) => held(["case", behind, most, [">=", load, 0], 1, 0]));
  const meets = filter(["all", isPoint, alone]);
  const arrowLayout = {
    "icon-size": arrowSize,
    "icon-rotate": ex(["get", "bearing"]),
    "icon-rotation-alignment": /** @type {const} */ ("map"),
    "icon-allow-overlap": true,
    "icon-ignore-placement": true,
    "icon-offset": arrowOffset,
  };
  return [
    {
      id: "link-casing", type: "line", ...from("links"), filter: filter(["all", isLine, alone]), minzoom: 7,
      paint: {
        "line-color": p.basemap.land, "line-width": linkWidth(3), "line-offset": linkOffset,
        "line-opacity": ex(["case", [">=", load, 0], 0.85, 0]),
      },
    },
    {
      id: "link-halo", type: "line", ...live("chosen", isLine),
      layout: { "line-cap": "round" },
      paint: { "line-color": p.accent.accent, "line-width": linkWidth(7), "line-offset": linkOffset, "line-opacity": 0.45 },
    },
    {
      id: "link-unknown", type: "line", ...from("links"), filter: filter(["all", isLine, alone]),
      paint: {
        "line-color": p.status.unknown, "line-width": 1.1, "line-offset": linkOffset, "line-dasharray": [2, 3],
        "line-opacity": held(["case", ["==", load, LOAD_UNKNOWN], 0.7, 0]),
      },
    },
    {
      id: "link-hot", type: "line", ...from("links"), filter: filter(["all", isLine, alone]), minzoom: PILL_ZOOM,
      paint: {
        "line-color": p.load_casing, "line-width": linkWidth(2.4), "line-offset": linkOffset,
        "line-opacity": held(["case", ["==", load, HOTTEST], 1, 0]),
      },
    },
    ...detourLayers(p),
    {
      id: "link-cable", type: "line", ...from("links"),
      filter: filter(["all", isLine, alone, ["!=", ["get", "kind"], "wireless"]]), layout: round,
      paint: { "line-color": lineColor, "line-width": lineWidth, "line-offset": linkOffset, "line-opacity": lineOpacity },
    },
    {
      id: "link-wireless", type: "line", ...from("links"),
      filter: filter(["all", isLine, alone, ["==", ["get", "kind"], "wireless"]]), layout: round,
      paint: {
        "line-color": lineColor, "line-width": lineWidth, "line-offset": linkOffset, "line-dasharray": [5, 0.9],
        "line-opacity": lineOpacity,
      },
    },
    ...lostLinkLayers(p),
    {
      id: "link-down", type: "line", ...live("broken", isLine, alone),
      paint: { "line-color": p.status.down, "line-width": byZoom([1.2, 2.2, 2.2, 2.6], 1), "line-offset": linkOffset, "line-dasharray": [1.6, 1.6] },
    },
    {
      id: "arrow-bar", type: "symbol", ...from("links"), filter: meets,
      layout: { ...arrowLayout, "icon-image": "bar" },
      paint: { "icon-color": p.basemap.land, "icon-opacity": heldLive },
    },
    {
      id: "arrow", type: "symbol", ...from("links"), filter: meets,
      layout: { ...arrowLayout, "icon-image": "arrow", "icon-anchor": "top" },
      paint: {
        "icon-color": loadColor(p, loads), "icon-opacity": heldLive,
        "icon-halo-color": p.basemap.land, "icon-halo-width": 1.2,
      },
    },
    {
      id: "pills", type: "symbol", ...live("pill"), minzoom: PILL_ZOOM,
      layout: {
        "text-field": ["get", "text"], "text-font": MEDIUM, "text-size": 11, "icon-image": "pill", "icon-text-fit": "both",
        "icon-text-fit-padding": [2, 5, 2, 5], "text-padding": 1, "icon-padding": 2, "symbol-sort-key": ["get", "sort"],
      },
      paint: { "text-color": p.text.text, "icon-opacity": ex(["*", 0.94, ["get", "held"]]), "text-opacity": ex(["get", "held"]) },
    },
  ];
}

/** What names leave free around the symbol of a POP and of what is odd, in sizes of a symbol. */
const [POP_FREE, ODD_FREE] = [0.8, 0.9];
// A name beside its symbol, wherever there is room.
/** @type {NonNullable<import("@maplibre/maplibre-gl-style-spec").SymbolLayerSpecification["layout"]>} */
const beside = {
  "text-variable-anchor": ["left", "right", "bottom", "top", "bottom-left", "top-left", "bottom-right", "top-right"],
  "text-justify": "auto",
  "text-max-width": 22,
};

/**
 * The name of what is down and for how long, the newest first.
 * @param {Palette} p @param {string} id @param {{ source: string, filter: FilterSpecification }} features
 * @param {number | ExpressionSpecification} offset @returns {LayerSpecification}
 */
const downNames = (p, id, features, offset) => ({
  id, type: "symbol", ...features,
  layout: {
    "text-field": ex(["format", ["get", "label"], {}, "\n", {}, ["get", "said"], { "font-scale": 0.86, "text-color": p.status_text.down, "text-font": ["literal", MEDIUM] }]),
    "text-font": SEMIBOLD, "text-size": 13, ...beside, "text-max-width": 30, "text-radial-offset": offset,
    "symbol-sort-key": ex(["-", 0, ["get", "since"]]), "text-padding": 1,
  },
  paint: { "text-color": p.text.text, "text-halo-color": p.surface.ground, "text-halo-width": 2 },
});

/** The links between devices of one place, in their open fan. @param {Palette} p @returns {LayerSpecification[]} */
function fanLinkLayers(p) {
  const line = live("fan", isLine, ["has", "link"]);
  const isDown = ["==", ["get", "load"], LOAD_HIDDEN];
  const color = ["match", ["get", "load"], ...p.load.flatMap((color, i) => [i, color]), LOAD_AFFECTED, p.status.affected, p.status.unknown];
  return [
    {
      id: "fan-links-chosen", type: "line", source: line.source, filter: filter(["all", line.filter, ["get", "focused"]]),
      paint: { "line-color": p.accent.accent, "line-width": ["+", 7, ["get", "width"]], "line-offset": ["get", "lane"], "line-opacity": 0.45 },
    },
    {
      id: "fan-links", type: "line", source: line.source, filter: filter(["all", line.filter, ["!", isDown]]),
      paint: { "line-color": ex(color), "line-width": ["get", "width"], "line-offset": ["get", "lane"] },
    },
    {
      id: "fan-links-down", type: "line", source: line.source, filter: filter(["all", line.filter, isDown]),
      paint: { "line-color": p.status.down, "line-width": 2.2, "line-offset": ["get", "lane"], "line-dasharray": [1.6, 1.6] },
    },
    {
      id: "fan-strikes", type: "symbol", ...live("fan", isPoint, ["has", "link"], ["==", ["get", "said"], ""]),
      layout: { "icon-image": "strike", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-offset": laneOffset([1, 1, 1, 1]) },
    },
    {
      id: "fan-short", type: "symbol", ...live("fan", isPoint, ["has", "link"], ["!=", ["get", "said"], ""]),
      layout: {
        "icon-image": "degraded", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-offset": laneOffset([1, 1, 1, 1]),
        "text-field": ex(["get", "said"]), "text-font": MEDIUM, "text-size": 11, ...beside, "text-radial-offset": 1.1, "text-optional": true,
      },
      paint: { "text-color": p.status_text.degraded, "text-halo-color": p.surface.ground, "text-halo-width": 1.6 },
    },
  ];
}

/** @param {Palette} p @returns {LayerSpecification[]} */
function deviceLayers(p) {
  const ground = p.surface.ground;
  const isAffected = ["==", ["number", ["feature-state", "affected"], ["get", "affected"], 0], 1];
  /** The live source has a better name for it. */
  const ifPlain = heldName(["case", ["any", ["boolean", ["feature-state", "named"], false], ["boolean", ["feature-state", "chosen"], false]], 0, 1]);
  /** The name of what is affected, or would be, stays dim. @param {unknown} color of the others */
  const named = (color) => ex(["case", ["any", isAffected, ["==", FATE, "lost"]], p.affected_name, color]);
  const halo = { "text-halo-color": ground, "text-halo-width": 1.6 };
  const nameSize = ex(["match", rank, 0, 12.5, 1, 11.5, 11]);
  return [
    {
      id: "names", type: "symbol", ...from("devices"),
      filter: filter(["all", ["!", isPop], [">=", ["zoom"], ["get", "named_from"]]]),
      layout: {
        "text-field": ["get", "label"], "text-font": MEDIUM, "text-size": nameSize, ...beside, "text-radial-offset": 0.9,
        "symbol-sort-key": ex(rank), "text-padding": 1,
      },
      paint: { "text-color": named(ex(["match", rank, 1, p.text.text, p.text.quiet])), ...halo, "text-opacity": ifPlain },
    },
    {
      id: "pop-names", type: "symbol", ...from("devices"), filter: filter(["all", isPop, [">=", ["zoom"], ["get", "named_from"]]]),
      layout: {
        "text-field": ["get", "label"], "text-font": SEMIBOLD, "text-size": nameSize, ...beside, "text-radial-offset": beyond(POP_FREE * (SYMBOL_PX / 2), nameSize),
        "text-padding": 1.5,
      },
      paint: { "text-color": named(p.text.text), ...halo, "text-opacity": ifPlain },
    },
    {
      id: "odd-names", type: "symbol", ...live("odd", ["!=", status, "down"], alone), minzoom: 6,
      layout: {
        "text-field": ex(["case", ["==", status, "stale"], ["concat", ["get", "label"], "  ", ["get", "age"]], ["get", "label"]]),
        "text-font": MEDIUM, "text-size": nameSize, ...beside, "text-radial-offset": beyond(ODD_FREE * (SYMBOL_PX / 2), nameSize), "symbol-sort-key": ex(rank),
        "text-padding": 1.5,
      },
      paint: {
        "text-color": ex(["match", status, "degraded", p.status_text.degraded, p.status_text.stale]), ...halo,
        "text-opacity": ex(["case", ["get", "chosen"], 0, ["get", "held"]]),
      },
    },
    {
      id: "moved-names", type: "symbol", ...live("moved", alone),
      layout: {
        "text-field": ["get", "label"], "text-font": ex(["match", rank, 0, ["literal", SEMIBOLD], ["literal", MEDIUM]]), "text-size": nameSize, ...beside,
        "text-radial-offset": 0.9, "text-padding": 1, "text-allow-overlap": true,
      },
      paint: { "text-color": ex(["match", rank, 2, p.text.quiet, p.text.text]), ...halo },
    },
    {
      id: "link-strike", type: "symbol", ...live("broken", isPoint, alone),
      layout: {
        "icon-image": "strike", "icon-allow-overlap": true, "icon-ignore-placement": true,
        "icon-size": byZoom(STRIKE_STOPS, 1), "icon-offset": laneOffset(STRIKE_STOPS),
      },
    },
    {
      id: "lag-marks", type: "symbol", ...live("lag", ["==", ["get", "fallen"], 0], alone), minzoom: PILL_ZOOM,
      layout: {
        "text-field": ["get", "text"], "text-font": MEDIUM, "text-size": 11, "icon-image": "pill", "icon-text-fit": "both",
        "icon-text-fit-padding": [1, 4, 1, 4], "text-offset": laneOffset([11, 11, 11, 11]), "text-padding": 1, "icon-padding": 1,
      },
      paint: { "text-color": p.text.quiet, "icon-opacity": 0.94 },
    },
    {
      id: "lag-short", type: "symbol", ...live("lag", [">", ["get", "fallen"], 0], alone),
      layout: {
        "icon-image": "degraded", "icon-allow-overlap": true, "icon-ignore-placement": true,
        "icon-size": byZoom(STRIKE_STOPS, 1), "icon-offset": laneOffset(STRIKE_STOPS),
        "text-field": ex(["step", ["zoom"], "", 7, ["get", "text"]]), "text-font": MEDIUM, "text-size": 11, ...beside,
        "text-variable-anchor": ["bottom", "top", "left", "right"], "text-radial-offset": 1.3, "text-optional": true,
      },
      paint: { "text-color": p.status_text.degraded, "text-halo-color": ground, "text-halo-width": 1.6 },
    },
    {
      id: "chosen", type: "symbol", ...live("chosen", isPoint),
      layout: {
        "icon-image": "chosen", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": 0.9,
        "text-field": ["get", "label"], "text-font": SEMIBOLD, "text-size": 12.5, ...beside, "text-radial-offset": 2,
        "text-allow-overlap": true, "text-optional": true,
      },
      paint: { "text-color": ex(["get", "color"]), "text-halo-color": ground, "text-halo-width": 2 },
    },
    ...fateLayers(p),
    downNames(p, "down-names", live("odd", ["==", status, "down"], alone), ex(["case", ["get", "chosen"], 2.1, 1.5])),
    downNames(p, "ring-names", live("ring", ["has", "label"], ofThisZoom), 2.1),
    {
      id: "joins", type: "line", ...live("join"),
      paint: { "line-color": p.status.affected, "line-width": 1, "line-opacity": 0.55, "line-dasharray": [2, 2] },
    },
    { id: "fan-legs", type: "line", ...live("fan", isLine, ["!", ["has", "link"]]), paint: { "line-color": p.text.faint, "line-width": 1 } },
    ...fanLinkLayers(p),
    {
      id: "fan-focus", type: "circle", ...live("fan", isPoint, ["==", ["get", "focused"], true]),
      paint: { "circle-radius": 13, "circle-color": p.accent.ground, "circle-stroke-color": p.accent.accent, "circle-stroke-width": 1.6 },
    },
    {
      id: "fan-title", type: "symbol", ...live("fan", isPoint, ["has", "title"]),
      layout: {
        "text-field": ["get", "title"], "text-font": SEMIBOLD, "text-size": 12.5, "text-anchor": "bottom", "text-max-width": 30,
        "text-allow-overlap": true, "text-ignore-placement": true,
      },
      paint: { "text-color": p.text.text, "text-halo-color": ground, "text-halo-width": 2 },
    },
    {
      id: "fan-symbols", type: "symbol", ...live("fan", isPoint, ["has", "status"]),
      layout: {
        "icon-image": ex(status), "icon-size": 1.1, "icon-allow-overlap": true, "text-field": ["get", "label"],
        "text-font": MEDIUM, "text-size": 11,
        "text-anchor": ex(["get", "anchor"]),
        "text-offset": ex(["match", ["get", "anchor"], "left", ["literal", [1.3, 0]], ["literal", [-1.3, 0]]]),
        "text-optional": true, "symbol-sort-key": ex(["-", 0, ["get", "severity"]]),
      },
      paint: { "text-color": p.text.text, ...halo },
    },
    {
      id: "drag-line", type: "line", ...live("drag", isLine),
      paint: { "line-color": p.accent.accent, "line-width": 1.5, "line-dasharray": [3, 2] },
    },
    {
      id: "drag-dot", type: "circle", ...live("drag", isPoint),
      paint: { "circle-radius": 7, "circle-color": p.accent.ground, "circle-stroke-color": p.accent.accent, "circle-stroke-width": 2 },
    },
    {
      id: "obstacles", type: "symbol", ...from("devices"), filter: filter(alone),
      layout: {
        "icon-image": "nothing", "icon-allow-overlap": true, "icon-padding": 0,
        "icon-size": grown(["match", rank, 0, POP_FREE, 1, 0.5, 0.42]),
      },
    },
    {
      id: "ring-obstacles", type: "symbol", ...live("ring", ofThisZoom),
      layout: { "icon-image": "nothing", "icon-allow-overlap": true, "icon-padding": 0, "icon-size": ex(["get", "size"]) },
    },
    {
      id: "strike-obstacles", type: "symbol", ...live("broken", isPoint, alone),
      layout: { "icon-image": "nothing", "icon-allow-overlap": true, "icon-size": 0.9, "icon-offset": laneOffset([0.9, 0.9, 0.9, 0.9]) },
    },
    {
      id: "odd-obstacles", type: "symbol", ...live("odd", alone),
      layout: {
        "icon-image": "nothing", "icon-allow-overlap": true, "icon-padding": 0,
        "icon-size": grown(["match", status, "down", 1.3, ODD_FREE]),
      },
    },
  ];
}

/** What people hide and reorder together; a layer that is in no group is always seen. @type {Record<string, string[]>} */
const GROUPS = {
  links: ["link-casing", "link-unknown", "link-cable", "link-wireless"],
  load: ["link-hot", "arrow-bar", "arrow", "pills"],
  names: ["names", "odd-names", "pop-names", "moved-names"],
};
const GROUP_OF = new Map(Object.entries(GROUPS).flatMap(([group, ids]) => ids.map((id) => [id, group])));

/** @param {Palette} p @param {boolean} loads whether links wear the colour of their load @returns {LayerSpecification[]} */
export const networkLayers = (p, loads) =>
  [...linkLayers(p, loads), ...deviceLayers(p)].map((layer) => ({ ...layer, metadata: { group: GROUP_OF.get(layer.id) ?? "", fixed: layer.id === "link-hot" } }));

/** Where the devices of an open fan are drawn; all others are on the glass. */
export const FAN_LAYER = "fan-symbols";
/** Where a site is drawn as such: where nothing stands at it, and over its fan. */
export const SITE_LAYERS = ["fan-title", "site-marks"];
export const LINK_LAYERS = ["fan-links-down", "fan-links", "link-down", "link-cable", "link-wireless", "link-unknown"];
