"""Zips that are damaged inside: a KMZ and zipped heights are read, or refused in words, whichever byte of them is another."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from engine.imports.kml import read_kmz
from engine.imports.record import CannotRead
from engine.terrain.reader import ReaderJob, Unfit, read_file

KML = b"<kml><Document>" + b"<Placemark><name>Hill</name></Placemark>" * 20 + b"</Document></kml>"
WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ENCRYPTED_BIT = 1
REACHES_IN = ("Bad CRC-32", "decompressing", "Corrupt input", "Invalid data stream")
"""What is said where the archive itself is one, and what it holds cannot be had."""


def zipped(name: str, way: int, data: bytes = KML) -> bytes:
    """Return an archive with a file packed in some way."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", way) as archive:
        archive.writestr(zipfile.ZipInfo(name), data, way)
    return made.getvalue()


def read_heights(data: bytes, folder: Path) -> None:
    """Read a file of heights as its reader's process does."""
    file = folder / "N47E008.hgt.zip"
    file.write_bytes(data)
    read_file(ReaderJob(str(file), str(folder / "out.tile"), 0, ""))


def refusal_of(name: str, data: bytes, folder: Path) -> str:
    """Return why an archive is refused, empty where it is read; whatever else is raised fails the test."""
    try:
        read_kmz(data) if name.endswith(".kml") else read_heights(data, folder)
    except (CannotRead, Unfit) as why:
        assert str(why)
        return str(why)
    return ""


@pytest.mark.parametrize("name", ["doc.kml", "N47E008.hgt"])
@pytest.mark.parametrize("way", WAYS)
def test_whichever_byte_of_an_archive_is_another_it_is_read_or_refused_in_words(
    tmp_path: Path, name: str, way: int
) -> None:
    whole, said = zipped(name, way), set[str]()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        said.add(refusal_of(name, bytes(damaged), tmp_path))
    assert any(word in one for one in said for word in REACHES_IN), said


@pytest.mark.parametrize("name", ["doc.kml", "N47E008.hgt"])
@pytest.mark.parametrize(
    ("place", "value", "words"), [(6, ENCRYPTED_BIT, "password"), (8, 97, "not supported")]
)
def test_one_with_a_password_or_packed_in_an_unknown_way_is_refused(
    tmp_path: Path, name: str, place: int, value: int, words: str
) -> None:
    whole = bytearray(zipped(name, zipfile.ZIP_DEFLATED))
    directory = whole.index(b"PK\x01\x02")
    whole[place] = whole[directory + place + 2] = value
    assert words in refusal_of(name, bytes(whole), tmp_path)
