"""What is drawn, as a file: numbers (CSV) or a picture (PNG). Counterpart: `graph_page.py` asks where to.

One rule: a name from a device never becomes a formula in somebody's spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from app.charts.curves import Curve

PICTURE_SCALE = 2
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(curves: Sequence[Curve], unit: str, from_s: float, to_s: float) -> str:
    """Return the points of a stretch of time in UTC: a row a moment, three columns a curve, empty where it has none."""
    rows: dict[float, list[str]] = {}
    width = 3 * len(curves)
    for number, (_, series, _) in enumerate(curves):
        seen = (series.at_s >= from_s) & (series.at_s <= to_s)
        points = zip(
            *(part[seen].tolist() for part in (series.at_s, series.value, series.low, series.high)),
            strict=True,
        )
        for at_s, *values in points:
            cells = rows.setdefault(at_s, [""] * width)
            cells[3 * number : 3 * number + 3] = [f"{value:.9g}" for value in values]
    heads = [
        _plain(f"{curve.name or 'value'} {word}, {unit}")
        for curve in curves
        for word in ("mean", "min", "max")
    ]
    said = io.StringIO()
    writer = csv.writer(said)
    writer.writerow(["time (UTC)", *heads])
    for at_s in sorted(rows):
        at = datetime.fromtimestamp(at_s, UTC)
        writer.writerow([at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), *rows[at_s]])
    return said.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def picture_of(widgets: Sequence[QWidget], title: QWidget, ground: str) -> QImage:
    """Return widgets of one column below a title, on a ground, twice as fine as on the screen."""
    parts = [title, *widgets]
    margin, gap = 16, 8
    width = max(part.width() for part in parts) + 2 * margin
    height = sum(part.height() + gap for part in parts) + 2 * margin - gap
    image = QImage(width * PICTURE_SCALE, height * PICTURE_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PICTURE_SCALE)
    image.fill(QColor(ground))
    painter = QPainter(image)
    y = margin
    for part in parts:
        painter.save()
        painter.translate(margin, y)
        part.render(painter, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
        painter.restore()
        y += part.height() + gap
    painter.end()
    return image


def write_csv(path: Path, text: str) -> None:
    """Write a table so that spreadsheets know its letters. Raises OSError."""
    path.write_text(text, "utf-8-sig", newline="")


def write_png(path: Path, image: QImage) -> None:
    """Write a picture. Raises OSError."""
    if not image.save(str(path), "PNG"):  # type: ignore[call-overload]
        raise OSError(f"{path.name} could not be written")
