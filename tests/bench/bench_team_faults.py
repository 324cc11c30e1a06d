"""How soon a team's processes are back after a kill -9 under load, and whether anything acknowledged is lost or doubled.

Figures, of real engines, two servers, NATS and PostgreSQL as processes: `engine_s`, `server_s`, `collector_s`, `database_s`,
`nats_s` (most, from the kill until all are connected and an edit passes the server again), `window_s`, `window_and_all_s` (most,
from the kill of a window alone, or with its engine and its page's processes, until another has painted the network),
`acknowledged` edits, `lost`, `doubled`, `differ` (what one shows otherwise than another), `cycles` on the server,
`cycles_missing` of the collector's.
One rule: kills are at random moments under load, and what is on disk is counted by a superuser.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from domain.vault import Secret
from migrations.guards import REQUESTS
from tests.server.servers import nats
from tests.server.test_kills import prepared
from tests.team.fault_run import FaultRun
from tests.team.processes import an_office
from tools.cluster import url_of

VICTIMS = ("engine", "server", "collector", "database", "nats", "window", "window_and_all")
ROUNDS = int(os.environ.get("HELIOGRAPH_BENCH_KILLS", "5"))


def run() -> dict[str, Any]:
    """Return the figures."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    folder.chmod(0o711)  # PostgreSQL is somebody else, where this is root
    try:
        with (
            prepared(folder / "pg") as sockets,
            nats() as hub,
            an_office(
                url_of(sockets, "hg", REQUESTS), servers=2, nats_url=Secret(f"nats://127.0.0.1:{hub.port}")
            ) as office,
            ExitStack() as ending,
        ):
            team = FaultRun(office, sockets, folder, ending, nats=hub, window=True)
            for _ in range(ROUNDS):
                for victim in VICTIMS:
                    team.kill(victim)
            figures = team.settle(stops=True)
            took_s = {f"{name}_s": round(max(times_s), 1) for name, times_s in team.took_s.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"figures": took_s | figures, "peers": {}}
