"""What the page is told when it shows a diagram: the feed's rows with places on paper. Counterpart: `app/map/feed.py`.

Theory: the page knows one kind of place, so paper lies around 0, 0 of its flat world, one point a pixel at zoom 12. Devices in a
submap stand on each other where the submap stands: the page draws them as one ring with their statuses, as it does with any
stack. Links between the same two nodes, of which one is a submap, are one: the first of them carries what all do.
One rule: after a change the page gets what differs from what it has, found by comparing rows, not by guessing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from app.lags import capacity_bps
from app.map import feed
from app.model import Delta, Model
from domain.geometry import LngLat
from domain.inventory import Link
from domain.layout import Point, place_beside
from domain.load import load_class, load_pct
from domain.sheet import Sheet, root_of, sheet_of

POINTS_AROUND = 512 * 2**12
"""The flat world's girth in points."""
DEG_PER_POINT = 360 / POINTS_AROUND
LAID_OUT_AT_ONCE = 60
"""A fresh paper of so many things is laid out while one waits; more are laid out in a thread."""

Row = dict[str, Any]


def ground_of(point: Point) -> LngLat:
    """Return where the page's world has a point of the paper."""
    lat = math.degrees(2 * math.atan(math.exp(-math.radians(point[1] * DEG_PER_POINT))) - math.pi / 2)
    return LngLat(point[0] * DEG_PER_POINT, lat)


def point_of(place: LngLat) -> Point:
    """Return which point of the paper lies at a place of the page's world."""
    flat = math.degrees(math.log(math.tan(math.pi / 4 + math.radians(place.lat) / 2)))
    return place.lng / DEG_PER_POINT, -flat / DEG_PER_POINT


class Paper:
    """One diagram as the page shows it. `unsaved` are the places that nobody has kept yet."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._diagram: UUID | None = None
        self.sheet: Sheet | None = None
        self.places: dict[UUID, Point] = {}
        """Of everything that is shown: devices, submaps, guests."""
        self.unsaved: set[UUID] = set()
        self.waiting: set[UUID] = set()
        """What has no place until it is laid out."""
        self._drafts: dict[UUID, dict[UUID, Point]] = {}
        self._sketches: set[UUID] = set()
        """The diagrams whose drafts are only a sketch."""
        self._followed: Delta | None = None
        self._shown: tuple[dict[UUID, Row], dict[UUID, Row], Row] = ({}, {}, {})
        """What the page has: devices, links, and what else is on the paper."""
        self._devices: dict[UUID, Row] = {}
        self._links: dict[UUID, Row] = {}
        self._bundles: dict[UUID, list[tuple[Link, bool]]] = {}
        """Of each link that is drawn all it stands for, and whether that runs the other way."""
        self._bundle_of: dict[UUID, UUID] = {}
        self._drawn: Row = {}
        self.more: Callable[[], Row] = dict
        """What else the page is told of the paper: pictures, the grid."""
        self.held: Callable[[], Row] = dict
        """What a fresh page is told beside the paper: marks, the tool."""

    @property
    def root(self) -> UUID:
        """The tenant's first diagram."""
        tenant = self._model.tenant
        return root_of(tenant.id if tenant is not None else UUID(int=0))

    @property
    def diagram(self) -> UUID:
        """The diagram that is open."""
        return self.sheet.diagram if self.sheet is not None else self._diagram or self.root

    @property
    def key(self) -> str:
        """What the camera is remembered by."""
        return str(self.diagram)

    def open(self, diagram: UUID | None) -> None:
        """Show another diagram, or the root."""
        self._diagram = diagram
        self.refresh()

    @property
    def is_sketch(self) -> bool:
        """Whether things stand only roughly where they belong, and nobody has kept that."""
        return self.diagram in self._sketches and not self.saved()

    def draft(self, places: Mapping[UUID, Point], *, sketch: bool = False) -> None:
        """Let things stand where they were laid out, or sketched; it is not kept."""
        self._drafts[self.diagram] = dict(places)
        (self._sketches.add if sketch else self._sketches.discard)(self.diagram)
        self.refresh()

    def forget_drafts(self) -> None:
        """Let what nobody has kept be laid out anew."""
        self._drafts.clear()
        self._sketches.clear()
        self.refresh()

    def saved(self) -> dict[UUID, Point]:
        """Return the places of the open diagram that are kept."""
        return {s.thing: (s.x, s.y) for s in self._model.inventory.spots() if s.diagram == self.diagram}

    def node_links(self) -> list[tuple[UUID, UUID]]:
        """Return the links between nodes of the open diagram."""
        assert self.sheet is not None
        node_of = self.sheet.node_of
        pairs = ((node_of.get(x.a), node_of.get(x.b)) for x in self._model.inventory.links())
        return [(a, b) for a, b in pairs if a is not None and b is not None and a != b]

    def whole(self) -> Row:
        """Return the message that shows this paper and nothing else."""
        self.refresh()
        self._shown = (self._devices, self._links, self._drawn)
        return {
            "reset": True,
            "devices": list(self._devices.values()),
            "links": list(self._links.values()),
            "health": feed.health_rows(self._model, self._devices, everywhere=True),
            "loads": self._load_rows(self._links),
            "paper": self._drawn,
            **self.held(),
        }

    def stands(self) -> dict[UUID, LngLat]:
        """Return where devices stand in the page's world; those in a submap stand where that does."""
        return {id: LngLat(row["lng"], row["lat"]) for id, row in self._devices.items()}

    def tick(self, delta: Delta) -> Row:
        """Return what the page needs to know of one delta."""
        if delta.initial:
            return self.whole()
        message: Row = {}
        fresh: set[UUID] = set()
        if delta.inventory:
            self.follow(delta)
            message, fresh = self.differences()
        healths = (delta.health | fresh) & self._devices.keys()
        touched = delta.link_states | delta.links | fresh
        loads = {self._bundle_of[id] for id in touched if id in self._bundle_of}
        message |= {
            "health": feed.health_rows(self._model, healths, everywhere=True),
            "loads": self._load_rows(loads),
        }
        message = {key: rows for key, rows in message.items() if rows or key == "paper"}
        if healths and (stamp_us := feed.oldest_observation_us(self._model, healths)):
            message["stamp_us"] = stamp_us
        return message

    def follow(self, delta: Delta) -> None:
        """Look at everything again after a change of the inventory, once for each."""
        if delta is not self._followed:
            self._followed = delta
            self.refresh()

    def differences(self) -> tuple[Row, set[UUID]]:
        """Return what differs from what the page has, and which devices and links are new to it."""
        devices, links, drawn = self._shown
        self._shown = (self._devices, self._links, self._drawn)
        changed = [row for id, row in self._devices.items() if devices.get(id) != row]
        relinked = [row for id, row in self._links.items() if links.get(id) != row]
        gone = [id for id in (*devices, *links) if id not in self._devices and id not in self._links]
        message: Row = {"devices": changed, "links": relinked, "gone": gone}
        if drawn != self._drawn:
            message["paper"] = self._drawn
        return message, (self._devices.keys() - devices.keys()) | {row["id"] for row in relinked}

    def refresh(self) -> None:
        """Take the sheet, its places and its rows anew from the mirror."""
        inventory = self._model.inventory
        sheet = self.sheet = sheet_of(inventory, self.root, self._diagram or self.root)
        self._place(sheet)
        devices = {}
        for id, node in sheet.node_of.items():
            device = inventory.device(id)
            if device is not None and node in self.places:
                lng, lat = ground_of(self.places[node])
                devices[id] = {"id": id, "name": device.name, "role": device.role, "lng": lng, "lat": lat}
        self._devices = devices
        self._bundle(sheet)
        self._drawn = self._drawn_row(sheet) | self.more()

    def _place(self, sheet: Sheet) -> None:
        """Say where everything stands: as kept, as drafted, else beside its neighbours."""
        saved = self.saved()
        things = sheet.things
        drafts = self._drafts.setdefault(sheet.diagram, {})
        places = {id: saved.get(id) or drafts.get(id) for id in things}
        known = {id: place for id, place in places.items() if place is not None}
        missing = [id for id in things if id not in known]
        self.waiting = set()
        if missing and not known and len(missing) > LAID_OUT_AT_ONCE:
            self.waiting = set(missing)
        elif missing:
            made = place_beside(missing, self.node_links(), known)
            drafts.update(made)
            known |= made
        self.unsaved = {id for id in known if id not in saved}
        guests = [id for id in sheet.guests if id not in drafts]
        if guests and not self.waiting:
            around = known | {id: drafts[id] for id in sheet.guests if id in drafts}
            drafts.update(place_beside(guests, self.node_links(), around))
        self.places = known | {id: drafts[id] for id in sheet.guests if id in drafts}

    def _bundle(self, sheet: Sheet) -> None:
        """Gather the links that run between the same two nodes where one of them is a submap."""
        rows: dict[UUID, Row] = {}
        bundles: dict[UUID, list[tuple[Link, bool]]] = {}
        first: dict[tuple[UUID, UUID], Link] = {}
        self._bundle_of = {}
        submaps = {submap.id for submap in sheet.submaps}
        for link in sorted(self._model.inventory.links(), key=lambda link: link.id):
            a, b = sheet.node_of.get(link.a), sheet.node_of.get(link.b)
            if a is None or b is None or a == b or not {link.a, link.b} <= self._devices.keys():
                continue
            if a in sheet.guests and b in sheet.guests:
                continue
            carrier = link
            if a in submaps or b in submaps:
                carrier = first.setdefault((min(a, b), max(a, b)), link)
            turned = carrier is not link and sheet.node_of[carrier.a] != a
            bundles.setdefault(carrier.id, []).append((link, turned))
            self._bundle_of[link.id] = carrier.id
            row = rows.setdefault(carrier.id, {**feed.link_row(carrier), "path": (), "capacity_bps": 0})
            row["capacity_bps"] += link.capacity_bps
        self._links, self._bundles = rows, bundles

    def _load_rows(self, ids: Iterable[UUID]) -> list[Row]:
        """Return the loads of links; of a bundle the worst status, what all carry, and the highest class."""
        rows = []
        for id in ids:
            bundle = self._bundles[id]
            if len(bundle) == 1:
                rows += feed.load_rows(self._model, [id])
                continue
            told = [(link, turned, self._model.link_states.get(link.id)) for link, turned in bundle]
            ways: list[tuple[float | None, int | None]] = []
            for way in (0, 1):
                total: float | None = None
                classes = []
                for link, turned, state in told:
                    if state is None:
                        continue
                    bps = (state.ab_bps, state.ba_bps)[way ^ turned]
                    classes.append(load_class(load_pct(bps, capacity_bps(self._model, link))))
                    total = bps if total is None else total + (bps or 0)
                ways.append((total, max((c for c in classes if c is not None), default=None)))
            statuses = {state.status if state is not None else "unknown" for *_, state in told}
            status = next(s for s in ("down", "unknown", "up") if s in statuses)
            (ab_bps, ab_class), (ba_bps, ba_class) = ways
            rows.append(
                {
                    "id": id,
                    "status": status,
                    "ab_bps": ab_bps,
                    "ba_bps": ba_bps,
                    "ab_class": ab_class,
                    "ba_class": ba_class,
                }
            )
        return rows

    def _drawn_row(self, sheet: Sheet) -> Row:
        """Return what lies on the paper beside the network."""
        inventory = self._model.inventory
        drawings = sorted((d for d in inventory.drawings() if d.diagram == sheet.diagram), key=lambda d: d.id)
        pinned = {s.thing for s in inventory.spots() if s.diagram == sheet.diagram and s.is_pinned}
        return {
            "drawings": [
                {
                    "id": d.id,
                    "shape": d.shape,
                    "x": d.x,
                    "y": d.y,
                    "width": d.width,
                    "height": d.height,
                    "text": d.text,
                    "color": d.color,
                }
                for d in drawings
            ],
            "submaps": [
                {"id": s.id, "name": s.name, "count": len(sheet.members(s.id)), "at": self.places[s.id]}
                for s in sheet.submaps
                if s.id in self.places
            ],
            "pinned": [self.places[id] for id in sorted(pinned) if id in self.places],
            "guests": [self.places[id] for id in sorted(sheet.guests) if id in self.places],
        }
