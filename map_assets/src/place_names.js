// What a place is called on the map. Pure. Counterpart: basemap/places.py, which gives `name:en` where the name at home is not Latin.
// One rule: the name at home comes first; where its letters are neither Latin nor anything like it, those that more people read stand beneath.

import { ex } from "./style.js";

const home = ["to-string", ["get", "name"]];
/** As Protomaps, OpenMapTiles and Shortbread call it. */
const latin = ["to-string", ["coalesce", ["get", "name:en"], ["get", "name:latin"], ["get", "name_en"], ["get", "name:en"]]];

/** Its first letter is Greek or of a later block; Latin goes on from U+1E00 (Vietnamese), with marks up to U+2E7F. */
const isOtherScript = ["all", [">=", home, "\u0370"], ["any", ["<", home, "\u1e00"], [">=", home, "\u2e80"]]];
const isTold = ["all", isOtherScript, ["!=", latin, ""], ["!=", latin, home]];

/** The text of a place: one line, or two. */
export const NAME_OF_PLACE = ex(["case", isTold, ["format", home, {}, "\n", {}, latin, { "font-scale": 0.84 }], ["format", home, {}]]);
