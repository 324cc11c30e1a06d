"""Content that is shared with a team: it goes on whatever news come, and what came as something else is looked at here first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from domain.blobs import GetBlob, PutBlob
from domain.errors import Refusal, RefusedByRule
from domain.roles import Permission
from domain.wire import Reply
from engine.sync.content_calls import Have, There
from engine.sync.contents import AGAIN_S, MOST_AGAIN_S, ContentSharing, may_share
from engine.sync.maps import MAPS
from engine.sync.pictures import PICTURES

DIGEST = "ab" * 32
SIZE = 300_000


class Server:
    """What a server has of one map; `is_damaged`: it finds that what came is something else."""

    def __init__(self, *, is_damaged: bool = False) -> None:
        self.have, self.pieces = 0, 0
        self.is_damaged = is_damaged
        self.not_yet = 0
        """So many times it has not looked yet."""

    async def there(self) -> dict[str, Any]:
        """Say that nothing is there whole."""
        return {}

    async def put(self, digest: str, size: int, offset: int, data: bytes) -> Have:
        """Take a piece."""
        if data and offset == self.have:
            self.have += len(data)
            self.pieces += 1
        if self.have < size:
            return Have(self.have, False)
        if self.not_yet:
            self.not_yet -= 1
            return Have(self.have, False)
        if self.is_damaged:
            self.have = 0
            raise RefusedByRule([Refusal("MAP_DAMAGED", "this is not what its name says")])
        return Have(self.have, True)


class Store:
    """One file; `wrong` is what is wrong with it."""

    def __init__(self, wrong: str = "") -> None:
        self.elsewhere: frozenset[str] = frozenset()
        self.on_missing: Any = None
        self.wrong = wrong
        self.looked = 0

    async def size(self, digest: str) -> int | None:
        """Return its size."""
        return SIZE

    async def held_bytes(self) -> tuple[int, int]:
        """Return that there is room."""
        return 0, SIZE

    async def damage(self, digest: str) -> str:
        """Return what is wrong."""
        self.looked += 1
        return self.wrong

    async def answer(self, request: GetBlob | PutBlob) -> Reply:
        """Return some bytes."""
        assert isinstance(request, GetBlob)
        return Reply(0, result={"data": bytes(min(100_000, SIZE - request.offset))})


class Having(Server):
    """One who has all of the map; `asked`: bytes that it was asked for."""

    asked = 0

    async def there(self) -> dict[str, Any]:
        """Say that it is there whole."""
        return {DIGEST: There(DIGEST, SIZE, SIZE, True)}

    async def get(self, digest: str, size: int, offset: int, length: int) -> bytes:
        """Give a piece."""
        piece = bytes(min(length, size - offset))
        self.asked += len(piece)
        return piece


class Growing(Store):
    """A file that comes; `on_whole` is done as soon as it is here."""

    have = 0
    on_whole: Callable[[], object]

    def remove(self) -> None:
        """Have it no more."""
        self.have = 0

    async def size(self, digest: str) -> int | None:
        """Return its size once it is whole."""
        return SIZE if self.have == SIZE else None

    async def answer(self, request: GetBlob | PutBlob) -> Reply:
        """Take a piece."""
        assert isinstance(request, PutBlob)
        self.have += len(request.data)
        said = {"have": self.have}
        if self.have == SIZE:
            self.on_whole()
        return Reply(0, result=said)


class Sharing:
    """One install's, and its clock."""

    def __init__(self, server: Server, store: Store, *, is_woken: bool = False) -> None:
        self.now_s = 0.0
        self.waited_s: list[float] = []
        self.is_woken = is_woken
        self.shared: dict[str, str] = {DIGEST: "The map “Valley”"}
        self.it = ContentSharing(
            server,  # type: ignore[arg-type]
            store,
            MAPS,
            shown=lambda: self.shared,
            is_online=lambda: True,
            may=lambda: ("edits:write",),
            fetches=True,
            on_way=lambda: None,
            chance=lambda: 0.0,
            clock=lambda: self.now_s,
            wait=self._wait,
        )

    async def _wait(self, wait_s: float) -> None:
        self.waited_s.append(wait_s)
        if self.is_woken:
            self.it.wake()

    def look(self) -> float | None:
        """Look once."""
        return asyncio.run(self.it.look())


def test_a_map_goes_up_by_a_piece_at_least_however_many_news_come() -> None:
    server = Server()
    sharing = Sharing(server, Store(), is_woken=True)
    looks = 0
    while sharing.look() is not None:
        looks += 1
        assert server.pieces >= looks
    assert server.have == SIZE


def test_who_brought_all_asks_ever_less_often_until_the_server_has_looked() -> None:
    server, store = Server(), Store()
    server.not_yet = 4
    sharing = Sharing(server, store)
    assert sharing.look() is None
    assert [wait_s for wait_s in sharing.waited_s if wait_s] == [0.5, 1.0, 2.0, 4.0]
    assert store.elsewhere == {DIGEST}


def test_a_file_that_is_another_by_now_stays_here_and_says_so_and_is_read_once() -> None:
    server, store = Server(is_damaged=True), Store("its file has changed since it was checked")
    sharing = Sharing(server, store)
    assert sharing.look() is None
    told = "The map “Valley” is on this computer alone: its file has changed since it was checked"
    assert sharing.it.notices == (told,)
    sharing.now_s = 10 * MOST_AGAIN_S
    pieces = server.pieces
    assert sharing.look() is None
    sharing.it.wake(anew=True)
    assert sharing.look() is None
    assert (server.pieces, store.looked) == (pieces, 1)


def test_what_is_right_here_and_came_as_something_else_is_brought_again_after_ever_longer_waits() -> None:
    server, store = Server(is_damaged=True), Store()
    sharing = Sharing(server, store)
    waits_s = [sharing.look()]
    pieces = server.pieces
    sharing.now_s = AGAIN_S / 2
    assert sharing.look() == pytest.approx(AGAIN_S / 2), "news change nothing"
    assert server.pieces == pieces
    for _ in range(12):
        sharing.now_s += waits_s[-1] or 0.0
        waits_s.append(sharing.look())
    assert waits_s[:4] == [AGAIN_S, 2 * AGAIN_S, 4 * AGAIN_S, 8 * AGAIN_S]
    assert waits_s[-1] == MOST_AGAIN_S
    server.is_damaged = False
    sharing.now_s += MOST_AGAIN_S
    assert sharing.look() is None and store.elsewhere == {DIGEST}


def test_what_is_removed_here_as_soon_as_it_came_and_wanted_again_comes_again() -> None:
    server, store = Having(), Growing()
    sharing = Sharing(server, store)
    removed: list[None] = []

    def remove_once() -> None:
        if not removed:
            removed.append(store.remove())
            sharing.it.want(DIGEST)

    store.on_whole = remove_once
    sharing.it.want(DIGEST)
    while DIGEST in sharing.it.wanted:
        sharing.look()
    assert store.have == SIZE and store.elsewhere == {DIGEST}
    assert server.asked == 2 * SIZE


def test_who_reaches_some_sites_only_brings_no_map_of_the_whole_team() -> None:
    may: tuple[Permission, ...] = ("edits:write",)
    assert may_share(MAPS, may, is_everywhere=True) == may_share(PICTURES, may, is_everywhere=False) == may
    assert may_share(MAPS, may, is_everywhere=False) == ()
