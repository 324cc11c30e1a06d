"""A walk from the MIB browser against agents that speak v1 alone, are slow, go backwards, or never end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from domain.errors import BadReply, NoAnswer
from domain.mib import WalkDevice
from engine.mibs import walk
from engine.mibs.library import VERSIONS_CAP, Mibs
from engine.mibs.walk import WalkSession
from engine.protocols import ber, snmp
from engine.protocols.ber import Value
from engine.protocols.snmp import Message, Pdu, Version
from engine.transport import Transports
from tests.engine.agent import IF, ScriptedAgent, sort_key, switch
from tests.engine.peers import Reply, encode_reply, octets, udp_peer

T = TypeVar("T")


def walking(answer: Callable[[bytes], Reply], scene: Callable[[WalkSession], Awaitable[T]]) -> T:
    """Play a scene with a session that asks this agent."""

    async def main() -> T:
        transports = await Transports.open()
        async with udp_peer(answer) as peer:
            session = WalkSession(transports.udp, peer.address, "public", timeout_s=1.0, retries=0)
            try:
                return await scene(session)
            finally:
                session.close()
                await transports.close()

    return asyncio.run(main())


async def whole(session: WalkSession, root: str, rows: int = 7) -> list[tuple[str, Value]]:
    found: list[tuple[str, Value]] = []
    after = ""
    while True:
        page = await session.page(root, after, rows)
        assert len(page.values) <= rows
        found += page.values
        after = page.next
        if not after:
            return found


@pytest.mark.parametrize("versions", [{Version.V1}, {Version.V2C}, {Version.V1, Version.V2C}])
def test_an_agent_of_any_version_is_walked_whole_and_in_order(versions: set[Version]) -> None:
    agent = ScriptedAgent(switch(5))
    agent.versions = versions
    found = walking(agent, lambda session: whole(session, IF))
    oids = [oid for oid, _ in found]
    assert oids == sorted(oids, key=sort_key)
    assert set(oids) == {oid for oid in agent.objects if oid.startswith(f"{IF}.")}
    assert not [
        message for message in agent.asked if message.pdu not in (Pdu.GET, Pdu.GET_NEXT, Pdu.GET_BULK)
    ]


def test_an_agent_that_finds_answers_too_big_is_asked_for_less() -> None:
    agent = ScriptedAgent(switch(5))
    agent.most_varbinds = 3
    assert len(walking(agent, lambda session: whole(session, IF))) == 50


def test_the_end_of_everything_and_an_empty_subtree_end_a_walk() -> None:
    agent = ScriptedAgent(switch(2))
    assert len(walking(agent, lambda session: whole(session, "1.3.6"))) == len(agent.objects)
    assert walking(agent, lambda session: whole(session, "1.3.6.1.4.1")) == []
    one = walking(agent, lambda session: whole(session, "1.3.6.1.2.1.1.5.0"))
    assert one == [("1.3.6.1.2.1.1.5.0", b"sw1")]


def test_an_oid_that_does_not_grow_is_a_bad_reply() -> None:
    def turns_back(data: bytes) -> Reply:
        request = snmp.decode_message(data)
        assert isinstance(request, Message)
        if request.pdu == Pdu.GET:
            return encode_reply(request, [(request.varbinds[0][0], ber.encode_integer(1))])
        return encode_reply(request, [(f"{IF}.2.2", octets("b")), (f"{IF}.2.1", octets("a"))])

    with pytest.raises(BadReply, match=r"1 after .*\.2: an OID that grows expected"):
        walking(turns_back, lambda session: whole(session, IF))


def test_an_endless_table_is_told_page_by_page_until_nobody_asks() -> None:
    numbers = count(1)

    def endless(data: bytes) -> Reply:
        request = snmp.decode_message(data)
        assert isinstance(request, Message)
        asked = max(1, request.error_index)
        return encode_reply(request, [(f"{IF}.2.{next(numbers)}", b"\x05\x00") for _ in range(asked)])

    async def scene(session: WalkSession) -> list[int]:
        session.is_known = True
        first = await session.page(IF, "", 50)
        second = await session.page(IF, first.next, 50)
        return [len(first.values), len(second.values), int(second.next.rpartition(".")[2])]

    assert walking(endless, scene) == [50, 50, 100]


def test_a_page_of_a_slow_agent_is_handed_over_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE_S", 0.0)
    agent = ScriptedAgent(switch(20))
    page = walking(agent, lambda session: session.page(IF, "", 200))
    assert 0 < len(page.values) < 200
    assert page.next == page.values[-1][0]


def test_an_agent_that_is_silent_is_asked_in_both_versions_and_no_longer() -> None:
    asked: list[bytes] = []
    with pytest.raises(NoAnswer):
        walking(asked.append, lambda session: session.page(IF, "", 10))
    assert len(asked) == 2


def test_a_version_is_kept_from_page_to_page_and_not_after_the_last_nor_for_all_that_were_given_up(
    tmp_path: Path,
) -> None:
    agent = ScriptedAgent(switch(5))
    agent.versions = {Version.V1}

    async def main() -> None:
        transports = await Transports.open()
        async with udp_peer(agent) as peer:

            def open_walk(_: UUID) -> WalkSession:
                return WalkSession(transports.udp, peer.address, "public", timeout_s=1.0, retries=0)

            async def page(device: int, after: str, rows: int) -> str:
                reply = await mibs.answer(WalkDevice(1, UUID(int=device), IF, after, rows))
                assert not reply.refusals
                return str(reply.result["next"])

            mibs = Mibs(tmp_path, open_walk)
            after = await page(1, "", 20)
            asked = len(agent.asked)
            while after:
                after = await page(1, after, 20)
            assert Pdu.GET not in [message.pdu for message in agent.asked[asked:]]
            assert not mibs._versions
            agent.versions = {Version.V1, Version.V2C}
            for device in range(VERSIONS_CAP + 6):
                assert await page(device, "", 1)
            assert list(mibs._versions) == [UUID(int=n) for n in range(6, VERSIONS_CAP + 6)]
            await mibs.close()
        await transports.close()

    asyncio.run(main())
