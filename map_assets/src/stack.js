// In which order the layers stand, and which are shown. Counterpart: overlay.js says what stands in the slots, layers.js the network.
// Theory: the stack is one list from the ground up. Between the network's own layers are slots for what overlays add. A layer may
// say in `metadata.group` what it belongs to ("load", "names", "roads" ...); people hide and reorder groups, never single layers.
// A layer stands where it usually does, but for one of a group that people put over another: that stands over all of the other.
// One rule: what is down, and the rings that may hold it, belong to no group, so that nobody can hide a fault.

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */

/**
 * Where an overlay's layers stand, from the ground up: over the basemap (maps of the user, the names over them, terrain); the
 * schematic's paper, which covers all of that; beneath the links (sectors, AP-client lines, areas); over the links and beneath
 * names and symbols; over the symbols and beneath what is selected, would be or is down; over everything that is seen (handles, rulers, what a hand holds).
 * @typedef {"ground" | "paper" | "areas" | "links" | "marks" | "hands"} Slot
 */

/** The layer of the network that a slot is beneath. @type {Record<Slot, string>} */
const BENEATH = { ground: "link-halo", paper: "link-halo", areas: "link-halo", links: "names", marks: "chosen", hands: "obstacles" };
/** @type {Slot[]} */
const FROM_THE_GROUND = ["ground", "paper", "areas", "links", "marks", "hands"];

/** More layers are not raised over one. */
const RAISED = 2 ** -10;

/** Groups as people want them: `order` from the ground up (what is not in it stays; empty: as usual), `usual` the same as nobody reorders it, `hidden`. @typedef {{ order: string[], usual: string[], hidden: string[] }} Wish */

export class Stack {
  #map;
  /** Ids from the ground up as they stand when nobody reorders them. @type {string[]} */
  #ids;
  /** @type {Map<string, Slot>} */
  #slots = new Map();
  /** @type {Wish} */
  #wish = { order: [], usual: [], hidden: [] };

  /** @param {MapLibre} map its layers so far are the ground */
  constructor(map) {
    this.#map = map;
    this.#ids = map.getLayersOrder();
  }

  /**
   * Put layers on top, or into a slot over what it holds; a layer that is there gets the paint of this theme and keeps its place.
   * @param {LayerSpecification[]} layers @param {Slot | null} slot
   */
  put(layers, slot = null) {
    for (const layer of layers) {
      if (this.#map.getLayer(layer.id)) {
        repaint(this.#map, layer);
        continue;
      }
      this.#ids.splice(slot ? this.#endOf(slot) : this.#ids.length, 0, layer.id);
      if (slot) this.#slots.set(layer.id, slot);
      this.#map.addLayer(layer);
    }
    this.#arrange();
  }

  /** Take layers out of the stack. @param {string[]} ids */
  remove(ids) {
    for (const id of ids) {
      this.#map.removeLayer(id);
      this.#slots.delete(id);
    }
    this.#ids = this.#ids.filter((id) => !ids.includes(id));
  }

  /** Hide groups and put them in an order. @param {Wish} wish */
  wish({ order, usual, hidden }) {
    this.#wish = { order: order.filter(Boolean), usual, hidden: hidden.filter(Boolean) };
    this.#arrange();
  }

  /** Whether a group is shown. @param {string} group */
  shows(group) {
    return !this.#wish.hidden.includes(group);
  }

  /** The place behind the last layer of a slot. @param {Slot} slot */
  #endOf(slot) {
    const top = this.#ids.indexOf(BENEATH[slot]);
    const above = FROM_THE_GROUND.slice(FROM_THE_GROUND.indexOf(slot) + 1);
    const ends = this.#ids.findIndex((id) => above.includes(/** @type {Slot} */ (this.#slots.get(id))));
    return [top, ends, this.#ids.length].filter((place) => place >= 0).reduce((a, b) => Math.min(a, b));
  }

  /** How high each layer stands: its own place, or that of the highest which it was put over. @param {(id: string) => string} groupOf */
  #heights(groupOf) {
    const { order, usual } = this.#wish;
    const heights = new Map(this.#ids.map((id, i) => [id, i]));
    order.forEach((group, place) => {
      const under = order.slice(0, place).filter((other) => usual.indexOf(other) > usual.indexOf(group));
      const floor = Math.max(...this.#ids.map((id) => (under.includes(groupOf(id)) ? (heights.get(id) ?? 0) : -1)));
      for (const id of this.#ids) {
        const raises = groupOf(id) === group && !isFixed(this.#map.getLayer(id)?.metadata);
        if (raises && (heights.get(id) ?? 0) < floor) heights.set(id, floor + RAISED);
      }
    });
    return heights;
  }

  #arrange() {
    const { hidden } = this.#wish;
    const groupOf = (/** @type {string} */ id) => groupNamed(this.#map.getLayer(id)?.metadata);
    const heights = this.#heights(groupOf);
    const heightOf = (/** @type {string} */ id) => /** @type {number} */ (heights.get(id));
    const wanted = [...this.#ids].sort((a, b) => heightOf(a) - heightOf(b));
    const stands = this.#map.getLayersOrder();
    for (let i = wanted.length - 1; i >= 0; i--) {
      const above = wanted[i + 1];
      if (stands[i] === wanted[i]) continue;
      this.#map.moveLayer(wanted[i], above);
      stands.splice(stands.indexOf(wanted[i]), 1);
      stands.splice(above === undefined ? stands.length : stands.indexOf(above), 0, wanted[i]);
    }
    for (const id of wanted) {
      const visibility = hidden.includes(groupOf(id)) ? "none" : "visible";
      if ((this.#map.getLayoutProperty(id, "visibility") ?? "visible") !== visibility) this.#map.setLayoutProperty(id, "visibility", visibility);
    }
  }
}

/** Whether a layer is hidden with its group, but keeps its place: beneath what it is drawn around. @param {unknown} metadata */
const isFixed = (metadata) => Boolean(/** @type {{ fixed?: boolean } | undefined} */ (metadata)?.fixed);

/** @param {unknown} metadata */
const groupNamed = (metadata) => String(/** @type {{ group?: string } | undefined} */ (metadata)?.group ?? "");

/** Give a layer that exists the paint of another theme. @param {MapLibre} map @param {LayerSpecification} layer */
export function repaint(map, layer) {
  if (!map.getLayer(layer.id)) return;
  for (const [key, value] of Object.entries(layer.paint ?? {})) map.setPaintProperty(layer.id, /** @type {any} */ (key), value);
  const field = /** @type {Record<string, unknown>} */ (layer.layout ?? {})["text-field"];
  if (Array.isArray(field) && field[0] === "format") map.setLayoutProperty(layer.id, /** @type {any} */ ("text-field"), field);
}
