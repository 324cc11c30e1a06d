// What time it is on the map: that of the clock, or of the moment of the past that is shown. Counterpart: past.js.
// One rule: whoever tells an age asks here.

/** @type {number | null} */
let moment_us = null;

export const now_us = () => moment_us ?? Date.now() * 1000;

/** Stand at a moment of the past, or go with the clock. @param {PastRow | undefined} past what a message says of it, if anything */
export function follow(past) {
  if (past) moment_us = past.on ? past.at_us : null;
}
