"""The map as a widget: keeps the page fed, alive and checked. Counterpart: `map_assets/src/main.js`.

Theory: everything the page shows can be sent again at any time, so a page that dies is loaded anew and gets the whole state,
camera and selection with its first message. One rule: the page is never waited for; what is asked is answered later.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QColor
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import QWebEnginePage
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.look import themes
from app.map import bridge, feed
from app.map.bridge_paper import FromPaper
from app.map.candidates import CandidatesFeed
from app.map.ground import Ground, Paper, Stands
from app.map.ground_menu import ground_menu
from app.map.layers import MapLayers
from app.map.own_maps import OwnMaps
from app.map.page import Gate, MapPage, make_profile
from app.map.radio import RadioFeed
from app.map.readings import ReadingsFeed
from app.map.reports import Report, Reports
from app.map.scheme import INDEX, MapFiles
from app.map.sieve import MapSieve
from app.map.team_marks import TeamMarksFeed
from app.map.tools import MapTools
from app.model import Delta, Model
from domain.evidence import DerivedLink
from domain.geometry import is_place
from domain.map_parts import parts
from domain.topology import LinkThen

RELOAD_MS = 100
RELOAD_MOST_MS = 10_000
STEADY_MS = 30_000
"""A page that lived this long had no part in the next death."""

KNOWN = ("device", "link", "site", "diagram", "drawing")
"""The kinds of things that the page may speak of."""

_log = logging.getLogger("heliograph.map")


class MapView(QWidget):
    """The live map of a model."""

    device_clicked = Signal(object)
    """A device's id."""
    link_clicked = Signal(object)
    """A link's id."""
    site_clicked = Signal(object)
    """A site's id."""
    background_clicked = Signal()
    device_dropped = Signal(object, float, float)
    """A device's id and where it was dropped: lng, lat."""
    site_dropped = Signal(object, float, float)
    """A site's id and where it was dropped: lng, lat."""
    place_requested = Signal(float, float)
    """A new device is wanted at lng, lat."""
    site_requested = Signal(float, float)
    """A new site is wanted at lng, lat."""
    path_requested = Signal(float, float)
    """A path's profile is wanted from lng, lat to where is clicked next."""
    what_if_toggled = Signal(object)
    """In a what-if: a device or link was clicked; it is to fail, or to fail no more."""
    what_if_left = Signal()
    """The what-if was left on the map."""
    past_left = Signal()
    """The past was left on the map."""
    became_idle = Signal(float)
    """The map stands for the first time; seconds since `started_s`."""
    page_died = Signal(str)
    paper_said = Signal(object)
    """A FromPaper message of the page."""
    painted = Signal(object, object)
    """The oldest observation of a tick and when it was on the screen, both in microseconds UTC."""

    def __init__(
        self,
        model: Model,
        theme: str,
        parent: QWidget | None = None,
        *,
        started_s: float | None = None,
        basemap: Path | None = None,
    ) -> None:
        """`started_s` is the process's start on the monotonic clock, from which `became_idle` counts; without a `basemap` the
        best of the program's worlds is drawn."""
        super().__init__(parent)
        self._model = model
        self._theme = theme
        self._started_s = time.monotonic() if started_s is None else started_s
        self._ready = self._idle = False
        self._selected: UUID | None = None
        self._hovered: UUID | None = None
        self._what_if = feed.NO_WHAT_IF
        self._past, self._candidates = feed.NO_PAST, CandidatesFeed()
        self._stills: dict[int, Callable[[], None]] = {}
        self._ground = Ground(model, lambda: (self.width(), self.height()))
        self._radio = RadioFeed(model)
        self._tokens, self._deaths = itertools.count(1), 0
        self.tools = MapTools(self._send, self)
        self.layers, self.sieve = MapLayers(self._send, self), MapSieve(self._send)
        layered = (ReadingsFeed(model, self.layers), TeamMarksFeed(model, self.layers))
        self._feeds = (self._ground, self._radio, *layered)
        for told in layered:
            self.layers.changed.connect(lambda told=told: self._send(**told.turned()))

        self._gate = Gate(self)
        self._files = MapFiles(basemap, self)
        self.maps = OwnMaps(model, self._files.table, self._send, theme, self)
        self._profile = make_profile(self._files, self._gate, self)
        self._door = bridge.Door(self._is_known, self._take, self)
        self._view = QWebEngineView(self)
        self.page = MapPage(self._profile, self._gate, self._view)
        self.page.renderProcessTerminated.connect(self._on_terminated)
        self._reports = Reports(self.page, self._send, self)
        self._channel = QWebChannel(self.page)
        self._channel.registerObject("door", self._door)
        self.page.setWebChannel(self._channel)
        self._view.setPage(self.page)
        for kept in (
            self._profile,
            self._gate,
            self._files,
        ):  # children go in order: the page first, then these
            kept.setParent(None)
            kept.setParent(self)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._view.setAcceptDrops(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self.setFocusProxy(self._view)

        self._reload = QTimer(self)
        self._reload.setSingleShot(True)
        self._reload.timeout.connect(self._load)
        self._steady = QTimer(self)
        self._steady.setSingleShot(True)
        self._steady.setInterval(STEADY_MS)
        self._steady.timeout.connect(self._forget_deaths)
        self._paint_ground()
        model.changed.connect(self._on_changed)
        self._load()

    @property
    def external_requests(self) -> int:
        """How many requests for the outside were made by the page; all of them were blocked."""
        return self._gate.blocked

    def set_theme(self, theme: str) -> None:
        """Show the map in "dark" or "light"."""
        self._theme = theme
        self._paint_ground()
        self._send(theme=theme)
        self.maps.set_theme(theme)

    def select(self, id: UUID | None) -> None:
        """Mark a device, a link or a site as selected, or nothing."""
        if id != self._selected:
            self._selected = id
            self._send(select=id, away=feed.away_from_site(self._model, id))

    def fit(self) -> None:
        """Show the whole network."""
        self._send(fit=True)

    def fly_to(self, id: UUID) -> None:
        """Bring a device, a link or a site into view."""
        self._send(fly=id)

    def fly_to_place(self, lng: float, lat: float) -> None:
        """Bring a place into view and mark it."""
        self.tools.show_map()
        self._send(pin={"lng": lng, "lat": lat})

    def frame_box(self, west: float, south: float, east: float, north: float) -> None:
        """Bring a stretch of land into view."""
        self.tools.show_map()
        self._send(frame_box=(west, south, east, north))

    def show_paper(self, paper: Paper | None, wanted: Collection[UUID] = (), before: Stands = None) -> None:
        """Show the network on a paper, or (None) on the map again; the devices that are wanted are in view, else what was, as it
        stood `before` on this paper where that is told."""
        turned = {"camera": self._ground.turn(paper, wanted, before)}
        self._hovered = None
        self.tools.set_on_paper(on_paper=paper is not None)
        self._send(**{"paper": None} | self._whole(), turned=turned, select=self._selected, card=None)

    def in_view(self) -> set[UUID]:
        """Return the devices that stand in what is looked at."""
        return self._ground.seen().inside()

    def aim(self, devices: Collection[UUID]) -> None:
        """Look at some devices, where they are not in view."""
        self._send(turned={"camera": self._ground.aim(devices)})

    def tell_paper(self, **message: Any) -> None:
        """Tell the page something of the paper that it shows: marks, a tool, rows."""
        self._send(**message)

    def keep_picture(self, digest: str, data: bytes) -> None:
        """Let the page load a picture by the hash of its content."""
        self._files.pictures[digest] = data

    def show_what_if(
        self,
        failed: Iterable[UUID],
        lost: Iterable[UUID] = (),
        weakened: Iterable[UUID] = (),
        rerouted: Iterable[Sequence[UUID]] = (),
        loads: Iterable[LinkThen] = (),
    ) -> None:
        """Show, over the live map and in a dashed frame, what would be if `failed` (devices and links) failed: devices `lost`,
        devices `weakened` to one way, for each way that traffic would take instead the devices it passes, and other `loads`."""
        would_carry = feed.then_rows(self._model, loads)
        self._what_if = feed.what_if(failed, lost, weakened, rerouted, would_carry)
        self._send(what_if=self._what_if)

    def show_candidates(self, told: Iterable[DerivedLink]) -> None:
        """Draw the links that devices tell of and nobody has drawn; all of them, those by radio are drawn as such."""
        self._send(**self._candidates.tell(told))

    def leave_what_if(self) -> None:
        """Show only what is."""
        self._what_if = feed.NO_WHAT_IF
        self._send(what_if=self._what_if)

    def show_past(self, at_us: int, label: str, notes: Sequence[str], ghosts: Mapping[UUID, str]) -> None:
        """Say in a solid frame that this is the past, let ages count from there, and ring what is in another state now."""
        self.tools.set_in_past(in_past=True)
        self._past = feed.past(at_us, label, notes, ghosts)
        self._send(past=self._past)

    def leave_past(self) -> None:
        """Show what is now."""
        self.tools.set_in_past(in_past=False)
        self._past = feed.NO_PAST
        self._send(past=self._past)

    def look_at(self, lng: float, lat: float, zoom: float) -> None:
        """Look at a place."""
        self.tools.show_map()
        self._send(look=self._ground.look(lng, lat, zoom))

    def when_still(self, then: Callable[[], None]) -> None:
        """Call once the page has painted all that it was told; a fresh page is asked where the one before could not say so."""
        token = next(self._tokens)
        self._stills[token] = then
        self._send(still=token)

    def report(self, then: Callable[[Report], None]) -> None:
        """Ask the page what it shows; `then` gets the answer, or what is known here where the page does not answer in time."""
        self._reports.ask(then)

    def _load(self) -> None:
        self._ready = False
        self.page.load(INDEX)

    def _paint_ground(self) -> None:
        self.page.setBackgroundColor(QColor(themes()[self._theme].surface.ground))

    def _send(self, **message: Any) -> None:
        if self._ready and message:
            for part in parts(message):
                self._door.send(part)

    def _whole(self) -> dict[str, Any]:
        return {key: rows for told in self._feeds for key, rows in told.whole().items()}

    def _is_known(self, id: UUID) -> bool:
        return id in self._model.derived_links or any(self._model.inventory.get(kind, id) for kind in KNOWN)

    def _on_changed(self, delta: Delta) -> None:
        if not self._ready:
            return
        message = {key: rows for told in self._feeds for key, rows in told.tick(delta).items()}
        touched = delta.health | delta.link_states | delta.facts
        if self._hovered is not None and (self._hovered in touched or delta.faults or delta.team):
            message["card"] = feed.card(self._model, self._hovered, self._model.now_us())
        self._send(**message)

    def _take(self, message: bridge.FromPage) -> None:
        """Act on a checked message of the page."""
        match message:
            case bridge.Ready():
                self._on_ready()
            case bridge.Idle():
                self._on_idle()
            case bridge.CameraMoved():
                self._ground.look(message.lng, message.lat, message.zoom)
            case bridge.DeviceClicked():
                self.select(message.id)
                self.device_clicked.emit(message.id)
            case bridge.LinkClicked():
                self.select(message.id)
                self.link_clicked.emit(message.id)
            case bridge.BackgroundClicked():
                self.select(None)
                self.background_clicked.emit()
            case bridge.WhatIfToggled():
                self.what_if_toggled.emit(message.id)
            case bridge.WhatIfLeft():
                self.leave_what_if()
                self.what_if_left.emit()
            case bridge.PastLeft():
                self.past_left.emit()
            case bridge.Still():
                self._stills.pop(message.token, lambda: None)()
            case bridge.Hovered():
                self._hovered = message.id
                now_us = self._model.now_us()
                self._send(card=feed.card(self._model, message.id, now_us) if message.id else None)
            case bridge.SiteClicked():
                self.site_clicked.emit(message.id)
            case bridge.DeviceDropped() | bridge.SiteDropped():
                self._on_dropped(message)
            case bridge.MenuAsked():
                ground_menu(self, self._model, message.lng, message.lat).popup(
                    self._view.mapToGlobal(QPoint(round(message.x), round(message.y)))
                )
            case bridge.Painted():
                self.painted.emit(message.stamp_us, message.painted_us)
            case bridge.Blocked():
                self._gate.refuse(message.url)
            case bridge.BoxDrawn():
                self.maps.take(message)
            case bridge.Reported():
                self._reports.answer(message)
            case _ if isinstance(message, FromPaper):
                self.paper_said.emit(message)
            case _:
                self.tools.take(message)

    def _on_ready(self) -> None:
        self._ready = True
        self._hovered = None
        self.tools.picked = ()
        self._steady.start()
        self._send(
            theme=self._theme,
            basemap={"there": self._files.basemap.is_file(), "file": self._files.basemap.name},
            camera=self._ground.camera,
            select=self._selected,
            away=feed.away_from_site(self._model, self._selected),
            what_if=self._what_if,
            **self.tools.state(),
            **self.layers.state() | self.sieve.state(),
            past=self._past,
            **self.maps.whole(),
            **self._candidates.whole(),
            **self._whole(),
        )
        for token in self._stills:
            self._send(still=token)
        self._reports.ask_again()

    def _on_idle(self) -> None:
        if not self._idle:
            self._idle = True
            self.became_idle.emit(time.monotonic() - self._started_s)

    def _on_dropped(self, message: bridge.DeviceDropped | bridge.SiteDropped) -> None:
        if self._ground.paper is not None or self.tools.is_fixed:
            return
        kind = "device" if isinstance(message, bridge.DeviceDropped) else "site"
        if self._model.inventory.get(kind, message.id) is None or not is_place(message.lng, message.lat):
            _log.error("a drop of %s at %s, %s: expected a %s", message.id, message.lng, message.lat, kind)
            return
        dropped = self.device_dropped if kind == "device" else self.site_dropped
        dropped.emit(message.id, message.lng, message.lat)

    def _on_terminated(self, status: QWebEnginePage.RenderProcessTerminationStatus, code: int) -> None:
        self._ready = False
        self._steady.stop()
        wait_ms = min(RELOAD_MS * 2 ** min(self._deaths, 10), RELOAD_MOST_MS)
        self._deaths += 1
        _log.error("the map's page died (%s, code %d); it comes back in %d ms", status.name, code, wait_ms)
        self._reload.start(wait_ms)
        self.page_died.emit(f"{status.name}, code {code}")

    def _forget_deaths(self) -> None:
        self._deaths = 0
