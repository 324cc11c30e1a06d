// The schematic's paper beneath and around the network: ground, picture, drawings, submaps, marks. Counterpart: app/schematic/paper.py.
// Theory: the network itself is painted by the painter, as on the map; this puts paper over the basemap and draws what people put
// there. While the map is shown all of it is empty or transparent, and costs nothing.
// One rule: what the window says lies on the paper is shown whole; only what is held by a hand differs for a moment (paper_hand.js).

import { pointOf } from "./features.js";
import { PaperHand } from "./paper_hand.js";
import { paletteOf } from "./palette.js";
import { cornersOf, extentOf, FULL_SIZE, groundOf, paperFeatures, pointAt } from "./sheet.js";
import { ex, filter, grown, isPoint, MEDIUM, REGULAR, SEMIBOLD } from "./style.js";

/** @import { GeoJSONSource, ImageSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Palette } from "./palette.js" */
/** @import { Point } from "./sheet.js" */

const PICTURE = "paper-picture";
const GRID_PX = 16;
const DENSITY = 2;
/** The window's bar lies over the top of the paper, with a hint below it. */
const BAR_PX = 112;

/** @param {Feature[]} features */
const collection = (features) => ({ type: /** @type {const} */ ("FeatureCollection"), features });
/** @param {string} what */
const only = (what) => ["==", ["get", "what"], what];

/** MapLibre packs sizes: nothing larger goes in. */
const LETTERS_MOST_PX = 240;
/** Letters that belong to the paper grow with it. */
const letters = ex([
  "interpolate", ["exponential", 2], ["zoom"],
  ...Array.from({ length: 14 }, (_, i) => i + 5).flatMap((zoom) => [zoom, ["min", LETTERS_MOST_PX, ["*", ["get", "size"], 2 ** (zoom - FULL_SIZE)]]]),
]);

export class PaperOverlay {
  #stage;
  #hand;
  /** @type {PaperRow | null} */
  #paper = null;
  /** @type {Set<string>} */
  #marks = new Set();
  /** @type {Palette} */
  #palette = paletteOf("dark");
  #picture = "";

  sources = {
    paper: { type: /** @type {const} */ ("geojson"), data: collection([]), tolerance: 0, promoteId: "id" },
    "paper-marks": { type: /** @type {const} */ ("geojson"), data: collection([]), tolerance: 0 },
  };

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#hand = new PaperHand(stage, this);
    stage.camera.beside = () => (this.#paper ? { places: this.#extentOf(this.#paper), top_px: BAR_PX } : { places: [] });
  }

  /** What lies on the paper; null while the map is shown. */
  get shown() {
    return this.#paper;
  }

  /** Ids of the things and drawings that are marked. */
  get marks() {
    return this.#marks;
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#palette = paletteOf(theme);
    const { map } = this.#stage;
    for (const [name, image] of Object.entries(pictures(this.#palette))) {
      if (map.hasImage(name)) map.updateImage(name, image);
      else map.addImage(name, image, { pixelRatio: name === "paper-dots" ? 1 : DENSITY });
    }
  }

  /** @param {Palette} p @returns {Partial<Record<import("./stack.js").Slot, LayerSpecification[]>>} */
  layers(p) {
    const ink = ex(["match", ["get", "ink"], "text", p.text.text, "accent", p.accent.accent, "blue", p.paper.blue, "teal", p.paper.teal, "sand", p.paper.sand, p.text.quiet]);
    const on = this.#paper ? 1 : 0;
    return {
      paper: [
        { id: "paper", type: "background", paint: { "background-color": p.surface.ground, "background-opacity": on } },
        { id: "paper-grid", type: "background", paint: { "background-pattern": "paper-dots", "background-opacity": this.#paper?.grid ? 1 : 0 } },
      ],
      areas: [
        {
          id: "paper-areas", type: "fill", source: "paper", filter: filter(["==", ["geometry-type"], "Polygon"]),
          paint: { "fill-color": ink, "fill-opacity": 0.08 },
        },
        {
          id: "paper-lines", type: "line", source: "paper", filter: filter(["!", isPoint]), layout: { "line-join": "round", "line-cap": "round" },
          paint: { "line-color": ink, "line-width": 1.5 },
        },
        {
          id: "paper-texts", type: "symbol", source: "paper", filter: filter(only("drawing")),
          layout: {
            "text-field": ["get", "text"], "text-font": REGULAR, "text-size": letters, "text-anchor": ex(["get", "anchor"]), "text-max-width": ex(["get", "wrap"]),
            "text-justify": "auto", "text-allow-overlap": true, "text-ignore-placement": true, "text-line-height": 1.25,
          },
          paint: { "text-color": ink, "text-halo-color": p.surface.ground, "text-halo-width": 1 },
        },
      ],
      links: [
        {
          id: "paper-submaps", type: "symbol", source: "paper", filter: filter(only("submap")),
          layout: {
            "icon-image": "paper-submap", "icon-size": grown(0.75), "icon-allow-overlap": true, "icon-ignore-placement": true,
            "text-field": ex(["format", ["get", "name"], {}, "\n", {}, ["get", "said"], { "font-scale": 0.86, "text-font": ["literal", REGULAR], "text-color": p.text.quiet }]),
            "text-font": SEMIBOLD, "text-size": 12, "text-anchor": "top", "text-offset": [0, 2.3], "text-max-width": 16,
            "text-allow-overlap": true,
          },
          paint: { "text-color": p.text.text, "text-halo-color": p.surface.ground, "text-halo-width": 1.6 },
        },
        {
          id: "paper-guests", type: "circle", source: "paper", filter: filter(only("guest")),
          paint: { "circle-radius": grown(11), "circle-color": p.surface.raised, "circle-opacity": 0.7, "circle-stroke-width": 1, "circle-stroke-color": p.surface.line },
        },
      ],
      marks: [
        {
          id: "paper-pins", type: "circle", source: "paper", filter: filter(only("pin")), minzoom: FULL_SIZE - 1.5,
          paint: { "circle-radius": 1.8, "circle-color": p.text.quiet, "circle-translate": [0, 15] },
        },
      ],
      hands: [
        {
          id: "paper-marked", type: "circle", source: "paper-marks", filter: filter(only("mark")),
          paint: { "circle-radius": grown(12), "circle-color": p.accent.accent, "circle-opacity": 0.16, "circle-stroke-color": p.accent.accent, "circle-stroke-width": 1.5 },
        },
        {
          id: "paper-held", type: "line", source: "paper-marks", filter: filter(["!", isPoint]),
          paint: { "line-color": p.accent.accent, "line-width": 1.5, "line-dasharray": [3, 2] },
        },
        {
          id: "paper-handles", type: "circle", source: "paper-marks", filter: filter(only("handle")),
          paint: { "circle-radius": 4.5, "circle-color": p.surface.ground, "circle-stroke-color": p.accent.accent, "circle-stroke-width": 1.5 },
        },
        {
          id: "paper-held-texts", type: "symbol", source: "paper-marks", filter: filter(["has", "text"]),
          layout: { "text-field": ["get", "text"], "text-font": MEDIUM, "text-size": 12, "text-anchor": "top-left", "text-allow-overlap": true },
          paint: { "text-color": p.accent.accent, "text-halo-color": p.surface.ground, "text-halo-width": 1.4 },
        },
      ],
    };
  }

  /** @param {FromWindow} message @param {import("./network.js").Touched} touched */
  take({ paper, marks, pen, turned }, touched) {
    if (paper !== undefined) this.#lay(paper);
    if (marks) this.#marks = new Set(marks);
    if (pen) this.#hand.take(pen);
    if (paper !== undefined || marks || (touched.places && this.#marks.size)) this.mark();
    if (touched.places || paper !== undefined) this.#hand.settle();
    if (turned) this.#look(turned);
  }

  /** Show what is marked, and what a hand holds over it. @param {Feature[]} held */
  mark(held = []) {
    if (!this.#paper) return this.#put("paper-marks", held);
    const features = [];
    for (const id of this.#marks) {
      const drawing = this.#paper.drawings.find((row) => row.id === id);
      if (!drawing) features.push(...this.placesOf([id]).map((at) => pointOf(groundOf(at), { what: "mark" })));
      else features.push(...cornersOf(drawing).map((at) => pointOf(groundOf(at), { what: "handle" })));
    }
    this.#put("paper-marks", [...features, ...held]);
  }

  /** Where things stand on the paper. @param {Iterable<string>} ids @returns {Point[]} */
  placesOf(ids) {
    const { network } = this.#stage;
    return Array.from(ids).flatMap((id) => {
      const submap = this.#paper?.submaps.find((row) => row.id === id);
      const device = network.devices.get(id);
      return submap ? [submap.at] : device ? [pointAt(device)] : [];
    });
  }

  /** What is shown beside devices; of a bare paper the middle, so that it is looked at in its own size. @param {PaperRow} paper */
  #extentOf(paper) {
    const points = extentOf(paper);
    if (points.length === 0 && this.#stage.network.devices.size === 0) points.push([0, 0]);
    return points.map(groundOf).map(([lng, lat]) => ({ lng, lat }));
  }

  /** @param {PaperRow | null} paper */
  #lay(paper) {
    const { map, stack } = this.#stage;
    this.#paper = paper;
    if (!paper) this.#marks = new Set();
    document.body.classList.toggle("paper", paper !== null);
    this.#put("paper", paper ? paperFeatures(paper) : []);
    this.#layPicture(paper?.picture ?? null);
    for (const [slot, layers] of Object.entries(this.layers(this.#palette))) stack.put(layers, /** @type {import("./stack.js").Slot} */ (slot));
    map.getCanvas().style.cursor = "";
  }

  /** @param {PaperPicture | null} picture */
  #layPicture(picture) {
    const { map, stack } = this.#stage;
    const key = JSON.stringify(picture);
    if (key === this.#picture) return;
    this.#picture = key;
    if (map.getLayer(PICTURE)) stack.remove([PICTURE]);
    if (map.getSource(PICTURE)) map.removeSource(PICTURE);
    if (!picture) return;
    const [right, down] = [picture.width / 2, picture.height / 2];
    const corners = /** @type {Point[]} */ ([[-right, -down], [right, -down], [right, down], [-right, down]]);
    const url = new URL(`../pictures/${picture.digest}`, import.meta.url).href;
    const coordinates = /** @type {ImageSource["coordinates"]} */ (corners.map(groundOf));
    map.addSource(PICTURE, { type: "image", url, coordinates });
    stack.put([{ id: PICTURE, type: "raster", source: PICTURE, paint: { "raster-opacity": 0.55, "raster-fade-duration": 0 } }], "paper");
  }

  /** Look elsewhere at once: the tiles of there are asked for with the next frame, which may else be held for a second. @param {Turned} turned */
  #look({ camera: view }) {
    const { map, camera } = this.#stage;
    if (view) camera.look(view);
    else camera.fit(false);
    map.redraw();
  }

  /** @param {string} source @param {Feature[]} features */
  #put(source, features) {
    /** @type {GeoJSONSource} */ (this.#stage.map.getSource(source)).setData(collection(features));
  }
}

/** The frame of a submap and the dots of the grid. @param {Palette} palette @returns {Record<string, ImageData>} */
function pictures({ surface, text }) {
  const frame = picture(64 * DENSITY, (pen) => {
    pen.scale(DENSITY, DENSITY);
    for (const [inset, fill, line] of /** @type {const} */ ([[9, surface.panel, surface.line], [5, surface.raised, text.faint]])) {
      pen.beginPath();
      pen.roundRect(inset, inset === 9 ? 3 : 8, 64 - 2 * inset, inset === 9 ? 40 : 50, 9);
      pen.fillStyle = fill;
      pen.fill();
      pen.strokeStyle = line;
      pen.lineWidth = 1.4;
      pen.stroke();
    }
  });
  const dots = picture(GRID_PX, (pen) => {
    pen.fillStyle = text.faint;
    pen.globalAlpha = 0.55;
    pen.fillRect(0, 0, 1, 1);
  });
  return { "paper-submap": frame, "paper-dots": dots };
}

/** @param {number} size_px @param {(pen: CanvasRenderingContext2D) => void} draw */
function picture(size_px, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size_px;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  draw(pen);
  return pen.getImageData(0, 0, size_px, size_px);
}
