"""Who changes a tenant waits for who is just at it, in order, and not for ever. Counterpart: `sync_server/queues.py`."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from sync_server.queues import Queues

ONE, TWO = UUID(int=1), UUID(int=2)


async def test_one_is_at_a_tenant_at_a_time_and_they_come_in_order() -> None:
    queues, told = Queues(60.0), list[str]()

    async def change(name: str, tenant: UUID | None) -> None:
        async with queues.turn(tenant):
            told.append(f"{name} in")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            told.append(f"{name} out")

    await asyncio.gather(*(change(name, ONE) for name in "abc"))
    assert told == ["a in", "a out", "b in", "b out", "c in", "c out"]
    told.clear()
    await asyncio.gather(change("a", ONE), change("b", TWO), change("c", None), change("d", None))
    assert told[:4] == ["a in", "b in", "c in", "d in"]
    assert queues._queues == {}


async def test_who_fails_or_leaves_lets_the_next_in() -> None:
    queues = Queues(60.0)
    entered = asyncio.Event()

    async def stay() -> None:
        async with queues.turn(ONE):
            entered.set()
            await asyncio.Event().wait()

    async def leave(task: asyncio.Task[None]) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    staying = asyncio.ensure_future(stay())
    await entered.wait()
    waiting = asyncio.ensure_future(stay())
    await asyncio.sleep(0)
    await leave(waiting)
    await leave(staying)
    with pytest.raises(ValueError, match="mine"):
        async with queues.turn(ONE):
            raise ValueError("mine")
    async with queues.turn(ONE):
        pass
    assert queues._queues == {}


async def test_who_has_waited_too_long_goes_on_and_ends_nobodys_turn() -> None:
    queues = Queues(0.0)
    async with queues.turn(ONE):
        async with queues.turn(ONE):
            pass
        assert queues._queues[ONE].lock.locked()
    assert queues._queues == {}
