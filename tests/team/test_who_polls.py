"""One engine polls for all: what it sees the others show, and its numbers are on the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from domain.edit import creation
from domain.inventory import Device, Probe
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, all_until, running, team
from tests.team.servers import listening

pytestmark = pytest.mark.usefixtures("steady_lease")


async def test_one_polls_both_see_it_and_when_it_leaves_the_other_goes_on(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        folders = await team(server, tmp_path, "mara", "joe")
        device = Device(new_id(), "web", "127.0.0.1", (Probe("tcp", port),), "server", interval_s=1.0)
        async with running(folders[1]) as joe:
            async with running(folders[0]) as mara:
                await all_until((mara, joe), lambda one: one.team.reachability == "online")
                await joe.edit("add", creation("device", device))
                await all_until(
                    (mara, joe),
                    lambda one: (seen := one.state.health.get(device.id)) and seen.status == "up",
                )
                await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
                (holder,) = (one for one in (mara, joe) if one.team.lease == "here")
                seen_by = holder.team.install
                await all_until((mara, joe), lambda one: one.state.health[device.id].vantage == seen_by)
                (follower,) = (one for one in (mara, joe) if one is not holder)
                first_us = follower.state.health[device.id].heard_us
                await follower.until(lambda: follower.state.health[device.id].heard_us > first_us)
                async with asyncio.timeout(WAIT_S):
                    while not await server.owner.fetchval("SELECT count(*) FROM sample"):  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
                assert await server.owner.fetchval("SELECT count(DISTINCT vantage) FROM sample_source") == 1
            await joe.until(lambda: joe.team.lease == "here")
            await joe.until(lambda: joe.state.health[device.id].vantage == joe.team.install)
