"""kill -9 of a team's window while somebody works in it: nothing that was acknowledged is lost, nobody is left behind.

Counterparts: `window_at_work.py`; `test_kills.py`, the same of all others; `tests/bench/bench_team_faults.py`, for longer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.profile import Profile
from migrations.guards import REQUESTS
from tests.engine.engine_process import EngineProcess
from tests.server.test_kills import prepared
from tests.team.fault_run import FaultRun
from tests.team.processes import an_office
from tools.cluster import url_of


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """Yield the sockets of a cluster."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_window_that_is_killed_while_somebody_works_in_it_shows_all_that_it_was_told_is_done(
    tmp_path: Path, sockets: Path
) -> None:
    with an_office(url_of(sockets, "hg", REQUESTS)) as office, ExitStack() as ending:
        run = FaultRun(office, sockets, tmp_path, ending, window=True)
        assert run.window is not None
        for victim in ("window", "window_and_all"):
            run.kill(victim)
        run.window.close()
        Profile.open(run.window.profile).close()  # no lock stays

        with EngineProcess(run.window.profile) as engine:
            engine.event("endpoint_open")
            run.window.open()
            run.window.work()
            run.kill("window_and_all")
            line = run.window.painted()
            assert line["engine_pid"] == engine.process.pid, "an engine that is not the window's outlives it"
            assert engine.process.poll() is None
            figures = run.settle(stops=True)
            assert (figures["lost"], figures["doubled"], figures["differ"]) == (0, 0, 0)
            run.window.close()
            assert len(run.window.acknowledged) > 3 and run.window.refused == []
