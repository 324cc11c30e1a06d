// @ts-check
/**
 * What is selected on the map, or all that has one status: name, status, since when, why. Counterpart: live_map.js; api/devices.py
 * and its kin, which are asked for what the map does not show. One rule: names come from devices and are hostile: text nodes only.
 */

import { renew } from "./session.js";

const LISTED_MOST = 200;
const WAIT_MS = 150;
/** @type {Record<Status, string>} */
const SENTENCES = {
  up: "Up", degraded: "Degraded", down: "Down", affected: "Affected", stale: "Not polled lately", unknown: "Not known", maintenance: "In maintenance",
};

/** @typedef {typeof import("../../../map_assets/src/words.js")} Words */
/**
 * @typedef {object} Around
 * @property {import("../../../map_assets/src/network.js").Network} network
 * @property {Words} words
 * @property {() => number} now_us
 * @property {boolean} mayAlerts
 * @property {(canvas: HTMLCanvasElement, status: Status) => void} symbol
 * @property {(id: string | null, fly?: boolean) => void} select marks a thing on the map
 */
/** @typedef {{ said: string, notes: string[], reason: string, lines: [string, string][], status: Status }} Told */
/** @typedef {{ address?: string, model?: string, role?: string, subscribers?: number, note?: string, reason?: string, heard_us?: number | null, region?: string }} Detail */
/** @typedef {{ title: string, reason: string, severity: string, opened_us: number, acknowledged_by: string }} AlertRow */

/** @param {string} tag @param {string} className @param {string} [text] */
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  made.dir = "auto";
  return made;
}

export class MapPanel {
  #box;
  #around;
  /** @type {string | null} */
  #id = null;
  /** @type {Status | null} */
  #listed = null;
  /** @type {Map<string, string>} */
  #reasons = new Map();
  /** @type {{ id: string, detail: Detail, alerts: AlertRow[] } | null} */
  #detail = null;
  #asking = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  /** @param {HTMLElement} box @param {Around} around */
  constructor(box, around) {
    this.#box = box;
    this.#around = around;
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !(event.target instanceof HTMLInputElement)) this.close();
    });
  }

  /** @param {FromWindow} message @param {Record<string, string>} reasons */
  learn({ reset, health = [] }, reasons) {
    if (reset) this.#reasons.clear();
    for (const { id } of health) this.#reasons.delete(id);
    for (const [id, reason] of Object.entries(reasons)) this.#reasons.set(id, reason);
    if (this.#id && health.some(({ id }) => id === this.#id)) this.#ask(this.#id);
  }

  /** Show a device, a link or a site. @param {string} id */
  show(id) {
    this.#id = id;
    this.#listed = null;
    this.#detail = null;
    this.#around.select(id);
    this.refresh();
    this.#ask(id);
  }

  /** Show all that has a status. @param {Status} status */
  list(status) {
    if (this.#listed === status) return this.close();
    this.#id = null;
    this.#listed = status;
    this.#around.select(null);
    this.refresh();
  }

  close() {
    if (this.#id) this.#around.select(null);
    this.#id = this.#listed = null;
    this.refresh();
  }

  /** Say what is so now. */
  refresh() {
    const { network } = this.#around;
    if (this.#id && !network.devices.has(this.#id) && !network.links.has(this.#id) && !network.sites.has(this.#id)) this.#id = null;
    this.#box.hidden = !this.#id && !this.#listed;
    if (this.#id) this.#box.replaceChildren(...this.#thing(this.#id));
    else if (this.#listed) this.#box.replaceChildren(...this.#list(this.#listed));
  }

  /** What stands beside the pointer. @param {string} id @returns {Card | null} */
  card(id) {
    const told = this.#told(id);
    return told && { id, title: this.#nameOf(id), ...told };
  }

  // What is so

  /** @param {string} id */
  #nameOf(id) {
    const { network } = this.#around;
    const link = network.links.get(id);
    if (!link) return (network.devices.get(id) ?? network.sites.get(id))?.name ?? "something out of your sight";
    return [link.a, link.b].map((end) => `\u2068${network.devices.get(end)?.name ?? "?"}\u2069`).join(" \u2013 ");
  }

  /** @param {string} id @returns {Told | null} */
  #told(id) {
    const { network } = this.#around;
    if (network.devices.has(id)) return this.#toldOfDevice(id);
    const link = network.links.get(id);
    if (link) return this.#toldOfLink(link);
    return network.sites.has(id) ? this.#toldOfSite(id) : null;
  }

  /** @param {string} id @returns {Told} */
  #toldOfDevice(id) {
    const { network } = this.#around;
    const { status, since_us, cause } = network.healthOf(id);
    const notes = [];
    if (status === "affected") notes.push(cause ? `Behind \u2068${this.#nameOf(cause)}\u2069, which has been down for ${this.#ageOf(network.healthOf(cause).since_us)}` : "What is before it does not answer");
    const behind = [...network.behind(id)].length;
    if (status === "down" && behind) notes.push(`${behind.toLocaleString("en")} ${behind === 1 ? "device is" : "devices are"} affected by it`);
    return { status, said: this.#sentence(status, since_us), notes, reason: this.#reasons.get(id) ?? "", lines: [] };
  }

  /** @param {LinkRow} link @returns {Told} */
  #toldOfLink(link) {
    const { network, words } = this.#around;
    const { status, ab_bps, ba_bps } = network.loadOf(link.id);
    /** @param {number | null} bps */
    const load = (bps) => (bps === null ? "not known" : words.rate(bps) + (link.capacity_bps ? `, ${Math.round((bps / link.capacity_bps) * 100)} %` : ""));
    /** @type {[string, string][]} */
    const lines = [[`To ${network.devices.get(link.b)?.name ?? "?"}`, load(ab_bps)], [`To ${network.devices.get(link.a)?.name ?? "?"}`, load(ba_bps)]];
    if (link.capacity_bps) lines.push(["Capacity", words.rate(link.capacity_bps)]);
    lines.push(["Kind", link.kind]);
    return { status, said: SENTENCES[status].toLowerCase(), notes: [], reason: "", lines };
  }

  /** @param {string} id @returns {Told} */
  #toldOfSite(id) {
    const { network } = this.#around;
    const site = /** @type {SiteRow} */ (network.sites.get(id));
    const counts = /** @type {Map<Status, number>} */ (new Map());
    for (const { id, lng, lat } of network.devices.values()) {
      if (lng !== site.lng || lat !== site.lat) continue;
      const { status } = network.healthOf(id);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    const order = /** @type {Status[]} */ (Object.keys(SENTENCES)).reverse();
    const worst = /** @type {Status[]} */ (["down", "affected", "degraded", "stale", "unknown", "maintenance", "up"]).find((status) => counts.has(status)) ?? "unknown";
    const said = order.filter((status) => counts.has(status)).map((status) => `${counts.get(status)} ${status}`).join(", ");
    return { status: worst, said: said || "no devices", notes: [], reason: "", lines: [] };
  }

  /** @param {number} us */
  #ageOf(us) {
    return this.#around.words.age((this.#around.now_us() - us) / 1e6);
  }

  /** @param {Status} status @param {number} since_us */
  #sentence(status, since_us) {
    const said = SENTENCES[status].toLowerCase();
    return since_us && status !== "unknown" && status !== "maintenance" ? `${said} for ${this.#ageOf(since_us)}` : said;
  }

  // What is shown

  /** @param {string} title */
  #head(title) {
    const head = element("header", "map-head");
    const close = element("button", "bare", "\u00d7");
    close.title = "Close (Esc)";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => this.close());
    head.append(element("h2", "", title), close);
    return head;
  }

  /** @param {Status} status */
  #symbol(status) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 48;
    this.#around.symbol(canvas, status);
    return canvas;
  }

  /** @param {string} id @returns {HTMLElement[]} */
  #thing(id) {
    const told = /** @type {Told} */ (this.#told(id));
    const said = element("p", `map-said is-${told.status}`);
    const sentence = element("span", "", told.said[0].toUpperCase() + told.said.slice(1));
    said.append(this.#symbol(told.status), sentence);
    const shown = [this.#head(this.#nameOf(id)), said];
    for (const note of told.notes) shown.push(element("p", "", note));
    const { detail, alerts } = this.#detail?.id === id ? this.#detail : { detail: /** @type {Detail} */ ({}), alerts: [] };
    const reason = told.reason && detail.reason ? detail.reason : told.reason;
    if (reason) shown.push(element("p", "map-reason", reason));
    const cause = this.#around.network.healthOf(id).cause;
    if (cause) shown.push(this.#way(cause, "Show the cause"));
    const lines = [...told.lines, ...this.#lines(detail)];
    if (lines.length) {
      const facts = element("dl", "facts");
      for (const [label, value] of lines) facts.append(element("dt", "", label), element("dd", "", value));
      shown.push(facts);
    }
    if (alerts.length) shown.push(element("h3", "", alerts.length === 1 ? "Alert" : "Alerts"), ...alerts.map((alert) => this.#alert(alert, reason)));
    return shown;
  }

  /** @param {Detail} detail @returns {[string, string][]} */
  #lines({ address, role, subscribers, heard_us, region, note }) {
    /** @type {[string, string | undefined | false | 0 | null][]} */
    const lines = [
      ["Address", address], ["Role", role], ["Subscribers", subscribers && subscribers.toLocaleString("en")],
      ["Heard", heard_us && `${this.#ageOf(heard_us)} ago`], ["Region", region], ["Note", note],
    ];
    return /** @type {[string, string][]} */ (lines.filter(([, value]) => value));
  }

  /** @param {AlertRow} alert @param {string} said what stands there already */
  #alert({ title, reason, opened_us, acknowledged_by }, said) {
    const box = element("div", "map-alert");
    const taken = acknowledged_by ? `taken by \u2068${acknowledged_by}\u2069` : "nobody has taken it";
    if (reason !== said) box.append(element("strong", "", title), element("p", "", reason));
    else box.append(element("strong", "", title));
    box.append(element("p", "quiet", `${this.#ageOf(opened_us)} ago, ${taken}`));
    return box;
  }

  /** @param {string} id @param {string} text */
  #way(id, text) {
    const button = element("button", "", text);
    button.addEventListener("click", () => {
      this.#around.select(id, true);
      this.show(id);
    });
    return button;
  }

  /** @param {Status} status @returns {HTMLElement[]} */
  #list(status) {
    const { network } = this.#around;
    const ids = [...network.devices.keys()].filter((id) => network.healthOf(id).status === status);
    ids.sort((a, b) => network.healthOf(b).since_us - network.healthOf(a).since_us);
    const list = element("ul", "map-list");
    for (const id of ids.slice(0, LISTED_MOST)) {
      const row = element("li", "");
      const { since_us } = network.healthOf(id);
      const button = this.#way(id, this.#nameOf(id));
      button.title = this.#nameOf(id);
      row.append(button, element("span", "quiet", since_us ? this.#ageOf(since_us) : ""));
      list.append(row);
    }
    const shown = [this.#head(`${SENTENCES[status]}: ${ids.length.toLocaleString("en")}`), list];
    if (ids.length > LISTED_MOST) shown.push(element("p", "quiet", `The ${LISTED_MOST} newest are shown.`));
    return shown;
  }

  /** Ask the server for what the map does not know; not more often than somebody can look. @param {string} id */
  #ask(id) {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => this.#read(id), WAIT_MS);
  }

  /** @param {string} id */
  async #read(id) {
    const { network, mayAlerts } = this.#around;
    const kind = network.devices.has(id) ? "devices" : network.links.has(id) ? "links" : "sites";
    const [detail, alerts] = await Promise.all([read(`${kind}/${id}`), mayAlerts ? read(`alerts?subject=${id}&limit=5`) : []]);
    if (this.#id !== id || !detail) return;
    this.#detail = { id, detail, alerts: alerts ?? [] };
    this.refresh();
  }
}

/** @param {string} path @returns {Promise<any>} what the API gives; null where it gives nothing */
async function read(path) {
  const ask = () => fetch(`/api/v1/${path}`);
  try {
    let response = await ask();
    if (response.status === 401 && (await renew())) response = await ask();
    return response.ok ? (await response.json()).data : null;
  } catch {
    return null; // the line to the server says so
  }
}
