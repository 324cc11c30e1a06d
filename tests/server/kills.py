"""What tests and benches of faults kill, and how they count what was lost. Counterpart: `cycle_sender.py`, which sends.

Theory: PostgreSQL notices a moment late that a process of its own was killed. Until then it serves on; then it throws all out,
and takes nobody while it recovers. So whoever kills waits for the recovery, which is a new checkpointer, and whoever asks
afterwards asks again until he is answered.
One rule: only what the sender has said to be acknowledged counts, and only what a superuser finds on disk is there.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from migrations.guards import REQUESTS
from tests.server.cycle_sender import AT_ONCE
from tools.cluster import url_of

PATIENCE_S = 120.0
"""Of a busy machine; how fast it really recovers is the bench's figure."""
POLL_S = 0.02
T = TypeVar("T")
_SERVES = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND backend_type = 'client backend'"
_CHECKPOINTER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
_STORED = (
    "SELECT count(*) FROM sample JOIN sample_source s ON s.key = source_key"
    " WHERE s.device_id = %s AND at_us >= %s AND at_us < %s"
)


class Sender:
    """The process that sends, and what was acknowledged to it."""

    def __init__(self, sockets: Path, run: int, database: str) -> None:
        self._admin = url_of(sockets, database)
        self._run = run
        self.acknowledged: list[tuple[int, int]] = []
        self._rest = b""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.server.cycle_sender",
                url_of(sockets, database, REQUESTS),
                str(run),
            ],
            stdout=subprocess.PIPE,
        )

    def listen(self, lines: int) -> None:
        """Wait for so many more acknowledgements."""
        wanted, until_s = len(self.acknowledged) + lines, time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < until_s, "nothing is acknowledged any more"
            assert self._process.poll() is None, "the sender ended"
            self._read(1.0)

    def kill(self) -> None:
        """Kill it, and hear what it had said."""
        self._process.kill()
        self._process.wait()
        self.drain()

    def drain(self) -> None:
        """Hear what it has said up to now."""
        while self._read(0.0):
            pass

    def _read(self, wait_s: float) -> bool:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        if not select.select([handle], [], [], wait_s)[0]:
            return False
        data = os.read(handle, 65_536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.acknowledged += [(int(a), int(b)) for a, b in (line.split() for line in lines)]
        return bool(data)

    def lost(self) -> int:
        """Return how many acknowledged cycles are not on disk."""

        def counted(connection: psycopg.Connection) -> int:
            lost = 0
            for sender, first_us in self.acknowledged:
                given = [UUID(int=self._run * 1000 + sender), first_us, first_us + AT_ONCE]
                row = connection.execute(_STORED, given).fetchone()
                assert row is not None
                lost += AT_ONCE - row[0]
            return lost

        return answered(self._admin, counted)


def answered(url: str, ask: Callable[[psycopg.Connection], T]) -> T:
    """Return what a database answers, asked anew from the beginning where it is away, recovers or throws out who asks."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            with psycopg.connect(url) as connection:
                return ask(connection)
        except psycopg.OperationalError as error:
            assert time.monotonic() < until_s, f"the database does not answer: {error}"
            time.sleep(POLL_S)


def _pids(sockets: Path, asked: str, given: Sequence[Any] = ()) -> list[int]:
    return answered(
        url_of(sockets, "postgres"),
        lambda connection: [row[0] for row in connection.execute(asked.encode(), given).fetchall()],
    )


def crash(sockets: Path, dice: random.Random) -> None:
    """Kill a process of PostgreSQL's that serves somebody, once there is one; return once it serves again."""
    until_s = time.monotonic() + PATIENCE_S
    before, is_killed = _pids(sockets, _CHECKPOINTER), False
    while not is_killed:
        assert time.monotonic() < until_s, "nobody is served"
        time.sleep(POLL_S)
        if serving := _pids(sockets, _SERVES, [REQUESTS]):
            with suppress(ProcessLookupError):  # whom it served has just left
                os.kill(dice.choice(serving), signal.SIGKILL)
                is_killed = True
    while (now := _pids(sockets, _CHECKPOINTER)) == before or not now:
        assert time.monotonic() < until_s, "it does not notice"
        time.sleep(POLL_S)


def processes(sockets: Path) -> list[int]:
    """Return all of PostgreSQL's processes, the one that starts the others first."""
    row = answered(
        url_of(sockets, "postgres"), lambda connection: connection.execute("SHOW data_directory").fetchone()
    )
    assert row is not None
    first = int((Path(row[0]) / "postmaster.pid").read_text().splitlines()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


def kill_all(sockets: Path) -> None:
    """Kill all of PostgreSQL's processes, a child of this one; none is left that has its memory when it is started again."""
    first = processes(sockets)[0]
    os.kill(first, signal.SIGSTOP)  # it starts no other
    children = [*map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    tell([*children, first], signal.SIGKILL)
    os.waitpid(first, 0)  # until then it seems to live
    until_s = time.monotonic() + PATIENCE_S
    while any(map(_runs, children)):
        assert time.monotonic() < until_s, "who was killed does not end"
        time.sleep(POLL_S)


def _runs(process: int) -> bool:
    """Tell whether a process is more than a name that nobody has asked after."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def tell(processes: Iterable[int], number: signal.Signals) -> None:
    """Send all a signal; one may have ended meanwhile, as a worker of PostgreSQL's own does at any time."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)
