"""Pages that several lines of a tenant are told, read and encoded once. Counterpart: `room.py` has one; `reading.py` reads.

Theory: what somebody is told depends on what he may see and on his cursor, and on nothing else of him. So lines that are told
the same share the very bytes: those who are told news together, those who fell behind together, a team that comes back after a
restart. A page that is a moment old is right, as of its revision; what was touched since follows. What this process wrote a
moment ago it tells without reading it (`written.py`): then no more is asked than whether others wrote since.
One rule: pages that are asked for together are as of one revision, so that those who are told them stand together afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.roles import Permission
from sync_server.database import Database
from sync_server.live.reading import REVISION, Cursor, Only, Page, begun, page_of, read_pages
from sync_server.live.written import Written
from sync_server.security.principal import Principal

KEPT_S = 1.0
PAGES_KEPT = 16


class View(NamedTuple):
    """What decides what somebody is told. `sites` None: all; `only`: of what a line listens to, None: of all."""

    permissions: frozenset[Permission]
    sites: frozenset[UUID] | None
    only: Only | None = None


def view_of(who: Principal) -> View:
    """Return what somebody sees."""
    return View(who.permissions, who.reach.sites)


class Shelf:
    """The pages of one tenant. `reading` bounds how many are read at a time."""

    def __init__(self, database: Database, reading: asyncio.Semaphore) -> None:
        self._database = database
        self._reading = reading
        self.written = Written()
        self._pages: dict[tuple[View, Cursor], tuple[float, asyncio.Future[Page]]] = {}

    async def page(self, who: Principal, view: View, cursor: Cursor, by: int) -> Page:
        """Return the page at a cursor, as of revision `by` or later. Raises as `Database.transaction` does."""
        self._tidy(time.monotonic())
        if (kept := self._pages.get((view, cursor))) is not None:
            page = await asyncio.shield(kept[1])
            if page.revision >= by:
                return page
        (page,) = await self.pages(who, view, [cursor])
        return page

    async def pages(self, who: Principal, view: View, cursors: Sequence[Cursor]) -> list[Page]:
        """Return fresh pages, all as of one revision. Raises as `Database.transaction` does."""
        now_s, loop = time.monotonic(), asyncio.get_running_loop()
        self._tidy(now_s)
        reading: list[asyncio.Future[Page]] = []
        for cursor in cursors:
            reading.append(loop.create_future())
            reading[-1].add_done_callback(_look_at)
            self._pages[view, cursor] = (now_s, reading[-1])
        try:
            async with self._reading:
                pages = await self._known(who, view, cursors) or await read_pages(
                    self._database, who, cursors, view.only
                )
        except BaseException:
            for cursor, done in zip(cursors, reading, strict=True):
                if self._pages.get((view, cursor)) == (now_s, done):
                    del self._pages[view, cursor]
                done.set_exception(ConnectionResetError("the page was not read"))
            raise
        for done, page in zip(reading, pages, strict=True):
            done.set_result(page)
        return pages

    async def _known(self, who: Principal, view: View, cursors: Sequence[Cursor]) -> list[Page]:
        """Return pages of what this process wrote, to who reaches all; none where others wrote, too."""
        pages = []
        for cursor in cursors:
            is_begun = view.sites is None and cursor == begun(cursor.since)
            if not is_begun or (wrote := self.written.since(cursor.since)) is None:
                return []
            pages.append(page_of(who, cursor.since, wrote, view.only))
        rows = await self._database.read(who, None, REVISION)
        return pages if [row["revision"] for row in rows] == [pages[0].revision] else []

    def keep(self, views: Iterable[View]) -> None:
        """Forget what nobody sees any more."""
        alive = set(views)
        for key in [key for key in self._pages if key[0] not in alive]:
            del self._pages[key]

    def _tidy(self, now_s: float) -> None:
        for key in [key for key, (at_s, _) in self._pages.items() if now_s - at_s > KEPT_S]:
            del self._pages[key]
        while len(self._pages) >= PAGES_KEPT:
            del self._pages[next(iter(self._pages))]


def _look_at(done: asyncio.Future[Page]) -> None:
    """Have an error looked at also where nobody else waited."""
    if not done.cancelled():
        done.exception()
