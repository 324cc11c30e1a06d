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
    on: () => {},
    getZoom: () => 9,
    getSource: () => ({ setData: ({ features }) => ([seen.badges, seen.from] = [features.map((f) => f.properties.count), features[0]?.properties.from]) }),
  };
  const painter = { aloneFrom: () => 0 };
  const readings = new Readings({ map, network, painter });
  const take = (message, touched = {}) => readings.take(message, { ...network.take(message), ...touched });
  return { seen, take, painter, readings };
}

test("a network that comes anew in parts has no ring or badge of the one before: only its last part comes here", () => {
  const { seen, take } = made();
  take({ reset: true, ...NETWORK, readings: { latency: [{ id: "a", level: 3 }], alerts: [{ id: "a", count: 2, status: "down" }] } });
  assert.deepEqual([[...seen.states], seen.badges], [[["a", 3], ["l:ab", 3]], ["2"]]);
  take({ readings: { latency: [{ id: "b", level: 1 }] } }, { fresh: true, places: true });
  assert.deepEqual([[...seen.states], seen.badges], [[["a", -1], ["l:ab", -1], ["b", 1], ["l:ba", 1]], []]);
});

test("a badge stands where its device does by the plan that is on the screen", () => {
  const { seen, take, painter, readings } = made();
  take({ reset: true, ...NETWORK, readings: { alerts: [{ id: "a", count: 2, status: "down" }] } });
  assert.equal(seen.from, 0);
  painter.aloneFrom = () => 9;
  readings.laid();
  assert.equal(seen.from, 9);
});
