"""What everything looks like: tokens, font, icons. Counterpart: `map_assets/style/tokens.json`, which the page reads too.

One rule: no colour and no font size is written anywhere but here, in `sheet.py` and in the tokens; who paints asks a `Look`,
and paints again when it says `changed`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import msgspec
from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

ThemeName = Literal["dark", "light"]
FAMILY = "Inter"
NAME_PX, BASE_PX, TABLE_PX, HEAD_PX, TICK_PX = 20, 13, 12, 11, 10
ROW_PX, REGION_ROW_PX, CONTROL_PX = 24, 28, 28
_WEIGHTS = {400: QFont.Weight.Normal, 500: QFont.Weight.Medium, 600: QFont.Weight.DemiBold}


class Surface(msgspec.Struct, frozen=True):
    """Grounds, from the lowest up, and the separator."""

    ground: str
    panel: str
    raised: str
    hover: str
    line: str
    scrim: str


class Text(msgspec.Struct, frozen=True):
    """Ink: for what matters, for what accompanies it, for what is disabled."""

    text: str
    quiet: str
    faint: str


class Accent(msgspec.Struct, frozen=True):
    """Selection, focus, links, the one primary button; never a status."""

    accent: str
    ink: str
    ground: str


class Theme(msgspec.Struct, frozen=True):
    """One theme's tokens, as `map_assets/style/tokens.json` holds them."""

    surface: Surface
    text: Text
    accent: Accent
    status: dict[str, str]
    status_text: dict[str, str]
    degraded_edge: str
    down_ground: str
    load: tuple[str, ...]
    latency: tuple[str, ...]
    signal: tuple[str, ...]


@cache
def themes() -> dict[str, Theme]:
    """Return both themes by name."""
    data = files("map_assets").joinpath("style/tokens.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, Theme])


def load_fonts() -> None:
    """Make the shipped font known to Qt; once, after the application exists."""
    for weight in ("Regular", "Medium", "SemiBold"):
        with as_file(files("map_assets").joinpath(f"fonts/{FAMILY}-{weight}.ttf")) as path:
            if QFontDatabase.addApplicationFont(str(path)) < 0:
                raise FileNotFoundError(f"the shipped font {path} could not be read")


@lru_cache(maxsize=64)
def font(size_px: int = BASE_PX, weight: int = 400, *, tabular: bool = False) -> QFont:
    """Return the one font at a size and weight (400, 500, 600); `tabular` for columns of numbers and clocks."""
    made = QFont(FAMILY)
    made.setPixelSize(size_px)
    made.setWeight(_WEIGHTS[weight])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if tabular:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


@lru_cache(maxsize=512)
def color(text: str) -> QColor:
    """Return a token's colour: #RRGGBB, or rgba(r,g,b,a) with a as a fraction."""
    if text.startswith("rgba("):
        red, green, blue, alpha = text[5:-1].split(",")
        return QColor(int(red), int(green), int(blue), round(float(alpha) * 255))
    return QColor(text)


def density() -> float:
    """Return how many pixels of the finest screen are one of ours."""
    application = QGuiApplication.instance()
    return application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0


def _svg(name: str, ink: str) -> str:
    svg = files("map_assets").joinpath(f"node_modules/lucide-static/icons/{name}.svg").read_text("utf-8")
    return svg.replace("currentColor", ink)


@lru_cache(maxsize=256)
def icon_pixmap(name: str, ink: str, size_px: int, density: float) -> QPixmap:
    """Return a Lucide icon in one colour, `size_px` square, as fine as the screen."""
    pixmap = QPixmap(QSize(size_px, size_px) * density)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(_svg(name, ink).encode())).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(density)
    return pixmap


class IconFiles:
    """Icons as files, because a style sheet takes nothing else. They are gone when this is."""

    def __init__(self) -> None:
        self._folder = QTemporaryDir()

    def path(self, name: str, ink: str) -> str:
        """Return the path of an icon in one colour, with slashes as style sheets have them."""
        file = Path(self._folder.path()) / f"{name}-{ink.strip('#')}.svg"
        if not file.exists():
            file.write_text(_svg(name, ink), "utf-8")
        return file.as_posix()


class Look(QObject):
    """The theme in force. Built once; panels read `theme` while they paint and repaint on `changed`."""

    changed = Signal()

    def __init__(self, name: ThemeName = "dark", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name: ThemeName = name
        self.icon_files = IconFiles()

    @property
    def theme(self) -> Theme:
        """The tokens in force."""
        return themes()[self.name]

    def set_theme(self, name: ThemeName) -> None:
        """Change the theme and tell everybody."""
        if name != self.name:
            self.name = name
            self.changed.emit()

    def icon(self, name: str, ink: str | None = None, size_px: int = 16) -> QIcon:
        """Return a Lucide icon, quiet unless another ink is given."""
        return QIcon(self.pixmap(name, ink, size_px))

    def pixmap(self, name: str, ink: str | None = None, size_px: int = 16) -> QPixmap:
        """Return a Lucide icon's pixmap, quiet unless another ink is given."""
        return icon_pixmap(name, ink or self.theme.text.quiet, size_px, density())


def blend(over: str, under: str, share: float) -> str:
    """Return `share` of one opaque colour over another, as #RRGGBB."""
    top, ground = color(over), color(under)
    mixed = [
        round(a * share + b * (1 - share))
        for a, b in zip(top.getRgb()[:3], ground.getRgb()[:3], strict=True)  # type: ignore[index]
    ]
    return "#{:02X}{:02X}{:02X}".format(*mixed)


def square(center_x: float, center_y: float, size: float) -> QRectF:
    """Return the square of a size around a point."""
    return QRectF(center_x - size / 2, center_y - size / 2, size, size)
