// What comes forward on the map and what steps back: inside a what-if what would be, under a filter what it leaves.
// Counterparts: fates.js and fading.js say what becomes of whom, painter.js paints the rest.
// One rule: inside a what-if the filter waits; it is there again when that is left.

import { BundleFading, Fading, resift, siftedOf } from "./fading.js";
import { WOULD } from "./fate_layers.js";
import { fateFeatures, fatesOf } from "./fates.js";
import { LOAD_HIDDEN } from "./network.js";

/** @import { Map as MapLibre, GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Clusters } from "./clusters.js" */
/** @import { Fates } from "./fates.js" */
/** @import { Glass } from "./glass.js" */
/** @import { Network } from "./network.js" */
/** @import { States } from "./states.js" */

export class Foreground {
  #map;
  #network;
  #states;
  #glass;
  #clusters;
  #links;
  #bundles;
  /** What the window says of what would be; null: only what is is shown. @type {WhatIf | null} */
  #whatIf = null;
  #fates;
  /** The devices that a filter leaves; null: there is none. @type {Set<string> | null} */
  #kept = null;
  /** What stays as it is under the filter. @type {Fates | null} */
  #sifted = null;

  /** @param {MapLibre} map @param {Network} network @param {States} states @param {Glass} glass @param {Clusters} clusters */
  constructor(map, network, states, glass, clusters) {
    this.#map = map;
    this.#network = network;
    this.#states = states;
    this.#glass = glass;
    this.#clusters = clusters;
    this.#fates = fatesOf(network, null);
    this.#links = new Fading(network, states);
    this.#bundles = new BundleFading(network, states);
    this.#bundles.lay(clusters);
  }

  /** Whether what would be is shown. */
  get imagining() {
    return this.#whatIf !== null;
  }

  /** What would be, else what the filter leaves; null where all is as it is. */
  get fates() {
    return this.#whatIf ? this.#fates : this.#sifted;
  }

  /** What would become of a device or link. @param {string} id */
  fateOf(id) {
    return this.#fates.devices.get(id) ?? this.#fates.links.get(id);
  }

  /** @param {WhatIf | null} whatIf null: only what is */
  imagine(whatIf) {
    this.#whatIf = whatIf;
    this.#show();
  }

  /** @param {Set<string> | null} kept ids of devices; null: there is no filter @param {string[] | null} turned those that match or do not unlike before, where that is known @returns {boolean} whether anything may be otherwise */
  sift(kept, turned) {
    if (kept === null && this.#kept === null) return false;
    this.#kept = kept;
    if (kept && turned) this.resift(turned);
    else this.#show();
    return true;
  }

  /** Some devices match, or fare, as they did not before. @param {string[]} touched */
  resift(touched) {
    if (!this.#kept || !this.#sifted) return;
    const { devices, links } = resift(this.#network, this.#sifted, this.#kept, touched);
    if (devices.length === 0 || this.#whatIf) return;
    this.#links.touch(this.#sifted, { devices, links });
    this.#bundles.touch(this.#sifted, links);
    this.#glass.refresh(devices);
  }

  /** Some links carry other loads. @param {string[]} links */
  follow(links) {
    if (!this.fates) return;
    for (const id of links) if (this.#network.drawnLoads(id).ab === LOAD_HIDDEN) this.#states.dropHalves(id, "would"); // it is down
    this.#bundles.touch(this.fates, links);
  }

  /** Another whole zoom is looked at. */
  zoom() {
    if (!this.fates) return;
    this.#bundles.show(this.fates, this.#zoom);
    if (this.#whatIf) this.#draw();
  }

  /** Other things are on the map than before, or elsewhere. @param {Clusters} clusters */
  lay(clusters) {
    this.#clusters = clusters;
    this.#bundles.lay(clusters);
    if (this.#whatIf || this.#kept) this.#show();
  }

  get #zoom() {
    return Math.floor(this.#map.getZoom());
  }

  /** Inside the frame everything has a fate, and be it to step aside. */
  #show() {
    this.#fates = fatesOf(this.#network, this.#whatIf);
    this.#sifted = this.#kept && siftedOf(this.#network, this.#kept);
    this.#links.show(this.fates);
    this.#bundles.show(this.fates, this.#zoom);
    this.#glass.imagine(this.fates);
    this.#draw();
  }

  #draw() {
    const would = /** @type {GeoJSONSource} */ (this.#map.getSource(WOULD));
    would.setData({ type: "FeatureCollection", features: fateFeatures(this.#network, this.#fates, this.#clusters, this.#whatIf ? this.#bundles.held : []) });
  }
}
