// Which file draws which letters of the map. Pure. Counterpart: tools/map_fonts.py, which makes Noto's files; style/page.css says the
// same for what stands around the map. Theory: MapLibre takes the first font of a label's list, and its first file, that claims a
// letter; a file is loaded when the first of its letters is drawn. Arabic is shaped by MapLibre itself, into letters of their own
// for each place in a word: those are of the file too.
// One rule: Latin, Cyrillic, Greek, Arabic and CJK never need a font of the system.

/** Claims only what Inter lacks, so it stands before Inter in every list, at one weight for all. */
export const NOTO = "Noto Sans";

/** @type {Record<string, string[]>} */
const NOTO_FILES = {
  "NotoSansArabic.woff2": ["U+0600-06FF", "U+0750-077F", "U+08A0-08FF", "U+FB50-FDFF", "U+FE70-FEFF"],
  "NotoSansHangul.woff2": ["U+1100-11FF", "U+3130-318F", "U+AC00-D7AF"],
  "NotoSansHan.woff2": ["U+2E80-312F", "U+3190-9FFF", "U+F900-FAFF", "U+FE30-FE4F", "U+FF00-FFEF"],
};

/** The style's `font-faces`. @param {(path: string) => string} address of a file of the page */
export const fontFaces = (address) => ({
  [NOTO]: Object.entries(NOTO_FILES).map(([file, range]) => ({ url: address(`fonts/${file}`), "unicode-range": range })),
  ...Object.fromEntries(["Regular", "Medium", "SemiBold"].map((weight) => [`Inter ${weight}`, address(`fonts/Inter-${weight}.ttf`)])),
});
