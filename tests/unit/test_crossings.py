"""Where two ends of a tunnel meet: who comes too late, twice or not at all, who falls silent, who takes nothing, and caps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast
from uuid import UUID

import pytest

from domain.crossing import FRAME_CAP_BYTES, Met, decode_from_door
from domain.roles import PERMISSIONS
from sync_server.live import crossings
from sync_server.live.crossings import ASTRAY_CAP, PERSON_CAP, TENANT_CAP, Crossing, Crossings
from sync_server.live.frames import HangUp, Peer
from sync_server.security.principal import Principal
from tests.unit.virtual_time import run as in_virtual_time

BEN = Principal("user", UUID(int=1), "Ben", UUID(int=9), "engineer", PERMISSIONS["engineer"])


class End:
    """One end: what it says waits in `says` (None: it hangs up), what it is told is in `told`."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.told: list[bytes] = []
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> bytes | None:
        return await self.says.get()

    async def send(self, data: bytes) -> None:
        await self.takes.wait()
        self.told.append(data)


def crossing(number: int = 1, who: Principal = BEN) -> Crossing:
    return Crossing(UUID(int=number), who, UUID(int=5), "10.0.0.1", 22, UUID(int=6), "hill")


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    in_virtual_time(test())


async def met(one: Crossing, near: End, far: End) -> asyncio.Task[HangUp]:
    task = asyncio.ensure_future(one.run(cast(Peer, near)))
    await asyncio.sleep(0)
    assert one.arrive(cast(Peer, far), BEN, "")
    while not far.told:  # noqa: ASYNC110 it hears that it met
        await asyncio.sleep(0)
    return task


def test_frames_pass_both_ways_as_they_are_and_are_counted() -> None:
    async def test() -> None:
        one, near, far = crossing(), End(), End()
        task = await met(one, near, far)
        near.says.put_nowait(b"\x02there")
        far.says.put_nowait(b"\x02ba")
        while len(near.told) < 2 or len(far.told) < 2:  # noqa: ASYNC110 both have heard
            await asyncio.sleep(0)
        assert decode_from_door(near.told[0]) == Met("hill")
        assert (far.told[1], near.told[1]) == (b"\x02there", b"\x02ba")
        far.says.put_nowait(None)
        assert (await task).refused.message == "hill hung up"
        assert one.passed == {"to": 6, "from": 3}
        assert one.ended.is_set()
        assert not one.arrive(cast(Peer, far), BEN, ""), "it is over"

    run(test)


def test_who_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossings, "MEET_S", 0.01)

    async def test() -> None:
        why = await crossing().run(cast(Peer, End()))
        assert why.refused.code == "NO_ANSWER"

    run(test)


def test_a_refusal_of_the_other_end_is_told_in_its_words() -> None:
    async def test() -> None:
        one, near = crossing(), End()
        task = asyncio.ensure_future(one.run(cast(Peer, near)))
        await asyncio.sleep(0)
        assert one.arrive(cast(Peer, End()), BEN, "the device is not known there")
        assert not one.arrive(cast(Peer, End()), BEN, "")
        assert (await task).refused.message == "hill: the device is not known there"
        assert not near.told

    run(test)


def test_one_that_says_nothing_any_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossings, "DEAD_AFTER_S", 0.05)

    async def test() -> None:
        near, far = End(), End()
        task = await met(crossing(), near, far)
        while not task.done():
            near.says.put_nowait(b"\x06")
            await asyncio.sleep(0.005)
        assert (await task).refused.message.startswith("nothing was heard of hill")

    run(test)


def test_one_that_takes_nothing_holds_one_frame_and_then_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossings, "SEND_S", 0.05)

    async def test() -> None:
        near, far = End(), End()
        task = await met(crossing(), near, far)
        far.takes.clear()
        for _ in range(10):
            near.says.put_nowait(b"\x02x")
        assert (await task).refused.message == "the other end takes nothing"
        assert near.says.qsize() == 9, "no more is read than one frame"

    run(test)


def test_a_frame_that_is_too_large_ends_it() -> None:
    async def test() -> None:
        near, far = End(), End()
        task = await met(crossing(), near, far)
        near.says.put_nowait(bytes(FRAME_CAP_BYTES + 1))
        assert (await task).refused.code == "BAD_MESSAGE"

    run(test)


def test_it_ends_when_the_person_may_no_longer() -> None:
    async def test() -> None:
        one, near, far = crossing(), End(), End()
        task = await met(one, near, far)
        one.hang_up(HangUp("CLOSING", "what you may do here has changed"))
        one.hang_up(HangUp("CLOSING", "again"))
        assert (await task).refused.message == "what you may do here has changed"

    run(test)


def test_a_person_and_a_network_have_only_so_many() -> None:
    async def test() -> None:
        held = Crossings()
        for number in range(PERSON_CAP):
            assert not held.why_full(BEN)
            held.all[UUID(int=number)] = crossing(number)
        assert "of yours" in held.why_full(BEN)
        for number in range(PERSON_CAP, TENANT_CAP):
            other = Principal("user", UUID(int=100 + number), "X", BEN.tenant, "engineer", BEN.permissions)
            assert not held.why_full(other)
            held.all[UUID(int=number)] = crossing(number, other)
        stranger = Principal("user", UUID(int=7), "Y", BEN.tenant, "engineer", BEN.permissions)
        assert "of this network" in held.why_full(stranger)
        assert not held.why_full(
            Principal("user", UUID(int=7), "Y", UUID(int=8), "engineer", BEN.permissions)
        )

    run(test)


ELSEWHERE = HangUp("ELSEWHERE", "this tunnel does not wait here")
MIRA = Principal("user", UUID(int=2), "Mira", UUID(int=8), "engineer", PERMISSIONS["engineer"])


def test_of_each_only_some_stay_that_look_for_another_server() -> None:
    async def test() -> None:
        all = Crossings()
        ends = [End() for _ in range(ASTRAY_CAP + 1)]
        *staying, (mira, hers) = (
            (end, asyncio.ensure_future(all.lead_astray(who, cast(Peer, end), ELSEWHERE)))
            for end, who in zip(ends, [BEN] * ASTRAY_CAP + [MIRA], strict=True)
        )
        await asyncio.sleep(0)
        assert await all.lead_astray(BEN, cast(Peer, End()), ELSEWHERE) is ELSEWHERE
        await asyncio.sleep(0)
        assert len(all.astray) == ASTRAY_CAP + 1 and mira.told, "another has his own"
        for end, task in [*staying, (mira, hers)]:
            assert not task.done()
            end.says.put_nowait(None)
            assert await task is ELSEWHERE
        assert not all.astray

    run(test)


def test_one_that_looks_for_another_server_leaves_when_it_is_told_to() -> None:
    async def test() -> None:
        all = Crossings()
        task = asyncio.ensure_future(all.lead_astray(BEN, cast(Peer, End()), ELSEWHERE))
        await asyncio.sleep(0)
        (one,) = all.astray
        one.hang_up(HangUp("CLOSING", "the server stops"))
        one.hang_up(HangUp("SESSION_OVER", "said too late"))
        assert (await task).refused.code == "CLOSING"
        assert one.ended.is_set() and not all.astray

    run(test)


def test_one_that_looks_for_another_server_and_never_leaves_is_hung_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crossings, "MEET_S", 0.01)

    async def test() -> None:
        assert await Crossings().lead_astray(BEN, cast(Peer, End()), ELSEWHERE) is ELSEWHERE

    run(test)
