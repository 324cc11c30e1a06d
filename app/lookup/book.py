"""What can be searched of the network, kept ready. Counterpart: `Model`, whose deltas say what has changed.

Theory: a delta only notes whom it touched; they are read again a few at a time while nobody waits, the rest when somebody
searches. The first two lines of a thing are its name and how people type it, the third is its address or what comes next to
a name; so the number of a line says what a match in it is worth.
One rule: it reads the mirror and keeps texts, never rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple
from uuid import UUID

from PySide6.QtCore import QObject, QTimer

from app.lookup.text_index import Match, TextIndex, fold, spellings
from app.model import Delta, Model
from app.words import BETWEEN, capitalized, ends_of_link
from domain.alerts import Alert
from domain.inventory import Device, Link, Site

Sort = Literal["site", "device", "link", "alert"]
TURN_MS = 50
THINGS_A_TURN = 250
"""Read again in one turn while nobody searches: some milliseconds."""
MACS_CAP = 64
NAME_LINES = 2
"""Lines that are a thing's name."""
_FACTS = ("serial", "identity", "model", "board", "version", "location")
_MAC_PART = re.compile(r"[0-9a-f]{1,4}(?:[:.-]?[0-9a-f]{1,4}){1,11}[:.-]?")
_MAC_DIGITS = range(4, 13)


class Key(NamedTuple):
    """One thing that can be found."""

    sort: Sort
    id: UUID


class Line(NamedTuple):
    """What a thing is found by: what it is, and the text as it is written; `folded` where it is compared as something else."""

    label: str
    said: str
    folded: str | None = None


class Book(QObject):
    """The index of one model."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._index: TextIndex[Key] = TextIndex()
        self._touched: dict[Key, None] = {}
        self._turns = QTimer(self)
        self._turns.setInterval(TURN_MS)
        self._turns.timeout.connect(self._on_turn)
        self._touch_all()
        model.changed.connect(self._on_changed)

    @property
    def waiting(self) -> int:
        """How many things are to be read again."""
        return len(self._touched)

    def find(self, text: str) -> dict[Key, Match]:
        """Return what matches a typed text, and how."""
        self._read(len(self._touched))
        found = self._index.find(text)
        as_mac = _spelled_as_mac(fold(text))
        if as_mac:
            for key, match in self._index.find(as_mac).items():
                found[key] = min(match, found.get(key, match))
        return found

    def line(self, key: Key, number: int) -> Line:
        """Return the line of a thing that matched."""
        lines = self._lines(key) or []
        return lines[number] if number < len(lines) else Line("", "")

    # Inside

    def _on_turn(self) -> None:
        self._read(THINGS_A_TURN)
        if not self._touched:
            self._turns.stop()

    def _read(self, most: int) -> None:
        for key in list(self._touched)[:most]:
            del self._touched[key]
            lines = self._lines(key)
            if lines is None:
                self._index.drop(key)
            else:
                self._index.put(key, [fold(x.said) if x.folded is None else x.folded for x in lines])

    def _on_changed(self, delta: Delta) -> None:
        if delta.initial:
            self._touch_all()
        else:
            self._touch_changed(delta)
        for gone in delta.removed:
            if gone.kind in ("site", "device", "link"):
                self._touch(gone.kind, (gone.id,))
        if self._touched and not self._turns.isActive():
            self._turns.start()

    def _touch_changed(self, delta: Delta) -> None:
        inventory = self._model.inventory
        self._touch("site", delta.sites)
        self._touch("device", delta.devices | delta.facts)
        self._touch("link", delta.links)
        self._touch("alert", delta.alerts)
        if delta.sites:
            self._touch("device", (d.id for d in inventory.devices() if d.site in delta.sites))
        if delta.devices:
            named = delta.devices
            self._touch("link", (x.id for x in inventory.links() if x.a in named or x.b in named))
            self._touch("alert", (a.id for a in self._model.alerts.values() if a.subject in named))

    def _touch_all(self) -> None:
        inventory = self._model.inventory
        for key in self._index:
            self._touched[key] = None
        self._touch("site", (site.id for site in inventory.sites()))
        self._touch("device", (device.id for device in inventory.devices()))
        self._touch("link", (link.id for link in inventory.links()))
        self._touch("alert", self._model.alerts)

    def _touch(self, sort: Sort, ids: Iterable[UUID]) -> None:
        for id in ids:
            self._touched[Key(sort, id)] = None

    def _lines(self, key: Key) -> list[Line] | None:
        """Return what a thing is found by, or None where it is not there."""
        inventory = self._model.inventory
        match key.sort:
            case "device":
                device = inventory.device(key.id)
                return self._device_lines(device) if device is not None else None
            case "site":
                site = inventory.site(key.id)
                return _site_lines(site, inventory.site(site.pop)) if site is not None else None
            case "link":
                link = inventory.link(key.id)
                return (
                    _link_lines(link, BETWEEN.join(ends_of_link(inventory, link)))
                    if link is not None
                    else None
                )
            case "alert":
                alert = self._model.alerts.get(key.id)
                return self._alert_lines(alert) if alert is not None and alert.is_open else None

    def _device_lines(self, device: Device) -> list[Line]:
        lines = [*_name_lines(device.name), Line("Address", device.address)]
        site = self._model.inventory.site(device.site)
        if site is not None:
            lines += [Line("Site", site.name), Line("Region", site.region)]
        lines += [Line("Tag", tag) for tag in device.tags]
        told: dict[tuple[str, str], None] = {}
        macs: dict[str, None] = {}
        for fact in self._model.facts.get(device.id, {}).values():
            if fact.field in _FACTS and isinstance(fact.value, str):
                told[fact.field, fact.value] = None
            elif fact.field.startswith("interface/") and isinstance(fact.value, dict):
                mac = fact.value.get("mac")
                if isinstance(mac, str) and mac and len(macs) < MACS_CAP:
                    macs[mac] = None
        lines += [Line(capitalized(field), said) for field, said in told]
        lines += [Line("MAC", mac) for mac in macs]
        lines.append(Line("Note", device.note))
        return lines

    def _alert_lines(self, alert: Alert) -> list[Line]:
        inventory = self._model.inventory
        device, link = inventory.device(alert.subject), inventory.link(alert.subject)
        subject = device.name if device else BETWEEN.join(ends_of_link(inventory, link)) if link else ""
        title = capitalized(alert.title or alert.kind.replace("_", " "))
        return [*_name_lines(title), Line("", subject), Line("Port", alert.instance), Line("", alert.reason)]


def _name_lines(name: str) -> list[Line]:
    folded, *others = spellings(name)
    return [Line("", name, folded), Line("", name, others[0] if others else "")]


def _site_lines(site: Site, pop: Site | None) -> list[Line]:
    above = [Line("Under", pop.name)] if pop is not None else []
    return [*_name_lines(site.name), Line("Region", site.region), *above, Line("Note", site.note)]


def _link_lines(link: Link, name: str) -> list[Line]:
    ports = " ".join(port for port in (link.a_interface, link.b_interface) if port)
    return [*_name_lines(name), Line("Ports", ports), Line("Note", link.note)]


def _spelled_as_mac(typed: str) -> str:
    """Return the beginning of a MAC address as devices write it, from any other spelling of it; else nothing."""
    digits = re.sub("[:.-]", "", typed)
    if len(digits) not in _MAC_DIGITS or not _MAC_PART.fullmatch(typed):
        return ""
    spelled = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    return "" if spelled == typed else spelled
