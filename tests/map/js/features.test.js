import assert from "node:assert/strict";
import { test } from "node:test";
import { makeClusters } from "../../../map_assets/src/clusters.js";
import { brokenFeatures, chosenFeatures, oddFeatures, pillFeatures, ringFeatures } from "../../../map_assets/src/features.js";
import { Network } from "../../../map_assets/src/network.js";
import { age, label, rate } from "../../../map_assets/src/words.js";

const now_us = 1e15;
const WORLD = [-180, -90, 180, 90];

function network(...links) {
  const made = new Network();
  made.take({
    devices: [
      { id: "a", name: "A", role: "pop", lng: 10, lat: 47 },
      { id: "b", name: "B", role: "access", lng: 11, lat: 47.5 },
      { id: "c", name: "C", role: "access", lng: 11, lat: 47.5 },
    ],
    links,
  });
  return made;
}
const link = (id, a, b, more = {}) => ({ id, a, b, kind: "fibre", capacity_bps: 1e9, path: [], ...more });
const clusters = (made) => makeClusters(made.devices.values());

test("only what deserves attention has an age, and a name that is text", () => {
  const made = network();
  made.take({ health: [{ id: "a", status: "down", since_us: now_us - 190e6 }] });
  const [feature] = oddFeatures(made, ["a", "gone"], clusters(made), null, now_us);
  assert.equal(feature.properties.said, "down 3 min");
  assert.equal(oddFeatures(made, ["gone"], clusters(made), null, now_us).length, 0);
});

test("a ring names the newest that is down in it", () => {
  const made = network();
  made.take({
    health: [
      { id: "b", status: "down", since_us: now_us - 60e6 },
      { id: "c", status: "down", since_us: now_us - 7200e6 },
    ],
  });
  const name = () => {
    const [{ properties }] = ringFeatures(made, clusters(made), 5, ["b", "c"], [], now_us);
    return `${properties.label} ${properties.said}`;
  };
  assert.equal(name(), "B down 1 min, 1 more");
  made.take({ health: [{ id: "b", status: "stale", since_us: now_us }] });
  assert.equal(name(), "C down 2 h");
});

test("a ring with links down inside names one and counts the others, before what would fail and after what is down", () => {
  const made = network(link("l", "a", "b"), link("m", "b", "c"));
  const said = (odd, fates) => ringFeatures(made, clusters(made), 0, odd, ["l", "m"], now_us, fates)[0].properties.said;
  const fates = { devices: new Map([["a", "fails"]]), links: new Map(), loads: new Map() };
  assert.equal(said([], null), "link down, 1 more");
  assert.equal(said([], fates), "link down, 1 more");
  made.take({ health: [{ id: "b", status: "down", since_us: now_us - 60e6 }] });
  assert.equal(said(["b"], fates), "down 1 min");
});

test("the name of a ring looks at each that is down in it once", (t) => {
  const made = new Network();
  const ids = Array.from({ length: 500 }, (_, i) => `d${i}`);
  made.take({ devices: ids.map((id) => ({ id, name: id, role: "access", lng: 10, lat: 47 })) });
  made.take({ health: ids.map((id) => ({ id, status: "down", since_us: now_us - 60e6 })) });
  const found = clusters(made);
  let steps = 0;
  const plain = Array.prototype[Symbol.iterator];
  t.after(() => (Array.prototype[Symbol.iterator] = plain));
  Array.prototype[Symbol.iterator] = function* () {
    for (let i = 0; i < this.length; i++, steps++) yield this[i];
  };
  const [{ properties }] = ringFeatures(made, found, 5, ids, [], now_us);
  assert.equal(properties.said, "down 1 min, 499 more");
  assert.ok(steps < 10 * ids.length, `${steps} steps`);
});

test("a broken link is one line from end to end with a mark in its middle", () => {
  const made = network(link("l", "a", "b"));
  made.take({ loads: [{ id: "l", status: "down", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null }] });
  const features = brokenFeatures(made, clusters(made));
  assert.deepEqual(features.map((f) => f.geometry.type), ["LineString", "Point"]);
});

test("a link between silent ends is affected, not broken, where one end is affected; it is touched when that turns", () => {
  const made = network(link("l", "a", "b"), link("m", "b", "c"));
  const down = (id) => ({ id, status: "down", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null });
  const since_us = now_us;
  made.take({ loads: [down("l"), down("m")] });
  const { loads } = made.take({ health: [{ id: "b", status: "down", since_us }, { id: "c", status: "affected", since_us, cause: "b" }] });
  assert.deepEqual(loads, ["m"]);
  assert.deepEqual([made.isBehind(made.links.get("l")), made.isBehind(made.links.get("m"))], [false, true]);
  const broken = brokenFeatures(made, clusters(made));
  assert.deepEqual(broken.map((f) => f.properties.link), ["l", "l"]);
  assert.deepEqual(made.take({ health: [{ id: "c", status: "up", since_us }] }).loads, ["m"]);
  assert.deepEqual(made.take({ health: [{ id: "a", status: "degraded", since_us }] }).loads, []);
});

test("two devices that are down without a cause before them have a broken link", () => {
  const made = network(link("l", "a", "b"));
  made.take({ health: ["a", "b"].map((id) => ({ id, status: "down", since_us: now_us })) });
  assert.equal(made.isBehind(made.links.get("l")), false);
});

test("the mirror knows what a cause takes with it, and forgets it with the cause, the device or everything", () => {
  const made = network();
  const affected = (id, cause) => ({ id, status: "affected", since_us: now_us, cause });
  const behind = (cause) => [...made.behind(cause)];
  made.take({ health: [affected("b", "a"), affected("c", "a")] });
  assert.deepEqual(behind("a"), ["b", "c"]);
  made.take({ health: [affected("b", "c")] });
  assert.deepEqual([behind("a"), behind("c")], [["c"], ["b"]]);
  made.take({ health: [{ id: "b", status: "up", since_us: now_us }], gone: ["c"] });
  assert.deepEqual([behind("a"), behind("c")], [[], []]);
  made.take({ health: [affected("b", "a")] });
  made.take({ reset: true });
  assert.deepEqual(behind("a"), []);
});

test("what would fail has its name once: not at its ring of selection, nor as what it is now", () => {
  const made = network();
  const palette = { text: { text: "#fff" }, status_text: { degraded: "#ff0" } };
  const chosen = (fate) => chosenFeatures(made, "a", palette, fate)[0].properties.label;
  assert.deepEqual([chosen(), chosen("lost"), chosen("fails")], ["A", "A", ""]);
  const odd = (status, fate) => {
    made.take({ health: [{ id: "a", status, since_us: now_us }] });
    const fates = { devices: new Map([["a", fate]]), links: new Map(), detours: [] };
    return oddFeatures(made, ["a"], clusters(made), null, now_us, fates)[0].properties.label;
  };
  assert.deepEqual([odd("degraded", "fails"), odd("degraded", "lost"), odd("down", "fails")], ["", "A", "A"]);
});

test("a pill needs room, and a load that is known", () => {
  const made = network(link("l", "a", "b"));
  const load = { id: "l", status: "up", ab_bps: 4.12e9, ba_bps: null, ab_class: 5, ba_class: null };
  assert.deepEqual(pillFeatures(made, load, WORLD, 9).map((f) => f.properties.text), ["4.1 Gb/s"]);
  assert.deepEqual(pillFeatures(made, load, WORLD, 3), []);
});

test("a pill is made where it is in view, and a link out of sight is not even measured", (t) => {
  const made = network(link("l", "a", "b"), link("bent", "a", "c", { path: [[10.5, 50]] }));
  const seen = (id, view) => pillFeatures(made, { id, status: "up", ab_bps: 1e9, ba_bps: 2e9, ab_class: 1, ba_class: 1 }, view, 12).length;
  assert.equal(seen("l", [9, 46, 12, 48]), 2);
  assert.equal(seen("l", [10.2, 47, 10.35, 47.2]), 1, "the one near a");
  assert.equal(seen("bent", [10.1, 48, 10.9, 51]), 2, "its ends are out of sight, its bend is not");
  const measured = t.mock.method(Math, "hypot");
  for (const view of [[9, 46, 9.9, 48], [11.1, 46, 12, 48], [9, 48, 12, 49], [9, 46, 12, 46.9]]) assert.equal(seen("l", view), 0);
  assert.equal(measured.mock.callCount(), 0);
});

test("a pill of a link across the antimeridian is there", () => {
  const made = network();
  const at = (id, lng) => ({ id, name: id, role: "pop", lng, lat: 0 });
  made.take({ devices: [at("w", 179), at("e", -179)], links: [link("l", "w", "e")] });
  const load = { id: "l", status: "up", ab_bps: 1e9, ba_bps: null, ab_class: 1, ba_class: null };
  assert.equal(pillFeatures(made, load, [179.2, -1, 179.9, 1], 12).length, 1);
});

test("the mirror says what a message touched", () => {
  const made = network(link("l", "a", "b"));
  assert.deepEqual(made.take({ health: [{ id: "a", status: "up", since_us: 1 }] }), { fresh: false, places: false, moved: [], sites: false, health: ["a"], turned: [], loads: [] });
  const [a, b] = ["a", "b"].map((id) => made.devices.get(id));
  assert.deepEqual(made.take({ devices: [{ ...a, lng: a.lng + 1 }, { ...b, name: "other" }] }).moved, ["a"]);
  assert.equal(made.take({ gone: ["a"] }).places, true);
  assert.equal(made.healthOf("a").status, "unknown");
  assert.equal(made.take({ reset: true }).places, true);
  assert.equal(made.links.size, 0);
});

test("ages, rates and long names are short", () => {
  assert.deepEqual([0, 59, 60, 7199, 7200, 172800].map(age), ["0 s", "59 s", "1 min", "1 h", "2 h", "2 d"]);
  assert.deepEqual([0, 999, 1e3, 38e6, 4.12e9, 12e9].map(rate), ["0 kb/s", "<1 kb/s", "1.0 kb/s", "38 Mb/s", "4.1 Gb/s", "12 Gb/s"]);
  assert.equal(label("short"), "short");
  const cut = label("م".repeat(60));
  assert.ok([...cut].length <= 28 && cut.includes("…"));
});

test("links side by side each have a lane, the broad ones a broader one; what is down and what is chosen stands in it", () => {
  const ids = ["l", "m", "n"];
  const made = network(link("l", "a", "b", { capacity_bps: 10e9 }), link("m", "b", "a"), link("n", "a", "b", { capacity_bps: 1 }), link("o", "a", "c"));
  const [l, m, n] = ids.map((id) => made.laneOf(id));
  assert.deepEqual(made.laneOf("o"), { offset: 0, order: 0 });
  assert.deepEqual([l.order, m.order, n.order], [-1, -0, 1]);
  assert.ok(-m.offset - l.offset >= (5 + 3.8) / 2 && n.offset + m.offset >= (3.8 + 2.2) / 2, "none lies on another");
  made.take({ loads: [{ id: "n", status: "down", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null }] });
  const [line, mark] = brokenFeatures(made, clusters(made)).map((f) => f.properties);
  assert.equal(line.lane, n.offset);
  assert.ok(Math.abs(Math.hypot(mark.right, mark.down) - n.offset) < 1e-9 && mark.right > 0 && mark.down > 0, "to the south-east of a way to the north-east");
  assert.equal(chosenFeatures(made, "n", { text: {}, status_text: {} })[0].properties.lane, n.offset);
});

test("the pills of links side by side stand one behind the other", () => {
  const ids = Array.from({ length: 8 }, (_, i) => `l${i}`);
  const made = network(...ids.map((id) => link(id, "a", "b")));
  const load = { status: "up", ab_bps: 1e9, ba_bps: null, ab_class: 5, ba_class: null };
  const lngs = ids.map((id) => pillFeatures(made, { id, ...load }, WORLD, 12)[0].geometry.coordinates[0]);
  lngs.slice(1).forEach((lng, i) => assert.ok(lng - lngs[i] > 0.01));
});
