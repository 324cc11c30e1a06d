// Areas on the map: those that the window wants shown, and one that a hand draws. Counterpart: app/map/own_maps.py.
// One rule: while a box is drawn the map does not move, and Escape gives up.

import { ex } from "./style.js";

/** @import { MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Palette } from "./palette.js" */

const SOURCE = "areas";
const LEAST_PX = 4;

export class Areas {
  sources = { [SOURCE]: { type: /** @type {const} */ ("geojson"), data: collected([]), tolerance: 0 } };
  #map;
  #send;
  /** @type {Box[]} */
  #shown = [];
  #drawing = false;
  /** Where the hand went down. @type {MapMouseEvent | null} */
  #start = null;

  /** @param {Stage} stage */
  constructor({ map, send }) {
    this.#map = map;
    this.#send = send;
    map.on("mousedown", (event) => {
      if (!this.#drawing) return;
      event.preventDefault();
      this.#start = event;
    });
    map.on("mousemove", (event) => {
      if (this.#start) this.#paint([this.#between(event)]);
    });
    map.on("mouseup", (event) => this.#end(event));
    map.on("click", (event) => {
      if (this.#drawing) event.preventDefault();
    });
    addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#drawing) return;
      event.preventDefault();
      this.#stop(null);
    }, { capture: true });
  }

  /** @param {FromWindow} message */
  take({ areas, draw_box: draw }) {
    if (areas) {
      this.#shown = areas;
      this.#paint(areas);
    }
    if (draw === undefined) return;
    this.#drawing = draw;
    this.#start = null;
    this.#map.getCanvas().classList.toggle("draws", draw);
    if (!draw) this.#paint(this.#shown);
  }

  /** @param {Palette} p @returns {{ hands: LayerSpecification[] }} */
  layers = (p) => ({
    hands: [
      { id: "area-fill", type: "fill", source: SOURCE, paint: { "fill-color": p.accent.accent, "fill-opacity": 0.08 } },
      {
        id: "area-edge", type: "line", source: SOURCE,
        paint: { "line-color": p.accent.accent, "line-width": 1.5, "line-dasharray": ex(["literal", [3, 2]]) },
      },
    ],
  });

  /** @param {MapMouseEvent} event */
  #end(event) {
    const start = this.#start;
    if (!start) return;
    const far = Math.abs(event.point.x - start.point.x) >= LEAST_PX && Math.abs(event.point.y - start.point.y) >= LEAST_PX;
    if (far) this.#stop(this.#between(event));
    else this.#start = null;
  }

  /** @param {Box | null} box */
  #stop(box) {
    this.#drawing = false;
    this.#start = null;
    this.#map.getCanvas().classList.remove("draws");
    if (!box) this.#paint(this.#shown);
    this.#send({ type: "box_drawn", box });
  }

  /** @param {MapMouseEvent} event @returns {Box} */
  #between(event) {
    const a = /** @type {MapMouseEvent} */ (this.#start).lngLat;
    const b = event.lngLat;
    const far = Math.abs(a.lng - b.lng) >= 360;
    const [west, east] = far ? [-180, 180] : [Math.min(a.lng, b.lng), Math.max(a.lng, b.lng)].map(wrapped);
    return [west, Math.min(a.lat, b.lat), east, Math.max(a.lat, b.lat)];
  }

  /** @param {Box[]} boxes */
  #paint(boxes) {
    const source = /** @type {import("../vendor/maplibre-gl.mjs").GeoJSONSource} */ (this.#map.getSource(SOURCE));
    source.setData(collected(boxes));
  }
}

/** A longitude on this copy of the world. @param {number} lng */
const wrapped = (lng) => lng - 360 * Math.floor((lng + 180) / 360);

/** @param {Box[]} boxes @returns {import("geojson").FeatureCollection} */
function collected(boxes) {
  return {
    type: "FeatureCollection",
    features: boxes.map(([w, s, east, n]) => ({ w, s, e: w > east ? east + 360 : east, n })).map(({ w, s, e, n }) => ({
      type: "Feature", properties: {},
      geometry: { type: "Polygon", coordinates: [[[w, s], [e, s], [e, n], [w, n], [w, s]]] },
    })),
  };
}
