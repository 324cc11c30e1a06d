// Which devices are drawn as one ring, zoom by zoom. Pure. Counterpart: tiles.js makes the plan beside the page, painter.js paints it.
// Theory: from the closest zoom outwards, what stands closer than a ring's size is merged, and what is merged stays merged
// further out; so each device has one zoom from which it stands alone. Devices at the same place are a ring at every zoom.
// The plan is numbers only, device by device in the network's order, so that it crosses from the worker at little cost.
// One rule: membership depends on places alone; status never moves a ring, it only colours it.

import { pixelsPerDegree, toFlat } from "./geometry.js";

const RADIUS_PX = 40;
const TOP_ZOOM = 24;
const SAME_PLACE_DEG = 1e-6;

/**
 * @typedef {object} Cluster
 * @property {string} id
 * @property {number} lng
 * @property {number} lat
 * @property {string[]} members ids of devices
 * @property {boolean} stack all at one place: no zoom takes them apart
 */
/**
 * The rings of a whole zoom: of each device the number of its ring (-1: none), of each ring the device at whose place it
 * stands, and whether it is a stack.
 * @typedef {{ ringOf: Int32Array, lead: Int32Array, stack: Uint8Array }} Level
 */
/** `alone`: the zoom from which each device stands alone; beyond TOP_ZOOM: never. @typedef {{ levels: Level[], alone: Uint8Array }} Plan */

/** `lead` is its first member; all are places in the network's order. @typedef {{ x: number, y: number, rank: number, members: number[], stack: boolean }} Node */

/** 0 POP, 1 relay, 2 the rest: role is size and weight, because shape belongs to status. @param {Role} role */
export const rankOf = (role) => (role === "pop" ? 0 : role === "relay" ? 1 : 2);

/** Below this zoom crowded devices are merged: a small network stays whole longer. @param {number} count */
export function clusterBelow(count) {
  return count <= 200 ? 7 : count <= 1000 ? 9 : 11;
}

/** Devices as a plan has them grouped. */
export class Clusters {
  #plan;
  #rows;
  /** @type {Map<string, number>} */
  #at = new Map();
  /** @type {Cluster[][]} */
  #rings = [];

  /** @param {Plan} plan @param {DeviceRow[]} rows the devices that it was made of, in that order */
  constructor(plan, rows) {
    this.#plan = plan;
    this.#rows = rows;
    rows.forEach(({ id }, i) => this.#at.set(id, i));
  }

  /** The devices that the plan was made of. */
  get rows() {
    return this.#rows;
  }

  /** Of each device in that order: the zoom from which it stands alone; beyond TOP_ZOOM: never. */
  get alone() {
    return this.#plan.alone;
  }

  /** The closest zoom that has rings of its own. */
  get top() {
    return this.#plan.levels.length - 1;
  }

  /** A device's number in that order, or -1. @param {string} id */
  numberOf(id) {
    return this.#at.get(id) ?? -1;
  }

  /** The plan of a whole zoom. @param {number} zoom */
  level(zoom) {
    return this.#plan.levels[Math.max(0, Math.min(this.top, zoom))];
  }

  /** The zoom from which a device stands alone; beyond TOP_ZOOM: never. @param {string} id */
  aloneFrom(id) {
    return this.#plan.alone[this.#at.get(id) ?? -1] ?? 0;
  }

  /** What stands at an end of a bundle of a whole zoom (bundles.js): a device, or the one at whose place the ring stands. @param {number} end @param {number} zoom */
  endOf(end, zoom) {
    const count = this.#rows.length;
    return this.#rows[end < count ? end : this.level(zoom).lead[end - count]];
  }

  /** The rings of a whole zoom. @param {number} zoom @returns {Cluster[]} */
  rings(zoom) {
    const held = Math.max(0, Math.min(this.top, zoom));
    return (this.#rings[held] ??= this.#gather(this.#plan.levels[held]));
  }

  /** The ring that a device is in at a whole zoom. @param {string} id @param {number} zoom @returns {Cluster | undefined} */
  ringOf(id, zoom) {
    return this.rings(zoom)[this.level(zoom).ringOf[this.numberOf(id)] ?? -1];
  }

  /** The rings that a device is in, one a zoom; the last holds further in too. @param {string} id @returns {{ ring: Cluster, zoom: number, last: boolean }[]} */
  ringsWith(id) {
    const zooms = Array.from({ length: Math.min(this.top + 1, this.aloneFrom(id)) }, (_, zoom) => zoom);
    return zooms.flatMap((zoom) => {
      const ring = this.ringOf(id, zoom);
      return ring ? [{ ring, zoom, last: zoom === this.top }] : [];
    });
  }

  /** The zoom from which a link is drawn from device to device; before it a bundle is, or it is inside a ring. @param {string} a @param {string} b */
  linkedFrom(a, b) {
    return linkedFrom(this.#plan, this.#at.get(a) ?? -1, this.#at.get(b) ?? -1);
  }

  /** The zoom from which two devices are not in the same ring. @param {string} a @param {string} b */
  apartFrom(a, b) {
    return apartFrom(this.#plan, this.#at.get(a) ?? -1, this.#at.get(b) ?? -1);
  }

  /** @param {Level} level */
  #gather({ ringOf, lead, stack }) {
    const rings = Array.from(lead, (place, i) => {
      const { id, lng, lat } = this.#rows[place];
      return { id, lng, lat, members: /** @type {string[]} */ ([]), stack: stack[i] === 1 };
    });
    ringOf.forEach((ring, i) => ring >= 0 && rings[ring].members.push(this.#rows[i].id));
    return rings;
  }
}

/** The zoom from which two devices of a plan, by number, are not in the same ring. @param {Plan} plan @param {number} a @param {number} b */
export function apartFrom({ levels }, a, b) {
  const top = levels.length - 1;
  for (let zoom = top; zoom >= 0; zoom--) {
    const { ringOf } = levels[zoom];
    if (ringOf[a] >= 0 && ringOf[a] === ringOf[b]) return zoom === top ? TOP_ZOOM + 1 : zoom + 1;
  }
  return 0;
}

/** The zoom from which both ends of a link stand alone, or the closest rings are passed. @param {Plan} plan @param {number} a @param {number} b */
export function linkedFrom(plan, a, b) {
  const latest = Math.max(plan.alone[a] ?? 0, plan.alone[b] ?? 0);
  return latest <= plan.levels.length ? latest : Math.max(plan.levels.length, apartFrom(plan, a, b));
}

/** @param {DeviceRow[]} rows @param {boolean} onPaper only what stands at one place is merged @returns {Plan} */
export function planOf(rows, onPaper = false) {
  const alone = new Uint8Array(rows.length);
  let nodes = stacks(rows, alone);
  const top = onPaper ? 0 : clusterBelow(rows.length);
  const levels = /** @type {Level[]} */ ([]);
  levels[top] = levelOf(nodes, rows.length);
  for (let zoom = top - 1; zoom >= 0; zoom--) {
    nodes = merge(nodes, RADIUS_PX / pixelsPerDegree(zoom));
    levels[zoom] = levelOf(nodes, rows.length);
    levels[zoom].ringOf.forEach((ring, i) => {
      if (ring >= 0 && alone[i] <= zoom) alone[i] = zoom + 1;
    });
  }
  return { levels, alone };
}

/** Devices in their rings. @param {Iterable<DeviceRow>} devices */
export function makeClusters(devices) {
  const rows = [...devices];
  return new Clusters(planOf(rows), rows);
}

/** @param {DeviceRow[]} rows @param {Uint8Array} alone gets those of devices that never stand alone */
function stacks(rows, alone) {
  const byPlace = /** @type {Map<string, Node>} */ (new Map());
  rows.forEach(({ lng, lat, role }, i) => {
    const key = `${Math.round(lng / SAME_PLACE_DEG)}/${Math.round(lat / SAME_PLACE_DEG)}`;
    const node = byPlace.get(key);
    if (node) {
      node.members.push(i);
      node.stack = true;
    } else {
      const [x, y] = toFlat([lng, lat]);
      byPlace.set(key, { x, y, rank: rankOf(role), members: [i], stack: false });
    }
  });
  for (const { members } of byPlace.values()) if (members.length > 1) for (const i of members) alone[i] = TOP_ZOOM + 1;
  return [...byPlace.values()];
}

/** Merge what is closer than `radius` into the most important there, so that its links still end in the ring. @param {Node[]} nodes @param {number} radius */
function merge(nodes, radius) {
  const rows = Math.ceil(360 / radius) + 3;
  /** @param {number} x @param {number} y */
  const cell = (x, y) => Math.floor((x + 180) / radius) * rows + Math.floor((y + 180) / radius);
  const grid = /** @type {Map<number, Node[]>} */ (new Map());
  for (const node of nodes) {
    const key = cell(node.x, node.y);
    const there = grid.get(key);
    if (there) there.push(node);
    else grid.set(key, [node]);
  }
  const taken = /** @type {Set<Node>} */ (new Set());
  const merged = [];
  for (const node of [...nodes].sort((a, b) => a.rank - b.rank || b.members.length - a.members.length)) {
    if (taken.has(node)) continue;
    taken.add(node);
    const near = [node];
    for (const dx of [-radius, 0, radius]) {
      for (const dy of [-radius, 0, radius]) {
        for (const other of grid.get(cell(node.x + dx, node.y + dy)) ?? []) {
          if (taken.has(other) || Math.hypot(other.x - node.x, other.y - node.y) > radius) continue;
          taken.add(other);
          near.push(other);
        }
      }
    }
    merged.push(near.length === 1 ? node : { ...node, members: near.flatMap(({ members }) => members), stack: false });
  }
  return merged;
}

/** @param {Node[]} nodes @param {number} count of devices @returns {Level} */
function levelOf(nodes, count) {
  const rings = nodes.filter(({ members }) => members.length > 1);
  const ringOf = new Int32Array(count).fill(-1);
  rings.forEach(({ members }, ring) => {
    for (const i of members) ringOf[i] = ring;
  });
  return { ringOf, lead: Int32Array.from(rings, ({ members }) => members[0]), stack: Uint8Array.from(rings, ({ stack }) => Number(stack)) };
}
