"""How soon a server takes samples again after a kill -9 of PostgreSQL or of itself, and whether anything acknowledged is lost.

Figures: `database_recovery_s`, `server_recovery_s` (most, from the kill to the next acknowledgement), `stopped_s` (how long
PostgreSQL was stopped whole) and `after_stop_s`, `acknowledged`, `lost`; `backup_s`, `restore_s`, `backup_bytes` of the
database that is left, `rows` in it.
One rule: kills are at random moments under load, and what is on disk is counted by a superuser.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from domain.vault import Secret
from migrations.guards import OWNER, REQUESTS
from sync_server.backing_up import back_up, restore
from sync_server.migrating import migrate_to_head
from sync_server.preparing import prepare
from tests.server.cycle_sender import AT_ONCE
from tests.server.kills import Sender, crash, processes, tell
from tools.cluster import running, url_of

KILLS = int(os.environ.get("HELIOGRAPH_BENCH_KILLS", "10"))
STOPPED_S = int(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "60"))


def run() -> dict[str, Any]:
    """Return the figures."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    dice = random.Random(1)
    senders: list[Sender] = []
    figures: dict[str, Any] = {}
    try:
        with running(folder, {}) as sockets:
            admin, owner, requests = (
                Secret(url_of(sockets, *who))
                for who in (("postgres",), ("heliograph", OWNER), ("heliograph", REQUESTS))
            )
            prepare(admin, owner, requests)
            migrate_to_head(owner)
            with psycopg.connect(url_of(sockets, "heliograph")) as connection:
                connection.execute("INSERT INTO tenant (key, id, name) VALUES (1, %s, 'One')", [UUID(int=1)])
                connection.execute("SELECT keep_partitions(%s, 3, 30, 1)", [time.time_ns() // 1000])
            try:
                _kill(sockets, dice, senders, figures)
            finally:
                for sender in senders:
                    sender.kill()
            figures["acknowledged"] = sum(len(sender.acknowledged) for sender in senders) * AT_ONCE
            figures["lost"] = sum(sender.lost() for sender in senders)
            figures |= _drill(admin, owner, requests, sockets, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _kill(sockets: Path, dice: random.Random, senders: list[Sender], figures: dict[str, Any]) -> None:
    senders.append(Sender(sockets, 1, "heliograph"))
    took_s = []
    for _ in range(KILLS):
        senders[-1].listen(dice.randint(20, 400))
        began_s = time.monotonic()
        crash(sockets, dice)
        _until_next(senders[-1])
        took_s.append(time.monotonic() - began_s)
    figures["database_recovery_s"] = round(max(took_s), 2)
    took_s.clear()
    for _ in range(KILLS):
        senders[-1].listen(dice.randint(20, 400))
        senders[-1].kill()
        senders.append(Sender(sockets, len(senders) + 1, "heliograph"))
        took_s.append(_until_next(senders[-1]))
    figures["server_recovery_s"] = round(max(took_s), 2)
    stopped = processes(sockets)
    tell(stopped, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    tell(stopped, signal.SIGCONT)
    figures |= {"stopped_s": STOPPED_S, "after_stop_s": round(_until_next(senders[-1]), 2)}


def _until_next(sender: Sender) -> float:
    """Wait for an acknowledgement that was not on its way already; return how long it took."""
    started_s = time.monotonic()
    sender.drain()
    sender.listen(1)
    return time.monotonic() - started_s


def _drill(admin: Secret, owner: Secret, requests: Secret, sockets: Path, folder: Path) -> dict[str, Any]:
    file = folder / "drill.dump"
    made = back_up(admin, requests, file)
    elsewhere = [Secret(url_of(sockets, "elsewhere", role)) for role in (OWNER, REQUESTS)]
    restored = restore(admin, elsewhere[0], elsewhere[1], file)
    with psycopg.connect(url_of(sockets, "elsewhere")) as connection:
        row = connection.execute("SELECT count(*) FROM sample").fetchone()
        assert row is not None
    return {
        "rows": row[0],
        "backup_bytes": made.size_bytes,
        "backup_s": round(made.took_s, 1),
        "restore_s": round(restored.took_s, 1),
    }
