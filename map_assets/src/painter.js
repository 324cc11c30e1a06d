// Brings the network onto the map: sources, feature-state, rings. Counterpart: network.js says what is, layers.js how it looks.
// One rule: a tick never sets the data of a source whose size grows with the network, only of those that hold what is odd.

import { clusterBelow, makeClusters } from "./clusters.js";
import { WOULD } from "./fate_layers.js";
import { fateFeatures, fatesOf } from "./fates.js";
import { brokenFeatures, chosenFeatures, deviceFeatures, linkFeatures, oddFeatures, pillFeatures, ringFeatures } from "./features.js";
import { pixelsPerDegree } from "./geometry.js";
import { LOAD_AFFECTED, LOAD_HIDDEN, LOAD_NOT_KNOWN, LOAD_UNKNOWN, PILL_ZOOM, networkLayers } from "./layers.js";
import { paletteOf } from "./palette.js";
import { isOdd, putPictures, ringPicture } from "./symbols.js";

/** @import { Map as MapLibre, GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { Network } from "./network.js" */
/** @import { Stack, Wish } from "./stack.js" */
/** @import { RingParts } from "./symbols.js" */

/** @typedef {"broken" | "pill" | "odd" | "ring" | "fan" | "chosen" | "drag" | "join"} Kind what the live source holds */

const PILLS_MOST = 300;
/** No screen has room for more names of what is odd; beyond that the newest have theirs. */
const ODD_NAMES_MOST = 1_000;
const AGES_MS = 5_000;
const PILLS_MS = 1_000;
/** The live source follows the ticks, but not more often than this. */
const LIVE_MS = 150;

const now_us = () => Date.now() * 1000;

export class Painter {
  #map;
  #network;
  /** @type {ThemeName} */
  #theme;
  #stack;
  #clusters = makeClusters([]);
  /** Ids of the devices in the source of odd ones. @type {Set<string>} */
  #odd = new Set();
  /** What the live source holds, by kind; the text so that the same is not sent twice. @type {Map<Kind, { text: string, features: Feature[] }>} */
  #live = new Map();
  /** @type {ReturnType<typeof setTimeout> | null} */
  #sending = null;
  #sentAt_ms = 0;
  /** Devices whose name the live source has. @type {Set<string>} */
  #named = new Set();
  /** @type {Map<string, RingParts>} */
  #pictures = new Map();
  /** @type {string | null} */
  chosen = null;
  /** What the window says of what would be; null: only what is is shown. @type {WhatIf | null} */
  #whatIf = null;
  #fates;
  /** The fates that feature-state has. @type {Record<"devices" | "links", Map<string, string>>} */
  #shownFates = { devices: new Map(), links: new Map() };

  /** @param {MapLibre} map @param {Stack} stack @param {Network} network what it holds is painted from the start @param {ThemeName} theme */
  constructor(map, stack, network, theme) {
    this.#map = map;
    this.#stack = stack;
    this.#network = network;
    this.#theme = theme;
    this.#fates = fatesOf(network, null);
    putPictures(map, paletteOf(theme));
    this.#clusters = makeClusters(network.devices.values());
    const data = { devices: deviceFeatures(network, this.#clusters.aloneFrom), links: linkFeatures(network, this.#clusters), live: [], [WOULD]: [] };
    for (const [id, features] of Object.entries(data)) {
      map.addSource(id, { type: "geojson", data: { type: "FeatureCollection", features }, promoteId: "id", tolerance: 0, buffer: 128 });
    }
    this.#paintHealth(network.devices.keys(), true);
    this.#paintLoads(network.links.keys(), true);
    stack.put(networkLayers(paletteOf(theme), true));
    let zoom = Math.floor(map.getZoom());
    map.on("zoom", () => {
      if (Math.floor(map.getZoom()) !== zoom) {
        zoom = Math.floor(map.getZoom());
        this.#paintRings();
      }
    });
    map.on("moveend", () => this.#paintPills());
    map.on("sourcedata", ({ sourceId }) => {
      if (sourceId === "live" && this.settled) this.#handOverNames();
    });
    setInterval(() => this.#paintAges(), AGES_MS);
    setInterval(() => this.#paintPills(), PILLS_MS);
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    const palette = paletteOf(theme);
    putPictures(this.#map, palette);
    for (const [name, parts] of this.#pictures) this.#map.updateImage(name, ringPicture(parts, palette).image);
    this.#paintLayers();
    this.#paintChosen();
  }

  /** Hide groups of layers and put them in an order; without the load, links keep their place in one quiet colour. @param {Wish} wish */
  arrange(wish) {
    this.#stack.wish(wish);
    this.#paintLayers();
  }

  #paintLayers() {
    this.#stack.put(networkLayers(paletteOf(this.#theme), this.#stack.shows("load")));
  }

  /** Show what would be over what is, or only what is. @param {WhatIf | null} whatIf */
  imagine(whatIf) {
    this.#whatIf = whatIf;
    this.#paintFates();
    this.#paintAges();
    this.#paintPills();
  }

  /** Whether what would be is shown. */
  get imagining() {
    return this.#whatIf !== null;
  }

  /** What would become of a device or link. @param {string} id */
  fateOf(id) {
    return this.#fates.devices.get(id) ?? this.#fates.links.get(id);
  }

  /** What would be, or null outside the frame. */
  get #imagined() {
    return this.#whatIf && this.#fates;
  }

  /** Paint what a message has touched. @param {import("./network.js").Touched} touched @returns {boolean} whether a ring shows part of it */
  paint({ places, health, loads }) {
    if (places) this.#paintPlaces();
    this.#paintHealth(places ? this.#network.devices.keys() : health, places);
    this.#paintLoads(places ? this.#network.links.keys() : loads, places);
    const zoom = Math.floor(this.#map.getZoom());
    return health.some((id) => this.aloneFrom(id) > zoom);
  }

  /** Mark a device or link, or nothing. @param {string | null} id */
  choose(id) {
    for (const [who, chosen] of /** @type {const} */ ([[this.chosen, false], [id, true]])) {
      if (who !== null && this.#network.devices.has(who)) this.#map.setFeatureState({ source: "devices", id: who }, { chosen });
    }
    this.chosen = id;
    this.#paintChosen();
    this.#paintOdd();
  }

  /** The ring that a device is in now; a ring's id is that of one of its devices. @param {string} id */
  ring(id) {
    return this.#clusters.ringOf(id, Math.floor(this.#map.getZoom()));
  }

  /** Where a device is drawn now: its own place, or that of its ring. @param {string} id @returns {LngLat | null} */
  placeOf(id) {
    const drawn = this.ring(id) ?? this.#network.devices.get(id);
    return drawn ? [drawn.lng, drawn.lat] : null;
  }

  /** The zoom from which a device stands alone. @param {string} id */
  aloneFrom(id) {
    return this.#clusters.aloneFrom.get(id) ?? 0;
  }

  /** Whether the live source is as it should be. */
  get settled() {
    return this.#sending === null && this.#map.isSourceLoaded("live");
  }

  /** Replace the live features of a kind where they differ from what is there. @param {Kind} kind @param {Feature[]} features */
  put(kind, features) {
    const text = JSON.stringify(features);
    if ((this.#live.get(kind)?.text ?? "[]") === text) return;
    for (const feature of features) feature.properties = { ...feature.properties, kind };
    this.#live.set(kind, { text, features });
    const byHand = kind === "drag" || kind === "chosen" || kind === "fan" || kind === "join";
    const wait_ms = byHand ? 0 : Math.max(0, this.#sentAt_ms + LIVE_MS - performance.now());
    if (this.#sending !== null && !byHand) return;
    clearTimeout(this.#sending ?? undefined);
    this.#sending = setTimeout(() => {
      this.#sending = null;
      this.#sentAt_ms = performance.now();
      const all = [...this.#live.values()].flatMap((held) => held.features);
      this.#source("live").setData({ type: "FeatureCollection", features: all });
    }, wait_ms);
  }

  /** The live source has the names of what is odd: hide the plain ones, and show those of what is odd no more. */
  #handOverNames() {
    const now = this.#worthNaming();
    for (const id of this.#named) if (!now.has(id)) this.#map.setFeatureState({ source: "devices", id }, { named: false });
    for (const id of now) if (!this.#named.has(id)) this.#map.setFeatureState({ source: "devices", id }, { named: true });
    this.#named = now;
  }

  /** The odd ones that have a name in the live source: the newest, and the selected one. */
  #worthNaming() {
    if (this.#odd.size <= ODD_NAMES_MOST) return new Set(this.#odd);
    const newest = Array.from(this.#odd, (id) => ({ id, since_us: this.#network.healthOf(id).since_us }));
    newest.sort((a, b) => b.since_us - a.since_us);
    const worth = new Set(newest.slice(0, ODD_NAMES_MOST).map(({ id }) => id));
    if (this.chosen !== null && this.#odd.has(this.chosen)) worth.add(this.chosen);
    return worth;
  }

  /** @param {string} id @returns {GeoJSONSource} */
  #source(id) {
    return /** @type {GeoJSONSource} */ (this.#map.getSource(id));
  }

  #paintPlaces() {
    const network = this.#network;
    this.#clusters = makeClusters(network.devices.values());
    this.#source("devices").setData({ type: "FeatureCollection", features: deviceFeatures(network, this.#clusters.aloneFrom) });
    this.#source("links").setData({ type: "FeatureCollection", features: linkFeatures(network, this.#clusters) });
    for (const id of this.#odd) if (!network.devices.has(id)) this.#odd.delete(id);
    this.#paintChosen();
    if (this.imagining) this.#paintFates();
  }

  /** Inside the frame everything has a fate, and be it to step aside. */
  #paintFates() {
    this.#fates = fatesOf(this.#network, this.#whatIf);
    for (const table of /** @type {const} */ (["devices", "links"])) {
      const [was, now] = [this.#shownFates[table], /** @type {Map<string, string>} */ (new Map())];
      if (this.imagining) for (const id of this.#network[table].keys()) now.set(id, this.#fates[table].get(id) ?? "aside");
      for (const id of new Set([...was.keys(), ...now.keys()])) {
        const state = { fate: now.get(id) ?? "" };
        if (was.get(id) === now.get(id)) continue;
        if (table === "devices") this.#map.setFeatureState({ source: table, id }, state);
        else this.#setHalves(id, state, state);
      }
      this.#shownFates[table] = now;
    }
    this.#source(WOULD).setData({ type: "FeatureCollection", features: fateFeatures(this.#network, this.#fates, this.#clusters) });
  }

  /** @param {Iterable<string>} ids @param {boolean} always */
  #paintHealth(ids, always) {
    let touched = always;
    for (const id of ids) {
      const { status } = this.#network.healthOf(id);
      this.#map.setFeatureState({ source: "devices", id }, { status });
      if (isOdd(status)) this.#odd.add(id);
      else this.#odd.delete(id);
      touched = true;
    }
    if (touched) this.#paintAges();
  }

  #paintAges() {
    this.#paintOdd();
    this.#paintRings();
  }

  #paintOdd() {
    this.put("odd", oddFeatures(this.#network, this.#worthNaming(), this.#clusters.aloneFrom, this.chosen, now_us(), this.#imagined));
  }

  #paintRings() {
    const top = clusterBelow(this.#network.devices.size);
    const here = Math.min(top, Math.floor(this.#map.getZoom()));
    const needed = /** @type {Map<string, RingParts>} */ (new Map());
    const features = [here - 1, here, here + 1]
      .filter((zoom) => zoom >= 0 && zoom <= top)
      .flatMap((zoom) => ringFeatures(this.#network, this.#clusters.rings(zoom), zoom, zoom === top, now_us(), needed, this.#imagined));
    for (const [name, parts] of needed) {
      if (this.#pictures.has(name)) continue;
      const { image, pixelRatio } = ringPicture(parts, paletteOf(this.#theme));
      this.#map.addImage(name, image, { pixelRatio });
      this.#pictures.set(name, parts);
    }
    this.put("ring", features);
  }

  #paintChosen() {
    this.put("chosen", chosenFeatures(this.#network, this.chosen, paletteOf(this.#theme)));
  }

  /** @param {Iterable<string>} ids @param {boolean} always */
  #paintLoads(ids, always) {
    let broken = always;
    for (const id of ids) {
      const load = this.#network.loadOf(id);
      const was = this.#map.getFeatureState({ source: "links", id: `${id}:ab` }).load === LOAD_HIDDEN;
      const link = this.#network.links.get(id);
      const behind = link !== undefined && this.#network.isBehind(link);
      const [ab, ba] = [load.ab_class, load.ba_class].map((found) => (behind ? LOAD_AFFECTED : drawnAs(load.status, found)));
      this.#setHalves(id, { load: ab }, { load: ba });
      broken ||= was || load.status === "down";
    }
    if (broken) this.put("broken", brokenFeatures(this.#network, this.#clusters));
  }

  /** @param {string} link @param {object} ab @param {object} ba */
  #setHalves(link, ab, ba) {
    this.#map.setFeatureState({ source: "links", id: `${link}:ab` }, ab);
    this.#map.setFeatureState({ source: "links", id: `${link}:ba` }, ba);
  }

  #paintPills() {
    const zoom = this.#map.getZoom();
    if (zoom < PILL_ZOOM) return this.put("pill", []);
    const bounds = this.#map.getBounds();
    const features = [];
    for (const load of this.#network.loads.values()) {
      for (const pill of pillFeatures(this.#network, load, pixelsPerDegree(zoom), this.#imagined)) {
        const { coordinates } = /** @type {import("geojson").Point} */ (pill.geometry);
        if (bounds.contains(/** @type {LngLat} */ (coordinates))) features.push(pill);
      }
      if (features.length >= PILLS_MOST) break;
    }
    this.put("pill", features);
  }
}

/** @param {LinkStatus} status @param {number | null} load */
function drawnAs(status, load) {
  if (status === "down") return LOAD_HIDDEN;
  if (load !== null) return load;
  return status === "up" ? LOAD_NOT_KNOWN : LOAD_UNKNOWN;
}
