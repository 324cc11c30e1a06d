// What the page can say of itself: what is really drawn, how long it took, what went wrong. Counterpart: `Reported`, `Painted`.
// One rule: figures are asked of what draws, the map and the glass, never of our own mirror.

import { LINK_LAYERS } from "./layers.js";

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

/** Whether all that the page was told is drawn, and the map rests. @param {MapLibre} map @param {Painter} painter */
export const isSettled = (map, painter) => painter.settled && map.loaded() && !map.isMoving();

/** @param {MapLibre} map @param {Painter} painter @param {number} token @param {number | null} firstIdle_s @returns {ToWindow} */
export function report(map, painter, token, firstIdle_s) {
  const links = new Set(map.queryRenderedFeatures({ layers: LINK_LAYERS }).map(({ properties }) => properties.link));
  const { lng, lat } = map.getCenter().wrap();
  return {
    type: "reported", token, first_idle_s: firstIdle_s, console_errors: errors,
    rendered_devices: painter.glass.devices, rendered_links: links.size, settled: isSettled(map, painter), zoom: map.getZoom(), center: [lng, lat],
  };
}

/**
 * What a tick is on the screen with: a frame of the glass, one of the map, or the one that has everything that is on its way.
 * @typedef {"glass" | "map" | "all"} Shown
 */

/** Tells the window when a tick is on the screen. */
export class PaintClock {
  /** @type {{ stamp_us: number, with: Shown }[]} */
  #waiting = [];
  #send;

  /** @param {MapLibre} map @param {Painter} painter @param {Send} send */
  constructor(map, painter, send) {
    this.#send = send;
    map.on("render", () => this.#tell((shown) => shown === "map" || (shown === "all" && painter.settled)));
    painter.glass.drawn = () => this.#tell((shown) => shown === "glass");
  }

  /** A tick has been handed on. @param {number} stamp_us @param {Shown} shown @param {MapLibre} map */
  expect(stamp_us, shown, map) {
    this.#waiting.push({ stamp_us, with: shown });
    if (shown !== "glass") map.triggerRepaint();
  }

  /** @param {(shown: Shown) => boolean} isThere */
  #tell(isThere) {
    const done = this.#waiting.filter((tick) => isThere(tick.with));
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((tick) => !done.includes(tick));
    requestAnimationFrame(() => {
      const painted_us = Math.round((performance.timeOrigin + performance.now()) * 1000);
      for (const { stamp_us } of done) this.#send({ type: "painted", stamp_us, painted_us });
    });
  }
}
