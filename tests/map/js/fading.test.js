import assert from "node:assert/strict";
import { test } from "node:test";
import { Fading, resift, siftedOf } from "../../../map_assets/src/fading.js";
import { LOAD_NOT_KNOWN, Network } from "../../../map_assets/src/network.js";

const device = (id) => ({ id, name: id, role: "access", lng: 10, lat: 47 });
const link = (id, a, b) => ({ id, a, b, kind: "fibre", capacity_bps: 1e9, path: [] });

/** What feature-state would hold, and how often it was told something. */
class Told {
  held = new Map();
  calls = 0;
  set(table, id, state) {
    this.calls++;
    this.held.set(id, { ...this.held.get(id), ...state });
  }
  drop(table, id, key) {
    this.calls++;
    const { [key]: _, ...rest } = this.held.get(id) ?? {};
    if (Object.keys(rest).length) this.held.set(id, rest);
    else this.held.delete(id);
  }
  setHalves(id, ab, ba) {
    this.set("links", `${id}:ab`, ab);
    this.set("links", `${id}:ba`, ba);
  }
  dropHalves(id, key) {
    this.drop("links", `${id}:ab`, key);
    this.drop("links", `${id}:ba`, key);
  }
}

function made() {
  const network = new Network();
  network.take({ devices: ["a", "b", "c", "d"].map(device), links: [link("l", "a", "b"), link("m", "b", "c"), link("n", "c", "d")] });
  const told = new Told();
  return { network, told, fading: new Fading(network, told) };
}

test("what no filter and no what-if holds any more has nothing in feature-state", () => {
  const { network, told, fading } = made();
  const loads = new Map([["l", { id: "l", ab_class: 4, ba_class: null }]]);
  fading.show({ devices: new Map([["a", "fails"]]), links: new Map([["l", "carries"]]), loads, detours: [] });
  assert.deepEqual(told.held.get("l:ab"), { fate: "carries", would: 4 });
  assert.deepEqual(told.held.get("l:ba"), { fate: "carries", would: LOAD_NOT_KNOWN });
  assert.deepEqual(told.held.get("c"), { fate: "aside" });
  fading.show(siftedOf(network, new Set(["a", "b"])));
  assert.deepEqual(told.held.get("l:ab"), { fate: "carries" });
  network.take({ gone: ["d", "n"] });
  fading.show(null);
  assert.deepEqual([...told.held], []);
});

test("a device that matches now, or fares worse, touches itself and its links alone", () => {
  const { network, told, fading } = made();
  const kept = new Set(["a"]);
  const sifted = siftedOf(network, kept);
  fading.show(sifted);
  told.calls = 0;
  kept.add("b");
  const touched = resift(network, sifted, kept, ["a", "b"]);
  assert.deepEqual([touched.devices, [...touched.links]], [["b"], ["l", "m"]]);
  fading.touch(sifted, touched);
  assert.equal(told.calls, 3, "b and the halves of l");
  assert.deepEqual([told.held.get("b").fate, told.held.get("l:ab").fate, told.held.get("m:ab").fate], ["carries", "carries", "aside"]);
  network.take({ health: [{ id: "c", status: "down", since_us: 1 }] });
  fading.touch(sifted, resift(network, sifted, kept, ["c"]));
  assert.deepEqual([told.held.get("c").fate, told.held.get("m:ab").fate], ["carries", "carries"]);
  assert.deepEqual(sifted.links, siftedOf(network, kept).links);
  network.take({ health: [{ id: "c", status: "up", since_us: 2 }] });
  fading.touch(sifted, resift(network, sifted, kept, ["c"]));
  assert.deepEqual(sifted, siftedOf(network, kept));
});
