// What else stands on the map: sectors, rulers, handles, the schematic, the past; each a class in a module of its own.
// Counterpart: main.js hands every message on; stack.js says where layers stand and which are shown.
// To add one: write a class that is an Overlay, import it here and append it to OVERLAYS. What it needs of a message it declares
// in globals.d.ts (`FromWindow`), what it says in `ToWindow`, whose twin is app/map/bridge.py.
// A layer that people may hide or reorder says `metadata: { group: "signal" }`; one that must always be seen says none.
// The pointer: overlays listen first (`map.on("click" | "dblclick" | "mousedown" | "contextmenu", ...)`, `keydown` of the window);
// the one that acts on an event calls `event.preventDefault()`, and nobody after it does anything.
// One rule: an overlay keeps no secrets: what it shows comes with messages, and a page that died gets them again.

import { Areas } from "./area.js";
import { Candidates } from "./candidates.js";
import { OwnMaps } from "./own_maps.js";
import { paletteOf } from "./palette.js";
import { Past } from "./past.js";
import { PaperOverlay } from "./paper.js";
import { PaperLines } from "./paper_lines.js";
import { Sieve } from "./sieve.js";
import { Sites } from "./sites.js";
import { Pin } from "./pin.js";
import { Radio } from "./radio.js";
import { Readings } from "./readings.js";
import { TeamMarks } from "./team_marks.js";
import { Tools } from "./tools.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Camera } from "./camera.js" */
/** @import { Network, Touched } from "./network.js" */
/** @import { Painter } from "./painter.js" */
/** @import { Palette } from "./palette.js" */
/** @import { Slot, Stack } from "./stack.js" */

/** What an overlay is built with. @typedef {{ map: MapLibre, network: Network, painter: Painter, camera: Camera, stack: Stack, send: Send }} Stage */

/**
 * @typedef {object} Overlay
 * @property {Record<string, SourceSpecification>} [sources] made at the start; an empty one costs nothing
 * @property {(palette: Palette) => Partial<Record<Slot, LayerSpecification[]>>} [layers] the same layers for every theme
 * @property {(message: FromWindow, touched: Touched) => void} take every message, the first too, when the network has taken it
 * @property {() => void} [laid] paint what asks the painter for rings or what stands alone: that comes a moment after the places do
 * @property {(theme: ThemeName) => void} [setTheme] its pictures and elements; layers are repainted for it. Called at the start too
 */

/** In the order they take messages, and within a slot from the ground up. @type {(new (stage: Stage) => Overlay)[]} */
export const OVERLAYS = [OwnMaps, PaperOverlay, PaperLines, Candidates, Radio, Readings, TeamMarks, Sites, Tools, Past, Sieve, Pin, Areas];

export class Overlays {
  #stack;
  #all;

  /** @param {Stage} stage @param {ThemeName} theme */
  constructor(stage, theme) {
    this.#stack = stage.stack;
    this.#all = OVERLAYS.map((Kind) => new Kind(stage));
    for (const { sources = {} } of this.#all) for (const [id, source] of Object.entries(sources)) stage.map.addSource(id, source);
    this.setTheme(theme);
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    for (const overlay of this.#all) {
      overlay.setTheme?.(theme);
      const slots = overlay.layers?.(paletteOf(theme)) ?? {};
      for (const [slot, layers] of Object.entries(slots)) this.#stack.put(layers, /** @type {Slot} */ (slot));
    }
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take(message, touched) {
    for (const overlay of this.#all) overlay.take(message, touched);
  }

  laid() {
    for (const overlay of this.#all) overlay.laid?.();
  }
}
