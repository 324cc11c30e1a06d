"""Whom planned work covers, and when that will be others. Counterpart: `model.py`, which shows them as in maintenance.

One rule: it asks to be looked at again when work begins or ends, but not for a moment of the past.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QObject, QTimer

from domain.inventory import Inventory
from domain.maintenance import under_work

LOOKED_AT_MS = 600_000
"""Longest wait until it is looked at again: a clock may have been set, a laptop may have slept."""


class PlannedWork:
    """`covered` are the devices; `on_turn` is called when they will be others."""

    def __init__(self, parent: QObject, on_turn: Callable[[], None]) -> None:
        self.covered: frozenset[UUID] = frozenset()
        self._turns = QTimer(parent)
        self._turns.setSingleShot(True)
        self._turns.timeout.connect(on_turn)

    def look(self, inventory: Inventory, now_us: int, *, is_past: bool) -> frozenset[UUID]:
        """Take whom it covers at a moment; return those whom it did not before, or does no more."""
        was = self.covered
        self.covered, turn_us = under_work(inventory, now_us)
        if turn_us is None or is_past:
            self._turns.stop()
        else:
            self._turns.start(min((turn_us - now_us) // 1000 + 1, LOOKED_AT_MS))
        return was ^ self.covered

    def forget(self) -> None:
        """Cover nobody until it is looked at."""
        self.covered = frozenset()
