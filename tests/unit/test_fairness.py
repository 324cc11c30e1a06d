"""Places that tenants share: one after the other, none is lost, and nobody who gave up is waited for."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sync_server.live.fairness import Fairness

MANY, FEW = UUID(int=1), UUID(int=2)


def test_one_that_asks_for_much_is_waited_for_by_no_other_more_than_once() -> None:
    async def ask() -> list[UUID]:
        fairness, order = Fairness(2), list[UUID]()

        async def chart(tenant: UUID) -> None:
            async with fairness.place(tenant):
                order.append(tenant)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for tenant in [MANY] * 50 + [FEW] * 3:
                group.create_task(chart(tenant))
        return order

    order = asyncio.run(ask())
    assert len(order) == 53
    assert max(place for place, tenant in enumerate(order) if tenant == FEW) < 10


def test_who_gives_up_waiting_takes_no_place_and_leaves_none_taken() -> None:
    async def ask() -> None:
        fairness = Fairness(1)

        async def chart(tenant: UUID) -> None:
            async with fairness.place(tenant):
                await asyncio.sleep(0)

        for when in range(4):  # while it waits, when it was just given the place, while it has it
            first, second = asyncio.ensure_future(chart(MANY)), asyncio.ensure_future(chart(FEW))
            for _ in range(when):
                await asyncio.sleep(0)
            second.cancel()
            await asyncio.gather(first, second, return_exceptions=True)
        async with asyncio.timeout(60), fairness.place(FEW):
            pass

    asyncio.run(ask())
