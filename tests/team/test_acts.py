"""What people do to an alert in one engine is done in the other, also after both were cut off; and what the command line says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.team_errand import NOT_RUNNING, team
from domain.alerts import Alert
from domain.edit import creation
from domain.inventory import Device, Probe
from domain.wire import ActOnAlert
from engine.compose import new_id
from tests.ports import free_port
from tests.server.conftest import ServerDatabase
from tests.team.cuts import Cut
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening


async def act(engine: Joined, alert: Alert, what: Any, by: str, text: str = "") -> None:
    """Do something to an alert as a person does; fail where it is refused."""
    reply = await engine.ask(ActOnAlert(1, alert.id, what, by, text))
    assert not reply.refusals, reply.refusals


def about(engine: Joined, device: Device) -> list[Alert]:
    """Return the alerts about a device."""
    return [one for one in engine.state.alerts.values() if one.subject == device.id]


def comments(engine: Joined, alert: Alert) -> set[str]:
    """Return what people said of an alert, as an engine knows it."""
    return {one.text for one in engine.state.alerts[alert.id].acts if one.what == "commented"}


async def test_what_one_does_to_an_alert_the_other_has_and_what_both_did_apart_both_have(
    tmp_path: Path, server_database: ServerDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        target = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", free_port())
        probe = Probe("tcp", target.sockets[0].getsockname()[1])
        gone = Device(new_id(), "gone", "127.0.0.1", (probe,), "server", interval_s=1.0)
        near = Device(new_id(), "near", "127.0.0.2", (Probe("icmp"),), "server", interval_s=1.0)
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await mara.edit("add", creation("device", gone), creation("device", near))
            await all_until(
                (mara, joe),
                lambda one: (seen := one.state.health.get(gone.id)) is not None and seen.status == "up",
            )
            target.close()
            await all_until((mara, joe), lambda one: about(one, gone))
            (alert,) = about(joe, gone)
            await act(joe, alert, "acknowledge", "joe")
            await mara.until(lambda: mara.state.alerts[alert.id].acknowledged_by)
            await act(mara, alert, "comment", "mara", "I look at it")
            await joe.until(lambda: comments(joe, alert) == {"I look at it"})
            await act(joe, alert, "resolve", "joe", "new fuse")
            await mara.until(lambda: not mara.state.alerts[alert.id].is_open)
            resolved = [one for one in mara.state.alerts[alert.id].acts if one.what == "resolved"]
            assert [(one.by, one.text) for one in resolved] == [("One engineer", "new fuse")]

            cuts = Cut(mara), Cut(joe)
            for one in cuts:
                one.cut()
            await act(mara, alert, "comment", "mara", "mast is dark")
            await act(joe, alert, "comment", "joe", "key is with me")
            for one in cuts:
                one.mend()
            everything = {"I look at it", "mast is dark", "key is with me"}
            await all_until((mara, joe), lambda one: comments(one, alert) == everything)
            await all_until((mara, joe), lambda one: not one.team.untold)
            acts = await server.owner.fetchval("SELECT acts FROM alert WHERE id = $1", alert.id)
            said = {one["text"]: one["by"] for one in json.loads(acts) if one["what"] == "commented"}
            assert said.keys() == everything
            await joe.until(
                lambda: (
                    len(joe.state.team.people) == 2
                    and joe.state.team.is_synced
                    and joe.state.team.reachability == "online"
                    and joe.state.team.lease in ("here", "elsewhere")
                )
            )
            capsys.readouterr()
            assert await asyncio.to_thread(team, ["--profile", str(folders[1]), "--json"]) == 0
            (told,) = json.loads(capsys.readouterr().out)
            assert (told["reachability"], told["pending"], told["tray"]) == ("online", 0, 0)
            assert told["lease"] in ("here", "elsewhere") and len(told["people"]) == 2
            assert await asyncio.to_thread(team, ["--profile", str(tmp_path / "joe")]) == 0, (
                "it finds its teams"
            )
            said_of_it = capsys.readouterr().out
            assert server.url in said_of_it and "In step with" in said_of_it
            assert "0 edits wait for the server" in said_of_it
    assert team(["--profile", str(folders[1])]) == 0
    assert NOT_RUNNING in capsys.readouterr().out
    assert team(["--profile", str(tmp_path / "alone")]) == 1
