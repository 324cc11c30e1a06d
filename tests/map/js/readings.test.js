import assert from "node:assert/strict";
import { test } from "node:test";
import { Network } from "../../../map_assets/src/network.js";
import { Readings } from "../../../map_assets/src/readings.js";

const NETWORK = {
  devices: [{ id: "a", name: "A", role: "pop", lng: 10, lat: 47 }, { id: "b", name: "B", role: "pop", lng: 11, lat: 47 }],
  links: [{ id: "l", a: "a", b: "b", kind: "fibre", capacity_bps: 1e9, path: [] }],
};

/** Readings over a map that keeps what it is told. */
function made() {
  const network = new Network();
  const seen = { states: new Map(), badges: [] };
  const map = {
    setFeatureState: ({ id }, { latency }) => seen.states.set(id, latency),
    getSource: () => ({ setData: ({ features }) => (seen.badges = features.map((f) => f.properties.count)) }),
  };
  const readings = new Readings({ map, network, painter: { aloneFrom: () => 0 } });
  const take = (message, touched = {}) => readings.take(message, { ...network.take(message), ...touched });
  return { seen, take };
}

test("a network that comes anew in parts has no ring or badge of the one before: only its last part comes here", () => {
  const { seen, take } = made();
  take({ reset: true, ...NETWORK, readings: { latency: [{ id: "a", level: 3 }], alerts: [{ id: "a", count: 2, status: "down" }] } });
  assert.deepEqual([[...seen.states], seen.badges], [[["a", 3], ["l:ab", 3]], ["2"]]);
  take({ readings: { latency: [{ id: "b", level: 1 }] } }, { fresh: true, places: true });
  assert.deepEqual([[...seen.states], seen.badges], [[["a", -1], ["l:ab", -1], ["b", 1], ["l:ba", 1]], []]);
});
