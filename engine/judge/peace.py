"""What the graph may say to the alerts. Counterpart: `faults.py` says it, `rules.py` follows.

One rule: nothing here is an answer; the graph never asks what the alerts made of it.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from engine.judge.outcome import Outcome


class Peace(Protocol):
    """Who lets alerts rest: the rules."""

    def set_suppressed(
        self,
        subject: UUID,
        is_suppressed: bool,
        at_us: int,
        outcome: Outcome,
        *,
        why: str = "",
        since_us: int | None = None,
    ) -> None:
        """Let nothing about a subject open; with `why` silence what is open, and clear what opened since then."""

    def explain(self, device: UUID, words: str) -> None:
        """Say why a device is down, in the alert that is to open."""

    def turn_suspect(self, device: UUID, reason: str, since_us: int, at_us: int, outcome: Outcome) -> None:
        """Say that a device which nobody hears has failed, for a reason, or (empty) not."""

    def turn_uplink(self, reason: str, at_us: int, outcome: Outcome) -> None:
        """Say that our own way to the network is lost, for a reason, or (empty) not."""
