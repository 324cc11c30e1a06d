"""kill -9 of engines, servers, NATS and PostgreSQL under load, a full disk, a collector cut off: what counts is there once.

Counterparts: `processes.py`; `tests/bench/bench_team_faults.py`, the same for longer, with figures; `tests/e2e/test_survival.py`
kills the window and its page.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from domain.blobs import PIECE_BYTES, DevelopPhoto, GetBlob, digest_of
from domain.edit import Edit, creation
from domain.inventory import Credential, Site
from domain.photo import Photo
from domain.vault import Secret
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from migrations.guards import REQUESTS
from tests.engine.photo_files import jpeg, scene
from tests.server.servers import nats
from tests.server.test_kills import prepared
from tests.team.fault_run import FaultRun, missing_cycles
from tests.team.processes import an_office, until
from tools.cluster import url_of


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """Yield the sockets of a cluster that keeps what it commits, to be killed."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_killed_one_after_the_other_under_load_all_recover_and_nothing_is_lost_or_doubled(
    tmp_path: Path, sockets: Path
) -> None:
    with (
        nats() as hub,
        an_office(
            url_of(sockets, "hg", REQUESTS), servers=2, nats_url=Secret(f"nats://127.0.0.1:{hub.port}")
        ) as office,
        ExitStack() as ending,
    ):
        run = FaultRun(office, sockets, tmp_path, ending, nats=hub)
        for victim in ("engine", "server", "collector", "database", "nats"):
            run.kill(victim)
        until(lambda: sum(len(one.acknowledged) for one in run.members) > 20, "edits")
        until(lambda: run.count("SELECT count(*) FROM sample") > 5, "cycles")
        figures = run.settle()
        assert figures["acknowledged"] > 20
        assert (figures["lost"], figures["doubled"], figures["differ"]) == (0, 0, 0)
        assert figures["cycles"] > 5 and figures["cycles_missing"] == 0
        secret(run)
        photograph(run)
        backlog(run)
        full_disk(run)


def secret(run: FaultRun) -> None:
    """A secret that was entered while cut off is told after a kill -9."""
    mara = run.members[0]
    mara.line.cut()
    mara.until(lambda: mara.team.reachability == "offline")
    login = Credential(new_id(), "Hill", "snmp_community", "")
    edit = Edit(new_id(), now_us(), "test", "enter", (creation("credential", login),))
    reply = mara.client.ask(lambda n: SubmitEdit(n, edit, {login.id: Secret("a community of the hill")}))
    assert not reply.refusals
    with run.resting(mara):
        mara.kill()
        mara.line.mend()
        mara.start()
    told = "SELECT count(*) FROM identity.secret WHERE credential_id = %s"
    until(lambda: run.count(told, login.id), "the secret is told")


def photograph(run: FaultRun) -> None:
    """A photograph whose engine is killed while it goes up goes on where it was, and comes to the other by its hash."""
    mara, joe = run.members[:2]
    file, told = jpeg(scene(2_048, 1_536)), dict[str, Any]()
    for one in (mara, joe):
        one.look_again()
    while "digest" not in told:
        piece = file[(have := told.get("have", 0)) : have + PIECE_BYTES]
        asked = partial(DevelopPhoto, digest=digest_of(file), size=len(file), offset=have, data=piece)
        reply = mara.client.ask(asked)
        assert not reply.refusals, reply.refusals
        told = reply.result
    del told["have"]
    mara.line.bytes_per_s = 100_000
    photo = Photo(new_id(), **told, added_us=now_us(), author="Mara", device=run.device.id)
    mara.edit("a photograph", creation("photo", photo))
    come = "SELECT coalesce(sum(have), 0) FROM sync.picture WHERE digest = %s"
    until(lambda: run.count(come, photo.digest), "some of the photograph")
    with run.resting(mara):
        mara.kill()
        whole = "SELECT count(*) FROM sync.picture WHERE digest = %s AND is_whole"
        assert not run.count(whole, photo.digest), "killed in the middle"
        mara.line.bytes_per_s = 0
        mara.start()
    until(lambda: run.count(whole, photo.digest), "the photograph is there, and is what its name says")
    joe.shows("photo", photo.id)
    until(
        lambda: not joe.client.ask(lambda n: GetBlob(n, photo.digest)).refusals,
        "it comes when it is looked at",
    )


def backlog(run: FaultRun) -> None:
    """What a collector measured while it was cut off, and killed, is on the server afterwards, once."""
    site = run.members[2]
    site.line.cut()
    site.until(lambda: site.team.reachability == "offline")
    site.until(lambda: site.team.lease == "cut_off")
    seen = site.latest("health", run.device.id)
    site.until(lambda: site.latest("health", run.device.id).heard_us > seen.heard_us)
    for _ in range(2):
        seen = site.latest("health", run.device.id)
        site.until(lambda seen=seen: site.latest("health", run.device.id).heard_us > seen.heard_us)
    site.kill()
    site.start("--collector")
    site.until(lambda: site.latest("health", run.device.id))
    site.line.mend()
    until_us = now_us()
    until(lambda: missing_cycles(run, site, until_us) == (0, True), "the backlog is told")


def full_disk(run: FaultRun) -> None:
    """Where the disk is full an edit is refused in words, what was acknowledged is there, and it goes on once there is room."""
    joe = run.members[1]
    pid = joe.process.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))

    def submit() -> tuple[str, ...]:
        site = Site(new_id(), "for a full disk", "", 9.0, 47.0)
        edit = Edit(new_id(), now_us(), "test", "a site", (creation("site", site),))
        reply = joe.client.ask(lambda n: SubmitEdit(n, edit))
        if not reply.refusals:
            joe.acknowledged.append(edit)
        return tuple(f"{one.code}: {one.message}" for one in reply.refusals)

    said = until(submit, "an edit that the disk does not take")
    assert said[0].startswith("STORAGE_FAILED: "), said
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    until(lambda: not submit(), "an edit once there is room")
    joe.online()
    assert run.settle(stops=True)["lost"] == 0
