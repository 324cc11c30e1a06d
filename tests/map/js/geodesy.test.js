import assert from "node:assert/strict";
import { test } from "node:test";
import { area, areaWords } from "../../../map_assets/src/geodesy.js";

const F = 1 / 298.257223563;
const A_M = 6_378_137;
const EARTH_M2 = 510_065_621.724e6;

/** What lies between two meridians and two parallels of WGS 84, in square metres (J. P. Snyder, Map Projections, 1987, 3-12). */
function within(west, south, east, north) {
  const e2 = F * (2 - F);
  const e = Math.sqrt(e2);
  const upTo = (lat) => {
    const sine = Math.sin((lat * Math.PI) / 180);
    return ((1 - e2) * (sine / (1 - e2 * sine ** 2) + Math.atanh(e * sine) / e)) / 2;
  };
  return A_M ** 2 * (((east - west) * Math.PI) / 180) * (upTo(north) - upTo(south));
}

const box = (west, south, east, north) => [[west, south], [east, south], [east, north], [west, north]];

function assertNear(found, wanted, share) {
  assert.ok(Math.abs(found - wanted) <= wanted * share, `${found} is not ${wanted} within ${share * 100} %`);
}

test("a degree by a degree at the equator is 12,309 square kilometres", () => {
  assertNear(area(box(0, 0, 1, 1)), 12_308.78e6, 1e-3);
});

test("a box has the area of the ellipsoid wherever it lies", () => {
  for (const [west, south] of [[10, 47], [18, -33.9], [-70, 60], [25, 70], [100, -0.05]]) {
    const sides = [west, south, west + 0.1, south + 0.1];
    assertNear(area(box(...sides)), within(...sides), 1e-3);
  }
});

test("it is the same whichever way round and from whichever corner, and across the antimeridian", () => {
  const sides = [179.95, 47, 180.05, 47.1];
  const wanted = within(...sides);
  const corners = box(...sides);
  const folded = corners.map(([lng, lat]) => [lng > 180 ? lng - 360 : lng, lat]);
  for (const places of [corners, folded, corners.toReversed(), [...corners.slice(2), ...corners.slice(0, 2)]]) assertNear(area(places), wanted, 1e-3);
});

test("a bend inwards takes away what it cuts off", () => {
  const [a, b, c, d] = box(10, 47, 10.1, 47.1);
  assertNear(area([a, b, [10.05, 47.05], c, d]), within(10, 47, 10.1, 47.1) * 0.75, 2e-3);
});

test("an eighth of the Earth is an eighth of it, and what has no width is nothing", () => {
  assertNear(area([[0, 0], [90, 0], [0, 90]]), EARTH_M2 / 8, 1e-6);
  assert.ok(area([[10, 47], [10.1, 47.1], [10, 47]]) < 1);
  assert.equal(area([]), 0);
});

test("an area is written in the unit that suits its size", () => {
  assert.deepEqual([5_000, 250_000, 1e6, 84.4e6].map((m2) => areaWords(m2, "metric")), ["5,000 m²", "25 ha", "1 km²", "84.4 km²"]);
  assert.deepEqual([50, 40_468.56, 2_589_988.11 * 3].map((m2) => areaWords(m2, "imperial")), ["538 ft²", "10 acres", "3 mi²"]);
});
