"""What if: what is imagined to fail, and what the engine says would come of it. Counterpart: `engine/inquiries.py`.

Theory: each change asks anew once nothing else has changed for a moment. One question is out at a time; what changes meanwhile
is asked when its answer is here, so that fast clicks cost one answer more and no queue. Loads change all the time, so for them
it is asked again at most every few seconds, and only an answer that is another is told.
One rule: nothing imagined touches the mirror; the live state goes on below it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.commands import Asks
from app.model import Delta, Model
from domain.asking import WhatIf
from domain.topology import Impact, Moved
from domain.wire import Reply

ASK_MS = 60
"""How long nothing else has to change before it is asked."""
FOLLOW_MS = 5_000
"""Links carry other loads all the time: so long after they began to, it is asked what they would carry now."""
PATHS_DRAWN = 200
"""Most ways of re-routed traffic that the map is told of, the ones with most behind them first."""


class Failing(NamedTuple):
    """One thing that is imagined to fail; a site fails with all its devices."""

    kind: Literal["site", "device", "link"]
    id: UUID


class Detour(NamedTuple):
    """A device that would send another way: `over` the next one, with `behind` others whose way leads through it."""

    device: UUID
    over: UUID
    behind: int


class Imagining(QObject):
    """The question and its answer. `impact` None: not known yet, or nothing fails."""

    changed = Signal()
    """Other things fail than before, or the answer is another."""

    def __init__(self, model: Model, asks: Asks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._asks = model, asks
        self.is_on = False
        self.failing: dict[UUID, Failing] = {}
        self.impact: Impact | None = None
        self.moved = Moved()
        """What links would carry, as far as that is known."""
        self.detours: list[Detour] = []
        self.refused = ""
        self.is_asking = False
        self._is_out = False
        self._told: frozenset[UUID] = frozenset()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self._ask)
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.setInterval(FOLLOW_MS)
        self._follow.timeout.connect(self._ask)
        model.changed.connect(self._on_changed)

    def begin(self, ids: Iterable[UUID]) -> None:
        """Imagine that sites, devices and links fail, beside what already does."""
        if not self.is_on:
            self._clear()
            self.is_on = True
        for id in ids:
            self._add(id)
        self._turn()

    def toggle(self, id: UUID) -> None:
        """Let a device or a link fail, or fail no more; of a site that fails the others go on failing."""
        device = self._model.inventory.device(id)
        if id in self.failing:
            del self.failing[id]
        elif device is not None and device.site in self.failing:
            others = [other for other in self._of_site(device.site) if other != id]
            del self.failing[device.site]
            self.failing.update((other, Failing("device", other)) for other in others)
        else:
            self._add(id)
        self._turn()

    def leave(self) -> None:
        """Imagine nothing."""
        if self.is_on:
            self.is_on = False
            self._clear()
            self.changed.emit()

    def devices(self) -> tuple[UUID, ...]:
        """Return the devices that are imagined to fail, those of sites too."""
        found: dict[UUID, None] = {}
        for kind, id in self.failing.values():
            if kind == "site":
                found.update(dict.fromkeys(self._of_site(id)))
            elif kind == "device":
                found[id] = None
        return tuple(found)

    def links(self) -> tuple[UUID, ...]:
        """Return the links that are imagined to fail."""
        return tuple(id for kind, id in self.failing.values() if kind == "link")

    def _clear(self) -> None:
        self._timer.stop()
        self._follow.stop()
        self.failing.clear()
        self.impact, self.moved, self.detours = None, Moved(), []
        self.refused, self.is_asking = "", False

    def _add(self, id: UUID) -> None:
        inventory = self._model.inventory
        if inventory.site(id) is not None:
            for device in self._of_site(id):
                self.failing.pop(device, None)
            self.failing[id] = Failing("site", id)
        elif inventory.device(id) is not None:
            self.failing[id] = Failing("device", id)
        elif inventory.link(id) is not None or id in self._model.derived_links:
            self.failing[id] = Failing("link", id)

    def _of_site(self, site: UUID | None) -> list[UUID]:
        return [device.id for device in self._model.inventory.devices() if device.site == site]

    def _turn(self) -> None:
        """Tell that other things fail, and ask soon what that costs."""
        self.refused = ""
        if not self.failing:
            self._timer.stop()
            self.impact, self.moved, self.detours, self.is_asking = None, Moved(), [], False
        else:
            self.is_asking = True
            self._timer.start()
        self.changed.emit()

    def _ask(self) -> None:
        self._follow.stop()
        if self._is_out or not self.is_on or not self.failing:
            return
        devices, links = self.devices(), self.links()
        if not devices and not links:  # a site without devices
            self._take(Impact(), Moved())
            return
        self._is_out = True
        asked = dict(self.failing)
        self._asks.request(
            lambda number: WhatIf(number, devices, links), lambda reply: self._on_reply(asked, reply)
        )

    def _on_reply(self, asked: dict[UUID, Failing], reply: Reply) -> None:
        self._is_out = False
        if not self.is_on or not self.failing:
            return
        if asked != self.failing:
            self._ask()
        elif reply.refusals:
            self.impact, self.moved, self.detours, self.is_asking = None, Moved(), [], False
            self.refused = "; ".join(refusal.message for refusal in reply.refusals[:3])
            self.changed.emit()
        else:
            told = reply.result
            self._take(
                msgspec.convert(told.get("impact", {}), Impact),
                msgspec.convert(told.get("moved", {}), Moved),
            )

    def _take(self, impact: Impact, moved: Moved) -> None:
        if not self.is_asking and (impact, moved) == (self.impact, self.moved):
            return
        self.impact, self.moved, self.detours, self.is_asking = impact, moved, detours_of(impact), False
        self.changed.emit()

    def _on_changed(self, delta: Delta) -> None:
        """Ask again where the network is another, and now and then where loads are; what is gone fails no more."""
        told = self._model.derived_links.keys()
        other_links = told != self._told
        if other_links:
            self._told = frozenset(told)
        if self.is_on and self.impact is not None and delta.link_states and not self._follow.isActive():
            self._follow.start()
        if not self.is_on or not (delta.inventory or other_links):
            return
        for id in list(self.failing):
            if not self._is_there(id):
                del self.failing[id]
        self._turn()

    def _is_there(self, id: UUID) -> bool:
        inventory = self._model.inventory
        there = inventory.site(id) or inventory.device(id) or inventory.link(id)
        return there is not None or id in self._model.derived_links


def detours_of(impact: Impact) -> list[Detour]:
    """Return who would send another way, the one with most behind it first."""
    moved = impact.rerouted
    behind = dict.fromkeys(set(impact.turned) & moved.keys(), 0)
    at: dict[UUID, UUID] = {}
    for device in moved:
        chain: list[UUID] = []
        here = device
        while here in moved and here not in behind and here not in at and len(chain) <= len(moved):
            chain.append(here)
            here = moved[here]
        here = at.get(here, here)
        at.update(dict.fromkeys(chain, here))
        if device not in behind and here in behind:
            behind[here] += 1
    order = sorted(behind, key=lambda id: (-behind[id], id))
    return [Detour(id, moved[id], behind[id]) for id in order]


def paths_drawn(impact: Impact, detours: Iterable[Detour], most: int = PATHS_DRAWN) -> list[tuple[UUID, ...]]:
    """Return the ways that the map shows, no stretch twice; each ends where the way of before goes on."""
    passed: set[UUID] = set()
    found: list[tuple[UUID, ...]] = []
    for detour in detours:
        path, here = [detour.device], detour.device
        while here in impact.rerouted and here not in passed:
            passed.add(here)
            here = impact.rerouted[here]
            path.append(here)
        if len(path) > 1:
            found.append(tuple(path))
        if len(found) == most:
            break
    return found
