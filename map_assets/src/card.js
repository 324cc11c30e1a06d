// The card beside the pointer. Counterpart: app/map/feed.py `card`, which says what stands in it.
// One rule: names come from devices and are hostile: text nodes only, never markup.

import { paletteOf } from "./palette.js";
import { drawSymbol } from "./symbols.js";

const REST_MS = 60;
const GAP_PX = 16;

/** @param {string} tag @param {string} className @param {string} text */
export function textElement(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export class HoverCard {
  #box;
  #send;
  /** @type {string | null} */
  #id = null;
  #at = { x: 0, y: 0 };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Card | null} */
  #shown = null;
  /** @type {ThemeName} */
  theme = "dark";
  /** What would become of a device or link, in words. @type {(id: string) => string} */
  wouldBe = () => "";

  /** @param {HTMLElement} box @param {Send} send */
  constructor(box, send) {
    this.#box = box;
    this.#send = send;
  }

  /** The pointer is on a device or link, or on neither. @param {string | null} id @param {{ x: number, y: number }} at */
  point(id, at) {
    this.#at = { x: at.x, y: at.y };
    if (id === this.#id) return this.#place();
    this.#id = id;
    this.#box.hidden = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send({ type: "hovered", id }), REST_MS);
  }

  /** Show what the window says of it. @param {Card | null} card */
  show(card) {
    this.#shown = card;
    if (!card || card.id !== this.#id) {
      this.#box.hidden = true;
      return;
    }
    const head = document.createElement("header");
    const symbol = document.createElement("canvas");
    symbol.width = symbol.height = 48;
    drawSymbol(symbol, card.status, paletteOf(this.theme));
    head.append(symbol, textElement("strong", "", card.title));
    const said = textElement("p", `said status-${card.status}`, card.said);
    const lines = document.createElement("dl");
    for (const [label, value] of card.lines) lines.append(textElement("dt", "", label), textElement("dd", "", value));
    const would = this.wouldBe(card.id);
    const notes = card.notes.map((note) => textElement("p", "note", note));
    this.#box.replaceChildren(head, ...(would ? [textElement("p", "would", would)] : []), said, ...notes, ...(card.reason ? [textElement("p", "reason", card.reason)] : []), lines);
    this.#box.hidden = false;
    this.#place();
  }

  /** Say it again: what would be is something else now. */
  refresh() {
    this.show(this.#shown);
  }

  #place() {
    if (this.#box.hidden) return;
    const { offsetWidth: width, offsetHeight: height } = this.#box;
    const [right, below] = [this.#at.x + GAP_PX, this.#at.y + GAP_PX];
    const x = right + width > innerWidth - 8 ? this.#at.x - GAP_PX - width : right;
    const y = below + height > innerHeight - 8 ? this.#at.y - GAP_PX - height : below;
    this.#box.style.transform = `translate(${Math.max(8, x)}px, ${Math.max(8, y)}px)`;
  }
}
