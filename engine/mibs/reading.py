"""Has the user's MIB files read by a process of its own, and watches over it. Counterpart: `reader.py`, which runs there.

Theory: the texts are foreign and the grammar is large, so that a hostile file may cost minutes, gigabytes or the process. It is
then known which file was at hand: that file is the problem, and the others are read without it. What was read is kept in one
file with what the folder looked like, and the next start takes it from there.
One rule: the engine's own process parses no MIB text.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.mib import MibProblem
from domain.text import clean_text
from engine.child import NotStarted, ended, own_command, running
from engine.mibs.facts import Module

FILES_CAP = 1_000
FILE_BYTES = 4 * 1024 * 1024
"""The largest MIB of a vendor that is known has 1.5 MB."""
TOTAL_BYTES = 64 * 1024 * 1024
"""Of all files; two thousand modules of a dozen vendors have as much."""
READ_MIBS = "--read-mibs"
FILE_S = 30.0
"""Longest silence of the reader: one file, however large, takes a second or two."""
TOTAL_S = 900.0
RESTARTS_CAP = 8
OUT_BYTES = 128 * 1024 * 1024
DEPTH_CAP = 4
"""Folders within folders that are looked into."""
ENDINGS = frozenset({"", ".mib", ".mi2", ".my", ".txt", ".asn", ".asn1", ".smi", ".smiv2"})
VERSION = 1
"""Of what the reader makes of a text; raised when that changes."""

_NAME_CAP = 200


class Listed(NamedTuple):
    """The user's files as the folder shows them, what of it is left out, and a digest of all."""

    files: tuple[str, ...]
    problems: tuple[MibProblem, ...]
    digest: str


class Kept(NamedTuple):
    """What was read, of which folder."""

    digest: str
    modules: tuple[Module, ...] = ()
    problems: tuple[MibProblem, ...] = ()


class _Head(msgspec.Struct, frozen=True):
    """The first line of what is kept; each line after it is a module."""

    digest: str
    problems: tuple[MibProblem, ...] = ()


class ReaderJob(msgspec.Struct, frozen=True):
    """What the reader is told: which files of which folder, where what it read goes, and what to write there of the folder."""

    folder: str
    files: tuple[str, ...]
    out: str
    digest: str
    problems: tuple[MibProblem, ...] = ()


def list_files(folder: Path) -> Listed:
    """Return the MIB files of a folder and its folders; the folder is made where it is missing. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[tuple[str, int, int]] = []
    problems: list[MibProblem] = []
    for root, folders, names in os.walk(folder):
        here = Path(root).relative_to(folder)
        folders[:] = (
            sorted(n for n in folders if not n.startswith(".")) if len(here.parts) < DEPTH_CAP else []
        )
        for name in sorted(names):
            if name.startswith((".", "~")) or Path(name).suffix.lower() not in ENDINGS:
                continue
            file = (here / name).as_posix()
            with suppress(OSError):  # gone since
                told = (folder / file).stat()
                if not stat.S_ISREG(told.st_mode):
                    continue
                if len(found) >= FILES_CAP:
                    problems.append(MibProblem(_shown(file), f"left out: at most {FILES_CAP} files are read"))
                    return _listed(found, problems)
                if told.st_size > FILE_BYTES:
                    said = (
                        f"left out: {told.st_size / 1e6:.1f} MB, at most {FILE_BYTES / 1e6:.1f} MB expected"
                    )
                    problems.append(MibProblem(_shown(file), said))
                elif sum(size for _, size, _ in found) + told.st_size > TOTAL_BYTES:
                    said = f"left out: at most {TOTAL_BYTES / 1e6:.0f} MB are read in all"
                    problems.append(MibProblem(_shown(file), said))
                elif _is_sayable(file):
                    found.append((file, told.st_size, told.st_mtime_ns))
                else:
                    problems.append(MibProblem(_shown(file), "left out: its name is no text"))
    return _listed(found, problems)


def _listed(found: Sequence[tuple[str, int, int]], problems: Sequence[MibProblem]) -> Listed:
    digest = hashlib.sha256(msgspec.json.encode((VERSION, found))).hexdigest()
    return Listed(tuple(file for file, _, _ in found), tuple(problems), digest)


def _is_sayable(file: str) -> bool:
    try:
        file.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(file: str) -> str:
    return clean_text(file, _NAME_CAP)


def load_kept(path: Path, digest: str) -> Kept | None:
    """Return what was read of that folder before; None where it was another, or cannot be understood."""
    modules = msgspec.json.Decoder(Module)
    try:
        with path.open("rb") as file:
            head = msgspec.json.decode(file.readline(OUT_BYTES), type=_Head)
            if head.digest != digest or path.stat().st_size > OUT_BYTES:
                return None
            found = tuple(
                modules.decode(line) for line in file
            )  # line by line: others have their turn between two
    except (OSError, msgspec.MsgspecError, RecursionError):
        return None
    return Kept(digest, found, head.problems)


def write_kept(path: Path, kept: Kept) -> None:
    """Write what was read. Raises OSError."""
    with path.open("wb") as file:
        file.write(msgspec.json.encode(_Head(kept.digest, kept.problems)) + b"\n")
        for module in kept.modules:
            file.write(msgspec.json.encode(module) + b"\n")


class Reading:
    """One run over a folder's files. `on_file` is told of each that is begun, and how many were."""

    def __init__(
        self,
        folder: Path,
        kept: Path,
        on_file: Callable[[str, int], None],
        *,
        command: Sequence[str] | None = None,
        file_s: float = FILE_S,
        total_s: float = TOTAL_S,
    ) -> None:
        self._folder = folder
        self._kept = kept
        self._on_file = on_file
        self._command = list(command or own_command(READ_MIBS))
        self._file_s = file_s
        self._total_s = total_s

    async def read(self, listed: Listed) -> Kept:
        """Return what the files say, and keep it. Cancel it to end the process with it."""
        out = self._kept.with_name(self._kept.name + ".new")
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._total_s
        files, troubled = list(listed.files), list[MibProblem]()
        for _ in range(RESTARTS_CAP + 1):
            left_s = ends_s - loop.time()
            if not files or left_s <= 0:
                break
            known = (*listed.problems, *troubled)
            job = ReaderJob(str(self._folder), tuple(files), str(out), listed.digest, known)
            at, why = await self._run(job, left_s)
            if not why:
                kept = await asyncio.to_thread(load_kept, out, listed.digest)
                if kept is not None:
                    with suppress(OSError):  # it is read again at the next start
                        out.replace(self._kept)
                    return kept
                at, why = "", "its answer cannot be understood"
            if at in files:
                files.remove(at)
                troubled.append(MibProblem(_shown(at), f"left out: {why}"))
            else:
                break
        said = "the files were not read: " + (
            "too many of them end the reader" if troubled else "the reader does not run"
        )
        whole = (
            [*listed.problems, *troubled]
            if not files
            else [*listed.problems, *troubled, MibProblem("", said)]
        )
        return Kept(listed.digest, (), tuple(whole))  # not kept on disk: the next look tries again

    async def _run(self, job: ReaderJob, left_s: float) -> tuple[str, str]:
        """Run the reader once; return the file at hand when it ended, and why it did not end well."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + left_s
        at, begun = "", set[str]()
        try:
            async with running(self._command) as child:
                with suppress(ConnectionError):
                    child.hears.write(msgspec.json.encode(job))
                    child.hears.close()  # what is left is sent on; a reader that does not take it is silent
                while True:
                    patience_s = min(self._file_s, ends_s - loop.time())
                    try:
                        async with asyncio.timeout(max(patience_s, 0.01)):
                            line = await child.says.readline()
                    except (TimeoutError, ValueError):
                        return at, f"it took more than {self._file_s:g} s"
                    if not line:
                        break
                    with suppress(msgspec.MsgspecError):
                        at = msgspec.json.decode(line, type=dict[str, str]).get("at", at)
                        begun.add(at)
                        self._on_file(_shown(at), len(begun))
                code = await ended(child)
                return at, "" if code == 0 else f"the reader ended at it (code {code})"
        except NotStarted as error:
            return "", f"the reader cannot be started: {error}"
