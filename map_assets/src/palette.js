// The colours of a theme, for canvas, style and page. Counterpart: style/tokens.json, which the window reads too.
// One rule: no colour is written anywhere else in the page.

import tokens from "../style/tokens.json" with { type: "json" };

/** @typedef {typeof tokens["dark"]} Palette */

/** @param {ThemeName} theme @returns {Palette} */
export const paletteOf = (theme) => tokens[theme];

/** Hand the palette to the style sheet as custom properties. @param {ThemeName} theme */
export function dressPage(theme) {
  const root = document.documentElement;
  const palette = paletteOf(theme);
  /** @type {Record<string, string>} */
  const colors = {
    ...palette.surface,
    ...palette.text,
    accent: palette.accent.accent,
    "accent-ink": palette.accent.ink,
    step: palette.load[2],
    ...Object.fromEntries(Object.entries(palette.status_text).map(([status, color]) => [`status-${status}`, color])),
    place: palette.basemap.place,
    down: palette.status.down,
    affected: palette.status.affected,
  };
  for (const [name, color] of Object.entries(colors)) root.style.setProperty(`--${name}`, color);
  root.style.colorScheme = theme;
}
