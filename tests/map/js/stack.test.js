import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack } from "../../../map_assets/src/stack.js";

/** As much of a map as a stack needs. */
class Layers {
  #layers = [];
  moves = 0;
  getLayersOrder = () => this.#layers.map(({ id }) => id);
  getLayer = (id) => this.#layers.find((layer) => layer.id === id);
  addLayer = (layer) => this.#layers.push({ layout: {}, paint: {}, ...layer });
  removeLayer = (id) => (this.#layers = this.#layers.filter((layer) => layer.id !== id));
  moveLayer(id, before) {
    this.moves++;
    const layer = this.getLayer(id);
    this.removeLayer(id);
    const at = before === undefined ? this.#layers.length : this.getLayersOrder().indexOf(before);
    this.#layers.splice(at, 0, layer);
  }
  getLayoutProperty = (id, key) => this.getLayer(id).layout[key];
  setLayoutProperty = (id, key, value) => (this.getLayer(id).layout[key] = value);
  setPaintProperty = (id, key, value) => (this.getLayer(id).paint[key] = value);
  get shown() {
    return this.getLayersOrder().filter((id) => this.getLayoutProperty(id, "visibility") !== "none");
  }
}

const layer = (id, group = "", fixed = false) => ({ id, type: "line", paint: { "line-color": "red" }, metadata: { group, fixed } });
const USUAL = ["signal", "load", "names", "status"];
function made() {
  const map = new Layers();
  map.addLayer(layer("land"));
  const stack = new Stack(map);
  const network = [["link-halo"], ["link-cable", "load"], ["names", "names"], ["dots", "status"], ["chosen"], ["down-symbols"], ["obstacles"]];
  stack.put(network.map(([id, group]) => layer(id, group)));
  return { map, stack };
}
const PLAIN = ["land", "link-halo", "link-cable", "names", "dots", "chosen", "down-symbols", "obstacles"];

test("slots stand where the look wants them, and fill from the ground up in whatever order they are put", () => {
  const { map, stack } = made();
  stack.put([layer("ruler")], "hands");
  stack.put([layer("sector"), layer("client")], "areas");
  stack.put([layer("picture")], "ground");
  stack.put([layer("beam")], "areas");
  stack.put([layer("signal")], "links");
  stack.put([layer("note")], "marks");
  assert.deepEqual(map.getLayersOrder(), [
    "land", "picture", "sector", "client", "beam", "link-halo", "link-cable", "signal", "names", "dots", "note", "chosen", "down-symbols",
    "ruler", "obstacles",
  ]);
});

test("a layer that is there is repainted and keeps its place", () => {
  const { map, stack } = made();
  stack.put([{ ...layer("dots", "status"), paint: { "line-color": "blue" } }]);
  assert.deepEqual(map.getLayersOrder(), PLAIN);
  assert.equal(map.getLayer("dots").paint["line-color"], "blue");
});

test("a group stands over the one that it was put over and no other moves, and as before when nobody wants an order any more", () => {
  const { map, stack } = made();
  stack.wish({ order: ["signal", "names", "status", "load"], usual: USUAL, hidden: [] });
  assert.deepEqual(map.getLayersOrder(), ["land", "link-halo", "names", "dots", "link-cable", "chosen", "down-symbols", "obstacles"]);
  stack.put([layer("signal", "signal")], "links");
  assert.deepEqual(map.getLayersOrder().indexOf("signal"), 2);
  stack.wish({ order: [], usual: USUAL, hidden: [] });
  stack.remove(["signal"]);
  assert.deepEqual(map.getLayersOrder(), PLAIN);
});

test("what has layers high and low keeps both, and what is drawn around something its place, whoever else changes places", () => {
  const { map, stack } = made();
  stack.put([layer("band", "signal")], "areas");
  stack.put([layer("ring", "signal")], "marks");
  stack.put([layer("casing", "load", true)], "areas");
  const plain = ["land", "band", "casing", "link-halo", "link-cable", "names", "dots", "ring", "chosen", "down-symbols", "obstacles"];
  assert.deepEqual(map.getLayersOrder(), plain);
  stack.wish({ order: ["signal", "load", "status", "names"], usual: USUAL, hidden: [] });
  assert.deepEqual(map.getLayersOrder(), plain.with(5, "dots").with(6, "names"));
  stack.wish({ order: ["load", "signal", "names", "status"], usual: USUAL, hidden: [] });
  assert.deepEqual(map.getLayersOrder(), ["land", "casing", "link-halo", "link-cable", "band", "names", "dots", "ring", "chosen", "down-symbols", "obstacles"]);
  stack.wish({ order: ["names", "load", "status", "signal"], usual: USUAL, hidden: [] });
  assert.deepEqual(map.getLayersOrder(), ["land", "casing", "link-halo", "names", "link-cable", "dots", "band", "ring", "chosen", "down-symbols", "obstacles"]);
});

test("a group is hidden and shown again, what is put later too, and what is in no group is always seen", () => {
  const { map, stack } = made();
  stack.wish({ order: [], usual: USUAL, hidden: ["status", "signal", ""] });
  stack.put([layer("signal", "signal")], "links");
  assert.deepEqual(map.shown, PLAIN.filter((id) => id !== "dots"));
  assert.equal(stack.shows("status"), false);
  stack.wish({ order: [], usual: USUAL, hidden: [] });
  assert.deepEqual(map.shown.length, PLAIN.length + 1);
});

test("what stands right is not moved", () => {
  const { map, stack } = made();
  stack.wish({ order: USUAL, usual: USUAL, hidden: [] });
  assert.equal(map.moves, 0);
});
