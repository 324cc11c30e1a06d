// How wide links are, and how those between the same two devices stand side by side. Pure. Counterpart: network.js keeps the lanes,
// tiles.js and features.js tell the style of them. One rule: all of them are seen, so nothing of a lane is cut off or held back.

/** @typedef {{ id: string, a: string, b: string, capacity_bps: number }} LinkEnds */
/** `offset`: how far a link stands to the right of its way from a to b, in pixels at size 1; `order`: where in their row, from -1 to 1. @typedef {{ offset: number, order: number }} Lane */

/** From the middle of a link to that of one alike beside it: so many times their width. */
const PITCH = 1.5;
/** More have no number of their own; two of them in one figure are still exact. */
const DEVICES_MOST = 2 ** 26;
/** @type {Lane} */
export const ALONE = { offset: 0, order: 0 };

/** Width in pixels at size 1. @param {number} bps */
export function widthOf(bps) {
  const steps = /** @type {const} */ ([[10e9, 5], [2e9, 4.4], [1e9, 3.8], [500e6, 3], [300e6, 2.6]]);
  return steps.find(([least]) => bps >= least)?.[1] ?? 2.2;
}

/** The lanes of those that are not alone between their ends, by id. @param {Iterable<LinkEnds>} links @returns {Map<string, Lane>} */
export function lanesOf(links) {
  const numbers = /** @type {Map<string, number>} */ (new Map());
  /** @param {string} device */
  const numberOf = (device) => {
    const known = numbers.get(device);
    if (known === undefined) numbers.set(device, numbers.size);
    return known ?? numbers.size - 1;
  };
  // Most are alone, and a list for each of them, or a text for each pair, takes longer than all the rest.
  const firstOf = /** @type {Map<number, LinkEnds>} */ (new Map());
  const byPair = /** @type {Map<number, LinkEnds[]>} */ (new Map());
  for (const link of links) {
    const [one, other] = [numberOf(link.a), numberOf(link.b)];
    const key = Math.min(one, other) * DEVICES_MOST + Math.max(one, other);
    const first = firstOf.get(key);
    const there = byPair.get(key);
    if (there) there.push(link);
    else if (first) byPair.set(key, [first, link]);
    else firstOf.set(key, link);
  }
  const lanes = /** @type {Map<string, Lane>} */ (new Map());
  for (const beside of byPair.values()) {
    beside.sort((one, other) => (one.id < other.id ? -1 : 1));
    let from = (-PITCH / 2) * beside.reduce((sum, { capacity_bps }) => sum + widthOf(capacity_bps), 0);
    beside.forEach(({ id, a, b, capacity_bps }, i) => {
      const room = PITCH * widthOf(capacity_bps);
      const turned = a < b ? 1 : -1;
      lanes.set(id, { offset: turned * (from + room / 2), order: turned * ((2 * i) / (beside.length - 1) - 1) });
      from += room;
    });
  }
  return lanes;
}

/** The same to the right and downwards on the screen, where the link has a bearing (0 is up, 90 right). @param {Lane} lane @param {number} bearing_deg */
export function aside({ offset }, bearing_deg) {
  const rad = (bearing_deg * Math.PI) / 180;
  return { right: offset * Math.cos(rad), down: offset * Math.sin(rad) };
}
