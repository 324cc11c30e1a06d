"""What a collector measured while it was cut off for long: it waits on the disk and goes up whole; what is lost is said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.retention import Retention
from engine.compose import new_id, now_us
from engine.storage import Batch, CycleRow, Store
from engine.sync.membership import MEMBERSHIP, read_membership
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, join, running
from tests.team.servers import Reached, listening

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
WEEKS: dict[str, Any] = {"raw_days": 40, "hour_days": 40}
"""What the server keeps."""
PADDING = tuple(("if_in_bps", f"ether{n}", float(n)) for n in range(200))


async def _found(server: Reached, profiles: Path) -> tuple[Path, Device]:
    """Return the folder of a collector, and a device that is paused, so that only the test makes numbers of it."""
    root = await server.found()
    await server.tenant(root)
    await server.member(root, "tenant_admin", "boss@example.org")
    folder = await join(profiles / "cellar", server, "boss@example.org", kind="collector")
    device = Device(new_id(), "a", "127.0.0.1", (Probe("icmp"),), "relay", paused=True)
    async with running(folder) as cellar:
        await cellar.edit("add", creation("device", device))
        await cellar.until(lambda: cellar.team.pending == 0)
    return folder, device


async def _measure_for_days(cellar: Joined, device: UUID, days: int, *values: tuple[str, str, float]) -> int:
    """Let the clock run for days, up to now, with an hour's poll and its prune after each; return how many polls there were."""
    thread, last_us = cellar.engine._store, now_us() - HOUR_US
    for number in range(days * 24):
        at_us = last_us - (days * 24 - number) * HOUR_US
        polled = CycleRow(device, at_us, (("rtt_ms", "", float(number)), *values))
        await thread.write(Batch(samples=[polled]))
        if number % 12 == 0:
            await thread.prune(at_us, rest_s=0.0)
    await thread.prune(now_us(), rest_s=0.0)
    return days * 24


async def _numbers(server: Reached) -> int:
    count: int = await server.owner.fetchval("SELECT count(*) FROM sample")
    return count


async def _told_all(cellar: Joined) -> None:
    """Wait until the server has been told everything."""
    teller = cellar.engine._team.desk._teller  # type: ignore[union-attr]
    while await cellar.engine._store.run(
        cellar.engine._team._store.cycles_between, teller.cycles_us, now_us(), 1
    ):
        seen = teller.cycles_us
        await cellar.until(lambda seen=seen: teller.cycles_us > seen)


def _forget_told(folder: Path) -> None:
    """Leave in a team's folder what is there where it was killed as soon as losses were noted."""
    store = Store.open(folder / "heliograph.db", now_us=now_us(), new_id=new_id)
    try:
        mine = read_membership(store)
        assert mine is not None and mine.cycles_us
        store.keep_setting(MEMBERSHIP, msgspec.structs.replace(mine, cycles_us=0))
    finally:
        store.close()


@pytest.mark.parametrize("days", [8, 30])
async def test_what_was_measured_in_weeks_without_the_server_is_all_there_when_it_is_back(
    tmp_path: Path, server_database: ServerDatabase, days: int
) -> None:
    async with listening(server_database, **WEEKS) as server:
        port = int(server.url.rpartition(":")[2])
        folder, device = await _found(server, tmp_path)
    async with running(folder) as cellar:
        made = await _measure_for_days(cellar, device.id, days)
    async with listening(server_database, port=port, **WEEKS) as server, running(folder) as cellar:
        await _told_all(cellar)
        assert await _numbers(server) == made
        assert not cellar.engine._team.notices
        await cellar.engine._store.prune(now_us(), rest_s=0.0)
        left = await cellar.engine._store.run(cellar.engine._team._store.cycles_between, 0, now_us(), 10_000)
        assert len(left) < 24 * 7 <= made, "what the server has is kept here as long as on any computer"


async def test_above_the_cap_the_oldest_are_dropped_counted_and_said(
    tmp_path: Path, server_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(server_database, **WEEKS) as server:
        port = int(server.url.rpartition(":")[2])
        folder, device = await _found(server, tmp_path)
    small = Retention(raw_cap_bytes=50_000, untold_cap_bytes=150_000)
    with caplog.at_level(logging.WARNING, "engine.storage"):
        async with running(folder) as cellar:
            await cellar.engine._store.set_retention(small)
            made = await _measure_for_days(cellar, device.id, 9, *PADDING)
            lost = cellar.engine._store.lost_polls
            assert 0 < lost.dropped < made and any(one.message == "polls_lost" for one in caplog.records)
    async with listening(server_database, port=port, **WEEKS) as server, running(folder) as cellar:
        assert cellar.engine._store.lost_polls == lost, "it is known after a restart, too"
        (said,) = cellar.engine._team.notices
        assert said.startswith(f"{lost.dropped:,} polls were dropped here")
        await _told_all(cellar)
        assert await _numbers(server) == made - lost.dropped
        state = await cellar.until(lambda: cellar.state.engine if cellar.state.engine.lost_polls else None)
        assert state.lost_polls == lost.dropped


async def test_days_that_the_server_keeps_no_more_are_told_as_not_taken(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, raw_days=5, hour_days=5) as server:
        port = int(server.url.rpartition(":")[2])
        folder, device = await _found(server, tmp_path)
    async with running(folder) as cellar:
        made = await _measure_for_days(cellar, device.id, 9)
    async with (
        listening(server_database, port=port, raw_days=5, hour_days=5) as server,
        running(folder) as cellar,
    ):
        await _told_all(cellar)
        (said,) = await cellar.until(lambda: cellar.engine._team.notices)
        lost = cellar.engine._store.lost_polls
        assert 3 * 24 <= lost.refused < made and said.startswith(
            f"{lost.refused:,} polls of this computer were not taken"
        )
        assert await _numbers(server) == made - lost.refused
    async with listening(server_database, port=port, raw_days=5, hour_days=5) as server:
        _forget_told(folder)
        async with running(folder) as cellar:  # as after a kill before it was kept that they were told
            await _told_all(cellar)
            assert cellar.engine._store.lost_polls == lost, "each is counted once"
