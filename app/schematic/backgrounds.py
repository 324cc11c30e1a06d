"""The pictures under papers: asked of the user, kept by the engine, handed to the page. Counterpart: `pictures.py`.

One rule: a picture is fetched when a paper shows it, once; one that is not here yet may be on its way from the team.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from app.commands import Asks
from app.panels.map_frame import Map
from app.schematic.pictures import FILES, NoPicture, get_picture, put_picture, read_picture, size_of
from domain.diagram import Diagram
from domain.errors import Refusal

AGAIN_MS = 3_000
"""How long it waits for a picture that is not here before it asks again."""


class Backgrounds(QObject):
    """`on_shown` is called when a picture has come that the page can load now."""

    def __init__(self, asks: Asks, map: Map, on_shown: Callable[[], None]) -> None:
        super().__init__()
        self._asks, self._map, self._on_shown = asks, map, on_shown
        self._wanted = ""
        """The picture of the paper that is shown."""
        self._sizes: dict[str, tuple[int, int]] = {}
        """Width and height of the pictures that the page can load; 0 while one is fetched, or where it cannot be had."""

    def row_of(self, diagram: Diagram | None) -> dict[str, Any] | None:
        """Return what the page is told of a paper's picture, None where it has none yet."""
        width_px, height_px = self._sizes.get(diagram.background, (0, 0)) if diagram is not None else (0, 0)
        if diagram is None or not width_px or not height_px:
            return None
        width = diagram.background_width
        return {"digest": diagram.background, "width": width, "height": width * height_px / width_px}

    def want(self, diagram: Diagram | None) -> None:
        """Fetch the picture of a paper where it is not here yet."""
        self._wanted = diagram.background if diagram is not None else ""
        self._fetch()

    def _fetch(self) -> None:
        digest = self._wanted
        if digest and digest not in self._sizes:
            self._sizes[digest] = (0, 0)
            get_picture(self._asks, digest, lambda data: self._have(digest, data))

    def ask(self, parent: QWidget, take: Callable[[Path], None]) -> None:
        """Ask the user for a file."""
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        dialog = QFileDialog(parent, "Background of the schematic", folder, FILES)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: take(Path(name)))
        dialog.open()

    def take(self, path: Path, then: Callable[[str], None], complain: Callable[[str], None]) -> None:
        """Keep what a file shows; `then` gets its digest, `complain` why it cannot be."""
        try:
            picture = read_picture(path)
        except NoPicture as error:
            complain(str(error))
            return

        def on_kept(digest: str, refusals: tuple[Refusal, ...]) -> None:
            if refusals:
                complain(f"The picture was not kept: {refusals[0].message}")
                return
            self._have(digest, picture.data)
            then(digest)

        put_picture(self._asks, picture.data, on_kept)

    def _have(self, digest: str, data: bytes) -> None:
        self._sizes[digest] = size_of(data)
        if data:
            self._map.keep_picture(digest, data)
        else:
            QTimer.singleShot(AGAIN_MS, self, lambda: self._again(digest))
        self._on_shown()

    def _again(self, digest: str) -> None:
        if self._sizes.get(digest) == (0, 0):
            del self._sizes[digest]
            self._fetch()
