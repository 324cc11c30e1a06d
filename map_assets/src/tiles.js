// The network as vector tiles: what is drawn at a zoom in a square of the world, and nothing else. Pure. Counterpart: tiler.js.
// Theory: at each zoom most of a big network is inside rings, so a tile holds what stands alone there and is small. Each feature
// says its status or load as it was when the tile was made; feature-state says what has changed since.
// One rule: an id that feature-state addresses stands in the property `id`; the two halves of a link are `<link>:ab` and `:ba`.

import { apartFrom, planOf, rankOf } from "./clusters.js";
import { LANE, lanesOf, namedFrom, widthOf } from "./features.js";
import { flatten, halveFlat, toFlat, zoomForLength } from "./geometry.js";
import { EXTENT, TileLayer, tileOf } from "./mvt.js";
import { label } from "./words.js";

/** @import { Network } from "./network.js" */
/** @import { Plan } from "./clusters.js" */
/** @import { Spot } from "./mvt.js" */

/** The source's name, and the scheme of its tiles. */
export const NETWORK = "network";
/** The closest zoom that has tiles of its own. */
export const MOST_ZOOM = 18;
/** Lines reach so far out of their tile that no width or end is cut. */
const BUFFER = EXTENT / 4;
/** Arrows show from a whole zoom on; in its middle the link is 56 px long. */
const ARROW_PX = 36;

/** A place in the world of 1 x 1. @typedef {[x: number, y: number]} Place */
/** `drawn` says what changes without its place. @typedef {{ at: Place, from: number, id: string, properties: Record<string, string | number> }} DevicePoint */
/** @typedef {{ id: string, from: number, met: number, box: [number, number, number, number], width: number, kind: string, lane: number, shift: number, bearing: number, middle: Place, ways: Record<"ab" | "ba", Place[]> }} LinkLine */

/** @param {import("./geometry.js").Flat} point @returns {Place} */
const placeOf = ([x, y]) => [(x + 180) / 360, (180 - y) / 360];

export class NetworkTiles {
  #network;
  /** @type {DevicePoint[]} */
  #devices = [];
  /** Made when the first tile is asked for: the page waits for the plan alone. @type {LinkLine[] | null} */
  #links = null;
  /** @type {Plan} */
  #plan = planOf([]);

  /** @param {Network} network */
  constructor(network) {
    this.#network = network;
  }

  /** Lay out anew what stands where. @returns {Plan} */
  make() {
    const rows = [...this.#network.devices.values()];
    const plan = planOf(rows);
    const named = namedFrom(rows.length);
    this.#devices = rows.map(({ id, name, role, lng, lat }, i) => {
      const [rank, from] = [rankOf(role), plan.alone[i]];
      return { id, at: placeOf(toFlat([lng, lat])), from, properties: { id, label: label(name), rank, from, named_from: Math.max(from, named[rank]) } };
    });
    this.#plan = plan;
    this.#links = null;
    return plan;
  }

  /** @returns {LinkLine[]} */
  #makeLinks() {
    const lanes = lanesOf(this.#network);
    const at = /** @type {Map<string, number>} */ (new Map());
    for (const id of this.#network.devices.keys()) at.set(id, at.size);
    const links = [];
    for (const link of this.#network.links.values()) {
      const places = this.#network.pathOf(link);
      if (!places) continue;
      const { path, length, middle, bearing_deg, ab, ba } = halveFlat(flatten(places));
      const lane = lanes(link);
      const from = apartFrom(this.#plan, at.get(link.a) ?? -1, at.get(link.b) ?? -1);
      links.push({
        id: link.id, from, met: length > 0 ? Math.max(7, Math.ceil(zoomForLength(length, ARROW_PX)), from) : Infinity,
        box: boxOf(path.map(placeOf)), width: widthOf(link.capacity_bps), kind: link.kind, lane: lane * LANE,
        shift: Math.max(-3, Math.min(3, lane)), bearing: bearing_deg, middle: placeOf(middle),
        ways: { ab: ab.map(placeOf), ba: ba.map(placeOf) },
      });
    }
    return links;
  }

  /** @param {number} zoom @param {number} x @param {number} y @returns {Uint8Array<ArrayBuffer>} a tile, empty where nothing is in it */
  tile(zoom, x, y) {
    const [devices, links] = [new TileLayer("devices"), new TileLayer("links")];
    const size = 2 ** zoom;
    const lines = (this.#links ??= this.#makeLinks());
    const drawn = zoom === MOST_ZOOM ? Infinity : zoom;
    // Paths go on beyond the antimeridian: at the edges of the world they come in from the other side.
    for (const turn of x === 0 ? [0, -1] : x === size - 1 ? [0, 1] : [0]) {
      /** @param {Place} place @returns {Spot} */
      const spot = ([px, py]) => [Math.round(((px + turn) * size - x) * EXTENT), Math.round((py * size - y) * EXTENT)];
      for (const { id, at, from, properties } of this.#devices) {
        if (from > drawn) continue;
        const here = spot(at);
        if (isWithin(here)) devices.point(here, { ...properties, status: this.#network.healthOf(id).status });
      }
      const reach = BUFFER / EXTENT;
      const [west, north, east, south] = [(x - reach) / size - turn, (y - reach) / size, (x + 1 + reach) / size - turn, (y + 1 + reach) / size];
      for (const link of lines) {
        const { from, box } = link;
        if (from > drawn || box[0] > east || box[2] < west || box[1] > south || box[3] < north) continue;
        this.#draw(links, link, spot, drawn);
      }
    }
    return tileOf([devices, links]);
  }

  /** @param {TileLayer} layer @param {LinkLine} link @param {(place: Place) => Spot} spot @param {number} drawn */
  #draw(layer, { id, from, met, width, kind, lane, shift, bearing, middle, ways }, spot, drawn) {
    const loads = this.#network.drawnLoads(id);
    const at = spot(middle);
    const meets = met <= drawn && isWithin(at);
    for (const [way, turn, side] of /** @type {const} */ ([["ab", 0, 1], ["ba", 180, -1]])) {
      const common = { id: `${id}:${way}`, link: id, width, kind, load: loads[way] };
      const parts = clipped(ways[way].map(spot));
      if (parts.length) layer.line(parts, { ...common, from, lane });
      if (meets) layer.point(at, { ...common, from: met, bearing: bearing + turn, shift: shift * side });
    }
  }
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

/** What of a path is in the tile and its buffer. @param {Spot[]} path @returns {Spot[][]} */
export function clipped(path) {
  const parts = /** @type {Spot[][]} */ ([]);
  for (let i = 1; i < path.length; i++) {
    const piece = clippedPiece(path[i - 1], path[i]);
    if (!piece) continue;
    const last = parts.at(-1);
    const end = last?.at(-1);
    if (last && end && end[0] === piece[0][0] && end[1] === piece[0][1]) last.push(piece[1]);
    else parts.push([...piece]);
  }
  return parts;
}

/** Liang and Barsky's way. @param {Spot} a @param {Spot} b @returns {[Spot, Spot] | null} */
function clippedPiece([ax, ay], [bx, by]) {
  let [enters, leaves] = [0, 1];
  for (const [start, step] of [[ax, bx - ax], [ay, by - ay]]) {
    for (const [gap, pace] of [[start + BUFFER, -step], [EXTENT + BUFFER - start, step]]) {
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
