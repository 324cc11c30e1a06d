// The style layers of what would be, over those of what is. Pure. Counterpart: fates.js says what would become of whom.
// Theory: what would be stands in a source of its own, which is empty outside the what-if frame, so that these layers cost
// nothing there. One rule: what is real and down stays above them.

import { byZoom, ex, filter, grown, GROWN_STOPS, here, laneOffset, linkOffset, linkWidth, SEMIBOLD } from "./style.js";

/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */

export const WOULD = "would";

/** @param {string} kind @param {string} fate */
const of = (kind, fate) => ({ source: WOULD, filter: filter(["all", ["==", ["get", "kind"], kind], ["==", ["get", "fate"], fate], here]) });

/** Beneath the live links. @param {Palette} p @returns {LayerSpecification[]} */
export const detourLayers = (p) => [
  {
    id: "would-detour", type: "line", ...of("detour", "carries"), layout: { "line-cap": "round" },
    paint: { "line-color": p.text.text, "line-width": byZoom([1, 1.6, 2, 2.6], 1), "line-opacity": 0.8 },
  },
  {
    id: "would-carry", type: "line", ...of("link", "carries"),
    paint: { "line-color": p.text.text, "line-width": linkWidth(3.8), "line-offset": linkOffset },
  },
  {
    id: "would-carry-core", type: "line", ...of("link", "carries"),
    paint: { "line-color": p.surface.ground, "line-width": linkWidth(0.8), "line-offset": linkOffset },
  },
];

/** Above the live links. @param {Palette} p @returns {LayerSpecification[]} */
export const lostLinkLayers = (p) => [
  {
    id: "would-lose-links", type: "line", ...of("link", "lost"),
    paint: {
      "line-color": p.status.affected, "line-width": byZoom([0.7, 1.25, 1.25, 1.5], 1), "line-offset": linkOffset,
      "line-dasharray": [4, 3], "line-opacity": 0.7,
    },
  },
  {
    id: "would-break", type: "line", ...of("link", "fails"),
    paint: {
      "line-color": p.status.down, "line-width": byZoom([1.2, 2.2, 2.2, 2.6], 1), "line-offset": linkOffset,
      "line-dasharray": [1.6, 1.6],
    },
  },
];

/** Above the symbols of what is, beneath what is down. @param {Palette} p @returns {LayerSpecification[]} */
export const fateLayers = (p) => [
  ...["weakened", "lost"].map((fate) => /** @type {LayerSpecification} */ ({
    id: `would-be-${fate}`, type: "symbol", ...of("device", fate),
    layout: {
      "icon-image": `would/${fate}`, "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-padding": 0,
      "icon-size": grown(["match", ["get", "rank"], 0, 1.12, 0.95]),
    },
  })),
  ...["link", "device"].map((kind) => /** @type {LayerSpecification} */ ({
    id: `would-fail-${kind}`, type: "symbol", ...of(kind === "link" ? "strike" : kind, "fails"),
    layout: {
      "icon-image": kind === "link" ? "strike" : "would/fails", "icon-allow-overlap": true, "icon-size": grown(1),
      ...(kind === "link" ? { "icon-offset": laneOffset(GROWN_STOPS) } : {}),
      "text-field": ex(["get", "label"]), "text-font": SEMIBOLD, "text-size": 13, "text-optional": true, "text-max-width": 30,
      "text-variable-anchor": ["left", "right", "bottom", "top"], "text-justify": "auto", "text-radial-offset": 1.5,
    },
    paint: { "text-color": p.text.text, "text-halo-color": p.surface.ground, "text-halo-width": 2 },
  })),
];
