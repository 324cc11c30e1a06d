"""Keeps the peace while planned work is on. Counterpart: `domain/maintenance.py` says when, `holds.py` what it means.

Theory: what begins and ends is looked up when the inventory changes and when the next moment has come at which any of it can; a
clock that was set back is such a moment too. Who is covered is compared with who was. What opened since the work began clears,
for it is part of the work; what was open before stays, silenced; what still holds at the end opens then.
One rule: whoever is covered twice is at peace until both are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from domain.alert_rules import is_everywhere
from domain.maintenance import covers, next_window
from domain.watching import Maintenance
from engine.judge.holds import Holds
from engine.judge.outcome import Outcome
from engine.state import State

LOOK_EVERY_US = 60_000_000
"""Looked up this often whatever happens: the way that devices depend on each other may be another."""

Dependents = Callable[[frozenset[UUID]], Iterable[UUID]]
"""Which devices lose their way to the network when these are off."""


class Works:
    """All planned work of `state.inventory`, and whom it covers now."""

    def __init__(self, state: State, holds: Holds) -> None:
        self.dependents: Dependents = lambda devices: ()
        self._state = state
        self._holds = holds
        self._covered: dict[UUID, frozenset[UUID]] = {}
        self._look_us = 0
        self._looked_us = 0

    @property
    def covered(self) -> dict[UUID, frozenset[UUID]]:
        """The devices that each work that is on covers, by its id."""
        return self._covered

    def tick(self, now_us: int, outcome: Outcome) -> None:
        """Look it up where it may be otherwise by now."""
        if now_us >= self._look_us or now_us < self._looked_us:
            self.look(now_us, outcome)

    def look(self, now_us: int, outcome: Outcome) -> None:
        """Look up what is on and whom it covers."""
        self._looked_us, self._look_us = now_us, now_us + LOOK_EVERY_US
        covered: dict[UUID, frozenset[UUID]] = {}
        for work in self._state.inventory.maintenances():
            window = next_window(work, now_us)
            if window is None:
                continue
            is_on = window.starts_us <= now_us
            self._look_us = min(self._look_us, window.ends_us if is_on else window.starts_us)
            if is_on:
                covered[work.id] = devices = self._devices(work)
                for device in devices - self._covered.get(work.id, frozenset()):
                    why = f"planned work: {work.name}"
                    self._holds.hush(device, work.id, now_us, outcome, why=why, since_us=window.starts_us)
        for id, were in self._covered.items():
            for device in were - covered.get(id, frozenset()):
                self._holds.unhush(device, id, now_us, outcome)
        self._covered = covered

    def _devices(self, work: Maintenance) -> frozenset[UUID]:
        inventory = self._state.inventory
        if is_everywhere(work.scope):
            return frozenset(device.id for device in inventory.devices())
        devices = frozenset(d.id for d in inventory.devices() if covers(work, inventory, d))
        return devices.union(self.dependents(devices)) if work.with_dependents else devices
