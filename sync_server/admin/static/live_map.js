// @ts-check
/**
 * The window of the map in a browser: hands on what the server tells, shows what is clicked, finds. Counterparts: live/map_state.py
 * tells; map_assets/src/ draws, in the frame. One rule: nothing that is shown here can be changed from here.
 */

import { MapLink } from "./map_link.js";
import { MapPanel } from "./map_panel.js";

const FOUND_MOST = 8;
/** Nobody turns layers on or off here. */
const HIDDEN = ["latency"];

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const box = /** @type {HTMLElement} */ (document.querySelector(".map"));
const frame = /** @type {HTMLIFrameElement} */ (byId("frame"));
const folder = `${location.origin}${box.dataset.folder}`;
/** @type {[typeof import("../../../map_assets/src/parts.js"), typeof import("../../../map_assets/src/network.js"), typeof import("../../../map_assets/src/words.js"), typeof import("../../../map_assets/src/palette.js"), typeof import("../../../map_assets/src/symbols.js")]} */
const [{ Parts }, { Network }, words, { paletteOf }, { drawSymbol, FAULT_ORDER }] = /** @type {any} */ (
  await Promise.all(["parts", "network", "words", "palette", "symbols"].map((name) => import(`${folder}/src/${name}.js`)))
);
const light = matchMedia("(prefers-color-scheme: light)");
const theme = () => /** @type {ThemeName} */ (light.matches ? "light" : "dark");

const parts = new Parts();
const network = new Network();
/** @type {MessagePort | null} */
let page = null;
let ahead_us = 0;
let heard_us = 0;
let unplaced = 0;
let isLive = false;
/** Whether it was told what there is. */
let isTold = false;
/** When it was live last. */
let since = "";
/** Ids of devices and sites with their names as they are looked for. @type {{ id: string, name: string, plain: string }[] | null} */
let names = null;

const now_us = () => Date.now() * 1000 + ahead_us;
/** @param {FromWindow} message */
const tell = (message) => page?.postMessage(JSON.stringify(message));

const panel = new MapPanel(byId("panel"), {
  network,
  words,
  now_us,
  mayAlerts: box.dataset.alerts === "yes",
  symbol(canvas, status) {
    drawSymbol(canvas, status, paletteOf(theme()));
  },
  select(id, fly) {
    tell(id && fly ? { select: id, fly: id } : { select: id });
  },
});

const link = new MapLink({
  opened(welcome) {
    if (welcome.tenant_id !== document.body.dataset.tenant) location.reload(); // another window has entered another tenant
    ahead_us = welcome.now_us - Date.now() * 1000;
    isLive = true;
    showAway("");
  },
  told(part) {
    const text = JSON.stringify(part);
    const message = parts.read(text);
    const touched = network.take(message);
    page?.postMessage(text);
    const { reasons, unplaced: without, heard_us: heard } = /** @type {{ reasons?: Record<string, string>, unplaced?: number, heard_us?: number }} */ (part);
    panel.learn(message, reasons ?? {});
    if (touched.places || touched.sites) names = null;
    unplaced = without ?? unplaced;
    heard_us = heard ?? heard_us;
    isTold ||= !message.more;
    if (!message.more) show();
  },
  lost(why, wait_s) {
    if (isLive) since = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    isLive = false;
    showAway(`${why}${since && ` What is shown is as of ${since}.`} It is tried again in ${Math.max(1, Math.round(wait_s))} s.`);
  },
});

/** @param {string} text why nothing is told just now, or nothing */
function showAway(text) {
  byId("away").textContent = text;
  byId("away").hidden = !text;
  box.classList.toggle("is-away", Boolean(text));
  showAge();
}

function show() {
  showCounts();
  showNothing();
  showAge();
  panel.refresh();
}

function showCounts() {
  const counts = /** @type {Map<Status, number>} */ (new Map());
  for (const id of network.devices.keys()) {
    const { status } = network.healthOf(id);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  const chips = FAULT_ORDER.filter((status) => counts.get(status)).map((status) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = `bare map-count is-${status}`;
    chip.title = `Show what is ${status}`;
    const symbol = document.createElement("canvas");
    symbol.width = symbol.height = 48;
    drawSymbol(symbol, status, paletteOf(theme()));
    const number = document.createElement("strong");
    number.textContent = (counts.get(status) ?? 0).toLocaleString("en");
    const word = document.createElement("span");
    word.textContent = status;
    chip.append(symbol, number, word);
    chip.addEventListener("click", () => panel.list(status));
    return chip;
  });
  byId("counts").replaceChildren(...chips);
}

function showNothing() {
  const nothing = byId("nothing");
  nothing.hidden = network.devices.size > 0 || network.sites.size > 0;
  if (nothing.hidden) return;
  const head = document.createElement("h2");
  const said = document.createElement("p");
  head.textContent = unplaced ? "No device has a place yet" : "There is no device yet";
  said.textContent = unplaced
    ? `${unplaced.toLocaleString("en")} ${unplaced === 1 ? "device stands" : "devices stand"} nowhere. Drag them, or their sites, onto the map in the window.`
    : "Devices come from the windows that join this tenant: install Heliograph on a computer, log in to this server, and add or find devices. They are on this map a moment later.";
  nothing.replaceChildren(head, said);
}

function showAge() {
  const age_s = (now_us() - heard_us) / 1e6;
  const said = heard_us ? `last heard ${words.age(age_s)} ago` : network.devices.size ? "nothing heard yet" : "";
  byId("age").textContent = !byId("away").hidden ? "not live" : isLive && isTold ? said : "loading";
}

/** What the map says. @param {ToWindow} message */
function take(message) {
  if (message.type === "ready") {
    tell({ theme: theme(), basemap: { there: true, file: "world.pmtiles" }, camera: null, viewing: true, locked: true, layers: { order: [], usual: [], hidden: HIDDEN } });
    link.open();
  } else if (message.type === "idle") box.ariaBusy = null;
  else if (message.type === "device_clicked" || message.type === "link_clicked" || message.type === "site_clicked") panel.show(message.id);
  else if (message.type === "background_clicked") panel.close();
  else if (message.type === "hovered") tell({ card: message.id ? panel.card(message.id) : null });
}

addEventListener("message", ({ origin, source }) => {
  if (origin !== location.origin || source !== frame.contentWindow) return;
  const { port1, port2 } = new MessageChannel();
  page?.close();
  page = port1;
  port1.onmessage = ({ data }) => take(JSON.parse(data));
  frame.contentWindow?.postMessage("door", location.origin, [port2]);
});
frame.src = `${folder}/index.html`;
light.addEventListener("change", () => {
  tell({ theme: theme() });
  show();
});
setInterval(showAge, 1000);

// What is looked for

const find = /** @type {HTMLInputElement} */ (byId("find"));
const found = byId("found");
let at = 0;

/** @param {string} text */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {string} text @returns {{ id: string, name: string }[]} those that begin with it before those that hold it */
function matches(text) {
  names ??= [...network.devices.values(), ...network.sites.values()].map(({ id, name }) => ({ id, name, plain: plain(name) }));
  const parts = plain(text).split(/\s+/).filter(Boolean);
  if (!parts.length) return [];
  const holding = names.filter((one) => parts.every((part) => one.plain.includes(part)));
  const rank = (/** @type {{ plain: string }} */ one) => (one.plain.startsWith(parts[0]) ? 0 : 1);
  return holding.sort((a, b) => rank(a) - rank(b) || a.plain.localeCompare(b.plain)).slice(0, FOUND_MOST);
}

function showFound() {
  const rows = find.value.trim() ? matches(find.value) : [];
  at = Math.max(0, Math.min(at, rows.length - 1));
  found.replaceChildren(...rows.map(({ id, name }, i) => {
    const row = document.createElement("li");
    row.id = `found-${i}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(i === at));
    row.dir = "auto";
    row.textContent = name;
    row.title = name;
    row.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      choose(id);
    });
    return row;
  }));
  if (find.value.trim() && !rows.length) {
    const none = document.createElement("li");
    none.className = "quiet";
    none.textContent = "No device or site is called that";
    found.append(none);
  }
  found.hidden = !find.value.trim();
  find.setAttribute("aria-expanded", String(!found.hidden));
  if (rows.length) find.setAttribute("aria-activedescendant", `found-${at}`);
  else find.removeAttribute("aria-activedescendant");
}

/** @param {string} id */
function choose(id) {
  find.value = "";
  showFound();
  find.blur();
  tell({ fly: id });
  panel.show(id);
}

find.addEventListener("input", () => {
  at = 0;
  showFound();
});
find.addEventListener("blur", () => (found.hidden = true));
find.addEventListener("focus", showFound);
find.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    at += step;
    showFound();
  } else if (event.key === "Enter") {
    const row = matches(find.value)[at];
    if (row) choose(row.id);
  } else if (event.key === "Escape") {
    find.value = "";
    showFound();
  }
});
