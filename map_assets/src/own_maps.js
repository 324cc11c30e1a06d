// The user's own maps over the world: sources, layers, credits, what is said where a file fails. Counterpart: app/map/own_maps.py.
// Theory: the window says which maps are drawn, the topmost first; a map whose file turned comes under another address. Where a
// map is whole the world beneath gives way to bare land; where it is not, the world stays.
// One rule: a file is never believed: it unpacks to so much and no more, and what fails in it leaves the network as it is.

import { BASEMAP, basemapLayers, protocol } from "./basemap.js";
import { notice, putCredits, takeBack } from "./furniture.js";
import { coverOf, ownLayers } from "./ground_layers.js";
import { unpackAtMost } from "./packing.js";
import { paletteOf } from "./palette.js";
import { filter } from "./style.js";

/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Palette } from "./palette.js" */

const MARK = "own:";
const DIRECTORIES_KEPT = 32;
/** Of so many boxes of a map the names of the world are left out; it has the largest first. */
const NAMES_ASIDE_BOXES = 64;

/** Whether an error of the map is that of a map of the user. @param {unknown} source */
export const isOwn = (source) => typeof source === "string" && source.startsWith(MARK);

export class OwnMaps {
  #map;
  #stack;
  /** The topmost first. @type {OwnMap[]} */
  #maps = [];
  #theme = /** @type {ThemeName} */ ("dark");
  /** Sentences that stand on the page, by map. @type {Map<string, string>} */
  #said = new Map();

  /** @param {Stage} stage */
  constructor({ map, stack }) {
    this.#map = map;
    this.#stack = stack;
    map.on("moveend", () => this.#credit());
    map.on("error", (event) => {
      if ("sourceId" in event && isOwn(event.sourceId)) this.#fail(String(event.sourceId).slice(MARK.length).split(":")[0]);
    });
  }

  /** @param {FromWindow} message */
  take({ maps }) {
    if (maps) this.#show(maps);
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
  }

  /** @param {Palette} palette @returns {{ ground: LayerSpecification[] }} */
  layers = (palette) => ({
    ground: [...[...this.#maps].reverse().flatMap((own) => ownLayers(own, MARK + own.id, palette)), ...this.#worldNames(palette)],
  });

  /** The names of the world stand over all maps, so that none is cut at an edge; those where a map is whole are left out. @param {Palette} palette @returns {LayerSpecification[]} */
  #worldNames(palette) {
    if (!this.#map.getSource(BASEMAP)) return [];
    const aside = this.#maps.flatMap(({ min_zoom: least, coverage }) =>
      coverage.length ? [["any", ["<", ["zoom"], least], ["!", ["within", shapeOf(coverage.slice(0, NAMES_ASIDE_BOXES))]]]] : []);
    return basemapLayers(palette.basemap).flatMap((layer) =>
      layer.type === "symbol" ? [{ ...layer, filter: filter(["all", layer.filter ?? true, ...aside]) }] : []);
  }

  /** @param {OwnMap[]} maps */
  #show(maps) {
    const gone = this.layers(paletteOf(this.#theme)).ground.map(({ id }) => id);
    this.#stack.remove(gone.filter((id) => this.#map.getLayer(id)));
    for (const own of this.#maps) this.#close(own, maps);
    for (const own of maps) if (!this.#map.getSource(MARK + own.id)) this.#open(own);
    this.#maps = maps;
    this.#stack.put(this.layers(paletteOf(this.#theme)).ground, "ground");
    this.#credit();
  }

  /** Let go of a map that is drawn no more, or comes from another file. @param {OwnMap} own @param {OwnMap[]} maps */
  #close(own, maps) {
    if (maps.some(({ id, address }) => id === own.id && address === own.address)) return;
    for (const source of [coverOf(MARK + own.id), MARK + own.id]) if (this.#map.getSource(source)) this.#map.removeSource(source);
    protocol.tiles.delete(addressOf(own));
    takeBack(this.#said.get(own.id) ?? "");
    this.#said.delete(own.id);
  }

  /** @param {OwnMap} own */
  #open(own) {
    const address = addressOf(own);
    const cache = new pmtiles.SharedPromiseCache(DIRECTORIES_KEPT, true, unpackAtMost);
    protocol.add(new pmtiles.PMTiles(address, cache, unpackAtMost));
    const tiles = [`pmtiles://${address}/{z}/{x}/{y}`];
    const { min_zoom: minzoom, max_zoom: maxzoom, bounds } = own;
    const told = { tiles, minzoom, maxzoom, bounds };
    this.#map.addSource(MARK + own.id, own.schema === "raster" ? { type: "raster", tileSize: 256, ...told } : { type: "vector", ...told });
    this.#map.addSource(coverOf(MARK + own.id), { type: "geojson", data: shapeOf(own.coverage), tolerance: 0 });
  }

  /** @param {string} id */
  #fail(id) {
    const own = this.#maps.find((one) => one.id === id);
    if (!own || this.#said.has(id)) return;
    const text = `Parts of the map “${own.name}” cannot be read; the network is drawn all the same.`;
    this.#said.set(id, text);
    notice(text);
  }

  /** One line for each map that is in sight, the topmost first. */
  #credit() {
    const bounds = this.#map.getBounds();
    const zoom = this.#map.getZoom();
    const seen = this.#maps.filter(({ min_zoom: least, bounds: [w, s, e, n] }) =>
      zoom >= least && w < bounds.getEast() && e > bounds.getWest() && s < bounds.getNorth() && n > bounds.getSouth());
    putCredits(seen.filter(({ attribution }) => attribution).map(({ name, attribution }) => `${name}: ${attribution}`));
  }
}

/** @param {Box[]} boxes @returns {import("geojson").Feature} */
const shapeOf = (boxes) => ({
  type: "Feature", properties: {},
  geometry: { type: "MultiPolygon", coordinates: boxes.map(([w, s, e, n]) => [[[w, s], [e, s], [e, n], [w, n], [w, s]]]) },
});

/** @param {OwnMap} own */
const addressOf = (own) => new URL(`..${own.address}`, import.meta.url).href;
