// What stands around the map while it shows what would be: a dashed frame, a label to leave by, a legend. Counterpart: fates.js.
// One rule: nothing of what would be is ever seen without the frame.

import { textElement } from "./card.js";
import { drawFate } from "./symbols.js";

/** @import { Palette } from "./palette.js" */
/** @import { Fate } from "./fates.js" */

/** @type {[fate: Exclude<Fate, "carries">, words: string][]} */
const WOULD = [["fails", "would fail"], ["lost", "would be lost"], ["weakened", "one way left"]];

export class Frame {
  #box = /** @type {HTMLElement} */ (document.getElementById("what-if"));
  #legend = /** @type {HTMLElement} */ (document.getElementById("legend"));
  #send;
  /** @type {WhatIf | null} */
  #shown = null;

  /** @param {Send} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {WhatIf | null} whatIf null: only what is @param {Palette} palette */
  show(whatIf, palette) {
    this.#shown = whatIf;
    this.#box.hidden = !whatIf;
    this.#legend.hidden = Boolean(whatIf);
    this.#box.replaceChildren(...(whatIf ? [this.#label(whatIf), legendOf(palette)] : []));
  }

  /** @param {Palette} palette */
  setTheme(palette) {
    this.show(this.#shown, palette);
  }

  /** @param {WhatIf} whatIf */
  #label({ failed }) {
    const button = document.createElement("button");
    button.type = "button";
    const what = failed.length === 0 ? "click what fails" : failed.length === 1 ? "1 fails" : `${failed.length} fail`;
    button.append(textElement("strong", "", `What if: ${what}`), textElement("span", "", "Esc to leave"));
    button.addEventListener("click", () => this.#send({ type: "what_if_left" }));
    return button;
  }
}

/** @param {Palette} palette */
function legendOf(palette) {
  const legend = textElement("div", "legend", "");
  for (const [fate, words] of WOULD) {
    const symbol = document.createElement("canvas");
    symbol.width = symbol.height = 54;
    drawFate(symbol, fate, palette);
    legend.append(symbol, textElement("span", "", words));
  }
  legend.append(textElement("span", "carries", ""), textElement("span", "", "moved load, as it would be"));
  legend.append(textElement("span", "", "the rest as it is now, dimmed"));
  return legend;
}
