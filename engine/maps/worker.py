"""The process that reads and writes map files. Counterpart: `work.py`, which starts it and watches over it.

Theory: one job comes on the first line of the input; each word on how far it is waits for a line in return, so that whoever
does not answer holds it and whoever hangs up ends it. The last line is what came of it.
One rule: nothing is left in its place but what is whole: what is written has a name that only the parent makes final.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from domain.maps import Box, CutSize
from domain.text import clean_text
from engine.child import limit_self
from engine.maps.archive import Archive
from engine.maps.cut import plan_cut, write_cut
from engine.maps.directory import BadMap
from engine.maps.survey import Survey, Tell, survey

TOLD_EVERY_S = 0.1
MEMORY_BYTES = 6 * 1024 * 1024 * 1024
SPARE_BYTES = 64 * 1024 * 1024
"""Left free on the disk, whatever is written."""


class MapJob(msgspec.Struct, frozen=True):
    """What is to be done with the file at `path`: "survey", "copy" to `out`, "plan" a cut, or "cut" it to `out`.

    `folder`: where a cut would be written.
    """

    act: str
    path: str
    out: str = ""
    folder: str = ""
    name: str = ""
    boxes: tuple[Box, ...] = ()
    min_zoom: int = 0
    max_zoom: int = 0


class MapWord(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it is, or with `refused`, `survey` or `size` how it ended; `is_bad`: for what is in the file."""

    done: int = 0
    total: int = 0
    phase: str = ""
    refused: str = ""
    is_bad: bool = False
    survey: Survey | None = None
    size: CutSize | None = None


def main() -> int:
    """Do the job on the input."""
    limit_self(MEMORY_BYTES)
    words, answers = sys.stdout.buffer, sys.stdin.buffer
    job = msgspec.json.decode(answers.readline(), type=MapJob)
    _say(words, do(job, _teller(words, answers)))
    return 0


def do(job: MapJob, tell: Tell) -> MapWord:
    """Do a job and return what came of it."""
    path = Path(job.path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadMap("this is no file")
        if job.act == "survey":
            return MapWord(survey=survey(path, tell))
        if job.act == "copy":
            need_room(Path(job.out).parent, path.stat().st_size)
            return MapWord(survey=survey(path, tell, Path(job.out)))
        with Archive(path) as archive:
            plan = plan_cut(archive, job.name, job.boxes, (job.min_zoom, job.max_zoom), tell)
            if job.act == "plan":
                free = shutil.disk_usage(job.folder).free
                return MapWord(size=CutSize(plan.tiles, len(plan.starts), plan.size_bytes, free))
            need_room(Path(job.out).parent, plan.size_bytes)
            write_cut(archive, plan, Path(job.out), tell)
        return MapWord(
            survey=survey(Path(job.out), lambda done, total, _phase: tell(done, total, "checking the cut"))
        )
    except BadMap as error:
        return MapWord(refused=clean_text(str(error), 400), is_bad=True)
    except OSError as error:
        return MapWord(refused=clean_text(f"{path.name}: {error.strerror or error}", 400))
    except MemoryError:
        return MapWord(refused="it takes more memory than a map may")


def need_room(folder: Path, size_bytes: int) -> None:
    """Raise BadMap where the disk has no room for so much."""
    free = shutil.disk_usage(folder).free
    if size_bytes + SPARE_BYTES > free:
        raise BadMap(f"{size_bytes / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free on the disk")


def _teller(words: IO[bytes], answers: IO[bytes]) -> Callable[[int, int, str], None]:
    told_s = 0.0

    def tell(done: int, total: int, phase: str) -> None:
        nonlocal told_s
        if time.monotonic() < told_s + TOLD_EVERY_S:
            return
        _say(words, MapWord(done, total, phase))
        if not answers.readline():
            os._exit(3)  # nobody is there any more
        told_s = time.monotonic()

    return tell


def _say(words: IO[bytes], word: MapWord) -> None:
    words.write(msgspec.json.encode(word) + b"\n")
    words.flush()
