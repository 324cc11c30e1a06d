"""A window that judges, hears the server and sees no device: its own line has failed, and another window judges in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.model import Model
from domain.edit import creation
from domain.errors import NoAnswer
from domain.inventory import Link
from domain.wire import Changed
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening
from tests.team.test_polled_once import add, answering, is_up


def blind(engine: Joined, server_port: int) -> None:
    """Take an engine's way to everything over TCP but the server."""
    tcp = engine.engine._transports.tcp
    connect = tcp.connect

    async def nowhere(*given: Any, **more: Any) -> Any:
        if server_port in (*given, *more.values()):
            return await connect(*given, **more)
        raise NoAnswer("there is no route")

    tcp.connect = nowhere  # type: ignore[method-assign]


async def test_a_van_that_hears_the_server_and_sees_no_device_gives_way_and_the_teams_map_is_not_red(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server, answering(3) as devices:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
            van, office = sorted((mara, joe), key=lambda one: one.team.lease == "elsewhere")
            await add(van, devices)
            one, two, three = devices
            links = [Link(new_id(), one.id, two.id), Link(new_id(), two.id, three.id)]
            await van.edit("link", *(step for link in links for step in [creation("link", link)]))
            await all_until((mara, joe), lambda engine: is_up(engine, devices))
            seen: set[str] = set()
            _note_what_is_shown(office, seen)
            blind(van, int(server.url.rpartition(":")[2]))
            await office.until(lambda: office.team.lease == "here")
            await all_until((van, office), lambda engine: is_up(engine, devices) and not engine.state.faults)
            assert van.team.lease == "elsewhere"
            await office.until(lambda: not any(alert.is_open for alert in office.state.alerts.values()))
            kinds = {(alert.kind, alert.subject) for alert in office.state.alerts.values()}
            assert kinds == {("cut_off", van.team.install)}, "and nothing was said of the office's own line"
            assert seen == {"affected"}, "what its first devices are nobody can see from the office"


def _note_what_is_shown(engine: Joined, seen: set[str]) -> None:
    """Note each status that a window of an engine shows of any device while somebody is cut off."""
    told, state = engine.engine._endpoint.touch, engine.state

    def touch(*given: Any, **more: Any) -> None:
        window = Model()
        window.merge(
            Changed(
                1,
                devices=tuple(state.inventory.devices()),
                health=tuple(state.health.values()),
                faults=tuple(state.faults.values()),
                team=engine.team,
            )
        )
        if any(fault.kind == "cut_off" for fault in state.faults.values()):
            seen.update(window.status_of(device.id) for device in state.inventory.devices())
        told(*given, **more)

    engine.engine._endpoint.touch = touch  # type: ignore[method-assign]
