"""Layouts that nobody has made theirs, kept on this machine so that a paper opens as it looked. Counterpart: `drafting.py` asks.

Theory: a layout is one file of a folder of its own in the profile, named by the hash of tenant and diagram; nobody else gets it.
Beside its place each thing has a mark of its neighbours, so that a reader sees how much of a network is another now.
One rule: a file that is damaged, cut off or of something else is as if it was not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import struct
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from domain.diagram import COORDINATE_MAX
from domain.layout import Point

SIGNATURE = b"heliograph layout 1\n"
"""Raised by one whenever the same network is laid out differently."""
ROW = struct.Struct("<16sddQ")
THINGS_MOST = 50_000
FILES_MOST = 64
"""Of a profile; the ones that were written longest ago go."""
LEFT_S = 3600
"""After that a file that was not finished is nobody's: its window has ended, or the disk was full."""
CHECK_BYTES = 32

Marks = Mapping[UUID, int]
Layout = dict[UUID, tuple[Point, int]]


def marks_of(things: Iterable[UUID], links: Iterable[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Return of each thing a number that is another when it has other neighbours; in whatever order they come."""
    near: dict[UUID, set[UUID]] = {id: set() for id in things}
    for a, b in links:
        if a != b and a in near and b in near:
            near[a].add(b)
            near[b].add(a)
    return {id: _mark(others) for id, others in near.items()}


def _mark(others: set[UUID]) -> int:
    told = hashlib.blake2b(digest_size=8)
    for id in sorted(others):
        told.update(id.bytes)
    return int.from_bytes(told.digest(), "little")


class KeptLayouts:
    """The layouts of one profile."""

    def __init__(self, profile: Path) -> None:
        self._folder = profile / "layouts"

    def find(self, tenant: UUID, diagram: UUID) -> Layout:
        """Return what is kept of a paper; nothing where there is no such file or it cannot be relied on."""
        try:
            with self._file(tenant, diagram).open("rb") as stream:
                data = stream.read(len(SIGNATURE) + 2 * CHECK_BYTES + THINGS_MOST * ROW.size + 1)
        except OSError:
            return {}
        head = SIGNATURE + _whose(tenant, diagram)
        check, rows = data[len(head) : len(head) + CHECK_BYTES], data[len(head) + CHECK_BYTES :]
        whole = data.startswith(head) and len(rows) % ROW.size == 0 and len(rows) <= THINGS_MOST * ROW.size
        if not whole or hashlib.sha256(rows).digest() != check:
            return {}
        found = {UUID(bytes=id): ((x, y), mark) for id, x, y, mark in ROW.iter_unpack(rows)}
        return found if all(_is_place(place) for place, _ in found.values()) else {}

    def keep(self, tenant: UUID, diagram: UUID, places: Mapping[UUID, Point], marks: Marks) -> None:
        """Keep a layout; one that is too large, or that the disk does not take, is not kept."""
        if len(places) > THINGS_MOST:
            return
        rows = b"".join(ROW.pack(id.bytes, x, y, marks[id]) for id, (x, y) in places.items() if id in marks)
        file = self._file(tenant, diagram)
        part: Path | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # a name of its own: other windows keep layouts here too
            handle, name = tempfile.mkstemp(suffix=".part", dir=self._folder)
            part = Path(name)
            with os.fdopen(handle, "wb") as stream:
                stream.write(SIGNATURE + _whose(tenant, diagram) + hashlib.sha256(rows).digest() + rows)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
            self._make_room()
        except OSError:  # it is laid out again the next time
            if part is not None:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)

    def _file(self, tenant: UUID, diagram: UUID) -> Path:
        return self._folder / f"{_whose(tenant, diagram).hex()}.layout"

    def _make_room(self) -> None:
        files = sorted(self._folder.glob("*.layout"), key=lambda file: file.stat().st_mtime)
        for file in files[:-FILES_MOST]:
            file.unlink(missing_ok=True)
        for part in self._folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > LEFT_S:
                part.unlink(missing_ok=True)


def _whose(tenant: UUID, diagram: UUID) -> bytes:
    return hashlib.sha256(tenant.bytes + diagram.bytes).digest()


def _is_place(place: Point) -> bool:
    return all(math.isfinite(at) and abs(at) <= COORDINATE_MAX for at in place)
