import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, fanOut, flatten, fromFlat, halve, lengthOf, pixelsPerDegree, pointAlong, toFlat, unrolled, zoomForLength } from "../../../map_assets/src/geometry.js";

const near = (a, b, within = 1e-9) => assert.ok(Math.abs(a - b) <= within, `${a} is not ${b}`);

test("a place survives the way to Mercator and back", () => {
  for (const place of [[0, 0], [10.3, 47.7], [-179.9, -60], [179.9, 84]]) {
    const [lng, lat] = fromFlat(toFlat(place));
    near(lng, place[0]);
    near(lat, place[1]);
  }
});

test("the poles are held at the edge of the map instead of infinity", () => {
  assert.ok(Number.isFinite(toFlat([0, 90])[1]));
  assert.ok(Number.isFinite(toFlat([0, -90])[1]));
});

test("the halves of a link meet at half its length in Mercator, whatever its bends", () => {
  const path = [[10, 47], [10.4, 47.1], [10.5, 47.6], [11, 48]];
  const { ab, ba, middle, length } = halve(path);
  assert.deepEqual(ab.at(-1), middle);
  assert.deepEqual(ba[0], middle);
  assert.deepEqual(ab[0].map((x) => x.toFixed(9)), path[0].map((x) => x.toFixed(9)));
  assert.deepEqual(ba.at(-1).map((x) => x.toFixed(9)), path[3].map((x) => x.toFixed(9)));
  near(lengthOf(flatten(ab)), length / 2, 1e-6);
  near(lengthOf(flatten(ba)), length / 2, 1e-6);
});

test("the bearing is that of the segment in the middle: 0 is up, 90 is right", () => {
  near(halve([[0, 0], [1, 0]]).bearing_deg, 90);
  near(halve([[0, 0], [0, 1]]).bearing_deg, 0);
  near(halve([[0, 0], [0, -1]]).bearing_deg, 180);
});

test("two devices at one place have a link of length zero and no numbers that are none", () => {
  const { length, middle } = halve([[10, 47], [10, 47]]);
  assert.equal(length, 0);
  near(middle[0], 10);
  near(middle[1], 47);
  assert.equal(zoomForLength(0, 56), Infinity);
});

test("a link over the antimeridian takes the short way", () => {
  near(lengthOf(flatten([[179, 0], [-179, 0]])), 2);
  near(flatten([[179, 0], [-179, 0]])[1][0], 181);
});

test("the zoom for a length and the pixels of a zoom agree", () => {
  near(0.5 * pixelsPerDegree(zoomForLength(0.5, 56)), 56, 1e-6);
});

test("a point beyond the end is the end", () => {
  assert.deepEqual(pointAlong([[0, 0], [1, 0]], 5).point, [1, 0]);
});

test("a fan keeps its members apart, few or many", () => {
  for (const count of [2, 3, 8, 10, 11, 40]) {
    const places = fanOut(count);
    for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) {
      assert.ok(Math.hypot(places[i][0] - places[j][0], places[i][1] - places[j][1]) > 18, `${count}: ${i} and ${j}`);
    }
  }
});

test("a path over the antimeridian goes the short way", () => {
  const [start, end] = unrolled([[179, -18], [-179, -17]]);
  near(start[0], 179);
  near(end[0], 181);
});

test("bounds hold all places the short way around, and cross the antimeridian only where that is shorter", () => {
  const of = (...lngs) => boundsOf(lngs.map((lng, i) => ({ lng, lat: i })));
  assert.deepEqual(of(179, -179, 178), [178, 0, 181, 2]);
  assert.deepEqual(of(10, 11), [10, 0, 11, 1]);
  assert.deepEqual(of(-180, 180, 170), [170, 0, 180, 2]);
  assert.deepEqual(of(190, 7), [-170, 0, 7, 1]);
  assert.deepEqual(of(5), [5, 0, 5, 0]);
  assert.equal(boundsOf([]), null);
});
