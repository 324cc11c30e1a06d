// What a hand holds: nothing, the editing hand, the pen for links, the ruler. Counterpart: app/map/tools.py says which.
// Theory: one tool is held at a time; it gets the pointer and the keys before anybody else, and draws into one small source.
// One rule: whoever holds a tool sees so (a hint over the map), and Escape puts it down.

import { textElement } from "./card.js";
import { Hand } from "./hand.js";
import { LinkPen } from "./link_pen.js";
import { Ruler } from "./ruler.js";
import { ex, filter, isLine, SEMIBOLD } from "./style.js";

/** @import { Feature } from "geojson" */
/** @import { GeoJSONSource, MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */
/** @import { Palette } from "./palette.js" */

/** What a tool says over the map: a name, what to do, buttons; `list` stands below, one line a row. */
/** @typedef {{ name: string, said: string, buttons?: [words: string, act: () => void][], list?: string[] }} Hint */
/**
 * A tool: what it does with the pointer and keys while it is held. A key it knows is answered with true.
 * @typedef {object} Tool
 * @property {() => Hint} hint
 * @property {() => void} [begin]
 * @property {() => void} end put down: nothing of it is left
 * @property {() => boolean} cancel Escape: whether there was something to cancel before it is put down
 * @property {(message: FromWindow, touched: Touched) => void} [take]
 * @property {(event: KeyboardEvent) => boolean} [key]
 * @property {(event: MapMouseEvent) => void} [click]
 * @property {(event: MapMouseEvent) => void} [dblclick]
 * @property {(event: MapMouseEvent) => void} [mousedown]
 * @property {(event: MapMouseEvent) => void} [mousemove]
 * @property {(event: MapMouseEvent) => void} [contextmenu]
 * @property {() => void} [mouseup]
 */
/** What tools draw with and say. @typedef {{ draw: (features: Feature[]) => void, say: () => void, copy: (text: string) => void }} Bench */

const SOURCE = "tools";

export class Tools {
  /** @type {Record<string, SourceSpecification>} */
  sources = { [SOURCE]: { type: "geojson", data: { type: "FeatureCollection", features: [] } } };
  #stage;
  #box = document.createElement("div");
  /** @type {Record<string, Tool>} */
  #tools;
  /** @type {Tool | null} */
  #held = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    const { map, send } = stage;
    /** @type {Bench} */
    const bench = {
      draw: (features) => /** @type {GeoJSONSource} */ (map.getSource(SOURCE)).setData({ type: "FeatureCollection", features }),
      say: () => this.#say(),
      copy: (text) => send({ type: "copied", text }),
    };
    this.#tools = { edit: new Hand(stage, bench), link: new LinkPen(stage, bench), ruler: new Ruler(stage, bench) };
    this.#box.id = "tool";
    this.#box.hidden = true;
    document.body.append(this.#box);
    for (const name of /** @type {const} */ (["click", "dblclick", "mousedown", "mousemove", "contextmenu"])) {
      map.on(name, (event) => this.#held?.[name]?.(event));
    }
    addEventListener("mouseup", () => this.#held?.mouseup?.());
    addEventListener("keydown", (event) => this.#key(event), true);
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take(message, touched) {
    if (message.tool !== undefined) this.#hold(this.#tools[message.tool] ?? null);
    for (const tool of Object.values(this.#tools)) tool.take?.(message, touched);
    if (message.escape) this.#stepBack();
  }

  /** @param {Palette} p @returns {{ hands: LayerSpecification[] }} */
  layers(p) {
    /** @param {string} id @param {...string} kinds */
    const of = (id, ...kinds) => ({ id: `tools-${id}`, source: SOURCE, filter: filter(["in", ["get", "kind"], ["literal", kinds]]) });
    const width = { "line-color": p.accent.accent, "line-width": 2 };
    return {
      hands: [
        { ...of("area", "area"), type: "fill", paint: { "fill-color": p.accent.accent, "fill-opacity": 0.14 } },
        { ...of("casing", "leg"), type: "line", paint: { "line-color": p.surface.ground, "line-width": 5, "line-opacity": 0.7 } },
        { ...of("leg", "leg"), type: "line", layout: { "line-join": "round" }, paint: width },
        { ...of("ghost", "ghost"), type: "line", filter: filter(["all", isLine, ["==", ["get", "kind"], "ghost"]]), paint: { ...width, "line-dasharray": [3, 2] } },
        {
          ...of("picked", "picked"), type: "circle",
          paint: { "circle-radius": 12, "circle-color": p.accent.accent, "circle-opacity": 0.18, "circle-stroke-color": p.accent.accent, "circle-stroke-width": 2 },
        },
        {
          ...of("handle", "bend", "middle", "moved"), type: "circle",
          paint: {
            "circle-radius": ex(["match", ["get", "kind"], "middle", 4, 6.5]),
            "circle-color": ex(["match", ["get", "kind"], "middle", p.accent.accent, p.surface.panel]),
            "circle-stroke-color": ex(["match", ["get", "kind"], "middle", p.surface.ground, p.accent.accent]),
            "circle-stroke-width": ex(["match", ["get", "kind"], "middle", 1.5, 2.5]),
          },
        },
        {
          ...of("text", "text"), type: "symbol",
          layout: { "text-field": ex(["get", "text"]), "text-font": SEMIBOLD, "text-size": 12, "text-allow-overlap": true, "text-offset": [0, -0.9] },
          paint: { "text-color": p.text.text, "text-halo-color": p.surface.ground, "text-halo-width": 2 },
        },
      ],
    };
  }

  /** @param {Tool | null} tool */
  #hold(tool) {
    if (tool === this.#held) return;
    this.#held?.end();
    this.#held = tool;
    this.#stage.map.getCanvas().classList.toggle("tool", tool !== null);
    if (tool) this.#stage.map.doubleClickZoom.disable();
    else this.#stage.map.doubleClickZoom.enable();
    tool?.begin?.();
    this.#say();
  }

  #say() {
    const hint = this.#held?.hint();
    this.#box.hidden = !hint;
    if (!hint) return this.#box.replaceChildren();
    const row = textElement("p", "", "");
    row.append(textElement("strong", "", hint.name), textElement("span", "", hint.said));
    for (const [words, act] of [...(hint.buttons ?? []), /** @type {[string, () => void]} */ (["Done", () => this.#leave()])]) {
      const button = /** @type {HTMLButtonElement} */ (textElement("button", "", words));
      button.type = "button";
      button.addEventListener("click", act);
      row.append(button);
    }
    const list = textElement("ol", "", "");
    list.append(...(hint.list ?? []).map((line) => textElement("li", "", line)));
    this.#box.replaceChildren(row, ...(hint.list?.length ? [list] : []));
  }

  #stepBack() {
    if (!this.#held?.cancel()) this.#leave();
    else this.#say();
  }

  #leave() {
    if (!this.#held) return;
    this.#hold(null);
    this.#stage.send({ type: "tool_left" });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#held || event.defaultPrevented) return;
    if (event.key === "Escape") this.#stepBack();
    else if (!this.#held.key?.(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
