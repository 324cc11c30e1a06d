"""A computer that its team's server does not let in any more: another certificate, a session that is over; and back in."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.sync import SYNC_PROTOCOL
from domain.team import JoinTeam, LogInAgain, TrustServer
from domain.vault import Secret
from engine.compose import new_id
from sync_server.live.line import Line
from sync_server.security.totp import code_of
from tests.engine.tls_peers import Shown, issue, server_context
from tests.server.clients import PASSWORD, Person
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, join, running, team
from tests.team.joins import joining
from tests.team.servers import Reached, listening

LOGIN = "mara@example.org"
END_ALL = "UPDATE identity.session SET ended_us = identity.now_us(), ended_why = 'the test says so'"


def _device() -> Device:
    return Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay", paused=True)


async def _command(*arguments: str | Path, said: bytes = b"") -> tuple[int, str]:
    """Run `heliograph-engine` with arguments; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", *map(str, arguments)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate(said)
    return process.returncode or 0, told.decode()


async def _shut_out(engine: Joined) -> None:
    await engine.until(lambda: engine.team.reachability == "refused")


async def _confirmed(engine: Joined) -> None:
    await engine.until(lambda: engine.team.reachability == "online" and engine.team.pending == 0)


# Another certificate


async def _join_pinned(server: Reached, profiles: Path, pin: str) -> Path:
    root = await server.found()
    await server.tenant(root)
    await server.member(root, "engineer", LOGIN)
    async with joining(profiles / "mara") as here:
        reply = await here.answer(JoinTeam(1, server.url, LOGIN, Secret(PASSWORD), fingerprint=pin))
        assert not reply.refusals
        return Path(reply.result["profile"])


@asynccontextmanager
async def _impostor(shown: Shown, port: int) -> AsyncIterator[list[bytes]]:
    """Listen where the server was, with another certificate; yield what is said there beneath TLS."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            heard.append(data)
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", port, ssl=server_context(shown))
    try:
        yield heard
    finally:
        server.close()


async def test_a_renewed_certificate_is_trusted_only_once_a_person_agrees_and_then_what_waits_goes_up(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    old, new, evil = (issue(tmp_path, name) for name in ("old", "new", "evil"))
    async with listening(server_database, old.path) as server:
        port = int(server.url.rpartition(":")[2])
        folder = await _join_pinned(server, tmp_path, old.pin)
    async with _impostor(evil, port) as heard, running(folder) as mara:
        await _shut_out(mara)
        await mara.edit("add", creation("device", _device()))
        assert (mara.team.shown_certificate, mara.team.trusted_certificate) == (evil.pin, old.pin)
        assert heard == [], "nothing is sent to who shows another certificate"
    async with listening(server_database, new.path, port=port) as server, running(folder) as mara:
        await _shut_out(mara)
        assert mara.team.shown_certificate == new.pin and mara.team.pending == 1
        late = await mara.ask(TrustServer(1, evil.pin))
        assert [one.code for one in late.refusals] == ["CERTIFICATE_CHANGED"], "agreed to, and not shown now"
        none = await mara.ask(TrustServer(2, ""))
        assert [one.code for one in none.refusals] == ["CERTIFICATE_CHANGED"]
        assert mara.team.reachability == "refused" and mara.team.trusted_certificate == old.pin
        assert not (await mara.ask(TrustServer(3, new.pin))).refusals
        await _confirmed(mara)
        assert (mara.team.shown_certificate, mara.team.trusted_certificate) == ("", new.pin)
        assert await server.owner.fetchval("SELECT count(*) FROM device") == 1
    async with listening(server_database, new.path, port=port), running(folder) as mara:
        await _confirmed(mara)
    async with listening(server_database, old.path, port=port), running(folder) as mara:
        await _shut_out(mara)
        assert mara.team.shown_certificate == old.pin, "what was trusted once is not trusted any more"


async def test_a_server_that_shows_what_is_trusted_again_is_gone_back_to_without_a_person(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, hotel = issue(tmp_path, "old"), issue(tmp_path, "hotel")
    monkeypatch.setattr("engine.sync.client.OTHER_AGAIN_S", 0.2)
    async with listening(server_database, old.path) as server:
        port = int(server.url.rpartition(":")[2])
        folder = await _join_pinned(server, tmp_path, old.pin)
    async with running(folder) as mara:
        async with _impostor(hotel, port):
            await _shut_out(mara)
        async with listening(server_database, old.path, port=port):
            await _confirmed(mara)


async def test_a_server_that_is_too_old_or_too_new_is_come_back_to_without_a_person_once_it_was_updated(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sync.client.OTHER_AGAIN_S", 0.2)
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        for other in (SYNC_PROTOCOL - 1, SYNC_PROTOCOL + 2):
            with monkeypatch.context() as another:
                another.setattr("sync_server.live.door.SYNC_PROTOCOL", other)
                async with running(folder) as mara:
                    await _shut_out(mara)
                    assert "update the" in mara.team.why
                    another.undo()
                    await _confirmed(mara)


async def test_a_command_agrees_to_the_certificate_that_it_is_given_and_no_other(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    old, new = issue(tmp_path, "old"), issue(tmp_path, "new")
    async with listening(server_database, old.path) as server:
        port = int(server.url.rpartition(":")[2])
        folder = await _join_pinned(server, tmp_path, old.pin)
    async with listening(server_database, new.path, port=port), running(folder) as mara:
        await _shut_out(mara)
        code, said = await _command("trust", "--profile", folder, "--fingerprint", old.pin)
        assert code == 8 and "CERTIFICATE_CHANGED" in said
        code, said = await _command("trust", "--profile", folder)
        assert code == 8 and new.pin in said, "it is shown, and nobody is there who says yes"
        assert mara.team.trusted_certificate == old.pin
        code, said = await _command("trust", "--profile", folder, "--fingerprint", new.pin)
        assert code == 0, said
        await _confirmed(mara)


# Another protocol


@pytest.mark.parametrize(("off", "reachability"), [(-1, "online"), (0, "online"), (1, "refused")])
async def test_a_program_of_the_protocol_before_is_let_in_and_a_newer_one_says_whom_to_update(
    tmp_path: Path,
    server_database: ServerDatabase,
    monkeypatch: pytest.MonkeyPatch,
    off: int,
    reachability: str,
) -> None:
    monkeypatch.setattr("engine.sync.client.SYNC_PROTOCOL", SYNC_PROTOCOL + off)
    async with listening(server_database) as server:
        folder, *_ = await _join_plain(server, tmp_path)
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.reachability == reachability)
            assert ("update the server" in mara.team.why) == (reachability == "refused")


async def test_a_server_that_answers_in_another_protocol_than_it_was_asked_in_is_not_believed(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Line):
        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **(named | {"protocol": 7}))  # type: ignore[arg-type]

    monkeypatch.setattr("sync_server.live.door.Line", Other)
    async with listening(server_database) as server:
        folder, *_ = await _join_plain(server, tmp_path)
        async with running(folder) as mara:
            await _shut_out(mara)
            assert "answers in protocol 7" in mara.team.why


# A session that is over


async def _join_plain(server: Reached, profiles: Path) -> tuple[Path, Person, Person]:
    """Return the folder of a member who joined, an administrator, and the member at a client of the API."""
    root = await server.found()
    await server.tenant(root)
    member = await server.member(root, "engineer", LOGIN)
    return await join(profiles / "mara", server, LOGIN), root, member


async def test_who_logs_in_again_has_what_waited_sent(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folder, *_ = await _join_plain(server, tmp_path)
        await server.owner.execute(END_ALL)
        async with running(folder) as mara:
            await _shut_out(mara)
            assert "log in again" in mara.team.why
            await mara.edit("add", creation("device", _device()))
            wrong = await mara.ask(LogInAgain(1, Secret("not hers at all")))
            assert [one.code for one in wrong.refusals] == ["INVALID_CREDENTIALS"]
            assert (mara.team.reachability, mara.team.pending) == ("refused", 1)
            assert not (await mara.ask(LogInAgain(2, Secret(PASSWORD)))).refusals
            await _confirmed(mara)
            assert await server.owner.fetchval("SELECT count(*) FROM device") == 1
        async with running(folder) as mara:
            await _confirmed(mara)


async def test_who_was_renamed_meanwhile_logs_in_by_the_new_login_and_nobody_else_does(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    rename = "UPDATE identity.account SET login = $1 WHERE login = $2"
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        link = await server.invite(root, "engineer", LOGIN)
        async with joining(tmp_path / "mara") as here:
            reply = await here.answer(JoinTeam(1, link, password=Secret(PASSWORD)))
            assert not reply.refusals, reply.refusals
            folder = Path(reply.result["profile"])
        await server.member(root, "engineer", "omar@example.org")
        async with running(folder) as mara:
            await _confirmed(mara)
            assert mara.team.login == LOGIN, "an invitation is of a login"
            await server.owner.execute(rename, "mara@example.net", LOGIN)
            await server.owner.execute(END_ALL)
            desk = mara.engine._team.desk
            assert desk is not None and desk.client._line is not None
            desk.client._line.close()
            await _shut_out(mara)
            old = await mara.ask(LogInAgain(1, Secret(PASSWORD)))
            assert [one.code for one in old.refusals] == ["INVALID_CREDENTIALS"]
            await server.owner.execute(rename, LOGIN, "omar@example.org")
            heir = await mara.ask(LogInAgain(2, Secret(PASSWORD)))
            assert [one.code for one in heir.refusals] == ["NOT_THIS_PERSON"], (
                "her login is somebody else's now"
            )
            await server.owner.execute(rename, "omar@example.org", LOGIN)
            other = await mara.ask(LogInAgain(2, Secret(PASSWORD), login="omar@example.org"))
            assert [(one.code, one.field) for one in other.refusals] == [("NOT_THIS_PERSON", "login")]
            assert not (await mara.ask(LogInAgain(3, Secret(PASSWORD), login="mara@example.net"))).refusals
            await _confirmed(mara)
            await server.owner.execute(rename, "mara@example.com", "mara@example.net")
            desk.client._line.close()
            await mara.until(lambda: mara.team.login == "mara@example.com")
        async with running(folder) as mara:
            assert mara.team.login == "mara@example.com", "it is known after a restart, too"


async def test_who_has_an_authenticator_is_asked_for_its_code(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folder, _, member = await _join_plain(server, tmp_path)
        made = await member.post("/auth/totp", {"password": PASSWORD})
        secret = base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))
        step = int(time.time() // 30)  # a code is good a step early and late
        await member.post("/auth/totp/confirm", {"code": code_of(secret, step)})
        await server.owner.execute(END_ALL)
        async with running(folder) as mara:
            await _shut_out(mara)
            await mara.edit("add", creation("device", _device()))
            asked = await mara.ask(LogInAgain(1, Secret(PASSWORD)))
            assert [(one.code, one.field) for one in asked.refusals] == [("TOTP_REQUIRED", "code")]
            wrong = await mara.ask(LogInAgain(2, Secret(PASSWORD), "000000x"))
            assert [one.code for one in wrong.refusals] == ["INVALID_CREDENTIALS"]
            assert not (await mara.ask(LogInAgain(3, Secret(PASSWORD), code_of(secret, step + 1)))).refusals
            await _confirmed(mara)


async def test_who_is_no_member_any_more_is_told_so_and_keeps_what_waits(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folder, root, member = await _join_plain(server, tmp_path)
        await root.ask("DELETE", f"/users/{member.opened['user']['id']}", expect=204)
        async with running(folder) as mara:
            await _shut_out(mara)
            await mara.edit("add", creation("device", _device()))
            reply = await mara.ask(LogInAgain(1, Secret(PASSWORD)))
            assert [one.code for one in reply.refusals] == ["NOT_A_MEMBER"]
            assert LOGIN in reply.refusals[0].message
            assert (mara.team.reachability, mara.team.pending) == ("refused", 1)


async def test_a_command_logs_in_again_whether_the_engine_runs_or_not(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folder, *_ = await _join_plain(server, tmp_path)
        await server.owner.execute(END_ALL)
        async with running(folder) as mara:
            await _shut_out(mara)
            code, said = await _command("login", "--profile", folder, "--password-stdin", said=b"wrong one\n")
            assert code == 8 and "INVALID_CREDENTIALS" in said
            code, said = await _command(
                "login", "--profile", folder, "--password-stdin", said=f"{PASSWORD}\n".encode()
            )
            assert code == 0, said
            await _confirmed(mara)
        await server.owner.execute(END_ALL)
        secret = tmp_path / "password"
        secret.write_text(f"{PASSWORD}\n")
        code, said = await _command("login", "--profile", folder, "--password-file", secret)
        assert code == 0 and PASSWORD not in said, said
        async with running(folder) as mara:
            await _confirmed(mara)
    code, said = await _command("login", "--profile", tmp_path, "--password-file", secret)
    assert code == 2 and "no folder of a team" in said


async def test_the_session_of_a_computer_that_joined_outlives_three_months_and_a_browsers_two_weeks(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    days = (
        "SELECT round((until_us - identity.now_us()) / 86400e6) FROM identity.session"
        " WHERE kind = $1 ORDER BY id DESC LIMIT 1"
    )
    async with listening(server_database) as server:
        folder, *_ = await _join_plain(server, tmp_path)
        assert await server.owner.fetchval(days, "program") == 90
        async with running(folder) as mara:
            await _confirmed(mara)
        assert await server.owner.fetchval(days, "program") == 90
        body = {"login": LOGIN, "password": PASSWORD, "cookies": True}
        await server.somebody().post("/auth/login", body)
        assert await server.owner.fetchval(days, "browser") == 14
