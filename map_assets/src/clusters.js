// Which devices are drawn as one ring, zoom by zoom. Pure. Counterpart: painter.js, which paints the rings.
// Theory: from the closest zoom outwards, what stands closer than a ring's size is merged, and what is merged stays merged
// further out; so each device has one zoom from which it stands alone. Devices at the same place are a ring at every zoom.
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
 * @typedef {object} Clusters
 * @property {(zoom: number) => Cluster[]} rings the rings of a whole zoom
 * @property {Map<string, number>} aloneFrom the zoom from which each device stands alone; beyond TOP_ZOOM: never
 * @property {(id: string, zoom: number) => Cluster | undefined} ringOf the ring that a device is in at a whole zoom
 * @property {(a: string, b: string) => number} apartFrom the zoom from which two devices are not in the same ring
 */
/** `rank` is that of its first member. @typedef {{ x: number, y: number, lng: number, lat: number, rank: number, members: string[], stack: boolean }} Node */

/** 0 POP, 1 relay, 2 the rest: role is size and weight, because shape belongs to status. @param {Role} role */
export const rankOf = (role) => (role === "pop" ? 0 : role === "relay" ? 1 : 2);

/** Below this zoom crowded devices are merged: a small network stays whole longer. @param {number} count */
export function clusterBelow(count) {
  return count <= 200 ? 7 : count <= 1000 ? 9 : 11;
}

/**
 * @param {Iterable<DeviceRow>} devices
 * @returns {Clusters}
 */
export function makeClusters(devices) {
  const aloneFrom = /** @type {Map<string, number>} */ (new Map());
  let nodes = stacks(devices, aloneFrom);
  const top = clusterBelow(aloneFrom.size);
  const levels = /** @type {Cluster[][]} */ ([]);
  levels[top] = ringsOf(nodes);
  for (let zoom = top - 1; zoom >= 0; zoom--) {
    nodes = merge(nodes, RADIUS_PX / pixelsPerDegree(zoom));
    levels[zoom] = ringsOf(nodes);
    for (const node of nodes) {
      if (node.members.length > 1) {
        for (const id of node.members) if (/** @type {number} */ (aloneFrom.get(id)) <= zoom) aloneFrom.set(id, zoom + 1);
      }
    }
  }
  const ringsById = levels.map((rings) => new Map(rings.flatMap((ring) => ring.members.map((member) => [member, ring]))));
  return {
    rings: (zoom) => levels[Math.max(0, Math.min(top, zoom))],
    aloneFrom,
    ringOf: (id, zoom) => ringsById[Math.max(0, Math.min(top, zoom))].get(id),
    apartFrom(a, b) {
      for (let zoom = top; zoom >= 0; zoom--) {
        const ring = ringsById[zoom].get(a);
        if (ring !== undefined && ring === ringsById[zoom].get(b)) return zoom === top ? TOP_ZOOM + 1 : zoom + 1;
      }
      return 0;
    },
  };
}

/** @param {Iterable<DeviceRow>} devices @param {Map<string, number>} aloneFrom */
function stacks(devices, aloneFrom) {
  const byPlace = /** @type {Map<string, Node>} */ (new Map());
  for (const { id, lng, lat, role } of devices) {
    const key = `${Math.round(lng / SAME_PLACE_DEG)}/${Math.round(lat / SAME_PLACE_DEG)}`;
    const node = byPlace.get(key);
    aloneFrom.set(id, 0);
    if (node) {
      node.members.push(id);
      node.stack = true;
    } else {
      const [x, y] = toFlat([lng, lat]);
      byPlace.set(key, { x, y, lng, lat, rank: rankOf(role), members: [id], stack: false });
    }
  }
  for (const { members } of byPlace.values()) if (members.length > 1) for (const id of members) aloneFrom.set(id, TOP_ZOOM + 1);
  return [...byPlace.values()];
}

/** Merge what is closer than `radius` into the most important there, so that its links still end in the ring. @param {Node[]} nodes @param {number} radius */
function merge(nodes, radius) {
  /** @param {number} x @param {number} y */
  const cell = (x, y) => `${Math.floor(x / radius)}/${Math.floor(y / radius)}`;
  const grid = /** @type {Map<string, Node[]>} */ (new Map());
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

/** @param {Node[]} nodes @returns {Cluster[]} */
function ringsOf(nodes) {
  return nodes
    .filter((node) => node.members.length > 1)
    .map(({ lng, lat, members, stack }) => ({ id: members[0], lng, lat, members, stack }));
}
