"""CSV made into records: a row is a site, a device or a link. Counterpart: `writing.py` writes it.

One rule: the first row names the columns; separator, quotes and coding are found out, and what stays unclear is said.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from domain.text import clean_text
from engine.imports.graphml import LAT_FIELDS, LNG_FIELDS
from engine.imports.record import CannotRead, Record, capped, fields_from, name_in, place_from

COLUMNS_CAP = 200
CELL_CAP = 100_000
SEPARATORS = ",;\t|"
ENDS = (("a", "b"), ("from", "to"), ("source", "target"), ("end_a", "end_b"))


def read_table(data: bytes) -> list[Record]:
    """Return the rows of a CSV file. Raises CannotRead."""
    text = _decoded(data)
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    csv.field_size_limit(CELL_CAP)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = next((row for row in rows if any(cell.strip() for cell in row)), None)
        if header is None:
            raise CannotRead("the file is empty")
        if len(header) > COLUMNS_CAP:
            raise CannotRead(f"{len(header)} columns, at most {COLUMNS_CAP} expected")
        return capped(_rows(header, rows))
    except csv.Error as error:
        raise CannotRead(f"row {rows.line_num}: {clean_text(str(error), 120)}") from error


def _rows(header: list[str], rows: Iterator[list[str]]) -> Iterator[Record]:
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"row {number}"
        if len(row) > len(header):
            raise CannotRead(f"{where}: {len(row)} cells under {len(header)} columns")
        fields = fields_from(zip(header, map(_plain, row), strict=False))
        lng = next((fields[name] for name in LNG_FIELDS if name in fields), None)
        lat = next((fields[name] for name in LAT_FIELDS if name in fields), None)
        if (lng is None) != (lat is None):
            raise CannotRead(f"{where}: a place needs both longitude and latitude")
        place = () if lng is None or lat is None else (place_from(*_decimal(lng, lat), where),)
        ends = next(((fields[a], fields[b]) for a, b in ENDS if a in fields and b in fields), None)
        yield Record(where, name_in(fields), fields, place, fields.get("id", ""), ends)


def _plain(cell: str) -> str:
    """Return a cell without the mark that keeps a spreadsheet from reckoning with it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell


def _decimal(lng: str, lat: str) -> tuple[str, str]:
    """Return numbers with a point where they were written with a comma."""
    return lng.replace(",", "."), lat.replace(",", ".")


def _decoded(data: bytes) -> str:
    for coding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = data.decode(coding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = data.decode("cp1252", "replace")
    if "\x00" in text:
        raise CannotRead("this is no text: it holds zero bytes")
    return text
