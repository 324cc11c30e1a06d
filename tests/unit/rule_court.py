"""A court in which nobody looks for causes: each rule for itself. Counterpart: `court.py`."""

from __future__ import annotations

from typing import Any

from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.state import State
from tests.unit.court import Court


class NoFaults:
    """Nobody who looks for causes."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: None


class RuleCourt(Court):
    """A judge whose alerts wait for no witness."""

    def make_judge(self, state: State, pen: JournalPen) -> Judge:
        """Return a judge of a state as it is now."""
        judge = super().make_judge(state, pen)
        judge.faults = NoFaults()  # type: ignore[assignment]
        judge.rules.works.dependents = lambda devices: ()
        return judge
