// Links that end in a ring, gathered: one bundle a pair of ends, which wears what its links do. Pure. Counterparts: tiles.js draws
// them beside the page, foreground.js says in the page which of them step back.
// One rule: a bundle is named after its zoom and its first link, so that page and worker name it alike and no plan changes its name.

import { LOAD_HIDDEN, LOAD_NOT_KNOWN } from "./network.js";

/** @import { Level } from "./clusters.js" */
/** @import { Fate, Fates } from "./fates.js" */
/** @import { Network } from "./network.js" */

/** A link of a bundle; `turned`: it runs from the bundle's second end to its first. @typedef {{ id: string, turned: boolean, capacity_bps: number, kind: string }} Bundled */
/** `ends`: numbers of its two ends, a device's own; a ring's comes after all devices. @typedef {{ id: string, ends: [number, number], links: Bundled[] }} Bundle */

/** Of each link the numbers of the devices at its two ends; -1: it has no place. @param {LinkRow[]} links @param {(device: string) => number} numberOf */
export function endsOf(links, numberOf) {
  const ends = new Int32Array(2 * links.length);
  links.forEach(({ a, b }, i) => {
    ends[2 * i] = numberOf(a);
    ends[2 * i + 1] = numberOf(b);
  });
  return ends;
}

/** The bundles of a zoom. @param {Level} level @param {LinkRow[]} links @param {Int32Array} ends of them @param {number} zoom @returns {Bundle[]} */
export function bundlesOf({ ringOf }, links, ends, zoom) {
  const count = ringOf.length;
  /** @param {number} device */
  const endOf = (device) => (ringOf[device] >= 0 ? count + ringOf[device] : device);
  const bundles = /** @type {Map<number, Bundle>} */ (new Map());
  links.forEach(({ id, kind, capacity_bps }, i) => {
    if (ends[2 * i] < 0 || ends[2 * i + 1] < 0) return;
    const [from, to] = [endOf(ends[2 * i]), endOf(ends[2 * i + 1])];
    if (from === to || (from < count && to < count)) return;
    const turned = from > to;
    const [one, other] = turned ? [to, from] : [from, to];
    const key = one * 2 * count + other;
    const there = bundles.get(key);
    if (there) there.links.push({ id, turned, capacity_bps, kind });
    else bundles.set(key, { id: `${zoom}/${id}`, ends: [one, other], links: [{ id, turned, capacity_bps, kind }] });
  });
  return [...bundles.values()];
}

/** What becomes of a link where others have a fate. @param {Fates} fates @param {string} id @returns {Fate | "aside"} */
const fateOf = (fates, id) => fates.links.get(id) ?? "aside";

/** What becomes of a bundle: whatever of it comes forward is seen, then whatever is left. @param {Bundled[]} links @param {Fates} fates @returns {Fate | "aside"} */
export function fateOfBundle(links, fates) {
  let best = /** @type {Fate | "aside"} */ ("lost");
  for (const { id } of links) {
    const fate = fateOf(fates, id);
    if (fate === "carries") return fate;
    if (fate === "aside") best = fate;
  }
  return best;
}

/**
 * The busiest load of a bundle each way, and the link that has the busiest of all.
 * @param {Network} network @param {Bundled[]} links @param {Fates | null} fates where given, those links count that share the bundle's, with the load that they would have
 */
export function busiestOf(network, links, fates = null) {
  const shared = fates && fateOfBundle(links, fates);
  const loads = { ab: LOAD_HIDDEN, ba: LOAD_HIDDEN };
  let [link, most] = [links[0].id, -Infinity];
  for (const { id, turned } of links) {
    if (fates && fateOf(fates, id) !== shared) continue;
    const { ab, ba } = loadsThen(network, id, fates);
    const [out, back] = turned ? [ba, ab] : [ab, ba];
    if (busy(out) > busy(loads.ab)) loads.ab = out;
    if (busy(back) > busy(loads.ba)) loads.ba = back;
    const busiest = Math.max(busy(ab), busy(ba));
    if (busiest > most) [link, most] = [id, busiest];
  }
  return { link, loads };
}

/** What is down goes on being drawn as such. @param {Network} network @param {string} id @param {Fates | null} fates */
function loadsThen(network, id, fates) {
  const now = network.drawnLoads(id);
  const then = fates?.loads.get(id);
  return then && now.ab !== LOAD_HIDDEN ? { ab: then.ab_class ?? LOAD_NOT_KNOWN, ba: then.ba_class ?? LOAD_NOT_KNOWN } : now;
}

/** How busy a drawn load is. @param {number} load */
const busy = (load) => (load === LOAD_NOT_KNOWN ? -0.5 : load);
