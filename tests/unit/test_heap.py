"""When what stands is taken out of the collector's walks, in virtual time. Counterpart: `engine/heap.py`."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

import pytest

from engine.heap import AGAIN_EVERY_S, LEARNED_AFTER_S, keep_settled
from tests.unit.virtual_time import run


def test_a_fleet_is_frozen_when_it_was_learned_and_swept_first_each_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[float, str]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        monkeypatch.setattr(gc, "freeze", lambda: done.append((loop.time() - began_s, "freeze")))
        monkeypatch.setattr(gc, "collect", lambda: done.append((loop.time() - began_s, "collect")))
        with suppress(TimeoutError):
            await asyncio.wait_for(keep_settled(1_000), 2.5 * AGAIN_EVERY_S)

    run(main())
    learned_s = 10 + LEARNED_AFTER_S
    assert [(round(at_s), what) for at_s, what in done] == [
        (learned_s, "freeze"),
        (learned_s + AGAIN_EVERY_S, "collect"),
        (learned_s + AGAIN_EVERY_S, "freeze"),
        (learned_s + 2 * AGAIN_EVERY_S, "collect"),
        (learned_s + 2 * AGAIN_EVERY_S, "freeze"),
    ]
