"""A van that is cut off: what it alone sees is marked, reddens nothing of the team's, and is held against its word after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from domain.alerts import Alert
from domain.edit import creation
from domain.inventory import Device, Probe
from domain.team import SEEN_FROM_HERE
from domain.wire import ActOnAlert, QueryJournal
from engine.compose import new_id
from tests.ports import free_port
from tests.server.conftest import ServerDatabase
from tests.team.cuts import Cut
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening


def open_of(engine: Joined, device: Device) -> list[Alert]:
    """Return the open alerts about a device."""
    return [one for one in engine.state.alerts.values() if one.subject == device.id and one.is_open]


async def test_a_van_without_a_route_marks_its_alerts_and_never_makes_the_teams_map_red(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        web = Device(new_id(), "web", "127.0.0.1", (Probe("tcp", port),), "server", interval_s=1.0)
        near = Device(new_id(), "near", "127.0.0.2", (Probe("icmp"),), "server", interval_s=1.0)
        async with running(folders[0]) as mara:
            await mara.until(lambda: mara.team.lease == "here")
            async with running(folders[1]) as van:
                await mara.edit("add", creation("device", web), creation("device", near))
                await all_until(
                    (mara, van),
                    lambda one: (seen := one.state.health.get(web.id)) is not None and seen.status == "up",
                )
                reds: list[str] = []
                mara.engine._endpoint.touch = _noting(mara, web, reds)  # type: ignore[method-assign]
                cut = Cut(van)
                cut.cut()
                (alert,) = await van.until(lambda: open_of(van, web))
                assert alert.id in van.team.local_alerts and van.team.lease == "cut_off"
                assert van.state.health[web.id].status == "down"
                said = await van.ask(ActOnAlert(1, alert.id, "acknowledge", "joe", "on my way"))
                assert not said.refusals
                assert van.state.alerts[alert.id].acknowledged_by == "joe"
                cut.mend()
                await van.until(lambda: van.team.lease == "elsewhere" and not open_of(van, web))
                await van.until(lambda: not van.team.untold)
                await van.until(lambda: van.state.health[web.id].status == "up")  # the team's word holds
                seen = van.state.alerts[alert.id]
                assert seen.cleared_why == SEEN_FROM_HERE and seen.acknowledged_by == "joe"
                assert not reds and not open_of(mara, web)
                assert not await server.owner.fetchval("SELECT count(*) FROM alert")
            async with running(folders[1]) as van:
                assert van.state.alerts[alert.id].cleared_why == SEEN_FROM_HERE, "it stays in the history"
                rows = (await van.ask(QueryJournal(1, web.id))).result["rows"]
                kinds = [row["kind"] for row in reversed(rows) if row["kind"].startswith("alert_")]
                assert kinds == ["alert_opened", "alert_acknowledged", "alert_cleared"]


def _noting(engine: Joined, device: Device, reds: list[str]) -> Any:
    told = engine.engine._endpoint.touch

    def touch(*given: Any, **more: Any) -> None:
        health = engine.state.health.get(device.id)
        if health is not None and health.status not in ("up", "unknown"):
            reds.append(health.status)
        told(*given, **more)

    return touch


async def test_an_alert_that_the_team_has_too_absorbs_that_of_the_van_with_its_earlier_opening_and_what_was_done_to_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        target = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", free_port())
        probe = Probe("tcp", target.sockets[0].getsockname()[1])
        near = Device(new_id(), "near", "127.0.0.2", (Probe("icmp"),), "server", interval_s=1.0)
        web = Device(new_id(), "web", "127.0.0.1", (probe,), "server", interval_s=1.0)
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
            team, van = sorted((mara, joe), key=lambda one: one.team.lease == "elsewhere")
            await team.edit("add", creation("device", web), creation("device", near))
            await all_until(
                (team, van),
                lambda one: (seen := one.state.health.get(web.id)) is not None and seen.status == "up",
            )
            cut = Cut(van)
            cut.cut()
            (own,) = await van.until(lambda: open_of(van, web))
            assert not open_of(team, web)
            assert not (await van.ask(ActOnAlert(1, own.id, "acknowledge", "joe", "on my way"))).refusals
            target.close()
            (theirs,) = await team.until(lambda: open_of(team, web))
            assert theirs.opened_us > own.opened_us and not theirs.acknowledged_by
            said = ActOnAlert(1, theirs.id, "comment", "mara", "on it too")
            slow = _read_slowly(van, lambda: team.ask(said))
            cut.mend()
            for one in (team, van):
                await one.until(lambda one=one: earlier(one, web, own))  # type: ignore[misc]
            await van.until(lambda: van.team.lease == "elsewhere" and not van.team.local_alerts)
            assert earlier(van, web, own)
            assert slow[:2] == ["old", "new"], (
                "what the team told while its word was read off the disk was not to be taken back"
            )
            for one in (team, van):
                await one.until(
                    lambda one=one: said.text in [act.text for act in open_of(one, web)[0].acts]  # type: ignore[misc]
                )
            kept = await server.owner.fetch("SELECT id, opened_us FROM alert")
            assert [(row["id"], row["opened_us"]) for row in kept] == [(theirs.id, own.opened_us)]


def _read_slowly(engine: Joined, make_news: Callable[[], Awaitable[Any]]) -> list[str]:
    """Have news of the team come while its word so far is read off the disk; return what is noted of the reads."""
    board, thread, reads = engine.engine._board, engine.engine._team._thread, list[str]()
    run = thread.run

    async def slowly(call: Any, *given: Any) -> Any:
        found = await run(call, *given)
        if getattr(call, "__name__", "") == "states":
            if not reads:
                heard = board.heard
                await make_news()
                await engine.until(lambda: board.heard > heard)
            reads.append("new" if reads else "old")
        return found

    thread.run = slowly  # type: ignore[method-assign, assignment]
    return reads


def earlier(engine: Joined, device: Device, own: Alert) -> bool:
    """Tell whether the one open alert of the team's has the opening of the van's, and what was done to that."""
    found = open_of(engine, device)
    return [(one.opened_us, bool(one.acknowledged_by)) for one in found] == [(own.opened_us, True)]
