"""Files that photographs are made of: from a disk or the clipboard to the engine, in pieces. Counterpart: `engine/photos.py`.

One rule: a file is read up to its cap and handed on; what it is, the engine says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from app.commands import Asks
from domain.blobs import PIECE_BYTES, DevelopPhoto, digest_of
from domain.errors import Refusal
from domain.photo import FILE_CAP_BYTES
from domain.wire import Reply

FILES = "Photographs (*.jpg *.jpeg *.png *.webp)"
FILES_AT_ONCE = 50
"""Most that are taken in one go."""


class NoPhoto(ValueError):
    """Why a file is not taken, in words."""


class GivenFile(NamedTuple):
    """What somebody gave: a file, or bytes under a name."""

    name: str
    path: Path | None = None
    data: bytes = b""

    def read(self) -> tuple[bytes, str]:
        """Return its bytes and what they hash to. Raises NoPhoto. Takes as long as its disk does: not for the window's thread."""
        data = self._bytes()
        return data, digest_of(data)

    def _bytes(self) -> bytes:
        if self.path is None:
            return self.data
        try:
            with self.path.open("rb") as opened:
                data = opened.read(FILE_CAP_BYTES + 1)
        except OSError as error:
            raise NoPhoto(f"{self.name} cannot be read: {error.strerror}") from error
        if len(data) > FILE_CAP_BYTES:
            raise NoPhoto(f"{self.name} is larger than {FILE_CAP_BYTES // 1024 // 1024} MB")
        if not data:
            raise NoPhoto(f"{self.name} is empty")
        return data


def has_files(given: QMimeData | None) -> bool:
    """Tell whether something dragged or copied may hold photographs."""
    return given is not None and (given.hasImage() or any(url.isLocalFile() for url in given.urls()))


def given_files(given: QMimeData | None) -> list[GivenFile]:
    """Return what was dropped or pasted: files of this computer, else a picture as it was copied."""
    if given is None:
        return []
    paths = [Path(url.toLocalFile()) for url in given.urls() if url.isLocalFile()]
    if paths:
        return [GivenFile(path.name, path) for path in paths[:FILES_AT_ONCE]]
    image = given.imageData() if given.hasImage() else None
    if not isinstance(image, QImage) or image.isNull():
        return []
    held = QBuffer()
    held.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(held, "PNG")  # type: ignore[call-overload]
    return [GivenFile("The copied picture", None, bytes(held.data().data()))]


class Handing:
    """One file on its way to the engine. `on_part` gets how much is there, 0 to 1; `then` what was made of it, or why not."""

    def __init__(
        self,
        asks: Asks,
        name: str,
        data: bytes,
        digest: str,
        *,
        on_part: Callable[[float], None],
        then: Callable[[dict[str, Any], tuple[Refusal, ...]], None],
    ) -> None:
        self._asks, self._name, self._data = asks, name, data
        self._digest = digest
        self._on_part, self._then = on_part, then
        self._is_over = False
        self._send(0, b"")

    def cancel(self) -> None:
        """Stop; nothing is told any more, and what came of it is kept by nobody."""
        self._is_over = True

    def _send(self, offset: int, piece: bytes) -> None:
        size = len(self._data)
        self._asks.request(
            lambda number: DevelopPhoto(number, self._digest, size, offset, piece, self._name), self._on_reply
        )

    def _on_reply(self, reply: Reply) -> None:
        if self._is_over:
            return
        have = reply.result.get("have")
        if reply.refusals or "digest" in reply.result:
            self._is_over = True
            self._then(reply.result, reply.refusals)
        elif isinstance(have, int) and 0 <= have < len(self._data):
            self._on_part(have / len(self._data))
            self._send(have, self._data[have : have + PIECE_BYTES])
        else:
            self._is_over = True
            self._then({}, (Refusal("INVALID_INPUT", f"{self._name} was not taken: add it again"),))
