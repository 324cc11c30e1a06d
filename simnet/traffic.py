"""How much flows over a link at any moment, and how much has flowed: closed forms, nothing runs in the background.

Counterpart: `world.py` switches a flow when a link is cut, loaded or mended; `router.py` reads counters from it. One
rule: both ends of a link read the same flow, so they agree to the bit.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from simnet.network import Load

DAY_S = 86_400.0
PEAK_S = 19.0 * 3600
"""The busiest moment of the day, in seconds after midnight UTC: eight in the evening in the Alps."""

_RIPPLE_SHARE = 0.2
_RIPPLES = ((0.5, 40.0, 90.0), (0.3, 240.0, 600.0), (0.2, 1500.0, 3600.0))
"""(share of the ripple, shortest and longest period in seconds)."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A rate over the day in bit/s: a mean, a daily swing and a few ripples, each a sine so that its integral is exact."""

    mean_bps: float
    sines: tuple[tuple[float, float, float], ...] = ()
    """(amplitude in bit/s, angular speed in rad/s, phase in rad); their sum never exceeds the mean."""

    def rate_bps(self, at_s: float) -> float:
        """Return the rate at a moment (seconds since 1970)."""
        rate = self.mean_bps
        for amplitude, speed, phase in self.sines:
            rate += amplitude * math.sin(speed * at_s + phase)
        return max(0.0, rate)

    def bits(self, start_s: float, end_s: float) -> float:
        """Return what flowed between two moments, in bits; exact, and never negative for start <= end."""
        total = self.mean_bps * (end_s - start_s)
        for amplitude, speed, phase in self.sines:
            total += amplitude / speed * (math.cos(speed * start_s + phase) - math.cos(speed * end_s + phase))
        return max(0.0, total)


def day_wave(load: Load, capacity_bps: float, seed: str) -> Wave:
    """Shape a load into a wave that never passes the capacity; the same seed always gives the same wave."""
    dice = random.Random(seed)  # noqa: S311 - a demo load, no secret
    low, high = sorted((load.low_bps, load.peak_bps))
    room_bps = min(_RIPPLE_SHARE * low, max(0.0, capacity_bps - high))
    day = 2 * math.pi / DAY_S
    swing_bps = (load.peak_bps - load.low_bps) / 2
    sines = [(swing_bps, day, math.pi / 2 - day * PEAK_S)]
    for share, shortest_s, longest_s in _RIPPLES:
        speed = 2 * math.pi / dice.uniform(shortest_s, longest_s)
        sines.append((share * room_bps, speed, dice.uniform(0, 2 * math.pi)))
    return Wave((low + high) / 2, tuple(sines))


def steady_wave(rate_bps: float) -> Wave:
    """Return a wave that stays at one rate."""
    return Wave(rate_bps)


SILENCE = Wave(0.0)
"""What flows over a dead link."""


class Flow:
    """One direction of a link: the wave that holds now, and all bits that flowed since the start."""

    __slots__ = ("_bits", "_since_s", "wave")

    def __init__(self, wave: Wave, at_s: float) -> None:
        self.wave = wave
        self._since_s = at_s
        self._bits = 0.0

    def switch(self, wave: Wave, at_s: float) -> None:
        """Let another wave hold from `at_s` on; what flowed until then is kept."""
        if wave is not self.wave:
            self._bits = self.bits(at_s)
            self._since_s = max(self._since_s, at_s)
            self.wave = wave

    def bits(self, at_s: float) -> float:
        """Return all bits that flowed from the start to `at_s`; never falls as `at_s` grows."""
        return self._bits + self.wave.bits(self._since_s, max(self._since_s, at_s))

    def rate_bps(self, at_s: float) -> float:
        """Return the rate at a moment."""
        return self.wave.rate_bps(at_s)
