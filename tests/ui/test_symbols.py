"""Symbols: told apart without colour, alike at every size; words reach the screen as they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from app.look import themes
from app.panels.text import LineLabel, caption, paint_text
from app.symbols import RANK, STATUSES, paint_symbol
from domain.health import STATUS_RANK

SIZE_PX = 64


def grey(status: str, theme_name: str) -> NDArray[np.float64]:
    """Return a symbol's lightness against its ground, 0 to 1, without colour."""
    theme = themes()[theme_name]
    image = QImage(SIZE_PX, SIZE_PX, QImage.Format.Format_Grayscale8)
    colour = QImage(SIZE_PX, SIZE_PX, QImage.Format.Format_RGB32)
    colour.fill(theme.surface.panel)
    painter = QPainter(colour)
    paint_symbol(painter, QRectF(0, 0, SIZE_PX, SIZE_PX), status, theme, theme.surface.panel)
    painter.end()
    image = colour.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(SIZE_PX, image.bytesPerLine())[:, :SIZE_PX]
    ink = np.abs(rows.astype(float) - rows[0, 0])
    return ink / max(ink.max(), 1.0)


@pytest.mark.parametrize("theme_name", ["dark", "light"])
def test_any_two_statuses_differ_in_shape_when_their_lightness_is_made_equal(
    qt: QApplication, theme_name: str
) -> None:
    shapes = {status: grey(status, theme_name) > 0.35 for status in STATUSES}
    for one, other in itertools.combinations(STATUSES, 2):
        differing = (shapes[one] != shapes[other]).sum()
        larger = max(shapes[one].sum(), shapes[other].sum())
        assert differing / larger > 0.2, f"{one} and {other} look alike in {theme_name}"


def test_every_status_of_a_device_has_a_symbol_and_a_rank_in_the_same_order(qt: QApplication) -> None:
    assert set(STATUS_RANK) <= set(RANK)
    assert sorted(STATUS_RANK, key=STATUS_RANK.__getitem__) == sorted(STATUS_RANK, key=RANK.__getitem__)


def test_every_status_has_its_colours_in_both_themes() -> None:
    for theme in themes().values():
        assert set(STATUSES) == set(theme.status) == set(theme.status_text)


def test_a_long_line_is_elided_in_the_middle_and_whole_on_hover(qt: QApplication) -> None:
    label = LineLabel("x" * 400)
    label.resize(100, 20)
    assert label.minimumSizeHint().width() <= 100
    assert label.textFormat() == Qt.TextFormat.PlainText
    image = QImage(100, 20, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    width = paint_text(painter, QRectF(0, 0, 100, 20), "محطة " * 40, label.font(), "#FFFFFF")
    painter.end()
    assert 0 < width <= 100


def test_an_ampersand_on_a_button_stays_one() -> None:
    assert caption("A & B") == "A && B"
