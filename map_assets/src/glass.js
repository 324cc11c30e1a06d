// The glass over the map: a canvas of its own with the symbol of every device and the rings. Counterpart: painter.js tells it what
// has changed; everything else stands in the map beneath.
// Theory: a status changes a few pixels, yet a frame of the map costs a tenth of a second where there is no graphics device. On a
// canvas of its own it costs a few milliseconds: symbols are small pictures, stamped where their devices are. The glass
// follows the camera of the frame that the map has drawn last, so that both always show the same place.
// One rule: what is down is stamped last, over all that is calm, odd or a ring, and nothing hides it.

import { toFlat } from "./geometry.js";
import { rankOf } from "./clusters.js";
import { paletteOf } from "./palette.js";
import { countInRings, countRings, failingLinks, partOf } from "./rings.js";
import { dotRadius, drawRing, ringSize, Sprites } from "./sprites.js";
import { DIM, grownAt } from "./style.js";
import { RING_ORDER, SYMBOL_PX } from "./symbols.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Clusters, Cluster } from "./clusters.js" */
/** @import { Fates } from "./fates.js" */
/** @import { Network } from "./network.js" */
/** @import { Sprite } from "./sprites.js" */
/** @import { RingParts } from "./symbols.js" */

/** Around the screen, so that nothing vanishes at its edge. */
const MARGIN_PX = 32;
/** What is calm stands at the bottom, what is down on top; the rings stand over `ODD`. */
const ODD = /** @type {const} */ (["maintenance", "stale", "affected", "degraded"]);

/** Where the map looked in its last frame: the middle in the world of 1 x 1; `width` and `height` in pixels of the screen. @typedef {{ x: number, y: number, zoom: number, world_px: number, width: number, height: number, density: number }} View */
/** `links`: what marks it for the links inside it, "down" also for one that would fail. @typedef {{ cluster: Cluster, parts: RingParts, links: "down" | "degraded" | null, opacity: number, x: number, y: number }} Ring */
/** Devices by number, and where they are on the screen. @typedef {{ device: number, x: number, y: number }} Seen */
/** A round place of the screen that something else needs. @typedef {{ lng: number, lat: number, reach_px: number }} Clearing */

export class Glass {
  #map;
  #network;
  #theme;
  #canvas = document.createElement("canvas");
  #pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
  #sprites;
  /** @type {View} */
  #view = { x: 0, y: 0, zoom: 0, world_px: 512, width: 0, height: 0, density: 1 };
  /** @type {DeviceRow[]} */
  #rows = [];
  /** @type {Clusters | null} */
  #clusters = null;
  /** Places of the devices in the world of 1 x 1. */
  #x = new Float64Array();
  #y = new Float64Array();
  #rank = new Uint8Array();
  /** What each device is, as its number in RING_ORDER. */
  #parts = new Uint8Array();
  /** In which order devices are stamped: the most important last. @type {number[]} */
  #order = [];
  /** Of the zoom that was drawn last, made when it is asked for. @type {{ zoom: number, rings: Ring[] } | null} */
  #rings = null;
  /** A frame is asked for. */
  #asked = false;
  /** Whether what is calm is shown. */
  #calm = true;
  /** The links that are down. @type {LinkRow[]} */
  #broken = [];
  /** Those that have lost some of their members. @type {LinkRow[]} */
  #short = [];
  /** What would be, inside the what-if frame. @type {Fates | null} */
  #imagined = null;
  /** @type {Clearing | null} */
  #clearing = null;
  /** Called after each frame of the glass. */
  drawn = () => {};

  /** @param {MapLibre} map @param {Network} network @param {ThemeName} theme */
  constructor(map, network, theme) {
    this.#map = map;
    this.#network = network;
    this.#theme = theme;
    this.#sprites = new Sprites(paletteOf(theme), 1);
    this.#canvas.className = "glass";
    map.getCanvasContainer().append(this.#canvas);
    map.on("render", () => this.#follow());
    document.fonts.ready.then(() => this.setTheme(this.#theme));
  }

  /** @param {ThemeName} theme */
  setTheme(theme) {
    this.#theme = theme;
    this.#sprites = new Sprites(paletteOf(theme), this.#view.density);
    this.refresh();
  }

  /** Take what stands where. @param {Clusters} clusters */
  lay(clusters) {
    const { rows } = clusters;
    this.#clusters = clusters;
    this.#rows = rows;
    [this.#x, this.#y] = [new Float64Array(rows.length), new Float64Array(rows.length)];
    [this.#rank, this.#parts] = [new Uint8Array(rows.length), new Uint8Array(rows.length)];
    rows.forEach(({ lng, lat, role }, i) => {
      [this.#x[i], this.#y[i]] = worldOf(lng, lat);
      this.#rank[i] = rankOf(role);
    });
    const byRank = /** @type {number[][]} */ ([[], [], []]);
    this.#rank.forEach((rank, i) => byRank[rank].push(i));
    this.#order = byRank.reverse().flat();
    this.#refreshAll();
  }

  #refreshAll() {
    for (let device = 0; device < this.#rows.length; device++) this.#learn(device);
    this.refresh();
  }

  /** Take what a device is now. @param {number} device */
  #learn(device) {
    const { id } = this.#rows[device];
    this.#parts[device] = partOf(this.#network.healthOf(id).status, this.#imagined?.devices.get(id));
  }

  /** Show or hide what is calm. @param {boolean} shown */
  showCalm(shown) {
    this.#calm = shown;
    this.refresh();
  }

  /** Show what would be, or only what is. @param {Fates | null} fates */
  imagine(fates) {
    this.#imagined = fates;
    this.#refreshAll();
  }

  /** Mark the rings that have links in them that are down or have lost members. @param {LinkRow[]} broken all that are down @param {LinkRow[]} short all that have lost some of their members */
  strike(broken, short) {
    this.#broken = broken;
    this.#short = short;
    this.refresh();
  }

  /** Leave a place free of everything but the ring in its middle and what is down. @param {Clearing | null} clearing */
  clear(clearing) {
    if (!clearing && !this.#clearing) return;
    this.#clearing = clearing;
    this.refresh();
  }

  /** Draw what is now, with the browser's next frame. @param {string[]} touched ids of devices whose status or fate has changed */
  refresh(touched = []) {
    for (const id of touched) {
      const device = this.#clusters?.numberOf(id) ?? -1;
      if (device >= 0) this.#learn(device);
    }
    this.#rings = null;
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => this.#asked && this.#draw());
  }

  /**
   * The device or ring at a point of the screen, the nearest first.
   * @param {{ x: number, y: number }} point @param {number} reach_px @returns {{ kind: "device" | "ring", id: string } | null}
   */
  hit({ x, y }, reach_px) {
    const grown = grownAt(this.#view.zoom);
    let [nearest, best_px] = /** @type {[string | null, number]} */ ([null, Infinity]);
    for (const { device, x: sx, y: sy } of this.#seenDevices()) {
      const away_px = Math.hypot(sx - x, sy - y);
      if (away_px >= best_px) continue;
      const calm = isCalm(this.#statusOf(device));
      const radius_px = grown * (calm ? dotRadius(this.#rank[device]) + 1 : SYMBOL_PX / 2.4);
      if (away_px <= radius_px + reach_px) [nearest, best_px] = [this.#rows[device].id, away_px];
    }
    if (nearest !== null) return { kind: "device", id: nearest };
    const rings = this.#seenRings().filter((ring) => Math.hypot(ring.x - x, ring.y - y) <= ringSize(ring.parts.total) / 2 + reach_px);
    const top = rings.at(-1);
    return top ? { kind: "ring", id: top.cluster.id } : null;
  }

  /** How many devices are on the screen, those in rings among them. */
  get devices() {
    const inRings = new Map(this.#seenRings().map(({ cluster, parts }) => [cluster, parts.total]));
    return new Set(this.#seenDevices().map(({ device }) => device)).size + [...inRings.values()].reduce((sum, total) => sum + total, 0);
  }

  /** The map has drawn a frame: look where it looks. */
  #follow() {
    const map = this.#map;
    const { width, height, style } = map.getCanvas();
    const center = map.getCenter();
    const [x, y] = worldOf(center.lng, center.lat);
    const density = width / parseFloat(style.width);
    const zoom = map.getZoom();
    const view = { x, y, zoom, world_px: 512 * 2 ** zoom, width, height, density };
    const old = this.#view;
    const moved = Object.entries(view).some(([key, value]) => old[/** @type {keyof View} */ (key)] !== value);
    if (!moved && !this.#asked) return;
    this.#view = view;
    if (old.density !== density) this.#sprites = new Sprites(paletteOf(this.#theme), density);
    if (old.width !== width || old.height !== height) {
      Object.assign(this.#canvas, { width, height });
      Object.assign(this.#canvas.style, { width: style.width, height: style.height });
    }
    this.#draw();
  }

  #draw() {
    this.#asked = false;
    const { width, height, density, zoom } = this.#view;
    const [pen, sprites, grown] = [this.#pen, this.#sprites, grownAt(zoom)];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.scale(density, density);
    /** @type {Record<Status, Seen[]>} */
    const byStatus = { up: [], unknown: [], maintenance: [], stale: [], affected: [], degraded: [], down: [] };
    for (const one of this.#seenDevices()) byStatus[this.#statusOf(one.device)].push(one);
    const calm = [byStatus.unknown, byStatus.up].flatMap((some, isUp) => some.map((one) => ({ one, isUp: isUp === 1 })));
    for (const { one, isUp } of calm) if (this.#rank[one.device] === 0) this.#stamp(sprites.popRing(isUp, grown), one, this.#opacityOf(one.device));
    for (const rank of [2, 1, 0]) {
      for (const { one, isUp } of calm) {
        if (this.#rank[one.device] === rank) this.#stamp(sprites.dot(rank, isUp, grown), one, this.#opacityOf(one.device));
      }
    }
    for (const status of ODD) for (const one of byStatus[status]) this.#stamp(sprites.symbol(status, this.#rank[one.device], grown), one, this.#opacityOf(one.device));
    for (const ring of this.#seenRings()) {
      pen.globalAlpha = ring.opacity;
      drawRing(pen, ring.parts, ring.links, paletteOf(this.#theme), { x: Math.round(ring.x * density) / density, y: Math.round(ring.y * density) / density });
    }
    for (const one of byStatus.down) this.#stamp(sprites.symbol("down", this.#rank[one.device], grown), one, 1);
    this.drawn();
  }

  /** @param {Sprite} sprite @param {{ x: number, y: number }} at @param {number} opacity */
  #stamp({ image, side_px }, { x, y }, opacity) {
    if (opacity === 0) return;
    const { density } = this.#view;
    this.#pen.globalAlpha = opacity;
    this.#pen.drawImage(image, Math.round((x - side_px / 2) * density) / density, Math.round((y - side_px / 2) * density) / density, side_px, side_px);
  }

  /** @param {number} device @returns {Status} */
  #statusOf(device) {
    return this.#network.healthOf(this.#rows[device].id).status;
  }

  /** Inside the frame of what would be, what is steps back or gives way to it. @param {number} device */
  #opacityOf(device) {
    if (!this.#imagined) return 1;
    const fate = this.#imagined.devices.get(this.#rows[device].id);
    return fate === undefined ? DIM : fate === "carries" ? 1 : 0;
  }

  /** The devices that stand alone, are shown and are on the screen; on a small world a device may be there more than once. @returns {Seen[]} */
  #seenDevices() {
    const seen = /** @type {Seen[]} */ ([]);
    if (!this.#clusters) return seen;
    const level = Math.floor(this.#view.zoom);
    const { alone } = this.#clusters;
    for (const device of this.#order) {
      if (alone[device] > level) continue;
      for (const { x, y } of this.#spots(this.#x[device], this.#y[device])) {
        if (this.#isShown(device, x, y)) seen.push({ device, x, y });
      }
    }
    return seen;
  }

  /** Whether a device has its symbol there; what is down always has. @param {number} device @param {number} x @param {number} y */
  #isShown(device, x, y) {
    if (this.#calm && !this.#clearing) return true;
    const status = this.#statusOf(device);
    return status === "down" || ((this.#calm || !isCalm(status)) && !this.#isCleared(x, y));
  }

  /** The rings on the screen, the worst last. @returns {(Ring & { x: number, y: number })[]} */
  #seenRings() {
    const zoom = Math.min(this.#clusters?.top ?? 0, Math.floor(this.#view.zoom));
    if (this.#rings?.zoom !== zoom) this.#rings = { zoom, rings: this.#makeRings(zoom) };
    return this.#rings.rings.flatMap((ring) =>
      this.#spots(ring.x, ring.y)
        .filter(({ x, y }) => ring.parts.counts.down || ring.links === "down" || !this.#isCleared(x, y, 1))
        .map((spot) => ({ ...ring, ...spot })),
    );
  }

  /** @param {number} zoom @returns {Ring[]} */
  #makeRings(zoom) {
    const fates = this.#imagined;
    const clusters = this.#clusters;
    if (!clusters) return [];
    const counted = countRings(clusters.level(zoom), this.#parts);
    const failing = failingLinks(fates).flatMap((id) => this.#network.links.get(id) ?? []);
    /** @param {LinkRow[]} links */
    const countInside = (links) => countInRings(clusters.level(zoom), links.map(({ a, b }) => [clusters.numberOf(a), clusters.numberOf(b)]));
    const [struck, short] = [countInside([...this.#broken, ...failing]), countInside(this.#short)];
    const rings = clusters.rings(zoom).map((cluster, i) => {
      const parts = counted[i];
      const links = struck[i] ? "down" : short[i] ? "degraded" : null;
      const touched = !fates || links || parts.counts.down || cluster.members.some((id) => fates.devices.has(id));
      const [x, y] = worldOf(cluster.lng, cluster.lat);
      return /** @type {Ring} */ ({ cluster, parts, links, opacity: touched ? 1 : DIM, x, y });
    });
    const rank = (/** @type {Ring} */ { parts, links }) => Math.min(...[parts.worst, links ?? parts.worst].map((part) => RING_ORDER.indexOf(part)));
    return rings.sort((a, b) => rank(b) - rank(a));
  }

  /** Where a place of the world of 1 x 1 is on the screen; nowhere, or more than once. @param {number} x @param {number} y @returns {{ x: number, y: number }[]} */
  #spots(x, y) {
    const { world_px, density, ...view } = this.#view;
    const [width, height] = [view.width / density, view.height / density];
    const sy = (y - view.y) * world_px + height / 2;
    if (sy < -MARGIN_PX || sy > height + MARGIN_PX) return [];
    const sx = (x - view.x) * world_px + width / 2;
    const spots = [];
    for (let turn = Math.ceil((-MARGIN_PX - sx) / world_px); sx + turn * world_px <= width + MARGIN_PX; turn++) spots.push({ x: sx + turn * world_px, y: sy });
    return spots;
  }

  /** @param {number} x @param {number} y @param {number} least_px nearer to the middle it stays */
  #isCleared(x, y, least_px = -1) {
    if (!this.#clearing) return false;
    const { lng, lat, reach_px } = this.#clearing;
    const [cx, cy] = worldOf(lng, lat);
    return this.#spots(cx, cy).some((spot) => {
      const away_px = Math.hypot(spot.x - x, spot.y - y);
      return away_px > least_px && away_px < reach_px;
    });
  }
}

/** @param {Status} status */
const isCalm = (status) => status === "up" || status === "unknown";

/** A place in the world of 1 x 1. @param {number} lng @param {number} lat @returns {[x: number, y: number]} */
function worldOf(lng, lat) {
  const [x, y] = toFlat([lng, lat]);
  return [(x + 180) / 360, (180 - y) / 360];
}
