"""Keeps the collector's walks short: what stands is taken out of them. Counterpart: `compose.py`, which keeps this running.

Theory: 10,000 devices are two million objects that live as long as the engine. The collector walks all that lives whenever a
quarter more came, which stops every poll for a second. What is frozen is not walked, and still goes when nobody holds it; only
a ring among what was frozen stays for ever, so nothing is frozen unswept but once, when a fleet has just been learned.
One rule: nothing here changes what the engine does, only when it pauses.
"""

from __future__ import annotations

import asyncio
import gc

from engine.monitor.schedule import FIRST_SWEEP_PER_S

LEARNED_AFTER_S = 45.0
"""How long after it was begun the last device of a first sweep has been looked at, read again and put on disk."""
AGAIN_EVERY_S = 3600.0
THRESHOLDS = 20_000, 20, 50
"""A poll makes some 300 objects that are gone when it ends: a walk after 700, as is usual, finds them all in use."""


def settle() -> None:
    """Sweep, freeze what is left, and sweep seldom from now on."""
    gc.set_threshold(*THRESHOLDS)
    gc.collect()
    gc.freeze()


async def keep_settled(devices: int) -> None:
    """Freeze a fleet of so many devices when it was learned; then, each hour, what has come to stay since."""
    await asyncio.sleep(devices / FIRST_SWEEP_PER_S + LEARNED_AFTER_S)
    gc.freeze()
    while True:
        await asyncio.sleep(AGAIN_EVERY_S)
        settle()
