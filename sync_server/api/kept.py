"""Answers that are given again while they hold. Counterparts: `../proofs.py`, which says whether one does; `routes.py`.

Theory: programs and pages ask for the same lists again and again, and most of the time nothing has changed. A list of the
inventory, and how its things are, is a function of the tenant's version, of the asker's reach and of what is asked; so what was
read of one version is given to whoever asks the same with the same reach, once the database has said for this very request
that he is who he was and that the tenant still is of that version. After a change many ask for the same at once: one reads it,
the others wait, and are given it if it is of the version that the database has told them.
Nothing is trusted for a time: a change is seen by the next request at every server, and so is the end of a session.
What somebody writes into the tables past the server, by hand, takes no revision: it is seen after `HOLDS_S`.
One rule: only a route is kept whose answer hangs on nothing but what takes a revision; a time, a sample, a lease does not.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sync_server.api.pages import Shown

if TYPE_CHECKING:
    from sync_server.api.routes import Call

HOLDS_S = 60.0
CAP_BYTES = 32 * 1024 * 1024
"""What is kept of all tenants together; what was not asked for longest goes first."""
WAITS = 2
"""So often somebody waits for who reads what he wants: the first may have begun before the change."""


class Kept(NamedTuple):
    """What was answered, as JSON, and what part of a list it is; of which version, and when."""

    version: str
    data: bytes
    shown: Shown | None
    at_s: float


class Answers:
    """What is kept, for one server, by who may be given it and what was asked."""

    def __init__(self, cap_bytes: int = CAP_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._cap_bytes = cap_bytes
        self._clock = clock
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0
        self._coming: dict[Hashable, asyncio.Event] = {}
        """What is just being read, and when that is over."""

    def get(self, key: Hashable) -> Kept | None:
        """Return what is kept, None where there is nothing, or for too long."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock() - kept.at_s > HOLDS_S:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: Hashable, version: str, data: bytes, shown: Shown | None) -> None:
        """Keep an answer in the place of another."""
        if key in self._kept:
            self._drop(key)
        self._kept[key] = Kept(version, data, shown, self._clock())
        self._bytes += len(data)
        while self._bytes > self._cap_bytes:
            self._drop(next(iter(self._kept)))

    def is_read(self, key: Hashable) -> bool:
        """Tell whether somebody reads just what would be kept."""
        return key in self._coming

    async def come(self, key: Hashable) -> None:
        """Wait for who reads it, if there is somebody."""
        if (over := self._coming.get(key)) is not None:
            await over.wait()

    @contextmanager
    def reading(self, key: Hashable) -> Iterator[None]:
        """Have others wait who want the same, until this is left."""
        over = asyncio.Event()
        is_first = self._coming.setdefault(key, over) is over
        try:
            yield
        finally:
            if is_first:
                del self._coming[key]
                over.set()

    def _drop(self, key: Hashable) -> None:
        self._bytes -= len(self._kept.pop(key).data)


async def kept_or_read(call: Call, asked: Hashable, read: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a call is given: what is kept of the version that its tenant still is of, or what `read` reads now.

    What a guest reads is written down, so that it is read. Raises what `read` does, and as `Proofs.version`.
    """
    answers = call.services.answers
    if call.who.is_guest:
        return await read()
    key = _key(call, asked)
    if answers.get(key) is not None or answers.is_read(key):
        assert call.who.tenant is not None and call.who.standing is not None, (
            "of a member's or a key's tenant"
        )
        version = await call.services.proofs.version(call.who.tenant, call.who.standing)
        for _ in range(WAITS):
            await answers.come(key)
            kept = answers.get(key)
            if kept is not None and kept.version == version:
                call.shown = kept.shown
                return msgspec.Raw(kept.data)
    with answers.reading(key):
        call.is_noting = True
        done = await read()
        if call.as_of is None or call.who.is_guest:
            return done
        data = msgspec.json.encode(done)
        answers.put(_key(call, asked), call.as_of, data, call.shown)
    return msgspec.Raw(data)


def _key(call: Call, asked: Hashable) -> Hashable:
    """Return what an answer hangs on beside the version: what the policies are told of the asker, and the question."""
    who = call.who
    return who.tenant, who.reach.sites, who.is_platform, asked
