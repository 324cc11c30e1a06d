// The map's pictures, drawn on a canvas: status symbols, link marks. Counterpart: app/symbols.py; sprites.js has the rings.
// One rule: shape belongs to status; every symbol lives in a box of 24 with its centre at 12, 12, and wears a casing in the
// ground's colour so that links never touch it.

/** @import { Palette } from "./palette.js" */
/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Pen */
/** @import { Fate } from "./fates.js" */
/** What a device is, or in a what-if would be. @typedef {Status | "fails" | "lost"} Part */
/** @typedef {{ total: number, counts: Partial<Record<Part, number>>, worst: Part }} RingParts */

const DENSITY = 3;
const BOX = 24;
const TURN = 2 * Math.PI;

/** Worst first, as everywhere. @type {Status[]} */
export const FAULT_ORDER = ["down", "affected", "degraded", "stale", "unknown", "maintenance", "up"];

/** The same with what would be: what is real and down stays above it. @type {Part[]} */
export const RING_ORDER = ["down", "fails", "lost", ...FAULT_ORDER.slice(1)];

/** What has a name and an age of its own: neither up, nor simply not known yet, nor silent as planned or for a cause elsewhere. @param {Status} status */
export const isOdd = (status) => status === "down" || status === "degraded" || status === "stale";

/** CSS pixels of a symbol's box of 24 at size 1. */
export const SYMBOL_PX = 17;

/** @param {Pen} pen @param {number} radius */
function diamond(pen, radius) {
  pen.beginPath();
  pen.moveTo(12, 12 - radius);
  pen.lineTo(12 + radius, 12);
  pen.lineTo(12, 12 + radius);
  pen.lineTo(12 - radius, 12);
  pen.closePath();
}

/** @param {Pen} pen @param {number} radius */
function triangle(pen, radius) {
  pen.beginPath();
  pen.moveTo(12, 12 - radius);
  pen.lineTo(12 + radius * 0.9, 12 + radius * 0.62);
  pen.lineTo(12 - radius * 0.9, 12 + radius * 0.62);
  pen.closePath();
}

/** @param {Pen} pen @param {number} radius */
function circle(pen, radius) {
  pen.beginPath();
  pen.arc(12, 12, radius, 0, TURN);
}

/** A square without its upper right corner. @param {Pen} pen @param {number} reach from the centre */
function notched(pen, reach) {
  pen.beginPath();
  pen.moveTo(12 - reach, 12 - reach);
  pen.lineTo(12 + reach / 4, 12 - reach);
  pen.lineTo(12 + reach, 12 - reach / 4);
  pen.lineTo(12 + reach, 12 + reach);
  pen.lineTo(12 - reach, 12 + reach);
  pen.closePath();
}

/** @param {Pen} pen @param {string} color @param {number} width */
function stroke(pen, color, width) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.stroke();
}

/** @param {Pen} pen @param {string} color */
function fill(pen, color) {
  pen.fillStyle = color;
  pen.fill();
}

/** One entry a status. @type {Record<Status, (pen: Pen, palette: Palette) => void>} */
export const DRAW = {
  up(pen, { status, surface }) {
    circle(pen, 7);
    fill(pen, surface.ground);
    circle(pen, 5);
    fill(pen, status.up);
  },
  degraded(pen, { status, surface, degraded_edge: edge }) {
    const dark = edge === surface.ground;
    triangle(pen, 9);
    stroke(pen, surface.ground, 5);
    triangle(pen, 8.6);
    fill(pen, status.degraded);
    stroke(pen, dark ? status.degraded : edge, 1.4);
    pen.beginPath();
    pen.moveTo(12, 8.2);
    pen.lineTo(12, 12.6);
    pen.moveTo(12, 14.6);
    pen.lineTo(12, 15);
    stroke(pen, edge, 1.8);
  },
  down(pen, { status, surface }) {
    pen.globalAlpha = 0.9;
    circle(pen, 11.6);
    fill(pen, surface.ground);
    pen.globalAlpha = 1;
    diamond(pen, 8);
    fill(pen, status.down);
    stroke(pen, status.down, 1.5);
    cross(pen, 2.4);
    stroke(pen, "#FFFFFF", 2.2);
    circle(pen, 10.6);
    stroke(pen, status.down, 1.5);
  },
  affected(pen, { status, surface }) {
    diamond(pen, 10.4);
    fill(pen, surface.ground);
    diamond(pen, 7);
    stroke(pen, status.affected, 2);
  },
  stale(pen, { status, surface }) {
    circle(pen, 9);
    fill(pen, surface.ground);
    circle(pen, 6.2);
    pen.lineCap = "butt";
    pen.setLineDash([3.9, 2.6]);
    pen.lineDashOffset = 1.9;
    stroke(pen, status.stale, 2);
    circle(pen, 1.9);
    fill(pen, status.stale);
  },
  unknown(pen, { status, surface }) {
    circle(pen, 7.6);
    fill(pen, surface.ground);
    circle(pen, 5);
    stroke(pen, status.unknown, 2);
  },
  maintenance(pen, { status, surface }) {
    notched(pen, 6);
    stroke(pen, surface.ground, 5);
    fill(pen, status.maintenance);
    stroke(pen, status.maintenance, 1);
    pen.beginPath();
    pen.moveTo(9, 13.2);
    pen.lineTo(15, 13.2);
    pen.moveTo(9, 15.9);
    pen.lineTo(13, 15.9);
    pen.lineCap = "butt";
    stroke(pen, surface.ground, 1.5);
  },
};

/** What would be: the shape of its status, dashed and never filled. @type {Record<Exclude<Fate, "carries">, (pen: Pen, palette: Palette) => void>} */
export const DRAW_FATE = {
  fails(pen, { status, surface }) {
    circle(pen, 11.6);
    fill(pen, surface.ground);
    pen.lineCap = "butt";
    diamond(pen, 7.4);
    pen.setLineDash([2.9, 2.33]);
    pen.lineDashOffset = 1.45;
    stroke(pen, status.down, 1.9);
    circle(pen, 10.6);
    pen.setLineDash([3.3, 2.25]);
    pen.lineDashOffset = 1.65;
    stroke(pen, status.down, 1.5);
    pen.setLineDash([]);
    pen.lineCap = "round";
    cross(pen, 2.2);
    stroke(pen, status.down, 1.9);
  },
  lost(pen, { status, surface }) {
    diamond(pen, 10.4);
    fill(pen, surface.ground);
    pen.lineCap = "butt";
    pen.setLineDash([3.3, 3.3]);
    pen.lineDashOffset = 1.65;
    diamond(pen, 7);
    stroke(pen, status.affected, 2);
  },
  weakened(pen, { status, surface, degraded_edge: edge }) {
    triangle(pen, 10.6);
    fill(pen, surface.ground);
    pen.lineCap = "butt";
    pen.setLineDash([2.7, 2.2]);
    pen.lineDashOffset = 1.35;
    triangle(pen, 8.2);
    stroke(pen, edge === surface.ground ? status.degraded : edge, 1.7);
  },
};

/** @param {Pen} pen @param {number} arm */
function cross(pen, arm) {
  pen.beginPath();
  pen.moveTo(12 - arm, 12 - arm);
  pen.lineTo(12 + arm, 12 + arm);
  pen.moveTo(12 + arm, 12 - arm);
  pen.lineTo(12 - arm, 12 + arm);
}

/** The mark of a link that is down. @param {Pen} pen @param {Palette} palette */
export function drawStrike(pen, { status, surface }) {
  circle(pen, 9);
  fill(pen, surface.ground);
  cross(pen, 3.8);
  stroke(pen, status.down, 2.6);
}

/** @param {number} size_px side of the picture @param {number} box side of what is drawn @param {(pen: Pen) => void} draw */
function picture(size_px, box, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(size_px * DENSITY);
  const pen = /** @type {Pen} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.scale(canvas.width / box, canvas.height / box);
  pen.lineCap = "round";
  pen.lineJoin = "round";
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** Draw a status symbol for the page itself, such as the card. @param {HTMLCanvasElement} canvas @param {Status} status @param {Palette} palette */
export function drawSymbol(canvas, status, palette) {
  const pen = /** @type {Pen} */ (canvas.getContext("2d"));
  pen.reset();
  pen.scale(canvas.width / BOX, canvas.height / BOX);
  pen.lineCap = "round";
  pen.lineJoin = "round";
  DRAW[status](pen, palette);
}

/** Draw what would be for the page itself. @param {HTMLCanvasElement} canvas @param {keyof typeof DRAW_FATE} fate @param {Palette} palette */
export function drawFate(canvas, fate, palette) {
  const pen = /** @type {Pen} */ (canvas.getContext("2d"));
  pen.scale(canvas.width / BOX, canvas.height / BOX);
  pen.lineJoin = "round";
  DRAW_FATE[fate](pen, palette);
}

/** All pictures of a theme, by name. @param {Palette} palette @returns {Record<string, ImageData>} */
function pictures(palette) {
  const { surface, accent } = palette;
  /** @type {Record<string, ImageData>} */
  const made = {};
  for (const name of FAULT_ORDER) made[name] = picture(SYMBOL_PX, BOX, (pen) => DRAW[name](pen, palette));
  made.down = picture(SYMBOL_PX * 1.4, BOX, (pen) => DRAW.down(pen, palette));
  for (const fate of /** @type {(keyof typeof DRAW_FATE)[]} */ (Object.keys(DRAW_FATE))) {
    made[`would/${fate}`] = picture(SYMBOL_PX * (fate === "fails" ? 1.4 : 1), BOX, (pen) => DRAW_FATE[fate](pen, palette));
  }
  made.strike = picture(17, 20, (pen) => {
    pen.translate(-2, -2);
    drawStrike(pen, palette);
  });
  made.chosen = picture(56, 56, (pen) => {
    pen.translate(16, 16);
    circle(pen, 20);
    stroke(pen, accent.accent, 2.5);
    pen.globalAlpha = 0.22;
    circle(pen, 24.5);
    stroke(pen, accent.accent, 8);
  });
  made.pill = picture(24, 24, (pen) => {
    pen.beginPath();
    pen.roundRect(0.5, 0.5, 23, 23, 4);
    fill(pen, surface.panel);
    stroke(pen, surface.line, 1);
  });
  for (const [name, ground, edge] of [["people", surface.panel, surface.line], ["people-working", accent.ground, accent.accent]]) {
    made[name] = picture(24, 24, (pen) => {
      pen.beginPath();
      pen.roundRect(0.5, 0.5, 23, 23, 6);
      fill(pen, ground);
      stroke(pen, edge, 1);
    });
  }
  return made;
}

/** A signed-distance picture, which the style colours. @param {number} width @param {number} height @param {[number, number][]} corners */
function distanceField(width, height, corners) {
  const density = 2;
  const field = new ImageData(width * density, height * density);
  for (let row = 0; row < field.height; row++) {
    for (let column = 0; column < field.width; column++) {
      const away = distanceTo(corners, (column + 0.5) / density, (row + 0.5) / density);
      field.data[(row * field.width + column) * 4 + 3] = Math.round((0.75 - away / 8) * 255);
    }
  }
  return field;
}

/** Distance to a polygon, negative inside. @param {[number, number][]} corners @param {number} x @param {number} y */
function distanceTo(corners, x, y) {
  let nearest = Infinity;
  let inside = false;
  corners.forEach(([ax, ay], i) => {
    const [bx, by] = corners.at(i - 1) ?? [ax, ay];
    const [dx, dy] = [bx - ax, by - ay];
    const share = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
    nearest = Math.min(nearest, Math.hypot(x - ax - share * dx, y - ay - share * dy));
    if (ay > y !== by > y && x < ax + ((y - ay) * dx) / dy) inside = !inside;
  });
  return inside ? -nearest : nearest;
}

/** Give the map its pictures, or new ones of the same size. @param {MapLibre} map @param {Palette} palette */
export function putPictures(map, palette) {
  for (const [name, image] of Object.entries(pictures(palette))) {
    if (map.hasImage(name)) map.updateImage(name, image);
    else map.addImage(name, image, PILLS.includes(name) ? PILL : { pixelRatio: DENSITY });
  }
  if (!map.hasImage("arrow")) {
    map.addImage("arrow", distanceField(24, 24, [[12, 1], [20, 21], [4, 21]]), { pixelRatio: 2, sdf: true });
    map.addImage("bar", distanceField(24, 48, [[7, 4], [17, 4], [17, 44], [7, 44]]), { pixelRatio: 2, sdf: true });
    map.addImage("nothing", new ImageData(SYMBOL_PX, SYMBOL_PX), { pixelRatio: 1 });
  }
}

// Pills stretch in their middle and keep their corners.
const PILLS = ["pill", "people", "people-working"];
/** @type {Partial<import("../vendor/maplibre-gl.mjs").StyleImageMetadata>} */
const PILL = { pixelRatio: DENSITY, stretchX: [[18, 54]], stretchY: [[18, 54]], content: [6, 6, 66, 66] };
