// How often the map draws: once for news, when all of it is there, not once for each tile that brings part of it.
// Counterpart: painter.js says when news is on its way. Theory: without a graphics device a frame is a tenth of a second of work,
// and MapLibre draws one for every tile that arrives; then the frames keep from their work those who bring the rest.
// One rule: a map that a hand moves draws every frame.

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */

/** While news is on its way, what is there of it is drawn so often. */
const HOLD_MS = 1_000;
/** News that takes longer is drawn as it comes. */
const HOLDS_MOST = 10;

/** Go on in a task of its own, so that none is long. @returns {Promise<void>} */
export const turn = () => new Promise((resolve) => setTimeout(resolve));

export class Frames {
  #draw;
  #settled;
  /** Running while frames are held. @type {ReturnType<typeof setTimeout> | null} */
  #held = null;

  /** @param {MapLibre} map @param {() => boolean} settled whether nothing is on its way */
  constructor(map, settled) {
    this.#draw = map.triggerRepaint.bind(map);
    this.#settled = settled;
    map.triggerRepaint = () => {
      if (this.#held === null || map.isMoving()) this.#draw();
    };
    // Nothing fades here, so names are placed whole in each frame; MapLibre takes those of new tiles for half done and draws them twice.
    map.on("render", () => (map._placementDirty = false));
    // A source says that its data has come before its tiles know that they are old: ask when they do.
    map.on("sourcedata", () => {
      if (this.#held !== null) setTimeout(() => this.#held !== null && settled() && this.#release());
    });
  }

  /** News is on its way: draw no more than needed until it is there. @param {number} holds how often frames may be held for it */
  hold(holds = HOLDS_MOST) {
    this.#held ??= setTimeout(() => {
      this.#release();
      if (holds > 1 && !this.#settled()) this.hold(holds - 1);
    }, HOLD_MS);
  }

  /** Draw one frame, also while frames are held: something is there that had better not wait for the rest. */
  one() {
    setTimeout(this.#draw); // a source says that its data has come before its tiles know that they are old
  }

  #release() {
    clearTimeout(this.#held ?? undefined);
    this.#held = null;
    this.#draw();
  }
}
