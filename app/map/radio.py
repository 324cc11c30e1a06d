"""What the page is told of radios: sectors, and how the two ends of each radio link hear each other. Counterpart: `radio.js`.

Theory: where a sector or a hop lies changes when somebody edits, or a device tells of a new link; how it is heard changes with
each table of clients, and is sent as a row of its own, which the page puts into feature-state. One rule: only what differs from
what the page was told is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.model import Delta, Model
from domain.geometry import LngLat
from domain.inventory import Device
from domain.radio import Sector, sector_outline
from domain.radio_budget import End, Told, heard_of, read_told, signal_class

Row = dict[str, Any]
_DIGITS = 6
_SILENT = frozenset({"down", "affected", "stale"})


def told_of(model: Model, device: UUID) -> Told:
    """Return what a device tells of its radios."""
    samples = model.samples.get(device, {})
    return read_told(model.facts.get(device, {}), {key: sample.value for key, sample in samples.items()})


class RadioFeed:
    """What one page knows of radios."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._sectors: list[Row] = []
        self._hops: dict[UUID, Row] = {}
        self._at: dict[UUID, set[UUID]] = {}
        self._signals: dict[UUID, int | None] = {}
        self._silent: set[UUID] = set()
        """Devices with a hop that do not answer: what was heard before is no signal."""

    def whole(self) -> Row:
        """Return the message that tells a fresh page everything."""
        self._sectors, self._signals = [], {}
        self._read_hops()
        cache: dict[UUID, Told] = {}
        self._sectors = list(self._sector_rows(cache))
        rows = self._news_of(self._hops, cache)
        return {"radio": {"sectors": self._sectors, "hops": list(self._hops.values()), "signals": rows}}

    def tick(self, delta: Delta) -> Row:
        """Return what a page needs to know of one delta; an empty message where that is nothing."""
        if delta.initial:
            return self.whole()
        told: Row = {}
        cache: dict[UUID, Told] = {}
        touched = {id for device in delta.facts | self._turned(delta) for id in self._at.get(device, ())}
        if delta.links or delta.derived_links or delta.devices or delta.sites or delta.removed:
            before = self._hops
            self._read_hops()
            if before != self._hops:
                told["hops"] = list(self._hops.values())
                self._signals = {id: level for id, level in self._signals.items() if id in self._hops}
                touched |= self._hops.keys() - self._signals.keys()
            touched |= self._hops.keys() & (delta.links | delta.derived_links)
        if delta.devices or delta.sites or delta.removed or self._counts(delta.facts):
            sectors = list(self._sector_rows(cache))
            if sectors != self._sectors:
                told["sectors"] = self._sectors = sectors
        if signals := self._news_of(touched, cache):
            told["signals"] = signals
        return {"radio": told} if told else {}

    def _turned(self, delta: Delta) -> frozenset[UUID]:
        """Return the devices at ends of what is drawn that fell silent, or answer again."""
        asked = (delta.health | delta.devices) & self._at.keys()
        silent = {id for id in asked if self._model.status_of(id) in _SILENT}
        turned = frozenset(id for id in asked if (id in silent) != (id in self._silent))
        self._silent ^= turned
        return turned

    def _told(self, device: UUID, cache: dict[UUID, Told]) -> Told:
        if device not in cache:
            cache[device] = told_of(self._model, device)
        return cache[device]

    def _counts(self, devices: Iterable[UUID]) -> bool:
        """Tell whether clients of any of these are counted at a sector."""
        found = (self._model.inventory.device(id) for id in devices)
        return any(device is not None and device.sectors for device in found)

    def _read_hops(self) -> None:
        inventory = self._model.inventory
        hops: dict[UUID, Row] = {}
        for link in inventory.links():
            if link.kind == "wireless" or link.radio is not None:
                hops[link.id] = {"id": link.id, "a": link.a, "b": link.b, "drawn": True}
        for found in self._model.derived_links.values():
            if found.kind == "wireless" and found.link is None:
                hops[found.id] = {"id": found.id, "a": found.a, "b": found.b, "drawn": False}
        self._hops, self._at = hops, {}
        for id, hop in hops.items():
            for end in (hop["a"], hop["b"]):
                self._at.setdefault(end, set()).add(id)
        self._silent = {id for id in self._at if self._model.status_of(id) in _SILENT}

    def _news_of(self, ids: Iterable[UUID], cache: dict[UUID, Told]) -> list[Row]:
        """Return the signal class of hops where it is another than the page knows."""
        rows = []
        for id in ids:
            level = self._level(id, cache)
            if id not in self._signals or self._signals[id] != level:
                self._signals[id] = level
                rows.append({"id": id, "level": level})
        return rows

    def _level(self, id: UUID, cache: dict[UUID, Told]) -> int | None:
        link = self._model.inventory.link(id) or self._model.derived_links.get(id)
        if link is None or link.a in self._silent or link.b in self._silent:
            return None
        a, b = self._told(link.a, cache), self._told(link.b, cache)
        heard = heard_of(End(a, link.a_interface), End(b, link.b_interface))
        return signal_class(heard.worst_dbm)

    def _sector_rows(self, cache: dict[UUID, Told]) -> Iterable[Row]:
        inventory = self._model.inventory
        for device in inventory.devices():
            place = inventory.place_of(device) if device.sectors else None
            if place is not None:
                for number, sector in enumerate(device.sectors):
                    yield self._sector_row(device, place, cache, number, sector)

    def _sector_row(
        self, device: Device, place: LngLat, cache: dict[UUID, Told], number: int, sector: Sector
    ) -> Row:
        tables = self._told(device.id, cache).clients
        if sector.interface:
            clients = set(tables.get(sector.interface, {}))
        else:
            clients = (
                {mac for table in tables.values() for mac in table} if len(device.sectors) == 1 else set()
            )
        unplaced = clients - self._placed_macs(device.id, cache) if clients else clients
        ring = [[round(lng, _DIGITS), round(lat, _DIGITS)] for lng, lat in sector_outline(place, sector)]
        return {
            "id": f"{device.id}:{number}",
            "device": device.id,
            "azimuth": sector.azimuth_deg,
            "clients": len(clients),
            "unplaced": len(unplaced),
            "ring": ring,
        }

    def _placed_macs(self, device: UUID, cache: dict[UUID, Told]) -> set[str]:
        """Return the addresses of those at the other ends of a device's hops that stand on the map."""
        inventory, found = self._model.inventory, set[str]()
        for id in self._at.get(device, ()):
            hop = self._hops[id]
            other = inventory.device(hop["b"] if hop["a"] == device else hop["a"])
            if other is not None and inventory.place_of(other) is not None:
                found |= self._told(other.id, cache).macs
        return found
