// What feature-state says of the network beyond its tiles: what has changed since they were made. Counterpart: tiles.js.
// Theory: every tile that is loaded is handed all of feature-state, so that may not grow with the network. When much has
// changed, the tiles are made anew with what is; once they are on the screen, feature-state forgets what they say themselves.
// One rule: nothing is forgotten before the tiles that have it are there, so that no old status ever shows again.

import { NETWORK } from "./tiles.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Tiler } from "./tiler.js" */

/** So much may feature-state hold of what tiles can say. */
const CHANGES_MOST = 4_000;
/** What tiles say themselves. */
const IN_TILES = /** @type {const} */ ({ devices: "affected", links: "load" });

/** @typedef {keyof typeof IN_TILES} Table */

export class States {
  #map;
  /** In which round a feature's status or load was set. @type {Record<Table, Map<string, number>>} */
  #set = { devices: new Map(), links: new Map() };
  #round = 0;
  /** Tiles of other places are to be made anew as soon as none is on its way. */
  #wanted = false;
  /** What was set in this round or before it, tiles say that were asked for after places changed. */
  #laid = 0;
  /** Tiles of this round are on their way. @type {number | null} */
  #coming = null;

  #tiler;

  /** @param {MapLibre} map @param {Tiler} tiler */
  constructor(map, tiler) {
    this.#map = map;
    this.#tiler = tiler;
    map.on("sourcedata", ({ sourceId }) => sourceId === NETWORK && this.#look());
    map.on("render", () => this.#look()); // tiles on their way to a view that was left are dropped, and no event says so
  }

  /** See whether what is waited for is there. */
  #look() {
    if ((this.#coming === null && !this.#wanted) || !this.#map.isSourceLoaded(NETWORK)) return;
    if (this.#coming !== null) this.#forget(this.#coming);
    this.#coming = null;
    if (this.#wanted) this.renew();
  }

  /** @param {Table} table @param {string} id @param {Record<string, unknown>} state */
  set(table, id, state) {
    this.#map.setFeatureState({ source: NETWORK, sourceLayer: table, id }, state);
    if (IN_TILES[table] in state) this.#set[table].set(id, this.#round);
  }

  /** Both halves of a link. @param {string} link @param {Record<string, unknown>} ab @param {Record<string, unknown>} ba */
  setHalves(link, ab, ba) {
    this.set("links", `${link}:ab`, ab);
    this.set("links", `${link}:ba`, ba);
  }

  /** @param {Table} table @param {string} id @param {string} key what is not said of it any more */
  drop(table, id, key) {
    this.#map.removeFeatureState({ source: NETWORK, sourceLayer: table, id }, key);
  }

  /** Both halves of a link. @param {string} link @param {string} key */
  dropHalves(link, key) {
    for (const way of ["ab", "ba"]) this.drop("links", `${link}:${way}`, key);
  }

  /** Places have changed; the tiles that are asked for from now on are of the new ones. */
  lay() {
    this.#laid = this.#round++;
  }

  /** Make anew the tiles on the screen that are of other places, and forget those beside it. Where the map looks elsewhere now
   *  all that it has may have been asked for since. */
  renew() {
    this.#wanted = !this.#map.isSourceLoaded(NETWORK);
    if (this.#wanted) return;
    const tiles = this.#map.style.tileManagers[NETWORK];
    const seen = tiles.getIds().flatMap((id) => tiles.getTileByID(id)?.tileID.canonical ?? []);
    if (seen.some(({ z, x, y }) => this.#tiler.isOld(`${z}/${x}/${y}`))) return this.#refresh();
    tiles._outOfViewCache.reset();
    this.#forget(this.#laid);
  }

  /** Make the tiles anew with what is now; those that are there stay until then. */
  #refresh() {
    this.#coming = this.#round++;
    this.#map.refreshTiles(NETWORK);
  }

  /** Make the tiles anew where too much has changed since they were made. @param {boolean} bundled whether tiles hold bundles, whose loads are those of the tiles */
  settle(bundled) {
    const { devices, links } = this.#set;
    const worth = devices.size + links.size > CHANGES_MOST || (bundled && links.size > 0);
    if (worth && this.settled) this.#refresh();
  }

  /** Whether the tiles on the screen are those of the network as it stands. */
  get settled() {
    return !this.#wanted && this.#coming === null && this.#map.isSourceLoaded(NETWORK);
  }

  /** @param {number} round */
  #forget(round) {
    for (const table of /** @type {Table[]} */ (Object.keys(IN_TILES))) {
      for (const [id, since] of this.#set[table]) {
        if (since > round) continue;
        this.#map.removeFeatureState({ source: NETWORK, sourceLayer: table, id }, IN_TILES[table]);
        this.#set[table].delete(id);
      }
    }
  }
}
