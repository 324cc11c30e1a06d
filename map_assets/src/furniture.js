// What stands around the map: buttons, legend with scale, credits, notices. Counterpart: style/page.css.
// One rule: text nodes only, and nothing here moves the map but through the camera it is given.

import { textElement } from "./card.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Camera } from "./camera.js" */
/** @import { Palette } from "./palette.js" */

const CREDITS = "© OpenStreetMap contributors, Natural Earth, GeoNames, GSHHG";
const BOUNDS = ["idle", "1", "25", "50", "75", "90 %"];
const KINDS = [["cable", "fibre"], ["broken", "down"], ["affected", "affected"], ["wireless", "wireless"], ["unknown", "no data"]];
const SCALE_MOST_PX = 100;
const STEPS = [1, 2, 5];
const EARTH_M = 40_075_016.686;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {MapLibre} map @param {Camera} camera @param {Send} send @param {boolean} viewing whether there are no tools */
export function putButtons(map, camera, send, viewing) {
  /** @type {[icon: string, title: string, act: () => unknown][]} */
  const rows = [
    ["plus", "Zoom in", () => map.zoomIn()],
    ["minus", "Zoom out", () => map.zoomOut()],
    ["maximize", "Show the whole network (Home)", () => camera.fit()],
  ];
  /** @type {typeof rows} */
  const tools = [
    ["layers", "Layers (L)", () => send({ type: "tool_asked", tool: "layers" })],
    ["ruler", "Measure (D)", () => send({ type: "tool_asked", tool: "ruler" })],
    ["pencil", "Edit (E)", () => send({ type: "tool_asked", tool: "edit" })],
  ];
  byId("buttons").replaceChildren(...(viewing ? rows : [...rows, ...tools]).map(([icon, title, act]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = title;
    button.className = `icon-${icon}`;
    button.addEventListener("click", act);
    return button;
  }));
}

/** Whose data is in sight: that of the world beneath, and of maps of the user. @param {string[]} more */
export const putCredits = (more = []) => byId("credits").replaceChildren(...[...more, CREDITS].map((text) => textElement("p", "", text)));

/** @param {Palette} palette */
export function putLegend(palette) {
  const ramp = document.createElement("div");
  ramp.className = "ramp";
  palette.load.forEach((color, i) => {
    const step = textElement("span", i === palette.load.length - 1 ? "hot" : "", BOUNDS[i]);
    step.style.setProperty("--step", color);
    ramp.append(step);
  });
  const kinds = document.createElement("div");
  kinds.className = "kinds";
  for (const [kind, words] of KINDS) {
    kinds.append(textElement("span", `sample ${kind}`, ""), textElement("span", "", words));
  }
  const scale = document.createElement("div");
  scale.className = "scale";
  scale.append(textElement("span", "bar", ""), textElement("span", "words", ""));
  byId("legend").replaceChildren(ramp, kinds, scale);
}

/** Keep the scale bar at the map's scale. @param {MapLibre} map */
export function putScale(map) {
  const { lat } = map.getCenter();
  const metresPerPixel = (EARTH_M * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
  const most_m = metresPerPixel * SCALE_MOST_PX;
  const size = 10 ** Math.floor(Math.log10(most_m));
  const shown_m = size * (STEPS.findLast((step) => step * size <= most_m) ?? 1);
  const [bar, words] = /** @type {HTMLElement[]} */ ([...byId("legend").querySelectorAll(".scale > *")]);
  if (!bar || !words) return;
  bar.style.width = `${Math.round(shown_m / metresPerPixel)}px`;
  words.textContent = shown_m >= 1000 ? `${shown_m / 1000} km` : `${shown_m} m`;
}

/** Say something over the map, once. @param {string} text */
export function notice(text) {
  const box = byId("notices");
  if ([...box.children].some((child) => child.textContent === text)) return;
  box.append(textElement("p", "", text));
}

/** Say something no more. @param {string} text */
export function takeBack(text) {
  for (const child of [...byId("notices").children]) if (child.textContent === text) child.remove();
}
