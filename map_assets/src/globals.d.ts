// What the window puts into the page, and the shapes of what both sides say to each other.
// Counterparts: app/map/bridge.py (what the page sends), app/map/feed.py and view.py (what it gets); in a browser
// sync_server/admin/static/live_map.js and sync_server/live/map_state.py.

type Status = "up" | "degraded" | "down" | "affected" | "stale" | "unknown" | "maintenance";
type LinkStatus = "up" | "down" | "unknown";
type ThemeName = "dark" | "light";
type Role = "pop" | "relay" | "access" | "switch" | "sector" | "customer" | "power" | "server" | "other";
type LngLat = [lng: number, lat: number];

interface DeviceRow { id: string; name: string; role: Role; lng: number; lat: number }
interface SiteRow { id: string; name: string; lng: number; lat: number }
interface LinkRow {
  id: string; a: string; b: string; kind: "fibre" | "wireless" | "copper"; capacity_bps: number; path: LngLat[];
}
/** `cause`: the device or link that it is affected by. */
interface HealthRow { id: string; status: Status; since_us: number; cause?: string }
/** `lag`: of a link of several ports how many they are, and how many of them are down. */
interface LoadRow {
  id: string; status: LinkStatus;
  ab_bps: number | null; ba_bps: number | null; ab_class: number | null; ba_class: number | null;
  lag?: [width: number, down: number];
}
interface Card {
  id: string; title: string; status: Status; said: string; notes: string[]; reason: string; lines: [label: string, value: string][];
}
/** A sector of an access point: the wedge it covers, who is registered, and how many of those stand nowhere on the map. */
interface SectorRow { id: string; device: string; azimuth: number; clients: number; unplaced: number; ring: LngLat[] }
/** Two devices that hear each other by radio; `drawn`: a link by hand is there too. */
interface HopRow { id: string; a: string; b: string; drawn: boolean }
/** `level`: 0 (weakest) to 4, or null where nobody tells. */
interface SignalRow { id: string; level: number | null }
/** A cable link that devices tell of and nobody has drawn. */
interface CandidateRow { id: string; a: string; b: string }
/** `level`: the class of a round trip; null is not known any more. */
interface LatencyRow { id: string; level: number | null }
/** Open alerts about a device or link; `status` has the colour of the worst. */
interface BadgeRow { id: string; count: number; status: "down" | "degraded" | "unknown" }
/** Others of the team at a device, link or site, by their initials; who works on it does not look at it beside. */
interface PeopleRow { id: string; working: string[]; looking: string[] }
/** A device to which a tunnel is open: this computer's own, or others', by their initials. */
interface TunnelRow { id: string; mine: boolean; others: string[] }
interface View { lng: number; lat: number; zoom: number }

/** What would be if some devices and links failed; `path`: devices, in the order that traffic passes them. */
/** What a link would carry, and whether that is more than now. */
interface ThenRow { id: string; ab_bps: number | null; ba_bps: number | null; ab_class: number | null; ba_class: number | null; more: boolean }
interface WhatIf { on: boolean; failed: string[]; lost: string[]; weakened: string[]; rerouted: { path: string[] }[]; loads: ThenRow[] }

/** The window's filter: the devices that it leaves, what it is in words, and how many those are. Without `kept`: `more` and `less` than before. */
interface SieveRow { on: boolean; kept?: string[]; more?: string[]; less?: string[]; said: string; count: string }

/** A moment of the past that is shown; `ghosts` are devices by the status they have now, where it is another. */
interface PastRow { on: boolean; at_us: number; label: string; notes: string[]; ghosts: { id: string; status: Status }[] }
type Pen = "hand" | "text" | "box" | "ellipse" | "line";
/** What people put on a paper, in its points; of a text `height` is the size of its letters. */
interface DrawingRow {
  id: string; shape: Exclude<Pen, "hand">; x: number; y: number; width: number; height: number; text: string; color: string;
}
interface PaperPicture { digest: string; width: number; height: number }
/** What a paper shows beside the network: `guests` are places of devices beyond its border, `pinned` of what stays when laid out. */
interface PaperRow {
  drawings: DrawingRow[];
  submaps: { id: string; name: string; count: number; at: [x: number, y: number] }[];
  pinned: [x: number, y: number][];
  guests: [x: number, y: number][];
  picture: PaperPicture | null;
  grid: boolean;
}
/** Another paper, or the map, is shown from now on: where it looks (null: at all of it). */
interface Turned { camera: View | null }

/** West, south, east, north. */
type Box = [number, number, number, number];

/** A map of the user; `address` below the page's own, another one where the file is another. */
interface OwnMap {
  id: string; name: string; schema: "protomaps" | "openmaptiles" | "shortbread" | "raster"; address: string;
  min_zoom: number; max_zoom: number; bounds: Box; coverage: Box[]; opacity: number; attribution: string;
}

/** One message of the window: any of these, taken in this order. */
interface FromWindow {
  theme?: ThemeName;
  basemap?: { there: boolean; file: string };
  camera?: View | null;
  /** The page is only looked at: it has no tools. Said with the first message. */
  viewing?: boolean;
  /** The message goes on in the next one, with further rows; what is not rows comes with the last. */
  more?: boolean;
  reset?: boolean;
  devices?: DeviceRow[];
  links?: LinkRow[];
  sites?: SiteRow[];
  gone?: string[];
  health?: HealthRow[];
  loads?: LoadRow[];
  stamp_us?: number;
  select?: string | null;
  /** Of the selected site the devices that have a place of their own. */
  away?: string[];
  fit?: boolean;
  frame_box?: [west: number, south: number, east: number, north: number];
  fly?: string;
  /** A place to fly to and mark. */
  pin?: { lng: number; lat: number } | null;
  /** The tool that is held; "" is none. `escape`: cancel what it does, or put it down. */
  tool?: "" | "edit" | "link" | "ruler";
  escape?: true;
  /** Whether nothing can be moved by hand. */
  locked?: boolean;
  units?: "metric" | "imperial";
  /** `latency`: what differs; `alerts`: all of them. */
  readings?: { latency?: LatencyRow[]; alerts?: BadgeRow[] };
  /** All of them, where they differ: others of the team; devices, links and sites that wait for the server; devices with tunnels. */
  team?: { people?: PeopleRow[]; pending?: string[]; tunnels?: TunnelRow[] };
  card?: Card | null;
  what_if?: WhatIf;
  /** `sectors` and `hops` replace what was there. */
  radio?: { sectors?: SectorRow[]; hops?: HopRow[]; signals?: SignalRow[] };
  /** All of them. */
  candidates?: CandidateRow[];
  past?: PastRow;
  sieve?: SieveRow;
  look?: View;
  /** Say so when the map stands still. */
  still?: number;
  /** Groups of layers: their order from the ground up (what is not named stays), the usual one, and those that are hidden. */
  layers?: { order: string[]; usual: string[]; hidden: string[] };
  /** The paper that the network stands on; null: the map. */
  paper?: PaperRow | null;
  turned?: Turned;
  /** Things and drawings that are marked, to be moved together. */
  marks?: string[];
  /** What the next drag on paper draws. */
  pen?: Pen;
  /** Maps of the user that are drawn, the topmost first. */
  maps?: OwnMap[];
  /** Areas to be shown over everything. */
  areas?: Box[];
  /** A box is to be drawn by hand, or no more. */
  draw_box?: boolean;
  report?: number;
}

type ToWindow =
  | { type: "ready" }
  | { type: "idle"; after_ms: number }
  | { type: "camera_moved"; lng: number; lat: number; zoom: number }
  | { type: "device_clicked" | "link_clicked" | "site_clicked"; id: string }
  | { type: "background_clicked" | "what_if_left" | "past_left" | "filter_left" }
  | { type: "still"; token: number }
  | { type: "what_if_toggled"; id: string }
  | { type: "hovered"; id: string | null }
  | { type: "device_dropped" | "site_dropped"; id: string; lng: number; lat: number }
  | { type: "devices_dropped"; moves: { id: string; lng: number; lat: number }[] }
  | { type: "link_drawn"; a: string; b: string; path: LngLat[] }
  | { type: "bends_moved"; id: string; path: LngLat[] }
  | { type: "picked"; ids: string[] }
  | { type: "align_asked" | "tool_left" }
  | { type: "tool_asked"; tool: "edit" | "link" | "ruler" | "layers" }
  | { type: "copied"; text: string }
  | { type: "candidate_clicked"; id: string; x: number; y: number }
  | { type: "menu_asked"; lng: number; lat: number; x: number; y: number }
  | { type: "things_moved"; id: string; dx: number; dy: number }
  | { type: "area_marked"; left: number; top: number; right: number; bottom: number }
  | { type: "thing_marked"; id: string; more: boolean }
  | { type: "thing_opened"; id: string }
  | { type: "drawing_made"; shape: Exclude<Pen, "hand">; x: number; y: number; width: number; height: number }
  | { type: "drawing_pulled"; id: string; x: number; y: number; width: number; height: number }
  | { type: "paper_menu_asked"; id: string | null; x: number; y: number; right: number; down: number }
  | { type: "paper_escaped" }
  | { type: "painted"; stamp_us: number; painted_us: number }
  | { type: "blocked"; url: string }
  | { type: "box_drawn"; box: Box | null }
  | {
    type: "reported"; token: number; first_idle_s: number | null; console_errors: number;
    rendered_devices: number; rendered_links: number; settled: boolean; zoom: number; center: LngLat;
  };

type Send = (message: ToWindow) => void;

interface Door {
  to_page: { connect(listener: (text: string) => void): void };
  from_page(text: string): void;
}

declare const qt: { webChannelTransport: object };
declare const QWebChannel: new (
  transport: object, opened: (channel: { objects: { door: Door } }) => void,
) => object;
declare const pmtiles: typeof import("pmtiles");
