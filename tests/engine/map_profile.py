"""A library of maps for tests: over a folder, with the operations it starts."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from pmtiles.reader import MmapSource, Reader, all_tiles

from domain.ids import uuid7
from domain.inventory import Inventory
from domain.maps import (
    AddMap,
    MapFile,
)
from domain.operation import Operation
from domain.wire import Reply
from engine.maps.library import MapLibrary
from engine.operations import Operations
from engine.state import State, Subject
from tests.engine.peers import until

AREA = (9.5, 47.5, 10.0, 47.8)


class Profile:
    """A library over a folder, with the operations it starts."""

    def __init__(self, folder: Path, command: list[str] | None = None) -> None:
        self.folder = folder
        self.state = State(Inventory(), UUID(int=1))
        self.turned: list[Subject] = []
        times = itertools.count(1)
        self.operations = Operations(
            changed=lambda one: self.state.operations.__setitem__(one.id, one),
            note=lambda turn, one: None,
            forgotten=lambda id: None,
            new_id=self.new_id,
            now_us=lambda: next(times),
        )
        self.library = MapLibrary(
            folder,
            self.state,
            self.operations,
            self.turned.extend,
            lambda: next(times),
            command=command,
        )

    @staticmethod
    def new_id() -> UUID:
        return uuid7(1_700_000_000_000_000, os.urandom(10))

    @property
    def maps(self) -> list[MapFile]:
        """The maps, the topmost first."""
        return sorted(self.state.maps.values(), key=lambda one: one.place)

    def kept(self) -> list[dict[str, Any]]:
        """What the list on disk says."""
        found: list[dict[str, Any]] = json.loads((self.folder / "maps" / "library.json").read_bytes())
        return found

    async def ended(self, reply: Reply) -> Operation:
        """Wait for the operation that a reply names."""
        assert reply.refusals == (), reply.refusals
        id = UUID(reply.result["operation"])
        await until(lambda: self.state.operations[id].has_ended)
        return self.state.operations[id]

    async def add(self, path: Path, *, copy: bool = False, name: str = "") -> Operation:
        """Add a file and wait until that has ended."""
        return await self.ended(await self.library.answer(AddMap(1, str(path), copy, name)))


def converse(folder: Path, conversation: Callable[[Profile], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(90):
            profile = Profile(folder, **options)
            await conversation(profile)
            await profile.operations.close()

    asyncio.run(main())


def tiles_of(path: Path) -> dict[tuple[int, int, int], bytes]:
    """Return all tiles of a file, read by the foreign package."""
    with path.open("rb") as file:
        return dict(all_tiles(MmapSource(file)))


def header_of(path: Path) -> dict[str, Any]:
    """Return a file's header, read by the foreign package."""
    with path.open("rb") as file:
        return dict(Reader(MmapSource(file)).header())


SLOW = """
import sys, time
from engine.maps import cut, worker
worker.TOLD_EVERY_S = 0.0
cut.CHUNK_BYTES = 16
teller = worker._teller
def slow(words, answers):
    tell = teller(words, answers)
    return lambda *said: (time.sleep(0.02), tell(*said))
worker._teller = slow
sys.exit(worker.main())
"""
