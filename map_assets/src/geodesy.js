// Distances, bearings and areas over the ground of WGS 84, and how they are written. Pure. Counterpart: domain/geometry.py.
// Theory: Vincenty's inverse formula for what is not nearly antipodal, else the sphere. An area is that of the sphere of equal
// area under authalic latitudes, summed along the edges; within some parts in ten thousand for what fits a provider's network.
// One rule: places are [lng, lat] in degrees, lengths metres, areas square metres.

const A_M = 6_378_137;
const F = 1 / 298.257223563;
const B_M = A_M * (1 - F);
const MEAN_M = 6_371_008.8;
const AUTHALIC_M = 6_371_007.181;
const RAD = Math.PI / 180;
const TURNS_MOST = 60;

/** @typedef {"metric" | "imperial"} Units */
/** Size of each unit in metres, its name, from which length on it is used. @type {Record<Units, [size_m: number, name: string, from_m: number][]>} */
const LENGTHS = { metric: [[1000, "km", 1000], [1, "m", 0]], imperial: [[1609.344, "mi", 1609.344], [0.3048, "ft", 0]] };
/** @type {Record<Units, [size_m2: number, name: string, from_m2: number][]>} */
const AREAS = {
  metric: [[1e6, "km²", 1e6], [1e4, "ha", 1e5], [1, "m²", 0]],
  imperial: [[2_589_988.11, "mi²", 2_589_988.11], [4046.856, "acres", 4046.856], [0.09290304, "ft²", 0]],
};

/**
 * Length of the geodesic from one place to another, and the bearing it sets out with.
 * @param {LngLat} from @param {LngLat} to @returns {{ distance_m: number, bearing_deg: number }}
 */
export function geodesic([lng_a, lat_a], [lng_b, lat_b]) {
  const turn = (lng_b - lng_a) * RAD;
  const [u_a, u_b] = [lat_a, lat_b].map((lat) => Math.atan((1 - F) * Math.tan(lat * RAD)));
  const [sin_a, cos_a, sin_b, cos_b] = [Math.sin(u_a), Math.cos(u_a), Math.sin(u_b), Math.cos(u_b)];
  let lambda = turn;
  for (let i = 0; i < TURNS_MOST; i++) {
    const [sin_l, cos_l] = [Math.sin(lambda), Math.cos(lambda)];
    const [east, north] = [cos_b * sin_l, cos_a * sin_b - sin_a * cos_b * cos_l];
    const sin_s = Math.hypot(east, north);
    if (sin_s === 0) return { distance_m: 0, bearing_deg: 0 };
    const cos_s = sin_a * sin_b + cos_a * cos_b * cos_l;
    const sigma = Math.atan2(sin_s, cos_s);
    const sin_az = (cos_a * cos_b * sin_l) / sin_s;
    const cos2_az = 1 - sin_az ** 2;
    const cos_2m = cos2_az === 0 ? 0 : cos_s - (2 * sin_a * sin_b) / cos2_az;
    const c = (F / 16) * cos2_az * (4 + F * (4 - 3 * cos2_az));
    const next = turn + (1 - c) * F * sin_az * (sigma + c * sin_s * (cos_2m + c * cos_s * (2 * cos_2m ** 2 - 1)));
    if (Math.abs(next - lambda) < 1e-12) {
      const u2 = (cos2_az * (A_M ** 2 - B_M ** 2)) / B_M ** 2;
      const big_a = 1 + (u2 / 16384) * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)));
      const big_b = (u2 / 1024) * (256 + u2 * (-128 + u2 * (74 - 47 * u2)));
      const inner = cos_s * (2 * cos_2m ** 2 - 1) - (big_b / 6) * cos_2m * (4 * sin_s ** 2 - 3) * (4 * cos_2m ** 2 - 3);
      const delta = big_b * sin_s * (cos_2m + (big_b / 4) * inner);
      return { distance_m: B_M * big_a * (sigma - delta), bearing_deg: (Math.atan2(east, north) / RAD + 360) % 360 };
    }
    lambda = next;
  }
  return onSphere(lat_a * RAD, lat_b * RAD, turn);
}

/** What is nearly antipodal, where Vincenty's formula finds no end. @param {number} a @param {number} b @param {number} turn radians */
function onSphere(a, b, turn) {
  const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(turn / 2) ** 2;
  const bearing = Math.atan2(Math.sin(turn) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(turn));
  return { distance_m: 2 * MEAN_M * Math.asin(Math.min(1, Math.sqrt(half))), bearing_deg: (bearing / RAD + 360) % 360 };
}

/** Area within a closed path, whichever way round; the last place joins the first. @param {LngLat[]} places @returns {number} square metres */
export function area(places) {
  let excess = 0;
  for (let i = 0; i < places.length; i++) {
    const [[lng_a, lat_a], [lng_b, lat_b]] = [places[i], places[(i + 1) % places.length]];
    const turn = (((((lng_b - lng_a) % 360) + 540) % 360) - 180) * RAD;
    const [a, b] = [authalic(lat_a * RAD), authalic(lat_b * RAD)];
    const halves = Math.tan(a / 2) + Math.tan(b / 2);
    excess += 2 * Math.atan2(Math.tan(turn / 2) * halves, 1 + Math.tan(a / 2) * Math.tan(b / 2));
  }
  return Math.abs(excess) * AUTHALIC_M ** 2;
}

/** Latitude on the sphere of equal area. @param {number} lat radians */
function authalic(lat) {
  const e2 = F * (2 - F);
  return lat - (e2 / 3 + (31 * e2 ** 2) / 180) * Math.sin(2 * lat) + ((17 * e2 ** 2) / 360) * Math.sin(4 * lat);
}

/** @param {[size: number, name: string, from: number][]} steps @param {number} value */
function written(steps, value) {
  const [size, name] = steps.find(([, , from]) => value >= from) ?? steps[steps.length - 1];
  const number = value / size;
  return `${number.toLocaleString("en", { maximumFractionDigits: size <= 1 || number >= 1000 ? 0 : number >= 100 ? 1 : 2 })} ${name}`;
}

/** @param {number} metres @param {Units} units */
export const lengthWords = (metres, units) => written(LENGTHS[units], metres);
/** @param {number} squareMetres @param {Units} units */
export const areaWords = (squareMetres, units) => written(AREAS[units], squareMetres);
/** @param {number} degrees */
export const bearingWords = (degrees) => `${String(Math.round(degrees) % 360).padStart(3, "0")}°`;
