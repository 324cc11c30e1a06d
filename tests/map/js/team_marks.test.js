import assert from "node:assert/strict";
import { test } from "node:test";
import { makeClusters } from "../../../map_assets/src/clusters.js";
import { Network } from "../../../map_assets/src/network.js";
import { pillText, TeamMarks, tunnelText } from "../../../map_assets/src/team_marks.js";

const device = (id, lng) => ({ id, name: id, role: "pop", lng, lat: 47 });
const NETWORK = {
  reset: true,
  devices: [device("a", 10), device("b", 10.01), device("c", 40), device("d", 80), device("e", 80)],
  links: [{ id: "l", a: "a", b: "c", kind: "fibre", capacity_bps: 1e9, path: [] }],
  sites: [{ id: "at c", name: "C", lng: 40, lat: 47 }, { id: "empty", name: "E", lng: 5, lat: 45 }],
};

/** Marks over a map that keeps what it is told. */
function made() {
  const network = new Network();
  const seen = {};
  const map = { on: () => {}, getZoom: () => 9, getSource: (id) => ({ setData: ({ features }) => (seen[id] = features.map(({ properties, geometry }) => ({ ...properties, at: geometry.coordinates }))) }) };
  const clusters = makeClusters(NETWORK.devices);
  const painter = { aloneFrom: (id) => clusters.aloneFrom(id), ringsWith: (id) => clusters.ringsWith(id) };
  const marks = new TeamMarks({ map, network, painter });
  const take = (message) => marks.take(message, network.take(message));
  take(NETWORK);
  return { seen, take, clusters };
}

test("one or two are named, of more the first is, and those who work come first", () => {
  assert.deepEqual([pillText(["AB"]), pillText(["AB", "CD"]), pillText(["AB", "CD", "EF"])], ["AB", "AB CD", "AB +2"]);
});

test("people at what stands alone are beside it, in a ring at the ring, all of them together", () => {
  const { seen, take, clusters } = made();
  take({ team: { people: [{ id: "a", working: [], looking: ["AB"] }, { id: "b", working: ["CD"], looking: [] }] } });
  const from = clusters.aloneFrom("a");
  assert.ok(from > 0);
  const alone = seen.people.filter((mark) => mark.from !== undefined);
  assert.deepEqual(alone.map(({ text, works, from }) => [text, works, from]), [["AB", false, from], ["CD", true, from]]);
  const rings = seen.people.filter(({ zoom }) => zoom !== undefined);
  assert.deepEqual(rings.map(({ zoom }) => zoom), Array.from({ length: from }, (_, zoom) => zoom));
  assert.ok(rings.every(({ text, works }) => text === "CD AB" && works));
});

test("a tunnel is marked as one's own, or by whose it is, and a ring has all of its devices' marks once", () => {
  assert.deepEqual([tunnelText([]), tunnelText(["AB"]), tunnelText(["AB", "CD", "EF"])], ["↔", "↔ AB", "↔ AB +2"]);
  const { seen, take } = made();
  take({ team: { tunnels: [{ id: "a", mine: true, others: ["AB"] }, { id: "b", mine: false, others: ["AB"] }] } });
  const alone = seen.tunnels.filter((mark) => mark.from !== undefined);
  assert.deepEqual(alone.map(({ text, works }) => [text, works]), [["↔ AB", true], ["↔ AB", false]]);
  const rings = seen.tunnels.filter(({ zoom }) => zoom !== undefined);
  assert.ok(rings.length > 0 && rings.every(({ text, works }) => text === "↔ AB" && works));
  take({ team: { tunnels: [] } });
  assert.deepEqual(seen.tunnels, []);
});

test("a stack has its mark at the ring of the last zoom further in too", () => {
  const { seen, take, clusters } = made();
  take({ team: { pending: ["d"] } });
  const last = seen.pending.filter((mark) => mark.last);
  assert.deepEqual(last.map(({ zoom }) => zoom), [clusters.top]);
});

test("a link is marked in its middle where it is drawn, a site at what stands there, or where it is", () => {
  const { seen, take, clusters } = made();
  take({ team: { pending: ["l", "at c", "empty", "c", "gone"] } });
  const alone = seen.pending.filter((mark) => mark.from !== undefined);
  assert.deepEqual(alone.map(({ from }) => from), [Math.max(clusters.aloneFrom("a"), clusters.aloneFrom("c")), clusters.aloneFrom("c"), 6]);
  assert.ok(Math.abs(alone[0].at[0] - 25) < 0.1);
  assert.deepEqual(alone[2].at, [5, 45]);
});

test("what is told once stays until it is told anew, and a network that comes anew has none of it", () => {
  const { seen, take } = made();
  take({ team: { people: [{ id: "c", working: [], looking: ["AB"] }], pending: ["c"] } });
  take({ team: { pending: [] } });
  assert.deepEqual([seen.people.length > 0, seen.pending], [true, []]);
  take(NETWORK);
  assert.deepEqual(seen.people, []);
});
