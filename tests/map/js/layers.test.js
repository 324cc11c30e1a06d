import assert from "node:assert/strict";
import { test } from "node:test";
import { networkLayers } from "../../../map_assets/src/layers.js";
import { paletteOf } from "../../../map_assets/src/palette.js";

/** Which paints of the network's layers read feature-state. */
const reading = (theme, loads) =>
  networkLayers(paletteOf(theme), loads).flatMap(({ id, paint }) =>
    Object.entries(paint ?? {}).flatMap(([key, value]) => (JSON.stringify(value).includes('"feature-state"') ? [`${id}/${key}`] : [])),
  );

test("a paint that reads feature-state does so in every theme, with and without loads: tiles made before go on asking it", () => {
  const most = reading("dark", true);
  assert.ok(most.includes("arrow/icon-color") && most.length > 10);
  for (const [theme, loads] of [["dark", false], ["light", true], ["light", false]]) assert.deepEqual(reading(theme, loads), most);
});
