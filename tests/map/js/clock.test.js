// The clock of the map: that of the computer, or the moment of the past that is shown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { follow, now_us } from "../../../map_assets/src/clock.js";

const past = { on: true, at_us: 1_700_000_000_000_000, label: "", notes: [], ghosts: [] };

test("ages count from the moment that is shown, and from now when it is left", () => {
  follow(past);
  assert.equal(now_us(), past.at_us);
  follow(undefined);
  assert.equal(now_us(), past.at_us);
  follow({ ...past, on: false });
  assert.ok(Math.abs(now_us() - Date.now() * 1000) < 60e6);
});
