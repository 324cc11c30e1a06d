"""Charts of a window that asks no device itself: others' numbers come from the server, and are seen again without it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.wire import QuerySeries
from engine.compose import new_id, now_us
from engine.sync.charts import CUT_OFF
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, Joined, all_until, join, running
from tests.team.servers import listening


async def chart(engine: Joined, device: UUID, series: tuple[str, str], from_us: int) -> dict[str, Any]:
    """Return a chart's answer, up to now."""
    reply = await engine.ask(QuerySeries(1, device, *series, from_us, now_us()))
    assert not reply.refusals, reply.refusals
    return reply.result


async def test_who_does_not_poll_sees_the_graph_of_who_does_and_sees_it_again_cut_off(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        device = Device(new_id(), "web", "127.0.0.1", (Probe("tcp", port),), "server", interval_s=1.0)
        from_us = now_us() - 600_000_000
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await joe.edit("add", creation("device", device))
            await all_until((mara, joe), lambda one: device.id in one.state.health)
            await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
            holder, follower = sorted((mara, joe), key=lambda one: one.team.lease == "elsewhere")
            assert device.id not in follower.state.values
            follower.engine._board.watch(frozenset([device.id]))
            latest = await follower.until(lambda: follower.state.values.get(device.id))
            series = latest.values[0][:2]
            async with asyncio.timeout(WAIT_S):
                while len((await chart(follower, device.id, series, from_us))["at_us"]) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            seen = await chart(follower, device.id, series, from_us)
            own = await chart(holder, device.id, series, from_us)
            assert seen["missing"] is None and own["missing"] is None
            assert set(seen["at_us"]) <= set(own["at_us"])
            assert len(set(own["at_us"])) == len(own["at_us"]), "nothing comes twice"
            told = follower.folder
    async with running(told) as cut_off:
        await cut_off.until(lambda: cut_off.team.reachability == "offline")
        again = await chart(cut_off, device.id, series, from_us)
        known = len(seen["at_us"])  # who judged may have left first: what comes then is asked here
        assert again["at_us"][:known] == seen["at_us"] and again["value"][:known] == seen["value"]
        assert again["missing"]["why"] == CUT_OFF
        assert seen["at_us"][-1] <= again["missing"]["since_us"] <= now_us()
