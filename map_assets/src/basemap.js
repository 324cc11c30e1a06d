// The ground under the network: source, layers, and what is said where the file is none. Counterpart: map_assets/basemap/.
// One rule: a third of the network's contrast, and no map file is ever trusted to be one.

/** @import { LayerSpecification, ExpressionSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */

import { NAME_OF_PLACE } from "./place_names.js";
import { REGULAR } from "./style.js";

export const BASEMAP = "basemap";
const ADDRESS = new URL("../basemap/world.pmtiles", import.meta.url).href;

/**
 * Open the map file, and read its header before MapLibre does.
 * @param {{ there: boolean, file: string }} basemap
 * @param {(problem: string) => void} complain
 * @returns {Promise<import("@maplibre/maplibre-gl-style-spec").VectorSourceSpecification | null>} null where it is none
 */
export async function openBasemap({ there, file }, complain) {
  if (!there) {
    complain(`There is no map file ${file}: the network is drawn on empty ground. “./dev basemap” builds one.`);
    return null;
  }
  const archive = new pmtiles.PMTiles(ADDRESS);
  try {
    const header = await archive.getHeader();
    if (header.tileType !== pmtiles.TileType.Mvt) throw new Error("it holds no vector tiles");
    protocol.add(archive);
    return { type: "vector", tiles: [`pmtiles://${ADDRESS}/{z}/{x}/{y}`], minzoom: header.minZoom, maxzoom: header.maxZoom };
  } catch (error) {
    complain(`The map file ${file} cannot be read (${reason(error)}): the network is drawn on empty ground.`);
    return null;
  }
}

/** @param {unknown} error */
const reason = (error) => (error instanceof Error ? error.message : String(error)).slice(0, 120);

export const protocol = new pmtiles.Protocol({ metadata: false, errorOnMissingTile: false });

/** @param {[number, number][]} stops zoom, width in pixels @returns {ExpressionSpecification} */
const byZoom = (stops) => /** @type {ExpressionSpecification} */ (["interpolate", ["linear"], ["zoom"], ...stops.flat()]);

/** @param {string} layer */
const from = (layer) => ({ source: BASEMAP, "source-layer": layer });

/** @param {Palette["basemap"]} c @returns {LayerSpecification[]} */
export function basemapLayers(c) {
  /** @type {LayerSpecification[]} */
  const layers = [
    { id: "urban", type: "fill", ...from("landcover"), filter: ["==", ["get", "kind"], "urban_area"], paint: { "fill-color": c.urban } },
    { id: "water", type: "fill", ...from("water"), filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": c.water } },
    {
      id: "river", type: "line", ...from("water"), filter: ["==", ["geometry-type"], "LineString"],
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": c.water, "line-width": byZoom([[4, 0.6], [8, 1.6], [12, 4]]) },
    },
    {
      id: "region", type: "line", ...from("boundaries"), filter: ["==", ["get", "kind"], "region"], minzoom: 4,
      paint: { "line-color": c.region, "line-width": 1, "line-dasharray": [3, 2] },
    },
    {
      id: "border", type: "line", ...from("boundaries"), filter: ["==", ["get", "kind"], "country"],
      paint: { "line-color": c.border, "line-width": byZoom([[1, 0.6], [6, 1.2]]), "line-dasharray": [6, 2, 1, 2] },
    },
    {
      id: "rail", type: "line", ...from("roads"), filter: ["==", ["get", "kind"], "rail"], minzoom: 6,
      paint: { "line-color": c.rail, "line-width": byZoom([[6, 1], [9, 1.3], [12, 1.7]]), "line-dasharray": [4, 2] },
    },
    {
      id: "road", type: "line", ...from("roads"), filter: ["==", ["get", "kind"], "major_road"], layout: { "line-join": "round" },
      paint: { "line-color": c.road, "line-width": byZoom([[6, 1], [8, 1.2], [10, 1.7], [12, 2.8]]) },
    },
    {
      id: "motorway", type: "line", ...from("roads"), filter: ["==", ["get", "kind"], "highway"], layout: { "line-join": "round" },
      paint: { "line-color": c.motorway, "line-width": byZoom([[4, 1], [6, 1.4], [9, 2.1], [12, 4.2]]) },
    },
    {
      id: "water-name", type: "symbol", ...from("water"), filter: ["==", ["geometry-type"], "Point"],
      layout: { "text-field": ["get", "name"], "text-font": REGULAR, "text-size": 12, "text-letter-spacing": 0.12, "text-max-width": 8 },
      paint: { "text-color": c.water_text },
    },
    {
      id: "place-name", type: "symbol", ...from("places"), minzoom: 2,
      filter: ["all", ["has", "name"], ["<=", ["to-number", ["get", "min_zoom"], 0], ["zoom"]]],
      layout: {
        "text-field": NAME_OF_PLACE,
        "text-font": REGULAR,
        "text-size": ["match", ["get", "kind"], "country", 12.5, "region", 10.5,
          ["interpolate", ["linear"], ["to-number", ["get", "population"], 0], 1000, 10, 60_000, 11.5, 400_000, 13]],
        "text-letter-spacing": ["match", ["get", "kind"], ["country", "region"], 0.1, 0],
        "symbol-sort-key": ["to-number", ["get", "sort_key"], 0],
        "text-padding": 8,
        "text-max-width": 8,
      },
      paint: { "text-color": c.place, "text-halo-color": c.land, "text-halo-width": 1 },
    },
  ];
  return layers.map((layer) => ({ ...layer, metadata: { group: GROUP_OF[layer.id] ?? "" } }));
}

/** What people hide together. @type {Record<string, string>} */
const GROUP_OF = {
  road: "roads", motorway: "roads", rail: "rail", border: "borders", region: "borders", "place-name": "places", "water-name": "places",
};
