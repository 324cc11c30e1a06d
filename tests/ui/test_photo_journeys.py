"""How far the bytes of a photograph are on their way, as its strip and the large view say it."""

from __future__ import annotations

from itertools import combinations

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLineEdit

from domain.blobs import PictureWay
from engine.blobs import Blobs
from tests.ui.conftest import Bench
from tests.ui.team_parts import tell_team
from tests.ui.test_photos import blobs, hang, strip_of

__all__ = ["blobs"]


def test_bytes_on_their_way_are_marked_on_each_photograph(bench: Bench, blobs: Blobs) -> None:
    (photo,) = hang(bench, blobs, "Mast")
    strip = strip_of(bench)

    def told(*ways: PictureWay) -> tuple[QImage, str]:
        tell_team(bench, pictures=ways)
        seen = strip.list.viewport().grab().toImage()
        return seen, strip.list.item(0).toolTip()

    plain, _ = told()
    waits, said = told(PictureWay(photo.digest, 400_000), PictureWay(photo.thumb, 20_000))
    assert "Its picture waits for the server" in said
    part, said = told(PictureWay(photo.digest, 400_000, 100_000))
    assert "100 kB of 400 kB are with the server" in said
    bad, said = told(PictureWay(photo.digest, 400_000, 0, True, "2,048 MB are kept: it is full"))
    assert "On this computer alone: 2,048 MB are kept: it is full" in said
    comes, said = told(PictureWay(photo.digest, 400_000, 100_000, False))
    assert "100 kB of 400 kB are here" in said
    bench.window.photos.open(photo.id)
    assert "100 kB of 400 kB are here" in bench.window.photos.viewer.origin.text()
    bench.window.photos.viewer.close_it()
    strip.list.editItem(strip.list.item(0))
    editor = strip.list.findChild(QLineEdit)
    assert editor is not None
    _, said = told()
    assert "kB" not in said
    assert strip.list.findChild(QLineEdit) is editor, "what somebody writes stays"
    pictures = (plain, waits, part, bad, comes)
    assert not any(a == b for a, b in combinations(pictures, 2))
