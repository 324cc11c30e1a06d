// The network as vector tiles: what is drawn at a zoom in a square of the world, and nothing else. Pure. Counterpart: tiler.js.
// Theory: at each zoom most of a big network is inside rings, so a tile holds what stands alone there and is small. Links that end
// in a ring are drawn as bundles (bundles.js), in the colours of their busiest each way. Each feature says its status or load as it was
// when the tile was made; feature-state says what has changed since, and of bundles only their fate: for their loads tiles are made anew.
// One rule: an id that feature-state addresses stands in the property `id`; the two halves of a link are `<link>:ab` and `:ba`.

import { bundlesOf, busiestOf, endsOf } from "./bundles.js";
import { linkedFrom, planOf, rankOf } from "./clusters.js";
import { namedFrom } from "./features.js";
import { flatten, halveFlat, toFlat, zoomForLength } from "./geometry.js";
import { ALONE, widthOf } from "./lanes.js";
import { EXTENT, TileLayer, tileOf } from "./mvt.js";
import { LOAD_UNKNOWN } from "./network.js";
import { label } from "./words.js";

/** @import { Bundled } from "./bundles.js" */
/** @import { Network } from "./network.js" */
/** @import { Plan } from "./clusters.js" */
/** @import { Spot } from "./mvt.js" */

/** The source's name, and the scheme of its tiles. */
export const NETWORK = "network";
/** The closest zoom that has tiles of its own. */
export const MOST_ZOOM = 18;
/** Lines reach so far out of their tile that no width or end is cut; thin ones, from afar, need less, and there most of them are near an edge. */
const BUFFER = EXTENT / 4;
const BUFFER_AFAR = EXTENT / 12;
const AFAR_ZOOM = 9;
/** Zoom of what is never drawn. */
const NEVER = 255;
/** Arrows show from a whole zoom on; in its middle the link is 56 px long. */
const ARROW_PX = 36;

/** A place in the world of 1 x 1. @typedef {[x: number, y: number]} Place */
/** @typedef {{ id: string, from: number, met: number, box: [number, number, number, number], width: number, kind: string, lane: number, shift: number, bearing: number, middle: Place, ways: Record<"ab" | "ba", Place[]>, bundled: Bundled[] }} LinkLine */
/** All links; of each the numbers of the devices at its two ends (-1: it has no place), and the zoom from which it is drawn. @typedef {{ all: LinkRow[], ends: Int32Array, from: Uint8Array }} Joined */

/** @param {import("./geometry.js").Flat} point @returns {Place} */
const placeOf = ([x, y]) => [(x + 180) / 360, (180 - y) / 360];

export class NetworkTiles {
  #network;
  /** @type {DeviceRow[]} */
  #rows = [];
  /** Where each device stands. @type {Place[]} */
  #places = [];
  /** What a tile says of each device, made when it is first drawn: where a network is whole on the screen most are in rings. @type {(Record<string, string | number> | undefined)[]} */
  #points = [];
  /** Of each link, made when it is first drawn. @type {(LinkLine | undefined)[]} */
  #lines = [];
  /** Made when the first tile is asked for: the page waits for the plan alone. @type {Joined | null} */
  #joined = null;
  /** Of each zoom, made when it is asked for. @type {LinkLine[][]} */
  #bundles = [];
  /** What is known of bundles' loads, and of which network. @type {Map<Bundled[], { link: string, loads: Record<"ab" | "ba", number> }>} */
  #busiestOf = new Map();
  #busiestAt = 0;
  /** Number of each device in the plan. @type {Map<string, number>} */
  #at = new Map();
  /** @type {Plan} */
  #plan = planOf([]);

  /** @param {Network} network */
  constructor(network) {
    this.#network = network;
  }

  /** Lay out anew what stands where. @returns {Plan} */
  make() {
    const rows = [...this.#network.devices.values()];
    const plan = planOf(rows, this.#network.onPaper);
    this.#plan = plan;
    this.#rows = rows;
    this.#at = new Map(rows.map(({ id }, i) => [id, i]));
    this.#places = rows.map(({ lng, lat }) => placeOf(toFlat([lng, lat])));
    this.#points = [];
    this.forgetLinks();
    return plan;
  }

  /** Links have changed: the next tile joins them anew. */
  forgetLinks() {
    this.#lines = [];
    this.#joined = null;
    this.#bundles = [];
  }

  /** @returns {Joined} */
  #join() {
    const all = [...this.#network.links.values()];
    const ends = endsOf(all, (device) => this.#at.get(device) ?? -1);
    const from = new Uint8Array(all.length);
    all.forEach((_, i) => {
      const isDrawn = ends[2 * i] >= 0 && ends[2 * i + 1] >= 0;
      from[i] = isDrawn ? linkedFrom(this.#plan, ends[2 * i], ends[2 * i + 1]) : NEVER;
    });
    return { all, ends, from };
  }

  /** @param {number} i */
  #makePoint(i) {
    const { id, name, role } = this.#rows[i];
    const [rank, from] = [rankOf(role), this.#plan.alone[i]];
    const named = Math.max(from, namedFrom(this.#rows.length)[rank]);
    return { id, label: label(name), rank, from, named_from: named };
  }

  /** Where a link runs, at a glance: everywhere, where that is not told by its ends alone. @param {Joined} joined @param {number} i @returns {LinkLine["box"]} */
  #boxOf({ all, ends }, i) {
    const [[ax, ay], [bx, by]] = [this.#places[ends[2 * i]], this.#places[ends[2 * i + 1]]];
    if (all[i].path.length || Math.abs(ax - bx) > 0.5) return [-Infinity, -Infinity, Infinity, Infinity];
    return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
  }

  /** @param {Joined} joined @param {number} i @returns {LinkLine} */
  #makeLine({ all, ends, from }, i) {
    const link = all[i];
    const path = flatten([this.#placeOf(ends[2 * i]), ...link.path, this.#placeOf(ends[2 * i + 1])]);
    return lineOf(link.id, path, from[i], link.kind, link.capacity_bps, this.#network.laneOf(link.id));
  }

  /** The bundles of a zoom, as they run. @param {Joined} joined @param {number} zoom @returns {LinkLine[]} */
  #makeBundles({ all, ends }, zoom) {
    const level = this.#plan.levels[zoom];
    const count = this.#rows.length;
    return bundlesOf(level, all, ends, zoom).map((bundle) => {
      const places = bundle.ends.map((end) => this.#placeOf(end < count ? end : level.lead[end - count]));
      const kind = bundle.links.every((link) => link.kind === "wireless") ? "wireless" : "fibre";
      const capacity_bps = bundle.links.reduce((sum, link) => sum + link.capacity_bps, 0);
      return { ...lineOf(bundle.id, flatten(places), zoom, kind, capacity_bps, ALONE), bundled: bundle.links };
    });
  }

  /** @param {number} device @returns {LngLat} */
  #placeOf(device) {
    const { lng, lat } = this.#rows[device];
    return [lng, lat];
  }

  /** @param {number} zoom @param {number} x @param {number} y @returns {Uint8Array<ArrayBuffer>} a tile, empty where nothing is in it */
  tile(zoom, x, y) {
    const [devices, links] = [new TileLayer("devices"), new TileLayer("links")];
    if (this.#rows.length === 0) return tileOf(rehearsed(devices, links));
    const size = 2 ** zoom;
    const buffer = zoom <= AFAR_ZOOM ? BUFFER_AFAR : BUFFER;
    const joined = (this.#joined ??= this.#join());
    const bundles = zoom < this.#plan.levels.length ? (this.#bundles[zoom] ??= this.#makeBundles(joined, zoom)) : [];
    const drawn = zoom === MOST_ZOOM ? NEVER - 1 : zoom;
    // Paths go on beyond the antimeridian: at the edges of the world they come in from the other side.
    for (const turn of x === 0 ? [0, -1] : x === size - 1 ? [0, 1] : [0]) {
      /** @param {Place} place @returns {Spot} */
      const spot = ([px, py]) => [Math.round(((px + turn) * size - x) * EXTENT), Math.round((py * size - y) * EXTENT)];
      this.#rows.forEach(({ id }, i) => {
        const here = this.#plan.alone[i] <= drawn ? spot(this.#places[i]) : null;
        if (!here || !isWithin(here)) return;
        const properties = (this.#points[i] ??= this.#makePoint(i));
        devices.point(here, { ...properties, affected: Number(this.#network.healthOf(id).status === "affected") });
      });
      const reach = buffer / EXTENT;
      const [west, north, east, south] = [(x - reach) / size - turn, (y - reach) / size, (x + 1 + reach) / size - turn, (y + 1 + reach) / size];
      /** @param {LinkLine["box"]} box */
      const isNear = (box) => box[0] <= east && box[2] >= west && box[1] <= south && box[3] >= north;
      joined.from.forEach((from, i) => {
        if (from > drawn || (!this.#lines[i] && !isNear(this.#boxOf(joined, i)))) return;
        const line = (this.#lines[i] ??= this.#makeLine(joined, i));
        if (isNear(line.box)) this.#draw(links, line, spot, drawn, buffer);
      });
      for (const bundle of bundles) if (isNear(bundle.box)) this.#draw(links, bundle, spot, drawn, buffer);
    }
    return tileOf([devices, links]);
  }

  /** The busiest load of a bundle each way, and the link that has the busiest of all: a bundle lies in several tiles. @param {Bundled[]} bundled */
  #busiest(bundled) {
    if (this.#busiestAt !== this.#network.taken) this.#busiestOf.clear();
    this.#busiestAt = this.#network.taken;
    const known = this.#busiestOf.get(bundled) ?? busiestOf(this.#network, bundled);
    this.#busiestOf.set(bundled, known);
    return known;
  }

  /** @param {TileLayer} layer @param {LinkLine} link @param {(place: Place) => Spot} spot @param {number} drawn @param {number} buffer */
  #draw(layer, { id, from, met, width, kind, lane, shift, bearing, middle, ways, bundled }, spot, drawn, buffer) {
    const { link, loads } = bundled.length ? this.#busiest(bundled) : { link: id, loads: this.#network.drawnLoads(id) };
    const at = spot(middle);
    const meets = met <= drawn && isWithin(at);
    for (const [way, turn, side] of /** @type {const} */ ([["ab", 0, 1], ["ba", 180, -1]])) {
      const common = { id: `${id}:${way}`, link, width, kind, load: loads[way] };
      const parts = clipped(ways[way].map(spot), buffer);
      if (parts.length) layer.line(parts, { ...common, from, lane });
      if (meets) layer.point(at, { ...common, from: met, bearing: bearing + turn, shift: shift * side });
    }
  }
}

/**
 * What an empty network's tiles hold: links beyond their edge, arrows without a load, a device's room for no name; nothing of it is
 * seen. A layer makes its shader program when it draws for the first time, and had better do so while nobody waits for a network.
 * @param {TileLayer} devices @param {TileLayer} links
 */
function rehearsed(devices, links) {
  const beyond = /** @type {Spot[]} */ ([[-BUFFER / 2, -BUFFER / 2], [-BUFFER / 4, -BUFFER / 4]]);
  for (const kind of ["fibre", "wireless"]) {
    const link = { id: "", link: "", from: 0, width: 1, kind, load: LOAD_UNKNOWN };
    links.line([beyond], { ...link, lane: 0 });
    links.point([0, 0], { ...link, bearing: 0, shift: 0 });
  }
  devices.point([0, 0], { id: "", label: "", rank: 2, from: 0, named_from: NEVER, affected: 0 });
  return [devices, links];
}

/** @param {string} id @param {import("./geometry.js").Flat[]} flat @param {number} from @param {string} kind @param {number} capacity_bps @param {import("./lanes.js").Lane} lane @returns {LinkLine} */
function lineOf(id, flat, from, kind, capacity_bps, { offset }) {
  const width = widthOf(capacity_bps);
  const { path, length, middle, bearing_deg, ab, ba } = halveFlat(flat);
  return {
    id, from, met: length > 0 ? Math.max(7, Math.ceil(zoomForLength(length, ARROW_PX)), from) : Infinity,
    box: boxOf(path.map(placeOf)), width, kind, lane: offset, shift: offset / width,
    bearing: bearing_deg, middle: placeOf(middle), ways: { ab: ab.map(placeOf), ba: ba.map(placeOf) }, bundled: [],
  };
}

/** @param {Place[]} places @returns {[west: number, north: number, east: number, south: number]} */
function boxOf(places) {
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of places) {
    if (x < west) west = x;
    if (x > east) east = x;
    if (y < north) north = y;
    if (y > south) south = y;
  }
  return [west, north, east, south];
}

/** @param {Spot} spot */
const isWithin = ([x, y]) => x >= 0 && y >= 0 && x < EXTENT && y < EXTENT;

/** What of a path is in the tile and its buffer. @param {Spot[]} path @param {number} buffer @returns {Spot[][]} */
export function clipped(path, buffer = BUFFER) {
  const parts = /** @type {Spot[][]} */ ([]);
  for (let i = 1; i < path.length; i++) {
    const piece = clippedPiece(path[i - 1], path[i], buffer);
    if (!piece) continue;
    const last = parts.at(-1);
    const end = last?.at(-1);
    if (last && end && end[0] === piece[0][0] && end[1] === piece[0][1]) last.push(piece[1]);
    else parts.push([...piece]);
  }
  return parts;
}

/** Liang and Barsky's way. @param {Spot} a @param {Spot} b @param {number} buffer @returns {[Spot, Spot] | null} */
function clippedPiece([ax, ay], [bx, by], buffer) {
  let [enters, leaves] = [0, 1];
  for (const [start, step] of [[ax, bx - ax], [ay, by - ay]]) {
    for (const [gap, pace] of [[start + buffer, -step], [EXTENT + buffer - start, step]]) {
      if (pace === 0) {
        if (gap < 0) return null;
      } else if (pace < 0) enters = Math.max(enters, gap / pace);
      else leaves = Math.min(leaves, gap / pace);
    }
  }
  if (enters > leaves) return null;
  /** @param {number} share @returns {Spot} */
  const at = (share) => [Math.round(ax + (bx - ax) * share), Math.round(ay + (by - ay) * share)];
  return [at(enters), at(leaves)];
}
