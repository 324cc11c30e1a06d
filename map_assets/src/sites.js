// Sites as such: those where nothing stands are marks, the selected one has a ring, its name and lines to what stands elsewhere.
// Counterpart: `sites` in feed.py; `site_clicked` and `site_dropped` in bridge.py. Everywhere else a site is its devices.
// Theory: only the selected site can be dragged, by its ring; what stands there because of it comes along with the answer.
// One rule: one drag, one message; Escape drops nothing.

import { lineOf, pointOf } from "./features.js";
import { unrolled } from "./geometry.js";
import { label } from "./words.js";
import { MEDIUM, SEMIBOLD, ex, filter, isLine, isPoint } from "./style.js";

/** @import { Feature } from "geojson" */
/** @import { GeoJSONSource, MapMouseEvent } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Stage } from "./overlay.js" */
/** @import { Palette } from "./palette.js" */

const RING_PX = 24;
const STARTS_AFTER_PX = 5;
const LEGS_MOST = 200;
/** After a drop the preview stays until the site has moved; it vanishes if the move was refused. */
const PREVIEW_STAYS_MS = 1_500;

/** @param {string} kind @param {unknown[]} more */
const of = (kind, ...more) => ({ source: "sites", filter: filter(["all", ["==", ["get", "kind"], kind], ...more]) });

export class Sites {
  sources = { sites: { type: /** @type {const} */ ("geojson"), data: { type: /** @type {const} */ ("FeatureCollection"), features: [] } } };
  #stage;
  /** @type {string | null} */
  #chosen = null;
  /** Devices of the chosen site that stand elsewhere. @type {string[]} */
  #away = [];
  /** @type {{ id: string, from: LngLat, start: { x: number, y: number }, at: LngLat | null } | null} */
  #held = null;
  /** Whether nothing can be moved by hand. */
  #locked = false;
  #text = "";

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    stage.map.on("mousedown", (event) => this.#take(event));
    stage.map.on("mousemove", (event) => this.#move(event));
    addEventListener("mouseup", () => this.#drop());
    addEventListener("blur", () => this.#cancel());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#held?.at) {
        event.preventDefault();
        this.#cancel();
      }
    });
  }

  /** @param {Palette} p @returns {{ links: LayerSpecification[], marks: LayerSpecification[] }} */
  layers(p) {
    const halo = { "text-halo-color": p.surface.ground, "text-halo-width": 1.6 };
    return {
      links: [
        {
          id: "site-legs", type: "line", ...of("leg", isLine),
          paint: { "line-color": p.accent.accent, "line-width": 1, "line-opacity": 0.6, "line-dasharray": [2, 3] },
        },
        {
          id: "site-ring", type: "circle", ...of("chosen", isPoint),
          paint: {
            "circle-radius": RING_PX, "circle-color": p.accent.accent, "circle-opacity": 0.08,
            "circle-stroke-color": p.accent.accent, "circle-stroke-width": 1.6,
          },
        },
      ],
      marks: [
        {
          id: "site-marks", type: "circle", ...of("empty", isPoint), minzoom: 6,
          paint: { "circle-radius": 4, "circle-color": p.surface.ground, "circle-stroke-color": p.text.faint, "circle-stroke-width": 1.2 },
        },
        {
          id: "site-mark-names", type: "symbol", ...of("empty", isPoint), minzoom: 9,
          layout: { "text-field": ["get", "label"], "text-font": MEDIUM, "text-size": 11, "text-anchor": "left", "text-offset": [0.8, 0], "text-optional": true },
          paint: { "text-color": p.text.faint, ...halo },
        },
        {
          id: "site-name", type: "symbol", ...of("chosen", isPoint),
          layout: {
            "text-field": ["get", "label"], "text-font": SEMIBOLD, "text-size": 12.5, "text-anchor": "top",
            "text-offset": ex(["literal", [0, 2.2]]),
          },
          paint: { "text-color": p.accent.accent, "text-halo-color": p.surface.ground, "text-halo-width": 2 },
        },
      ],
    };
  }

  /** @param {FromWindow} message @param {import("./network.js").Touched} touched */
  take(message, touched) {
    if (message.select !== undefined) this.#chosen = message.select;
    if (message.away !== undefined) this.#away = message.away;
    this.#locked = message.locked ?? this.#locked;
    if (this.#locked) this.#cancel();
    if (message.reset || touched.sites || touched.places || message.select !== undefined || message.away) {
      this.#paint();
    }
  }

  #paint() {
    const features = [...this.#empty(), ...this.#marks()];
    const text = JSON.stringify(features);
    if (text === this.#text) return;
    this.#text = text;
    /** @type {GeoJSONSource} */ (this.#stage.map.getSource("sites")).setData({ type: "FeatureCollection", features });
  }

  /** The sites at whose place nothing stands. @returns {Feature[]} */
  #empty() {
    const { network } = this.#stage;
    if (!network.sites.size) return [];
    const taken = new Set(Array.from(network.devices.values(), ({ lng, lat }) => `${lng}/${lat}`));
    const free = Array.from(network.sites.values()).filter(({ lng, lat }) => !taken.has(`${lng}/${lat}`));
    return free.map(({ id, name, lng, lat }) => pointOf([lng, lat], { kind: "empty", id, label: label(name) }));
  }

  /** What belongs to the selected site. @returns {Feature[]} */
  #marks() {
    const { network } = this.#stage;
    const site = network.sites.get(this.#chosen ?? "");
    if (!site) return [];
    const place = /** @type {LngLat} */ ([site.lng, site.lat]);
    const legs = this.#away.slice(0, LEGS_MOST).flatMap((id) => {
      const device = network.devices.get(id);
      return device ? [lineOf(unrolled([place, [device.lng, device.lat]]), { kind: "leg" })] : [];
    });
    return [...legs, pointOf(place, { kind: "chosen", id: site.id, label: label(site.name) })];
  }

  /** @param {MapMouseEvent} event */
  #take(event) {
    const { map, network, painter } = this.#stage;
    const site = network.sites.get(this.#chosen ?? "");
    if (!site || event.originalEvent.button !== 0 || event.defaultPrevented || this.#locked || painter.imagining) return;
    const at = map.project([site.lng, site.lat]);
    if (Math.hypot(at.x - event.point.x, at.y - event.point.y) > RING_PX) return;
    event.preventDefault();
    this.#held = { id: site.id, from: [site.lng, site.lat], start: event.point, at: null };
  }

  /** @param {MapMouseEvent} event */
  #move({ point, lngLat }) {
    const held = this.#held;
    if (!held || (!held.at && Math.hypot(point.x - held.start.x, point.y - held.start.y) < STARTS_AFTER_PX)) return;
    held.at = [lngLat.lng, lngLat.lat];
    this.#stage.painter.put("drag", [lineOf(unrolled([held.from, held.at]), {}), pointOf(held.at, {})]);
  }

  #drop() {
    const held = this.#held;
    this.#held = null;
    if (!held?.at) return;
    const lng = ((((held.at[0] + 180) % 360) + 360) % 360) - 180;
    this.#stage.send({ type: "site_dropped", id: held.id, lng, lat: held.at[1] });
    setTimeout(() => this.#held ?? this.#stage.painter.put("drag", []), PREVIEW_STAYS_MS);
  }

  #cancel() {
    if (this.#held) this.#stage.painter.put("drag", []);
    this.#held = null;
  }
}
