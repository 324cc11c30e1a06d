// What steps back and what comes forward: the fates that feature-state has of devices, links and bundles. Counterpart: foreground.js.
// Theory: inside the what-if frame whatever has no fate is "aside"; under a filter whatever does not match is, but for faults,
// which nothing hides. Both are a `Fates`, and only what differs from what was shown is set.
// One rule: outside of both nothing has a fate, and feature-state holds nothing of it.

import { bundlesOf, busiestOf, endsOf, fateOfBundle } from "./bundles.js";
import { LOAD_NOT_KNOWN } from "./network.js";

/** @import { Bundle } from "./bundles.js" */
/** @import { Clusters } from "./clusters.js" */
/** @import { Fate, Fates } from "./fates.js" */
/** @import { Network } from "./network.js" */
/** @import { States } from "./states.js" */

/** Bundles of so many zooms have their fates: more are not on the screen while it changes. */
const ZOOMS_MOST = 3;
const TABLES = /** @type {const} */ (["devices", "links"]);

/** What no filter puts aside. @param {Status} status */
const isFault = (status) => status === "down" || status === "affected" || status === "degraded" || status === "stale";

/** Whether a device stays as it is under a filter. @param {Network} network @param {Set<string>} kept @param {string} id */
export const stays = (network, kept, id) => kept.has(id) || isFault(network.healthOf(id).status);

/** What a filter leaves: devices that match or are at fault, links between two of them. @param {Network} network @param {Set<string>} kept @returns {Fates} */
export function siftedOf(network, kept) {
  const devices = /** @type {Map<string, Fate>} */ (new Map());
  const links = /** @type {Map<string, Fate>} */ (new Map());
  for (const id of network.devices.keys()) if (stays(network, kept, id)) devices.set(id, "carries");
  for (const { id, a, b } of network.links.values()) if (devices.has(a) && devices.has(b)) links.set(id, "carries");
  return { devices, links, loads: new Map(), detours: [] };
}

/**
 * Let some devices stay or step back, as they match and fare now, and their links with them.
 * @param {Network} network @param {Fates} sifted is changed @param {Set<string>} kept @param {Iterable<string>} touched ids of devices
 * @returns {{ devices: string[], links: Set<string> }} those that were touched by it
 */
export function resift(network, sifted, kept, touched) {
  const devices = [...touched].filter((id) => sifted.devices.has(id) !== (network.devices.has(id) && stays(network, kept, id)));
  for (const id of devices) if (!sifted.devices.delete(id)) sifted.devices.set(id, "carries");
  const links = new Set(devices.flatMap((id) => network.linksAt(id)));
  for (const id of links) {
    const { a, b } = /** @type {LinkRow} */ (network.links.get(id));
    if (sifted.devices.has(a) && sifted.devices.has(b)) sifted.links.set(id, "carries");
    else sifted.links.delete(id);
  }
  return { devices, links };
}

export class Fading {
  #network;
  #states;
  /** The fates that feature-state has. @type {Record<"devices" | "links", Map<string, string>>} */
  #shown = { devices: new Map(), links: new Map() };
  /** Links that wear the load that they would have. @type {Set<string>} */
  #would = new Set();

  /** @param {Network} network @param {States} states */
  constructor(network, states) {
    this.#network = network;
    this.#states = states;
  }

  /** Show what would be or what a filter leaves, or (null) everything as it is. @param {Fates | null} fates */
  show(fates) {
    for (const table of TABLES) {
      const now = fates ? this.#network[table].keys() : [];
      for (const id of new Set([...this.#shown[table].keys(), ...now])) this.#turn(table, id, fates);
    }
    // What is down goes on being drawn as such.
    const loads = [...(fates?.loads.values() ?? [])].filter(({ id }) => this.#network.loadOf(id).status !== "down");
    const worn = new Set(loads.map(({ id }) => id));
    for (const id of this.#would) if (!worn.has(id)) this.#states.dropHalves(id, "would");
    for (const { id, ab_class: ab, ba_class: ba } of loads) {
      this.#states.setHalves(id, { would: ab ?? LOAD_NOT_KNOWN }, { would: ba ?? LOAD_NOT_KNOWN });
    }
    this.#would = worn;
  }

  /** The same for those alone whose fate may be another. @param {Fates | null} fates @param {Record<"devices" | "links", Iterable<string>>} touched */
  touch(fates, touched) {
    for (const table of TABLES) for (const id of touched[table]) this.#turn(table, id, fates);
  }

  /** @param {"devices" | "links"} table @param {string} id @param {Fates | null} fates */
  #turn(table, id, fates) {
    const shown = this.#shown[table];
    const fate = fates && this.#network[table].has(id) ? (fates[table].get(id) ?? "aside") : undefined;
    if (shown.get(id) === fate) return;
    if (fate === undefined) shown.delete(id);
    else shown.set(id, fate);
    if (table === "devices") fate === undefined ? this.#states.drop("devices", id, "fate") : this.#states.set("devices", id, { fate });
    else fate === undefined ? this.#states.dropHalves(id, "fate") : this.#states.setHalves(id, { fate }, { fate });
  }
}

/** The same of the bundles of a few zooms. Their tiles say what all of their links carry; what those do that come forward, feature-state says. */
export class BundleFading {
  #network;
  #states;
  /** @type {Clusters | null} */
  #clusters = null;
  /** Of a zoom the bundle that each of its links is in; the zoom that was looked at last comes last. @type {Map<number, Map<string, Bundle>>} */
  #levels = new Map();
  /** What feature-state has of each bundle. @type {Map<string, string>} */
  #shown = new Map();

  /** @param {Network} network @param {States} states */
  constructor(network, states) {
    this.#network = network;
    this.#states = states;
  }

  /** Links or rings are others now. @param {Clusters} clusters */
  lay(clusters) {
    this.#clusters = clusters;
    this.#levels.clear();
  }

  /** Show fates, or (null) everything as it is, on the bundles of a zoom and of those before it, whose tiles may still be on the screen. @param {Fates | null} fates @param {number} zoom whole */
  show(fates, zoom) {
    if (fates) {
      const held = this.#levels.get(zoom) ?? this.#gather(zoom);
      this.#levels.delete(zoom);
      this.#levels.set(zoom, held);
      for (const old of this.#levels.keys()) if (this.#levels.size > ZOOMS_MOST) this.#levels.delete(old);
    } else this.#levels.clear();
    const now = new Map([...this.#levels.values()].flatMap((level) => Array.from(level.values(), (bundle) => [bundle.id, bundle])));
    for (const id of this.#shown.keys()) {
      if (now.has(id)) continue;
      for (const key of ["fate", "would"]) this.#states.dropHalves(id, key);
      this.#shown.delete(id);
    }
    if (fates) for (const bundle of now.values()) this.#turn(bundle, fates);
  }

  /** The bundles of these zooms. @returns {[zoom: number, Bundle][]} */
  get held() {
    return [...this.#levels].flatMap(([zoom, level]) => Array.from(new Set(level.values()), (bundle) => /** @type {[number, Bundle]} */ ([zoom, bundle])));
  }

  /** The fate or the load of some links is another. @param {Fates} fates @param {Iterable<string>} links */
  touch(fates, links) {
    for (const level of this.#levels.values()) {
      for (const bundle of new Set([...links].flatMap((id) => level.get(id) ?? []))) this.#turn(bundle, fates);
    }
  }

  /** @param {Bundle} bundle @param {Fates} fates */
  #turn({ id, links }, fates) {
    const fate = fateOfBundle(links, fates);
    const { loads } = busiestOf(this.#network, links, fates);
    const now = `${fate} ${loads.ab} ${loads.ba}`;
    if (this.#shown.get(id) === now) return;
    this.#shown.set(id, now);
    this.#states.setHalves(id, { fate, would: loads.ab }, { fate, would: loads.ba });
  }

  /** @param {number} zoom @returns {Map<string, Bundle>} */
  #gather(zoom) {
    const clusters = this.#clusters;
    if (!clusters || zoom > clusters.top) return new Map();
    const links = [...this.#network.links.values()];
    const bundles = bundlesOf(clusters.level(zoom), links, endsOf(links, (id) => clusters.numberOf(id)), zoom);
    return new Map(bundles.flatMap((bundle) => bundle.links.map(({ id }) => [id, bundle])));
  }
}
