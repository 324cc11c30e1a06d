"""A team as people run it: a server and engines as processes, on the programs' own commands, each engine behind a line that can
be cut. Counterparts: `proxy.py`; `tests/server/live_process.py`.

One rule: nothing here reaches into a process; what is known of one it told over its endpoint, the API or its log.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from domain.edit import Edit, Step
from domain.team import TeamState
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess, Simulation
from tests.server.clients import PASSWORD, Person
from tests.server.live_process import Process, environment, process
from tests.team.proxy import Proxy, passing

T = TypeVar("T")
WAIT_S = 180.0
"""How long a test waits for what must come: a bound for failing, not a measure."""


def until(found: Callable[[], T | None], what: str) -> T:
    """Return what `found` returns once it is something."""
    ends_s = time.monotonic() + WAIT_S
    while not (value := found()):
        assert time.monotonic() < ends_s, what
        time.sleep(0.02)
    return value


class Member:
    """An engine of a team: its process, which may die and come back, and the line to the server."""

    def __init__(self, folder: Path, line: Proxy) -> None:
        self.folder = folder
        self.line = line
        self.acknowledged: list[Edit] = []
        self._open = ExitStack()

    def start(self, *arguments: str, patch: str = "") -> None:
        """Start the engine, and look at it as a window does."""
        self.process = self._open.enter_context(
            EngineProcess(self.folder, "--key-place", "file", *arguments, patch=patch)
        )
        self.client: TestClient = self._open.enter_context(self.process.client())

    def look_again(self) -> None:
        """Look at the engine as a window does that has just come: one that took nothing for long was hung up."""
        self.client = self._open.enter_context(self.process.client())

    def kill(self) -> None:
        """Kill it where it stands."""
        self.process.process.kill()
        self.process.wait()
        self._open.close()

    def stop(self) -> None:
        """End it, if it runs."""
        self._open.close()

    def latest(self, table: str, id: Any) -> Any:
        """Return what it shows of something."""
        return self.client.latest(table, id)

    def all_of(self, table: str) -> list[Any]:
        """Return all that it shows of a kind."""
        return [thing for (kind, _), thing in list(self.client.state.items()) if kind == table]

    @property
    def team(self) -> TeamState:
        """How it stands with its team."""
        found: TeamState = self.until(lambda: self.client.state.get(("team", None)))
        return found

    def until(self, found: Callable[[], T | None]) -> T:
        """Wait until it shows something; look at it anew where it hung up on who took nothing for long."""
        ends_s = time.monotonic() + WAIT_S
        while True:
            client = self.client
            try:
                return client.wait_for(found, max(0.0, ends_s - time.monotonic()))
            except AssertionError:
                is_hung_up = client.ended.is_set() and self.process.process.poll() is None
                if not is_hung_up or time.monotonic() > ends_s:
                    raise
                self.look_again()

    def shows(self, table: str, id: Any) -> Any:
        """Wait until it shows something of a kind; return it."""
        return self.until(lambda: self.latest(table, id))

    def shows_many(self, table: str, count: int) -> None:
        """Wait until it shows so many of a kind."""
        self.until(lambda: len(self.all_of(table)) >= count)

    def online(self, pending_most: int = 0) -> None:
        """Wait until it has the server, and no more edits than that are on their way."""
        self.until(lambda: self.team.reachability == "online" and self.team.pending <= pending_most)

    def edit(self, title: str, *steps: Step) -> Edit:
        """Make an edit; fail where it is refused."""
        edit = Edit(new_id(), now_us(), "test", title, tuple(steps))
        reply = self.client.ask(lambda number: SubmitEdit(number, edit))
        assert not reply.refusals, reply.refusals
        self.acknowledged.append(edit)
        return edit


class Office:
    """A server, or some on one database, as processes which may die and come back, and the people who administer them."""

    def __init__(self, database_url: str, world: Simulation, servers: int = 1, **settings: object) -> None:
        self.database_url = database_url
        self.world = world
        self._settings = settings
        self._open = [ExitStack() for _ in range(servers)]
        self._servers: list[Process | None] = [None] * servers
        self._lines: list[Proxy] = []

    def start(self) -> None:
        """Start the servers that do not run; the lines lead to them in turn."""
        for place, one in enumerate(self._servers):
            if one is None:
                self._servers[place] = self._open[place].enter_context(
                    process(self.database_url, **self._settings)
                )
        for number, line in enumerate(self._lines):
            line.target = self._port(number)

    def kill(self, place: int = 0) -> None:
        """Kill one where it stands."""
        if (one := self._servers[place]) is not None:
            one.kill()
        self._open[place].close()
        self._servers[place] = None

    def stop(self) -> None:
        """End those that run."""
        for one in self._open:
            one.close()

    @property
    def server(self) -> Process:
        """The first one."""
        assert self._servers[0] is not None, "it was killed"
        return self._servers[0]

    def line(self) -> Proxy:
        """Return a new line, to the next server in turn."""
        line = self.world.enter(passing(self._port(len(self._lines))))
        self._lines.append(line)
        return line

    def _port(self, number: int) -> int:
        server = self._servers[number % len(self._servers)]
        assert server is not None, "it was killed"
        return int(server.address.rpartition(":")[2])

    def found(self) -> Person:
        """Return the platform's first administrator, by the link that `heliograph-server found` prints."""
        link = subprocess.check_output(
            [sys.executable, "-m", "sync_server", "found"], env=environment(self.database_url), text=True
        )
        body = {"token": link.strip().partition("#")[2], "login": "root@platform", "name": "Root"}
        self.ask(self.person().post("/auth/founding", body | {"password": PASSWORD}, expect=204))
        return self.log_in("root@platform")

    def person(self, token: str = "") -> Person:
        """Return somebody who talks to it over HTTP."""
        return Person(httpx.AsyncClient(base_url=self.server.address, timeout=60.0), token)

    def ask(self, coroutine: Any) -> Any:
        """Return what a call gives."""
        return self.world.run(coroutine)

    def log_in(self, login: str) -> Person:
        """Return somebody who has logged in."""
        person = self.person()
        body = {"login": login, "password": PASSWORD}
        person.token = self.ask(person.post("/auth/login", body))["access_token"]
        return person

    def tenant(self, root: Person, name: str) -> str:
        """Make a tenant that the administrator has entered; return its id."""
        id: str = self.ask(root.post("/tenants", {"name": name}, expect=201))["id"]
        root.token = self.ask(root.post("/auth/switch", {"tenant": id}))["access_token"]
        return id

    def join(self, admin: Person, profile: Path, role: str, name: str, *arguments: str) -> Member:
        """Invite somebody, and join on a computer by `heliograph-engine join` with that invitation."""
        body = {"login": f"{name}@example.org", "name": name, "role": role}
        link: str = self.ask(admin.post("/users", body, expect=201))["link"]
        line = self.line()
        where = ["--profile", str(profile / name), "--password-stdin", "--key-place", "file"]
        given = f"{line.url}/link#{link.partition('#')[2]}"
        joined = subprocess.run(
            [sys.executable, "-m", "engine", "join", given, *where, *arguments],
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        )
        return Member(Path(joined.stdout.strip().splitlines()[-1]), line)


@contextmanager
def an_office(database_url: str, **settings: object) -> Iterator[Office]:
    """Yield a server that runs."""
    with Simulation() as world:
        office = Office(database_url, world, **settings)
        office.start()
        try:
            yield office
        finally:
            office.stop()
