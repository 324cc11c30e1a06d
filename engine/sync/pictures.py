"""Shares the pictures under schematics, and photographs, with the team. Counterparts: `sync_server/api/pictures.py`;
`engine/blobs.py` keeps.

Theory: what a confirmed diagram or photograph shows and the server lacks is brought by whoever has it; what it has and is not
here is fetched: at once where it is small and there is room, else when somebody looks at it; the small pictures of photographs
first. Both go in pieces, from where the other end says it is, so that a cut costs one piece. Between two pieces it rests for as
long as the last took, and a piece is as long as goes in half a second: a van's line is never held for longer, and half of it is
left to what happens in the network.
One rule: a picture waits for everything else, and nothing waits for a picture.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice

import msgspec

from domain.blobs import BLOB_CAP_BYTES, PIECE_BYTES, GetBlob, PictureWay, PutBlob, is_digest
from domain.errors import DeviceError, Refusal, RefusedByRule
from domain.inventory import Inventory
from domain.photo import Photo
from domain.roles import Permission
from domain.team import PICTURE_WAYS_CAP
from engine.blobs import Blobs
from engine.sync.login import SessionOver
from engine.sync.picture_calls import PictureCalls, There

_log = logging.getLogger("engine.sync")

GATHER_S = 0.5
SPREAD = 4.0
"""So many times longer at most, by chance: after a restore all have what the server lacks, and one brings it."""
AGAIN_S = 60.0
ELSEWHERE_S = 10.0
"""When it is looked again at a picture that somebody else brings."""
SMALL_BYTES = 512 * 1024
"""Up to here a picture is fetched before anybody looks at it."""
FIRST_BYTES, LEAST_BYTES = 32 * 1024, 8 * 1024
SHORT_S, LONG_S = 0.25, 0.5
_MAY: Permission = "edits:write"
_FAILURES = (SessionOver, RefusedByRule, DeviceError, TimeoutError, OSError)


def shown_in(inventory: Inventory) -> dict[str, str]:
    """Return what shows each picture that an inventory names, in words: small ones of photographs, backgrounds, photographs."""
    photos = {photo: f"A photograph of “{_subject(inventory, photo)}”" for photo in inventory.photos()}
    shown = {photo.thumb: words for photo, words in photos.items()}
    shown.update(
        (d.background, f"The picture under “{d.name}”") for d in inventory.diagrams() if d.background
    )
    shown.update((photo.digest, words) for photo, words in photos.items())
    return shown


def _subject(inventory: Inventory, photo: Photo) -> str:
    thing = inventory.site(photo.site) or (inventory.device(photo.device) if photo.device else None)
    return thing.name if thing is not None else ""


class PictureSharing:
    """One install's. `shown`: what shows each confirmed picture, in words, in the order in which they are wanted; `fetches` False
    for one that nobody looks at; `on_way` hears that `ways` are others; `chance` returns a number from 0 to 1."""

    def __init__(
        self,
        calls: PictureCalls,
        blobs: Blobs,
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
        self._blobs = blobs
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
        self._wanted: set[str] = set()
        """Those that somebody looked for here."""
        self._room = 0
        """Bytes that may be fetched before anybody looks at them."""
        self._piece_bytes = FIRST_BYTES
        self._troubles: dict[str, str] = {}
        self._ways: dict[str, PictureWay] = {}
        blobs.on_missing = self._on_missing

    @property
    def notices(self) -> tuple[str, ...]:
        """Return why pictures are on this computer alone, in words."""
        shown = self._shown() if self._troubles else {}
        return tuple(
            f"{shown[digest]} is on this computer alone: {why}"
            for digest, why in self._troubles.items()
            if digest in shown
        )

    @property
    def ways(self) -> tuple[PictureWay, ...]:
        """Return which pictures are on their way, as it was known when the server was heard last."""
        some = islice(self._ways.values(), PICTURE_WAYS_CAP)
        return tuple(msgspec.structs.replace(one, trouble=self._troubles.get(one.digest, "")) for one in some)

    def wake(self, *, anew: bool = False) -> None:
        """What is shown is another, or comes into sight; `anew`: the server may not have what it had."""
        if anew:
            self._settled.clear()
            self._blobs.elsewhere = frozenset()
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
        shown = [digest for digest in self._shown() if is_digest(digest) and digest not in self._settled]
        if not shown or not self._is_online():
            return None
        try:
            there = await self._calls.there()
        except _FAILURES as error:
            _log.info("pictures_not_shared", extra={"reason": str(error)})
            return AGAIN_S
        self._blobs.elsewhere = frozenset(digest for digest, one in there.items() if one.is_whole)
        held, most = await self._blobs.held_bytes()
        self._room = most - held
        await self._await_them(shown, there)
        left, waits_s = dict.fromkeys(shown), []
        while left:  # what somebody looks for by now goes first
            digest = next((one for one in self._wanted if one in left), "") or next(iter(left))
            del left[digest]
            waits_s.append(await self._share(digest, there.get(digest)))
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    async def _await_them(self, shown: Sequence[str], there: Mapping[str, There]) -> None:
        """Have all that is here and not there wait, before the first of them goes."""
        ways: dict[str, PictureWay] = {}
        for digest in shown if _MAY in self._may() else ():
            one = there.get(digest)
            if (one is None or not one.is_whole) and (size := await self._blobs.size(digest)) is not None:
                ways[digest] = PictureWay(digest, size, one.have if one is not None else 0)
        self._ways = ways  # at once: a window that is told meanwhile would say that nothing waits
        self._on_way()

    def _go(self, digest: str, size: int, done: int, *, is_up: bool) -> None:
        """A picture is so far."""
        self._ways[digest] = PictureWay(digest, size, done, is_up)
        self._on_way()

    async def _share(self, digest: str, there: There | None) -> float | None:
        """Bring or fetch one picture; return when to look at it again, None for not before there is news."""
        is_there = there is not None and there.is_whole
        size: int | None = None
        try:
            size = await self._blobs.size(digest)
            if is_there and size is not None:
                self._settle(digest)
                return None
            if size is not None and _MAY in self._may():
                if not await self._bring(digest, size):
                    return ELSEWHERE_S
            elif is_there and there is not None and self._is_due(there):
                await self._fetch(digest, there.size)
            else:
                return None
        except _FAILURES as error:
            said = {"digest": digest, "reason": str(error)}
            _log.warning("picture_not_shared", extra=said)
            if size is not None and isinstance(error, RefusedByRule):
                self._troubles[digest] = error.refusals[0].message
                self._on_way()
            self._piece_bytes = max(LEAST_BYTES, self._piece_bytes // 2)
            return AGAIN_S
        self._settle(digest)
        return None

    def _is_due(self, there: There) -> bool:
        if there.digest in self._wanted:
            return there.size <= BLOB_CAP_BYTES
        return there.size <= SMALL_BYTES and self._fetches and there.size <= self._room

    def _settle(self, digest: str) -> None:
        self._settled.add(digest)
        self._wanted.discard(digest)
        self._troubles.pop(digest, None)
        if self._ways.pop(digest, None) is not None:
            self._on_way()

    def _on_missing(self, digest: str) -> None:
        if digest not in self._wanted:
            self._wanted.add(digest)
            self._settled.discard(digest)
            self._news.set()

    async def _bring(self, digest: str, size: int) -> bool:
        """Bring a picture; return False where somebody else does. Raises what the calls do."""
        have = await self._calls.put(digest, size, 0, b"")
        while have < size:
            reply = await self._blobs.answer(GetBlob(0, digest, have))
            if reply.refusals:
                raise RefusedByRule([*reply.refusals])
            piece = bytes(reply.result["data"])[: self._piece_bytes]
            if not piece:
                raise RefusedByRule(
                    [Refusal("PICTURE_DAMAGED", "the file of a picture is shorter than it was")]
                )
            began_s = self._clock()
            now = await self._calls.put(digest, size, have, piece)
            if now != have + len(piece):
                return False
            have = now
            self._go(digest, size, have, is_up=True)
            await self._rest(began_s)
        _log.info("picture_brought", extra={"digest": digest, "bytes": size})
        return True

    async def _fetch(self, digest: str, size: int) -> None:
        """Fetch a picture. Raises what the calls do, RefusedByRule where it is not what its name says or has no room."""
        reply = await self._blobs.answer(PutBlob(0, digest, size))
        while not reply.refusals and (have := reply.result["have"]) < size:
            self._go(digest, size, have, is_up=False)
            began_s = self._clock()
            data = await self._calls.get(digest, size, have, self._piece_bytes)
            reply = await self._blobs.answer(PutBlob(0, digest, size, have, data))
            await self._rest(began_s)
        if reply.refusals:
            raise RefusedByRule([*reply.refusals])
        self._room -= size
        _log.info("picture_fetched", extra={"digest": digest, "bytes": size})

    async def _rest(self, began_s: float) -> None:
        """Leave the line to others for as long as a piece took, and have the next one take about as long as it should."""
        took_s = self._clock() - began_s
        if took_s < SHORT_S:
            self._piece_bytes = min(PIECE_BYTES, 2 * self._piece_bytes)
        elif took_s > LONG_S:
            self._piece_bytes = max(LEAST_BYTES, self._piece_bytes // 2)
        await self._wait(took_s)
