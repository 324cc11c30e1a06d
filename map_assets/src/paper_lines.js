// The links of a paper as straight strokes, from the moment their ends stand somewhere until the map has them. Counterpart: painter.js.
// Theory: cutting the tiles of thousands of links and drawing them takes seconds, a canvas with a stroke for each some milliseconds.
// Until the tiles are there this lies over the map, and under the glass with its symbols; it follows the camera as that does.
// One rule: nobody clicks on it, and it is gone with the first frame that has everything.

import { toFlat } from "./geometry.js";
import { paletteOf } from "./palette.js";

/** @import { Stage } from "./overlay.js" */

export class PaperLines {
  #stage;
  #canvas = document.createElement("canvas");
  #pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
  /** @type {ThemeName} */
  #theme = "dark";
  /** The paper has nothing that would be hidden. */
  #bare = false;
  /** The ends of the links in the flat world, four numbers each; null: there is nothing to wait for. @type {Float64Array | null} */
  #ends = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#canvas.className = "paper-lines";
    this.#canvas.hidden = true;
    stage.map.getCanvasContainer().insertBefore(this.#canvas, stage.map.getCanvasContainer().querySelector(".glass"));
    stage.map.on("render", () => {
      if (this.#ends && stage.painter.settled) this.#end();
      else this.#draw();
    });
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    this.#draw();
  }

  /** @param {FromWindow} message @param {import("./network.js").Touched} touched */
  take({ paper }, { fresh }) {
    if (paper) this.#bare = paper.drawings.length + paper.submaps.length === 0 && !paper.picture;
    if (paper === null) this.#end();
    else if (paper && fresh) this.#begin();
  }

  #begin() {
    this.#end(); // the paper before may have been on its way still, and this one may have no links
    const { devices, links } = this.#stage.network;
    const ends = [];
    const flat = new Map(Array.from(devices.values(), ({ id, lng, lat }) => [id, toFlat([lng, lat])]));
    for (const { a, b } of links.values()) {
      const [from, to] = [flat.get(a), flat.get(b)];
      if (from && to) ends.push(...from, ...to);
    }
    this.#ends = ends.length ? Float64Array.from(ends) : null;
    this.#draw();
  }

  #end() {
    this.#ends = null;
    this.#canvas.hidden = true;
  }

  #draw() {
    const ends = this.#ends;
    if (!ends) return;
    const { map } = this.#stage;
    const { width, height, style } = map.getCanvas();
    const { surface, text } = paletteOf(this.#theme);
    Object.assign(this.#canvas, { width, height });
    Object.assign(this.#canvas.style, { width: style.width, height: style.height });
    this.#canvas.hidden = false;
    const pen = this.#pen;
    const density = width / parseFloat(style.width);
    if (this.#bare) {
      pen.fillStyle = surface.ground;
      pen.fillRect(0, 0, width, height);
    }
    const center = map.getCenter();
    const [x, y] = toFlat([center.lng, center.lat]);
    const scale = (density * 512 * 2 ** map.getZoom()) / 360;
    pen.strokeStyle = text.faint;
    pen.lineWidth = density;
    pen.beginPath();
    for (let i = 0; i < ends.length; i += 4) {
      pen.moveTo(width / 2 + (ends[i] - x) * scale, height / 2 - (ends[i + 1] - y) * scale);
      pen.lineTo(width / 2 + (ends[i + 2] - x) * scale, height / 2 - (ends[i + 3] - y) * scale);
    }
    pen.stroke();
  }
}
