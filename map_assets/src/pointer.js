// What the pointer and the keyboard do on the map. Counterpart: bridge.py's clicked, hovered and menu messages.
// One rule: the page selects nothing itself; it says what was clicked, and the window says what is selected.

import { CANDIDATES } from "./candidates.js";
import { FAN_LAYER, LINK_LAYERS, SITE_LAYERS } from "./layers.js";

/** @import { Map as MapLibre, MapMouseEvent, PointLike, MapGeoJSONFeature } from "../vendor/maplibre-gl.mjs" */
/** @import { Camera } from "./camera.js" */
/** @import { Drag } from "./drag.js" */
/** @import { Fan } from "./fan.js" */
/** @import { HoverCard } from "./card.js" */
/** @import { Painter } from "./painter.js" */
/** @import { Glass } from "./glass.js" */
/** @import { Joins } from "./joins.js" */
/** @import { Network } from "./network.js" */

const REACH_PX = 5;
const RING_ZOOM_STEP = 2;

/** @typedef {{ kind: "device" | "link" | "ring" | "site" | "candidate", id: string }} Hit */

/** What is under a point, topmost first. @param {MapLibre} map @param {Glass} glass @param {{ x: number, y: number }} point @returns {Hit | null} */
export function hitAt(map, glass, { x, y }) {
  const box = /** @type {[PointLike, PointLike]} */ ([[x - REACH_PX, y - REACH_PX], [x + REACH_PX, y + REACH_PX]]);
  const found = map.queryRenderedFeatures(box, { layers: [FAN_LAYER, ...SITE_LAYERS, ...LINK_LAYERS, CANDIDATES] });
  const inFan = found.filter(({ layer }) => layer.id === FAN_LAYER);
  const away = (/** @type {MapGeoJSONFeature} */ { geometry }) => {
    const at = map.project(/** @type {LngLat} */ (/** @type {import("geojson").Point} */ (geometry).coordinates));
    return Math.hypot(at.x - x, at.y - y);
  };
  if (inFan.length) return { kind: "device", id: inFan.reduce((a, b) => (away(b) < away(a) ? b : a)).properties.id };
  const stamped = glass.hit({ x, y }, REACH_PX);
  if (stamped) return stamped;
  const other = found[0];
  if (!other) return null;
  if (SITE_LAYERS.includes(other.layer.id)) return { kind: "site", id: other.properties.id };
  return { kind: other.layer.id === CANDIDATES ? "candidate" : "link", id: other.properties.link };
}

/**
 * @param {MapLibre} map @param {Network} network @param {Painter} painter @param {Camera} camera @param {Drag} drag
 * @param {Fan} fan @param {HoverCard} card @param {Joins} joins @param {Send} send
 */
export function listen(map, network, painter, camera, drag, fan, card, joins, send) {
  const canvas = map.getCanvas();

  map.on("click", (event) => {
    if (event.defaultPrevented) return;
    const hit = hitAt(map, painter.glass, event.point);
    if (hit?.kind === "ring") return openRing(hit.id);
    if (hit?.kind !== "device") fan.close();
    if (painter.imagining) {
      if (hit && hit.kind !== "candidate") send({ type: "what_if_toggled", id: hit.id });
      return;
    }
    if (hit?.kind === "candidate") return send({ type: "candidate_clicked", id: hit.id, x: event.point.x, y: event.point.y });
    if (hit) send({ type: /** @type {const} */ (`${hit.kind}_clicked`), id: hit.id });
    else send({ type: "background_clicked" });
  });

  /** @param {string} id */
  function openRing(id) {
    const ring = painter.ring(id);
    if (!ring) return;
    const members = ring.members.flatMap((member) => network.devices.get(member) ?? []);
    if (ring.stack) fan.open(members);
    else camera.show(members, 300, map.getZoom() + RING_ZOOM_STEP + 2);
  }

  map.on("dblclick", (event) => {
    if (event.defaultPrevented) return;
    const hit = hitAt(map, painter.glass, event.point);
    if (hit?.kind === "device") {
      event.preventDefault();
      camera.fly(hit.id, map.getZoom() + RING_ZOOM_STEP);
    }
  });

  map.on("contextmenu", (event) => {
    if (event.defaultPrevented || hitAt(map, painter.glass, event.point)) return;
    const { lng, lat } = event.lngLat.wrap();
    send({ type: "menu_asked", lng, lat, x: event.point.x, y: event.point.y });
  });

  let asked = false;
  /** @type {MapMouseEvent | null} */
  let last = null;
  const look = () => {
    if (last && !drag.active && !map.isMoving()) hover(last);
  };
  map.on("mousemove", (event) => {
    last = event;
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      look();
    });
  });
  // A pointer that rests sees what comes beneath it: a map that moved, a device that was added, a picture drawn late.
  map.on("idle", look);
  /** @param {MapMouseEvent} event */
  function hover(event) {
    const hit = hitAt(map, painter.glass, event.point);
    canvas.style.cursor = !hit ? "" : hit.kind === "device" && hit.id === painter.chosen && !painter.imagining && !drag.locked ? "move" : "pointer";
    rest(hit && hit.kind !== "ring" ? hit.id : null, event.point);
  }
  /** @param {string | null} id @param {{ x: number, y: number }} at */
  function rest(id, at = { x: 0, y: 0 }) {
    card.point(id, at);
    joins.point(id);
  }
  map.on("movestart", () => rest(null));
  map.on("zoomstart", () => fan.close());
  canvas.addEventListener("mouseleave", () => {
    last = null;
    rest(null);
  });

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if (event.key === "Escape") {
      if (!drag.cancel() && !fan.close()) send({ type: painter.imagining ? "what_if_left" : "background_clicked" });
    } else if (event.key === "Home") camera.fit();
  });
}
