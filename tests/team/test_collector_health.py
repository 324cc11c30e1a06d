"""What an administrator sees of a collector: a real process tells its version, its clock and what it has not told.

Counterpart: `tests/server/test_pollers.py`, where a client of the live line plays it.
"""

from __future__ import annotations

import re
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from domain.edit import creation
from domain.inventory import Device, Probe
from engine import VERSION
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.processes import Office, an_office, until


def _answer(host: socket.socket) -> None:
    with suppress(OSError):
        while True:
            host.accept()[0].close()


def _poller(office: Office, admin: Any) -> dict[str, Any]:
    (only,) = office.ask(admin.get("/pollers"))
    found: dict[str, Any] = only
    return found


def _page(office: Office, admin: Any) -> str:
    """Return what the page says, cell by cell."""
    sent = {"Authorization": f"Bearer {admin.token}"}
    page = office.ask(admin.http.get("/admin/pollers", headers=sent)).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<tbody>")[2]))


def test_a_collector_tells_how_it_is_and_once_it_is_killed_the_page_says_when_it_was_seen_last(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    with an_office(server_database.requests) as office, ExitStack() as ending:
        root = office.found()
        office.tenant(root, "North")
        host = ending.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        threading.Thread(target=_answer, args=(host,), daemon=True).start()
        site = office.join(root, tmp_path, "tenant_admin", "site", "--collector")
        ending.callback(site.stop)
        joined_us = _poller(office, root)["seen_us"]
        site.start("--collector")
        site.online()
        probe = Probe("tcp", host.getsockname()[1])
        site.edit("add", creation("device", Device(new_id(), "web", "127.0.0.1", (probe,), interval_s=1.0)))

        def is_well() -> dict[str, Any] | None:
            one = _poller(office, root)
            return one if one["heard_us"] and one["untold"] is not None and one["is_judge"] else None

        one = until(is_well, "what it says of itself")
        assert (one["kind"], one["version"], one["devices"]) == ("collector", VERSION, 1)
        assert one["connected_us"] is not None and abs(one["ahead_us"]) < 60_000_000, "one clock"

        def says_so() -> bool:
            said = _page(office, root)
            return VERSION in said and "judges" in said and "last seen" not in said

        until(says_so, "the same on the page")

        connected_us = one["connected_us"]
        site.kill()
        until(lambda: _poller(office, root)["connected_us"] is None, "it is gone")
        gone = _poller(office, root)
        assert gone["untold"] is None and gone["version"] == VERSION
        assert gone["seen_us"] > connected_us > (joined_us or 0), "seen until it was heard last"
        assert gone["heard_us"] >= one["heard_us"]
        assert "no; last seen" in _page(office, root)
