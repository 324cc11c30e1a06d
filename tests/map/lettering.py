"""Reads what stands on the screen: which of some texts the pixels around a point show, and how legible it is.

Theory: each text is drawn in the page's own font, moved about by half pixels, and held against the screen (correlation); what is
like none of them is not read. One rule: only what a person could tell apart is told apart, so texts are given, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QRawFont

import map_assets

FONTS = Path(map_assets.__file__).parent / "fonts"
LIKENESS = 0.8
"""Correlation from which on pixels show a text."""
REACH_PX = 4
"""So far from where it should be a text is looked for."""


def read(
    image: QImage, at: QPoint, texts: Iterable[str], *, weight: str, size_px: float, ground: QColor
) -> str:
    """Return which of some texts stands with its middle at a point of the screen, nothing where none does.

    `ground` is what it is written on, whatever its own colour is.
    """
    likeness = {text: _likeness(image, at, text, weight, size_px, ground) for text in texts}
    best = max(likeness, key=lambda text: likeness[text])
    return best if likeness[best] >= LIKENESS else ""


def contrast(a: QColor, b: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def colors(image: QImage, at: QPoint, wide_px: int, high_px: int) -> list[QColor]:
    """Return the colours in a box of the screen around a point, row by row."""
    left, top = at.x() - wide_px // 2, at.y() - high_px // 2
    return [image.pixelColor(left + x, top + y) for y in range(high_px) for x in range(wide_px)]


def _luminance(color: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in (color.redF(), color.greenF(), color.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _likeness(image: QImage, at: QPoint, text: str, weight: str, size_px: float, ground: QColor) -> float:
    """Return how like the screen a text is at its best place, -1 to 1."""
    best = -1.0
    for shape in _shapes(text, weight, size_px):
        high, wide = shape.shape
        around = colors(image, at, wide + 2 * REACH_PX, high + 2 * REACH_PX)
        ink = np.array([abs(each.lightness() - ground.lightness()) for each in around], float)
        ink = ink.reshape(high + 2 * REACH_PX, wide + 2 * REACH_PX)
        for dy in range(2 * REACH_PX + 1):
            for dx in range(2 * REACH_PX + 1):
                seen = ink[dy : dy + high, dx : dx + wide]
                if seen.std() > 0:
                    best = max(best, float(np.corrcoef(seen.ravel(), shape.ravel())[0, 1]))
    return best


def _shapes(text: str, weight: str, size_px: float) -> Iterator[np.ndarray]:
    """Draw a text in the page's font, ink 255 on 0, at four parts of a pixel, with a rim of two pixels around it."""
    font = QRawFont(str(FONTS / f"Inter-{weight}.ttf"), size_px)
    glyphs = font.glyphIndexesForString(text)
    path, right = QPainterPath(), 0.0
    for glyph, advance in zip(glyphs, font.advancesForGlyphIndexes(glyphs), strict=True):
        path.addPath(font.pathForGlyph(glyph).translated(right, 0))
        right += advance.x()
    box = path.boundingRect()
    for part in (QPointF(0, 0), QPointF(0.5, 0), QPointF(0, 0.5), QPointF(0.5, 0.5)):
        drawn = QImage(int(box.width()) + 5, int(box.height()) + 5, QImage.Format.Format_Grayscale8)
        drawn.fill(0)
        pen = QPainter(drawn)
        pen.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen.fillPath(path.translated(QPointF(2, 2) - box.topLeft() + part), Qt.GlobalColor.white)
        pen.end()
        yield (
            np.frombuffer(drawn.constBits(), np.uint8)
            .reshape(drawn.height(), drawn.bytesPerLine())[:, : drawn.width()]
            .astype(float)
        )


def is_of(color: QColor, ground: QColor, ink: QColor) -> bool:
    """Tell whether a pixel is mostly of an ink on a ground, as the edges of a thin line are."""
    bare = (ground.red(), ground.green(), ground.blue())
    seen = [one - other for one, other in zip((color.red(), color.green(), color.blue()), bare, strict=True)]
    full = [one - other for one, other in zip((ink.red(), ink.green(), ink.blue()), bare, strict=True)]
    length = math.hypot(*full)
    share = sum(one * other for one, other in zip(seen, full, strict=True)) / length**2
    aside = math.dist(seen, [share * each for each in full])
    return 0.6 <= share <= 1.15 and aside <= min(30.0, 0.35 * length)
