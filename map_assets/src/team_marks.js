// Who of the team is at what, to what a tunnel is open, and what the server has not confirmed yet, as marks beside symbols.
// Counterpart: app/map/team_marks.py.
// Theory: marks are names of a kind: MapLibre places them where there is room, after all that is a fault, selected or a symbol, and
// before ordinary names, which give way; the glass stands over them. What stands in a ring is told of at the ring, zoom by zoom.
// One rule: a mark is left out rather than covers the name of what is down, a symbol or a ring.

import { middleInLane, pointOf } from "./features.js";
import { RING_SIZES, ringSize } from "./sprites.js";
import { ex, filter, here, SEMIBOLD } from "./style.js";
import { SYMBOL_PX } from "./symbols.js";

/** @import { GeoJSONSource } from "../vendor/maplibre-gl.mjs" */
/** @import { Feature } from "geojson" */
/** @import { LayerSpecification, SourceSpecification } from "@maplibre/maplibre-gl-style-spec" */
/** @import { Palette } from "./palette.js" */
/** @import { Stage } from "./overlay.js" */
/** @import { Touched } from "./network.js" */

/** Where something is marked: alone from a zoom on, or at a ring of one zoom. @typedef {{ key: string, at: LngLat, where: Record<string, unknown> }} Spot */

const PEOPLE = "people";
const PENDING = "pending";
const TUNNELS = "tunnels";
const TEXT_PX = 10;
const ARROW_PX = 12;
/** From here on a site without devices is marked. */
const EMPTY_SITES_ZOOM = 6;
/** From so many people on, the first is named and the others are counted. */
const COUNTED_FROM = 3;

/** What stands on the pill of some people, those who work first. @param {string[]} initials */
export const pillText = (initials) => (initials.length < COUNTED_FROM ? initials.join(" ") : `${initials[0]} +${initials.length - 1}`);

/** What stands on the pill of tunnels: the sign, and whose they are but this computer's. @param {string[]} initials */
export const tunnelText = (initials) => ["↔", ...(initials.length ? [pillText(initials)] : [])].join(" ");

/** Ways to stand by a symbol, the best first, each with its distance from the middle in ems. @typedef {[anchor: string, right: number, down: number][]} Ways */

/** Close below or above, where no name is; further out below what is large or selected; at its sides last. @type {Ways} */
const PEOPLE_WAYS = [
  ["top", 0, 1.6], ["bottom", 0, -1.6],
  ["top-right", -0.8, 3], ["top-left", 0.8, 3], ["bottom-right", -0.8, -3], ["bottom-left", 0.8, -3],
  ["right", -3.4, 0], ["left", 3.4, 0],
];
/** Beside it first, where a pill of people is the last to stand. @type {Ways} */
const TUNNEL_WAYS = [
  ["right", -1.6, 0], ["left", 1.6, 0],
  ["bottom-right", -0.8, -1.6], ["bottom-left", 0.8, -1.6], ["top-right", -0.8, 1.6], ["top-left", 0.8, 1.6],
  ["bottom", 0, -3], ["top", 0, 3],
];
/** Close at the corners, else further out. @type {Ways} */
const PENDING_WAYS = [
  ["top-left", 0.8, 0.8], ["bottom-left", 0.8, -0.8], ["top-right", -0.8, 0.8], ["bottom-right", -0.8, -0.8],
  ["top", 0, 2.2], ["bottom", 0, -2.2], ["left", 2.2, 0], ["right", -2.2, 0],
];

/** By a symbol that stands alone, or by a ring, from whose edge the way is as long. @param {Ways} ways @param {number} text_px */
function besides(ways, text_px) {
  const by = (/** @type {number} */ more) =>
    ["literal", ways.flatMap(([anchor, ...away]) => [anchor, away.map((em) => em + Math.sign(em) * more)])];
  return ex(["match", ["get", "ring_px"], ...RING_SIZES.flatMap((px) => [px, by((px / 2 - SYMBOL_PX / 2) / text_px)]), by(0)]);
}

export class TeamMarks {
  /** @type {Record<string, SourceSpecification>} */
  sources = Object.fromEntries([PEOPLE, PENDING, TUNNELS].map((id) => [id, { type: "geojson", data: { type: "FeatureCollection", features: [] } }]));
  #stage;
  /** The first device at each place, for sites; made when one is asked for. @type {Map<string, DeviceRow> | null} */
  #standing = null;
  /** @type {PeopleRow[]} */
  #people = [];
  /** @type {string[]} */
  #pending = [];
  /** @type {TunnelRow[]} */
  #tunnels = [];

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    stage.map.on("zoomend", () => this.laid()); // lanes are of the screen
  }

  /** @param {FromWindow} message @param {Touched} touched */
  take({ team }, { fresh, sites }) {
    if (fresh) [this.#people, this.#pending, this.#tunnels] = [[], [], []];
    this.#people = team?.people ?? this.#people;
    this.#pending = team?.pending ?? this.#pending;
    this.#tunnels = team?.tunnels ?? this.#tunnels;
    if (fresh || team?.people || (sites && this.#people.length)) this.#paintPeople();
    if (fresh || team?.pending || (sites && this.#pending.length)) this.#paintPending();
    if (fresh || team?.tunnels || (sites && this.#tunnels.length)) this.#paintTunnels();
  }

  laid() {
    if (this.#people.length) this.#paintPeople();
    if (this.#pending.length) this.#paintPending();
    if (this.#tunnels.length) this.#paintTunnels();
  }

  /** @param {Palette} p @returns {{ marks: LayerSpecification[] }} */
  layers(p) {
    const works = ["get", "works"];
    /** @param {string} source @param {Ways} ways @returns {LayerSpecification} */
    const pills = (source, ways) => ({
      id: `${source}-marks`, type: "symbol", metadata: { group: "people" }, source, filter: filter(here),
      layout: {
        "text-field": ex(["get", "text"]), "text-font": SEMIBOLD, "text-size": TEXT_PX, "text-padding": 1, "icon-padding": 1,
        "icon-image": ex(["case", works, "people-working", "people"]), "icon-text-fit": "both", "icon-text-fit-padding": [1, 4, 1, 4],
        "text-variable-anchor-offset": besides(ways, TEXT_PX),
      },
      paint: { "text-color": ex(["case", works, p.text.text, p.text.quiet]) },
    });
    return {
      marks: [
        {
          id: "pending-marks", type: "symbol", source: PENDING, filter: filter(here),
          layout: {
            "text-field": "↑", "text-font": SEMIBOLD, "text-size": ARROW_PX, "text-padding": 0,
            "text-variable-anchor-offset": besides(PENDING_WAYS, ARROW_PX),
          },
          paint: { "text-color": p.text.quiet, "text-halo-color": p.surface.ground, "text-halo-width": 1.6 },
        },
        pills(PEOPLE, PEOPLE_WAYS),
        pills(TUNNELS, TUNNEL_WAYS),
      ],
    };
  }

  #paintPeople() {
    /** @type {Map<string, { spot: Spot, working: string[], looking: string[] }>} */
    const found = new Map();
    for (const { id, working, looking } of this.#people) {
      for (const spot of this.#spotsOf(id)) {
        const there = found.get(spot.key) ?? { spot, working: [], looking: [] };
        there.working.push(...working);
        there.looking.push(...looking);
        found.set(spot.key, there);
      }
    }
    const features = Array.from(found.values(), ({ spot, working, looking }) =>
      pointOf(spot.at, { ...spot.where, text: pillText([...working, ...looking]), works: working.length > 0 }),
    );
    this.#show(PEOPLE, features);
  }

  #paintTunnels() {
    /** @type {Map<string, { spot: Spot, mine: boolean, others: Set<string> }>} */
    const found = new Map();
    for (const { id, mine, others } of this.#tunnels) {
      for (const spot of this.#spotsOf(id)) {
        const there = found.get(spot.key) ?? { spot, mine: false, others: new Set() };
        found.set(spot.key, { spot: there.spot, mine: there.mine || mine, others: new Set([...there.others, ...others]) });
      }
    }
    const features = Array.from(found.values(), ({ spot, mine, others }) =>
      pointOf(spot.at, { ...spot.where, text: tunnelText([...others]), works: mine }),
    );
    this.#show(TUNNELS, features);
  }

  #paintPending() {
    const spots = new Map(this.#pending.flatMap((id) => this.#spotsOf(id).map((spot) => [spot.key, spot])));
    this.#show(PENDING, Array.from(spots.values(), ({ at, where }) => pointOf(at, where)));
  }

  /** @param {string} source @param {Feature[]} features */
  #show(source, features) {
    this.#standing = null;
    /** @type {GeoJSONSource} */ (this.#stage.map.getSource(source)).setData({ type: "FeatureCollection", features });
  }

  /** Where a device, link or site is marked. @param {string} id @returns {Spot[]} */
  #spotsOf(id) {
    const { map, network, painter } = this.#stage;
    const site = network.sites.get(id);
    const link = network.links.get(id);
    const path = link && network.pathOf(link);
    if (link && path) {
      const from = Math.max(painter.aloneFrom(link.a), painter.aloneFrom(link.b));
      return [{ key: id, at: middleInLane(network, link, path, map.getZoom()), where: { from, ring_px: 0 } }];
    }
    const device = network.devices.get(id) ?? (site && this.#deviceAt(site));
    if (device) return this.#spotsOfDevice(device);
    return site ? [{ key: id, at: [site.lng, site.lat], where: { from: EMPTY_SITES_ZOOM, ring_px: 0 } }] : [];
  }

  /** What inherits the place of a site has the very same. @param {SiteRow} site */
  #deviceAt({ lng, lat }) {
    if (!this.#standing) {
      this.#standing = new Map();
      for (const one of this.#stage.network.devices.values()) {
        const place = `${one.lng},${one.lat}`;
        if (!this.#standing.has(place)) this.#standing.set(place, one);
      }
    }
    return this.#standing.get(`${lng},${lat}`);
  }

  /** @param {DeviceRow} device @returns {Spot[]} */
  #spotsOfDevice({ id, lng, lat }) {
    const { painter } = this.#stage;
    const rings = painter.ringsWith(id).map(({ ring, zoom, last }) => ({
      key: `${zoom}/${ring.id}`,
      at: /** @type {LngLat} */ ([ring.lng, ring.lat]),
      where: { zoom, last, ring_px: ringSize(ring.members.length) },
    }));
    return [{ key: id, at: [lng, lat], where: { from: painter.aloneFrom(id), ring_px: 0 } }, ...rings];
  }
}
