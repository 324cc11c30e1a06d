"""Sites, regions and places in the window: their panel, forms and menus, and what a drop does. Counterpart: `placing.py`.

Theory: a region is a name that sites share, so it is selected by its key and has no id; a site is selected like a device.
One rule: everything that changes the network is one edit with an undo, sent through `Commands`; deleting asks first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, cast
from uuid import UUID

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import Commands, Then
from app.device_menu import add_work
from app.dialogs.confirm import Confirm
from app.dialogs.site_form import SiteForm
from app.draft import edit_of
from app.look import Look
from app.model import Model
from app.panels.finder import Entry
from app.panels.map_frame import Map, MapFrame
from app.panels.picker import Picker, matches
from app.panels.site import SitePanel
from app.panels.text import caption
from app.panels.tree import TreePanel
from app.placing import (
    back_at_site,
    box_of,
    dissolved_site,
    has_place,
    moved_site,
    placed,
    rounded,
    site_near,
)
from app.settings import Settings
from app.team.rights import offer, why_not
from app.words import count_of, isolated
from domain.edit import Step
from domain.geometry import LngLat
from domain.hierarchy import Hierarchy, Key
from domain.inventory import Device, Site
from domain.watching import Scope


class Hands(Protocol):
    """What the window does for it."""

    def select(self, id: UUID | None, *, fly: bool = False) -> None:
        """Choose a thing, and bring it into view."""

    def select_region(self, name: str, *, fly: bool = False) -> None:
        """Choose a region, and bring it into view."""

    def imagine_all(self, ids: Iterable[UUID]) -> None:
        """Ask what if these fail."""

    def open_menu(self, id: UUID, at: QPoint) -> None:
        """Open the menu of a thing."""


SITES_OFFERED = 400


class Places(QObject):
    """`panel` belongs at the side."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        commands: Commands,
        look: Look,
        map: Map,
        frame: MapFrame,
        tree: TreePanel,
        settings: Settings,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        hands = cast("Hands", window)
        self._model, self._commands, self._look = model, commands, look
        self._map, self._frame, self._settings = map, frame, settings
        self._window, self._hands, self._tray = window, hands, tree.tray
        self.hierarchy: Hierarchy = tree.rows.hierarchy
        self.panel = SitePanel(model, self.hierarchy, look)
        frame.words_at = self._words_at
        frame.dropped.connect(self.drop)
        map.site_dropped.connect(self.move_site)
        map.site_clicked.connect(hands.select)
        map.site_requested.connect(lambda lng, lat: self.add_site(LngLat(lng, lat)))
        tree.add_site_wanted.connect(self.add_site)
        tree.chosen.connect(self.choose)
        tree.flown.connect(partial(self.choose, fly=True))
        tree.menu_wanted.connect(self.open_menu)
        tree.tray.place_wanted.connect(self.place)
        tree.tray.menu_wanted.connect(self._open_tray_menu)
        self.panel.thing_chosen.connect(partial(hands.select, fly=True))
        self.panel.shown.connect(self.fly_to)
        self.panel.menu_wanted.connect(lambda _, at: self.open_menu(self.panel.key, at))

    # Seen

    def choose(self, key: Key, *, fly: bool = False) -> None:
        """Choose a region, a site or a device, and bring it into view."""
        kind, id = key
        if kind == "region":
            self._hands.select_region(str(id), fly=fly)
        elif isinstance(id, UUID):
            self._hands.select(id, fly=fly)

    def fly_to(self, key: Key) -> None:
        """Bring all that stands at a place into view; a site without devices where it is itself."""
        inventory = self._model.inventory
        devices = (inventory.device(id) for id in self.hierarchy.devices(key))
        places = [place for d in devices if d is not None and (place := inventory.place_of(d)) is not None]
        sites = [inventory.site(id) for id in self.hierarchy.sites(key)]
        sites.append(inventory.site(key[1]) if isinstance(key[1], UUID) else None)
        places += [
            LngLat(s.lng, s.lat) for s in sites if s is not None and s.lng is not None and s.lat is not None
        ]
        box = box_of(places)
        if box is not None:
            self._map.frame_box(*box)

    def open_menu(self, key: Key | None, at: QPoint) -> None:
        """Open the menu of a region; that of a site or a device is the window's."""
        if key is None:
            return
        if isinstance(key[1], UUID):
            self._hands.open_menu(key[1], at)
            return
        menu = self._menu()
        menu.addAction("Show on the map", partial(self.fly_to, key))
        sites = [id for kind, id in self.hierarchy.below(key) if kind == "site" and isinstance(id, UUID)]
        every = [*sites, *(id for site in sites for id in self.hierarchy.sites(("site", site)))]
        said = caption(f"What if {count_of(len(every), 'site fails', 'sites fail')}?")
        menu.addAction(said, partial(self._hands.imagine_all, every))
        if key[1]:
            scope = Scope(regions=(str(key[1]),))
            why = why_not(self._model, "maintenance:write")
            add_work(menu, scope, str(key[1]), self._commands, self._settings, why)
        menu.popup(at)

    def fill_menu(self, menu: QMenu, id: UUID) -> None:
        """Put into a menu what can be done with a site, or with where a device stands."""
        site, device = self._model.inventory.site(id), self._model.inventory.device(id)
        if site is not None:
            self._fill_site_menu(menu, site)
        elif device is not None:
            self._fill_device_menu(menu, device)

    def _fill_site_menu(self, menu: QMenu, site: Site) -> None:
        key: Key = ("site", site.id)
        if has_place(site):
            menu.addAction("Show on the map", partial(self._hands.select, site.id, fly=True))
        below = [site.id, *self.hierarchy.sites(key)]
        if len(below) > 1:
            said = f"What if all {len(below):,} sites here fail?"
            menu.addAction(said, partial(self._hands.imagine_all, below))
        why = why_not(self._model, "sites:write")
        said = "Move on the map" if has_place(site) else "Place on the map"
        offer(menu, said, partial(self.pick_site, site), why)
        away = self._away(site)
        if away and has_place(site):
            said = f"Bring {count_of(len(away), 'device', 'devices')} back to its place"
            offer(menu, said, partial(self.stand_at_site, away), why_not(self._model, "devices:write"))
        offer(menu, "Change…", partial(self.edit_site, site), why)
        offer(menu, "Delete…", partial(self.ask_to_delete, site), why)

    def _fill_device_menu(self, menu: QMenu, device: Device) -> None:
        site = self._model.inventory.site(device.site)
        if site is not None:
            menu.addAction(caption(f"Its site: {site.name}"), partial(self._hands.select, site.id))

    # Done

    def add_site(self, place: LngLat | None = None) -> None:
        """Open the form of a new site, at a place where one is given."""

        def submit(site: Site, then: Then) -> None:
            self._commands.put("site", site, then)

        SiteForm(
            self._model.inventory, submit, partial(self.ask_place, "the site"), self._window, place=place
        ).open()

    def edit_site(self, site: Site) -> SiteForm:
        """Open the form of a site."""

        def submit(new: Site, then: Then) -> None:
            self._commands.put("site", new, then, f"Change {site.name}")

        pick = partial(self.ask_place, "the site")
        form = SiteForm(self._model.inventory, submit, pick, self._window, old=site)
        form.open()
        return form

    def ask_to_delete(self, site: Site) -> None:
        """Ask once, then delete a site; what stood there stays where it was."""
        inventory = self._model.inventory
        devices = sum(device.site == site.id for device in inventory.devices())
        hung = len(self.hierarchy.hung_under(site.id))
        said = []
        if devices:
            said.append(
                f"Its {count_of(devices, 'device stays where it is', 'devices stay where they are')}."
            )
        if hung:
            pop = inventory.site(site.pop)
            where = f"under {isolated(pop.name)}" if pop is not None else "in their region"
            said.append(f"{count_of(hung, 'site', 'sites')} under it will stand {where}.")
        details = " ".join([*said, "You can undo this."])
        then = lambda: self._submit(f"Delete {site.name}", dissolved_site(self._model.inventory, site))  # noqa: E731
        Confirm(f"Delete {site.name}?", details, "Delete", then, self._window).open()

    def move_site(self, id: UUID, lng: float, lat: float) -> None:
        """Put a site elsewhere, and with it the devices that have no place of their own."""
        site = self._model.inventory.site(id)
        if site is not None:
            verb = "Move" if has_place(site) else "Place"
            self._submit(f"{verb} {site.name}", moved_site(site, rounded(LngLat(lng, lat))))

    def pick_site(self, site: Site) -> None:
        """Let the next click on the map place a site."""
        self._frame.pick(
            f"Click where {isolated(site.name)} stands",
            lambda place, zoom: self.move_site(site.id, *place) if place is not None else None,
        )

    def ask_place(self, what: str, then: Callable[[LngLat | None], None]) -> None:
        """Let the next click on the map say where something stands, None where nobody wants to say it any more."""
        self._frame.pick(f"Click where {what} stands", lambda place, zoom: then(place))

    def place(self, ids: Iterable[UUID]) -> None:
        """Let the next click on the map place devices."""
        devices = tuple(ids)
        self._frame.pick(
            f"Click where {self._called(devices)} {'stands' if len(devices) == 1 else 'stand'}",
            lambda place, zoom: self.drop(devices, place, zoom) if place is not None else None,
        )

    def drop(self, ids: Iterable[UUID], place: LngLat, zoom: float) -> None:
        """Place devices; on a site they become its devices. One edit, one undo."""
        devices = tuple(ids)
        site = site_near(self._model.inventory, place, zoom)
        at = f" at {isolated(site.name)}" if site is not None else ""
        steps = placed(self._model.inventory, devices, rounded(place), site)
        self._submit(f"Place {self._called(devices)}{at}", steps)

    def put_at_site(self, ids: Iterable[UUID], site: Site) -> None:
        """Make devices those of a site."""
        devices = tuple(ids)
        steps = placed(self._model.inventory, devices, LngLat(0.0, 0.0), site)
        self._submit(f"Place {self._called(devices)} at {isolated(site.name)}", steps)

    def stand_at_site(self, ids: Iterable[UUID]) -> None:
        """Take devices' own places away, so that they stand where their site does."""
        devices = tuple(ids)
        self._submit(
            f"Move {self._called(devices)} to the site", back_at_site(self._model.inventory, devices)
        )

    # Inside

    def _submit(self, title: str, steps: list[Step]) -> None:
        if steps:
            edit = edit_of(title, self._commands.author, steps)
            self._commands.submit(edit, {}, self._commands.tell_refusals)

    def _called(self, ids: tuple[UUID, ...]) -> str:
        device = self._model.inventory.device(ids[0]) if len(ids) == 1 else None
        return isolated(device.name) if device is not None else count_of(len(ids), "device", "devices")

    def _away(self, site: Site) -> list[UUID]:
        devices = (self._model.inventory.device(id) for id in self.hierarchy.devices(("site", site.id)))
        return [d.id for d in devices if d is not None and d.site == site.id and d.lng is not None]

    def _words_at(self, place: LngLat, zoom: float) -> str:
        site = site_near(self._model.inventory, place, zoom)
        return f"Drop at {isolated(site.name)}" if site is not None else ""

    def _open_tray_menu(self, ids: tuple[UUID, ...], at: QPoint) -> None:
        menu = self._menu()
        said = "Place it" if len(ids) == 1 else f"Place {len(ids):,} devices"
        why = why_not(self._model, "devices:write")
        offer(menu, f"{said} on the map", partial(self.place, ids), why)
        offer(menu, f"{said} at a site…", partial(self._open_sites, ids), why)
        menu.popup(at)

    def _open_sites(self, ids: tuple[UUID, ...]) -> None:
        inventory = self._model.inventory
        sites = sorted(inventory.sites(), key=lambda site: site.name.casefold())

        def offer(text: str) -> list[Entry]:
            found = [site for site in sites if matches(text, site.name, inventory.region_of(site))]
            return [
                Entry(site.name, partial(self.put_at_site, ids, site), inventory.region_of(site))
                for site in found[:SITES_OFFERED]
            ]

        Picker(self._look, offer, "Search sites", self._window).drop_under(self._tray)

    def _menu(self) -> QMenu:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu
