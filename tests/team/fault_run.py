"""A team at work while its processes are killed: three engines and a server, edits and cycles under way. Counterparts:
`test_kills.py`, `tests/bench/bench_team_faults.py`.

One rule: what counts is what was acknowledged to a client, and what a superuser finds on disk in the end.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any

from domain.edit import Edit, creation
from domain.inventory import Device, Probe, Site
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from tests.server.clients import Person
from tests.server.kills import answered, crash
from tests.team.processes import WAIT_S, Member, Office, until
from tests.team.window_at_work import WindowAtWork
from tools.cluster import url_of
from tools.nats import NatsServer

DATABASE = "hg"
PAUSE_S = 0.05


class FaultRun:
    """Mara and Joe edit, a collector polls; whoever is killed is started again at once. `nats`: what joins several servers; with
    `window` Mia moves devices in one."""

    def __init__(
        self,
        office: Office,
        sockets: Path,
        folder: Path,
        ending: ExitStack,
        seed: int = 1,
        nats: NatsServer | None = None,
        window: bool = False,
    ) -> None:
        self.office = office
        self._nats = nats
        self._sockets = sockets
        self._dice = random.Random(seed)
        self.took_s: dict[str, list[float]] = {}
        root = office.found()
        self.tenant = office.tenant(root, "North net")
        self.members = [
            *(office.join(root, folder, "engineer", name) for name in ("mara", "joe")),
            office.join(root, folder, "tenant_admin", "site", "--collector"),
        ]
        for member in self.members:
            ending.callback(member.stop)
            member.start(*self._arguments(member))
        for member in self.members:
            member.online()
        host = socket.create_server(("127.0.0.1", 0), backlog=64)
        ending.callback(host.close)
        port = host.getsockname()[1]
        site = self.members[2].team.install
        self.device = Device(
            new_id(), "host", "127.0.0.1", (Probe("tcp", port),), "relay", interval_s=1.0, polled_by=site
        )
        self.members[0].edit("add", creation("device", self.device))
        for member in self.members:
            member.shows("health", self.device.id)
        self.window = self._window(root, folder, ending) if window else None
        self._stop = threading.Event()
        self._rests = {id(member): threading.Lock() for member in self.members}
        """Held while somebody is killed and comes back: the client of a process that is no more hears nothing."""
        self._workers = [threading.Thread(target=self._work, args=(member,)) for member in self.members[:2]]
        ending.callback(self._end)
        for worker in self._workers:
            worker.start()

    def _window(self, admin: Person, folder: Path, ending: ExitStack) -> WindowAtWork:
        """Return a window that has painted what the site polls, and in which somebody works."""
        window = WindowAtWork(self.office, admin, folder, ending)
        self.members[0].edit("add", *window.steps(self.members[2].team.install))
        window.begin()
        return window

    def _arguments(self, member: Member) -> tuple[str, ...]:
        return ("--collector",) if member is self.members[2] else ()

    def _work(self, member: Member) -> None:
        """Edit until it is over."""
        number = 0
        while not self._stop.wait(PAUSE_S):
            number += 1
            site = Site(new_id(), f"{number}", "", 9.0, 47.0)
            edit = Edit(new_id(), now_us(), "test", "a site", (creation("site", site),))
            with self._rests[id(member)]:
                client = member.client
                try:
                    reply = client.ask(partial(_submitting, edit))
                except (OSError, EOFError, Empty):
                    with suppress(
                        AssertionError, OSError, EOFError
                    ):  # it dies, and whoever killed it starts it
                        member.look_again()
                    continue
                if not reply.refusals:
                    member.acknowledged.append(edit)

    def _end(self) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()

    @contextmanager
    def resting(self, member: Member) -> Iterator[None]:
        """Keep a member's worker from it, for who kills it and starts it again."""
        with self._rests[id(member)]:
            yield

    def kill(self, victim: str) -> None:
        """Kill something after some work, have it there again, and note how long it took until an edit passes the server."""
        time.sleep(self._dice.uniform(0.3, 1.2))
        began_s = time.monotonic()
        match victim:
            case "engine" | "collector":
                member = self.members[0 if victim == "engine" else 2]
                member.process.process.kill()  # in the midst of what it does
                with self.resting(member):
                    member.kill()
                    began_s = time.monotonic()
                    member.start(*self._arguments(member))
            case "server":
                self.office.kill()
                self.office.start()
            case "nats":
                assert self._nats is not None, "there is none"
                self._nats.kill()
                time.sleep(self._dice.uniform(0.0, 2.0))
                began_s = time.monotonic()
                self._nats.start()
            case "database":
                crash(self._sockets, self._dice)
            case "window" | "window_and_all":
                assert self.window is not None, "there is none"
                took_s = self.window.kill(whole=victim == "window_and_all")
                self.window.work()
                self.took_s.setdefault(victim, []).append(took_s)
                return
        before = self._confirmed()
        for member in self.members:
            member.online(1_000)
        until(lambda: self._confirmed() > before, f"edits pass again after the {victim} was killed")
        self.took_s.setdefault(victim, []).append(time.monotonic() - began_s)

    def _confirmed(self) -> int:
        return self.count("SELECT count(*) FROM edit")

    def rows(self, asked: str, *arguments: object) -> list[Any]:
        """Return rows out of the database."""
        return answered(
            url_of(self._sockets, DATABASE),
            lambda connection: connection.execute(asked.encode(), arguments).fetchall(),
        )

    def count(self, asked: str, *arguments: object) -> int:
        """Return a number out of the database."""
        ((found,),) = self.rows(asked, *arguments)
        return int(found)

    def _applied_again(self) -> int:
        """Return how many edits the server's journal has more than once."""
        asked = "SELECT count(*) - count(DISTINCT body ->> 'edit') FROM journal WHERE tenant_id = %s AND kind = 'edit_applied'"
        return self.count(asked, self.tenant)

    def _kept(self) -> tuple[list[str], set[str]]:
        """Return the edits and the sites that the server has."""
        edits, sites = (
            [row[0] for row in self.rows(f"SELECT id::text FROM {table} WHERE tenant_id = %s", self.tenant)]
            for table in ("edit", "site")
        )
        return edits, set(sites)

    def settle(self, *, stops: bool = False) -> dict[str, Any]:
        """Wait until all is told; return what is lost, doubled, missing, or otherwise in one than in another."""
        locks = list(self._rests.values())
        for lock in locks:
            lock.acquire()
        try:
            for member in self.members:
                member.online()
            edits = [edit for member in self.members for edit in member.acknowledged]
            made_sites = {str(edit.steps[0].id) for edit in edits if edit.steps[0].kind == "site"}
            made = {str(edit.id) for edit in edits}
            if self.window is not None:
                self.window.rest()
                made |= {line["done"] for line in self.window.acknowledged}
            ends_s = time.monotonic() + WAIT_S  # what a member tells of its pending edits is a moment old
            while True:
                ids, sites = self._kept()
                lost = len(made - set(ids)) + len(made_sites - sites)
                if not lost or time.monotonic() > ends_s:
                    break
                time.sleep(0.2)
            for member in self.members:
                member.shows_many("site", len(sites))
            differ = sum({str(one.id) for one in member.all_of("site")} != sites for member in self.members)
            if self.window is not None:
                self._come_together(self.window, len(sites))
                differ += self.window.behind
            missing, until_us = 0, now_us()
            ends_s = time.monotonic() + WAIT_S
            while time.monotonic() < ends_s:
                missing, is_any = missing_cycles(self, self.members[2], until_us)
                if not missing and is_any:
                    break
                time.sleep(0.5)
        finally:
            for lock in locks:
                lock.release()
        if stops:
            self._end()
        return {
            "acknowledged": len(made),
            "lost": lost,
            "doubled": len(ids) - len(set(ids)) + self._applied_again(),
            "differ": differ,
            "cycles": self.count("SELECT count(*) FROM sample"),
            "cycles_missing": missing,
        }

    def _come_together(self, window: WindowAtWork, sites: int) -> None:
        """Wait until all members show the masts where the window does, and the window what they do."""
        places = window.rest()

        def shown(member: Member) -> dict[str, list[float]]:
            found = [member.latest("device", mast) for mast in window.masts]
            return {str(one.id): [one.lng, one.lat] for one in found if one is not None}

        for member in self.members:
            member.until(lambda member=member: shown(member) == places)  # type: ignore[misc]
        window.shows(
            lambda line: (
                line["sites"] == sites
                and all(line["statuses"].get(str(mast)) == "up" for mast in window.masts)
            ),
            "the same as the others show",
        )


def _submitting(edit: Edit, number: int) -> SubmitEdit:
    return SubmitEdit(number, edit)


def missing_cycles(run: FaultRun, member: Member, until_us: int) -> tuple[int, bool]:
    """Return how many cycles on an install's disk, up to a moment, the server has not or twice; and if there are any."""
    import sqlite3

    with sqlite3.connect(f"file:{member.folder / 'heliograph.db'}?mode=ro", uri=True) as disk:
        mine = {row[0] for row in disk.execute("SELECT at_us FROM sample WHERE at_us < ?", [until_us])}
    asked = "SELECT at_us FROM sample JOIN sample_source s ON s.key = source_key WHERE s.vantage = %s"
    there = [row[0] for row in run.rows(asked, member.team.install)]
    doubled = len(there) - len(set(there))
    return len(mine - set(there)) + doubled, bool(mine)
