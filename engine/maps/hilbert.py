"""Tiles by number: along the Hilbert curve, zoom after zoom, as PMTiles counts them. Counterpart: `archive.py` reads the numbers.

Theory: the tiles of a zoom follow the curve, so that the four children of a tile have four numbers in a row, and so has every
square of 4^k tiles: an area is a few ranges, and a tile's ancestor is its number shifted.
One rule: x counts from west, y from north, in tiles of the zoom. Source: the PMTiles specification, version 3, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from domain.maps import LAT_MOST_DEG, Box

Range = tuple[int, int]
"""Numbers from the first up to, but without, the second."""
Square = tuple[int, int, int, int]
"""First and last column, first and last row, all of them in it."""


def first_id(zoom: int) -> int:
    """Return the number of a zoom's first tile; of the zoom after the last it is the end."""
    return ((1 << (2 * zoom)) - 1) // 3


def zoom_of(id: int) -> int:
    """Return the zoom that a number belongs to."""
    return ((3 * id + 1).bit_length() - 1) // 2


def tile_of(index: int, zoom: int) -> tuple[int, int]:
    """Return column and row of the tile at a place on the curve of its zoom."""
    x = y = 0
    for level in range(zoom):
        rx = 1 & (index >> 1)
        ry = 1 & (index ^ rx)
        size = 1 << level
        if ry == 0:
            if rx == 1:
                x, y = size - 1 - x, size - 1 - y
            x, y = y, x
        x, y = x + (rx << level), y + (ry << level)
        index >>= 2
    return x, y


def index_of(x: int, y: int, zoom: int) -> int:
    """Return the place on the curve of a tile's zoom."""
    index = 0
    for level in range(zoom - 1, -1, -1):
        rx, ry = 1 & (x >> level), 1 & (y >> level)
        index += (3 * rx ^ ry) << (2 * level)
        size = 1 << level
        x, y = x & (size - 1), y & (size - 1)
        if ry == 0:
            if rx == 1:
                x, y = size - 1 - x, size - 1 - y
            x, y = y, x
    return index


def squares_of(boxes: Iterable[Box], zoom: int) -> list[Square]:
    """Return which tiles of a zoom the boxes touch; one across the antimeridian gives two squares."""
    found = set()
    for west, south, east, north in boxes:
        spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        for left, right in spans:
            columns, rows = (
                (_column(left, zoom), _column(right, zoom)),
                (_row(north, zoom), _row(south, zoom)),
            )
            found.add((*columns, *rows))
    return sorted(found)


def ranges_of(squares: Sequence[Square], zoom: int) -> Iterator[Range]:
    """Go over the numbers of the tiles in any of the squares, in order, as ranges that do not touch."""
    base = first_id(zoom)
    begin = end = -1
    for start, stop in _parts(0, 0, squares, zoom):
        if start == end:
            end = stop
            continue
        if begin >= 0:
            yield base + begin, base + end
        begin, end = start, stop
    if begin >= 0:
        yield base + begin, base + end


def _parts(index: int, level: int, squares: Sequence[Square], zoom: int) -> Iterator[Range]:
    """Go over what of one tile and its descendants lies in the squares."""
    below = zoom - level
    x, y = tile_of(index, level)
    left, top = x << below, y << below
    right, bottom = left + (1 << below) - 1, top + (1 << below) - 1
    near = []
    for square in squares:
        if square[0] <= left and right <= square[1] and square[2] <= top and bottom <= square[3]:
            yield index << (2 * below), (index + 1) << (2 * below)
            return
        if square[0] <= right and left <= square[1] and square[2] <= bottom and top <= square[3]:
            near.append(square)
    if near:
        for child in range(4):
            yield from _parts(4 * index + child, level + 1, near, zoom)


def boxes_of(ranges: Iterable[Range], zoom: int, cap: int) -> list[Box]:
    """Return where whole ranges of one zoom lie, as boxes, the largest first; at most `cap`."""
    base = first_id(zoom)
    blocks: dict[int, list[int]] = {}
    for begin, end in ranges:
        index, stop = begin - base, end - base
        while index < stop:
            fits = (stop - index).bit_length() - 1
            aligned = (index & -index).bit_length() - 1 if index else 2 * zoom
            level = min(fits, aligned) // 2
            blocks.setdefault(level, []).append(index >> (2 * level))
            index += 1 << (2 * level)
    squares: list[Square] = []
    for level in sorted(blocks, reverse=True):
        for index in blocks[level]:
            x, y = tile_of(index, zoom - level)
            squares.append((x << level, ((x + 1) << level) - 1, y << level, ((y + 1) << level) - 1))
        squares = _joined(_joined(squares, 0), 2)
        if len(squares) > cap:
            break
    squares.sort(key=lambda s: (s[0] - s[1] - 1) * (s[3] - s[2] + 1))
    return [_box(square, zoom) for square in squares[:cap]]


def _joined(squares: list[Square], axis: int) -> list[Square]:
    """Join squares that follow each other along an axis (0: columns, 2: rows) and are as wide as each other across it."""
    across = 2 - axis
    made: list[Square] = []
    for square in sorted(squares, key=lambda s: (s[across], s[across + 1], s[axis])):
        last = made[-1] if made else None
        if (
            last is not None
            and last[across : across + 2] == square[across : across + 2]
            and last[axis + 1] + 1 == square[axis]
        ):
            one = list(last)
            one[axis + 1] = square[axis + 1]
            made[-1] = (one[0], one[1], one[2], one[3])
        else:
            made.append(square)
    return made


def _box(square: Square, zoom: int) -> Box:
    first_column, last_column, first_row, last_row = square
    return (
        first_column / (1 << zoom) * 360 - 180,
        _lat_deg(last_row + 1, zoom),
        (last_column + 1) / (1 << zoom) * 360 - 180,
        _lat_deg(first_row, zoom),
    )


def _lat_deg(row: int, zoom: int) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / (1 << zoom)))))


def _column(lng_deg: float, zoom: int) -> int:
    return min(max(int((lng_deg + 180) / 360 * (1 << zoom)), 0), (1 << zoom) - 1)


def _row(lat_deg: float, zoom: int) -> int:
    lat = math.radians(min(max(lat_deg, -LAT_MOST_DEG), LAT_MOST_DEG))
    y = (1 - math.asinh(math.tan(lat)) / math.pi) / 2
    return min(max(int(y * (1 << zoom)), 0), (1 << zoom) - 1)
