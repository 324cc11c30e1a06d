// Where the three schemas of vector maps keep what we draw of them: layers and filters, as data. Pure.
// Counterpart: ground_layers.js, which draws it; engine/maps/schema.py, which recognises the schema.
// One rule: a part that a schema does not have is not there; nothing here knows a colour.

/**
 * What is drawn of a map, from the ground up. `urban` to `building` are areas, `region` to `motorway` lines, the rest names.
 * @typedef {"urban" | "green" | "water" | "river" | "building" | "region" | "border" | "path" | "rail" | "minor" | "road" | "motorway"
 *   | "streetName" | "waterName" | "placeName"} Part
 * @typedef {{ layer: string, filter?: unknown[] }} From
 * @typedef {{ parts: Partial<Record<Part, From[]>>, rank: unknown, size: unknown }} Schema
 * `rank`: the lower the sooner a place has its name; `size`: 0 to 2, how large a place is.
 */

/** @param {unknown} key @param {string[]} values */
const among = (key, values) => ["in", key, ["literal", values]];
/** @param {string[]} values */
const kinds = (...values) => among(["coalesce", ["get", "kind"], ["get", "pmap:kind"], ""], values);
/** @param {string[]} values */
const classes = (...values) => among(["get", "class"], values);
/** @param {unknown[]} filters */
const all = (...filters) => ["all", ...filters];
const area = ["==", ["geometry-type"], "Polygon"];
const line = ["==", ["geometry-type"], "LineString"];
const point = ["==", ["geometry-type"], "Point"];
const named = ["has", "name"];
const onLand = ["all", ["!=", ["get", "maritime"], 1], ["!=", ["get", "maritime"], true]];
/** @param {number} least @param {number} most */
const level = (least, most) => ["all", [">=", ["to-number", ["get", "admin_level"], 99], least], ["<=", ["to-number", ["get", "admin_level"], 99], most]];
const population = ["to-number", ["get", "population"], 0];
const byPopulation = ["step", population, 0, 50_000, 1, 300_000, 2];

const GREEN = ["park", "forest", "wood", "grass", "nature_reserve", "national_park", "protected_area", "meadow", "scrub", "grassland", "orchard", "vineyard"];
const BUILT = ["urban_area", "residential", "industrial", "commercial", "retail"];

/** @type {Record<string, Schema>} */
export const SCHEMAS = {
  protomaps: {
    rank: ["coalesce", ["get", "sort_key"], ["-", 0, ["to-number", ["get", "population_rank"], 0]]],
    size: ["case", ["has", "population_rank"], ["step", ["get", "population_rank"], 0, 9, 1, 12, 2], byPopulation],
    parts: {
      urban: [{ layer: "landcover", filter: kinds("urban_area") }, { layer: "landuse", filter: kinds(...BUILT) }],
      green: [{ layer: "landuse", filter: kinds(...GREEN) }],
      water: [{ layer: "water", filter: area }],
      river: [{ layer: "water", filter: line }],
      building: [{ layer: "buildings", filter: area }],
      region: [{ layer: "boundaries", filter: kinds("region", "macroregion", "state", "province") }],
      border: [{ layer: "boundaries", filter: kinds("country", "unrecognized_country") }],
      path: [{ layer: "roads", filter: kinds("path", "other") }],
      rail: [{ layer: "roads", filter: kinds("rail") }],
      minor: [{ layer: "roads", filter: kinds("minor_road") }],
      road: [{ layer: "roads", filter: kinds("major_road", "medium_road") }],
      motorway: [{ layer: "roads", filter: kinds("highway") }],
      streetName: [{ layer: "roads", filter: all(named, kinds("highway", "major_road", "medium_road", "minor_road")) }],
      waterName: [{ layer: "water", filter: all(named, point) }],
      placeName: [{ layer: "places", filter: all(named, kinds("country", "region", "locality", "neighbourhood", "macrohood", "borough")) }],
    },
  },
  openmaptiles: {
    rank: ["to-number", ["get", "rank"], 50],
    size: ["match", ["get", "class"], ["country", "state", "city"], 2, "town", 1, 0],
    parts: {
      urban: [{ layer: "landuse", filter: classes(...BUILT, "suburb", "neighbourhood") }],
      green: [{ layer: "landcover", filter: classes("wood", "grass") }, { layer: "park", filter: area }],
      water: [{ layer: "water", filter: area }],
      river: [{ layer: "waterway", filter: line }],
      building: [{ layer: "building", filter: area }],
      region: [{ layer: "boundary", filter: all(level(3, 6), onLand) }],
      border: [{ layer: "boundary", filter: all(level(1, 2), onLand) }],
      path: [{ layer: "transportation", filter: all(line, classes("path", "track")) }],
      rail: [{ layer: "transportation", filter: all(line, classes("rail", "transit")) }],
      minor: [{ layer: "transportation", filter: all(line, classes("minor", "service", "tertiary")) }],
      road: [{ layer: "transportation", filter: all(line, classes("primary", "secondary")) }],
      motorway: [{ layer: "transportation", filter: all(line, classes("motorway", "trunk")) }],
      streetName: [{ layer: "transportation_name", filter: all(named, line) }],
      waterName: [{ layer: "water_name", filter: all(named, point) }],
      placeName: [{ layer: "place", filter: all(named, ["!=", ["get", "class"], "continent"]) }],
    },
  },
  shortbread: {
    rank: ["-", 0, population],
    size: byPopulation,
    parts: {
      urban: [{ layer: "land", filter: kinds(...BUILT) }],
      green: [{ layer: "land", filter: kinds(...GREEN) }],
      water: [{ layer: "ocean", filter: area }, { layer: "water_polygons", filter: area }],
      river: [{ layer: "water_lines", filter: line }],
      building: [{ layer: "buildings", filter: area }],
      region: [{ layer: "boundaries", filter: all(level(3, 6), onLand) }],
      border: [{ layer: "boundaries", filter: all(level(1, 2), onLand) }],
      path: [{ layer: "streets", filter: all(line, kinds("track", "path", "footway", "cycleway", "steps", "bridleway")) }],
      rail: [{ layer: "streets", filter: all(line, kinds("rail", "light_rail", "narrow_gauge", "tram", "subway", "funicular")) }],
      minor: [{ layer: "streets", filter: all(line, kinds("tertiary", "unclassified", "residential", "living_street", "service", "pedestrian", "busway")) }],
      road: [{ layer: "streets", filter: all(line, kinds("primary", "secondary")) }],
      motorway: [{ layer: "streets", filter: all(line, kinds("motorway", "trunk")) }],
      streetName: [{ layer: "street_labels", filter: named }],
      waterName: [{ layer: "water_polygons_labels", filter: all(named, point) }],
      placeName: [{ layer: "place_labels", filter: named }, { layer: "boundary_labels", filter: named }],
    },
  },
};
