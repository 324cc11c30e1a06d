"""Requests that end in the middle: at whichever await a write is cancelled, it is whole or not there, and no connection is lent.

Counterparts: `sync_server/pool.py`, `sync_server/database.py`.

Theory: a request is cancelled as it comes to the first place where it waits, then at the second, and so on, until it comes to its
end uncancelled: no moment is left out, and none depends on how fast anything is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from tests.server.clients import Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.servers import until
from tests.server.test_devices import an_engineer
from tests.server.test_edits import an_edit, making, send

MOMENTS_LEAST = 4
"""Fewer waits than that no write has: the request was not what it is thought to be."""


class CutShort:
    """A request whose task is cancelled where it waits for the `moment`th time, and at `more` waits after that."""

    def __init__(self, request: Coroutine[Any, Any, Any], moment: int, more: int) -> None:
        self._request, self._moments = request, range(moment, moment + 1 + more)
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._request.__await__()
        task = asyncio.current_task()
        assert task is not None
        wake = steps.send
        given: Any = None
        while True:
            try:
                waits_for = wake(given)
            except StopIteration as done:
                return done.value
            self.waits += 1
            if self.waits in self._moments:
                task.cancel()  # what it waits for ends with it
            wake, given = steps.send, None
            try:
                yield waits_for
            except BaseException as error:  # it is the request's
                wake, given = steps.throw, error


async def cut_short(request: Coroutine[Any, Any, Any], moment: int, more: int) -> bool:
    """Cancel a request at a moment; return whether it had come to its end before that."""
    cut = CutShort(request, moment, more)

    async def whole() -> None:
        await cut

    task = asyncio.ensure_future(whole())
    with suppress(asyncio.CancelledError):
        await task
    return cut.waits < moment


async def at_rest(server: Server) -> None:
    """Wait until nobody has a connection, and no transaction stands open in the database."""
    database = server.services.database
    await until(lambda: database.idle_connections == database.open_connections)
    async with asyncio.timeout(60):
        while await server.owner.fetchval(_STANDING):  # noqa: ASYNC110 the database says nothing by itself
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("more", [0, 1, 1_000], ids=["once", "twice", "until it is gone"])
async def test_an_edit_that_is_cancelled_at_any_await_is_whole_or_not_there_and_lends_nothing(
    server_database: ServerDatabase, more: int
) -> None:
    async with serving(server_database, pool_min=1, pool_max=2) as server:
        engineer = await an_engineer(server)
        sent: list[dict[str, Any]] = []
        for moment in count(1):
            a, b = f"a{moment}", f"b{moment}"
            sent.append(an_edit(making("site", name=a), making("site", name=b), title=a))
            is_over = await cut_short(send(engineer, sent[-1]), moment, more)
            await at_rest(server)
            titles = [row["edit"]["title"] for row in await engineer.get("/edits?limit=200")]
            sites = {row["name"] for row in await server.owner.fetch("SELECT name FROM site")}
            assert sites & {a, b} == ({a, b} if a in titles else set()), f"at wait {moment}"
            (done,) = await send(engineer, sent[-1])
            assert done["state"] == "confirmed", f"it can be sent again after wait {moment}"
            if is_over:
                break
        assert len(sent) > MOMENTS_LEAST, "as many moments"
        rows = await engineer.get("/edits?limit=200")
        revisions = sorted(row["revision"] for row in rows)
        assert revisions == list(range(1, len(sent) + 1)), "each once, and no revision is left out"
        names = [row["name"] for row in await server.owner.fetch("SELECT name FROM site")]
        assert len(names) == len(set(names)) == 2 * len(sent)
        await at_rest(server)


_STANDING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
