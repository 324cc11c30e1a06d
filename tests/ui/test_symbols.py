"""Symbols and loads: told apart without colour; words reach the screen as they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QApplication

from app.look import ThemeName, font, themes
from app.panels.text import LineLabel, caption, elided, paint_text
from app.symbols import RANK, STATUSES, paint_symbol
from app.words import isolated
from domain.health import Status
from tests.ui.seen import Pixels, as_deuteranope, color_pixels, difference, in_grey, pixels

SIZE_PX = 15
"""The size in the tree and in tables, the smallest there is."""
LEAST = 12.0
"""Root mean square over the symbol's box: as far apart as two greys that nobody takes for one."""
LEAST_STEP = 6.0
"""Between two load classes, in L*."""
THEMES: tuple[ThemeName, ...] = ("dark", "light")
EYES = (in_grey, as_deuteranope)


def drawn(status: str, theme: ThemeName, ground: str) -> Pixels:
    """Return a symbol on a ground."""
    image = QImage(SIZE_PX, SIZE_PX, QImage.Format.Format_RGB32)
    image.fill(QColor(ground))
    painter = QPainter(image)
    paint_symbol(painter, QRectF(0, 0, SIZE_PX, SIZE_PX), status, themes()[theme], ground)
    painter.end()
    return pixels(image)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_any_two_statuses_differ_in_grey_and_for_a_deuteranope(
    qt: QApplication, theme: ThemeName, eyes: Callable[[Pixels], Pixels]
) -> None:
    surface, accent = themes()[theme].surface, themes()[theme].accent
    for ground in (surface.ground, surface.panel, surface.raised, accent.ground):
        seen = {status: eyes(drawn(status, theme, ground)) for status in STATUSES}
        for one, other in itertools.combinations(STATUSES, 2):
            apart = difference(seen[one], seen[other])
            assert apart >= LEAST, f"{one} and {other}: {apart:.1f} on {ground} in {theme}"


@pytest.mark.parametrize("eyes", EYES)
def test_the_load_classes_climb_in_lightness_away_from_the_ground(eyes: Callable[[Pixels], Pixels]) -> None:
    for theme, up in (("dark", 1), ("light", -1)):
        steps = np.diff(eyes(color_pixels(*themes()[theme].load))[0, :, 0]) * up
        assert steps.size == 5
        assert steps.min() >= LEAST_STEP, f"{steps} in {theme}"


def test_every_status_of_a_device_has_a_symbol_and_a_rank_in_the_same_order(qt: QApplication) -> None:
    assert sorted(get_args(Status), key=RANK.__getitem__) == ["down", "degraded", "stale", "unknown", "up"]


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


def test_of_a_link_both_names_give_way_and_of_a_sentence_the_words_stay(qt: QApplication) -> None:
    metrics = QFontMetrics(font())
    a, b = "Schwarzer Grat R1", "Missen-Wilhams Kirchturm Nord, ganz oben"
    shown = elided(metrics, f"{a} – {b}", 260)
    assert metrics.horizontalAdvance(shown) <= 262
    assert shown.startswith(f"{a} – Missen"), "the one that fits is whole"
    assert shown.endswith("oben")
    both = elided(metrics, f"{b} – {b}", 260)
    assert [part[:3] for part in both.split(" – ")] == ["Mis", "Mis"]
    arabic = isolated("محطة الجبل الشمالية للاتصالات اللاسلكية في المنطقة الغربية 12")
    sentence = elided(metrics, f"{arabic} does not answer", 220)
    assert sentence.endswith("\u2069 does not answer")
    assert sentence.startswith("\u2068")
    assert metrics.horizontalAdvance(sentence) <= 222
