"""The files of a team's maps on this computer: those that are here are read, those that are fetched grow. Counterparts:
`engine/sync/maps.py`, which shares them; `library.py`, which takes what is whole.

    maps/<digest>.part         what came so far of a map that somebody wants here

Theory: a part is a wish too: it is made when a map is wanted and deleted when it is not, so that a restart goes on where it was.
What is whole is read from beginning to end by the process that reads maps, like any file that a stranger brings.
One rule: a part becomes a map where its digest is its name and nothing in it lies; where one does it is deleted. All else that
goes wrong leaves it, and is said: the next try goes on with it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from domain.blobs import PIECE_BYTES, GetBlob, PutBlob, is_digest
from domain.errors import Refusal, RefusedByRule
from domain.maps import MAPS_CAP, MapFile
from domain.team_map import TEAM_MAP_CAP_BYTES, TeamMap, is_map
from domain.wire import Reply
from engine.maps.library import MapLibrary
from engine.maps.work import FileRefused, WorkFailed
from engine.maps.worker import SPARE_BYTES
from engine.parts import PART, append, size_of
from engine.tasks import beside


class TeamMapFiles:
    """The files of one profile."""

    def __init__(self, library: MapLibrary) -> None:
        self._library = library
        self._folder = library.folder
        self.elsewhere: frozenset[str] = frozenset()
        self.on_missing: Callable[[str], None] = lambda digest: None
        """Nobody looks for a map without saying so: it is fetched when a person wants it."""
        self.shared: dict[str, TeamMap] = {}
        """Those that the team has, by their digests."""
        self._wishes = {digest: object() for digest in self.wanted()}
        """Those that are wanted; who waited looks whether it is the same wish still."""
        self._reading: dict[str, asyncio.Task[None]] = {}

    def wanted(self) -> set[str]:
        """Return what was wanted when the engine ended."""
        with suppress(OSError):
            names = [file.name.removesuffix(PART) for file in self._folder.iterdir() if file.suffix == PART]
            return {name for name in names if is_digest(name)}
        return set()

    def want(self, digest: str) -> Refusal | None:
        """Make room for a map; return why that cannot be."""
        if self._library.room < 1:
            return Refusal("TOO_MANY_MAPS", f"at most {MAPS_CAP} maps: remove one first")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (part := self._part(digest)).exists():
                part.touch()
                self._wishes[digest] = object()  # another than that of what is being taken by the library
        except OSError as error:
            return Refusal("MAPS_NOT_KEPT", f"the map cannot be kept: {error.strerror or error}")
        self._wishes.setdefault(digest, object())
        return None

    def drop(self, digest: str) -> None:
        """Delete what came of a map, or have it deleted as soon as nobody has it open."""
        self._wishes.pop(digest, None)
        if (reading := self._reading.get(digest)) is not None:
            reading.cancel()
        self._delete(digest)

    def _delete(self, digest: str) -> None:
        with suppress(OSError):  # Windows deletes no file that somebody has open
            self._part(digest).unlink(missing_ok=True)

    def keep_only(self, digests: Collection[str]) -> None:
        """Delete what came of maps that the team has no more."""
        for digest in self.wanted() - {*digests}:
            self.drop(digest)

    def have(self, digest: str) -> int:
        """Return how many bytes came of a map that is wanted."""
        return size_of(self._part(digest))

    def file(self, digest: str) -> MapFile | None:
        """Return the map of this computer with some content, if its file is as it was."""
        return next((one for one in self._library.maps if one.digest == digest and not one.trouble), None)

    async def size(self, digest: str) -> int | None:
        """Return how many bytes a map has that is here whole, else None."""
        found = self.file(digest)
        return None if found is None else found.size_bytes

    async def damage(self, digest: str) -> str:
        """Return why a map's file is not what it was when it was shared, "" where it is, or it could not be read now."""
        found = self.file(digest)
        if found is None:
            return "its file is gone"
        try:
            is_same = await self._library.digest_of(found) == digest
        except FileRefused as error:
            return f"its file has changed since it was checked: {error}"
        except WorkFailed:
            return ""
        return "" if is_same else "its file has changed since it was checked"

    async def held_bytes(self) -> tuple[int, int]:
        """Return nothing, and all: whoever wants a map makes room for it."""
        return 0, TEAM_MAP_CAP_BYTES

    async def answer(self, request: GetBlob | PutBlob) -> Reply:
        """Return bytes of a map that is here, or take some of one that is wanted."""
        try:
            if isinstance(request, GetBlob):
                return await asyncio.to_thread(self._get, request)
            return await self._put(request)
        except OSError as error:
            said = f"the map was not kept: {error.strerror or error}"
            return Reply(request.request, (Refusal("STORAGE_FAILED", said),))

    def _get(self, request: GetBlob) -> Reply:
        found = self.file(request.digest)
        if found is None:
            return Reply(
                request.request, (Refusal("BLOB_NOT_FOUND", "the map's file is not here", "digest"),)
            )
        with Path(found.path).open("rb") as opened:
            opened.seek(request.offset)
            data = opened.read(PIECE_BYTES)
        return Reply(request.request, result={"size": found.size_bytes, "data": data})

    async def _put(self, request: PutBlob) -> Reply:
        digest, part = request.digest, self._part(request.digest)
        wish, shared = self._wishes.get(digest), self.shared.get(digest)
        if wish is None or not part.exists():
            return Reply(request.request, (Refusal("MAP_NOT_FOUND", "the map is not wanted any more"),))
        if shared is not None and shared.size_bytes != request.size:
            said = f"the server has {request.size:,} bytes of it, the map has {shared.size_bytes:,}"
            return Reply(request.request, (Refusal("MAP_DAMAGED", said, "size"),))
        have = size_of(part)
        if request.data and request.offset == have:
            if have == 0 and not is_map(request.data):
                return self._refused(request, "the server gives no PMTiles of version 3")
            free = shutil.disk_usage(self._folder).free
            if request.size - have + SPARE_BYTES > free:
                said = f"{request.size / 1e6:,.0f} MB are needed, {(free + have) / 1e6:,.0f} MB are free on the disk"
                return Reply(request.request, (Refusal("STORAGE_FAILED", said),))
            try:
                have = await asyncio.to_thread(append, part, have, request.data)
            except FileNotFoundError:
                if digest in self._wishes:
                    raise
            if self._wishes.get(digest) is not wish:
                return self._of_another_wish(request)
        if have >= request.size:
            return await self._take(request, part, wish, "" if shared is None else shared.name)
        return Reply(request.request, result={"have": have})

    async def _take(self, request: PutBlob, part: Path, wish: object, name: str) -> Reply:
        """Have a part checked that is all there, and make it a map of this computer."""
        digest = request.digest
        reading = self._reading[digest] = beside("team map", self._library.take_part(part, digest, name))
        try:
            await reading
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not reading.cancelled():
                raise
            return self._of_another_wish(request)
        except FileRefused as error:
            return self._refused(request, str(error))
        except WorkFailed as error:
            return Reply(request.request, (Refusal("STORAGE_FAILED", str(error)),))
        except RefusedByRule as error:
            return Reply(request.request, tuple(error.refusals))
        finally:
            del self._reading[digest]
        if self._wishes.get(digest) is wish:
            del self._wishes[digest]
        return Reply(request.request, result={"have": request.size})

    def _of_another_wish(self, request: PutBlob) -> Reply:
        """Delete what was given up meanwhile; what was wanted again since begins with what is there."""
        if request.digest in self._wishes:
            return Reply(request.request, result={"have": self.have(request.digest)})
        self._delete(request.digest)
        return Reply(request.request, (Refusal("MAP_NOT_FOUND", "the map is not wanted any more"),))

    def _refused(self, request: PutBlob, why: str) -> Reply:
        """Delete what came, and say why it is no map."""
        self.drop(request.digest)
        return Reply(request.request, (Refusal("MAP_DAMAGED", why, "digest"),))

    def _part(self, digest: str) -> Path:
        assert is_digest(digest), "a name comes from a foreign hand"
        return self._folder / f"{digest}{PART}"
