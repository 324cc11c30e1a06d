// Ages, rates and names as the map writes them. Pure. Counterpart: app/words.py, which says the same in the window.
// One rule: at most three digits that matter, and a unit with every number.

/** @param {number} seconds */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 2 * 86400) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} d`;
}

/** @param {number} bps */
export function rate(bps) {
  for (const [size, unit] of /** @type {const} */ ([[1e9, "Gb/s"], [1e6, "Mb/s"], [1e3, "kb/s"]])) {
    const value = bps / size;
    if (value >= 1) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return bps > 0 ? "<1 kb/s" : "0 kb/s";
}

const LABEL_MOST = 28;

/** A name short enough for a label, cut in the middle, where names of one kind differ least. @param {string} name */
export function label(name) {
  const letters = [...name];
  if (letters.length <= LABEL_MOST) return name;
  return `${letters.slice(0, LABEL_MOST - 10).join("")}…${letters.slice(-9).join("")}`;
}
