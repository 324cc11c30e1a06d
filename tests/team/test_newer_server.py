"""A server that is newer than an engine of its team: what the engine does not know is left out, and comes with its update."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.edit import change, creation, deletion
from domain.inventory import Device, Link, Site
from domain.team import Reachability
from domain.watching import AlertRule
from engine.compose import new_id
from engine.sync.desk import TeamDesk
from engine.sync.line import Line
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, running, team
from tests.team.servers import listening

NEWER = "of_a_later_release"


def as_newer(said: Any) -> Any:
    """Return what a server says as one would that has rules from a later release on, and servers among the devices."""
    if isinstance(said, dict):
        words = {("kind", "rule"): NEWER, ("role", "server"): NEWER}
        return {
            NEWER if name == "rules" else name: words.get((name, value), NEWER)
            if isinstance(value, str) and (name, value) in words
            else as_newer(value)
            for name, value in said.items()
        }
    return [as_newer(one) for one in said] if isinstance(said, list) else said


def make_older(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Have the engine of a folder be of a release that knows neither rules nor that role; return why lines are lost."""
    opened, told = TeamDesk._connect, TeamDesk.on_reachability
    lost: list[str] = []

    def tell(desk: TeamDesk, reachability: Reachability, why: str, retry_s: float) -> None:
        lost.append(why)
        told(desk, reachability, why, retry_s)

    async def connect(desk: TeamDesk) -> Line:
        line = await opened(desk)
        if desk._folder == folder:
            receive: Callable[[], Awaitable[bytes]] = line._socket.receive

            async def received() -> bytes:
                return msgspec.msgpack.encode(as_newer(msgspec.msgpack.decode(await receive())))

            monkeypatch.setattr(line._socket, "receive", received)
        return line

    monkeypatch.setattr(TeamDesk, "_connect", connect)
    monkeypatch.setattr(TeamDesk, "on_reachability", tell)
    monkeypatch.setattr("engine.storage.team.known", lambda: "what an older program knows")
    return lost


async def taken(one: Joined, server: Any) -> None:
    """Wait until an engine has all that the server has."""
    query = "SELECT max(revision) FROM tenant"
    newest = await server.owner.fetchval(query)
    await one.until(
        lambda: (
            one.team.pending == 0 and one.team.is_synced and one.engine._team.desk.cursor.revision >= newest
        )
    )


async def test_an_engine_of_before_goes_on_without_what_it_does_not_know_and_has_it_all_once_it_is_updated(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(server_database) as server:
        new, old = await team(server, tmp_path, "mara", "jon")
        site, rule = Site(new_id(), "Mast"), AlertRule(new_id(), "Slow", "device_down")
        router = Device(new_id(), "Router", "10.0.0.1", site=site.id)
        host = Device(new_id(), "Host", "10.0.0.2", site=site.id, role="server")
        link = Link(new_id(), router.id, host.id)
        async with running(new) as mara:
            await mara.edit("site", creation("site", site))
            await mara.edit("rule", creation("rule", rule))
            await mara.edit("things", *(creation("device", one) for one in (router, host)))
            await mara.edit("link", creation("link", link))
            await taken(mara, server)
            assert not mara.team.left_out
            with monkeypatch.context() as older:
                lost = make_older(older, old)
                async with running(old) as jon:
                    await taken(jon, server)
                    assert jon.team.left_out and jon.team.reachability == "online"
                    assert jon.state.inventory.device(router.id) == router
                    for kind, id in (("rule", rule.id), ("device", host.id), ("link", link.id)):
                        assert jon.state.inventory.get(kind, id) is None, "it hangs on what is not known"
                    other = msgspec.structs.replace(rule, name="Slower")
                    step = change("rule", rule, other)
                    assert step is not None
                    await mara.edit("other rule", step)
                    await mara.edit("no rule", deletion("rule", other))
                    await mara.edit("rule again", creation("rule", rule))
                    moved = Site(new_id(), "From jon")
                    await jon.edit("site", creation("site", moved))
                    await taken(jon, server)
                    assert not [why for why in lost if "this program" in why], "no line was lost for it"
            async with running(old) as jon:
                await taken(jon, server)
                assert not jon.team.left_out
                assert jon.state.inventory.get("rule", rule.id) == rule
                assert jon.state.inventory.device(host.id) == host
                assert jon.state.inventory.get("link", link.id) == link
                assert jon.state.inventory.site(moved.id) == moved


async def test_a_computer_that_lacked_something_has_all_told_once_and_not_at_each_start(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            await mara.edit("rule", creation("rule", AlertRule(new_id(), "Slow", "device_down")))
            await taken(mara, server)
        before: list[int] = []
        connect = TeamDesk._connect

        async def connecting(desk: TeamDesk) -> Line:
            before.append(desk.cursor.revision)
            return await connect(desk)

        monkeypatch.setattr(TeamDesk, "_connect", connecting)
        with monkeypatch.context() as other:
            other.setattr("engine.storage.team.known", lambda: "something else")
            for _ in range(2):
                async with running(folder) as mara:
                    await taken(mara, server)
        assert before[0] == 0 and before[1] > 0
