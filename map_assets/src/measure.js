// What the page can say of itself: what is really drawn, how long it took, what went wrong. Counterpart: `Reported`, `Painted`.
// One rule: figures are asked of the map, never of our own mirror.

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Painter } from "./painter.js" */

let errors = 0;

/** Count what goes wrong in the page from now on, and tell the window of requests the content policy stopped. @param {Send} send */
export function watchErrors(send) {
  addEventListener("error", () => errors++);
  addEventListener("unhandledrejection", () => errors++);
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => send({ type: "blocked", url: blockedURI.slice(0, 2000) }));
}

/** An error of the map itself. @param {string} text */
export function complain(text) {
  errors++;
  console.error(text);
}

/** @param {MapLibre} map @param {number} token @param {number | null} firstIdle_s @returns {ToWindow} */
export function report(map, token, firstIdle_s) {
  const devices = new Set();
  const links = new Set();
  let inRings = 0;
  const rings = new Set();
  for (const { layer, properties } of map.queryRenderedFeatures({ layers: DRAWN })) {
    if (layer.id !== "rings") (layer.id.startsWith("link") ? links : devices).add(properties.link ?? properties.id);
    else if (!rings.has(properties.id)) {
      rings.add(properties.id);
      inRings += properties.total;
    }
  }
  const { lng, lat } = map.getCenter().wrap();
  return {
    type: "reported", token, first_idle_s: firstIdle_s, console_errors: errors,
    rendered_devices: devices.size + inRings, rendered_links: links.size, zoom: map.getZoom(), center: [lng, lat],
  };
}
const DRAWN = ["dots", "rings", "link-cable", "link-wireless", "link-unknown", "link-down"];

/** Tells the window when a tick is on the screen. */
export class PaintClock {
  /** @type {{ stamp_us: number, waits: boolean }[]} */
  #waiting = [];

  /** @param {MapLibre} map @param {Painter} painter @param {Send} send */
  constructor(map, painter, send) {
    map.on("render", () => {
      const done = this.#waiting.filter(({ waits }) => !waits || painter.settled);
      if (done.length === 0) return;
      this.#waiting = this.#waiting.filter((tick) => !done.includes(tick));
      requestAnimationFrame(() => {
        const painted_us = Math.round((performance.timeOrigin + performance.now()) * 1000);
        for (const { stamp_us } of done) send({ type: "painted", stamp_us, painted_us });
      });
    });
  }

  /** A tick has been handed to the map. @param {number} stamp_us @param {boolean} waits part of it is not in the next frame @param {MapLibre} map */
  expect(stamp_us, waits, map) {
    this.#waiting.push({ stamp_us, waits });
    map.triggerRepaint();
  }
}
