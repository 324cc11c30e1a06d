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
/** The same figure at any zoom. @param {number[]} factors @param {number} zoom */
function at(factors, zoom) {
  const next = ZOOMS.findIndex((stop) => zoom < stop);
  if (next <= 0) return factors[next ? 3 : 0];
  const share = (zoom - ZOOMS[next - 1]) / (ZOOMS[next] - ZOOMS[next - 1]);
  return factors[next - 1] + (factors[next] - factors[next - 1]) * share;
}
export const GROWN_STOPS = [0.55, 1, 1.35, 1.6];
/** Between a name and what its symbol keeps free. */
const ROOM_PX = 2.5;
const NAME_EM = 0.95;
/**
 * How far from its symbol a name stands, in its own size: beyond what the symbol keeps free, or there is no room for it anywhere. MapLibre
 * asks for it at whole zooms only, and symbols grow until the next. @param {number} half_px what is free around the symbol at zoom 8.7 @param {unknown} size_px of the name
 */
export const beyond = (half_px, size_px) =>
  ex(["interpolate", ["linear"], ["zoom"], ...ZOOMS.flatMap((zoom, i) => [zoom - 1, ["max", NAME_EM, ["/", half_px * GROWN_STOPS[i] + ROOM_PX, size_px]]])]);
/** How much bigger than at zoom 8.7 a symbol is. @param {number} zoom */
export const grownAt = (zoom) => at(GROWN_STOPS, zoom);
export const LINK_STOPS = [0.35, 0.8, 1.25, 2];
/** @param {number} add */
export const linkWidth = (add = 0) => byZoom(LINK_STOPS, ["get", "width"], add);
/** How far lanes stand apart: in the same proportion as links are wide, or nearly so. */
const LANE_STOPS = [0.3, 0.7, 1.1, 1.8];
/** What a lane's figure is multiplied by. @param {number} zoom */
export const laneSizeAt = (zoom) => at(LANE_STOPS, zoom);
/** Lines in their lanes. */
export const linkOffset = byZoom(LANE_STOPS, ["get", "lane"]);
/** An arrow's size for a link's width; it grows as lanes do, so that one offset holds it in its lane at every zoom. */
const ARROW = 0.2;
export const arrowSize = byZoom(LANE_STOPS, ["*", ARROW, ["get", "width"]]);
/** More than any lane has. */
const FAR = 10_000;
/** A figure of a feature brought into an offset, which style language makes of figures only by going from one to another. @param {string} name @param {(figure: number) => unknown} make */
const figured = (name, make) => ["interpolate", ["linear"], ["get", name], -FAR, make(-FAR), FAR, make(FAR)];
/** Holds an arrow in its lane; `shift` is in widths of the link. */
export const arrowOffset = ex(figured("shift", (shift) => ["literal", [shift / ARROW, 0]]));
/** Holds an upright picture in the lane of its link, which is `right` and `down` of the middle; figures for the middle of each whole zoom, as offsets change with it only. @param {number[]} sizes of the picture */
export const laneOffset = (sizes) => {
  const figures = ZOOMS.map((zoom, i) => [zoom - 0.5, figured("right", (x) => figured("down", (y) => ["literal", [x, y].map((px) => (px * LANE_STOPS[i]) / sizes[i])]))]);
  return ex(["interpolate", ["linear"], ["zoom"], ...figures.flat()]);
};
/** Features of one kind of the live source. @param {string} kind @param {unknown[]} more */
export const live = (kind, ...more) => ({ source: "live", filter: filter(["all", ["==", ["get", "kind"], kind], ...more]) });
export const isLine = ["==", ["geometry-type"], "LineString"];
export const isPoint = ["==", ["geometry-type"], "Point"];
export const alone = [">=", ["zoom"], ["get", "from"]];
export const ofThisZoom = ["any", ["==", ["get", "zoom"], ["zoom"]], ["all", ["get", "last"], [">=", ["zoom"], ["get", "zoom"]]]];
/** From a zoom on, or at one zoom, as the feature says. */
export const here = ["any", ["all", ["has", "from"], alone], ["all", ["has", "zoom"], ofThisZoom]];
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
