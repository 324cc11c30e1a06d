"""The disk of the database is full: who would write is told so and when to come again, nobody else; nothing answered is lost.

Counterpart: `small_disk.py`, the disk. One rule: what was answered 200 is found by a superuser afterwards, and is there once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from domain.edit import Edit
from domain.sync import Outcomes, Push, Refused
from tests.server.clients import Person
from tests.server.live_clients import Replica, living
from tests.server.live_clients import an_edit as an_edit_of
from tests.server.live_clients import making as a_step_making
from tests.server.pushing import pusher, until
from tests.server.small_disk import MEGABYTE, small_disk
from tests.server.test_devices import ANY
from tests.server.test_edits import an_edit, making

FREE_BYTES = 48 * MEGABYTE
NOTE_BYTES = 3_000
TRIES = 2_000


async def test_a_full_disk_is_told_to_who_writes_and_loses_nothing_and_is_over_when_there_is_room() -> None:
    with small_disk(FREE_BYTES) as disk:
        async with living(disk.database, ingest_flush_ms=5) as live:
            server, watching = live.server, live.server.app.state.watching
            root = await server.found()
            await server.tenant(root)
            engineer = await server.member(root, "engineer")
            mast = await pusher(server, root)
            replica = await live.join(engineer)
            stranger = server.somebody()
            done: list[str] = []
            pushed = 0

            async def edit() -> httpx.Response:
                made = an_edit(making("site", name="S", note=os.urandom(NOTE_BYTES // 2).hex()))
                said = await engineer.ask("POST", "/edits", {"edits": [made]})
                if said.status_code == 200:
                    done.append(made["id"])
                return said

            async def patch() -> httpx.Response:
                note = os.urandom(NOTE_BYTES // 2).hex()
                return await engineer.ask("PATCH", f"/devices/{mast.device}", {"note": note}, **ANY)

            async def push() -> httpx.Response:
                nonlocal pushed
                messages = [{"values": {"level": 1}} for _ in range(100)]
                said = await mast.http.ask("POST", "/telemetry", {"messages": messages})
                pushed += len(messages) * (said.status_code == 200)
                return said

            async def ready() -> Any:
                said = await stranger.http.get("/ready")
                return said.status_code, said.json()["storage"]

            for write in (edit, patch, push):
                assert (await write()).status_code == 200
            assert await ready() == (200, "up")
            assert "database_full" not in await watching.look(time.monotonic())
            disk.fill()
            for write in (push, edit, patch):
                said = await until_refused(write)
                assert (said.status_code, said.json()["error"]["code"]) == (507, "STORAGE_FULL"), said.text
                assert "disk" in said.json()["error"]["message"] and said.headers["Retry-After"] == "30"
            assert await ready() == (200, "full")
            assert (await stranger.http.get("/health")).status_code == 503
            assert "database_full" in await watching.look(time.monotonic())
            assert len(await engineer.get("/devices")) == 1, "what is on it can be read"
            refused, told = await until_hung_up(replica)
            assert (refused.code, refused.retry_after_s) == ("CLOSING", 10.0) and "full" in refused.message
            disk.make_room()
            await until(ready, (200, "up"))
            await until(lambda: status_of(stranger, "/health"), 200)
            assert "database_full" not in await watching.look(time.monotonic())
            for write in (edit, patch, push):
                assert (await write()).status_code == 200
            again = await live.join(engineer, replica.install)
            assert all(one.revision for one in await again.push(told[-1]))
            kept = {str(row["id"]) for row in await server.owner.fetch("SELECT id FROM edit")}
            assert set(done) | {str(one.id) for one in told} <= kept
            assert await mast.stored() >= pushed
            await again.line.close()


async def status_of(person: Person, path: str) -> int:
    """Return what a path is answered with."""
    return (await person.http.get(path)).status_code


async def until_refused(write: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Write until that is not answered 200: there is room in pages that are half full."""
    for _ in range(TRIES):
        said = await write()
        if said.status_code != 200:
            return said
    raise AssertionError("the disk takes all")


async def until_hung_up(replica: Replica) -> tuple[Refused, list[Edit]]:
    """Push edits, one after the other, until the line ends; return why, and all that were pushed, the last of them unanswered."""
    told: list[Edit] = []
    while True:
        told.append(an_edit_of(a_step_making("site", name="L", note=os.urandom(NOTE_BYTES // 2).hex())))
        await replica.say(Push((told[-1],)))
        while not isinstance(message := await replica.next(), Outcomes):
            if isinstance(message, Refused):
                return message, told
