// Keeps a mirror of the network beside the page and cuts it into tiles. Counterpart: tiler.js.
// One rule: it answers in the order it was asked.

import { Network } from "./network.js";
import { Parts } from "./parts.js";
import { NetworkTiles } from "./tiles.js";

/** @import { AskOfTiler, TilerAnswer } from "./tiler.js" */

const network = new Network();
const parts = new Parts();
const tiles = new NetworkTiles(network);

/** @param {TilerAnswer} answer @param {Transferable[]} owned */
const answer = (answer, owned = []) => postMessage(answer, { transfer: owned });

addEventListener("message", (/** @type {MessageEvent<AskOfTiler>} */ { data }) => {
  if ("rows" in data) {
    const rows = parts.read(data.rows);
    network.take(rows);
    if (rows.links) tiles.forgetLinks();
  } else if ("turned" in data) {
    network.take({ health: data.turned });
  } else if ("tile" in data) {
    const [zoom, x, y] = data.tile;
    const { buffer } = tiles.tile(zoom, x, y);
    answer({ ask: data.ask, tile: buffer }, [buffer]);
  } else {
    answer({ ask: data.ask, plan: tiles.make() });
  }
});
