"""Told to stop under load, or robbed of its database: what was answered 200 is on disk, of the right tenant, and written down."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

from migrations.guards import OWNER, REQUESTS
from sync_server.database import Database
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.kills import kill_all, processes, tell
from tests.server.live_process import Process, process
from tests.server.pushing import pusher, until
from tests.server.test_edits import an_edit, making
from tests.server.test_kills import prepared
from tools.cluster import binaries, give_away, url_of

WRITERS = 4
ENOUGH = 10
"""Answers of each writer before something happens."""
STILL_S = 120.0
"""A bound for all of `ASKED` together, of a server whose statements and waits end after ten seconds each."""
ASKED = (
    ("GET", "/sites"),
    ("POST", "/edits", {"edits": [an_edit(making("site", name="while it stands still"))]}),
    ("GET", "/edits"),
)
USED = "SELECT coalesce(sum(requests), 0)::int AS requests, coalesce(sum(polls), 0)::int AS polls FROM identity.usage"


class Writer:
    """Sends things one after the other, each until it is answered 200; `done` has what was."""

    def __init__(self, person: Person, name: str) -> None:
        self._person = person
        self.name = name
        self.done: list[str] = []
        self.answers = 0

    async def edit(self) -> None:
        """Make sites for ever, an edit each."""
        edit = an_edit(making("site", name=f"{self.name} 0"))
        while True:
            if await self._is_done("/edits", {"edits": [edit]}):
                self.done.append(edit["id"])
                edit = an_edit(making("site", name=f"{self.name} {len(self.done)}"))
            else:
                await asyncio.sleep(0.05)

    async def push(self) -> None:
        """Push telemetry for ever, a message each."""
        while await self._is_done("/telemetry", {"messages": [{"values": {"level": 1}}]}):
            self.done.append("")

    async def _is_done(self, path: str, body: Any) -> bool:
        with suppress(httpx.TransportError):
            said = await self._person.ask("POST", path, body)
            self.answers += said.status_code == 200
            return said.status_code == 200
        return False


async def test_a_server_that_is_told_to_stop_under_load_has_all_on_disk_that_it_answered(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, ingest_flush_ms=5) as server:
        root = await server.found()
        await server.tenant(root)
        engineer = await server.member(root, "engineer")
        mast = await pusher(server, root)
    with process(server_database.requests) as told, psycopg.connect(server_database.admin) as database:
        database.autocommit = True
        before = database.execute(USED).fetchone()
        assert before is not None
        async with elsewhere(told) as http:
            editors = [Writer(Person(http, engineer.token), f"E{n}") for n in range(WRITERS)]
            pushers = [Writer(Person(http, mast.secret), "") for _ in range(WRITERS)]
            work = [asyncio.ensure_future(one.edit()) for one in editors]
            work += [asyncio.ensure_future(one.push()) for one in pushers]
            await all_wrote(editors + pushers, ENOUGH)
            told.program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(told.program.wait, 120) == 0
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        confirmed = {id for one in editors for id in one.done}
        assert confirmed <= {str(row[0]) for row in database.execute("SELECT id FROM edit")}
        noted = database.execute(
            "SELECT detail->'confirmed'->>0 FROM identity.audit WHERE act = 'edits.sent'"
        )
        assert confirmed <= {row[0] for row in noted}
        pushed = sum(len(one.done) for one in pushers)
        kept = database.execute("SELECT count(*)::int FROM sample").fetchone()
        assert kept is not None and kept[0] >= pushed
        after = database.execute(USED).fetchone()
        assert after is not None
        assert after[0] - before[0] >= sum(one.answers for one in editors)
        assert after[1] - before[1] >= pushed


def elsewhere(server: Process) -> httpx.AsyncClient:
    """Return a client of a server that is a process."""
    return httpx.AsyncClient(base_url=server.address, timeout=60)


async def test_postgresql_that_is_killed_loses_nothing_of_two_tenants_and_they_stay_apart() -> None:
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as sockets:
            with psycopg.connect(url_of(sockets, "hg")) as database:
                database.execute("DELETE FROM tenant")  # tenants are made over the API here
            urls = (url_of(sockets, "hg", role) for role in (REQUESTS, OWNER, "postgres"))
            with ExitStack() as ended_last:
                async with serving(ServerDatabase("hg", *urls), pool_max=4) as server:
                    await rob(server, lambda: ended_last.enter_context(back(folder, sockets)), sockets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_postgresql_that_stands_still_is_refused_in_bounds_and_what_was_answered_is_there_after() -> (
    None
):
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as sockets:
            urls = (url_of(sockets, "hg", role) for role in (REQUESTS, OWNER, "postgres"))
            database = ServerDatabase("hg", *urls)
            async with serving(database) as server:  # people are made in peace
                root = await server.found()
                await server.tenant(root)
                token = (await server.member(root, "engineer")).token
            async with serving(database, pool_max=4, pool_wait_s=10.0, statement_timeout_s=10.0) as server:
                await freeze(server, token, sockets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def freeze(server: Server, token: str, sockets: Path) -> None:
    """Have the database of a server stand still under those who write, go on, and count."""
    writers = [Writer(server.somebody(token), name) for name in ("A", "B", "C", "D", "E", "F")]
    stranger, other = server.somebody(), server.somebody(token)

    async def said(path: str) -> int:
        return (await stranger.http.get(path)).status_code

    work = [asyncio.ensure_future(one.edit()) for one in writers]
    try:
        await all_wrote(writers, ENOUGH)
        with standing_still(sockets):
            await until(lambda: said("/ready"), 503)
            async with asyncio.timeout(STILL_S):
                refused = [(await other.ask(*asked)).status_code for asked in ASKED]
            assert refused == [503] * len(ASKED)
            assert [await said(path) for path in ("/ready", "/alive")] == [503, 200]
            done = max(len(one.done) for one in writers)
        await until(lambda: said("/ready"), 200)
        await all_wrote(writers, done + ENOUGH)
    finally:
        for one in work:
            one.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    with psycopg.connect(url_of(sockets, "hg")) as database:
        kept = {str(row[0]) for row in database.execute("SELECT id FROM edit")}
        assert {id for one in writers for id in one.done} <= kept
        names = [row[0] for row in database.execute("SELECT name FROM site")]
        assert len(names) == len(set(names)), "what was sent again is there once"
    services = server.services
    await until(lambda: is_at_rest(services.database), True)


@contextmanager
def standing_still(sockets: Path) -> Iterator[None]:
    """Have every process of PostgreSQL's stand still, the one that starts the others first: none is begun meanwhile."""
    first, *_ = processes(sockets)
    tell([first], signal.SIGSTOP)
    os.waitid(os.P_PID, first, os.WSTOPPED | os.WNOWAIT)  # it is our child
    them = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    tell(them, signal.SIGSTOP)
    try:
        yield
    finally:
        tell(them, signal.SIGCONT)


async def is_at_rest(database: Database) -> bool:
    """Tell whether nobody has a connection."""
    return database.idle_connections == database.open_connections


async def rob(server: Server, bring_back: Callable[[], None], sockets: Path) -> None:
    """Kill the database of a server that two tenants write to, bring it back, and count."""
    root = await server.found()
    writers: dict[str, Writer] = {}
    for name in ("A", "B"):
        tenant = await server.tenant(root)
        writers[tenant] = Writer(await server.member(root, "engineer"), name)
    stranger = server.somebody()

    async def said(path: str) -> int:
        return (await stranger.http.get(path)).status_code

    work = [asyncio.ensure_future(one.edit()) for one in writers.values()]
    try:
        await all_wrote(writers.values(), ENOUGH)
        assert [await said(path) for path in ("/ready", "/health", "/alive")] == [200, 200, 200]
        await asyncio.to_thread(kill_all, sockets)
        await until(lambda: said("/ready"), 503)
        paths = ("/health", "/api/readiness", "/alive", "/api/health")
        assert [await said(path) for path in paths] == [503, 503, 200, 200]
        done = max(len(one.done) for one in writers.values())
        bring_back()
        await until(lambda: said("/ready"), 200)
        assert await said("/health") == 200
        await all_wrote(writers.values(), done + ENOUGH)
        for one in work:
            one.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        with psycopg.connect(url_of(sockets, "hg")) as database:
            for tenant, writer in writers.items():
                asked = "SELECT id FROM edit WHERE tenant_id = %s"
                kept = {str(row[0]) for row in database.execute(asked, [tenant])}
                assert set(writer.done) <= kept
                names = [
                    row[0] for row in database.execute("SELECT name FROM site WHERE tenant_id = %s", [tenant])
                ]
                assert {name.split()[0] for name in names} == {writer.name}
                assert len(names) == len(set(names)), "what was sent again is there once"
    finally:
        for one in work:
            one.cancel()


async def all_wrote(writers: Iterable[Writer], many: int) -> None:
    """Wait until each has been answered so often."""

    async def least() -> bool:
        return min(len(one.done) for one in writers) >= many

    await until(least, True)


@contextmanager
def back(folder: Path, sockets: Path) -> Iterator[None]:
    """Run the database of a folder once more, where it was reached before."""
    command = [binaries() / "postgres", "-D", folder / "data", "-k", sockets, "-clisten_addresses="]
    with (folder / "postgres.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, **give_away(folder))
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
