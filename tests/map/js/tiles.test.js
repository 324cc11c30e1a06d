import assert from "node:assert/strict";
import { test } from "node:test";
import { VectorTile } from "../../../map_assets/node_modules/@mapbox/vector-tile/index.js";
import { PbfReader } from "../../../map_assets/node_modules/pbf/index.js";
import { EXTENT } from "../../../map_assets/src/mvt.js";
import { LOAD_AFFECTED, LOAD_HIDDEN, LOAD_UNKNOWN, Network } from "../../../map_assets/src/network.js";
import { clipped, NetworkTiles } from "../../../map_assets/src/tiles.js";

const place = (id, lng, lat, role = "access") => ({ id, name: `Relay ${id}`, role, lng, lat });
const link = (id, a, b, more = {}) => ({ id, a, b, kind: "fibre", capacity_bps: 1e9, path: [], ...more });

function made(devices, links, more = {}) {
  const network = new Network();
  network.take({ devices, links, ...more });
  const tiles = new NetworkTiles(network);
  tiles.make();
  return { network, tiles };
}

/** What MapLibre's own reader finds in a tile. */
function read(tiles, ...at) {
  const { layers } = new VectorTile(new PbfReader(tiles.tile(...at)));
  const all = (layer) => Array.from({ length: layer?.length ?? 0 }, (_, i) => layer.feature(i));
  const rows = (name) => all(layers[name]).map((found) => ({ ...found.properties, type: found.type, spots: found.loadGeometry() }));
  return { devices: rows("devices"), links: rows("links"), extent: layers.links?.extent ?? layers.devices?.extent };
}

/** The tile of a place. */
function tileAt(zoom, lng, lat) {
  const rad = (lat * Math.PI) / 180;
  const size = 2 ** zoom;
  return [zoom, Math.floor(((lng + 180) / 360) * size), Math.floor(((1 - Math.asinh(Math.tan(rad)) / Math.PI) / 2) * size)];
}

const A = place("a", 10, 47, "pop");
const B = place("b", 11, 47.5);
const C = place("c", 11, 47.5);
const LINES = 2;
const halves = (found) => found.filter(({ type }) => type === LINES);

test("a link is two half-links and two arrows, under the ids that the ticks address", () => {
  const { tiles } = made([A, B], [link("l", "a", "b")]);
  const { links, extent } = read(tiles, ...tileAt(7, 10.5, 47.25));
  assert.equal(extent, EXTENT);
  assert.deepEqual(links.map(({ id, link, type }) => [id, link, type]), [
    ["l:ab", "l", 2], ["l:ab", "l", 1], ["l:ba", "l", 2], ["l:ba", "l", 1],
  ]);
  const [ab, tip, ba, other] = links;
  assert.deepEqual(ab.spots[0].at(-1), ba.spots[0][0], "they meet");
  assert.deepEqual(tip.spots, other.spots);
  assert.equal(Math.abs(tip.bearing - other.bearing), 180);
  assert.deepEqual([ab.width, ab.kind, ab.load], [3.8, "fibre", LOAD_UNKNOWN]);
});

test("a link bends where its path does, and is halved by length, not by number of bends", () => {
  const { tiles } = made([A, B], [link("l", "a", "b", { path: [[10.1, 47], [10.2, 47]] })]);
  const [ab, ba] = halves(read(tiles, ...tileAt(5, 10.5, 47.25)).links);
  assert.equal(ab.spots[0].length, 4);
  assert.equal(ba.spots[0].length, 2);
});

test("a link to a device without a place is not drawn", () => {
  const { tiles } = made([A], [link("l", "a", "nobody")]);
  assert.deepEqual(read(tiles, 0, 0, 0).links, []);
});

test("parallel links run side by side, also when one is written the other way round", () => {
  const { tiles } = made([A, B], [link("l", "a", "b"), link("m", "b", "a")]);
  const found = halves(read(tiles, ...tileAt(7, 10.5, 47.25)).links);
  const lane = (id) => found.find((f) => f.id === id).lane;
  assert.notEqual(lane("l:ab"), 0);
  assert.equal(lane("l:ab"), lane("m:ab"), "each to the same side of its own way, so on different sides of the ground");
});

test("a tile holds what stands alone at its zoom, and nothing that is inside a ring", () => {
  const { tiles } = made([A, B, C], [link("l", "a", "b"), link("m", "b", "c")]);
  assert.deepEqual(read(tiles, ...tileAt(9, 10, 47)).devices.map(({ id }) => id), ["a"]);
  assert.deepEqual(read(tiles, ...tileAt(9, 11, 47.5)).devices, [], "a stack is a ring at every zoom");
  assert.deepEqual(new Set(read(tiles, ...tileAt(9, 10.99, 47.49)).links.map((f) => f.link)), new Set(["l"]));
  assert.deepEqual(read(tiles, 0, 0, 0), { devices: [], links: [], extent: undefined });
  assert.deepEqual(new Set(read(tiles, ...tileAt(18, 11, 47.5)).links.map((f) => f.link)), new Set(["l", "m"]), "the closest tiles serve beyond");
});

test("a tile says how things are when it is made", () => {
  const load = { status: "up", ab_bps: 1, ba_bps: 1, ab_class: 4, ba_class: 0 };
  const { network, tiles } = made([A, B], [link("l", "a", "b")], {
    health: [{ id: "a", status: "down", since_us: 1 }], loads: [{ id: "l", ...load }],
  });
  const seen = () => {
    const { devices, links } = read(tiles, ...tileAt(5, 10, 47));
    return [devices.map(({ affected }) => affected), halves(links).map((f) => f.load)];
  };
  assert.deepEqual(seen(), [[0, 0], [4, 0]]);
  network.take({ loads: [{ id: "l", ...load, status: "down" }] });
  assert.deepEqual(seen()[1], [LOAD_HIDDEN, LOAD_HIDDEN]);
  network.take({ health: [{ id: "b", status: "affected", since_us: 1, cause: "a" }] });
  assert.deepEqual(seen(), [[0, 1], [LOAD_AFFECTED, LOAD_AFFECTED]]);
});

test("a device is in one tile, a link in every tile it passes, cut near its edges", () => {
  const { tiles } = made([A, place("far", 60, 20)], [link("l", "a", "far")]);
  const at = (zoom) => Array.from({ length: 4 ** zoom }, (_, i) => read(tiles, zoom, i % 2 ** zoom, Math.floor(i / 2 ** zoom)));
  const all = at(5);
  assert.equal(all.flatMap(({ devices }) => devices).length, 2);
  assert.ok(all.filter(({ links }) => links.length).length > 4);
  for (const { spots } of all.flatMap(({ links }) => halves(links))) {
    for (const { x, y } of spots.flat()) assert.ok(Math.max(-x, -y, x - EXTENT, y - EXTENT) <= EXTENT / 4, `${x} ${y}`);
  }
});

test("a link across the antimeridian is drawn on both sides of it", () => {
  const { tiles } = made([place("w", 179, 0.1), place("e", -179, 0.1)], [link("l", "w", "e")]);
  assert.equal(halves(read(tiles, 8, 255, 127).links).length, 2);
  assert.equal(halves(read(tiles, 8, 0, 127).links).length, 2);
  assert.deepEqual(read(tiles, 8, 128, 127).links, []);
});

test("a path that leaves and comes back is in parts", () => {
  const far = 4 * EXTENT;
  assert.deepEqual(clipped([[0, 0], [100, 0], [far, 0], [far, 100], [100, 100], [0, 100]]).map((part) => part.length), [3, 3]);
  assert.deepEqual(clipped([[far, far], [far, 2 * far]]), []);
  assert.deepEqual(clipped([[5, 5], [5, 5]]), [[[5, 5], [5, 5]]]);
});

test("links that end in a ring are one bundle a pair of ends, in the colours of its busiest each way, under that link's name", () => {
  const near = [0, 0.01, 0.02].map((d, i) => place(`w${i}`, 10 + d, 47, i ? "access" : "pop"));
  const far = [0, 0.01].map((d, i) => place(`e${i}`, 16 + d, 47, i ? "access" : "pop"));
  const load = (id, ab, ba) => ({ id, status: "up", ab_bps: 1, ba_bps: 1, ab_class: ab, ba_class: ba });
  const { network, tiles } = made([...near, ...far], [
    link("quiet", "w0", "e0"), link("turned", "e1", "w1"), link("inside", "w0", "w1"), link("plain", "w2", "e0", { kind: "wireless" }),
  ], { loads: [load("quiet", 1, 0), load("turned", 2, 4), load("plain", 0, 0)] });
  const at = tileAt(4, 12, 47);
  const [ab, ba] = halves(read(tiles, ...at).links);
  assert.equal(halves(read(tiles, ...at).links).length, 2);
  assert.deepEqual([ab.load, ba.load, ab.link, ab.kind], [4, 2, "turned", "fibre"]);
  assert.deepEqual(new Set(halves(read(tiles, ...tileAt(12, 10.005, 47)).links).map((f) => f.link)), new Set(["quiet", "turned", "inside", "plain"]));
  network.take({ loads: ["quiet", "turned", "plain"].map((id) => ({ ...load(id, null, null), status: "down" })) });
  assert.equal(halves(read(tiles, ...at).links)[0].load, LOAD_HIDDEN);
});

test("a bundle shows that its links are behind a cause, unless one of them is not", () => {
  const devices = [place("w", 10, 47), place("v", 10.01, 47), place("e", 16, 47), place("f", 16.01, 47)];
  const down = (id) => ({ id, status: "down", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null });
  const { network, tiles } = made(devices, [link("l", "w", "e"), link("m", "v", "f")], {
    loads: [down("l"), down("m")],
    health: devices.map(({ id }) => ({ id, status: id === "w" ? "down" : "affected", since_us: 1, ...(id === "w" ? {} : { cause: "w" }) })),
  });
  const seen = () => halves(read(tiles, ...tileAt(4, 12, 47)).links).map((f) => f.load);
  assert.deepEqual(seen(), [LOAD_AFFECTED, LOAD_AFFECTED]);
  network.take({ loads: [{ ...down("l"), status: "unknown" }], health: [{ id: "w", status: "up", since_us: 2 }] });
  assert.deepEqual(seen(), [LOAD_UNKNOWN, LOAD_UNKNOWN]);
});

test("links that come after the plan are in the next tile", () => {
  const { network, tiles } = made([A, B], []);
  const found = () => halves(read(tiles, ...tileAt(7, 10.5, 47.25)).links).length;
  assert.equal(found(), 0);
  network.take({ links: [link("l", "a", "b")] });
  tiles.forgetLinks();
  assert.equal(found(), 2);
});

test("from afar a tile holds less of what runs beside it than from near", () => {
  for (const [zoom, held] of [[8, 0], [12, 2]]) {
    const side = 360 / 2 ** zoom;
    const beyond = 0.15 * side; // of a tile, beyond its western edge
    const places = [place("a", 90 - beyond, 0.01 * side), place("b", 90 - beyond, 0.3 * side)];
    const { tiles } = made(places, [link("l", "a", "b")]);
    const { links } = read(tiles, zoom, 2 ** zoom * 0.75, 2 ** (zoom - 1) - 1);
    assert.equal(halves(links).length, held, `zoom ${zoom}`);
  }
});
