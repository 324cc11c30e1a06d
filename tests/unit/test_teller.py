"""What the teller keeps of what the server did not take, also where the disk takes nothing just then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from domain.sync import Cycles, Kept
from engine.storage import StorageFailed
from engine.sync.tellers import Teller

NOW_US = 1_700_000_000_000_000
ROWS = tuple(SimpleNamespace(device=UUID(int=n), at_us=NOW_US - 10_000_000 + n, values=b"") for n in range(3))


class Disk:
    """A storage's thread; while it `is_full` it writes nothing. `noted`: what was written of cycles that were not taken."""

    def __init__(self) -> None:
        self.is_full = False
        self.noted: list[tuple[int, int]] = []
        self.lost = SimpleNamespace(told_us=0)
        self.pruning = SimpleNamespace(lost=self.lost, told_us=0, note_refused=self._note)
        self.keep_setting = None

    async def run(self, work: Callable[..., Any], *given: Any) -> Any:
        if self.is_full:
            raise StorageFailed("the disk is full")
        return work(*given)

    def cycles_between(self, after_us: int, until_us: int, cap: int) -> list[SimpleNamespace]:
        return [row for row in ROWS if after_us < row.at_us <= until_us]

    def _note(self, cycles: int, now_us: int, told_us: int) -> None:
        self.noted.append((cycles, told_us))


def test_cycles_that_the_server_did_not_take_are_noted_once_also_when_the_disk_was_full_at_first() -> None:
    async def test() -> None:
        disk = Disk()
        state = SimpleNamespace(vantage=UUID(int=9), health={}, link_states={}, facts={})
        teller = Teller(
            cast(Any, state),
            cast(Any, disk),
            cast(Any, disk),
            cast(Any, disk),
            cast(Any, SimpleNamespace(told_seq=0, cycles_us=0)),
            cast(Any, SimpleNamespace(last_seq=0, skip_to=lambda _: None)),
            now_us=lambda: NOW_US,
        )
        teller.open(0)
        (cycles,) = await teller.next(0)
        assert isinstance(cycles, Cycles)
        teller.on_kept(Kept(cycles.number, refused=2, lost=2))
        disk.is_full = True
        with pytest.raises(StorageFailed):
            await teller.note_lost()
        disk.is_full = False
        await teller.note_lost()
        await teller.note_lost()
        assert disk.noted == [(2, ROWS[-1].at_us)]

    asyncio.run(test())
