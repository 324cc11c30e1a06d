"""Pictures on disk, each under the hash of its content. Counterpart: `domain/blobs.py` says how they travel.

Theory: a file `<digest>` is whole and what its name says; `<digest>.part` is on its way, and goes on where it ended, also after
a restart. When there is no room for something new, what the inventory names nowhere is dropped, the oldest first; then
photographs that the team's server has too, those first that nobody looked at for longest: they can be fetched again.
One rule: a name comes from a foreign hand: it is 64 hex digits before it becomes part of a path.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from domain.blobs import (
    BLOB_CAP_BYTES,
    PIECE_BYTES,
    BlobRequest,
    DevelopPhoto,
    GetBlob,
    PutBlob,
    digest_of,
    is_digest,
    picture_kind,
)
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.text import clean_text
from domain.wire import Reply
from engine.parts import PART, append, size_of
from engine.photos import Darkroom, Made

PICTURES_FOLDER = "pictures"
"""Below a profile."""
STORE_CAP_BYTES = 1_000_000_000
MB = 1_000_000


class Blobs:
    """The pictures of one profile; those under a diagram of the inventory, and of its photographs, are in use."""

    def __init__(
        self, folder: Path, inventory: Callable[[], Inventory], cap_bytes: int = STORE_CAP_BYTES
    ) -> None:
        self._folder = folder
        self._inventory = inventory
        self._cap_bytes = cap_bytes
        self._one_at_a_time = asyncio.Lock()
        self._darkroom = Darkroom()
        self.elsewhere: frozenset[str] = frozenset()
        """Those that the team's server has whole."""
        self.on_missing: Callable[[str], None] = lambda digest: None
        """Told of a picture that was asked for and is not here."""

    async def size(self, digest: str) -> int | None:
        """Return how many bytes a picture has, None where it is not here whole. Raises OSError."""
        try:
            return (await asyncio.to_thread((self._folder / digest).stat)).st_size
        except FileNotFoundError:
            return None

    async def held_bytes(self) -> tuple[int, int]:
        """Return how many bytes are kept, and how many at most."""
        return await asyncio.to_thread(lambda: sum(size for _, size, _ in self._files())), self._cap_bytes

    async def damage(self, digest: str) -> str:
        """Return why a picture is not what its name says, "" where it is. Raises OSError."""
        data = await asyncio.to_thread((self._folder / digest).read_bytes)
        return "" if digest_of(data) == digest else "its file has changed"

    async def answer(self, request: BlobRequest) -> Reply:
        """Return the one reply to a piece, or to the wish for one."""
        if not is_digest(request.digest):
            said = f"a SHA-256 expected, 64 hex digits, got {clean_text(request.digest, 80)!r}"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "digest"),))
        made: Made | None = None
        if isinstance(request, DevelopPhoto):
            taken = await self._darkroom.take(request)
            if isinstance(taken, Reply):
                return taken
            made = taken
        async with self._one_at_a_time:
            try:
                if isinstance(request, GetBlob):
                    reply = await asyncio.to_thread(self._get, request)
                    if reply.refusals:
                        self.on_missing(request.digest)
                    return reply
                if isinstance(request, PutBlob):
                    return await asyncio.to_thread(self._put, request)
                assert made is not None
                return await asyncio.to_thread(self._keep, request, made)
            except OSError as error:
                said = f"the picture was not kept: {clean_text(str(error), 200)}"
                return Reply(request.request, (Refusal("STORAGE_FAILED", said),))

    def _get(self, request: GetBlob) -> Reply:
        file = self._folder / request.digest
        try:
            size = file.stat().st_size
            if request.offset == 0:
                os.utime(file)  # looked at, and so dropped later than what was not
            with file.open("rb") as opened:
                opened.seek(min(max(request.offset, 0), size))
                data = opened.read(PIECE_BYTES)
        except FileNotFoundError:
            said = f"there is no picture {request.digest[:12]}…"
            return Reply(request.request, (Refusal("BLOB_NOT_FOUND", said, "digest"),))
        return Reply(request.request, result={"size": size, "data": data})

    def _put(self, request: PutBlob) -> Reply:
        whole, part = self._folder / request.digest, self._folder / (request.digest + PART)
        if whole.exists():
            return Reply(request.request, result={"have": whole.stat().st_size})
        if not 0 < request.size <= BLOB_CAP_BYTES:
            said = f"a picture of {request.size} bytes, at most {BLOB_CAP_BYTES} are kept"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "size"),))
        if len(request.data) > PIECE_BYTES:
            said = f"{len(request.data)} bytes at once, at most {PIECE_BYTES}"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "data"),))
        have = size_of(part)
        if not request.data or request.offset != have:
            return Reply(request.request, result={"have": have})
        if have == 0 and not picture_kind(request.data):
            return Reply(request.request, (Refusal("INVALID_INPUT", "no PNG and no JPEG", "data"),))
        if have == 0 and not self._make_room(request.size):
            return self._full(request)
        part.touch()
        have = append(part, have, request.data)
        if have < request.size:
            return Reply(request.request, result={"have": have})
        if have > request.size or digest_of(part.read_bytes()) != request.digest:
            part.unlink()
            said = "the picture is not what its name says: it changed on its way"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "digest"),))
        part.replace(whole)
        return Reply(request.request, result={"have": have})

    def _keep(self, request: DevelopPhoto, made: Made) -> Reply:
        """Keep what a photograph is made of, each whole or not at all."""
        told = made.told
        if not self._make_room(told.size + told.thumb_size):
            return self._full(request)
        for digest, data in ((told.digest, made.picture), (told.thumb, made.thumb)):
            part = self._folder / (digest + PART)
            with part.open("wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            part.replace(self._folder / digest)
        fields = ("digest", "thumb", "width", "height", "taken_us")
        result = {"have": request.size, **{name: getattr(told, name) for name in fields}}
        return Reply(request.request, result=result)

    def _full(self, request: PutBlob | DevelopPhoto) -> Reply:
        said = f"the pictures here fill {self._cap_bytes // MB} MB: delete photographs or backgrounds first"
        return Reply(request.request, (Refusal("INVALID_INPUT", said, "size"),))

    def _make_room(self, size: int) -> bool:
        """Drop what can be spared until so many bytes more are within the cap; False where they are not."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        files = sorted(self._files())
        held = sum(bytes_ for _, bytes_, _ in files)
        inventory = self._inventory()
        kept = {photo.thumb for photo in inventory.photos()}
        kept |= {diagram.background for diagram in inventory.diagrams()}
        photos = {photo.digest for photo in inventory.photos()} - kept
        unnamed = [file for file in files if file[2].name not in kept | photos]
        spare = [file for file in files if file[2].name in photos & self.elsewhere]
        for _, bytes_, file in (*unnamed, *spare):
            if held + size <= self._cap_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
            held -= bytes_
        return held + size <= self._cap_bytes

    def _files(self) -> Iterable[tuple[int, int, Path]]:
        """Go over when each was looked at last, its bytes, and where it is."""
        with contextlib.suppress(FileNotFoundError):
            for file in self._folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    stat = file.stat()
                    yield stat.st_mtime_ns, stat.st_size, file
