// Links as the map draws them: half-links, where they meet, from which zoom on there is room. Pure.
// Counterpart: painter.js. One rule: lengths are measured in Mercator, as the eye sees them, never in degrees.

/** A point in Mercator, in degrees of longitude both ways. @typedef {[x: number, y: number]} Flat */

const RAD = Math.PI / 180;
const LAT_MOST_DEG = 85.05;
const WORLD_PX = 512;
/** So many stand in a ring around their place; more of them in a spiral. */
const FAN_RING_MOST = 16;

/** @param {LngLat} place @returns {Flat} */
export function toFlat([lng, lat]) {
  const held = Math.max(-LAT_MOST_DEG, Math.min(LAT_MOST_DEG, lat));
  return [lng, Math.log(Math.tan(Math.PI / 4 + (held * RAD) / 2)) / RAD];
}

/** @param {Flat} point @returns {LngLat} */
export function fromFlat([x, y]) {
  return [x, (2 * Math.atan(Math.exp(y * RAD)) - Math.PI / 2) / RAD];
}

/** Lay a path out flat; where it crosses the antimeridian it goes on beyond 180 degrees. @param {LngLat[]} places @returns {Flat[]} */
export function flatten(places) {
  const path = places.map(toFlat);
  for (let i = 1; i < path.length; i++) {
    path[i][0] -= 360 * Math.round((path[i][0] - path[i - 1][0]) / 360);
  }
  return path;
}

/** The same path as places; where it crosses the antimeridian it goes on beyond 180 degrees. @param {LngLat[]} places @returns {LngLat[]} */
export const unrolled = (places) => flatten(places).map(fromFlat);

/**
 * West, south, east and north of some places, the shortest way around the Earth: east may be beyond 180 degrees. Null where there are none.
 * @param {Iterable<{ lng: number, lat: number }>} places @returns {[number, number, number, number] | null}
 */
export function boundsOf(places) {
  const found = [];
  let [south, north] = [Infinity, -Infinity];
  for (const { lng, lat } of places) {
    found.push(lng - 360 * Math.floor((lng + 180) / 360));
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  if (!found.length) return null;
  const lngs = Float64Array.from(found).sort(); // sorts numbers as such, ten times as fast as an array
  let [west, east] = [lngs[0], lngs[lngs.length - 1]];
  let widest = west + 360 - east;
  for (let i = 1; i < lngs.length; i++) {
    if (lngs[i] - lngs[i - 1] > widest) [widest, west, east] = [lngs[i] - lngs[i - 1], lngs[i], lngs[i - 1] + 360];
  }
  return [west, south, east, north];
}

/** @param {Flat[]} path */
export function lengthOf(path) {
  let length = 0;
  for (let i = 1; i < path.length; i++) length += gap(path[i - 1], path[i]);
  return length;
}

/** @param {Flat} a @param {Flat} b */
const gap = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/**
 * Where a path is after `along`, on which segment, and the bearing there in degrees (0 is up, 90 right).
 * @param {Flat[]} path @param {number} along
 * @returns {{ point: Flat, segment: number, bearing_deg: number }}
 */
export function pointAlong(path, along) {
  let segment = 1;
  while (segment < path.length - 1 && along > gap(path[segment - 1], path[segment])) {
    along -= gap(path[segment - 1], path[segment]);
    segment++;
  }
  const [a, b] = [path[segment - 1], path[segment]];
  const share = Math.min(1, along / (gap(a, b) || 1));
  return {
    point: [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share],
    segment,
    bearing_deg: Math.atan2(b[0] - a[0], b[1] - a[1]) / RAD,
  };
}

/**
 * Cut a path at half its length. `ab` runs from its start to the middle, `ba` from the middle to its end, so that
 * an offset to the right of one is to the right of the other.
 * @param {LngLat[]} places at least two
 */
export function halve(places) {
  const { path, length, middle, bearing_deg, ab, ba } = halveFlat(flatten(places));
  return { path, length, middle: fromFlat(middle), bearing_deg, ab: ab.map(fromFlat), ba: ba.map(fromFlat) };
}

/** The same of a path that is laid out flat, and stays so. @param {Flat[]} path */
export function halveFlat(path) {
  const length = lengthOf(path);
  const { point, segment, bearing_deg } = pointAlong(path, length / 2);
  return { path, length, middle: point, bearing_deg, ab: [...path.slice(0, segment), point], ba: [point, ...path.slice(segment)] };
}

/** The zoom at which a Mercator length is so many pixels long. @param {number} length @param {number} pixels */
export function zoomForLength(length, pixels) {
  return length > 0 ? Math.log2((pixels * 360) / (WORLD_PX * length)) : Infinity;
}

/** Pixels of the whole world at a zoom, as a share of 360 degrees. @param {number} zoom */
export const pixelsPerDegree = (zoom) => (WORLD_PX * 2 ** zoom) / 360;

/**
 * Spread `count` places in a ring (a spiral where there are many) around a point of the screen.
 * @param {number} count @returns {[x: number, y: number][]} pixels from the centre
 */
export function fanOut(count) {
  const isRing = count <= FAN_RING_MOST;
  const places = /** @type {[number, number][]} */ ([]);
  let angle = -Math.PI / 2;
  for (let i = 0; i < count; i++) {
    const radius_px = isRing ? Math.max(44, count * 8) : 44 + i * 5;
    places.push([radius_px * Math.cos(angle), radius_px * Math.sin(angle)]);
    angle += isRing ? (2 * Math.PI) / count : 36 / radius_px;
  }
  return places;
}

/** How far a fan of so many places reaches from its middle, in pixels. @param {number} count */
export const fanReach = (count) => Math.max(0, ...fanOut(count).map(([x, y]) => Math.hypot(x, y)));
