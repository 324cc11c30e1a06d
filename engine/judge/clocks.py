"""Notices when time itself went wrong. Counterpart: the judge, who then believes no miss for one cycle.

Theory: the wall clock and the monotonic clock run side by side. Where one gains more than five seconds on the other, the
computer slept or somebody set the clock; where both jump between two ticks of a second, this process was stopped. One
rule: clocks are arguments.
"""

from __future__ import annotations

JUMP_S = 5.0


class ClockWatch:
    """Compares each tick with the one before."""

    def __init__(self, now_us: int, now_s: float) -> None:
        self._last = now_us, now_s

    def jump_s(self, now_us: int, now_s: float, tick_s: float) -> float:
        """Return by how many seconds time jumped since the last tick, 0 where it did not; below zero: backwards."""
        last_us, last_s = self._last
        self._last = now_us, now_s
        wall_s, run_s = (now_us - last_us) / 1e6, now_s - last_s
        if abs(wall_s - run_s) > JUMP_S:
            return wall_s - run_s
        return run_s - tick_s if run_s - tick_s > JUMP_S else 0.0
