// What steps back and what comes forward: the fates that feature-state has of devices and links. Counterpart: painter.js.
// Theory: inside the what-if frame whatever has no fate is "aside"; under a filter whatever does not match is, but for faults,
// which nothing hides. Both are a `Fates`, and only what differs from what was shown is set.
// One rule: outside of both nothing has a fate.

import { LOAD_NOT_KNOWN } from "./network.js";

/** @import { Fate, Fates } from "./fates.js" */
/** @import { Network } from "./network.js" */
/** @import { States } from "./states.js" */

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
    for (const table of /** @type {const} */ (["devices", "links"])) {
      const [was, now] = [this.#shown[table], /** @type {Map<string, string>} */ (new Map())];
      if (fates) for (const id of this.#network[table].keys()) now.set(id, fates[table].get(id) ?? "aside");
      for (const id of new Set([...was.keys(), ...now.keys()])) {
        const state = { fate: now.get(id) ?? "" };
        if (was.get(id) === now.get(id)) continue;
        if (table === "devices") this.#states.set("devices", id, state);
        else this.#states.setHalves(id, state, state);
      }
      this.#shown[table] = now;
    }
    // What is down goes on being drawn as such.
    const loads = [...(fates?.loads.values() ?? [])].filter(({ id }) => this.#network.loadOf(id).status !== "down");
    for (const id of this.#would) this.#states.setHalves(id, { would: null }, { would: null });
    for (const { id, ab_class: ab, ba_class: ba } of loads) {
      this.#states.setHalves(id, { would: ab ?? LOAD_NOT_KNOWN }, { would: ba ?? LOAD_NOT_KNOWN });
    }
    this.#would = new Set(loads.map(({ id }) => id));
  }
}
