// What stands at links beside their lines: the mark of one that is down, that of one that has lost members, how many lines it is, what it
// carries. Counterparts: features.js makes the features, painter.js says when. One rule: what stands inside a ring is marked at the ring.

import { brokenFeatures, isBroken, isShort, lagFeatures, pillFeatures } from "./features.js";
import { PILL_ZOOM } from "./layers.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Clusters } from "./clusters.js" */
/** @import { Fates } from "./fates.js" */
/** @import { Glass } from "./glass.js" */
/** @import { Live } from "./live.js" */
/** @import { Network } from "./network.js" */

const PILLS_MOST = 300;

export class LinkMarks {
  #map;
  #network;
  #glass;
  #live;
  #clusters;
  /** Ids of the links that are marked as down. @type {Set<string>} */
  broken = new Set();
  /** Of those that have lost some of their members. @type {Set<string>} */
  #short = new Set();

  /** @param {MapLibre} map @param {Network} network @param {Glass} glass @param {Live} live @param {Clusters} clusters */
  constructor(map, network, glass, live, clusters) {
    this.#map = map;
    this.#network = network;
    this.#glass = glass;
    this.#live = live;
    this.#clusters = clusters;
    this.#paint();
  }

  /** Other links are on the map than before, or elsewhere. @param {Clusters} clusters */
  lay(clusters) {
    this.#clusters = clusters;
    this.#paint();
  }

  /** Some links fare otherwise, or carry something else. @param {string[]} links @returns {boolean} whether rings have other marks */
  follow(links) {
    const network = this.#network;
    const turned = links.some((id) => isBroken(network, id) !== this.broken.has(id) || isShort(network, id) !== this.#short.has(id));
    if (turned) this.#paint();
    else if (links.some((id) => network.loadOf(id).lag)) this.#paintLags();
    return turned;
  }

  /** What stands where the map looks now. @param {Fates | null} fates what would be, or what a filter leaves */
  look(fates) {
    this.#paintLags();
    const zoom = this.#map.getZoom();
    if (zoom < PILL_ZOOM) return this.#live.put("pill", []);
    const features = [];
    for (const now of this.#network.loads.values()) {
      const load = { ...now, ...fates?.loads.get(now.id) };
      features.push(...pillFeatures(this.#network, load, this.#view, zoom, fates));
      if (features.length >= PILLS_MOST) break;
    }
    this.#live.put("pill", features);
  }

  #paint() {
    const features = brokenFeatures(this.#network, this.#clusters);
    this.broken = new Set(features.map(({ properties }) => properties?.link));
    this.#short = new Set([...this.#network.loads.keys()].filter((id) => isShort(this.#network, id)));
    this.#live.put("broken", features);
    this.#glass.strike(this.#linksOf(this.broken), this.#linksOf(this.#short));
    this.#paintLags();
  }

  #paintLags() {
    this.#live.put("lag", lagFeatures(this.#network, this.#clusters, this.#map.getZoom() < PILL_ZOOM ? null : this.#view));
  }

  /** @param {Set<string>} ids @returns {LinkRow[]} */
  #linksOf(ids) {
    return [...ids].flatMap((id) => this.#network.links.get(id) ?? []);
  }

  get #view() {
    return /** @type {import("./features.js").Bounds} */ (this.#map.getBounds().toArray().flat());
  }
}
