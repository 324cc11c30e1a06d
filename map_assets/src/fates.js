// What would become of devices and links if some of them failed, made from what the window has worked out. Pure.
// Counterpart: `show_what_if` in app/map/view.py. One rule: a fate is never a status; the page shows the one over the other.

import { lineOf, pointOf } from "./features.js";
import { fromFlat, halve } from "./geometry.js";
import { ALONE, aside, widthOf } from "./lanes.js";
import { rankOf } from "./clusters.js";
import { label } from "./words.js";

/** @import { Feature } from "geojson" */
/** @import { Bundle } from "./bundles.js" */
/** @import { Clusters } from "./clusters.js" */
/** @import { Network } from "./network.js" */

/** Worst first: what is several of them is the first. @typedef {"fails" | "lost" | "weakened" | "carries"} Fate */
/**
 * @typedef {object} Fates
 * @property {Map<string, Fate>} devices
 * @property {Map<string, Fate>} links
 * @property {Map<string, ThenRow>} loads what links would carry, where that is something else
 * @property {LngLat[][]} detours ways of re-routed traffic where no link of ours is drawn
 */

/** What the card says of each. @type {Record<Fate, string>} */
export const FATE_WORDS = {
  fails: "What if this fails",
  lost: "Would be lost",
  weakened: "Would have one way left",
  carries: "Would carry traffic that moves here",
};

/** @param {Network} network @param {WhatIf | null} whatIf @returns {Fates} */
export function fatesOf(network, whatIf) {
  const devices = /** @type {Map<string, Fate>} */ (new Map());
  const links = /** @type {Map<string, Fate>} */ (new Map());
  const detours = /** @type {LngLat[][]} */ ([]);
  const loads = new Map(whatIf?.loads.map((row) => [row.id, row]));
  if (!whatIf) return { devices, links, loads, detours };
  const { failed, lost, weakened, rerouted } = whatIf;
  for (const { path } of rerouted) for (const id of path) devices.set(id, "carries");
  for (const id of weakened) devices.set(id, "weakened");
  for (const [fate, ids] of /** @type {const} */ ([["lost", lost], ["fails", failed]])) {
    for (const id of ids) {
      if (network.links.has(id)) continue;
      devices.set(id, fate);
      for (const link of network.linksAt(id)) links.set(link, "lost");
    }
  }
  for (const id of failed) if (network.links.has(id)) links.set(id, "fails");
  const passed = new Set();
  for (const { path } of rerouted) {
    for (let i = 1; i < path.length; i++) {
      const [a, b] = [path[i - 1], path[i]];
      const pair = a < b ? `${a} ${b}` : `${b} ${a}`;
      if (passed.has(pair)) continue;
      passed.add(pair);
      const between = linksBetween(network, a, b).filter((id) => links.get(id) === undefined);
      for (const id of between) links.set(id, "carries");
      const [from, to] = [network.devices.get(a), network.devices.get(b)];
      if (between.length === 0 && from && to) detours.push([[from.lng, from.lat], [to.lng, to.lat]]);
    }
  }
  for (const { id, more } of loads.values()) if (more && network.links.has(id) && !links.has(id)) links.set(id, "carries");
  return { devices, links, loads, detours };
}

/** @param {Network} network @param {string} a @param {string} b */
function linksBetween(network, a, b) {
  return network.linksAt(a).filter((id) => {
    const link = network.links.get(id);
    return link !== undefined && (link.a === b || link.b === b);
  });
}

/**
 * What fate_layers.js shows: devices, links, and ways that have no link of ours. Of links that are drawn as a bundle, the bundle has it.
 * @param {Network} network @param {Fates} fates @param {Clusters} clusters @param {Iterable<[zoom: number, Bundle]>} bundles of the zooms that are looked at
 * @returns {Feature[]}
 */
export function fateFeatures(network, { devices, links, detours }, clusters, bundles = []) {
  /** @param {LngLat[]} path */
  const whole = (path) => halve(path).path.map(fromFlat);
  const features = detours.map((path) => lineOf(whole(path), { kind: "detour", fate: "carries", from: 0 }));
  for (const [id, fate] of devices) {
    const device = network.devices.get(id);
    if (!device || fate === "carries") continue;
    const common = { kind: "device", fate, rank: rankOf(device.role), label: label(device.name) };
    features.push(pointOf([device.lng, device.lat], { ...common, from: clusters.aloneFrom(id) }));
  }
  for (const [id, fate] of links) {
    const link = network.links.get(id);
    const path = link && network.pathOf(link);
    if (!link || !path) continue;
    const common = { fate, from: clusters.linkedFrom(link.a, link.b) };
    const lane = network.laneOf(id);
    const { middle, bearing_deg } = halve(path);
    features.push(lineOf(whole(path), { ...common, kind: "link", width: widthOf(link.capacity_bps), lane: lane.offset }));
    if (fate === "fails") features.push(pointOf(middle, { ...common, kind: "strike", label: "", ...aside(lane, bearing_deg) }));
  }
  for (const [zoom, bundle] of bundles) {
    const found = new Set(bundle.links.flatMap(({ id }) => links.get(id) ?? []));
    if (found.size) features.push(...bundleFeatures(clusters, zoom, bundle, found));
  }
  return features;
}

/** @param {Clusters} clusters @param {number} zoom @param {Bundle} bundle @param {Set<Fate>} found what would become of its links @returns {Feature[]} */
function bundleFeatures(clusters, zoom, { ends, links }, found) {
  const [from, to] = ends.map((end) => clusters.endOf(end, zoom));
  const { path, middle, bearing_deg } = halve([[from.lng, from.lat], [to.lng, to.lat]]);
  const common = { zoom, last: false }; // nearer by than the last rings there are no bundles
  const width = widthOf(links.reduce((sum, { capacity_bps }) => sum + capacity_bps, 0));
  const features = Array.from(found, (fate) => lineOf(path.map(fromFlat), { ...common, fate, kind: "link", width, lane: 0 }));
  if (found.has("fails")) features.push(pointOf(middle, { ...common, fate: "fails", kind: "strike", label: "", ...aside(ALONE, bearing_deg) }));
  return features;
}
