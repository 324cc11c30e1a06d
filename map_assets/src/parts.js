// Reads the parts of a message, and makes rows of their columns. Pure. Counterpart: domain/map_parts.py says why and how they are laid out.
// One rule: whoever reads parts reads all of them, in order: things are named by the number they were told as.

/** A thing's number among those that the message has told, or its id. @typedef {number | string} Name */
/** @typedef {{ id: string[], name: string[], role: Role[], lng: number[], lat: number[] }} DeviceColumns */
/** `path`: of the few that have bends, by their place. @typedef {{ id: string[], a: Name[], b: Name[], kind: LinkRow["kind"][], capacity_bps: number[], path?: Record<number, LngLat[]> }} LinkColumns */
/** @typedef {{ id: Name[], status: Status[], since_us: number[], cause?: Record<number, string> }} HealthColumns */
/** @typedef {{ id: Name[], status: LinkStatus[], ab_bps: (number | null)[], ba_bps: (number | null)[], ab_class: (number | null)[], ba_class: (number | null)[], lag?: Record<number, [number, number]> }} LoadColumns */
/** @typedef {{ devices?: DeviceColumns, links?: LinkColumns, health?: HealthColumns, loads?: LoadColumns }} Columns */
/** @typedef {Omit<FromWindow, keyof Columns> & Columns} Part */

/** The bends of most links; nobody changes those of a row. @type {LngLat[]} */
const STRAIGHT = [];

export class Parts {
  /** Ids in the order in which the message told them. @type {string[]} */
  #told = [];

  /** @param {string} text @returns {FromWindow} a message or one part of it */
  read(text) {
    const { devices, links, health, loads, ...rest } = /** @type {Part} */ (JSON.parse(text));
    const message = /** @type {FromWindow} */ (rest);
    if (devices) message.devices = this.#tell(devices.id).map((id, i) => ({ id, name: devices.name[i], role: devices.role[i], lng: devices.lng[i], lat: devices.lat[i] }));
    if (links) message.links = this.#readLinks(links);
    if (health) message.health = this.#readHealth(health);
    if (loads) message.loads = this.#readLoads(loads);
    if (!message.more) this.#told = [];
    return message;
  }

  /** @param {string[]} ids */
  #tell(ids) {
    for (const id of ids) this.#told.push(id);
    return ids;
  }

  /** @param {Name} name */
  #idOf(name) {
    return typeof name === "number" ? this.#told[name] : name;
  }

  /** @param {LinkColumns} columns @returns {LinkRow[]} */
  #readLinks({ id, a, b, kind, capacity_bps, path = {} }) {
    return this.#tell(id).map((id, i) => ({ id, a: this.#idOf(a[i]), b: this.#idOf(b[i]), kind: kind[i], capacity_bps: capacity_bps[i], path: path[i] ?? STRAIGHT }));
  }

  /** @param {HealthColumns} columns @returns {HealthRow[]} */
  #readHealth({ id, status, since_us, cause = {} }) {
    return id.map((name, i) => ({ id: this.#idOf(name), status: status[i], since_us: since_us[i], cause: cause[i] }));
  }

  /** @param {LoadColumns} columns @returns {LoadRow[]} */
  #readLoads({ id, status, ab_bps, ba_bps, ab_class, ba_class, lag = {} }) {
    return id.map((name, i) => ({ id: this.#idOf(name), status: status[i], ab_bps: ab_bps[i], ba_bps: ba_bps[i], ab_class: ab_class[i], ba_class: ba_class[i], lag: lag[i] }));
  }
}
