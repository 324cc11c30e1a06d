import assert from "node:assert/strict";
import { test } from "node:test";
import { bundlesOf, endsOf } from "../../../map_assets/src/bundles.js";
import { makeClusters } from "../../../map_assets/src/clusters.js";
import { fateFeatures, fatesOf } from "../../../map_assets/src/fates.js";
import { oddFeatures, pillFeatures, ringFeatures } from "../../../map_assets/src/features.js";
import { Network } from "../../../map_assets/src/network.js";

/** A square a-b-c-d with a leaf e at c; twice from a to d. */
function square() {
  const network = new Network();
  const places = { a: [10, 47], b: [11, 47], c: [11, 48], d: [10, 48], e: [12, 49] };
  const ends = { ab: "ab", bc: "bc", cd: "cd", da: "da", ad: "ad", ce: "ce" };
  network.take({
    devices: Object.entries(places).map(([id, [lng, lat]]) => ({ id, name: id.toUpperCase(), role: "access", lng, lat })),
    links: Object.entries(ends).map(([id, [a, b]]) => ({ id, a, b, kind: "fibre", capacity_bps: 1e9, path: [] })),
  });
  return network;
}
const whatIf = (more) => ({ on: true, failed: [], lost: [], weakened: [], rerouted: [], loads: [], ...more });
const now_us = 1e15;

test("the worst fate counts, and whatever ends at what is lost or fails is lost", () => {
  const { devices, links } = fatesOf(square(), whatIf({ failed: ["c"], lost: ["e"], weakened: ["d", "e"], rerouted: [{ path: ["b", "a", "d"] }] }));
  assert.deepEqual(Object.fromEntries(devices), { b: "carries", a: "carries", d: "weakened", e: "lost", c: "fails" });
  assert.deepEqual(Object.fromEntries(links), { bc: "lost", cd: "lost", ce: "lost", ab: "carries", da: "carries", ad: "carries" });
});

test("a link that fails is told from one that is lost, and carries nothing", () => {
  const { devices, links } = fatesOf(square(), whatIf({ failed: ["da"], rerouted: [{ path: ["d", "a"] }] }));
  assert.deepEqual(Object.fromEntries(links), { da: "fails", ad: "carries" });
  assert.equal(devices.has("da"), false);
});

test("a link that would carry more does so in the frame, whatever ways are drawn; one that would carry less steps back", () => {
  const then = (id, more) => ({ id, ab_bps: 1e9, ba_bps: 1, ab_class: 5, ba_class: 0, more });
  const fates = fatesOf(square(), whatIf({ failed: ["da"], loads: [then("ab", true), then("cd", false), then("da", true), then("nobody", true)] }));
  assert.deepEqual(Object.fromEntries(fates.links), { da: "fails", ab: "carries" });
  assert.deepEqual([...fates.loads.keys()], ["ab", "cd", "da", "nobody"]);
  assert.equal(fatesOf(square(), null).loads.size, 0);
});

test("a way without a link of ours is a line from place to place, once", () => {
  const { detours } = fatesOf(square(), whatIf({ rerouted: [{ path: ["a", "c"] }, { path: ["c", "a", "nobody"] }] }));
  assert.deepEqual(detours, [[[10, 47], [11, 48]]]);
});

test("what fails has its name, a link that fails its mark, and nothing is drawn outside the frame", () => {
  const network = square();
  const clusters = makeClusters(network.devices.values());
  assert.deepEqual(fateFeatures(network, fatesOf(network, null), clusters), []);
  const features = fateFeatures(network, fatesOf(network, whatIf({ failed: ["c", "da", "nobody"], lost: ["e"] })), clusters);
  const said = features.map(({ properties: { kind, fate } }) => `${kind} ${fate}`);
  assert.deepEqual(said.sort(), ["device fails", "device lost", "link fails", "link lost", "link lost", "link lost", "strike fails"]);
  assert.equal(features.find((f) => f.properties.fate === "fails").properties.label, "C");
});

test("inside the frame what has no fate steps back, and what is lost has no load", () => {
  const network = square();
  const fates = fatesOf(network, whatIf({ failed: ["bc"], rerouted: [{ path: ["c", "d"] }] }));
  network.take({ health: ["a", "c"].map((id) => ({ id, status: "degraded", since_us: now_us })) });
  const held = oddFeatures(network, ["a", "c"], makeClusters(network.devices.values()), null, now_us, fates).map((f) => f.properties.held);
  assert.ok(held[0] < 1 && held[1] === 1);
  const pill = (id) => pillFeatures(network, { id, status: "up", ab_bps: 1e6, ba_bps: null }, [-180, -90, 180, 90], 500, fates).map((f) => f.properties.held);
  assert.deepEqual([pill("bc"), pill("cd")], [[], [1]]);
  assert.ok(pill("ab")[0] < 1);
});

test("a ring names what would fail in it, but what is down before that", () => {
  const network = square();
  const [clusters, fates] = [makeClusters(network.devices.values()), fatesOf(network, whatIf({ failed: ["a"], lost: ["b"] }))];
  const said = () => ringFeatures(network, clusters, 0, ["b"], [], now_us, fates).map(({ properties }) => properties.said);
  assert.deepEqual(said(), ["would fail"]);
  network.take({ health: [{ id: "b", status: "down", since_us: now_us }] });
  assert.deepEqual(said(), ["down 0 s"]);
});

test("what would become of links that are drawn as a bundle lies on the bundle, once each, and on the link where that stands alone", () => {
  const network = new Network();
  const places = { a: [10, 47], b: [10.001, 47.0005], c: [12, 47], d: [12.001, 47] };
  network.take({
    devices: Object.entries(places).map(([id, [lng, lat]]) => ({ id, name: id, role: "a c".includes(id) ? "pop" : "access", lng, lat })),
    links: ["ac", "bd", "bc", "ab"].map((id) => ({ id, a: id[0], b: id[1], kind: "fibre", capacity_bps: 1e9, path: [] })),
  });
  const clusters = makeClusters(network.devices.values());
  const links = [...network.links.values()];
  const bundles = bundlesOf(clusters.level(5), links, endsOf(links, (id) => clusters.numberOf(id)), 5).map((bundle) => [5, bundle]);
  const loads = ["bd", "bc"].map((id) => ({ id, ab_bps: 1e9, ba_bps: 1, ab_class: 5, ba_class: 0, more: true }));
  const features = fateFeatures(network, fatesOf(network, whatIf({ failed: ["ac"], loads })), clusters, bundles);
  const told = (kind, zoom) => features.filter(({ properties }) => properties.kind === kind && properties.zoom === zoom);
  assert.deepEqual(told("link", 5).map(({ properties }) => properties.fate).sort(), ["carries", "fails"]);
  for (const { geometry } of told("link", 5)) {
    assert.deepEqual([geometry.coordinates[0], geometry.coordinates.at(-1)].map((at) => at.map((x) => +x.toFixed(6))), [[10, 47], [12, 47]]);
  }
  assert.equal(told("strike", 5).length, 1);
  const own = told("link", undefined);
  assert.deepEqual(own.map(({ properties }) => properties.from > 5), [true, true, true]);
});
