"""What eyes make of pixels: lightness, and colours as a deuteranope sees them. Counterpart: the tests of symbols and loads.

Deuteranopia after Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
IEEE TVCG 15(6), 2009, table 1, severity 1.0, on linear RGB; lightness and distance are CIE 1976 L*a*b* (D65).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

Pixels = NDArray[np.float64]
"""Rows of pixels, each three numbers."""

_DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _XYZ.sum(axis=1)


def pixels(image: QImage) -> Pixels:
    """Return an image's sRGB, 0 to 1."""
    rows = image.convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(rows.constBits(), np.uint8).reshape(rows.height(), rows.bytesPerLine() // 4, 4)
    return data[:, : rows.width(), 2::-1] / 255.0


def color_pixels(*colors: str) -> Pixels:
    """Return colours, #RRGGBB, as one row of pixels."""
    return np.array([[[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors]])


def _linear(srgb: Pixels) -> Pixels:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _lab(linear: Pixels) -> Pixels:
    share = linear @ _XYZ.T / _WHITE
    f = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def in_color(srgb: Pixels) -> Pixels:
    """Return L*a*b* as most people see it."""
    return _lab(_linear(srgb))


def in_grey(srgb: Pixels) -> Pixels:
    """Return L*a*b* with a* and b* zero: a print without colour."""
    return in_color(srgb) * [1, 0, 0]


def as_deuteranope(srgb: Pixels) -> Pixels:
    """Return L*a*b* of what a deuteranope sees."""
    return _lab(np.clip(_linear(srgb) @ _DEUTERANOPE.T, 0, 1))


def difference(one: Pixels, other: Pixels) -> float:
    """Return the root mean square of the distances of two pictures' pixels: 0 the same, 100 black and white."""
    return float(np.sqrt(((one - other) ** 2).sum(axis=-1).mean()))
