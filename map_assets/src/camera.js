// Where the map looks: fit, fly, and telling the window, so that a new page looks there again. Counterpart: app/map/view.py.
// One rule: who asks the system for less motion gets none.

import { boundsOf } from "./geometry.js";

/** @import { Map as MapLibre } from "../vendor/maplibre-gl.mjs" */
/** @import { Network } from "./network.js" */
/** @typedef {[west: number, south: number, east: number, north: number]} Bounds */

const PADDING = { top: 56, right: 112, bottom: 104, left: 56 };
const FIT_ZOOM_MOST = 12.5;
const FLY_ZOOM_LEAST = 11;
const FLY_MS = 900;
const TURN_MS = 200;
const WORLD = { center: /** @type {LngLat} */ ([10, 28]), zoom: 1.4 };

export class Camera {
  #map;
  #network;
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  /** Whether the view was chosen by somebody, or framed once; until then it waits for the network. */
  #placed;
  /** What else belongs to the whole of what is shown, and the room at the top. @type {() => { places: { lng: number, lat: number }[], top_px?: number }} */
  beside = () => ({ places: [] });
  /** Frames again what was framed, where nobody looked elsewhere since: it stays framed when the map's size changes, as it does
   *  when a panel opens for what is flown to. @type {((duration_ms: number) => void) | null} */
  #framing;

  /** @param {MapLibre} map @param {Network} network @param {Send} send @param {boolean} placed @param {boolean} framed whether that is the whole network */
  constructor(map, network, send, placed, framed) {
    this.#map = map;
    this.#network = network;
    this.#placed = placed;
    this.#framing = placed && framed ? this.#whole : null;
    map.on("resize", () => this.#framing?.(map.isMoving() ? FLY_MS : 0));
    map.on("moveend", () => {
      const { lng, lat } = map.getCenter().wrap();
      send({ type: "camera_moved", lng, lat, zoom: map.getZoom() });
    });
    map.on("movestart", (event) => {
      if (!event.originalEvent) return;
      this.#placed = true;
      this.#framing = null;
    });
  }

  /** Look at the network when it comes for the first time. */
  follow() {
    if (this.#placed || this.#network.devices.size === 0) return;
    this.#placed = true;
    this.fit(false);
  }

  /** Show the whole network, and what lies beside it. @param {boolean} moving */
  fit(moving = true) {
    this.#framing = this.#whole;
    this.#whole(moving ? TURN_MS : 0);
  }

  /** Show some places. @param {Iterable<{ lng: number, lat: number }>} places @param {number} duration_ms @param {number} maxZoom */
  show(places, duration_ms, maxZoom) {
    this.#frame(boundsOf(places), duration_ms, maxZoom);
  }

  /** @param {Bounds | null} bounds @param {number} duration_ms @param {number} maxZoom */
  #frame(bounds, duration_ms, maxZoom) {
    this.#framing = (duration_ms) => this.#show(bounds, duration_ms, maxZoom);
    this.#framing(duration_ms);
  }

  /** @param {number} duration_ms */
  #whole = (duration_ms) => {
    const { places, top_px } = this.beside();
    this.#show(boundsOf([...this.#network.devices.values(), ...places]), duration_ms, FIT_ZOOM_MOST, top_px);
  };

  /** @param {Bounds | null} bounds @param {number} duration_ms @param {number} maxZoom @param {number} top_px */
  #show(bounds, duration_ms, maxZoom, top_px = PADDING.top) {
    const duration = this.#still.matches ? 0 : duration_ms;
    if (bounds) this.#map.fitBounds(bounds, { padding: { ...PADDING, top: top_px }, maxZoom, duration });
    else this.#map.easeTo({ ...WORLD, duration });
  }

  /** Look at once as the window says, and stay there whatever becomes of the map's size. @param {View} view */
  look({ lng, lat, zoom }) {
    this.#placed = true;
    this.#framing = null;
    this.#map.jumpTo({ center: [lng, lat], zoom });
  }

  /** Bring a place into view. @param {LngLat} center @param {number} least_zoom */
  flyTo(center, least_zoom = FLY_ZOOM_LEAST) {
    this.#framing = null;
    const duration = this.#still.matches ? 0 : FLY_MS;
    this.#map.flyTo({ center, zoom: Math.max(this.#map.getZoom(), least_zoom), duration });
  }

  /** Show a stretch of land, across the antimeridian where its west is beyond its east. @param {Bounds} box */
  frame([west, south, east, north]) {
    this.#frame([west, south, west > east ? east + 360 : east, north], FLY_MS, FIT_ZOOM_MOST);
  }

  /** Bring a device, a link or a site into view. @param {string} id @param {number} least_zoom */
  fly(id, least_zoom = FLY_ZOOM_LEAST) {
    const device = this.#network.devices.get(id) ?? this.#network.sites.get(id);
    const link = this.#network.links.get(id);
    if (device) {
      this.flyTo([device.lng, device.lat], least_zoom);
    } else if (link) {
      const path = this.#network.pathOf(link) ?? [];
      this.show(path.map(([lng, lat]) => ({ lng, lat })), FLY_MS, FIT_ZOOM_MOST + 2);
    }
  }
}

/** Where a new map looks: where the last one did, else at the network, else at the world. @param {View | null | undefined} view @param {Network} network */
export function startOf(view, network) {
  if (view) return { center: /** @type {LngLat} */ ([view.lng, view.lat]), zoom: view.zoom };
  const bounds = boundsOf(network.devices.values());
  return bounds ? { bounds, fitBoundsOptions: { padding: PADDING, maxZoom: FIT_ZOOM_MOST } } : WORLD;
}
