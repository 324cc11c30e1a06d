"""A van that is cut off: what it alone sees is marked, reddens nothing of the team's, and is held against its word after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domain.alerts import Alert
from domain.edit import creation
from domain.inventory import Device, Probe
from domain.team import SEEN_FROM_HERE
from domain.wire import ActOnAlert, QueryJournal
from engine.compose import new_id
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
                assert van.state.health[web.id].status == "up", "the team's word holds"
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
