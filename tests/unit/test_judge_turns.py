"""When the judge looks at what went down."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from engine.judge import turns
from engine.judge.judge import Judge
from tests.unit.virtual_time import run


class Looking:
    """Stands in for a judge: notes when it is to look."""

    def __init__(self) -> None:
        self.looks: list[int] = []

    def look(self, now_us: int) -> None:
        """Note it."""
        self.looks.append(now_us)


def test_what_goes_down_is_looked_at_at_once_and_what_follows_soon_after_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "REST_S", 0.05)
    monkeypatch.setattr(turns, "REST", 0)
    run(_falls())


async def _falls() -> None:
    judge, fell = Looking(), asyncio.Event()
    task = asyncio.create_task(turns.turn_faults(lambda: cast("Judge", judge), fell, lambda: 7))
    await asyncio.sleep(0)
    assert judge.looks == []
    fell.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert judge.looks == [7]
    for _ in range(5):
        fell.set()
        await asyncio.sleep(0)
    assert judge.looks == [7]
    await asyncio.sleep(0.1)
    assert judge.looks == [7, 7]
    task.cancel()
