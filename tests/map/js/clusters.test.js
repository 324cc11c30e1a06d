import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterBelow, makeClusters } from "../../../map_assets/src/clusters.js";

const device = (id, lng, lat, role = "access") => ({ id, name: id, role, lng, lat });

/** A crowd that is the same every time. */
function crowd(count) {
  let seed = 7;
  const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  return Array.from({ length: count }, (_, i) => device(`d${i}`, 9 + 3 * next(), 47 + 2 * next(), i % 50 ? "access" : "pop"));
}

test("at every zoom each device is alone or in exactly one ring", () => {
  const devices = crowd(500);
  const clusters = makeClusters(devices);
  for (let zoom = 0; zoom <= 14; zoom++) {
    const ringed = clusters.rings(zoom).flatMap((ring) => ring.members);
    assert.equal(new Set(ringed).size, ringed.length);
    const alone = devices.filter(({ id }) => clusters.aloneFrom(id) <= zoom).map(({ id }) => id);
    assert.deepEqual(new Set([...ringed, ...alone]), new Set(devices.map(({ id }) => id)));
    assert.equal(ringed.length + alone.length, devices.length);
  }
});

test("what stands alone stays alone further in", () => {
  const clusters = makeClusters(crowd(300));
  for (let zoom = 1; zoom <= clusterBelow(300); zoom++) {
    for (const { members } of clusters.rings(zoom)) for (const id of members) assert.ok(clusters.aloneFrom(id) > zoom);
  }
});

test("a small network has no rings where it fits a screen", () => {
  const clusters = makeClusters(crowd(60));
  assert.deepEqual(clusters.rings(8), []);
  assert.ok(clusters.rings(0).length >= 1);
});

test("devices at one place are a stack at every zoom, and link to nothing inside it", () => {
  const clusters = makeClusters([device("a", 10, 47), device("b", 10, 47), device("c", 12, 47)]);
  for (const zoom of [5, 7, 12, 18]) {
    assert.deepEqual(clusters.rings(zoom).map(({ members, stack }) => [members, stack]), [[["a", "b"], true]]);
  }
  assert.ok(clusters.aloneFrom("a") > 22);
  assert.ok(clusters.apartFrom("a", "b") > 22);
  assert.ok(clusters.apartFrom("a", "c") < 7);
});

test("a link shows from the zoom at which its ends part", () => {
  const clusters = makeClusters(crowd(300));
  const together = (zoom, a, b) => clusters.rings(zoom).some(({ members }) => members.includes(a) && members.includes(b));
  for (const [a, b] of [["d0", "d1"], ["d2", "d3"], ["d50", "d51"]]) {
    const from = clusters.apartFrom(a, b);
    assert.ok(!together(from, a, b));
    assert.ok(from === 0 || together(from - 1, a, b));
  }
});

test("a ring stands where its most important device does", () => {
  const clusters = makeClusters([device("a", 10, 47), device("b", 10.01, 47), device("hub", 10.02, 47, "pop")]);
  assert.equal(clusters.rings(3)[0].lng, 10.02);
});

test("an empty network has no rings", () => {
  assert.deepEqual(makeClusters([]).rings(3), []);
});

test("five thousand devices take well under a second of this processor", () => {
  const before = process.cpuUsage();
  makeClusters(crowd(5000));
  assert.ok(process.cpuUsage(before).user < 1e6);
});
