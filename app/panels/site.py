"""The panel of a site or a region: how it fares, what stands there. Counterpart: `site_rows.py` says what it shows.

One rule: its head looks again with every change; its lists, which may be long, a few times a second at most.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.look import Look
from app.model import Delta, Model
from app.panels.facts import FactsGrid
from app.panels.site_rows import (
    ALERTS,
    DEVICES,
    SITES,
    alert_rows,
    alerts_at,
    causes_of,
    device_rows,
    region_lines,
    sentence_of,
    site_lines,
    site_rows,
)
from app.panels.subject import SubjectPanel, Told
from app.panels.tabs import Tabs
from app.panels.text import button
from app.photos.strip import PhotoStrip
from app.topology.listing import Listing
from app.words import count_of, isolated
from domain.hierarchy import Hierarchy, Key
from domain.inventory import Inventory, Site

LISTS_MS = 300
PADDING_PX = 16
_NOTHING = {
    "devices": "No device stands here. Edit a device to choose its site, or drag one from “No place yet” onto it.",
    "sites": "No site hangs under it.",
    "alerts": "Nothing here alerts.",
}


class SitePanel(SubjectPanel):
    """One site, or one region. `key` says which; `subject` is the site's id, None for a region."""

    thing_chosen = Signal(object)
    """A device, a link or a site was chosen: its id."""
    shown = Signal(object)
    """It is to be seen on the map: its key."""

    def __init__(self, model: Model, tree: Hierarchy, look: Look, parent: QWidget | None = None) -> None:
        self.show_it = button("Show")
        self.show_it.setToolTip("Bring it into view on the map")
        super().__init__(model, look, self.show_it, parent)
        self.takes = "sites:write"
        self._tree = tree
        self.key: Key | None = None
        self.facts = FactsGrid()
        self.photos = PhotoStrip(model, look)
        self.tabs = Tabs()
        self.lists = {
            "devices": Listing(DEVICES, look, "Devices here"),
            "sites": Listing(SITES, look, "Sites here"),
            "alerts": Listing(ALERTS, look, "Alerts here"),
        }
        self._pages = QStackedWidget()
        for listing in self.lists.values():
            self._pages.addWidget(listing)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(LISTS_MS)
        self._soon.timeout.connect(self.refresh_lists)
        self._lay_out_body()
        self.show_it.clicked.connect(lambda: self.shown.emit(self.key))
        self.tabs.chosen.connect(self._on_tab)
        self.tabs.add_keys(self)
        self.lists["devices"].opened.connect(lambda row: self.thing_chosen.emit(row.device))
        self.lists["sites"].opened.connect(lambda row: self.thing_chosen.emit(row.site))
        self.lists["alerts"].opened.connect(lambda row: self.thing_chosen.emit(row.subject))
        model.changed.connect(self._on_changed)
        look.changed.connect(self._refresh)

    def show_place(self, key: Key) -> None:
        """Show a site or a region."""
        if key != self.key:
            self.key = key
            self.subject = key[1] if isinstance(key[1], UUID) else None
        self._refresh()
        self.refresh_lists()

    def tick(self) -> None:
        """Show ages as of now."""
        if self.isVisible():
            self._refresh()
            self.refresh_lists()

    def refresh_lists(self) -> None:
        """Show what stands there now."""
        self._soon.stop()
        if self.key is None or not self._is_there():
            return
        model, tree, key = self._model, self._tree, self.key
        now = model.now_us()
        alerts = alerts_at(model, tree, key)
        sites = site_rows(model, tree, key)
        counts = {"devices": tree.rollup(key).total, "sites": len(sites), "alerts": len(alerts)}
        titles = {"devices": "Devices", "sites": "Sites", "alerts": "Alerts"}
        self.tabs.show_tabs({name: f"{titles[name]} {count:,}" for name, count in counts.items()})
        self.lists["devices"].show_rows([*device_rows(model, tree, key)], _NOTHING["devices"])
        self.lists["sites"].show_rows([*sites], _NOTHING["sites"])
        self.lists["alerts"].show_rows([*alert_rows(model, alerts, now)], _NOTHING["alerts"])
        self._alerts = [alert for alert in alerts if alert.acknowledged_us is None]
        self.acknowledge.setText(
            f"Acknowledge {len(self._alerts):,}" if len(self._alerts) > 1 else "Acknowledge"
        )
        self.acknowledge.setVisible(bool(self._alerts))

    def _is_there(self) -> bool:
        kind, id = self.key if self.key is not None else ("none", None)
        return kind == "region" or self._model.inventory.site(id) is not None  # type: ignore[arg-type]

    def _on_changed(self, delta: Delta) -> None:
        if self.key is None or not self.isVisible():
            return
        if (
            delta.inventory
            or delta.team
            or delta.alerts
            or delta.faults
            or any(map(self._is_here, delta.health))
        ):
            self._refresh()
            if not self._soon.isActive():
                self._soon.start()

    def _is_here(self, device: UUID) -> bool:
        above = self._tree.above(("device", device))
        while above is not None and above != self.key:
            above = self._tree.above(above)
        return above is not None

    def _refresh(self) -> None:
        if self.key is None or not self._is_there():
            return
        model, tree, key = self._model, self._tree, self.key
        now = model.now_us()
        site = model.inventory.site(self.subject)
        name = site.name if site is not None else str(key[1]) or "No region"
        crumb = crumb_of(model.inventory, site, tree.hung_under(site.id)) if site is not None else "Region"
        kept = self._alerts
        self.show_head(
            Told(
                crumb, name, tree.rollup(key).worst, sentence_of(tree, key), causes_of(model, tree, key, now)
            )
        )
        self._alerts = kept
        self.acknowledge.setVisible(bool(kept))
        self.edit.setVisible(site is not None)
        lines = site_lines(model, tree, site) if site is not None else region_lines(tree, str(key[1]))
        self.facts.show_lines(lines, self._look.theme.status_text)
        self.photos.show_of(self.subject)

    def _on_tab(self, key: str) -> None:
        self._pages.setCurrentWidget(self.lists[key])

    def _lay_out_body(self) -> None:
        self.end_head()
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(PADDING_PX, 14, PADDING_PX, 0)
        inner.setSpacing(10)
        inner.addWidget(self.facts)
        inner.addWidget(self.photos)
        inner.addWidget(self.tabs)
        inner.addWidget(self._pages, 1)
        self.below.addWidget(body, 1)


def crumb_of(inventory: Inventory, site: Site, hung: Collection[UUID]) -> str:
    """Return what a site is and where: "POP of 4 sites, Oberallgäu, and 2 elsewhere", "Site under Kempten, Oberallgäu".

    `hung`: the sites that have it for their POP. Those of other regions are counted there, not here.
    """
    pop = inventory.site(site.pop)
    region = inventory.region_of(site)
    others = [other for id in hung if (other := inventory.site(id)) is not None]
    here = sum(inventory.region_of(other) == region for other in others)
    what = f"POP of {count_of(here, 'site', 'sites')}" if hung else "Site"
    under = f" under {isolated(pop.name)}" if pop is not None else ""
    elsewhere = f", and {len(others) - here:,} elsewhere" if len(others) > here else ""
    return f"{what}{under}{f', {region}' if region else ''}{elsewhere}"
