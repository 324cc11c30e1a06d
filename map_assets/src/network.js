// The page's mirror of the network: what stands where, how it fares. No map, no drawing. Counterpart: app/map/feed.py.
// One rule: only `take` changes it, and it answers what was touched.

/** @typedef {{ places: boolean, health: string[], loads: string[] }} Touched */

/** Health of a device nobody has asked yet. @type {HealthRow} */
const NOT_ASKED = { id: "", status: "unknown", since_us: 0 };

/** Load of a link nobody has told of yet. @type {LoadRow} */
const NOT_TOLD = { id: "", status: "unknown", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null };

export class Network {
  /** @type {Map<string, DeviceRow>} */
  devices = new Map();
  /** @type {Map<string, LinkRow>} */
  links = new Map();
  /** @type {Map<string, HealthRow>} */
  #health = new Map();
  /** @type {Map<string, LoadRow>} */
  loads = new Map();

  /** @param {string} id */
  healthOf(id) {
    return this.#health.get(id) ?? NOT_ASKED;
  }

  /** @param {string} id */
  loadOf(id) {
    return this.loads.get(id) ?? NOT_TOLD;
  }

  /** @param {FromWindow} message @returns {Touched} */
  take({ reset, devices = [], links = [], gone = [], health = [], loads = [] }) {
    if (reset) for (const table of [this.devices, this.links, this.#health, this.loads]) table.clear();
    for (const row of devices) this.devices.set(row.id, row);
    for (const row of links) this.links.set(row.id, row);
    for (const id of gone) for (const table of [this.devices, this.links, this.#health, this.loads]) table.delete(id);
    for (const row of health) this.#health.set(row.id, row);
    for (const row of loads) this.loads.set(row.id, row);
    return {
      places: Boolean(reset || devices.length || links.length || gone.length),
      health: health.map((row) => row.id),
      loads: loads.map((row) => row.id),
    };
  }

  /** The ends and bends of a link, from a to b, or null where an end has no place. @param {LinkRow} link @returns {LngLat[] | null} */
  pathOf(link) {
    const [a, b] = [this.devices.get(link.a), this.devices.get(link.b)];
    return a && b ? [[a.lng, a.lat], ...link.path, [b.lng, b.lat]] : null;
  }
}
