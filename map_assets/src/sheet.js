// The paper's own measure, and what lies on it as features. Pure. Counterpart: app/schematic/paper.py, which has the same measure.
// Theory: paper lies around 0, 0 of the page's flat world, one point a pixel at zoom 12; x runs to the right, y down.
// One rule: what comes and goes between window and page about paper is in points; only MapLibre gets degrees.

import { lineOf, pointOf } from "./features.js";
import { fromFlat, toFlat } from "./geometry.js";

/** @import { Feature } from "geojson" */

/** The zoom at which a point is a pixel. */
export const FULL_SIZE = 12;
const DEG_PER_POINT = 360 / (512 * 2 ** FULL_SIZE);
const ROUND_STEPS = 64;
/** Letters of a text whose size nobody chose, and of what is written in a box, in points. */
const LETTERS = 16;
/** Between the outline of a box and what is written in it, in points. */
const PAD = 8;
/** More letters than a line has: it is not wrapped. */
const UNWRAPPED = 100;

/** @typedef {[x: number, y: number]} Point */

/** @param {Point} point @returns {LngLat} */
export const groundOf = ([x, y]) => fromFlat([x * DEG_PER_POINT, -y * DEG_PER_POINT]);

/** @param {{ lng: number, lat: number }} place @returns {Point} */
export function pointAt({ lng, lat }) {
  const [x, y] = toFlat([lng, lat]);
  return [x / DEG_PER_POINT, -y / DEG_PER_POINT];
}

/** The corners of a drawing, clockwise from its x, y; of a line: its ends. @param {DrawingRow} drawing @returns {Point[]} */
export function cornersOf({ shape, x, y, width, height, text }) {
  if (shape === "line") return [[x, y], [x + width, y + height]];
  const [w, h] = shape === "text" ? textSize(text, height) : [width, height];
  return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
}

/** Roughly how much room a text takes. @param {string} text @param {number} height @returns {[width: number, height: number]} */
function textSize(text, height) {
  const lines = text.split("\n");
  const letters = height || LETTERS;
  return [Math.max(...lines.map((line) => [...line].length), 1) * letters * 0.6, lines.length * letters * 1.25];
}

/** @param {DrawingRow} drawing @returns {Point[]} a closed ring */
function outlineOf(drawing) {
  if (drawing.shape === "box") {
    const corners = cornersOf(drawing);
    return [...corners, corners[0]];
  }
  const [rx, ry] = [drawing.width / 2, drawing.height / 2];
  return Array.from({ length: ROUND_STEPS + 1 }, (_, i) => {
    const turn = (2 * Math.PI * (i % ROUND_STEPS)) / ROUND_STEPS;
    return /** @type {Point} */ ([drawing.x + rx + rx * Math.cos(turn), drawing.y + ry + ry * Math.sin(turn)]);
  });
}

/** @param {DrawingRow} drawing @returns {Feature[]} */
export function drawingFeatures(drawing) {
  const { id, shape, x, y, width, height, text, color } = drawing;
  const common = { id, what: "drawing", ink: color || "quiet" };
  const room = Math.max((shape === "ellipse" ? Math.SQRT1_2 : 1) * Math.abs(width) - 2 * PAD, LETTERS);
  const wrap = shape === "box" || shape === "ellipse" ? room / LETTERS : UNWRAPPED;
  const letters = { ...common, text, size: shape === "text" ? height || LETTERS : LETTERS, wrap };
  if (shape === "text") return [pointOf(groundOf([x, y]), { ...letters, anchor: "top-left" })];
  /** @type {Point} */
  const middle = [x + width / 2, y + height / 2];
  if (shape === "line") return [lineOf([groundOf([x, y]), groundOf([x + width, y + height])], common), ...inside(middle, "bottom")];
  const ring = outlineOf(drawing).map(groundOf);
  /** @type {Feature} */
  const area = { type: "Feature", properties: common, geometry: { type: "Polygon", coordinates: [ring] } };
  return [area, ...(shape === "box" ? inside([x + Math.min(width, 0) + PAD, y + Math.min(height, 0) + 6], "top-left") : inside(middle, "center"))];

  /** @param {Point} at @param {string} anchor @returns {Feature[]} */
  function inside(at, anchor) {
    return text ? [pointOf(groundOf(at), { ...letters, anchor })] : [];
  }
}

/** A drawing with one corner pulled elsewhere; the corner across stays. @param {DrawingRow} drawing @param {number} corner @param {Point} to @returns {DrawingRow} */
export function pulled(drawing, corner, [x, y]) {
  if (drawing.shape === "text") {
    const lines = drawing.text.split("\n").length * 1.25;
    return { ...drawing, height: Math.min(400, Math.max(6, (y - drawing.y) / lines)) };
  }
  const corners = cornersOf(drawing);
  const [ax, ay] = corners[(corner + corners.length / 2) % corners.length];
  if (drawing.shape === "line") return corner === 1 ? { ...drawing, width: x - ax, height: y - ay } : { ...drawing, x, y, width: ax - x, height: ay - y };
  return { ...drawing, x: Math.min(ax, x), y: Math.min(ay, y), width: Math.abs(x - ax), height: Math.abs(y - ay) };
}

/** The features of everything on a paper beside the network. @param {PaperRow} paper @returns {Feature[]} */
export function paperFeatures({ drawings, submaps, pinned, guests }) {
  return [
    ...drawings.flatMap(drawingFeatures),
    ...submaps.map(({ id, name, count, at }) => pointOf(groundOf(at), { id, what: "submap", name, said: said(count) })),
    ...pinned.map((at) => pointOf(groundOf(at), { what: "pin" })),
    ...guests.map((at) => pointOf(groundOf(at), { what: "guest" })),
  ];
}

/** Points between which all lies that is on a paper beside devices: drawings, submaps, guests, the picture. @param {PaperRow} paper @returns {Point[]} */
export function extentOf({ drawings, submaps, guests, picture }) {
  const points = [...drawings.flatMap(cornersOf), ...submaps.map(({ at }) => at), ...guests];
  if (picture) points.push([-picture.width / 2, -picture.height / 2], [picture.width / 2, picture.height / 2]);
  return points;
}

/** @param {number} count */
const said = (count) => (count === 0 ? "empty" : count === 1 ? "1 device" : `${count.toLocaleString("en")} devices`);
