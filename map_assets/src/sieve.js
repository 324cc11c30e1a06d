// What the window's filter leaves of the map: what does not match steps back, and a label says so. Counterpart: app/map/sieve.py.
// One rule: as long as anything is put aside the label is there, and a click on it or Escape brings everything back.

import { textElement } from "./card.js";

/** @import { Stage } from "./overlay.js" */

export class Sieve {
  #stage;
  #box = document.createElement("button");
  #said = textElement("strong", "", "");
  #count = textElement("span", "", "");
  /** @type {SieveRow | null} */
  #shown = null;

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
    this.#shown = sieve.on ? sieve : null;
    this.#stage.painter.sift(sieve.on ? new Set(sieve.kept) : null);
    this.#box.hidden = !sieve.on;
    this.#box.classList.toggle("nothing", sieve.on && sieve.kept.length === 0);
    this.#said.textContent = sieve.said;
    this.#count.textContent = sieve.count;
  }
}
