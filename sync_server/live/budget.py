"""How fast somebody may go. Counterpart: `line.py`, which waits for as long as it says, or lets lie what it may not do.

One rule: time is an argument.
"""

from __future__ import annotations


class Budget:
    """So much a second, and a second's worth at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._at_s: float | None = None

    def spend(self, amount: float, now_s: float) -> float:
        """Take an amount; return how long to wait until it is paid for, in seconds, 0 where it is."""
        self._earn(now_s)
        self._left -= amount
        return max(0.0, -self._left / self._per_s)

    def affords(self, amount: float, now_s: float) -> bool:
        """Take an amount if it is there now; return whether it was."""
        self._earn(now_s)
        if self._left < amount:
            return False
        self._left -= amount
        return True

    def _earn(self, now_s: float) -> None:
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._left = min(self._per_s, self._left + passed_s * self._per_s)
        self._at_s = now_s
