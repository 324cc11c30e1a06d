// The small pictures that the glass is stamped with, each drawn once for a theme, a size and a screen. Counterpart: glass.js.
// One rule: what a status looks like is drawn in symbols.js, for the map, the card and the legend alike.

import { DRAW, DRAW_FATE, drawStrike, RING_ORDER, SYMBOL_PX } from "./symbols.js";

/** @import { Palette } from "./palette.js" */
/** @import { Part, RingParts } from "./symbols.js" */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Pen */
/** `side_px`: of the square, in CSS pixels; its middle is what it stands for. @typedef {{ image: ImageBitmap, side_px: number }} Sprite */

/** More are not kept: they can be drawn again. */
const MOST = 2_000;
const BOX = 24;
const TURN = 2 * Math.PI;
const SHARES = 16;
/** Sizes between these steps look alike. */
const STEP_PX = 0.25;
/** Around what is up, and the line of what is not known. */
const EDGE_PX = 1.4;
const DOT_PX = [4, 3.4, 2.8];
const POP_RING_PX = 6.6;

/** What a ring shows outside. @param {Part} part */
const isMarked = (part) => RING_ORDER.indexOf(part) <= RING_ORDER.indexOf("stale");

/** A ring's diameter in pixels. @param {number} total */
export const ringSize = (total) => RING_SIZES[total < 10 ? 0 : total < 100 ? 1 : total < 1000 ? 2 : 3];
export const RING_SIZES = [28, 32, 38, 44];
/** How wide a digit of a ring's count is. */
const DIGIT_PX = 7.5;

/** Parts of the ring; what is there at all gets one. Few, so that rings that look alike share a picture. @param {number} count @param {number} total */
const shareOf = (count, total) => (count ? Math.max(1, Math.round((count / total) * SHARES)) : 0);

/** Radius of a calm device's dot at size 1. @param {number} rank */
export const dotRadius = (rank) => DOT_PX[rank];

export class Sprites {
  #palette;
  #density;
  /** @type {Map<string, Sprite>} */
  #made = new Map();

  /** @param {Palette} palette @param {number} density pixels of the screen in a CSS pixel */
  constructor(palette, density) {
    this.#palette = palette;
    this.#density = density;
  }

  /** A device that is up or not known. @param {number} rank @param {boolean} isUp @param {number} grown */
  dot(rank, isUp, grown) {
    const { status, surface } = this.#palette;
    const radius = stepped(DOT_PX[rank] * grown);
    const edge = rank === 0 && isUp ? 0 : EDGE_PX;
    return this.#make(`dot/${rank}/${isUp}/${radius}`, 2 * (radius + edge) + 2, (pen, middle) => {
      disc(pen, middle, radius, isUp ? status.up : surface.ground, edge, isUp ? surface.ground : status.unknown);
    });
  }

  /** The ring around the dot of a POP. @param {boolean} isUp @param {number} grown */
  popRing(isUp, grown) {
    const { status, surface } = this.#palette;
    const radius = stepped(POP_RING_PX * grown);
    return this.#make(`pop/${isUp}/${radius}`, 2 * (radius + EDGE_PX) + 2, (pen, middle) => {
      disc(pen, middle, radius, surface.ground, EDGE_PX, isUp ? status.up : status.unknown);
    });
  }

  /** @param {Exclude<Status, "up" | "unknown">} status @param {number} rank @param {number} grown */
  symbol(status, rank, grown) {
    const least = status === "down" ? 1.4 : status === "degraded" ? 1 : rank === 0 ? 1.12 : 0.95;
    const side_px = stepped(SYMBOL_PX * least * grown);
    return this.#make(`${status}/${side_px}`, side_px, (pen) => {
      pen.scale(side_px / BOX, side_px / BOX);
      DRAW[status](pen, this.#palette);
    });
  }

  /** @param {string} name @param {number} least_px side of the square at least @param {(pen: Pen, middle: number) => void} draw @returns {Sprite} */
  #make(name, least_px, draw) {
    const there = this.#made.get(name);
    if (there) return there;
    if (this.#made.size >= MOST) this.#made.clear();
    const side = Math.ceil(least_px * this.#density);
    const canvas = new OffscreenCanvas(side, side);
    const pen = /** @type {Pen} */ (canvas.getContext("2d"));
    pen.lineCap = "round";
    pen.lineJoin = "round";
    const side_px = side / this.#density;
    pen.scale(this.#density, this.#density);
    pen.translate((side_px - least_px) / 2, (side_px - least_px) / 2);
    draw(pen, least_px / 2);
    const made = { image: canvas.transferToImageBitmap(), side_px };
    this.#made.set(name, made);
    return made;
  }
}

/**
 * Draw a cluster's ring around a point: its statuses by share, the worst of them outside at the upper right; what is behind a
 * cause is thin and dim. At the lower right stands the mark of a link in it that is down or degraded. Rings are drawn anew each time: hardly two look alike, and a picture for each costs more.
 * @param {CanvasRenderingContext2D} pen @param {RingParts} parts @param {"down" | "degraded" | null} links @param {Palette} palette @param {{ x: number, y: number }} at
 */
export function drawRing(pen, { total, counts, worst }, links, palette, { x, y }) {
  const diameter = ringSize(total);
  const radius = diameter / 2 - 3;
  const shares = RING_ORDER.map((part) => ({ part, share: shareOf(counts[part] ?? 0, total) })).filter(({ share }) => share);
  const whole = shares.reduce((sum, { share }) => sum + share, 0);
  const space = shares.length > 1 ? 1.6 / radius : 0;
  pen.save();
  pen.translate(x, y);
  pen.lineCap = "butt";
  disc(pen, 0, diameter / 2 + 1.5, palette.surface.ground, 0, "");
  let from = -Math.PI / 2;
  for (const { part, share } of shares) {
    const to = from + (share / whole) * TURN;
    const behind = part === "affected" || part === "lost";
    if (part === "fails" || part === "lost") pen.setLineDash([2.4, 1.8]);
    pen.strokeStyle = behind ? palette.affected_name : palette.status[part === "fails" ? "down" : part];
    pen.lineWidth = behind ? 2.2 : 3.6;
    pen.beginPath();
    pen.arc(0, 0, radius, from + space / 2, to - space / 2);
    pen.stroke();
    pen.setLineDash([]);
    from = to;
  }
  pen.font = "600 12px Inter, sans-serif";
  pen.textAlign = "center";
  pen.fillStyle = palette.text.text;
  pen.fillText(String(total), 0, 4.3);
  pen.lineCap = "round";
  pen.lineJoin = "round";
  /** @param {1 | -1} side below or above @param {number} badge its side @param {(pen: Pen, palette: Palette) => void} draw */
  const mark = (side, badge, draw) => {
    const away = Math.max(radius * 0.78, besideCount(total, badge / 2 + 1));
    pen.save();
    pen.translate(away - badge / 2, side * away - badge / 2);
    pen.scale(badge / BOX, badge / BOX);
    draw(pen, palette);
    pen.restore();
  };
  if (isMarked(worst)) {
    const badge = worst === "down" || worst === "fails" ? 22 : worst === "affected" ? 13 : 15;
    mark(-1, badge, worst === "fails" || worst === "lost" ? DRAW_FATE[worst] : DRAW[worst]);
  }
  if (links) mark(1, links === "down" ? 22 : 15, links === "down" ? drawStrike : DRAW.degraded);
  pen.restore();
}

/** How far to the right, and as far up or down, a round mark stands that leaves the count free. @param {number} total @param {number} reach_px */
function besideCount(total, reach_px) {
  const [right, up] = [DIGIT_PX * (String(total).length / 2), 4.5];
  return (right + up + Math.sqrt(2 * reach_px ** 2 - (right - up) ** 2)) / 2;
}

/** @param {number} length_px */
const stepped = (length_px) => Math.round(length_px / STEP_PX) * STEP_PX;

/** @param {Pen} pen @param {number} middle @param {number} radius @param {string} color @param {number} edge width outside @param {string} edgeColor */
function disc(pen, middle, radius, color, edge, edgeColor) {
  pen.beginPath();
  pen.arc(middle, middle, radius, 0, TURN);
  pen.fillStyle = color;
  pen.fill();
  if (!edge) return;
  pen.beginPath();
  pen.arc(middle, middle, radius + edge / 2, 0, TURN);
  pen.strokeStyle = edgeColor;
  pen.lineWidth = edge;
  pen.stroke();
}
