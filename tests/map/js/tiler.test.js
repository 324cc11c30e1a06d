// What the worker that cuts tiles is handed of the network, and whether it then knows what tiles show.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Network } from "../../../map_assets/src/network.js";
import { Parts } from "../../../map_assets/src/parts.js";

/** What was posted, in order. */
let posted = [];
globalThis.Worker = class {
  addEventListener() {}
  postMessage(message) {
    posted.push(message);
  }
};
const { Tiler } = await import("../../../map_assets/src/tiler.js");

/** The page's side: learns a message and hands it on. */
class Page {
  network = new Network();
  #parts = new Parts();
  #tiler = new Tiler();

  take(message) {
    const text = JSON.stringify(message);
    const read = this.#parts.read(text);
    this.#tiler.take(read, text, this.network.take(read).turned);
  }
}

/** The worker's side, as tiler_worker.js has it. */
function mirrored() {
  const [network, parts] = [new Network(), new Parts()];
  for (const message of posted) network.take("rows" in message ? parts.read(message.rows) : { health: message.turned });
  return network;
}

const IDS = ["p", "q", "r", "s"];
const LINKS = [["p", "q"], ["q", "r"], ["r", "s"], ["s", "p"]];
const whole = {
  reset: true,
  devices: { id: IDS, name: IDS, role: IDS.map(() => "pop"), lng: [1, 2, 3, 4], lat: [1, 2, 3, 4] },
  links: { id: ["pq", "qr", "rs", "sp"], a: LINKS.map(([a]) => a), b: LINKS.map(([, b]) => b), kind: LINKS.map(() => "fibre"), capacity_bps: [1, 1, 1, 1] },
  health: { id: IDS, status: IDS.map(() => "up"), since_us: [0, 0, 0, 0] },
};
const health = (...rows) => ({ health: { id: rows.map(([id]) => id), status: rows.map(([, status]) => status), since_us: rows.map(() => 1) } });

test("statuses that no tile tells apart are not handed on", () => {
  posted = [];
  const page = new Page();
  page.take(whole);
  page.take(health(["p", "degraded"], ["q", "stale"]));
  page.take(health(["p", "up"]));
  assert.equal(posted.length, 1);
  page.take(health(["p", "down"], ["q", "up"]));
  assert.deepEqual(posted[1].turned.map(({ id, status }) => [id, status]), [["p", "down"]]);
});

test("a message in parts is handed on whole, for its numbers go on", () => {
  posted = [];
  const page = new Page();
  page.take({ ...whole, health: undefined, more: true });
  page.take({ health: { id: [1, 2], status: ["up", "stale"], since_us: [1, 1] } });
  assert.ok(posted.length === 2 && "rows" in posted[1]);
});

test("after any changes the worker draws links and devices as the page does", () => {
  posted = [];
  const page = new Page();
  page.take(whole);
  const statuses = ["up", "down", "affected", "stale", "degraded", "affected", "up", "maintenance", "down", "unknown"];
  for (let i = 0; i < 60; i++) {
    page.take(health([IDS[(i * 7) % 4], statuses[(i * 3) % 10]], [IDS[(i * 5 + 1) % 4], statuses[(i * 7 + 3) % 10]]));
    const worker = mirrored();
    for (const id of ["pq", "qr", "rs", "sp"]) assert.deepEqual(worker.drawnLoads(id), page.network.drawnLoads(id));
    for (const id of IDS) assert.equal(worker.healthOf(id).status === "affected", page.network.healthOf(id).status === "affected");
  }
});
