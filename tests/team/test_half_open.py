"""A server that stands still with its connections open: its engines notice, and what their windows say of it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from app.team.words import stand_of
from domain.sync import DEAD_AFTER_S
from engine.compose import now_us
from tests.server.conftest import ServerDatabase
from tests.team.processes import an_office

BUSY_S = 2.0
"""What a busy computer may add."""


def test_a_server_that_is_stopped_is_noticed_within_fifteen_seconds_and_heard_again_when_it_goes_on(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    with an_office(server_database.settings.database_url.value) as office:
        root = office.found()
        office.tenant(root, "North")
        mara = office.join(root, tmp_path, "engineer", "mara")
        try:
            mara.start()
            mara.online()
            assert stand_of(mara.team, now_us()).short == "Synced"
            server = office.server.program.pid
            os.kill(server, signal.SIGSTOP)
            stopped_s = time.monotonic()
            try:
                mara.until(lambda: mara.team.reachability != "online")
                assert time.monotonic() - stopped_s < DEAD_AFTER_S + BUSY_S
                assert stand_of(mara.team, now_us()).level in ("waiting", "cut")
                assert "nothing was heard of the server" in mara.team.why
            finally:
                os.kill(server, signal.SIGCONT)
            mara.online()
        finally:
            mara.stop()
