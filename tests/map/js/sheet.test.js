// Points and degrees, drawings as features, corners that are pulled.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cornersOf, drawingFeatures, extentOf, groundOf, paperFeatures, pointAt, pulled } from "../../../map_assets/src/sheet.js";

/** @type {any} */
const box = { id: "b", shape: "box", x: 10, y: 20, width: 100, height: 50, text: "Core", color: "blue" };

test("a point goes to the ground and comes back", () => {
  for (const point of [[0, 0], [1234.5, -987.25], [-1e6, 9e5]]) {
    const [lng, lat] = groundOf(/** @type {any} */ (point));
    const [x, y] = pointAt({ lng, lat });
    assert.ok(Math.abs(x - point[0]) < 1e-3 && Math.abs(y - point[1]) < 1e-3);
  }
});

test("down on the paper is south on the ground, and a point is the same length both ways", () => {
  const [, south] = groundOf([0, 100]);
  assert.ok(south < 0);
  assert.ok(Math.abs(groundOf([100, 0])[0] + south) < 1e-4);
});

test("a box is an area with its text in its corner, a line has two ends, a text stands alone", () => {
  assert.deepEqual(drawingFeatures(box).map((f) => f.geometry.type), ["Polygon", "Point"]);
  assert.deepEqual(drawingFeatures({ ...box, shape: "line", text: "" }).map((f) => f.geometry.type), ["LineString"]);
  const [text] = drawingFeatures({ ...box, shape: "text", height: 26 });
  assert.equal(text.properties?.size, 26);
  assert.equal(drawingFeatures({ ...box, color: "" })[0].properties?.ink, "quiet");
});

test("a corner that is pulled leaves the one across where it is, also beyond it", () => {
  const { x, y, width, height } = pulled(box, 2, [200, 90]);
  assert.deepEqual([x, y, width, height], [10, 20, 190, 70]);
  const turned = pulled(box, 0, [210, 170]);
  assert.deepEqual([turned.x, turned.y, turned.width, turned.height], [110, 70, 100, 100]);
});

test("either end of a line can be pulled, and a text only grows", () => {
  const line = { ...box, shape: "line" };
  assert.deepEqual(cornersOf(pulled(line, 0, [0, 0])), [[0, 0], [110, 70]]);
  assert.deepEqual(cornersOf(pulled(line, 1, [300, 300])), [[10, 20], [300, 300]]);
  assert.equal(pulled({ ...box, shape: "text", text: "a\nb" }, 2, [999, 120]).height, 40);
});

test("a submap says how many devices are in it", () => {
  const submaps = [[0, "empty"], [1, "1 device"], [1234, "1,234 devices"]];
  const rows = submaps.map(([count], i) => ({ id: String(i), name: "Hill", count: Number(count), at: /** @type {any} */ ([0, 0]) }));
  const features = paperFeatures({ drawings: [], submaps: rows, pinned: [], guests: [], picture: null, grid: false });
  assert.deepEqual(features.map((f) => f.properties?.said), submaps.map(([, said]) => said));
});

test("a paper's extent holds drawings, submaps, guests and the whole picture, and nothing where it is bare", () => {
  /** @type {any} */
  const bare = { drawings: [], submaps: [], pinned: [[7, 7]], guests: [], picture: null, grid: true };
  assert.deepEqual(extentOf(bare), []);
  const found = extentOf({ ...bare, drawings: [box], submaps: [{ id: "s", name: "S", count: 2, at: [500, 0] }], guests: [[0, -300]], picture: { digest: "d", width: 800, height: 40 } });
  for (const point of [[10, 20], [110, 70], [500, 0], [0, -300], [-400, -20], [400, 20]]) assert.ok(found.some(([x, y]) => x === point[0] && y === point[1]), String(point));
});

test("what is written in a box or an ellipse is wrapped to it, and nothing else is", () => {
  const wrapOf = (shape, width) =>
    drawingFeatures({ id: "d", shape, x: 0, y: 0, width, height: 40, text: "Word after word", color: "" }).at(-1).properties.wrap;
  assert.deepEqual([wrapOf("box", 240), wrapOf("box", -240), wrapOf("box", 4)], [14, 14, 1]);
  assert.ok(wrapOf("ellipse", 240) < wrapOf("box", 240));
  assert.deepEqual([wrapOf("text", 240), wrapOf("line", 240)], [100, 100]);
});
