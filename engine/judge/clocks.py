"""Notices when time itself went wrong, and since when anything could be heard. Counterpart: the judge, who then believes no miss
for one cycle, and takes no silence before for one.

Theory: the wall clock and the monotonic clock run side by side. Where one gains more than five seconds on the other, the
computer slept or somebody set the clock; where both jump between two ticks of a second, this process was stopped. One
rule: clocks are arguments.
"""

from __future__ import annotations

from domain.inventory import Device
from engine.state import State

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


class Listening:
    """Since when devices were listened to; `polls_us`: those that are asked. What is pushed comes by way of the server."""

    def __init__(self, state: State, now_us: int) -> None:
        self._state = state
        self.polls_us = self._pushes_us = now_us

    def look(self, now_us: int) -> None:
        """Notice that the server is not heard, or does not hear what is pushed; to be called every few seconds."""
        team = self._state.team
        if team is None or team.reachability != "online" or not team.hears_pushes:
            self._pushes_us = now_us

    def since_us(self, device: Device) -> int:
        """Return since when a device would have been heard."""
        return self.polls_us if device.probes else max(self.polls_us, self._pushes_us)
