"""Where a line of time has its ticks, and what stands at them; no Qt. Counterpart: `scrubber.py` paints them.

One rule: a tick stands at a round local time, whatever the zone and the season do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

STEPS_S = (
    1,
    5,
    15,
    30,
    60,
    300,
    900,
    1800,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86_400,
    7 * 86_400,
    30 * 86_400,
)
APART_PX = 84
TICKS_CAP = 200


class Tick(NamedTuple):
    """A time and what stands there; `is_day`: a day begins."""

    at_us: int
    text: str
    is_day: bool


def ticks_of(from_us: int, to_us: int, width_px: int) -> list[Tick]:
    """Return the ticks of a span that is drawn so wide."""
    span_s = max((to_us - from_us) / 1e6, 1.0)
    least_s = span_s * APART_PX / max(width_px, APART_PX)
    step_s = next((step for step in STEPS_S if step >= least_s), STEPS_S[-1])
    at = datetime.fromtimestamp(from_us / 1e6)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = (at - midnight).total_seconds() // step_s if step_s < 86_400 else 0
    at = midnight + timedelta(seconds=steps * step_s)
    found: list[Tick] = []
    while len(found) < TICKS_CAP:
        at_us = round(at.timestamp() * 1e6)
        if at_us > to_us:
            break
        if at_us >= from_us:
            found.append(_tick(at, at_us, step_s))
        at += timedelta(seconds=step_s)
    return found


def _tick(at: datetime, at_us: int, step_s: int) -> Tick:
    if at.hour == at.minute == at.second == 0:
        return Tick(at_us, f"{at:%a} {at.day} {at:%b}", True)
    return Tick(at_us, f"{at:%H:%M:%S}" if step_s < 60 else f"{at:%H:%M}", False)
