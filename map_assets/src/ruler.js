// Measures along clicks: each leg with its bearing, the whole way, the area when the way closes. Counterpart: geodesy.js computes.
// One rule: what is read is of the ground (WGS 84), never of the screen.

import { lineOf, pointOf } from "./features.js";
import { area, areaWords, bearingWords, geodesic, lengthWords } from "./geodesy.js";

/** @import { Feature } from "geojson" */
/** @import { MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { Stage } from "./overlay.js" */
/** @import { Bench } from "./tools.js" */
/** @import { Units } from "./geodesy.js" */

const POINTS_MOST = 500;
const LEGS_SHOWN = 12;
const CLOSES_PX = 9;
const PARTS = 32;

export class Ruler {
  #stage;
  #bench;
  /** @type {LngLat[]} */
  #points = [];
  /** @type {LngLat | null} */
  #here = null;
  #closed = false;
  #ended = false;
  /** @type {Units} */
  #units = "metric";

  /** @param {Stage} stage @param {Bench} bench */
  constructor(stage, bench) {
    this.#stage = stage;
    this.#bench = bench;
  }

  hint() {
    const words = this.#words();
    const [total] = words;
    const said = total ?? "click along the way; click the first point again for an area";
    /** @type {[string, () => void][]} */
    const buttons = this.#points.length > 1 ? [["Copy", () => this.#bench.copy(words.join("\n"))], ["Clear", () => this.#clear()]] : [];
    const legs = words.slice(1);
    const more = legs.length > LEGS_SHOWN ? [`… ${legs.length - LEGS_SHOWN} legs before`] : [];
    return { name: "Measure", said, buttons, list: [...more, ...legs.slice(-LEGS_SHOWN)] };
  }

  end() {
    this.cancel();
    this.#bench.draw([]);
  }

  cancel() {
    const was = this.#points.length > 0;
    this.#points = [];
    this.#here = null;
    this.#closed = this.#ended = false;
    this.#draw();
    return was;
  }

  /** @param {FromWindow} message */
  take({ units }) {
    if (units === undefined || units === this.#units) return;
    this.#units = units;
    if (this.#points.length) this.#draw();
    this.#bench.say();
  }

  /** @param {MapMouseEvent} event */
  click(event) {
    event.preventDefault();
    if (this.#ended) this.cancel();
    const [first] = this.#points;
    const away = first ? this.#stage.map.project(first).dist(event.point) : Infinity;
    if (this.#points.length > 2 && away < CLOSES_PX) this.#closed = this.#ended = true;
    else if (this.#points.length < POINTS_MOST) this.#points.push(this.#near(event.lngLat.toArray()));
    this.#here = null;
    this.#draw();
    this.#bench.say();
  }

  /** @param {MapMouseEvent} event */
  dblclick(event) {
    event.preventDefault();
    const [last, before] = [this.#points.at(-1), this.#points.at(-2)];
    const { map } = this.#stage;
    if (last && before && map.project(last).dist(map.project(before)) < 4) this.#points.pop();
    this.#finish();
  }

  /** @param {MapMouseEvent} event */
  contextmenu(event) {
    event.preventDefault();
    this.#finish();
  }

  /** @param {MapMouseEvent} event */
  mousemove(event) {
    if (!this.#points.length || this.#ended) return;
    this.#here = this.#near(event.lngLat.toArray());
    this.#draw();
    this.#bench.say();
  }

  /** @param {KeyboardEvent} event */
  key({ key }) {
    if (key === "Enter") this.#finish();
    else if (key === "Backspace") {
      if (this.#closed) this.#closed = this.#ended = false;
      else this.#points.pop();
      this.#ended = false;
      this.#draw();
      this.#bench.say();
    } else return false;
    return true;
  }

  #finish() {
    this.#ended = true;
    this.#here = null;
    this.#draw();
    this.#bench.say();
  }

  #clear() {
    this.cancel();
    this.#bench.say();
  }

  /** The place on the copy of the world that is nearest to the last point. @param {LngLat} place @returns {LngLat} */
  #near([lng, lat]) {
    const last = this.#points.at(-1);
    return last ? [lng - 360 * Math.round((lng - last[0]) / 360), lat] : [lng, lat];
  }

  /** The way so far with where the pointer is, and back to its start where it is closed. @returns {LngLat[]} */
  get #path() {
    return [...this.#points, ...(this.#here ? [this.#here] : []), ...(this.#closed ? [this.#points[0]] : [])];
  }

  /** The whole first, then each leg. */
  #words() {
    const path = this.#path;
    const legs = path.slice(1).map((to, i) => geodesic(path[i], to));
    if (!legs.length) return [];
    const total = lengthWords(legs.reduce((sum, { distance_m }) => sum + distance_m, 0), this.#units);
    const inside = this.#closed ? `${areaWords(area(this.#points), this.#units)} within ${total}` : total;
    if (legs.length === 1) return [`${inside}, bearing ${bearingWords(legs[0].bearing_deg)}`];
    return [inside, ...legs.map(({ distance_m, bearing_deg }, i) => `${i + 1}: ${lengthWords(distance_m, this.#units)}, ${bearingWords(bearing_deg)}`)];
  }

  #draw() {
    const path = this.#path;
    /** @type {Feature[]} */
    const features = path.slice(1).flatMap((to, i) => {
      const { distance_m } = geodesic(path[i], to);
      const way = greatCircle(path[i], to);
      return [lineOf(way, { kind: "leg" }), pointOf(way[way.length >> 1], { kind: "text", text: lengthWords(distance_m, this.#units) })];
    });
    if (this.#closed) {
      const ring = path.slice(1).flatMap((to, i) => greatCircle(path[i], to));
      features.unshift({ type: "Feature", properties: { kind: "area" }, geometry: { type: "Polygon", coordinates: [ring] } });
    }
    this.#bench.draw([...features, ...this.#points.map((place) => pointOf(place, { kind: "bend" }))]);
  }
}

/** The shortest way as the map draws it: bent where it is long. @param {LngLat} from @param {LngLat} to @returns {LngLat[]} */
function greatCircle(from, to) {
  if (geodesic(from, to).distance_m < 50_000) return [from, [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], to];
  const [a, b] = [from, to].map(([lng, lat]) => {
    const [x, y] = [(lng * Math.PI) / 180, (lat * Math.PI) / 180];
    return [Math.cos(y) * Math.cos(x), Math.cos(y) * Math.sin(x), Math.sin(y)];
  });
  const angle = Math.acos(Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  /** @type {LngLat[]} */
  const way = [from];
  for (let i = 1; i < PARTS; i++) {
    const [p, q] = [Math.sin(angle * (1 - i / PARTS)), Math.sin((angle * i) / PARTS)];
    const [x, y, z] = a.map((value, axis) => p * value + q * b[axis]);
    const lng = (Math.atan2(y, x) * 180) / Math.PI;
    way.push([lng - 360 * Math.round((lng - way[i - 1][0]) / 360), (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI]);
  }
  return [...way, to];
}
