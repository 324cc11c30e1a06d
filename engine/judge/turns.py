"""The judge's own services: each second it looks at its clocks and at the links that devices tell of, and at once at what went
down. Counterpart: `judge.py`.

One rule: nothing here decides; it only says when.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engine.judge.judge import TICK_S, Judge

SOON_S = 0.2
"""How soon evidence goes on that was left for the next turn."""
REST_S, REST = 0.1, 10
"""What goes down so soon after another is looked at together; where that is longer, after so many times as long as the last look
took, so that a storm leaves the polls their time."""


async def turn_clocks(judge: Callable[[], Judge], now_us: Callable[[], int]) -> None:
    """Have whoever judges look at the clocks each second, until cancelled. `now_us` is the wall clock in microseconds UTC."""
    while True:
        await asyncio.sleep(TICK_S)
        judge().tick(now_us(), time.monotonic())


async def turn_faults(judge: Callable[[], Judge], fell: asyncio.Event, now_us: Callable[[], int]) -> None:
    """Have whoever judges look at once what went down when `fell` is set, until cancelled: where many do, some at a time."""
    while True:
        await fell.wait()
        fell.clear()
        began_s = time.perf_counter()
        judge().look(now_us())
        await asyncio.sleep(max(REST_S, REST * (time.perf_counter() - began_s)))


async def turn_evidence(judge: Callable[[], Judge], now_us: Callable[[], int]) -> None:
    """Have whoever judges bring the links that devices tell of up to date, until cancelled."""
    while True:
        more = judge().turn_evidence(now_us())
        await asyncio.sleep(SOON_S if more else TICK_S)
