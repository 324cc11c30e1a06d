// @ts-check
/**
 * The line to the server over which the map is told: opened, kept, opened again. Counterpart: live/map_door.py.
 * One rule: whatever ends it, it says since when, and when it tries again.
 */

import { csrf, renew } from "./session.js";

const TOKEN = "/api/v1/auth/stream-token";
const PATH = "/api/v1/live/map";
const WAIT_S = [1, 2, 4, 8, 16, 30];
const DEAD_S = 15;
/** After these the page itself is asked for again: it says what is so now. */
const FINAL = ["NOT_A_MEMBER", "SESSION_OVER"];
const ALIVE = new TextEncoder().encode("{}");

/** @typedef {{ tenant_id: string, now_us: number }} Welcome */
/** @typedef {{ welcome: Welcome } | { map: Record<string, unknown> } | { alive: true } | { refused: { code: string, message: string, retry_after_s: number } }} Frame */
/** @typedef {{ opened: (welcome: Welcome) => void, told: (part: Record<string, unknown>) => void, lost: (why: string, wait_s: number) => void }} Listener */

export class MapLink {
  #listener;
  #tries = 0;
  #socket = /** @type {WebSocket | null} */ (null);
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #dead = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #said = { why: "", wait_s: 0 };

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
    const again = () => {
      if (!this.#socket && document.visibilityState === "visible") this.open();
    };
    addEventListener("online", again);
    document.addEventListener("visibilitychange", again);
  }

  /** Open it, and all is told anew. */
  async open() {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#said = { why: "No answer from the server.", wait_s: 0 };
    const token = await this.#token();
    if (!token) return;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${PATH}`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => socket.send(new TextEncoder().encode(JSON.stringify({ token }))));
    socket.addEventListener("message", ({ data }) => this.#take(socket, JSON.parse(new TextDecoder().decode(data))));
    socket.addEventListener("close", () => this.#end(socket));
    this.#watch(socket);
  }

  /** @returns {Promise<string | null>} null where there is none; it is tried again, or the page is left */
  async #token() {
    const ask = () => fetch(TOKEN, { method: "POST", headers: csrf() });
    try {
      let response = await ask();
      if (response.status === 401 && (await renew())) response = await ask();
      if (response.ok) return (await response.json()).data.token;
      if (response.status === 401) location.reload();
      else this.#wait(response.status >= 500 ? "The server has a fault." : "The server lets nobody in just now.");
    } catch {
      this.#wait("No answer from the server.");
    }
    return null;
  }

  /** @param {WebSocket} socket @param {Frame} frame */
  #take(socket, frame) {
    if (socket !== this.#socket) return;
    this.#watch(socket);
    if ("welcome" in frame) {
      this.#tries = 0;
      this.#listener.opened(frame.welcome);
    } else if ("map" in frame) this.#listener.told(frame.map);
    else if ("refused" in frame) {
      const { code, retry_after_s } = frame.refused;
      if (FINAL.includes(code)) location.reload();
      this.#said = { why: code === "CLOSING" ? "The server starts anew." : "The server lets nobody in just now.", wait_s: retry_after_s };
    } else if (socket.readyState === WebSocket.OPEN) socket.send(ALIVE);
  }

  /** What says nothing for long is not there any more. @param {WebSocket} socket */
  #watch(socket) {
    clearTimeout(this.#dead);
    this.#dead = setTimeout(() => {
      socket.close();
      this.#end(socket);
    }, DEAD_S * 1000);
  }

  /** @param {WebSocket} socket */
  #end(socket) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#dead);
    this.#wait(this.#said.why, this.#said.wait_s);
  }

  /** @param {string} why @param {number} [least_s] */
  #wait(why, least_s = 0) {
    this.#socket = null;
    const usual_s = WAIT_S[Math.min(this.#tries++, WAIT_S.length - 1)];
    const wait_s = Math.max(least_s, usual_s) * (0.9 + Math.random() / 5);
    this.#timer = setTimeout(() => this.open(), wait_s * 1000);
    this.#listener.lost(why, wait_s);
  }
}
