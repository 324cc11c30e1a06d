// The past on the map: a solid frame, a label to leave by, and rings where now differs from then. Counterpart: app/past/.
// One rule: nothing of the past is ever seen without the frame.

import { textElement } from "./card.js";
import { isSettled } from "./measure.js";
import { paletteOf } from "./palette.js";
import { alone, filter, grown } from "./style.js";
import { FAULT_ORDER } from "./symbols.js";

/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Palette } from "./palette.js" */

const GHOSTS = "ghosts";
const GHOST_PX = 34;
const DENSITY = 3;
/** How often it is looked whether the map stands still, and how long at most. */
const LOOK_MS = 40;
const STILL_MS = 4_000;

/** @type {{ type: "FeatureCollection", features: import("geojson").Feature[] }} */
const NOTHING = { type: "FeatureCollection", features: [] };

export class Past {
  /** @type {Record<string, import("@maplibre/maplibre-gl-style-spec").SourceSpecification>} */
  sources = { [GHOSTS]: { type: "geojson", data: NOTHING, tolerance: 0, buffer: 64 } };
  #stage;
  #box = document.createElement("div");
  #label = textElement("strong", "", "");
  #ring = document.createElement("canvas");
  #words = textElement("div", "legend", "");
  #legend = /** @type {HTMLElement} */ (document.getElementById("legend"));
  /** @type {ThemeName} */
  #theme = "dark";
  /** @type {PastRow | null} */
  #shown = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#box.id = "past";
    this.#box.hidden = true;
    const button = document.createElement("button");
    button.type = "button";
    button.append(this.#label, textElement("span", "", "not live \u00B7 Esc returns"));
    button.addEventListener("click", () => stage.send({ type: "past_left" }));
    this.#ring.width = this.#ring.height = GHOST_PX * DENSITY;
    this.#words.append(textElement("span", "", "solid: as it was"), this.#ring, textElement("span", "", "ring: now in another state"));
    this.#box.append(button, this.#words);
    document.body.append(this.#box);
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#shown || event.defaultPrevented) return;
      event.preventDefault();
      stage.send({ type: "past_left" });
    });
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    const { map } = this.#stage;
    for (const status of FAULT_ORDER) {
      const name = `ghost/${status}`;
      const image = ringOf(paletteOf(theme).status[status]);
      if (map.hasImage(name)) map.updateImage(name, image);
      else map.addImage(name, image, { pixelRatio: DENSITY });
    }
    this.#paintFrame();
  }

  /** @param {Palette} _palette @returns {{ marks: LayerSpecification[] }} */
  layers(_palette) {
    return {
      marks: [{
        id: GHOSTS, type: "symbol", source: GHOSTS, filter: filter(alone),
        layout: {
          "icon-image": ["concat", "ghost/", ["get", "status"]], "icon-allow-overlap": true, "icon-ignore-placement": true,
          "icon-padding": 0, "icon-size": grown(0.9),
        },
      }],
    };
  }

  /** @param {FromWindow} message */
  take({ past, still, look }) {
    if (look) this.#stage.camera.look(look);
    if (past) this.#shown = past.on ? past : null;
    if (past) this.#paintFrame();
    if (past) this.#paintGhosts();
    if (still !== undefined) this.#tellWhenStill(still, performance.now() + STILL_MS);
  }

  laid() {
    if (this.#shown) this.#paintGhosts();
  }

  #paintGhosts() {
    const { map, network, painter } = this.#stage;
    const features = (this.#shown?.ghosts ?? []).flatMap(({ id, status }) => {
      const device = network.devices.get(id);
      if (!device) return [];
      const properties = { device: id, status, from: painter.aloneFrom(id) };
      return [/** @type {import("geojson").Feature} */ ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [device.lng, device.lat] } })];
    });
    /** @type {import("../vendor/maplibre-gl.mjs").GeoJSONSource} */ (map.getSource(GHOSTS))?.setData({ type: "FeatureCollection", features });
  }

  #paintFrame() {
    const shown = this.#shown;
    this.#legend.classList.toggle("raised", Boolean(shown));
    this.#box.hidden = !shown;
    if (!shown) return;
    this.#ring.getContext("2d")?.putImageData(ringOf(paletteOf(this.#theme).status.up), 0, 0);
    if (this.#label.textContent !== shown.label) this.#label.textContent = shown.label;
    for (const old of this.#words.querySelectorAll(".note")) old.remove();
    this.#words.append(...shown.notes.map((note) => textElement("span", "note", note)));
  }

  /** @param {number} token @param {number} until_ms by the page's clock */
  #tellWhenStill(token, until_ms) {
    const { map, painter, send } = this.#stage;
    setTimeout(() => {
      if (!isSettled(map, painter) && performance.now() < until_ms) return this.#tellWhenStill(token, until_ms);
      map.once("render", () => requestAnimationFrame(() => send({ type: "still", token })));
      map.triggerRepaint();
    }, LOOK_MS);
  }
}

/** A dotted ring in one colour. @param {string} color @returns {ImageData} */
function ringOf(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = GHOST_PX * DENSITY;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(DENSITY, DENSITY);
  pen.strokeStyle = color;
  pen.lineWidth = 1.8;
  pen.lineCap = "round";
  pen.setLineDash([0.6, 3.87]);
  pen.beginPath();
  pen.arc(GHOST_PX / 2, GHOST_PX / 2, 14.2, 0, 2 * Math.PI);
  pen.stroke();
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
