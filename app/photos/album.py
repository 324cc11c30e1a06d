"""The pictures that a window shows of photographs, by their content. Counterpart: `engine/blobs.py` has them, or waits for them.

One rule: a picture is asked for when it is painted, and again while it is not there and seen; so many are kept, the last seen
longest.
"""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QTimer, Signal
from PySide6.QtGui import QImageReader, QPixmap

from app.commands import Asks
from app.model import Model
from app.schematic.pictures import ALLOCATION_MB, get_picture
from domain.photo import SIDE_PX

AGAIN_MS = 2_000
"""How long it waits for a picture that is not here before it asks again."""
PIXELS_KEPT = 16_000_000
"""Of 4 bytes each: 64 MB, and one more picture."""


class Album(QObject):
    """`shown` says that pictures came, or may have: who paints paints again."""

    shown = Signal()

    def __init__(self, model: Model, asks: Asks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._asks = model, asks
        self._kept: OrderedDict[str, QPixmap] = OrderedDict()
        self._asked: set[str] = set()
        self._absent: set[str] = set()
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._ask_again)

    def picture(self, digest: str) -> QPixmap | None:
        """Return a picture, or None and ask for it: `shown` follows."""
        found = self._kept.get(digest)
        if found is not None:
            self._kept.move_to_end(digest)
        elif digest not in self._asked and digest not in self._absent:
            self._ask(digest)
        return found

    def why_not_here(self) -> str:
        """Return what is said of a picture that is not here, in words."""
        team = (self._model.today or self._model).team
        if team is None:
            return "Not on this computer"
        if team.reachability == "online":
            return "On its way from the team"
        return "Not here yet: it comes when the team's server is heard"

    def _ask(self, digest: str) -> None:
        self._asked.add(digest)
        get_picture(self._asks, digest, lambda data: self._have(digest, data))

    def _ask_again(self) -> None:
        """Let who is seen paint again, and ask for what is still missing there; the rest is wanted no more."""
        self._absent.clear()
        self.shown.emit()

    def _have(self, digest: str, data: bytes) -> None:
        self._asked.discard(digest)
        pixmap = _decoded(data)
        if pixmap is None:
            self._absent.add(digest)
            if not self._again.isActive():
                self._again.start()
            return
        self._kept[digest] = pixmap
        while (
            len(self._kept) > 1
            and sum(one.width() * one.height() for one in self._kept.values()) > PIXELS_KEPT
        ):
            self._kept.popitem(last=False)
        self.shown.emit()


def _decoded(data: bytes) -> QPixmap | None:
    """Return what an engine of the team made, as long as it is no more than those make."""
    if not data:
        return None
    held = QBuffer()
    held.setData(data)
    held.open(QIODevice.OpenModeFlag.ReadOnly)
    QImageReader.setAllocationLimit(ALLOCATION_MB)
    reader = QImageReader(held, QByteArray(b"jpeg"))
    size = reader.size()
    if not (0 < size.width() <= SIDE_PX and 0 < size.height() <= SIDE_PX):
        return None
    image = reader.read()
    return None if image.isNull() else QPixmap.fromImage(image)
