"""Pictures of the past, made one after the other by going there: a clip, or single ones. Counterpart: `apng.py` writes a clip.

Theory: each moment is sought like by hand, waited for with its loads, and taken from the screen when the map stands still; so a
clip shows what somebody would have seen. It goes on while the window is used, and can be left at any time.
One rule: what was left or failed leaves no file behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from app.past.apng import ClipFile
from app.past.machine import TimeMachine
from app.past.words import stamp_of

FRAME_MS = 125
FRAMES = 96
"""A clip lasts twelve seconds, however long the span is."""
SHOWN_MS = 60
"""How long after the page has painted the window has it too."""
TROUBLE_MS = 30_000
"""Longest wait for one picture."""


class Screen(Protocol):
    """What is taken pictures of."""

    def when_still(self, then: Callable[[], None]) -> None:
        """Call once all is painted."""


class Shooting(QObject):
    """One journey from moment to moment; `take` gets each picture, in their order. Raises nothing: `ended` has a sentence."""

    progressed = Signal(int, int)
    ended = Signal(str)
    """Empty when it is done, else why it is not."""

    def __init__(  # noqa: PLR0917
        self,
        machine: TimeMachine,
        screen: Screen,
        moments_us: Sequence[int],
        take: Callable[[int, QImage], None],
        grab: Callable[[], QImage],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._machine, self._screen, self._take, self._grab = machine, screen, take, grab
        self._moments_us, self._back_us = list(moments_us), machine.at_us
        self._number = 0
        self._is_over = self._is_painting = False
        self._trouble = QTimer(self)
        self._trouble.setSingleShot(True)
        self._trouble.setInterval(TROUBLE_MS)
        self._trouble.timeout.connect(lambda: self._end("the map did not answer"))
        machine.arrived.connect(self._on_there)
        machine.failed.connect(self._end)
        machine.left.connect(self.cancel)

    def start(self) -> None:
        """Go to the first moment."""
        self._machine.pause()
        self._go()

    def cancel(self) -> None:
        """Leave it."""
        self._end("left")

    def _go(self) -> None:
        self.progressed.emit(self._number, len(self._moments_us))
        if self._number == len(self._moments_us):
            self._end("")
            return
        self._trouble.start()
        self._machine.seek(self._moments_us[self._number])
        if self._machine.is_whole:
            self._on_there()

    def _on_there(self) -> None:
        if self._is_over or self._is_painting or self._machine.there_us != self._moments_us[self._number]:
            return
        self._is_painting = True
        self._screen.when_still(self._on_painted)

    def _on_painted(self) -> None:
        if not self._is_over:  # the page may say so when this is left and deleted
            QTimer.singleShot(SHOWN_MS, self, self._on_still)

    def _on_still(self) -> None:
        if self._is_over:
            return
        self._is_painting = False
        try:
            self._take(self._moments_us[self._number], self._grab())
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        self._number += 1
        self._go()

    def _end(self, why: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._trouble.stop()
        for signal, slot in (
            (self._machine.arrived, self._on_there),
            (self._machine.failed, self._end),
            (self._machine.left, self.cancel),
        ):
            signal.disconnect(slot)
        self._machine.seek(self._back_us)
        self.ended.emit(why)


def clip_moments(from_us: int, to_us: int, frames: int = FRAMES) -> list[int]:
    """Return the moments of a clip, the first and the last of the span among them."""
    return [from_us + (to_us - from_us) * number // max(frames - 1, 1) for number in range(frames)]


def into_clip(path: Path) -> tuple[Callable[[int, QImage], None], Callable[[str], None]]:
    """Return what takes pictures into one clip, and what is to be called at the end with why it ended. Both raise OSError."""
    file = ClipFile(path, FRAME_MS)

    def end(why: str) -> None:
        try:
            if not why:
                file.finish()
        finally:
            file.drop()

    return lambda _, image: file.add(image), end


def into_picture(path: Path) -> tuple[Callable[[int, QImage], None], Callable[[str], None]]:
    """Return the same for one picture, which is `path`."""
    return _into_files(path, lambda _: path)


def into_pictures(path: Path) -> tuple[Callable[[int, QImage], None], Callable[[str], None]]:
    """Return the same for pictures that stand beside `path`, each named by its moment; none takes the place of another file."""
    return _into_files(path, lambda at_us: free_path(path.with_name(f"{path.stem} {stamp_of(at_us)}.png")))


def _into_files(
    path: Path, name: Callable[[int], Path]
) -> tuple[Callable[[int, QImage], None], Callable[[str], None]]:
    waiting: list[tuple[int, Path]] = []

    def take(at_us: int, image: QImage) -> None:
        part = path.with_name(f"{path.name}.{len(waiting)}.part")
        waiting.append((at_us, part))
        if not image.save(str(part), "PNG"):  # type: ignore[call-overload]
            raise OSError(f"{path.name} could not be written")

    def end(why: str) -> None:
        try:
            for at_us, part in waiting if not why else ():
                part.replace(name(at_us))
        finally:
            for _, part in waiting:
                with suppress(OSError):
                    part.unlink(missing_ok=True)

    return take, end


def free_path(path: Path) -> Path:
    """Return a path, with a number behind its name where a file has it already."""
    names = (path.with_name(f"{path.stem} ({number}){path.suffix}") for number in count(2))
    return next(free for free in chain([path], names) if not free.exists())
