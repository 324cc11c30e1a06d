"""Shares content with the team by its hash. Counterparts: `sync_server/api/pieces.py`; `pictures.py` and `maps.py`, of what kind
it is; `engine/blobs.py` and `engine/maps/team_files.py` keep it.

Theory: what something confirmed in the inventory shows and the server lacks is brought by whoever has it; what it has and is
not here is fetched: at once where it is small and there is room, else when somebody wants it. Both go in pieces, from where the
other end says it is, so that a cut costs one piece. Between two pieces it rests for as long as the last took, and a piece is as
long as goes in half a second: a van's line is never held for longer, and half of it is left to what happens in the network.
One rule: content waits for everything else, and nothing waits for content.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgspec

from domain.blobs import PIECE_BYTES, GetBlob, PictureWay, PutBlob, is_digest
from domain.errors import DeviceError, Refusal, RefusedByRule
from domain.roles import Permission
from domain.team import PICTURE_WAYS_CAP
from domain.wire import Reply
from engine.sync.content_calls import ContentCalls, Have, There
from engine.sync.login import SessionOver

_log = logging.getLogger("engine.sync")

GATHER_S = 0.5
SPREAD = 4.0
"""So many times longer at most, by chance: after a restore all have what the server lacks, and one brings it."""
AGAIN_S = 60.0
MOST_AGAIN_S = 6 * 3600.0
"""Longest wait, each twice the last, of what was whole here and came as something else there."""
ELSEWHERE_S = 10.0
"""When it is looked again at what somebody else brings."""
FIRST_ASKED_S = 0.5
"""When it is asked first, and then ever less often, whether what is all there is whole."""
FIRST_BYTES, LEAST_BYTES = 32 * 1024, 8 * 1024
SHORT_S, LONG_S = 0.25, 0.5
_MAY: Permission = "edits:write"
_FAILURES = (SessionOver, RefusedByRule, DeviceError, TimeoutError, OSError)


class Store(Protocol):
    """Where content lies here. `elsewhere` is set to what the server has whole; `on_missing` hears what was looked for."""

    elsewhere: frozenset[str]
    on_missing: Callable[[str], None]

    async def size(self, digest: str) -> int | None:
        """Return how many bytes some content has, None where it is not here whole. Raises OSError."""

    async def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes are kept, and how many at most."""

    async def damage(self, digest: str) -> str:
        """Read content that is here; return why it is not what its name says, "" where it is. Raises OSError."""

    async def answer(self, request: GetBlob | PutBlob) -> Reply:
        """Return bytes, or keep some, as `domain/blobs.py` says."""


class Ware(NamedTuple):
    """A kind of content: what people call one, up to how many bytes it is fetched before anybody looks at it, the most that is
    taken. `is_long`: it may take hours, so news are looked at between two pieces, and what is refused here is not tried again
    before somebody wants it again. `of_all`: it is of the whole team, and who reaches some sites only brings none."""

    noun: str
    small_bytes: int
    cap_bytes: int
    is_long: bool = False
    of_all: bool = False


def may_share(
    ware: Ware, permissions: tuple[Permission, ...], *, is_everywhere: bool
) -> tuple[Permission, ...]:
    """Return what somebody may do with a kind of content."""
    return permissions if is_everywhere or not ware.of_all else ()


class RefusedHere(RefusedByRule):
    """This computer does not keep what came: nobody else can do anything about it."""


class ContentSharing:
    """One install's, of one kind. `shown`: what shows each confirmed content, in words, in the order in which they are wanted;
    `fetches` False for one that nobody looks at; `on_way` hears that `ways` are others; `chance` returns a number from 0 to 1."""

    def __init__(
        self,
        calls: ContentCalls,
        store: Store,
        ware: Ware,
        *,
        shown: Callable[[], Mapping[str, str]],
        is_online: Callable[[], bool],
        may: Callable[[], tuple[Permission, ...]],
        fetches: bool,
        on_way: Callable[[], object],
        chance: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._calls = calls
        self._store = store
        self._ware = ware
        self._shown = shown
        self._is_online = is_online
        self._may = may
        self._fetches = fetches
        self._on_way = on_way
        self._chance = chance
        self._clock = clock
        self._wait = wait
        self._news = asyncio.Event()
        self._settled: set[str] = set()
        """Those that are here and there."""
        self.wanted: set[str] = set()
        """Those that somebody looked for here."""
        self._again: set[str] = set()
        """Those that somebody looked for since they were begun: what is told of them is of before."""
        self._room = 0
        """Bytes that may be fetched before anybody looks at them."""
        self._piece_bytes = FIRST_BYTES
        self._troubles: dict[str, str] = {}
        """Why something does not go up."""
        self._failures: dict[str, str] = {}
        """Why something that was wanted did not come."""
        self._ways: dict[str, PictureWay] = {}
        self._damaged: set[str] = set()
        """Those whose file here is another than its name says: they do not go up before this starts again."""
        self._later: dict[str, tuple[float, float]] = {}
        """When something is tried again, and how long that is put off."""
        store.on_missing = self.want

    @property
    def notices(self) -> tuple[str, ...]:
        """Return why some are on this computer alone, in words."""
        shown = self._shown() if self._troubles else {}
        return tuple(
            f"{shown[digest]} is on this computer alone: {why}"
            for digest, why in self._troubles.items()
            if digest in shown
        )

    @property
    def ways(self) -> tuple[PictureWay, ...]:
        """Return which are on their way, as it was known when the server was heard last."""
        some = islice(self._ways.values(), PICTURE_WAYS_CAP)
        return tuple(msgspec.structs.replace(one, trouble=self._troubles.get(one.digest, "")) for one in some)

    def wake(self, *, anew: bool = False) -> None:
        """What is shown is another, or comes into sight; `anew`: the server may not have what it had."""
        if anew:
            self._settled.clear()
            self._store.elsewhere = frozenset()
        self._news.set()

    async def run(self) -> None:
        """Share, for ever."""
        wait_s: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            await self._wait(GATHER_S * (1 + SPREAD * self._chance()))
            self._news.clear()
            wait_s = await self.look()

    async def look(self) -> float | None:
        """Do what is due; return after how many seconds to look again without news, None for not before."""
        named = [digest for digest in self._shown() if is_digest(digest)]
        self.keep_only(named)
        shown = [digest for digest in named if digest not in self._settled | self._damaged]
        if not shown or not self._is_online():
            return None
        try:
            there = await self._calls.there()
        except _FAILURES as error:
            _log.info(f"{self._ware.noun}s_not_shared", extra={"reason": str(error)})
            return AGAIN_S
        self._store.elsewhere = frozenset(digest for digest, one in there.items() if one.is_whole)
        held, most = await self._store.held_bytes()
        self._room = most - held
        await self._await_them(shown, there)
        left: dict[str, None] = dict.fromkeys(shown)
        waits_s: list[float | None] = []
        while left:  # what somebody looks for by now goes first
            digest = next((one for one in self.wanted if one in left), "") or next(iter(left))
            del left[digest]
            put_off_s = self._later.get(digest, (0.0, 0.0))[0] - self._clock()
            if put_off_s > 0:
                waits_s.append(put_off_s)
                continue
            waits_s.append(await self._share(digest, there.get(digest)))
            if self._is_interrupted:
                break
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    async def _await_them(self, shown: Sequence[str], there: Mapping[str, There]) -> None:
        """Have all that is here and not there wait, before the first of them goes."""
        ways = {digest: way for digest, way in self._ways.items() if not way.is_up and digest in self.wanted}
        for digest in shown if _MAY in self._may() else ():
            one = there.get(digest)
            if (one is None or not one.is_whole) and (size := await self._store.size(digest)) is not None:
                ways[digest] = PictureWay(digest, size, one.have if one is not None else 0)
        self._ways = ways  # at once: a window that is told meanwhile would say that nothing waits
        self._on_way()

    def _go(self, digest: str, size: int, done: int, *, is_up: bool) -> None:
        """It is so far."""
        self._ways[digest] = PictureWay(digest, size, done, is_up)
        self._on_way()

    async def _share(self, digest: str, there: There | None) -> float | None:
        """Bring or fetch one; return when to look at it again, None for not before there is news."""
        is_there = there is not None and there.is_whole
        size: int | None = None
        self._again.discard(digest)
        try:
            size = await self._store.size(digest)
            if is_there and size is not None:
                self._settle(digest)
                return None
            if size is not None and _MAY in self._may():
                if not await self._bring(digest, size):
                    return ELSEWHERE_S
            elif is_there and there is not None and self._is_due(there):
                if not await self._fetch(digest, there.size):
                    return None
            else:
                return None
        except _FAILURES as error:
            if size is None and self._ware.is_long and digest not in self.wanted:
                return None  # it was given up while a piece came
            said = {"digest": digest, "reason": str(error)}
            _log.warning(f"{self._ware.noun}_not_shared", extra=said)
            if isinstance(error, RefusedByRule):
                troubles = self._failures if size is None else self._troubles
                troubles[digest] = error.refusals[0].message
                self._on_way()
            if isinstance(error, RefusedHere) and self._ware.is_long:
                self.unwant(digest)
            self._piece_bytes = max(LEAST_BYTES, self._piece_bytes // 2)
            return await self._look_at(digest, error) if size is not None else AGAIN_S
        self._settle(digest)
        return None

    async def _look_at(self, digest: str, error: Exception) -> float | None:
        """Return when to bring something again that was refused: what came as something else is read here first, once each time;
        what is another here stays, and what is not is brought after ever longer waits."""
        codes = [one.code for one in error.refusals] if isinstance(error, RefusedByRule) else []
        if f"{self._ware.noun.upper()}_DAMAGED" not in codes:
            return AGAIN_S
        try:
            why = await self._store.damage(digest)
        except OSError as unread:
            why = str(unread.strerror or unread)
        if why:
            self._damaged.add(digest)
            self._ways.pop(digest, None)
            self._troubles[digest] = why
            self._on_way()
            return None
        wait_s = min(2 * self._later.get(digest, (0.0, AGAIN_S / 2))[1], MOST_AGAIN_S)
        self._later[digest] = self._clock() + wait_s, wait_s
        return wait_s

    def _is_due(self, there: There) -> bool:
        if there.digest in self.wanted:
            return there.size <= self._ware.cap_bytes
        return there.size <= self._ware.small_bytes and self._fetches and there.size <= self._room

    @property
    def _is_interrupted(self) -> bool:
        return self._ware.is_long and self._news.is_set()

    def _settle(self, digest: str) -> None:
        if digest in self._again:  # it may have been removed here as soon as it was there
            return self._news.set()
        self._settled.add(digest)
        self._store.elsewhere |= {digest}
        self.wanted.discard(digest)
        self._later.pop(digest, None)
        self._troubles.pop(digest, None)
        self._failures.pop(digest, None)
        if self._ways.pop(digest, None) is not None:
            self._on_way()

    def keep_only(self, shown: Collection[str]) -> None:
        """Know nothing any more of what is not shown: the server may drop it, and it goes up again when it is shown again."""
        names = frozenset(shown)
        self._settled &= names
        self._again &= names
        self._damaged &= names
        self._store.elsewhere &= names
        known: tuple[dict[str, Any], ...] = (self._troubles, self._failures, self._ways, self._later)
        for each in known:
            for digest in each.keys() - names:
                del each[digest]

    def want(self, digest: str) -> None:
        """Fetch something as soon as it can be."""
        self._again.add(digest)
        if digest not in self.wanted:
            self.wanted.add(digest)
            self._settled.discard(digest)
            self._failures.pop(digest, None)
            self._news.set()

    def unwant(self, digest: str) -> None:
        """Leave something where it is; what is just coming of it is left between two pieces."""
        self.wanted.discard(digest)
        self._again.discard(digest)
        if self._ways.pop(digest, None) is not None or self._failures:
            self._on_way()
        self._news.set()

    def way(self, digest: str) -> PictureWay | None:
        """Return how far something is that goes up or comes, or waits to."""
        return self._ways.get(digest)

    def trouble(self, digest: str) -> str:
        """Return why something does not go up, or did not come; "" where nothing is wrong."""
        return self._troubles.get(digest, "") or self._failures.get(digest, "")

    async def _bring(self, digest: str, size: int) -> bool:
        """Bring one; return False where somebody else does, or something else is to be done first. Raises what the calls do."""
        now = await self._calls.put(digest, size, 0, b"")
        while (have := now.have) < size:
            reply = await self._store.answer(GetBlob(0, digest, have))
            if reply.refusals:
                raise RefusedByRule([*reply.refusals])
            piece = bytes(reply.result["data"])[: self._piece_bytes]
            if not piece:
                raise self._of_damage(f"the file of a {self._ware.noun} is shorter than it was")
            began_s = self._clock()
            now = await self._calls.put(digest, size, have, piece)
            if now.have != have + len(piece):
                return False
            self._go(digest, size, now.have, is_up=True)
            await self._rest(began_s)
            if now.have < size and self._is_interrupted:  # never before one has gone
                return False
        if not await self._is_found_whole(digest, size, now):
            return False
        _log.info(f"{self._ware.noun}_brought", extra={"digest": digest, "bytes": size})
        return True

    async def _is_found_whole(self, digest: str, size: int, now: Have) -> bool:
        """Ask until the server has looked at what is all there; return False where something else is to be done first."""
        wait_s = FIRST_ASKED_S
        while not now.is_whole:
            await self._wait(wait_s)
            wait_s = min(2 * wait_s, ELSEWHERE_S)
            now = await self._calls.put(digest, size, 0, b"")
            if now.have < size:
                raise self._of_damage(
                    f"the server found that this {self._ware.noun} is not what its name says"
                )
        return True

    def _of_damage(self, said: str) -> RefusedByRule:
        return RefusedByRule([Refusal(f"{self._ware.noun.upper()}_DAMAGED", said)])

    async def _fetch(self, digest: str, size: int) -> bool:
        """Fetch one; return False where something else is to be done first. Raises what the calls do, RefusedHere where it is not
        what its name says or has no room."""
        reply = await self._store.answer(PutBlob(0, digest, size))
        while not reply.refusals and (have := reply.result["have"]) < size:
            self._go(digest, size, have, is_up=False)
            began_s = self._clock()
            data = await self._calls.get(digest, size, have, self._piece_bytes)
            if have + len(data) == size:
                self._go(digest, size, size, is_up=False)
            reply = await self._store.answer(PutBlob(0, digest, size, have, data))
            await self._rest(began_s)
            if not reply.refusals and reply.result["have"] < size and self._is_interrupted:
                return False
        if reply.refusals:
            raise RefusedHere([*reply.refusals])
        self._room -= size
        _log.info(f"{self._ware.noun}_fetched", extra={"digest": digest, "bytes": size})
        return True

    async def _rest(self, began_s: float) -> None:
        """Leave the line to others for as long as a piece took, and have the next one take about as long as it should."""
        took_s = self._clock() - began_s
        if took_s < SHORT_S:
            self._piece_bytes = min(PIECE_BYTES, 2 * self._piece_bytes)
        elif took_s > LONG_S:
            self._piece_bytes = max(LEAST_BYTES, self._piece_bytes // 2)
        await self._wait(took_s)
