// What is odd, broken, ringed or chosen made into GeoJSON features for the live source. Pure. Counterpart: layers.js reads their
// properties; tiles.js holds the whole network. One rule: their number follows what is odd, never the size of the network.

import { rankOf } from "./clusters.js";
import { fromFlat, halve, pixelsPerDegree, pointAlong } from "./geometry.js";
import { aside, widthOf } from "./lanes.js";
import { failingLinks } from "./rings.js";
import { ringSize } from "./sprites.js";
import { FAULT_ORDER, isOdd, SYMBOL_PX } from "./symbols.js";
import { DIM, laneSizeAt } from "./style.js";
import { age, label, rate } from "./words.js";

/** @import { Feature } from "geojson" */
/** @import { Network } from "./network.js" */
/** @import { Cluster, Clusters } from "./clusters.js" */
/** @import { Fates } from "./fates.js" */
/** @import { Palette } from "./palette.js" */

/** What is in view. @typedef {[west: number, south: number, east: number, north: number]} Bounds */

/** A link shorter than this has no pills. */
const PILL_PX = 150;
/** More marks of links of several ports than a screen has room for. */
const LAGS_MOST = 500;
/** Where on a link its pills stand; those of links side by side stand one behind the other, so far before or after. */
const PILL_SHARES = { ab: 0.27, ba: 0.73, spread: 0.14 };

/** @param {LngLat} place @param {Record<string, unknown>} properties @returns {Feature} */
export const pointOf = (place, properties) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: place } });
/** @param {LngLat[]} path @param {Record<string, unknown>} properties @returns {Feature} */
export const lineOf = (path, properties) => ({ type: "Feature", properties, geometry: { type: "LineString", coordinates: path } });

/** Zoom from which each rank has its name. @param {number} count */
export const namedFrom = (count) => (count <= 300 ? [4, 6, 7] : [5, 9, 11]);

/** Whether a link is down by itself, and has a place. @param {Network} network @param {string} id */
export function isBroken(network, id) {
  if (network.loadOf(id).status !== "down") return false;
  const link = network.links.get(id);
  return link !== undefined && !network.isBehind(link) && network.pathOf(link) !== null;
}

/** Whether a link has lost some of its members and runs by the others, and has a place. @param {Network} network @param {string} id */
export function isShort(network, id) {
  const { status, lag } = network.loadOf(id);
  if (!lag?.[1] || status === "down") return false;
  const link = network.links.get(id);
  return link !== undefined && !network.isBehind(link) && network.pathOf(link) !== null;
}

/** How many of a link's members are down, or how many lines it is. @param {[width: number, down: number]} lag */
export const lagWords = ([width, down]) => (down ? `${down} of ${width} down` : `${width}×`);

/**
 * The links that are down by themselves: a line from end to end and the mark in its middle.
 * @param {Network} network @param {Clusters} clusters @returns {Feature[]}
 */
export function brokenFeatures(network, clusters) {
  const features = [];
  for (const { id } of network.loads.values()) {
    if (!isBroken(network, id)) continue;
    const link = /** @type {LinkRow} */ (network.links.get(id));
    const places = /** @type {LngLat[]} */ (network.pathOf(link));
    const { path, middle, bearing_deg } = halve(places);
    const lane = network.laneOf(id);
    const properties = { link: id, from: clusters.apartFrom(link.a, link.b) };
    features.push(lineOf(path.map(fromFlat), { ...properties, lane: lane.offset }));
    features.push(pointOf(middle, { ...properties, ...aside(lane, bearing_deg) }));
  }
  return features;
}

/**
 * The links of several ports: each a mark in its middle that says how many they are, in the view; those with members down wherever they are.
 * @param {Network} network @param {Clusters} clusters @param {Bounds | null} view null: only those with members down @returns {Feature[]}
 */
export function lagFeatures(network, clusters, view) {
  const features = [];
  for (const { id, status, lag } of network.loads.values()) {
    if (!lag || status === "down" || (!lag[1] && !view)) continue;
    const link = network.links.get(id);
    const places = link && !network.isBehind(link) ? network.pathOf(link) : null;
    if (!link || !places || (!lag[1] && view && !isNear(places, view))) continue;
    const { middle, bearing_deg } = halve(places);
    const common = { link: id, from: clusters.apartFrom(link.a, link.b), ...aside(network.laneOf(id), bearing_deg) };
    features.push(pointOf(middle, { ...common, fallen: lag[1], text: lagWords(lag) }));
    if (features.length >= LAGS_MOST) break;
  }
  return features;
}

/**
 * Names and ages of what is odd.
 * @param {Network} network @param {Iterable<string>} ids @param {Clusters} clusters
 * @param {string | null} chosen @param {number} now_us @param {Fates | null} fates what would be, inside the what-if frame
 * @returns {Feature[]}
 */
export function oddFeatures(network, ids, clusters, chosen, now_us, fates = null) {
  const features = [];
  for (const id of ids) {
    const device = network.devices.get(id);
    if (!device) continue;
    const { status, since_us } = network.healthOf(id);
    const old = age((now_us - since_us) / 1e6);
    const named = status !== "down" && fates?.devices.get(id) === "fails" ? "" : label(device.name);
    features.push(pointOf([device.lng, device.lat], {
      id, status, label: named, rank: rankOf(device.role), from: clusters.aloneFrom(id),
      age: old, said: `${status} ${old}`, since: since_us / 1e6, severity: severityOf(status), chosen: id === chosen,
      held: fates && !fates.devices.has(id) ? DIM : 1,
    }));
  }
  return features;
}

/** Those that turned last, at most so many, and the selected one. @param {Network} network @param {Set<string>} ids of devices @param {number} most @param {string | null} chosen */
export function newestOf(network, ids, most, chosen) {
  if (ids.size <= most) return new Set(ids);
  const newest = Array.from(ids, (id) => ({ id, since_us: network.healthOf(id).since_us })).sort((a, b) => b.since_us - a.since_us);
  return new Set([...newest.slice(0, most).map(({ id }) => id), ...(chosen !== null && ids.has(chosen) ? [chosen] : [])]);
}

/** Names of devices that have moved, until the tiles have them. @param {Network} network @param {string[]} ids @param {Clusters} clusters @returns {Feature[]} */
export function movedFeatures(network, ids, clusters) {
  return ids.flatMap((id) => {
    const device = network.devices.get(id);
    if (!device) return [];
    const rank = rankOf(device.role);
    const from = Math.max(clusters.aloneFrom(id), namedFrom(network.devices.size)[rank]);
    return [pointOf([device.lng, device.lat], { id, rank, from, label: label(device.name) })];
  });
}

/** Higher is worse, so that it is drawn later. @param {Status} status */
export const severityOf = (status) => FAULT_ORDER.length - FAULT_ORDER.indexOf(status);

/**
 * The rings of one zoom, which names keep away from, and the names of those with something in them that is down: a device, else a link.
 * @param {Network} network @param {Clusters} clusters @param {number} zoom @param {Iterable<string>} odd ids of all that are down, and others
 * @param {Iterable<string>} broken ids of the links that are down @param {number} now_us @param {Fates | null} fates what would be, inside the what-if frame
 * @returns {Feature[]}
 */
export function ringFeatures(network, clusters, zoom, odd, broken, now_us, fates = null) {
  const named = /** @type {Map<Cluster, Record<string, unknown>>} */ (new Map());
  /** @param {Iterable<string>} ids @param {(id: string) => boolean} wanted @param {(ids: string[]) => Record<string, unknown>} name */
  const gather = (ids, wanted, name) => {
    const inRings = /** @type {Map<Cluster, string[]>} */ (new Map());
    for (const id of ids) {
      const ring = wanted(id) ? clusters.ringOf(id, zoom) : undefined;
      const there = ring && inRings.get(ring);
      if (there) there.push(id);
      else if (ring) inRings.set(ring, [id]);
    }
    for (const [ring, some] of inRings) named.set(ring, name(some));
  };
  /** @param {Iterable<string>} ids of links @param {string} said of one of them */
  const gatherLinks = (ids, said) => {
    const inside = /** @type {Map<Cluster, LinkRow[]>} */ (new Map());
    for (const id of ids) {
      const link = network.links.get(id);
      const ring = link && clusters.ringOf(link.a, zoom);
      if (ring && ring === clusters.ringOf(link.b, zoom)) inside.set(ring, [...(inside.get(ring) ?? []), link]);
    }
    for (const [ring, links] of inside) named.set(ring, linksInside(network, links, said));
  };
  gatherLinks(failingLinks(fates), "would fail");
  gather(fates?.devices.keys() ?? [], (id) => fates?.devices.get(id) === "fails", (ids) => failing(network, ids));
  gatherLinks(broken, "link down");
  gather(odd, (id) => network.healthOf(id).status === "down", (ids) => newestDown(network, ids, now_us));
  const last = zoom === clusters.top;
  return clusters.rings(zoom).map((ring) => pointOf([ring.lng, ring.lat], { zoom, last, size: ringSize(ring.members.length) / SYMBOL_PX, ...named.get(ring) }));
}

/** The name that stands at a ring with nothing else in it that is wrong but links. @param {Network} network @param {LinkRow[]} links all of them @param {string} said of one */
function linksInside(network, [{ a, b }, ...others], said) {
  const [one, other] = [a, b].map((id) => label(network.devices.get(id)?.name ?? ""));
  const more = others.length ? `, ${others.length} more` : "";
  return { label: `${one} – ${other}`, said: `${said}${more}`, since: 0 };
}

/** The name that stands at a ring with something in it that would fail. @param {Network} network @param {string[]} failing all of them */
function failing(network, [first, ...others]) {
  const more = others.length ? `, ${others.length} more` : "";
  return { label: label(network.devices.get(first)?.name ?? ""), said: `would fail${more}`, since: 0 };
}

/** The name that stands at a ring with something down in it. @param {Network} network @param {string[]} ids all of them @param {number} now_us */
function newestDown(network, ids, now_us) {
  const down = ids.map((id) => network.healthOf(id));
  const newest = down.reduce((a, b) => (b.since_us > a.since_us ? b : a));
  const more = down.length > 1 ? `, ${down.length - 1} more` : "";
  return {
    label: label(network.devices.get(newest.id)?.name ?? ""),
    said: `down ${age((now_us - newest.since_us) / 1e6)}${more}`,
    since: newest.since_us / 1e6,
  };
}

/** Whether a path may be seen: something of it may lie in the view. @param {LngLat[]} path @param {Bounds} view */
function isNear(path, [west, south, east, north]) {
  const [lngs, lats] = [path.map(([lng]) => lng), path.map(([, lat]) => lat)];
  if (Math.min(...lats) > north || Math.max(...lats) < south) return false;
  const [first, last] = [Math.min(...lngs), Math.max(...lngs)];
  return last - first > 180 || (first <= east && last >= west); // the longer ones go around by the antimeridian
}

/** The middle of a link in its lane, on the ground of a zoom: what stands there moves with the zoom. @param {Network} network @param {LinkRow} link @param {LngLat[]} places @param {number} zoom @returns {LngLat} */
export function middleInLane(network, { id }, places, zoom) {
  const { path, length } = halve(places);
  return besideWay(path, length / 2, network.laneOf(id), zoom);
}

/** A place along a way, in a lane. @param {import("./geometry.js").Flat[]} path @param {number} along @param {import("./lanes.js").Lane} lane @param {number} zoom */
function besideWay(path, along, lane, zoom) {
  const { point, bearing_deg } = pointAlong(path, along);
  const { right, down } = aside(lane, bearing_deg);
  const px = laneSizeAt(zoom) / pixelsPerDegree(zoom);
  return fromFlat([point[0] + right * px, point[1] - down * px]);
}

/**
 * The load pills of one link that are in the view; none where it is too short for them.
 * @param {Network} network @param {LoadRow} load @param {Bounds} view @param {number} zoom
 * @param {Fates | null} fates what would be, inside the what-if frame @returns {Feature[]}
 */
export function pillFeatures(network, load, view, zoom, fates = null) {
  const link = network.links.get(load.id);
  const places = link && load.status === "up" ? network.pathOf(link) : null;
  if (!places || !isNear(places, view)) return [];
  const { path, length } = halve(places);
  const scale = pixelsPerDegree(zoom);
  if (length * scale < PILL_PX) return [];
  const fate = fates && (fates.links.get(load.id) ?? "aside");
  if (fate === "fails" || fate === "lost") return [];
  const features = [];
  const lane = network.laneOf(load.id);
  for (const [bps, share] of /** @type {const} */ ([[load.ab_bps, PILL_SHARES.ab], [load.ba_bps, PILL_SHARES.ba]])) {
    if (bps === null) continue;
    const at = besideWay(path, length * (share + lane.order * PILL_SHARES.spread), lane, zoom);
    if (isNear([at], view)) features.push(pointOf(at, { link: load.id, text: rate(bps), sort: -bps, held: fate === "aside" ? DIM : 1 }));
  }
  return features;
}

/**
 * The mark of the selected device (its ring and name) or link (its halo). What is down or would fail has its name already.
 * @param {Network} network @param {string | null} id @param {Palette} palette @param {string} [fate] what would become of it
 * @returns {Feature[]}
 */
export function chosenFeatures(network, id, { text, status_text: colors }, fate) {
  const device = network.devices.get(id ?? "");
  const link = network.links.get(id ?? "");
  if (device) {
    const { status } = network.healthOf(device.id);
    const named = status === "down" || fate === "fails" ? "" : label(device.name);
    return [pointOf([device.lng, device.lat], { label: named, color: isOdd(status) || status === "affected" ? colors[status] : text.text })];
  }
  const path = link && network.pathOf(link);
  return link && path ? [lineOf(halve(path).path.map(fromFlat), { width: widthOf(link.capacity_bps), lane: network.laneOf(link.id).offset })] : [];
}
