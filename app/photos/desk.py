"""Does what the strips of photographs want: adds, opens, writes captions, takes away. Counterpart: `window.py` has the strips.

Theory: files are read, each on a thread of its own, and handed to the engine one after the other; of each that it makes a
photograph of comes one edit, which can be taken back. One rule: a file that is not taken says why, and the next one goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.commands import Asks, Commands, Said
from app.draft import new_id, now_us
from app.look import Look
from app.model import Delta, Model
from app.photos.album import Album
from app.photos.files import FILES, FILES_AT_ONCE, GivenFile, Handing, NoPhoto
from app.photos.strip import PhotoStrip
from app.photos.viewer import PhotoViewer
from app.words import capitalized
from domain.errors import Refusal
from domain.photo import Photo


class _Waiting(NamedTuple):
    subject: UUID
    file: GivenFile


class _Read(NamedTuple):
    """What came of reading a file: its bytes and their hash, or why not."""

    number: int
    data: bytes = b""
    digest: str = ""
    wrong: str = ""


class PhotoDesk(QObject):
    """All photographs of one window."""

    _was_read = Signal(object)

    def __init__(self, model: Model, asks: Asks, commands: Commands, look: Look, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._asks, self._commands, self._window = model, asks, commands, window
        self._look = look
        self.album = Album(model, asks, self)
        self.viewer = PhotoViewer(model, look, self.album.picture, self.album.why_not_here, window)
        self.strips: list[PhotoStrip] = []
        self._waiting: deque[_Waiting] = deque()
        self._done = 0
        self._handing: Handing | None = None
        self._reading, self._read_count = 0, 0
        """The number of the file that is read now, 0 where none is; and how many were begun."""
        self._was_read.connect(self._on_read)
        self.viewer.caption_written.connect(self.write_caption)
        self.viewer.removed.connect(self.remove)
        self.viewer.closed.connect(self._on_closed)
        self.album.shown.connect(self._on_shown)
        model.changed.connect(self._on_changed)

    def serve(self, strip: PhotoStrip) -> None:
        """Do from now on what a strip wants."""
        self.strips.append(strip)
        strip.picture_of, strip.absent_words = self.album.picture, self.album.why_not_here
        strip.files_given.connect(self.add)
        strip.file_wanted.connect(self.ask)
        strip.opened.connect(self.open)
        strip.caption_written.connect(self.write_caption)
        strip.removed.connect(self.remove)
        strip.cancelled.connect(self.cancel)
        self._look.changed.connect(strip.look_again)

    def ask(self, subject: UUID) -> None:
        """Ask the user for files."""
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        dialog = QFileDialog(self._window, "Add photographs", folder, FILES)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(
            lambda names: self.add(subject, [GivenFile(Path(n).name, Path(n)) for n in names[:FILES_AT_ONCE]])
        )
        dialog.open()

    def add(self, subject: UUID, files: Iterable[GivenFile]) -> None:
        """Have photographs of a site or device made of files."""
        self._waiting.extend(_Waiting(subject, file) for file in files)
        if self._handing is None and not self._reading:
            self._next()

    def cancel(self) -> None:
        """Add nothing more; what is added already stays."""
        self._waiting.clear()
        if self._handing is not None:
            self._handing.cancel()
        self._end()

    def open(self, id: UUID) -> None:
        """Show one in large."""
        photo = self._model.inventory.tables["photo"].get(id)
        if isinstance(photo, Photo):
            self.viewer.open(photo)

    def write_caption(self, id: UUID, text: str) -> None:
        """Give a photograph another caption."""
        photo = self._model.inventory.tables["photo"].get(id)
        text = " ".join(text.split())
        if isinstance(photo, Photo) and text != photo.caption:
            captioned = msgspec.structs.replace(photo, caption=text)
            self._commands.put("photo", captioned, title=f"Change the caption of {self._a_photo_of(photo)}")

    def remove(self, id: UUID) -> None:
        """Take a photograph away; "Undo" brings it back."""
        photo = self._model.inventory.tables["photo"].get(id)
        if isinstance(photo, Photo):
            self._commands.drop("photo", id, title=f"Delete {self._a_photo_of(photo)}")

    def _a_photo_of(self, photo: Photo) -> str:
        return f"a photograph of {self._name_of(photo.subject)}"

    def _name_of(self, subject: UUID | None) -> str:
        inventory = self._model.inventory
        thing = inventory.site(subject) or (inventory.device(subject) if subject is not None else None)
        return thing.name if thing is not None else ""

    def _next(self) -> None:
        """Read the next file."""
        while self._waiting:
            subject, file = self._waiting[0]
            if not self._name_of(subject):
                self._waiting.popleft()
                self._complain(f"{file.name} is not added: what it was for is gone")
                continue
            self._tell(0.0)
            self._read_count += 1
            number = self._reading = self._read_count
            threading.Thread(target=self._read, args=(number, file), daemon=True, name="photograph").start()
            return
        self._end()

    def _read(self, number: int, file: GivenFile) -> None:
        try:
            read = _Read(number, *file.read())
        except NoPhoto as error:
            read = _Read(number, wrong=str(error))
        except (
            ValueError,
            MemoryError,
        ):  # a path that is none, or a computer that is full: the next one goes on
            read = _Read(number, wrong=f"{file.name} cannot be read")
        with suppress(RuntimeError):  # the window is gone
            self._was_read.emit(read)

    def _on_read(self, read: _Read) -> None:
        """Hand on a file that was read."""
        if read.number != self._reading:
            return  # it was cancelled
        self._reading = 0
        subject, file = self._waiting[0]
        if read.wrong:
            self._waiting.popleft()
            self._complain(read.wrong)
            self._next()
            return
        self._handing = Handing(
            self._asks,
            file.name,
            read.data,
            read.digest,
            on_part=self._tell,
            then=lambda made, refusals: self._on_made(subject, made, refusals),
        )

    def _on_made(self, subject: UUID, made: dict[str, Any], refusals: tuple[Refusal, ...]) -> None:
        self._waiting.popleft()
        self._done += 1
        self._handing = None
        is_site = self._model.inventory.site(subject) is not None
        if refusals:
            self._complain(capitalized(refusals[0].message))
        elif self._name_of(subject):
            photo = Photo(
                new_id(),
                made["digest"],
                made["thumb"],
                made["width"],
                made["height"],
                now_us(),
                self._commands.author,
                taken_us=made["taken_us"],
                site=subject if is_site else None,
                device=None if is_site else subject,
            )
            self._commands.put("photo", photo, title=f"Add {self._a_photo_of(photo)}")
        self._next()

    def _end(self) -> None:
        self._handing, self._reading, self._done = None, 0, 0
        for strip in self.strips:
            strip.show_progress("", 0.0)

    def _tell(self, part: float) -> None:
        """Say how far it is, where the site or device is shown that it is for."""
        if not self._waiting:
            return
        subject, file = self._waiting[0]
        count = self._done + len(self._waiting)
        words = f"Adding {file.name}" + (f", {self._done + 1:,} of {count:,}" if count > 1 else "")
        for strip in self.strips:
            is_here = strip.subject == subject
            strip.show_progress(words if is_here else "", part)

    def _complain(self, words: str) -> None:
        self._commands.said.emit(Said(words, bad=True))

    def _on_shown(self) -> None:
        for strip in self.strips:
            strip.look_again()
        if self.viewer.isVisible():
            self.viewer.refresh()

    def _on_closed(self) -> None:
        strip = next((strip for strip in self.strips if strip.isVisible()), None)
        if strip is not None:
            strip.list.setFocus()

    def _on_changed(self, delta: Delta) -> None:
        if self.viewer.isVisible() and (delta.inventory or delta.team):
            self.viewer.refresh()
