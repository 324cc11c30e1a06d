"""The maps of a profile: which there are, in which order, whether their files are as they were. Counterpart: `domain/maps.py`.

    maps/library.json          all maps, in order
    maps/<id>.pmtiles          a copy, or a cut
    maps/<id>.pmtiles.part     one that is being written; swept away at the next start

One rule: a map is in the list when its file is whole and was read from beginning to end, and not before.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec

from domain.errors import Refusal, RefusedByRule
from domain.ids import RANDOM_BYTES, uuid7
from domain.maps import (
    BOXES_CAP,
    MAPS_CAP,
    ZOOM_CAP,
    AddMap,
    ChangeMap,
    CheckMap,
    CutMap,
    CutSettings,
    MapFile,
    MapRequest,
    MeasureCut,
    OrderMaps,
    RemoveMap,
)
from domain.text import clean_text
from domain.wire import Reply
from engine.maps.files import read_list, trouble_of, write_list
from engine.maps.schema import NAME_CAP
from engine.maps.survey import Survey
from engine.maps.work import FileRefused, WorkFailed, work
from engine.maps.worker import MapJob, MapWord
from engine.operations import Control, OperationFailed, Operations, TooManyOperations, Work
from engine.state import State, Subject

FOLDER = "maps"
LIBRARY = "library.json"
PATH_CAP = 4_096
WATCHED_EVERY_S = 5.0
MEASURED_CAP = 2
"""Cuts that are measured at one time."""
_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.pmtiles(\.part)?")
_SURVEYED = msgspec.structs.fields(Survey)


class MapLibrary:
    """Owns `state.maps`. `touch` tells clients what turned."""

    def __init__(
        self,
        profile: Path,
        state: State,
        operations: Operations,
        touch: Callable[[list[Subject]], None],
        now_us: Callable[[], int],
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        self._folder = profile.absolute() / FOLDER
        self._state, self._operations, self._touch = state, operations, touch
        self._now_us = now_us
        self._command = command
        self._measured = asyncio.Semaphore(MEASURED_CAP)
        self._underway: set[Path] = set()
        self.on_turned: Callable[[], None] = lambda: None
        """Told that maps came, went or are others."""
        self.notices: tuple[str, ...] = ()
        """A sentence where the list could not be read."""
        self._state.maps.update((one.id, one) for one in self._load())
        self._sweep()

    @property
    def folder(self) -> Path:
        """Where files of maps are kept, if there are any."""
        return self._folder

    @property
    def maps(self) -> tuple[MapFile, ...]:
        """All maps."""
        return tuple(self._state.maps.values())

    @property
    def room(self) -> int:
        """How many more maps there may be."""
        return MAPS_CAP - len(self._state.maps)

    async def take_part(self, part: Path, digest: str, name: str) -> None:
        """Read a file of this folder whole and take it as a map of that name. Raises FileRefused where it is no map, or one of
        another SHA-256; and, where the next try may do: WorkFailed, RefusedByRule, OSError. Then the file stays as it is."""
        word = await work(MapJob("survey", str(part)), _go_on, command=self._command)
        found = word.survey
        if found is None or found.digest != digest:
            raise FileRefused("it is not what its name says: it changed on its way")
        if any(one.digest == digest for one in self.maps):
            part.unlink()  # noqa: ASYNC240 one name of a disk that was just read
            return
        if self.room < 1:
            raise RefusedByRule([_too_many()])
        id = uuid7(self._now_us(), os.urandom(RANDOM_BYTES))
        own = self._folder / f"{id}.pmtiles.part"
        part.replace(own)  # noqa: ASYNC240 as above
        try:
            self._take(id, found, own, own, clean_text(name, NAME_CAP))
        except OperationFailed as error:
            own.replace(part)
            raise WorkFailed(str(error)) from None

    async def digest_of(self, one: MapFile) -> str:
        """Read a map's file whole and return its SHA-256. Raises WorkFailed, FileRefused where it is no map any more."""
        word = await work(MapJob("survey", one.path), _go_on, command=self._command)
        return "" if word.survey is None else word.survey.digest

    async def answer(self, request: MapRequest) -> Reply:
        """Return the one reply to a request."""
        match request:
            case AddMap():
                found = self._add(request)
            case CheckMap():
                found = self._check(request.map)
            case CutMap():
                found = self._cut(request.settings)
            case MeasureCut():
                return await self._measure(request)
            case ChangeMap() | OrderMaps() | RemoveMap():
                try:
                    refused = self._change(request)
                except OSError as error:
                    said = f"the list of maps cannot be written: {error.strerror or error}"
                    refused = Refusal("MAPS_NOT_KEPT", said)
                return Reply(request.request, () if refused is None else (refused,))
        if isinstance(found, Refusal):
            return Reply(request.request, (found,))
        return Reply(request.request, result={"operation": str(found)})

    async def watch(self) -> None:
        """Look again and again whether the files are what they were."""
        while True:
            await self.look()
            await asyncio.sleep(WATCHED_EVERY_S)

    async def look(self) -> None:
        """Look once; a map whose file turned has trouble, one whose file is back as it was has none."""
        maps = tuple(self._state.maps.values())
        troubles = await asyncio.to_thread(lambda: list(map(trouble_of, maps)))
        for one, trouble in zip(maps, troubles, strict=True):
            if self._state.maps.get(one.id) is one and trouble != one.trouble:
                self._put([msgspec.structs.replace(one, trouble=trouble)], keep=False)

    # What is long

    def _add(self, request: AddMap) -> UUID | Refusal:
        path, name = request.path, clean_text(request.name, NAME_CAP)
        if len(path) > PATH_CAP or "\0" in path or not Path(path).is_absolute():
            return Refusal("INVALID_INPUT", f"a whole path expected, got {clean_text(path, 80)!r}", "path")
        if len(self._state.maps) >= MAPS_CAP:
            return _too_many()
        for one in self._state.maps.values():
            if not one.copied and Path(one.path) == Path(path):
                return Refusal("MAP_KNOWN", f"that file is there already, as {one.name}", "path", one.id)
        id = uuid7(self._now_us(), os.urandom(RANDOM_BYTES))
        part = self._folder / f"{id}.pmtiles.part"
        job = MapJob("copy" if request.copy else "survey", path, str(part) if request.copy else "")

        async def run(control: Control) -> str:
            found = await self._surveyed(job, control, part)
            for one in self._state.maps.values():
                if one.digest == found.digest:
                    part.unlink(missing_ok=True)
                    raise OperationFailed(f"that map is there already, as {one.name}")
            return self._take(id, found, Path(path), part if request.copy else None, name)

        verb = "Copy" if request.copy else "Add"
        return self._start("map_add", f"{verb} {clean_text(Path(path).name, 60)}", run)

    def _check(self, id: UUID) -> UUID | Refusal:
        old = self._state.maps.get(id)
        if old is None:
            return _not_found(id)

        async def run(control: Control) -> str:
            found = await self._surveyed(MapJob("survey", old.path), control, None)
            now = self._state.maps.get(id)
            if now is None:
                raise OperationFailed("the map was removed meanwhile")
            told = {field.name: getattr(found, field.name) for field in _SURVEYED if field.name != "name"}
            self._put([msgspec.structs.replace(now, **told, trouble="")])
            return f"{now.name} is whole"

        return self._start("map_check", f"Check {old.name}", run)

    def _cut(self, settings: CutSettings) -> UUID | Refusal:
        source = self._refused_cut(settings)
        if isinstance(source, Refusal):
            return source
        name = clean_text(settings.name, NAME_CAP)
        if not name:
            return Refusal("INVALID_INPUT", "a name expected", "name")
        if len(self._state.maps) >= MAPS_CAP:
            return _too_many()
        id = uuid7(self._now_us(), os.urandom(RANDOM_BYTES))
        part = self._folder / f"{id}.pmtiles.part"

        async def run(control: Control) -> str:
            found = await self._surveyed(
                self._cut_job("cut", source, settings, name, str(part)), control, part
            )
            return self._take(id, found, part, part, name)

        return self._start("map_cut", f"Cut {name} out of {source.name}", run)

    async def _measure(self, request: MeasureCut) -> Reply:
        source = self._refused_cut(request.settings)
        if isinstance(source, Refusal):
            return Reply(request.request, (source,))

        async with self._measured:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                name = clean_text(request.settings.name, NAME_CAP)
                job = self._cut_job("plan", source, request.settings, name, "")
                word = await work(job, _go_on, command=self._command)
            except WorkFailed as error:
                return Reply(request.request, (Refusal("MAP_NOT_CUT", str(error), subject=source.id),))
        return Reply(request.request, result={"size": msgspec.to_builtins(word.size)})

    def _refused_cut(self, settings: CutSettings) -> MapFile | Refusal:
        """Return the source, or why nothing can be cut out of it so."""
        source = self._state.maps.get(settings.source)
        if source is None:
            return _not_found(settings.source)
        if source.trouble:
            return Refusal("MAP_NOT_CUT", source.trouble, "source", source.id)
        if not 1 <= len(settings.boxes) <= BOXES_CAP:
            return Refusal(
                "INVALID_INPUT", f"1 to {BOXES_CAP} areas expected, got {len(settings.boxes)}", "boxes"
            )
        for west, south, east, north in settings.boxes:
            if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90):
                said = f"west, south, east, north in degrees expected, got {west:g}, {south:g}, {east:g}, {north:g}"
                return Refusal("INVALID_INPUT", said, "boxes")
        if not 0 <= settings.min_zoom <= settings.max_zoom <= ZOOM_CAP:
            said = f"zooms from 0 to {ZOOM_CAP} expected, got {settings.min_zoom} to {settings.max_zoom}"
            return Refusal("INVALID_INPUT", said, "max_zoom")
        return source

    def _cut_job(self, act: str, source: MapFile, settings: CutSettings, name: str, out: str) -> MapJob:
        zooms = settings.min_zoom, settings.max_zoom
        return MapJob(act, source.path, out, str(self._folder), name, settings.boxes, *zooms)

    def _start(self, kind: str, title: str, run: Work) -> UUID | Refusal:
        try:
            return self._operations.start(kind, title, run).id
        except TooManyOperations as error:
            return Refusal("TOO_MANY_OPERATIONS", str(error))

    async def _surveyed(self, job: MapJob, control: Control, part: Path | None) -> Survey:
        """Return what the worker says of the file that is there in the end."""

        async def on_word(word: MapWord) -> None:
            control.tell(word.done, total=word.total, phase=word.phase)
            await control.gate()

        try:
            if part is not None:
                self._underway.add(part)
                self._folder.mkdir(parents=True, exist_ok=True)
            word = await work(job, on_word, command=self._command)
        except (WorkFailed, OSError) as error:
            raise OperationFailed(str(error)) from None
        finally:
            if part is not None:
                self._underway.discard(part)
        if word.survey is None:
            raise OperationFailed("the process that reads maps said nothing of the file")
        return word.survey

    def _take(self, id: UUID, found: Survey, path: Path, part: Path | None, name: str) -> str:
        """Take a map into the list, on top; with `part` that becomes its file."""
        try:
            if part is not None:
                path = part.with_suffix("")
                part.replace(path)
                found = msgspec.structs.replace(found, modified_ns=path.stat().st_mtime_ns)
            told = {field.name: getattr(found, field.name) for field in _SURVEYED}
            told["name"] = name or found.name
            made = MapFile(id, path=str(path), copied=part is not None, added_us=self._now_us(), **told)
            others = [one for one in self._ordered() if one.id != id]
            self._put(_numbered([made, *others]))
        except OSError as error:
            if part is not None:
                with suppress(OSError):
                    path.replace(part)
            raise OperationFailed(f"not kept: {error.strerror or error}") from None
        return f"{made.name}: {made.tiles:,} tiles, zooms {made.min_zoom} to {made.max_zoom}"

    # What is short

    def _change(self, request: ChangeMap | OrderMaps | RemoveMap) -> Refusal | None:
        if isinstance(request, OrderMaps):
            if sorted(request.maps) != sorted(self._state.maps):
                return Refusal("INVALID_INPUT", "all maps expected, each once", "maps")
            self._put(_numbered([self._state.maps[id] for id in request.maps]))
            return None
        old = self._state.maps.get(request.map)
        if old is None:
            return _not_found(request.map)
        if isinstance(request, RemoveMap):
            self._remove(old)
            return None
        name = old.name if request.name is None else clean_text(request.name, NAME_CAP)
        opacity = old.opacity if request.opacity is None else request.opacity
        if not name:
            return Refusal("INVALID_INPUT", "a name expected", "name")
        if not 0.05 <= opacity <= 1:
            return Refusal("INVALID_INPUT", f"an opacity from 0.05 to 1 expected, got {opacity:g}", "opacity")
        self._put([msgspec.structs.replace(old, name=name, use=request.use or old.use, opacity=opacity)])
        return None

    def _remove(self, old: MapFile) -> None:
        rest = [one for one in self._ordered() if one.id != old.id]
        self._write(rest)
        del self._state.maps[old.id]
        self._touch([Subject("map", old.id)])
        self.on_turned()
        self._put(_numbered(rest))
        if old.copied:
            self._sweep()

    # What is kept

    def _ordered(self) -> list[MapFile]:
        return sorted(self._state.maps.values(), key=lambda one: (one.place, one.added_us))

    def _put(self, maps: Iterable[MapFile], *, keep: bool = True) -> None:
        """Hold maps as they are now, and keep the list unless it is only of trouble. Raises OSError; then nothing has changed."""
        turned = [one for one in maps if self._state.maps.get(one.id) != one]
        if not turned:
            return
        if keep:
            self._write(({one.id: one for one in self._ordered()} | {one.id: one for one in turned}).values())
        self._state.maps.update((one.id, one) for one in turned)
        self._touch([Subject("map", one.id) for one in turned])
        self.on_turned()

    def _load(self) -> list[MapFile]:
        try:
            return read_list(self._folder / LIBRARY)[:MAPS_CAP]
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            self.notices = (f"The list of your maps cannot be read: {clean_text(str(error), 120)}",)
            return []

    def _write(self, maps: Iterable[MapFile]) -> None:
        write_list(self._folder / LIBRARY, maps)

    def _sweep(self) -> None:
        """Delete files of ours that belong to no map: what a death left behind. Where the list cannot be read, none."""
        if self.notices or not self._folder.is_dir():
            return
        held = {Path(one.path) for one in self._state.maps.values()} | self._underway
        held |= {path.with_name(path.name.removesuffix(".part")) for path in self._underway}
        for file in self._folder.iterdir():
            if _OURS.fullmatch(file.name) and file not in held:
                try:
                    file.unlink()
                except OSError:
                    continue  # somebody reads it: the next start tries again


def _numbered(maps: Sequence[MapFile]) -> list[MapFile]:
    return [msgspec.structs.replace(one, place=place) for place, one in enumerate(maps)]


async def _go_on(word: MapWord) -> None:
    """Let the worker go on."""


def _not_found(id: UUID) -> Refusal:
    return Refusal("MAP_NOT_FOUND", "that map is gone", subject=id)


def _too_many() -> Refusal:
    return Refusal("TOO_MANY_MAPS", f"at most {MAPS_CAP} maps: remove one first")
