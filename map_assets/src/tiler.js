// The network's tiles, made beside the page so that no frame waits for them. Counterpart: tiler_worker.js, which cuts them.
// Theory: the worker gets every row that the page gets, in the same order, so both know the same network; a tile or a plan
// (who stands in which ring) shows what was told before it was asked for. Only of statuses it gets no more than what tiles
// tell apart: which devices are silent, and whether something else is the cause.
// One rule: a tile that was asked for before places changed is asked for again.

import { complain } from "./measure.js";
import { MOST_ZOOM, NETWORK } from "./tiles.js";

/** @import { AddProtocolAction } from "../vendor/maplibre-gl.mjs" */
/** @import { Plan } from "./clusters.js" */
/** @import { VectorSourceSpecification } from "@maplibre/maplibre-gl-style-spec" */

/** `rows`: a message of the window, as it came; `turned`: all that matters of one. @typedef {{ rows: string } | { turned: HealthRow[] } | { ask: number, tile: [zoom: number, x: number, y: number] } | { ask: number }} AskOfTiler */
/** @typedef {{ ask: number, tile?: ArrayBuffer, plan?: Plan }} TilerAnswer */

/** Of so many tiles it is known of which places they are; one that is not known is made anew with the next change. */
const TILES_KNOWN_MOST = 4_000;
/** More rows than this cross as text. */
const CLONED_MOST = 1_000;

export class Tiler {
  #worker = new Worker(new URL("tiler_worker.js", import.meta.url), { type: "module" });
  #asked = 0;
  /** How often places have changed. */
  #laid = 0;
  /** After which change of places each tile was made that the map has got. @type {Map<string, number>} */
  #made = new Map();
  /** Whether places have changed in the message whose parts are coming. */
  #begun = false;
  /** A message has begun whose last part is not there yet: the worker reads all of them. */
  #goesOn = false;
  /** A plan that was asked for when all devices were there, while the rest of the message was still coming. @type {Promise<TilerAnswer> | null} */
  #ahead = null;
  /** @type {Map<number, (answer: TilerAnswer) => void>} */
  #waiting = new Map();

  constructor() {
    this.#worker.addEventListener("error", ({ message }) => complain(`the worker that cuts tiles: ${message}`));
    this.#worker.addEventListener("message", (/** @type {MessageEvent<TilerAnswer>} */ { data }) => {
      this.#waiting.get(data.ask)?.(data);
      this.#waiting.delete(data.ask);
    });
  }

  /** @type {VectorSourceSpecification} */
  source = { type: "vector", tiles: [`${NETWORK}://{z}/{x}/{y}`], minzoom: 0, maxzoom: MOST_ZOOM, promoteId: "id" };

  /**
   * Hand the worker what the page has learnt of the network: as text, which crosses at a fraction of the cost, but for a few rows.
   * @param {FromWindow} message @param {string} text the same @param {HealthRow[]} turned what the page found in it, see `Touched`
   */
  take({ reset, paper, devices, links, gone, loads, more = false }, text, turned) {
    const places = reset || devices || gone || paper !== undefined;
    if (places || links || loads || more || this.#goesOn || turned.length > CLONED_MOST) this.#say({ rows: text });
    else if (turned.length) this.#say({ turned });
    this.#goesOn = more;
    if (places) this.#ahead = null;
    else if (more && this.#begun) this.#ahead ??= this.#ask({});
    this.#begun = more && (this.#begun || Boolean(places));
  }

  /** Lay out what stands where, as it was told so far. @returns {Promise<Plan>} */
  async plan() {
    this.#laid++;
    const asked = this.#ahead ?? this.#ask({});
    this.#ahead = null;
    const { plan } = await asked;
    return /** @type {Plan} */ (plan);
  }

  /** Whether a tile that the map has got was made before places changed. @param {string} tile its zoom, x and y */
  isOld(tile) {
    return this.#made.get(tile) !== this.#laid;
  }

  /** Answers MapLibre's wish for a tile. @type {AddProtocolAction} */
  protocol = async ({ url }) => {
    const name = url.slice(`${NETWORK}://`.length);
    const [zoom, x, y] = name.split("/").map(Number);
    for (;;) {
      const laid = this.#laid;
      const { tile } = await this.#ask({ tile: [zoom, x, y] });
      if (!tile || laid !== this.#laid) continue;
      if (this.#made.size > TILES_KNOWN_MOST) this.#made.clear();
      this.#made.set(name, laid);
      return { data: tile };
    }
  };

  /** @param {{ tile?: [number, number, number] }} what @returns {Promise<TilerAnswer>} */
  #ask(what) {
    const ask = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(ask, resolve);
      this.#say({ ask, ...what });
    });
  }

  /** @param {AskOfTiler} message */
  #say(message) {
    this.#worker.postMessage(message);
  }
}
