// Brings the network onto the map: the glass, tiles, feature-state. Counterpart: network.js says what is, layers.js how it looks.
// One rule: a tick never makes tiles or sets the data of a source whose size grows with the network; it has the glass drawn, sets
// feature-state, and the data of the live source, which holds what is odd.

import { now_us } from "./clock.js";
import { Clusters } from "./clusters.js";
import { WOULD } from "./fate_layers.js";
import { chosenFeatures, movedFeatures, newestOf, oddFeatures, ringFeatures } from "./features.js";
import { Foreground } from "./foreground.js";
import { Frames, turn } from "./frames.js";
import { networkLayers } from "./layers.js";
import { LinkMarks } from "./link_marks.js";
import { Live } from "./live.js";
import { paletteOf } from "./palette.js";
import { States } from "./states.js";
import { isOdd, putPictures } from "./symbols.js";
import { NETWORK } from "./tiles.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { Network } from "./network.js" */
/** @import { Stack, Wish } from "./stack.js" */
/** @import { Tiler } from "./tiler.js" */
/** @import { Kind } from "./live.js" */
/** @import { Glass } from "./glass.js" */
/** @import { Shown } from "./measure.js" */

/** No screen has room for more names of what is odd; beyond that the newest have theirs. */
const ODD_NAMES_MOST = 1_000;
/** Where more have moved at once their names wait for the tiles. */
const MOVED_NAMES_MOST = 300;
const AGES_MS = 5_000;
const PILLS_MS = 1_000;
/** So near to another whole zoom, its rings are ready too. */
const NEAR_ZOOM = 0.2;
/** So much names leave to the glass, which has the statuses themselves. */
const AFTER_GLASS_MS = 60;

export class Painter {
  #map;
  #network;
  /** @type {ThemeName} */
  #theme;
  #stack;
  #tiler;
  #states;
  #frames;
  #clusters;
  /** How many plans of the network were asked for, and how many of them are under way. */
  #plans = 0;
  #planning = 0;
  /** Ids of the devices in the source of odd ones. @type {Set<string>} */
  #odd = new Set();
  #live;
  #marks;
  #foreground;
  /** Names and ages are to be made, when the glass has shown the statuses. @type {ReturnType<typeof setTimeout> | null} */
  #aging = null;
  /** Devices whose name the live source has. @type {Set<string>} */
  #named = new Set();
  /** Devices that stand elsewhere than in the tiles. @type {Set<string>} */
  #moved = new Set();
  /** Devices whose names know that they are affected. @type {Set<string>} */
  #affected = new Set();
  /** @type {string | null} */
  chosen = null;
  /** Called when a network whose places had changed is on the screen: rings and what stands alone are others now. */
  laid = () => {};

  /**
   * @param {MapLibre} map @param {Stack} stack @param {Tiler} tiler @param {Glass} glass @param {Network} network what it holds is painted from the start
   * @param {Clusters} clusters of that network @param {ThemeName} theme
   */
  constructor(map, stack, tiler, glass, network, clusters, theme) {
    this.#map = map;
    this.#stack = stack;
    this.#tiler = tiler;
    this.glass = glass;
    glass.lay(clusters);
    this.#network = network;
    this.#clusters = clusters;
    this.#theme = theme;
    putPictures(map, paletteOf(theme));
    map.addSource(NETWORK, tiler.source);
    for (const id of ["live", WOULD]) {
      map.addSource(id, { type: "geojson", data: { type: "FeatureCollection", features: [] }, promoteId: "id", tolerance: 0, buffer: 128 });
    }
    this.#states = new States(map, tiler);
    this.#frames = new Frames(map, () => this.settled);
    this.#live = new Live(map, this.#frames);
    this.#foreground = new Foreground(map, network, this.#states, glass, clusters);
    this.#marks = new LinkMarks(map, network, glass, this.#live, clusters);
    this.#paintHealth([...network.devices.keys()]);
    this.#paintAges();
    stack.put(networkLayers(paletteOf(theme), true));
    let zoom = Math.floor(map.getZoom());
    map.on("zoom", () => {
      if (Math.floor(map.getZoom()) !== zoom) {
        zoom = Math.floor(map.getZoom());
        this.#foreground.zoom();
        this.#paintAges();
      }
    });
    map.on("zoomstart", () => this.#paintRings());
    map.on("moveend", () => this.#marks.look(this.#foreground.fates));
    map.on("sourcedata", ({ sourceId }) => {
      if (sourceId === "live" && this.#live.isThere) this.#handOverNames();
      if (sourceId === NETWORK) this.#leaveMoved();
    });
    map.on("render", () => this.#leaveMoved());
    setInterval(() => {
      this.#paintAges();
      this.#states.settle(map.getZoom() < this.#clusters.top + 1);
    }, AGES_MS);
    setInterval(() => this.#marks.look(this.#foreground.fates), PILLS_MS);
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    putPictures(this.#map, paletteOf(theme));
    this.glass.setTheme(theme);
    this.#paintLayers();
    this.#paintChosen();
  }

  /** Hide groups of layers and put them in an order; without the load, links keep their place in one quiet colour. @param {Wish} wish */
  arrange(wish) {
    this.#stack.wish(wish);
    this.glass.showCalm(this.#stack.shows("status"));
    this.#paintLayers();
  }

  #paintLayers() {
    this.#stack.put(networkLayers(paletteOf(this.#theme), this.#stack.shows("load")));
  }

  /** Show what would be over what is, or only what is. @param {WhatIf | null} whatIf */
  imagine(whatIf) {
    this.#foreground.imagine(whatIf);
    this.#fade();
  }

  /** Let step back what a filter does not leave; null: it is gone. @param {Set<string> | null} kept ids of devices @param {string[] | null} turned those that match or do not unlike before, where that is known */
  sift(kept, turned) {
    if (!this.#foreground.sift(kept, turned)) return;
    if (kept && turned) this.#aging ??= setTimeout(() => this.#paintAges(), AFTER_GLASS_MS);
    else this.#fade();
  }

  #fade() {
    this.#paintChosen();
    this.#paintAges();
    this.#marks.look(this.#foreground.fates);
  }

  /** Whether what would be is shown. */
  get imagining() {
    return this.#foreground.imagining;
  }

  /** What would become of a device or link. @param {string} id */
  fateOf(id) {
    return this.#foreground.fateOf(id);
  }

  /** Paint what a message has touched. @param {import("./network.js").Touched} touched @returns {Shown} what it is on the screen with */
  paint({ fresh, places, moved, health, loads }) {
    if (places) this.#paintPlaces(fresh ? [] : moved);
    if (places || health.length) this.#paintHealth(places ? [...this.#network.devices.keys()] : health);
    this.#paintLoads(fresh ? [] : loads);
    return places ? "all" : loads.length || !health.length ? "map" : "glass";
  }

  /** Mark a device or link, or nothing. @param {string | null} id */
  choose(id) {
    for (const [who, chosen] of /** @type {const} */ ([[this.chosen, false], [id, true]])) {
      if (who !== null) this.#states.set("devices", who, { chosen });
    }
    this.chosen = id;
    this.#paintChosen();
    this.#paintOdd();
  }

  /** The ring that a device is in now; a ring's id is that of one of its devices. @param {string} id */
  ring(id) {
    return this.#clusters.ringOf(id, Math.floor(this.#map.getZoom()));
  }

  /** The rings that a device is in, zoom by zoom. @param {string} id */
  ringsWith(id) {
    return this.#clusters.ringsWith(id);
  }

  /** Where a device is drawn now: its own place, or that of its ring. @param {string} id @returns {LngLat | null} */
  placeOf(id) {
    const drawn = this.ring(id) ?? this.#network.devices.get(id);
    return drawn ? [drawn.lng, drawn.lat] : null;
  }

  /** The zoom from which a device stands alone. @param {string} id */
  aloneFrom(id) {
    return this.#clusters.aloneFrom(id);
  }

  /** Whether everything is as it should be. */
  get settled() {
    return this.#planning === 0 && this.#livesSettled && this.#states.settled;
  }

  get #livesSettled() {
    return this.#aging === null && this.#live.isThere;
  }

  /** Replace the live features of a kind where they differ from what is there. @param {Kind} kind @param {Feature[]} features */
  put(kind, features) {
    this.#live.put(kind, features);
  }

  /** The live source has the names of what is odd, or has moved: hide the plain ones, and show those of what is so no more. */
  #handOverNames() {
    const moved = this.#live.of("moved").map(({ properties }) => properties?.id);
    if (moved.length) this.#frames.one();
    const now = new Set([...(this.#aging === null ? this.#worthNaming() : this.#named), ...moved]);
    for (const id of this.#named) if (!now.has(id)) this.#states.set("devices", id, { named: false });
    for (const id of now) if (!this.#named.has(id)) this.#states.set("devices", id, { named: true });
    this.#named = now;
  }

  /** The tiles have every device where it stands: none needs a name beside them any more. */
  #leaveMoved() {
    if (this.#moved.size === 0 || this.#planning > 0 || !this.#states.settled) return;
    this.#moved.clear();
    this.#paintMoved();
  }

  /** A name goes along with its symbol, and does not wait for tiles that have it at its new place. */
  #paintMoved() {
    const moved = this.#moved.size > MOVED_NAMES_MOST ? [] : [...this.#moved].filter((id) => !this.#odd.has(id) && id !== this.chosen);
    this.put("moved", movedFeatures(this.#network, moved, this.#clusters));
  }

  /** The odd ones that have a name in the live source: the newest, and the selected one. */
  #worthNaming = () => newestOf(this.#network, this.#odd, ODD_NAMES_MOST, this.chosen);

  /** What stands where is laid out beside the page; until that is done, what was there is shown. @param {string[]} moved ids of devices */
  async #paintPlaces(moved) {
    const network = this.#network;
    for (const id of moved) this.#moved.add(id);
    for (const held of [this.#odd, this.#affected]) for (const id of held) if (!network.devices.has(id)) held.delete(id);
    this.#paintChosen();
    const rows = [...network.devices.values()];
    const plans = ++this.#plans;
    this.#planning++;
    this.#frames.hold();
    this.#states.lay();
    const plan = await this.#tiler.plan();
    await turn();
    if (plans === this.#plans) {
      this.#clusters = new Clusters(plan, rows);
      this.glass.lay(this.#clusters);
      await turn();
      this.#frames.hold();
      this.#paintMoved();
      this.#states.renew();
      await turn();
      this.#network.linksAt(""); // what is made of all links when somebody asks, each in a task of its own
      await turn();
      this.#network.laneOf("");
      await turn();
      this.#marks.lay(this.#clusters);
      await turn();
      this.#foreground.lay(this.#clusters);
      this.#paintAges();
      this.laid();
    }
    this.#planning--;
  }

  /** @param {string[]} touched */
  #paintHealth(touched) {
    for (const id of touched) {
      const { status } = this.#network.healthOf(id);
      if (isOdd(status)) this.#odd.add(id);
      else this.#odd.delete(id);
      if (this.#affected.has(id) === (status === "affected")) continue;
      this.#states.set("devices", id, { affected: Number(status === "affected") });
      if (status === "affected") this.#affected.add(id);
      else this.#affected.delete(id);
    }
    this.#foreground.resift(touched);
    this.glass.refresh(touched);
    this.#aging ??= setTimeout(() => this.#paintAges(), AFTER_GLASS_MS);
  }

  #paintAges() {
    clearTimeout(this.#aging ?? undefined);
    this.#aging = null;
    this.#paintOdd();
    this.#paintRings();
  }

  #paintOdd() {
    const near = Math.floor(this.#map.getZoom()) + 1;
    const seen = [...this.#worthNaming()].filter((id) => this.aloneFrom(id) <= near);
    this.put("odd", oddFeatures(this.#network, seen, this.#clusters, this.chosen, now_us(), this.#foreground.fates));
  }

  /** What names keep away from: the rings of this zoom, and while it changes or soon may those of its neighbours. */
  #paintRings() {
    const { top } = this.#clusters;
    const zoom = this.#map.getZoom();
    const here = Math.min(top, Math.floor(zoom));
    const reach = this.#map.isZooming() ? 1 : NEAR_ZOOM;
    const features = [here - 1, here, here + 1]
      .filter((level) => level >= 0 && level <= top && level <= zoom + reach && (level === top || level + 1 >= zoom - reach))
      .flatMap((level) => ringFeatures(this.#network, this.#clusters, level, this.#odd, this.#marks.broken, now_us(), this.#foreground.fates));
    this.put("ring", features);
  }

  #paintChosen() {
    this.put("chosen", chosenFeatures(this.#network, this.chosen, paletteOf(this.#theme), this.fateOf(this.chosen ?? "")));
  }

  /** @param {string[]} ids */
  #paintLoads(ids) {
    for (const id of ids) {
      const { ab, ba } = this.#network.drawnLoads(id);
      this.#states.setHalves(id, { load: ab }, { load: ba });
    }
    this.#foreground.follow(ids);
    if (this.#marks.follow(ids)) this.#paintRings();
  }
}
