// Words of MapLibre's style language that several layers use. Pure. Counterpart: layers.js and fate_layers.js.
// One rule: what is written here holds for every theme.

import { NOTO } from "./fonts.js";

/** @import { ExpressionSpecification, FilterSpecification } from "@maplibre/maplibre-gl-style-spec" */

export const REGULAR = [NOTO, "Inter Regular"];
export const MEDIUM = [NOTO, "Inter Medium"];
export const SEMIBOLD = [NOTO, "Inter SemiBold"];

/** @param {unknown} x @returns {ExpressionSpecification} */
export const ex = (x) => /** @type {ExpressionSpecification} */ (x);
/** @param {unknown} x @returns {FilterSpecification} */
export const filter = (x) => /** @type {FilterSpecification} */ (x);

const ZOOMS = [5, 8.7, 11, 14];
/** A figure for each of the zooms 5, 8.7, 11 and 14, straight between them. @param {number[]} factors @param {(factor: number, i: number) => unknown} make */
export const stops = (factors, make) => ex(["interpolate", ["linear"], ["zoom"], ...ZOOMS.flatMap((zoom, i) => [zoom, make(factors[i], i)])]);
/** Multiply by zoom: the figures of look.md. @param {number[]} factors @param {unknown} value @param {number} add */
export const byZoom = (factors, value, add = 0) => stops(factors, (factor) => ["+", add, ["*", factor, value]]);
/** How much bigger than at zoom 8.7 a symbol is. @param {number} zoom */
export function grownAt(zoom) {
  const [zooms, sizes] = [ZOOMS, GROWN_STOPS];
  const next = zooms.findIndex((stop) => zoom < stop);
  if (next <= 0) return next ? sizes[3] : sizes[0];
  const share = (zoom - zooms[next - 1]) / (zooms[next] - zooms[next - 1]);
  return sizes[next - 1] + (sizes[next] - sizes[next - 1]) * share;
}
const GROWN_STOPS = [0.55, 1, 1.35, 1.6];
export const LINK_STOPS = [0.35, 0.8, 1.25, 2];
/** @param {number} add */
export const linkWidth = (add = 0) => byZoom(LINK_STOPS, ["get", "width"], add);
export const linkOffset = byZoom([0.3, 0.7, 1.1, 1.8], ["*", ["get", "lane"], ["get", "width"]]);
/** Features of one kind of the live source. @param {string} kind @param {unknown[]} more */
export const live = (kind, ...more) => ({ source: "live", filter: filter(["all", ["==", ["get", "kind"], kind], ...more]) });
export const isLine = ["==", ["geometry-type"], "LineString"];
export const isPoint = ["==", ["geometry-type"], "Point"];
export const alone = [">=", ["zoom"], ["get", "from"]];
export const ofThisZoom = ["any", ["==", ["get", "zoom"], ["zoom"]], ["all", ["get", "last"], [">=", ["zoom"], ["get", "zoom"]]]];
export const status = ["get", "status"];
export const rank = ["get", "rank"];
export const isPop = ["==", rank, 0];
/** Symbols grow from far to near. @param {unknown} value at zoom 8.7 */
export const grown = (value) => byZoom(GROWN_STOPS, value);

/** What would become of a device or link; "aside" where that is nothing, and nothing at all outside the what-if frame. */
export const FATE = ["string", ["feature-state", "fate"], ""];
/** Opacity inside the frame of what is and would stay. */
export const DIM = 0.35;

/** The opacity of what is: inside the frame it steps back or gives way to what would be; what would carry traffic stays. @param {unknown} opacity */
export const held = (opacity) => ex(["*", opacity, ["match", FATE, "aside", DIM, ["", "carries"], 1, 0]]);

/** The same of a name: only that of what fails gives way, to one of its own. @param {unknown} opacity */
export const heldName = (opacity) => ex(["*", opacity, ["match", FATE, "aside", DIM, "fails", 0, 1]]);
