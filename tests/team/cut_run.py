"""A team whose lines are cut, held and lossy, whose disk is full, whose folder is copied and whose server is restored.

Counterparts: `fault_run.py`, where processes are killed; `tests/bench/bench_team_cuts.py`. One rule: a figure's time ends when a
client of an engine was told, and what counts as lost is what was acknowledged and no superuser finds.
"""

from __future__ import annotations

import random
import resource
import shutil
import socket
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from domain.alerts import Alert
from domain.edit import Edit, change, creation
from domain.inventory import Device, Probe, Site
from domain.vault import Secret
from domain.wire import ActOnAlert, SubmitEdit
from engine.compose import new_id, now_us
from migrations.guards import OWNER, REQUESTS
from sync_server.backing_up import back_up, restore
from sync_server.live.frames import COPIED, COPIED_S
from tests.server.kills import answered
from tests.team.processes import Member, Office, until
from tools.cluster import url_of

DAY_US = 86_400_000_000
AWAY_DAYS, AWAY_S = 7, 14
FULL_BYTES = 4_096
TURNS_S = 3 * COPIED_S
ADDRESSES = ("127.0.0.1", "127.0.0.2")
REFUSED = 5
CLOCK = f"""
import time, engine.compose as made
began, real = time.monotonic_ns(), made.now_us
first = real() - {AWAY_DAYS * DAY_US}
made.now_us = lambda: min(real(), first + (time.monotonic_ns() - began) // 1000 * {AWAY_DAYS * 86_400 // AWAY_S})
"""
"""A computer's clock, run before its engine: it is a week behind, and goes through that week in some seconds."""


class CutRun:
    """Mara and Joe, each an engine as a process behind a line of its own, and a server as a process."""

    def __init__(self, office: Office, sockets: Path, folder: Path, ending: ExitStack) -> None:
        self._office, self._sockets, self._folder, self._ending = office, sockets, folder, ending
        self._database = "hg"
        self._dice = random.Random(1)
        self.made: set[str] = set()
        """The sites of all edits that were acknowledged."""
        root = office.found()
        self._tenant = office.tenant(root, "North net")
        self.mara, self.joe = (office.join(root, folder, "engineer", name) for name in ("mara", "joe"))
        for member in (self.mara, self.joe):
            ending.callback(member.stop)
            member.start()
        for member in (self.mara, self.joe):
            member.online()

    def submit(self, member: Member, sites: int = 1, at_us: int = 0) -> tuple[Edit, tuple[str, ...]]:
        """Add sites by one edit; return it, and in which words it was refused."""
        steps = (creation("site", Site(new_id(), f"site {n}", "", 9.0, 47.0)) for n in range(sites))
        edit = Edit(new_id(), at_us or now_us(), "test", "sites", tuple(steps))
        reply = member.client.ask(lambda number: SubmitEdit(number, edit))
        if not reply.refusals:
            self.made |= {str(step.id) for step in edit.steps}
        return edit, tuple(f"{one.code}: {one.message}" for one in reply.refusals)

    def edit(self, member: Member, at_us: int = 0) -> None:
        """Add a site; fail where it is refused."""
        refused = self.submit(member, at_us=at_us)[1]
        assert not refused, refused

    def agree(self, *members: Member) -> None:
        """Wait until all edits are confirmed, and all that was acknowledged is shown by each."""
        for member in members or (self.mara, self.joe):
            member.online()
            member.until(partial(self._shows_all, member))

    def _shows_all(self, member: Member) -> bool:
        return self.made <= self._shown(member)

    def _shown(self, member: Member) -> set[str]:
        return {str(site.id) for site in member.all_of("site") if site is not None}

    def settled(self) -> dict[str, int]:
        """Return how much was acknowledged, how much of it the server lacks, and how much one shows otherwise than the server."""
        kept = self._kept()
        differ = sum(len(self._shown(member) ^ kept) for member in (self.mara, self.joe))
        return {"acknowledged": len(self.made), "lost": len(self.made - kept), "differ": differ}

    def _kept(self) -> set[str]:
        asked = b"SELECT id::text FROM site WHERE tenant_id = %s"
        return answered(
            url_of(self._sockets, self._database),
            lambda connection: {row[0] for row in connection.execute(asked, [self._tenant]).fetchall()},
        )

    # What one does, the other has

    def moves(self, count: int) -> list[float]:
        """Return how long each of so many moves of a router by Mara took, in s, until Joe's engine told it a window."""
        router = Device(
            new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay", paused=True, lng=9.0, lat=47.0
        )
        self.mara.edit("add", creation("device", router))
        self.joe.shows("device", router.id)
        took_s = []
        for number in range(count):
            moved = msgspec.structs.replace(router, lng=9.0 + (number + 1) / 1_000)
            step = change("device", router, moved)
            assert step is not None
            time.sleep(self._dice.uniform(0.1, 0.5))
            began_s = time.monotonic()
            self.mara.edit("move", step)
            self.joe.until(partial(_is_at, self.joe, moved))
            took_s.append(time.monotonic() - began_s)
            router = moved
        return took_s

    def acknowledgements(self, count: int) -> list[float]:
        """Return how long each acknowledgement of an alert by Joe took, in s, until Mara's engine told it a window."""
        alert = self._alert()
        took_s = []
        for _ in range(count):
            time.sleep(self._dice.uniform(0.1, 0.5))
            began_s = time.monotonic()
            self._act(alert, "acknowledge")
            self.mara.until(lambda: self.mara.latest("alert", alert.id).acknowledged_by)
            took_s.append(time.monotonic() - began_s)
            for act in ("resolve", "reopen"):
                self._act(alert, act)
            for member in (self.mara, self.joe):
                member.until(partial(_is_untaken, member, alert))
        return took_s

    def _alert(self) -> Alert:
        """Return an alert that both have, of a device that answered and does no more."""
        hosts = [socket.create_server((address, 0), backlog=64) for address in ADDRESSES]
        for host in hosts:
            self._ending.callback(host.close)
            threading.Thread(target=_answer, args=(host,), daemon=True).start()
        gone, near = (
            Device(new_id(), name, address, (Probe("tcp", host.getsockname()[1]),), "server", interval_s=1.0)
            for name, address, host in zip(("gone", "near"), ADDRESSES, hosts, strict=True)
        )
        self.mara.edit("add", creation("device", gone), creation("device", near))
        for member in (self.mara, self.joe):
            member.until(partial(_is_up, member, gone))
        with suppress(OSError):
            hosts[0].shutdown(socket.SHUT_RDWR)
        hosts[0].close()
        for member in (self.mara, self.joe):
            member.until(partial(_about, member, gone))
        alert = _about(self.joe, gone)
        assert alert is not None
        return alert

    def _act(self, alert: Alert, what: Any) -> None:
        reply = self.joe.client.ask(lambda number: ActOnAlert(number, alert.id, what, "joe"))
        assert not reply.refusals, reply.refusals

    # Lines

    def half_open(self) -> tuple[float, float]:
        """Return how long it took, in s, until an engine says that it is cut off whose line swallows all, and from then on until
        it is back and an edit of meanwhile is confirmed."""
        self.mara.line.hold()
        began_s = time.monotonic()
        self.mara.until(lambda: self.mara.team.reachability != "online")
        found_s = time.monotonic() - began_s
        self.edit(self.mara)
        self.mara.line.release()
        began_s = time.monotonic()
        self.agree()
        return found_s, time.monotonic() - began_s

    def cut(self, cut_s: float, edits: int) -> float:
        """Reset Mara's line and refuse it for a while in which both edit; return how long it takes then until all agree, in s."""
        self.mara.line.cut()
        ends_s = time.monotonic() + cut_s
        for _ in range(edits):
            for member in (self.mara, self.joe):
                self.edit(member)
        self.mara.until(lambda: self.mara.team.reachability != "online")
        time.sleep(max(0.0, ends_s - time.monotonic()))
        self.mara.line.mend()
        began_s = time.monotonic()
        self.agree()
        return time.monotonic() - began_s

    def away(self, edits: int) -> float:
        """Have Mara's computer work for a week of its clock without the server; return how long it takes then, from the start of
        its engine, until all agree, in s."""
        self.mara.kill()
        self.mara.line.cut()
        self.mara.start(patch=CLOCK)
        first_us = now_us() - AWAY_DAYS * DAY_US
        for number in range(edits):
            self.edit(self.mara, first_us + number * AWAY_DAYS * DAY_US // edits)
            self.edit(self.joe)
            time.sleep(AWAY_S / edits)
        self.mara.kill()
        with self._superuser() as connection:
            connection.execute("UPDATE identity.session SET until_us = until_us - %s", [AWAY_DAYS * DAY_US])
        self.mara.line.mend()
        began_s = time.monotonic()
        self.mara.start()
        self.agree()
        return time.monotonic() - began_s

    def lossy(self, loss: float, edits: int) -> float:
        """Return how long it takes, in s, from the first of some edits of both until all agree, on lines that lose a share."""
        for member in (self.mara, self.joe):
            member.line.loss = loss
        began_s = time.monotonic()
        for _ in range(edits):
            for member in (self.mara, self.joe):
                self.edit(member)
        self.agree()
        took_s = time.monotonic() - began_s
        for member in (self.mara, self.joe):
            member.line.loss = 0.0
        return took_s

    # Disks

    def full_disk(self) -> tuple[int, int, float]:
        """Return how many edits a full disk refused in words, of how many of them anything is anywhere, and how long it takes,
        in s, until an edit is taken and confirmed once there is room."""
        pid = self.joe.process.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, hard))
        refused: list[Edit] = []

        def is_refused() -> bool:
            edit, said = self.submit(self.joe, sites=2)
            if said:
                assert said[0].startswith("STORAGE_FAILED: "), said
                refused.append(edit)
            return len(refused) >= REFUSED

        until(is_refused, "edits that the disk does not take")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        began_s = time.monotonic()
        until(lambda: not self.submit(self.joe, sites=2)[1], "an edit once there is room")
        self.agree()
        took_s = time.monotonic() - began_s
        anywhere = self._kept() | self._shown(self.mara) | self._shown(self.joe)
        half = sum(any(str(step.id) in anywhere for step in edit.steps) for edit in refused)
        return len(refused), half, took_s

    def copied(self) -> tuple[float, list[str]]:
        """Return how long it takes, in s, from the start of a copied folder's engine until an engine says that there are two; and
        why it is, in words, where what one of the two edits is not on the server after a while in which each had its turns."""
        self.mara.kill()
        copy = self._folder / "copy"
        shutil.copytree(self.mara.folder, copy)
        self.mara.start()
        self.mara.online()
        twin = Member(copy, self.mara.line)
        self._ending.callback(twin.stop)
        began_s = time.monotonic()
        twin.start()
        self.mara.until(lambda: COPIED in self.mara.team.why)
        found_s = time.monotonic() - began_s
        for member in (self.mara, twin):
            self.edit(member)
        ends_s = time.monotonic() + TURNS_S
        while (missing := self.made - self._kept()) and time.monotonic() < ends_s:
            time.sleep(0.2)
        waiting = (member.team for member in (self.mara, twin)) if missing else ()
        return found_s, [f"{state.reachability}: {state.why}" for state in waiting if state.pending]

    def restored(self, edits: int) -> float:
        """Restore the server from a backup that lacks the latest edits; return how long it takes, in s, from the start of the
        server until all agree on all of them."""
        admin, backup = Secret(url_of(self._sockets, "postgres")), self._folder / "older.dump"
        back_up(admin, Secret(url_of(self._sockets, self._database, REQUESTS)), backup)
        for _ in range(edits):
            for member in (self.mara, self.joe):
                self.edit(member)
        self.agree()
        self._office.kill()
        self._database = "restored"
        owner, requests = (url_of(self._sockets, self._database, role) for role in (OWNER, REQUESTS))
        restore(admin, Secret(owner), Secret(requests), backup)
        assert len(self.made - self._kept()) == 2 * edits, "the backup is older"
        self._office.database_url = requests
        began_s = time.monotonic()
        self._office.start()
        until(lambda: self.made <= self._kept(), "what was confirmed since the backup")
        self.agree()
        return time.monotonic() - began_s

    def _superuser(self) -> Any:
        return psycopg.connect(url_of(self._sockets, self._database))


def _answer(host: socket.socket) -> None:
    with suppress(OSError):
        while True:
            host.accept()[0].close()


def _is_at(member: Member, device: Device) -> bool:
    return bool((shown := member.latest("device", device.id)) and shown.lng == device.lng)


def _is_up(member: Member, device: Device) -> bool:
    return bool((health := member.latest("health", device.id)) and health.status == "up")


def _is_untaken(member: Member, alert: Alert) -> bool:
    shown = member.latest("alert", alert.id)
    return shown.is_open and not shown.acknowledged_by


def _about(member: Member, device: Device) -> Alert | None:
    return next((one for one in member.all_of("alert") if one is not None and one.subject == device.id), None)
