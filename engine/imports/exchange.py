"""Answers what is asked of files: a dry run of an import, an export. Counterpart: `domain/exchanging.py`, the questions.

One rule: files are read and written in a thread, one at a time, on a copy of the inventory's tables: no poll waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePath
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.exchanging import (
    FILE_CAP_BYTES,
    FILE_FORMATS,
    ExchangeRequest,
    ExportNetwork,
    FileFormat,
    ImportPlan,
    PlanImport,
)
from domain.inventory import Inventory
from domain.text import clean_text
from domain.wire import FRAME_CAP_BYTES, Reply
from engine.imports.geojson import read_geojson
from engine.imports.graphml import read_graphml
from engine.imports.kml import read_kml, read_kmz
from engine.imports.planning import Planner
from engine.imports.record import CannotRead, Record
from engine.imports.table import read_table
from engine.imports.writing import Written, write

READERS: dict[FileFormat, Callable[[bytes], list[Record]]] = {
    "geojson": read_geojson,
    "kml": read_kml,
    "kmz": read_kmz,
    "graphml": read_graphml,
    "csv": read_table,
}
_ENDINGS: dict[str, FileFormat] = {"json": "geojson", "xml": "graphml", "txt": "csv", "tsv": "csv"}
REPLY_CAP_BYTES = FRAME_CAP_BYTES - 65_536


class Exchange:
    """`inventory` gives it as it is now."""

    def __init__(self, inventory: Callable[[], Inventory], new_id: Callable[[], UUID]) -> None:
        self._inventory = inventory
        self._new_id = new_id
        self._turn = asyncio.Lock()

    async def answer(self, request: ExchangeRequest) -> Reply:
        """Return the one reply to a question."""
        copy = Inventory(self._inventory().tables)
        try:
            async with self._turn:
                if isinstance(request, PlanImport):
                    plan = await asyncio.to_thread(plan_import, copy, request, self._new_id)
                    return Reply(request.request, result={"plan": plan})
                written = await asyncio.to_thread(self._written, copy, request)
        except CannotRead as error:
            return Reply(request.request, (Refusal("CANNOT_READ", str(error)),))
        told = {"data": written.data, "things": written.things, "left_out": written.left_out}
        return Reply(request.request, result=told)

    def _written(self, inventory: Inventory, request: ExportNetwork) -> Written:
        written = write(inventory, request.format, request.devices)
        if len(written.data) > FILE_CAP_BYTES:
            got = f"{len(written.data) / 1e6:.0f} MB"
            raise CannotRead(
                f"the file would have {got}, at most {FILE_CAP_BYTES >> 20} MB go in one: choose fewer devices"
            )
        return written


def plan_import(inventory: Inventory, request: PlanImport, new_id: Callable[[], UUID]) -> object:
    """Return the plan of a file as plain data. Raises CannotRead."""
    name = clean_text(PurePath(request.name.replace("\\", "/")).name, 120) or "the file"
    if len(request.data) > FILE_CAP_BYTES:
        got = f"{len(request.data) / 1e6:.0f} MB"
        raise CannotRead(
            f"{name} has {got}, at most {FILE_CAP_BYTES >> 20} MB are read at once: import it in pieces"
        )
    format = request.format or format_of(name, request.data)
    planner = Planner(inventory, new_id, request.probes, request.site)
    try:
        planner.go_over(READERS[format](request.data))
    except CannotRead as error:
        raise CannotRead(f"{name}: {error}") from error
    notes = () if planner.rows else ("There is nothing in it.",)
    plan = msgspec.to_builtins(ImportPlan(format, tuple(planner.rows), tuple(planner.steps), notes))
    if len(msgspec.msgpack.encode(plan)) > REPLY_CAP_BYTES:
        raise CannotRead(f"{name}: what it changes is more than fits into one message: import it in pieces")
    return plan


def format_of(name: str, data: bytes) -> FileFormat:
    """Return a file's format by what it begins with, else by its name. Raises CannotRead."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise CannotRead(f"{name} is empty")
    if head.startswith(b"PK\x03\x04"):
        return "kmz"
    if head[:1] in (b"{", b"["):
        return "geojson"
    if head.startswith(b"<"):
        return "graphml" if b"<graphml" in head else "kml"
    ending = name.rpartition(".")[2].casefold()
    found = _ENDINGS.get(ending, ending)
    if found == "csv":
        return "csv"
    if found in FILE_FORMATS:
        raise CannotRead(f"{name} is called .{ending}, but its content is none")
    raise CannotRead(f"{name}: GeoJSON, KML, KMZ, GraphML or CSV expected, and this looks like none of them")
