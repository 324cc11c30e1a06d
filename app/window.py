"""The window: puts panels around the map and says who hears whom. Counterpart: `compose.py` builds what it is given.

Theory: there is one selection, and it is here; tree, map, alerts and palette ask for it, and it is told to all of them. What
changes the network goes to `Commands`, what shows it reads `Model`. One rule: nothing here knows how a thing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import cast
from uuid import UUID

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QMainWindow, QMenu, QStackedWidget, QWidget

from app.access.desk import TunnelDesk
from app.actions import SETTINGS, make_actions
from app.commands import Commands, Said, Then
from app.device_menu import fill_menu
from app.dialogs.palette import Palette
from app.dialogs.shortcuts import Shortcuts
from app.discovery.entrance import Discovery
from app.draft import DeviceDraft
from app.engine_link import EngineLink
from app.engine_news import EngineNews
from app.exchange.desk import Exchange
from app.forms import Forms
from app.hearing import hear_panels
from app.look import Look
from app.lookup.book import Book
from app.map_desk import MapDesk
from app.maps.entrance import Maps
from app.model import Delta, Model
from app.panels import tree
from app.panels.alert_counters import AlertCounters
from app.panels.alert_desk import AlertDesk
from app.panels.alerts import HEAD_PX, AlertsPanel
from app.panels.device import DevicePanel
from app.panels.first_card import FirstCard
from app.panels.link import LinkPanel
from app.panels.map_frame import Map, MapFrame
from app.panels.notices import Toasts
from app.panels.top_bar import HEIGHT_PX, TopBar
from app.panels.tree import TreePanel
from app.past.desk import PastDesk
from app.photos.desk import PhotoDesk
from app.places import Places
from app.radio.entrance import Radio
from app.schematic.desk import Schematic
from app.settings import Settings
from app.sheet import sheet
from app.splitter import central_of, splitter
from app.team.desk import TeamDesk
from app.team.rights import why_not
from app.topology.desk import Desk
from app.verbs import verbs_of
from app.words import capitalized
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.hierarchy import Key
from domain.inventory import Device, Link, Site

SIZE_PX = (1600, 1000)
LEAST_PX = (1024, 640)
ALERTS_PX = 254
ROOMY_PX = 950


class Window(QMainWindow):
    """The one window."""

    closed = Signal()
    demo_wanted = Signal()

    def __init__(self, model: Model, link: EngineLink, commands: Commands, look: Look, map: QWidget) -> None:
        super().__init__()
        self.setWindowTitle("Heliograph")
        self.resize(*SIZE_PX)
        self.setMinimumSize(*LEAST_PX)
        self._model, self._link, self.commands, self.look = model, link, commands, look
        self.map = cast("Map", map)
        self._book = Book(model, self)
        self._awaited: UUID | None = None
        self._seen_snapshot = self._offered = self._unfolds = False
        self.selected: UUID | None = None
        self.region: str | None = None  # while nothing else is selected
        self.top = TopBar(model, look)
        self.tree = TreePanel(model, look)
        self.frame = MapFrame(map, look)
        self.alerts = AlertsPanel(model, look)
        self.device = DevicePanel(model, link, look)
        self.topology = Desk(model, link, commands, look, self.map)
        self.link = LinkPanel(model, link, look, self.topology.told)
        self.past = PastDesk(model, link, look, self.map)
        self.first_card = FirstCard(look)
        self.news = EngineNews(link, look)
        self.settings = Settings(model, link, commands, look, self)
        self.team = TeamDesk(model, link, commands, look, self.map, self)
        self.places = Places(model, commands, look, self.map, self.frame, self.tree, self.settings, self)
        self.side = QStackedWidget()
        for panel in (self.device, self.link, self.places.panel, self.topology.panel):
            self.side.addWidget(panel)
        self.side.hide()
        self.radio = Radio(model, link, look, self.map, self.frame, self.link.radio, self)
        self.forms = Forms(
            model, link, commands, look, self._add, partial(self.places.ask_place, "the device"), self
        )
        self._lay_out()
        self.toasts = Toasts(self.frame)
        self.tunnels = TunnelDesk(model, link, self, author=commands.author, say=self.toasts.say)
        self.schematic = Schematic(model, link, commands, self.map, frame=self.frame, hands=self)
        self.photos = PhotoDesk(model, link, commands, look, self)
        self.discovery = Discovery(model, link, commands, look, self)
        self.map_desk = MapDesk(model, link, commands, self.map, look, self.select, self)
        self.maps = Maps(model, link, commands, look, self)
        self.desk = AlertDesk(model, link, commands, look, self.alerts, self)
        self.exchange = Exchange(model, link, commands, look, self)
        self.counters = AlertCounters(model, look)
        self.top.add_indicator(self.counters)
        self.actions_by_name = make_actions(self, verbs_of(self))
        self._connect()
        self._dress()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.tick)
        self._clock.start(1000)

    # Selection

    def select(self, id: UUID | None, *, fly: bool = False, beside: bool = False) -> None:
        """Choose a device, a link or a site, or nothing, everywhere. `beside`: a what-if stays before its panel."""
        thing = self._thing(id)
        self.selected = id = thing.id if thing is not None else None
        self.region = None
        keys: dict[type, Key] = {Device: ("device", id), Site: ("site", id)}
        self.tree.select(keys.get(type(thing)))
        self.map.select(id)
        self.team.presence.look_at(id)
        if not beside:
            self.topology.give_way(id)
        self._show_side()
        match thing:
            case Device():
                self._link.watch([thing.id])
                self.device.show_device(thing.id)
            case Link():
                self._link.watch([thing.a, thing.b])
                self.link.show_link(thing.id)
            case _:
                self._link.watch([])
        if isinstance(thing, Site):
            self.places.panel.show_place(("site", thing.id))
        if isinstance(thing, Site) and fly and thing.lng is None:
            self.places.fly_to(("site", thing.id))
        elif id is not None and fly:
            self.schematic.fly_to(id)

    def select_region(self, name: str, *, fly: bool = False) -> None:
        """Choose a region."""
        self.select(None)
        key: Key = ("region", name)
        self.region, self.topology.in_front = name, False
        self.tree.select(key)
        self.places.panel.show_place(key)
        self._show_side()
        if fly:
            self.places.fly_to(key)

    def imagine(self, id: UUID | None) -> None:
        """Ask what if a device, a link or a site fails, or what is clicked on the map then."""
        self.imagine_all([id] if id is not None else [])

    def imagine_all(self, ids: Iterable[UUID]) -> None:
        """Ask what if all of these fail."""
        self.topology.imagine(ids)

    def follow(self, id: UUID) -> None:
        """Ask for a walk of a device's neighbours."""
        self.discovery.open_walk(id)

    def step_back(self) -> None:
        """Undo the last thing that was opened: placing, the selection, the filter."""
        if self.frame.placing:
            self.frame.cancel_placing()
        elif any(part.step_back() for part in (self.map.tools, self.topology, self.past, self.schematic)):
            pass
        elif self.selected is not None or self.region is not None:
            self.select(None)
        elif self.schematic.step_out():
            pass
        elif self.alerts.filter.text():
            self.alerts.filter.clear()
        else:
            self.show_all()

    def show_all(self) -> None:
        """Filter neither tree nor map any more, whatever it was by."""
        self.tree.filter.clear()
        self.top.show_all()

    # What can be done

    def add_device(self, lng: float | None = None, lat: float | None = None) -> None:
        """Open the form for a new device, at a place where one is given."""
        self.forms.add_device(LngLat(lng, lat) if lng is not None and lat is not None else None)

    def edit(self, id: UUID | None) -> None:
        """Open the form for a device, a link or a site that is there."""
        form: QDialog | None = None
        match thing := self._thing(id):
            case Device():
                form = self.forms.edit_device(thing)
            case Link():
                form = self.forms.edit_link(thing)
            case Site():
                form = self.places.edit_site(thing)
        if thing is not None:
            self.team.work_on(thing.id, form)

    def delete(self, id: UUID | None) -> None:
        """Ask once, then delete a device with the links that end at it, a link, or a site."""
        thing = self._thing(id)
        if isinstance(thing, Site):
            self.places.ask_to_delete(thing)
        elif thing is not None:
            self.forms.ask_to_delete(thing)

    def place_device(self, id: UUID) -> None:
        """Let the next click on the map place a device."""
        self.places.place([id])

    def open_palette(self) -> None:
        """Open search and commands."""
        verbs = [action for name, action in self.actions_by_name.items() if name not in ("search", "escape")]
        palette = Palette(self._model, self._book, self.look, verbs, self)
        palette.chosen.connect(lambda id: self.select(id, fly=True))
        palette.site_chosen.connect(lambda id: self.select(id, fly=True))
        palette.place_chosen.connect(lambda place: self.map.fly_to_place(place.lng, place.lat))
        palette.move(self.mapToGlobal(QPoint((self.width() - palette.width()) // 2, 72)))
        palette.show()
        palette.field.setFocus()

    def open_help(self) -> None:
        """Show the keyboard."""
        Shortcuts(self.actions_by_name.values(), self).open()

    def open_settings(self) -> None:
        """Open the menu of what is set for the whole network."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.actions_by_name[name] for name in SETTINGS])
        menu.popup(self.top.mapToGlobal(QPoint(self.top.width() - menu.sizeHint().width(), HEIGHT_PX)))

    def open_menu(self, id: UUID, at: QPoint) -> None:
        """Open the menu of a device, a link or a site."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if (device := self._model.inventory.device(id)) is not None:
            self.tunnels.fill_menu(menu, device)
        fill_menu(menu, id, self._model, self.commands, self.settings, self)
        self.map_desk.fill_menu(menu, id)
        self.places.fill_menu(menu, id)
        menu.popup(at)

    def toggle_map_alone(self) -> None:
        """Hide every panel, or show them again."""
        alone = not self.tree.isHidden()
        self.tree.setHidden(alone)
        self.topology.close_board()
        self.alerts.setHidden(alone)
        self._show_side()
        self.side.setHidden(alone or self.side.isHidden())

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        (self.showNormal if self.isFullScreen() else self.showFullScreen)()

    def tick(self) -> None:
        """Show ages as of now."""
        for panel in (self.top, self.alerts, self.device, self.link):
            panel.tick()
        self.places.panel.tick()
        self.topology.board.tick()
        self.team.tick()

    def leave_network(self) -> None:
        """Close what belongs to the network that is shown: another one comes."""
        self.past.step_back()
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.select(None)
        self._awaited = None

    def showEvent(self, event: QShowEvent) -> None:
        """Give the keyboard to nothing in particular: the window's keys work, and nothing is framed."""
        super().showEvent(event)
        self.frame.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell who composed us."""
        self._clock.stop()
        self.closed.emit()
        super().closeEvent(event)

    # Inside

    def _add(self, draft: DeviceDraft, then: Then) -> None:
        def on_answer(refusals: tuple[Refusal, ...]) -> None:
            self._awaited = None if refusals else made
            then(refusals)

        made = self.commands.add_device(draft, on_answer)

    def _show_side(self) -> None:
        """Show the what-if where it is in front, else what is selected."""
        panels: dict[type, QWidget] = {Device: self.device, Link: self.link}
        found = panels.get(type(self._thing(self.selected)), self.places.panel)
        imagined = self.topology.in_front
        self.side.setHidden(self.selected is None and self.region is None and not imagined)
        self.side.setCurrentWidget(self.topology.panel if imagined else found)

    def _thing(self, id: UUID | None) -> Device | Link | Site | None:
        """Return the device, the link or the site that an id names."""
        inventory = self._model.inventory
        return inventory.device(id) or inventory.link(id) or inventory.site(id) if id is not None else None

    def _on_changed(self, delta: Delta) -> None:
        self._seen_snapshot = (self._seen_snapshot or delta.initial) and self._model.tenant is not None
        if delta.inventory:
            is_gone = self._thing(self.selected) is None and self.selected is not None
            if is_gone or (
                self.region is not None and not self.places.hierarchy.below(("region", self.region))
            ):
                self.select(None)
            if self._thing(self._awaited) is not None:
                self.select(self._awaited, fly=True)
                self._awaited = None
            if self._model.tenant is not None:
                self.setWindowTitle(f"{self._model.tenant.name} – Heliograph")
        self._choose_card()

    def _choose_card(self) -> None:
        card: QWidget | None = self.news.card if self.news.refused else None
        live = self._model.today or self._model
        may_add = not why_not(live, "devices:write")
        if card is None and self._seen_snapshot and may_add and not live.inventory.tables["device"]:
            card = self.first_card
        self.frame.show_card(card)
        if card is self.first_card and not self._offered:
            self._offered = True
            self.first_card.address.setFocus()

    def _on_said(self, said: Said) -> None:
        (self.discovery.toasts or self.toasts).tell(said, self.commands.undo_edit)

    def _dress(self) -> None:
        self.setStyleSheet(sheet(self.look.theme, self.look.icon_files))
        self.map.set_theme(self.look.name)

    def _connect(self) -> None:
        self._model.changed.connect(self._on_changed)
        self.look.changed.connect(self._dress)
        self.commands.said.connect(self._on_said)
        self._link.status_changed.connect(self.top.set_status)
        self.maps.said.connect(self.toasts.say)
        self._link.complained.connect(lambda said: self.toasts.say(capitalized(said)))
        self.news.changed.connect(self._choose_card)
        hear_panels(self)
        self.alerts.folded.connect(self._on_folded)
        self.past.turned.connect(self._on_past)
        self.team.connect_to((self.device, self.link, self.places.panel))
        self.topology.front_changed.connect(self._show_side)
        self.first_card.draft_made.connect(self._add)

    def _on_folded(self, folded: bool) -> None:
        alerts_px = HEAD_PX if folded else ALERTS_PX
        self._centre.setSizes([self._centre.height() - alerts_px, alerts_px, ALERTS_PX])

    def _on_past(self, entered: bool) -> None:
        """Close what is of now; give the map of the past the room of the alerts, where the window is low, until one is back."""
        if entered:
            self.maps.close()
        if entered and not self.alerts.is_folded and self.height() < ROOMY_PX:
            self.alerts.set_folded(True)
            self._unfolds = True
        elif not entered and self._unfolds:
            self.alerts.set_folded(False)
            self._unfolds = False

    def _lay_out(self) -> None:
        self._centre = splitter(Qt.Orientation.Vertical, [self.frame, self.alerts, self.topology.board], 0)
        self._centre.setSizes([SIZE_PX[1] - ALERTS_PX, ALERTS_PX, ALERTS_PX])
        banners = (self.news.banner, self.news.notice, self.team.banner, self.settings.banner)
        central = central_of(
            self.top, self.tree, banners, [self._centre, self.past.bar], self.side, SIZE_PX[0]
        )
        self.tree.resized.connect(self.top.align_to)
        self.top.align_to(tree.WIDTH_PX)
        self.setCentralWidget(central)
