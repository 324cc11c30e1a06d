// The page's mirror of the network: what stands where, how it fares. No map, no drawing. Counterpart: app/map/feed.py.
// One rule: only `take` changes it, and it answers what was touched.

import { ALONE, lanesOf } from "./lanes.js";

/** `fresh`: everything is new; `moved`: devices that stood elsewhere; `turned`: those that fell silent, answer again, or are so by another cause. @typedef {{ fresh: boolean, places: boolean, moved: string[], sites: boolean, health: string[], turned: HealthRow[], loads: string[] }} Touched */

/** How a half-link is drawn that is up but whose load is not known; from zero to five it is its load class. */
export const LOAD_NOT_KNOWN = 6;
export const LOAD_UNKNOWN = -1;
/** Silent because of a cause elsewhere. */
export const LOAD_AFFECTED = -2;
/** Drawn by another source: it is down by itself. The least of all, so that a bundle shows whatever else is in it. */
export const LOAD_HIDDEN = -3;
/** Two places closer than this are one. */
const SAME_PLACE_DEG = 1e-6;

/** Health of a device nobody has asked yet. @type {HealthRow} */
const NOT_ASKED = { id: "", status: "unknown", since_us: 0 };

/** Whether nothing answers there, whatever the cause. @param {Status} status */
const isSilent = (status) => status === "down" || status === "affected";

/** Load of a link nobody has told of yet. @type {LoadRow} */
const NOT_TOLD = { id: "", status: "unknown", ab_bps: null, ba_bps: null, ab_class: null, ba_class: null };

export class Network {
  /** Whether places are those of a paper: nothing is merged there but what stands at one place. */
  onPaper = false;
  /** How many messages it has taken. */
  taken = 0;
  /** @type {Map<string, DeviceRow>} */
  devices = new Map();
  /** @type {Map<string, LinkRow>} */
  links = new Map();
  /** @type {Map<string, HealthRow>} */
  #health = new Map();
  /** The sites that have a place. @type {Map<string, SiteRow>} */
  sites = new Map();
  /** @type {Map<string, LoadRow>} */
  loads = new Map();
  /** Ids of the links that end at a device; made when somebody asks. @type {Map<string, string[]> | null} */
  #linksAt = null;
  /** Where the links stand that are not alone between their ends; made when somebody asks. @type {ReturnType<typeof lanesOf> | null} */
  #lanes = null;
  /** What is affected by a cause. @type {Map<string, Set<string>>} */
  #behind = new Map();

  /** @param {string} id */
  healthOf(id) {
    return this.#health.get(id) ?? NOT_ASKED;
  }

  /** @param {string} id */
  loadOf(id) {
    return this.loads.get(id) ?? NOT_TOLD;
  }

  /** @param {FromWindow} message @returns {Touched} */
  take({ reset, paper, devices = [], links = [], sites = [], gone = [], health = [], loads = [] }) {
    this.taken++;
    if (paper !== undefined) this.onPaper = paper !== null;
    if (reset) for (const table of [this.devices, this.links, this.sites, this.#health, this.loads]) table.clear();
    if (reset) this.#behind.clear();
    const moved = devices.filter(({ id, lng, lat }) => {
      const old = this.devices.get(id);
      return old && (old.lng !== lng || old.lat !== lat);
    });
    for (const row of devices) this.devices.set(row.id, row);
    for (const row of links) this.links.set(row.id, row);
    for (const row of sites) this.sites.set(row.id, row);
    for (const id of gone) {
      this.#setCause(id, undefined);
      for (const table of [this.devices, this.links, this.sites, this.#health, this.loads]) table.delete(id);
    }
    if (reset || links.length || gone.length) [this.#linksAt, this.#lanes] = [null, null];
    const touched = new Set(loads.map((row) => row.id));
    const turned = [];
    for (const row of health) {
      const was = this.healthOf(row.id).status;
      const turns = was !== row.status && (isSilent(was) || isSilent(row.status));
      const behind = turns ? this.#linksBehind(row.id) : [];
      this.#setCause(row.id, row.cause);
      this.#health.set(row.id, row);
      if (!turns) continue;
      turned.push(row);
      const now = this.#linksBehind(row.id);
      for (const id of [...behind, ...now]) if (!behind.includes(id) || !now.includes(id)) touched.add(id);
    }
    for (const row of loads) this.loads.set(row.id, row);
    return {
      fresh: Boolean(reset),
      places: Boolean(reset || devices.length || links.length || gone.length),
      moved: moved.map(({ id }) => id),
      sites: Boolean(reset || sites.length || gone.length),
      health: health.map((row) => row.id),
      turned,
      loads: [...touched],
    };
  }

  /** How the halves of a link are drawn. @param {string} id */
  drawnLoads(id) {
    const { status, ab_class, ba_class } = this.loadOf(id);
    const link = this.links.get(id);
    if (link !== undefined && this.isBehind(link)) return { ab: LOAD_AFFECTED, ba: LOAD_AFFECTED };
    return { ab: drawnAs(status, ab_class), ba: drawnAs(status, ba_class) };
  }

  /** Ids of the links that end at a device. @param {string} device */
  linksAt(device) {
    return (this.#linksAt ??= this.#joinLinks()).get(device) ?? [];
  }

  /** Where a link stands beside others between the same two devices. @param {string} link */
  laneOf(link) {
    return (this.#lanes ??= lanesOf(this.links.values())).get(link) ?? ALONE;
  }

  /** What a device or link takes with it. @param {string} cause @returns {Iterable<string>} ids of devices */
  behind(cause) {
    return this.#behind.get(cause) ?? [];
  }

  /** Whether a link is silent because of a cause elsewhere: both its ends are, and one at least is affected. @param {LinkRow} link */
  isBehind({ a, b }) {
    const one = this.healthOf(a).status;
    if (!isSilent(one)) return false;
    const other = this.healthOf(b).status;
    return isSilent(other) && (one === "affected" || other === "affected");
  }

  /** Ids of the links of a device that are silent because of a cause elsewhere. @param {string} device */
  #linksBehind(device) {
    return this.linksAt(device).filter((id) => this.isBehind(/** @type {LinkRow} */ (this.links.get(id))));
  }

  #joinLinks() {
    const linksAt = /** @type {Map<string, string[]>} */ (new Map());
    for (const { id, a, b } of this.links.values()) {
      for (const end of [a, b]) {
        const there = linksAt.get(end);
        if (there) there.push(id);
        else linksAt.set(end, [id]);
      }
    }
    return linksAt;
  }

  /** @param {string} id @param {string | undefined} cause */
  #setCause(id, cause) {
    const old = this.healthOf(id).cause;
    if (old === cause) return;
    const behind = this.#behind.get(old ?? "");
    behind?.delete(id);
    if (behind?.size === 0) this.#behind.delete(old ?? "");
    if (cause === undefined) return;
    const now = this.#behind.get(cause);
    if (now) now.add(id);
    else this.#behind.set(cause, new Set([id]));
  }

  /** The site that stands at a place, if one does. @param {{ lng: number, lat: number }} place */
  siteAt({ lng, lat }) {
    return Array.from(this.sites.values()).find((site) => Math.max(Math.abs(site.lng - lng), Math.abs(site.lat - lat)) < SAME_PLACE_DEG);
  }

  /** The ends and bends of a link, from a to b, or null where an end has no place. @param {LinkRow} link @returns {LngLat[] | null} */
  pathOf(link) {
    const [a, b] = [this.devices.get(link.a), this.devices.get(link.b)];
    return a && b ? [[a.lng, a.lat], ...link.path, [b.lng, b.lat]] : null;
  }
}

/** @param {LinkStatus} status @param {number | null} load */
function drawnAs(status, load) {
  if (status === "down") return LOAD_HIDDEN;
  if (load !== null) return load;
  return status === "up" ? LOAD_NOT_KNOWN : LOAD_UNKNOWN;
}
