// Devices that stand at one place, spread around it so that each can be seen and clicked. Counterpart: the stacks of clusters.js.
// The links between them are drawn from one to the other, what is down or degraded marked as everywhere.
// Theory: arrows go from one device to the next, Return chooses it; Return opens the fan of what is selected, too.
// One rule: a fan is of the screen, not of the ground: it closes when the zoom changes.

import { isShort, lagWords, lineOf, pointOf, severityOf } from "./features.js";
import { fanOut, fanReach, fromFlat, halve, pointAlong } from "./geometry.js";
import { aside, widthOf } from "./lanes.js";
import { LOAD_HIDDEN } from "./network.js";
import { FAULT_ORDER } from "./symbols.js";
import { label } from "./words.js";

/** @import { Feature } from "geojson" */
/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Painter } from "./painter.js" */
/** @import { Network } from "./network.js" */

const TITLE_PX = 20;
/** So near to its middle a fan has its ring. */
const CENTRE_PX = 26;
/** Where the mark of a link that is down or degraded stands instead of its middle, which is under that ring. */
const ASIDE_SHARE = 0.2;
/** From so many on, only what is not well, and what is looked at, has its name: the others say it when the pointer rests on them. */
const NAMED_MOST = 16;
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Fan {
  #map;
  #network;
  #painter;
  #send;
  /** @type {DeviceRow[]} */
  #members = [];
  /** The device that the keyboard is at. @type {string | null} */
  #focused = null;

  /** @param {MapLibre} map @param {Network} network @param {Painter} painter @param {Send} send */
  constructor(map, network, painter, send) {
    this.#map = map;
    this.#network = network;
    this.#painter = painter;
    this.#send = send;
    // before MapLibre, which would move the map
    addEventListener("keydown", (event) => this.#key(event) && event.stopImmediatePropagation(), true);
  }

  /** @param {DeviceRow[]} members all at one place */
  open(members) {
    const worst = (/** @type {DeviceRow} */ { id }) => FAULT_ORDER.indexOf(this.#network.healthOf(id).status);
    this.#members = [...members].sort((a, b) => worst(a) - worst(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
    this.#focused = null;
    this.refresh();
  }

  /** @returns {boolean} whether one was open */
  close() {
    const was = this.#members.length > 0;
    this.open([]);
    return was;
  }

  /** Open the fan that a device or a site is in, once the map has come to rest over it. @param {string} id */
  openThere(id) {
    this.#map.once("moveend", () => {
      const place = this.#network.devices.get(id) ?? this.#network.sites.get(id);
      if (place && this.#map.getBounds().contains([place.lng, place.lat])) this.#openOf(id);
    });
  }

  /** Paint the members as they fare now, each where it was. */
  refresh() {
    const [first] = this.#members;
    if (!first) {
      this.#painter.glass.clear(null);
      return this.#painter.put("fan", []);
    }
    const at = /** @type {LngLat} */ ([first.lng, first.lat]);
    const middle = this.#map.project(at);
    const [many, site] = [this.#members.length > NAMED_MOST, this.#network.siteAt(first)];
    const places = new Map(fanOut(this.#members.length).map(([dx, dy], i) => {
      const { lng, lat } = this.#map.unproject([middle.x + dx, middle.y + dy]);
      return [this.#members[i].id, /** @type {LngLat} */ ([lng, lat])];
    }));
    const features = this.#members.flatMap(({ id, name }) => {
      const [lng, lat] = /** @type {LngLat} */ (places.get(id));
      const { status } = this.#network.healthOf(id);
      const focused = id === (this.#focused ?? this.#painter.chosen);
      const named = !many || focused || status === "down" || status === "degraded";
      return [
        lineOf([at, [lng, lat]], {}),
        pointOf([lng, lat], { id, status, focused, label: named ? label(name) : "", anchor: lng < first.lng - 1e-9 ? "right" : "left", severity: severityOf(status) }),
      ];
    });
    const { lng, lat } = this.#map.unproject([middle.x, middle.y - fanReach(this.#members.length) - TITLE_PX]);
    if (site) features.push(pointOf([lng, lat], { id: site.id, title: `${label(site.name)}, ${this.#members.length} devices` }));
    this.#painter.glass.clear({ lng: first.lng, lat: first.lat, reach_px: fanReach(this.#members.length) + TITLE_PX });
    this.#painter.put("fan", [...this.#links(places), ...features]);
  }

  /** The links from one member to another. @param {Map<string, LngLat>} places of the members @returns {Feature[]} */
  #links(places) {
    const ids = new Set([...places.keys()].flatMap((id) => this.#network.linksAt(id)));
    return [...ids].flatMap((id) => {
      const { a, b, capacity_bps } = /** @type {LinkRow} */ (this.#network.links.get(id));
      const [from, to] = [places.get(a), places.get(b)];
      if (!from || !to || a === b) return [];
      const { ab, ba } = this.#network.drawnLoads(id);
      const lane = this.#network.laneOf(id);
      const { path, length, middle, bearing_deg } = halve([from, to]);
      const common = { link: id, load: Math.max(ab, ba), width: widthOf(capacity_bps), lane: lane.offset, focused: id === this.#painter.chosen };
      const line = lineOf(path.map(fromFlat), common);
      const { lag } = this.#network.loadOf(id);
      const short = isShort(this.#network, id) && lag ? lagWords(lag) : "";
      if (ab !== LOAD_HIDDEN && !short) return [line];
      const at = this.#isCentre(middle) ? fromFlat(pointAlong(path, length * ASIDE_SHARE).point) : middle;
      return [line, pointOf(at, { link: id, said: short, ...aside(lane, bearing_deg) })];
    });
  }

  /** Whether something would stand over the ring in the middle of the fan, which stays there. @param {LngLat} at */
  #isCentre(at) {
    const [there, middle] = [at, /** @type {LngLat} */ ([this.#members[0].lng, this.#members[0].lat])].map((place) => this.#map.project(place));
    return Math.hypot(there.x - middle.x, there.y - middle.y) < CENTRE_PX;
  }

  /** Open the fan that a device or a site is in, if it is in one. @param {string} id @returns {boolean} whether it is */
  #openOf(id) {
    const site = this.#network.sites.get(id);
    const there = site && Array.from(this.#network.devices.values()).find((device) => this.#network.siteAt(device) === site);
    const ring = this.#painter.ring(there?.id ?? id);
    if (ring?.stack) this.open(ring.members.flatMap((member) => this.#network.devices.get(member) ?? []));
    return Boolean(ring?.stack);
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was for the fan */
  #key({ key }) {
    const now = this.#members.findIndex(({ id }) => id === this.#focused);
    if (!this.#members.length) return key === "Enter" && this.#painter.chosen !== null && this.#openOf(this.#painter.chosen);
    if (key === "Escape") return this.close(); // it lies over all else that Escape leaves
    if (key in STEPS) {
      const next = now < 0 && STEPS[key] < 0 ? -1 : now + STEPS[key];
      this.#focused = this.#members[(next + this.#members.length) % this.#members.length].id;
      this.refresh();
      return true;
    }
    if (key !== "Enter" || this.#focused === null) return false;
    this.#send({ type: "device_clicked", id: this.#focused });
    return true;
  }
}
