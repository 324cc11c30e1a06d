// The same network drawn by others, each as its own guide has it, and the time of the same changes. Counterpart: bench_map_peers.py.
// Painted, for all as for the map itself: the frame with the changes was drawn, and the browser has come to its next frame.

import * as maplibre from "/vendor/maplibre-gl.mjs";

maplibre.setWorkerUrl("/vendor/maplibre-gl-worker.mjs");
const COLORS = { up: "#2BB3A3", degraded: "#F2B705", stale: "#93A1B0", down: "#FF5A4F", unknown: "#6B7885" };
const LOADS = ["#34465A", "#35608D", "#25848E", "#27AD81", "#7AD151", "#E2E418"];

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const ground = () => {
  document.body.innerHTML = '<div id="map"></div>';
};

/** Each half-link of the network: its two ends and its load. */
function* halves({ devices, links, loads }) {
  const at = new Map(devices.map((row) => [row.id, row]));
  const classes = new Map(loads.map((row) => [row.id, row]));
  for (const { id, a, b } of links) {
    const [from, to, load] = [at.get(a), at.get(b), classes.get(id)];
    const middle = [(from.lng + to.lng) / 2, (from.lat + to.lat) / 2];
    yield { id: `${id}:ab`, path: [[from.lng, from.lat], middle], load: load?.ab_class ?? 0 };
    yield { id: `${id}:ba`, path: [middle, [to.lng, to.lat]], load: load?.ba_class ?? 0 };
  }
}

/** Leaflet's own way: a path for each link, a circle marker for each device, a style set on what changes. */
async function leaflet(network, preferCanvas) {
  ground();
  const map = L.map("map", { preferCanvas, zoomAnimation: false, fadeAnimation: false });
  map.fitBounds(network.devices.map(({ lng, lat }) => [lat, lng]), { animate: false });
  for (const { path, load } of halves(network)) {
    L.polyline(path.map(([lng, lat]) => [lat, lng]), { color: LOADS[load], weight: 2, interactive: false }).addTo(map);
  }
  const dots = new Map();
  for (const { id, lng, lat } of network.devices) {
    dots.set(id, L.circleMarker([lat, lng], { radius: 4, stroke: false, fillOpacity: 1, fillColor: COLORS.up }).addTo(map));
  }
  await frame();
  await frame();
  return async (changes) => {
    for (const { id, status } of changes) dots.get(id).setStyle({ fillColor: COLORS[status] });
    await frame();
    await frame();
  };
}

/** Leaflet as most network maps have it: a marker with an icon of its own for each device, a path in the renderer that it comes with for each link, and a new icon for what changes. */
async function leafletMarkers(network) {
  ground();
  const map = L.map("map", { zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false });
  map.fitBounds(network.devices.map(({ lng, lat }) => [lat, lng]), { animate: false });
  for (const { path, load } of halves(network)) {
    L.polyline(path.map(([lng, lat]) => [lat, lng]), { color: LOADS[load], weight: 2 }).addTo(map);
  }
  const icon = (status) => L.divIcon({ className: "device", iconSize: [8, 8], html: `<i style="background:${COLORS[status]}"></i>` });
  const markers = new Map(network.devices.map(({ id, lng, lat }) => [id, L.marker([lat, lng], { icon: icon("up") }).addTo(map)]));
  await frame();
  await frame();
  return async (changes) => {
    for (const { id, status } of changes) markers.get(id).setIcon(icon(status));
    await frame();
    await frame();
  };
}

/** MapLibre with one source of everything, whose data is set whole. */
async function whole(network) {
  ground();
  const features = network.devices.map(({ id, lng, lat }) => ({
    type: "Feature", properties: { id, status: "up" }, geometry: { type: "Point", coordinates: [lng, lat] },
  }));
  const at = new Map(features.map((feature) => [feature.properties.id, feature.properties]));
  for (const { id, path, load } of halves(network)) {
    features.push({ type: "Feature", properties: { id, load }, geometry: { type: "LineString", coordinates: path } });
  }
  const data = { type: "FeatureCollection", features };
  const lngs = network.devices.map(({ lng }) => lng);
  const lats = network.devices.map(({ lat }) => lat);
  const map = new maplibre.Map({
    container: "map", fadeDuration: 0, attributionControl: false, style: { version: 8, sources: {}, layers: [] },
    bounds: [[Math.min(...lngs), Math.min(...lats)], [Math.max(...lngs), Math.max(...lats)]],
  });
  map.painter.drawFunctions = { ...map.painter.drawFunctions, sky: () => {} };
  await map.once("style.load");
  map.addSource("all", { type: "geojson", data });
  map.addLayer({
    id: "links", type: "line", source: "all", filter: ["==", ["geometry-type"], "LineString"],
    paint: { "line-width": 2, "line-color": ["match", ["get", "load"], ...LOADS.flatMap((color, i) => [i, color]), LOADS[0]] },
  });
  map.addLayer({
    id: "dots", type: "circle", source: "all", filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-radius": 4, "circle-color": ["match", ["get", "status"], ...Object.entries(COLORS).flat(), COLORS.unknown] },
  });
  await map.once("idle");
  return async (changes) => {
    for (const { id, status } of changes) at.get(id).status = status;
    map.getSource("all").setData(data);
    const drawn = () => new Promise((resolve) => map.once("render", resolve));
    do await drawn();
    while (!map.isSourceLoaded("all"));
    await frame();
  };
}

const PEERS = {
  leaflet: leafletMarkers,
  leaflet_canvas: (network) => leaflet(network, true),
  leaflet_svg: (network) => leaflet(network, false),
  whole_set_data: whole,
};

/** @type {(changes: object[]) => Promise<void>} */
let change;

/** Let a peer draw the network. */
globalThis.prepare = async (peer, network) => {
  change = await PEERS[peer](network);
  globalThis.prepared = true;
};

/** Answer with the times of some rounds of changes, in milliseconds. */
globalThis.time = async (rounds) => {
  const taken_ms = [];
  for (const changes of rounds) {
    const since = performance.now();
    await change(changes);
    taken_ms.push(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  globalThis.taken_ms = taken_ms;
};
globalThis.there = true;
