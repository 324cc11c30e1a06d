// Parts of a message as the window lays them out, and the rows that they become.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Parts } from "../../../map_assets/src/parts.js";

const read = (parts, message) => parts.read(JSON.stringify(message));

test("columns become rows, and a number is the thing that was told as such", () => {
  const message = read(new Parts(), {
    theme: "dark", reset: true,
    devices: { id: ["p", "q"], name: ["P", "Q"], role: ["pop", "access"], lng: [1, 2], lat: [3, 4] },
    links: { id: ["l", "m"], a: [0, 1], b: [1, "far"], kind: ["fibre", "wireless"], capacity_bps: [5, 6], path: { 1: [[7, 8]] } },
    health: { id: [1, "far"], status: ["affected", "up"], since_us: [9, 10], cause: { 0: "p" } },
    loads: { id: [2, 3], status: ["up", "up"], ab_bps: [11.5, 0], ba_bps: [null, 0], ab_class: [1, 0], ba_class: [null, 0], lag: { 1: [4, 1] } },
  });
  assert.deepEqual(message, {
    theme: "dark", reset: true,
    devices: [{ id: "p", name: "P", role: "pop", lng: 1, lat: 3 }, { id: "q", name: "Q", role: "access", lng: 2, lat: 4 }],
    links: [
      { id: "l", a: "p", b: "q", kind: "fibre", capacity_bps: 5, path: [] },
      { id: "m", a: "q", b: "far", kind: "wireless", capacity_bps: 6, path: [[7, 8]] },
    ],
    health: [{ id: "q", status: "affected", since_us: 9, cause: "p" }, { id: "far", status: "up", since_us: 10, cause: undefined }],
    loads: [
      { id: "l", status: "up", ab_bps: 11.5, ba_bps: null, ab_class: 1, ba_class: null, lag: undefined },
      { id: "m", status: "up", ab_bps: 0, ba_bps: 0, ab_class: 0, ba_class: 0, lag: [4, 1] },
    ],
  });
});

test("numbers go on from part to part, and begin anew with the next message", () => {
  const parts = new Parts();
  const device = (id) => ({ id: [id], name: [id], role: ["pop"], lng: [0], lat: [0] });
  const health = (name) => ({ id: [name], status: ["up"], since_us: [0] });
  read(parts, { devices: device("p"), more: true });
  assert.equal(read(parts, { devices: device("q"), health: health(1), more: true }).health[0].id, "q");
  assert.equal(read(parts, { health: health(0) }).health[0].id, "p");
  assert.equal(read(parts, { devices: device("r"), health: health(0) }).health[0].id, "r");
});

test("what has no rows is a message as it is", () => {
  assert.deepEqual(read(new Parts(), { select: null, gone: ["p"] }), { select: null, gone: ["p"] });
});
