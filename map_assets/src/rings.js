// What is in the rings of a zoom, counted by status. Pure. Counterpart: clusters.js says who is in which, glass.js draws them.
// One rule: what is real and down stays above what would be.

import { RING_ORDER } from "./symbols.js";

/** @import { Level } from "./clusters.js" */
/** @import { Fate } from "./fates.js" */
/** @import { Part, RingParts } from "./symbols.js" */

const DOWN = RING_ORDER.indexOf("down");
const PART_OF = new Map(RING_ORDER.map((part, i) => [part, i]));

/** A device's part of its ring, as its number in RING_ORDER. @param {Status} status @param {Fate | undefined} fate */
export function partOf(status, fate) {
  const part = /** @type {number} */ (PART_OF.get(status));
  return part !== DOWN && (fate === "fails" || fate === "lost") ? /** @type {number} */ (PART_OF.get(fate)) : part;
}

/** What each ring is made of. @param {Level} level @param {Uint8Array} parts of the devices, in the plan's order @returns {RingParts[]} */
export function countRings({ ringOf, lead }, parts) {
  const [kinds, rings] = [RING_ORDER.length, lead.length];
  const counts = new Uint32Array(rings * kinds);
  ringOf.forEach((ring, device) => ring >= 0 && counts[ring * kinds + parts[device]]++);
  return Array.from({ length: rings }, (_, ring) => {
    const there = Array.from(RING_ORDER, (part, i) => /** @type {const} */ ([part, counts[ring * kinds + i]])).filter(([, count]) => count);
    return { total: there.reduce((sum, [, count]) => sum + count, 0), counts: Object.fromEntries(there), worst: /** @type {Part} */ (there[0][0]) };
  });
}

/** Ids of the links that would fail by themselves. @param {import("./fates.js").Fates | null} fates */
export const failingLinks = (fates) => [...(fates?.links ?? [])].flatMap(([id, fate]) => (fate === "fails" ? [id] : []));

/** Of how many of these links each ring has both ends: no zoom may hide what is wrong with them. @param {Level} level @param {Iterable<[a: number, b: number]>} links their ends, in the plan's order */
export function countInRings({ ringOf, lead }, links) {
  const counts = new Uint32Array(lead.length);
  for (const [a, b] of links) if (ringOf[a] >= 0 && ringOf[a] === ringOf[b]) counts[ringOf[a]]++;
  return counts;
}
