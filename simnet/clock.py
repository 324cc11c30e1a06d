"""The simulator's time. Counterpart: `world.py`, to which time only ever goes forward.

One rule: all processes of a simulator share one clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class SteadyClock:
    """Seconds since 1970 that never jump: the wall clock at one moment, the monotonic one since."""

    wall_s: float = field(default_factory=time.time)
    monotonic_s: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        """Return the moment."""
        return self.wall_s + time.monotonic() - self.monotonic_s
