// How a map of the user looks: layers of one schema in our own colours, a raster muted. Pure. Counterpart: ground_schemas.js.
// One rule: a third of the network's contrast, whatever the map; a theme changes paint only.

import { SCHEMAS } from "./ground_schemas.js";
import { NAME_OF_PLACE } from "./place_names.js";
import { ex, filter, REGULAR } from "./style.js";

/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */
/** @import { Part } from "./ground_schemas.js" */

/** What people hide and reorder together: all maps of their own. */
const GROUP = "maps";

/** @param {[number, number][]} stops zoom, width in pixels */
const byZoom = (stops) => ex(["interpolate", ["exponential", 1.5], ["zoom"], ...stops.flat()]);

/** The least zoom of a part, where that is not all of them. @type {Partial<Record<Part, number>>} */
const FROM_ZOOM = { building: 13, region: 4, path: 13, rail: 7, minor: 11, streetName: 13, green: 6 };

/** The layers of a map from the ground up; ids begin with that of its source. @param {OwnMap} own @param {string} source @param {Palette} p @returns {LayerSpecification[]} */
export function ownLayers(own, source, p) {
  const cover = /** @type {LayerSpecification} */ ({
    id: `${source}:cover`, type: "fill", source: coverOf(source), minzoom: own.min_zoom, metadata: { group: GROUP },
    paint: { "fill-color": p.basemap.land, "fill-antialias": false },
  });
  return [cover, ...(own.schema === "raster" ? [rasterLayer(own, source, p)] : vectorLayers(own.schema, source, p))];
}

/** The source with the boxes in which the world beneath gives way. @param {string} source */
export const coverOf = (source) => `${source}:cover`;

/** Pale by day, dim by night, so that the network stays the brightest. @param {OwnMap} own @param {string} source @param {Palette} p @returns {LayerSpecification} */
function rasterLayer(own, source, p) {
  const dark = luma(p.surface.ground) < 128;
  return {
    id: `${source}:raster`, type: "raster", source, metadata: { group: GROUP },
    paint: {
      "raster-opacity": own.opacity,
      "raster-saturation": -0.7,
      "raster-contrast": -0.15,
      "raster-brightness-min": dark ? 0 : 0.3,
      "raster-brightness-max": dark ? 0.5 : 1,
      "raster-fade-duration": 0,
    },
  };
}

/** @param {string} color "#rrggbb" */
const luma = (color) => [1, 3, 5].reduce((sum, at, i) => sum + Number.parseInt(color.slice(at, at + 2), 16) * [0.3, 0.59, 0.11][i], 0);

/** @param {string} schema @param {string} source @param {Palette} palette @returns {LayerSpecification[]} */
function vectorLayers(schema, source, palette) {
  const { parts, rank, size } = SCHEMAS[schema];
  const c = palette.basemap;
  const round = { "line-join": "round", "line-cap": "round" };
  /** @param {string} color @param {[number, number][]} width @param {number[]} [dash] */
  const stroke = (color, width, dash) => ({
    type: "line", layout: dash ? { "line-join": "round" } : round,
    paint: { "line-color": color, "line-width": byZoom(width), ...(dash && { "line-dasharray": dash }) },
  });
  /** @param {string} color @param {number} opacity */
  const fill = (color, opacity = 1) => ({ type: "fill", layout: {}, paint: { "fill-color": color, "fill-opacity": opacity } });
  const text = { "text-field": ex(["to-string", ["get", "name"]]), "text-font": REGULAR, "text-max-width": 8 };
  const halo = { "text-halo-color": c.land, "text-halo-width": 1 };
  /** @type {Record<Part, { type: string, layout: object, paint: object }>} */
  const looks = {
    urban: fill(c.urban),
    green: fill(c.urban, 0.7),
    water: fill(c.water),
    river: stroke(c.water, [[4, 0.6], [8, 1.4], [12, 2.5], [16, 8]]),
    building: fill(c.road, 0.6),
    region: stroke(c.region, [[4, 1], [12, 1.2]], [3, 2]),
    border: stroke(c.border, [[1, 0.6], [6, 1.2], [14, 2]], [6, 2, 1, 2]),
    path: stroke(c.road, [[13, 0.5], [18, 2]], [3, 2]),
    rail: stroke(c.rail, [[7, 0.8], [14, 1.4], [18, 3]], [4, 2]),
    minor: stroke(c.road, [[11, 0.5], [14, 1.6], [18, 10]]),
    road: stroke(c.road, [[6, 0.5], [10, 1.4], [14, 3.2], [18, 16]]),
    motorway: stroke(c.motorway, [[5, 0.8], [9, 1.8], [14, 4.5], [18, 22]]),
    streetName: {
      type: "symbol",
      layout: { ...text, "symbol-placement": "line", "text-size": 10, "text-max-width": 20, "text-padding": 12 },
      paint: { "text-color": c.place, ...halo },
    },
    waterName: {
      type: "symbol", layout: { ...text, "text-size": 11.5, "text-letter-spacing": 0.1 }, paint: { "text-color": c.water_text },
    },
    placeName: {
      type: "symbol",
      layout: { ...text, "text-field": NAME_OF_PLACE, "text-size": ex(["match", size, 2, 13, 1, 11.5, 10]), "symbol-sort-key": ex(rank), "text-padding": 8 },
      paint: { "text-color": c.place, ...halo },
    },
  };
  return /** @type {Part[]} */ (Object.keys(looks)).flatMap((part) =>
    (parts[part] ?? []).map(({ layer, filter: wanted }, number) => /** @type {LayerSpecification} */ ({
      id: `${source}:${part}:${number}`, source, "source-layer": layer, metadata: { group: GROUP }, ...looks[part],
      ...(FROM_ZOOM[part] && { minzoom: FROM_ZOOM[part] }), ...(wanted && { filter: filter(wanted) }),
    })));
}
