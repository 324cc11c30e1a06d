// What the window's filter leaves of the map: what does not match steps back, and a label says so. Counterpart: app/map/sieve.py.
// One rule: as long as anything is put aside the label is there, and a click on it or Escape brings everything back.

import { textElement } from "./card.js";

/** @import { Stage } from "./overlay.js" */

export class Sieve {
  #stage;
  #box = document.createElement("button");
  #said = textElement("strong", "", "");
  #count = textElement("span", "", "");
  #shown = false;
  /** Ids of the devices that match. @type {Set<string>} */
  #kept = new Set();

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#box.id = "sieve";
    this.#box.type = "button";
    this.#box.hidden = true;
    this.#box.title = "Show everything again";
    this.#box.append(this.#said, this.#count, textElement("span", "key", "Esc"));
    this.#box.addEventListener("click", () => stage.send({ type: "filter_left" }));
    document.body.append(this.#box);
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.#shown || stage.painter.imagining || stage.painter.chosen !== null) return;
      event.preventDefault();
      stage.send({ type: "filter_left" });
    });
  }

  /** @param {FromWindow} message */
  take({ sieve }) {
    if (!sieve) return;
    this.#shown = sieve.on;
    const { kept, more = [], less = [] } = sieve;
    if (kept || !sieve.on) this.#kept = new Set(kept);
    for (const id of more) this.#kept.add(id);
    for (const id of less) this.#kept.delete(id);
    this.#stage.painter.sift(sieve.on ? this.#kept : null, kept ? null : [...more, ...less]);
    this.#box.hidden = !sieve.on;
    this.#box.classList.toggle("nothing", sieve.on && this.#kept.size === 0);
    this.#said.textContent = sieve.said;
    this.#count.textContent = sieve.count;
  }
}
