import assert from "node:assert/strict";
import { test } from "node:test";
import { bundlesOf, busiestOf, endsOf, fateOfBundle } from "../../../map_assets/src/bundles.js";
import { makeClusters } from "../../../map_assets/src/clusters.js";
import { BundleFading, siftedOf } from "../../../map_assets/src/fading.js";
import { LOAD_HIDDEN, LOAD_NOT_KNOWN, Network } from "../../../map_assets/src/network.js";

const device = (id, lng) => ({ id, name: id, role: "access", lng, lat: 47 });
const link = (id, a, b) => ({ id, a, b, kind: "fibre", capacity_bps: 1e9, path: [] });
const load = (id, ab, ba, status = "up") => ({ id, status, ab_bps: 1, ba_bps: 1, ab_class: ab, ba_class: ba });
const fates = (links, loads = []) => ({ devices: new Map(), links: new Map(links), loads: new Map(loads.map((row) => [row.id, row])), detours: [] });

/** Two rings with two links between them, the second written the other way round. */
function made() {
  const network = new Network();
  network.take({
    devices: [device("w0", 10), device("w1", 10.01), device("e0", 16), device("e1", 16.01)],
    links: [link("l", "w0", "e0"), link("m", "e1", "w1"), link("inside", "w0", "w1")],
    loads: [load("l", 3, 1), load("m", 0, 2)],
  });
  const clusters = makeClusters(network.devices.values());
  const links = [...network.links.values()];
  const [bundle, ...others] = bundlesOf(clusters.level(4), links, endsOf(links, (id) => clusters.numberOf(id)), 4);
  assert.equal(others.length, 0);
  return { network, clusters, bundle };
}

/** What feature-state would hold of halves. */
class Told {
  held = new Map();
  calls = 0;
  setHalves(id, ab, ba) {
    this.calls++;
    this.held.set(id, { ...this.held.get(id), ab, ba });
  }
  dropHalves(id) {
    this.held.delete(id);
  }
}

test("a bundle is named after its first link, and turns those that run the other way", () => {
  const { network, bundle } = made();
  assert.deepEqual([bundle.id, bundle.links.map(({ id, turned }) => [id, turned])], ["4/l", [["l", false], ["m", true]]]);
  assert.deepEqual(busiestOf(network, bundle.links), { link: "l", loads: { ab: 3, ba: 1 } });
});

test("of a bundle that is seen which comes forward, then what steps back, then what is lost", () => {
  const { links } = made().bundle;
  assert.equal(fateOfBundle(links, fates([])), "aside");
  assert.equal(fateOfBundle(links, fates([["l", "lost"]])), "aside");
  assert.equal(fateOfBundle(links, fates([["l", "lost"], ["m", "fails"]])), "lost");
  assert.equal(fateOfBundle(links, fates([["l", "lost"], ["m", "carries"]])), "carries");
});

test("a bundle carries what those of it would that share its fate, and what is down stays down", () => {
  const { network, bundle: { links } } = made();
  const loadsOf = (then) => busiestOf(network, links, then).loads;
  assert.deepEqual(loadsOf(fates([["m", "carries"]])), { ab: 2, ba: 0 });
  assert.deepEqual(loadsOf(fates([["m", "carries"]], [{ id: "m", ab_class: null, ba_class: 5 }])), { ab: 5, ba: LOAD_NOT_KNOWN });
  network.take({ loads: [load("m", null, null, "down")] });
  assert.deepEqual(loadsOf(fates([["m", "carries"]], [{ id: "m", ab_class: 5, ba_class: 5 }])), { ab: LOAD_HIDDEN, ba: LOAD_HIDDEN });
});

test("bundles of the zooms looked at last have their fates, told once, and nothing is left of them afterwards", () => {
  const { network, clusters } = made();
  const told = new Told();
  const fading = new BundleFading(network, told);
  fading.lay(clusters);
  fading.show(siftedOf(network, new Set(["w1"])), 4);
  assert.deepEqual([...told.held], [["4/l", { ab: { fate: "aside", would: 3 }, ba: { fate: "aside", would: 1 } }]]);
  const kept = siftedOf(network, new Set(["w1", "e1"]));
  fading.touch(kept, ["m"]);
  assert.deepEqual(told.held.get("4/l"), { ab: { fate: "carries", would: 2 }, ba: { fate: "carries", would: 0 } });
  fading.touch(kept, ["m", "inside"]);
  assert.equal(told.calls, 2);
  for (const zoom of [5, 6, 3]) fading.show(kept, zoom);
  assert.deepEqual([...told.held.keys()], ["5/l", "6/l", "3/l"]);
  fading.show(kept, 20);
  fading.show(null, 20);
  assert.equal(told.held.size, 0);
});
