// The page: builds the map when the window's first message comes, then takes one message after the other.
// Counterpart: app/map/view.py. One rule: everything shown can be sent again at any time, so the page keeps no secrets.

import * as maplibre from "../vendor/maplibre-gl.mjs";
import { Clusters } from "./clusters.js";
import { basemapLayers, BASEMAP, openBasemap, protocol } from "./basemap.js";
import { Camera, startOf } from "./camera.js";
import { HoverCard } from "./card.js";
import { openChannel } from "./channel.js";
import { follow } from "./clock.js";
import { Drag } from "./drag.js";
import { Fan } from "./fan.js";
import { FATE_WORDS } from "./fates.js";
import { fontFaces } from "./fonts.js";
import { notice, putButtons, putCredits, putLegend, putScale } from "./furniture.js";
import { Glass } from "./glass.js";
import { Joins } from "./joins.js";
import { complain, PaintClock, report, watchErrors } from "./measure.js";
import { Network } from "./network.js";
import { Overlays } from "./overlay.js";
import { isOwn } from "./own_maps.js";
import { Painter } from "./painter.js";
import { dressPage, paletteOf } from "./palette.js";
import { Parts } from "./parts.js";
import { listen } from "./pointer.js";
import { Pulses } from "./pulse.js";
import { Stack } from "./stack.js";
import { Tiler } from "./tiler.js";
import { NETWORK } from "./tiles.js";
import { Frame } from "./what_if.js";

/** @import { Touched } from "./network.js" */

/** @param {string} path */
const address = (path) => new URL(`../${path}`, import.meta.url).href;

/** @type {string[]} */
const early = [];
/** @type {((text: string) => void) | null} */
let take = null;

const send = await openChannel((text) => (take ? take(text) : early.push(text)));
watchErrors(send);
for (const weight of [400, 500, 600]) document.fonts.load(`${weight} 12px Inter`);
send({ type: "ready" });
const network = new Network();
const parts = new Parts();
const tiler = new Tiler();
/** @type {FromWindow} */
const first = {};
for (let more = true; more; ) {
  const text = /** @type {string} */ (early.shift() ?? (await new Promise((resolve) => (take = resolve))));
  take = null;
  const { message } = learn(text);
  Object.assign(first, message);
  more = Boolean(message.more);
}
const page = await build(first);
take = page;
early.splice(0).forEach(page);

/** Tell both mirrors of the network. @param {string} text */
function learn(text) {
  const message = parts.read(text);
  const learnt = network.take(message);
  tiler.take(message, text, learnt.turned);
  return { message, learnt };
}

/** Build the map as the first message has it. @param {FromWindow} first @returns {Promise<(text: string) => void>} takes the others */
async function build(first) {
  const { theme = "dark", basemap = { there: false, file: "" }, camera: view } = first;
  follow(first.past);
  const rows = [...network.devices.values()];
  const planned = tiler.plan();
  dressPage(theme);
  maplibre.setWorkerUrl(address("vendor/maplibre-gl-worker.mjs"));
  maplibre.addProtocol("pmtiles", protocol.tile);
  maplibre.addProtocol(NETWORK, tiler.protocol);
  const ground = await openBasemap(basemap, notice);
  const palette = paletteOf(theme);
  const map = new maplibre.Map({
    container: "map",
    style: {
      version: 8,
      "font-faces": fontFaces(address),
      sources: ground ? { [BASEMAP]: ground } : {},
      layers: [
        { id: "ground", type: "background", paint: { "background-color": palette.basemap.land } },
        ...(ground ? basemapLayers(palette.basemap) : []),
      ],
    },
    ...startOf(view, network),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    maxZoom: 18,
    fadeDuration: 0,
    clickTolerance: 4,
    localIdeographFontFamily: "Inter, sans-serif",
  });
  skipSky(map);
  map.on("webglcontextrestored", () => skipSky(map));
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.on("error", (event) => {
    if ("sourceId" in event && event.sourceId === BASEMAP) notice("Parts of the map file cannot be read; the network is drawn all the same.");
    else if (!("sourceId" in event) || !isOwn(event.sourceId)) complain(String(event.error?.message ?? event.error));
  });
  await map.once("style.load");

  const stack = new Stack(map);
  const painter = new Painter(map, stack, tiler, new Glass(map, network, theme), network, new Clusters(await planned, rows), theme);
  const camera = new Camera(map, network, send, Boolean(view) || network.devices.size > 0, !view);
  const overlays = new Overlays({ map, network, painter, camera, stack, send }, theme);
  const card = new HoverCard(/** @type {HTMLElement} */ (document.getElementById("card")), send);
  const drag = new Drag(map, network, painter, send);
  const fan = new Fan(map, network, painter, send);
  const joins = new Joins(network, painter);
  painter.laid = () => {
    overlays.laid();
    joins.refresh();
  };
  const pulses = new Pulses(map, network);
  const clock = new PaintClock(map, painter, send);
  /** @type {number | null} */
  let firstIdle_s = null;
  let dressed = theme;
  listen(map, network, painter, camera, drag, fan, card, joins, send);
  putButtons(map, camera, send, first.viewing ?? false);
  putCredits();
  putLegend(palette);
  putScale(map);
  card.theme = theme;
  card.wouldBe = (id) => {
    const fate = painter.fateOf(id);
    return fate ? FATE_WORDS[fate] : "";
  };
  const frame = new Frame(send);
  imagine(first);
  drag.locked = first.locked ?? false;
  if (first.layers) painter.arrange(first.layers);
  overlays.take(first, { fresh: true, places: true, moved: [], sites: true, health: [...network.devices.keys()], turned: [], loads: [...network.loads.keys()] });
  if (first.stamp_us) clock.expect(first.stamp_us, "all", map);
  if (first.select) painter.choose(first.select);
  if (first.report !== undefined) send(report(map, painter, first.report, null));
  map.on("move", () => putScale(map));
  map.once("idle", () => {
    firstIdle_s = performance.now() / 1000;
    send({ type: "idle", after_ms: performance.now() });
  });

  /** @param {FromWindow} message */
  function imagine({ what_if: whatIf }) {
    if (!whatIf) return;
    const shown = whatIf.on ? whatIf : null;
    painter.imagine(shown);
    frame.show(shown, paletteOf(dressed));
    card.refresh();
  }

  /** What parts of a message have touched that go on. @type {Touched | null} */
  let begun = null;

  return (text) => {
    const { message, learnt } = learn(text);
    const touched = joined(begun, learnt);
    begun = message.more ? touched : null;
    if (begun) return;
    if (message.theme) {
      dressPage(message.theme);
      card.theme = message.theme;
      putLegend(paletteOf(message.theme));
      frame.setTheme(paletteOf(message.theme));
      dressed = message.theme;
      putScale(map);
      map.setPaintProperty("ground", "background-color", paletteOf(message.theme).basemap.land);
      if (ground) stack.put(basemapLayers(paletteOf(message.theme).basemap));
      painter.setTheme(message.theme);
      overlays.setTheme(message.theme);
    }
    follow(message.past);
    const shown = painter.paint(touched);
    pulses.follow(touched.health);
    if (touched.health.length) joins.refresh();
    if (touched.places) {
      drag.settle();
      fan.close();
      camera.follow();
    } else if (touched.health.length || touched.loads.length) fan.refresh();
    imagine(message);
    drag.locked = message.locked ?? drag.locked;
    if (message.layers) painter.arrange(message.layers);
    overlays.take(message, touched);
    if (message.select !== undefined) {
      painter.choose(message.select);
      fan.refresh();
    }
    if (message.fit) camera.fit();
    if (message.fly) camera.fly(message.fly);
    if (message.fly) fan.openThere(message.fly);
    if (message.frame_box) camera.frame(message.frame_box);
    if (message.card !== undefined) card.show(message.card);
    if (message.stamp_us) clock.expect(message.stamp_us, shown, map);
    if (message.report !== undefined) send(report(map, painter, message.report, firstIdle_s));
  };
}

/** What two parts of a message have touched; the first takes in the second. @param {Touched | null} a @param {Touched} b @returns {Touched} */
function joined(a, b) {
  if (!a) return b;
  for (const id of b.health) a.health.push(id);
  for (const id of b.loads) a.loads.push(id);
  for (const id of b.moved) a.moved.push(id);
  return { ...a, fresh: a.fresh || b.fresh, places: a.places || b.places, sites: a.sites || b.sites };
}

/**
 * A flat map has no sky, yet MapLibre paints a transparent one over the whole canvas in each frame: without a graphics device
 * that costs three times as much as the network (130 of 175 ms a frame at 1280 x 800).
 * @param {maplibre.Map} map
 */
function skipSky(map) {
  map.painter.drawFunctions = { ...map.painter.drawFunctions, sky: () => {} };
}
