// In which order the layers stand, and which are shown. Counterpart: overlay.js says what stands in the slots, layers.js the network.
// Theory: the stack is one list from the ground up. Between the network's own layers are slots for what overlays add. A layer may
// say in `metadata.group` what it belongs to ("load", "names", "roads" ...); people hide and reorder groups, never single layers.
// One rule: what is down, and the rings that may hold it, belong to no group, so that nobody can hide a fault.

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { LayerSpecification } from "@maplibre/maplibre-gl-style-spec" */

/**
 * Where an overlay's layers stand, from the ground up: over the basemap (a picture of the ground, terrain); beneath the links
 * (sectors, AP-client lines, areas); over the links and beneath names and symbols; over the symbols and beneath what is
 * selected, would be or is down; over everything that is seen (handles, rulers, what a hand holds).
 * @typedef {"ground" | "areas" | "links" | "marks" | "hands"} Slot
 */

/** The layer of the network that a slot is beneath. @type {Record<Slot, string>} */
const BENEATH = { ground: "link-halo", areas: "link-halo", links: "names", marks: "chosen", hands: "obstacles" };
/** @type {Slot[]} */
const FROM_THE_GROUND = ["ground", "areas", "links", "marks", "hands"];

/** Groups as people want them: `order` from the ground up (what is not in it stays), `hidden`. @typedef {{ order: string[], hidden: string[] }} Wish */

export class Stack {
  #map;
  /** Ids from the ground up as they stand when nobody reorders them. @type {string[]} */
  #ids;
  /** @type {Map<string, Slot>} */
  #slots = new Map();
  /** @type {Wish} */
  #wish = { order: [], hidden: [] };

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
  wish({ order, hidden }) {
    this.#wish = { order: order.filter(Boolean), hidden: hidden.filter(Boolean) };
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

  #arrange() {
    const { order, hidden } = this.#wish;
    const groupOf = (/** @type {string} */ id) => groupNamed(this.#map.getLayer(id)?.metadata);
    const moved = this.#ids.filter((id) => order.includes(groupOf(id)));
    moved.sort((a, b) => order.indexOf(groupOf(a)) - order.indexOf(groupOf(b)));
    const wanted = this.#ids.map((id) => (order.includes(groupOf(id)) ? /** @type {string} */ (moved.shift()) : id));
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

/** @param {unknown} metadata */
const groupNamed = (metadata) => String(/** @type {{ group?: string } | undefined} */ (metadata)?.group ?? "");

/** Give a layer that exists the paint of another theme. @param {MapLibre} map @param {LayerSpecification} layer */
export function repaint(map, layer) {
  if (!map.getLayer(layer.id)) return;
  for (const [key, value] of Object.entries(layer.paint ?? {})) map.setPaintProperty(layer.id, /** @type {any} */ (key), value);
  const field = /** @type {Record<string, unknown>} */ (layer.layout ?? {})["text-field"];
  if (Array.isArray(field) && field[0] === "format") map.setLayoutProperty(layer.id, /** @type {any} */ ("text-field"), field);
}
