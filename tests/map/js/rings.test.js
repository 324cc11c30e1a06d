import assert from "node:assert/strict";
import { test } from "node:test";
import { countInRings, countRings, partOf } from "../../../map_assets/src/rings.js";

/** Two rings, of three devices and of two; one device stands alone. */
const level = { ringOf: Int32Array.of(0, 0, 1, -1, 0, 1), lead: Int32Array.of(0, 2), stack: Uint8Array.of(0, 0) };
const counted = (...statuses) => countRings(level, Uint8Array.from(statuses, (status) => partOf(status)));

test("a ring counts its devices by status, and no other's", () => {
  const [first, second] = counted("up", "down", "stale", "down", "up", "stale");
  assert.deepEqual(first, { total: 3, counts: { down: 1, up: 2 }, worst: "down" });
  assert.deepEqual(second, { total: 2, counts: { stale: 2 }, worst: "stale" });
});

test("a root cause outshines what it affects in a ring, and what is affected outshines what is degraded", () => {
  assert.equal(counted("affected", "down", "up", "up", "affected", "up")[0].worst, "down");
  assert.equal(counted("degraded", "affected", "up", "up", "up", "up")[0].worst, "affected");
});

test("what would be is counted as such, but what is down stays down", () => {
  const parts = Uint8Array.of(partOf("up", "fails"), partOf("up", "lost"), partOf("up"), partOf("up"), partOf("unknown", "carries"), partOf("down", "lost"));
  assert.deepEqual(countRings(level, parts), [
    { total: 3, counts: { fails: 1, lost: 1, unknown: 1 }, worst: "fails" },
    { total: 2, counts: { down: 1, up: 1 }, worst: "down" },
  ]);
});

test("a link that is down is counted where both its ends are in one ring", () => {
  assert.deepEqual([...countInRings(level, [[0, 1], [4, 1], [0, 2], [3, 3]])], [2, 0]);
});
