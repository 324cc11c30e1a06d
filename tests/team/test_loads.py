"""What links carry, in a window that judges nothing: through a real server, from who judges, now and to who comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.asking import QueryLoads
from domain.edit import creation
from domain.inventory import Device, Link
from engine.compose import new_id, now_us
from tests.server.conftest import ServerDatabase
from tests.server.pushing import pusher
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening

pytestmark = pytest.mark.usefixtures("steady_lease")


def tells(judge: Joined, device: Device, took: float, sent: float, up: float = 1) -> None:
    """Have a device's port tell what it takes in and sends out."""
    values = (("if_oper_up", "ether1", up), ("if_in_bps", "ether1", took), ("if_out_bps", "ether1", sent))
    judge.engine._board.judge.take_pushed(device, values, now_us())


def load(engine: Joined, link: Link) -> tuple[float | None, float | None]:
    found = engine.state.link_states.get(link.id)
    return (found.ab_bps, found.ba_bps) if found is not None else (None, None)


async def test_who_does_not_judge_sees_what_links_carry_and_who_comes_later_too(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        names = ("mara", "joe", "late")
        for who in names:
            await server.member(root, "engineer", f"{who}@example.org")
        mine, yours, later = [await join(tmp_path / who, server, f"{who}@example.org") for who in names]
        a, b = (
            Device(new_id(), name, f"192.0.2.{n}", (), interval_s=3600.0) for n, name in ((1, "a"), (2, "b"))
        )
        link = Link(new_id(), a.id, b.id, "ether1", "ether1", "fibre", 10**9)
        async with running(mine) as mara, running(yours) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await joe.edit("add", creation("device", a), creation("device", b), creation("link", link))
            await all_until((mara, joe), lambda one: one.state.inventory.link(link.id))
            await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
            judge, follower = sorted((mara, joe), key=lambda one: one.team.lease == "elsewhere")
            await judge.until(lambda: judge.engine._board.way == "judging")  # a moment after it has the lease
            tells(judge, a, 3e8, 6e8)
            await follower.until(lambda: load(follower, link) == (6e8, 3e8))
            tells(judge, a, 1e8, 2e8)
            await follower.until(lambda: load(follower, link) == (2e8, 1e8))
            async with running(later) as third:
                await third.until(lambda: load(third, link) == (2e8, 1e8))
            tells(judge, a, 0, 0, up=0)
            await follower.until(lambda: follower.state.link_states[link.id].status == "down")
            await follower.until(lambda: load(follower, link) == (None, None))


async def test_what_links_carried_is_asked_of_the_server_by_who_did_not_measure_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, ingest_flush_ms=5) as server:
        root = await server.found()
        await server.tenant(root)
        await server.member(root, "engineer", "mara@example.org")
        folder = await join(tmp_path / "mara", server, "mara@example.org")
        a, b = (
            Device(new_id(), name, f"192.0.2.{n}", (), interval_s=3600.0) for n, name in ((1, "a"), (2, "b"))
        )
        link = Link(new_id(), a.id, b.id, "ether1", "ether1", "fibre", 10**9)
        then_us = now_us() - 7_200_000_000
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.reachability == "online")
            await mara.edit("add", creation("device", a), creation("device", b), creation("link", link))
            await mara.until(lambda: mara.team.pending == 0)
            made = await pusher(server, root, str(a.id))
            rates = {"if_in_bps/ether1": 3e8, "if_out_bps/ether1": 6e8}
            await made.push({"at_us": then_us, "values": rates})
            assert await loads(mara, link, then_us + 60_000_000) == ("polls", 6e8, 3e8)
            assert await loads(mara, link, then_us - 60_000_000) == ("none", None, None)
            away = mara.folder
    async with running(away) as cut_off:
        await cut_off.until(lambda: cut_off.team.reachability == "offline")
        assert await loads(cut_off, link, then_us + 60_000_000) == ("none", None, None)


async def loads(engine: Joined, link: Link, at_us: int) -> tuple[str, float | None, float | None]:
    """Return what a link carried at a moment, and what says so."""
    reply = await engine.ask(QueryLoads(1, at_us, (link.id,)))
    assert not reply.refusals, reply.refusals
    (found,) = reply.result["loads"]
    return found.source, found.ab_bps, found.ba_bps
