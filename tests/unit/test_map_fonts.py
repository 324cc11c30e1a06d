"""The fonts that come along hold what the map has to write. Counterpart: `tools/map_fonts.py`, `map_assets/src/fonts.js`."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

import map_assets
from tests.world_tiles import Archive
from tools.map_fonts import ARABIC, HANGUL, letters_of, written_han

pytestmark = pytest.mark.no_cover  # every tile of the world is read, by nothing that is measured

ASSETS = Path(map_assets.__file__).parent
FOLDER = ASSETS / "fonts"
CAP_BYTES = 12_000_000
INTER = ("Inter-Regular.ttf", "Inter-Medium.ttf", "Inter-SemiBold.ttf")
UNSEEN = {"\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\xad"}
"""Letters that are not drawn."""

Ranges = dict[str, list[str]]


def ranges_of_the_map() -> Ranges:
    text = (ASSETS / "src" / "fonts.js").read_text("utf-8")
    rows = re.findall(r'"(\S+\.woff2)": \[(.+)\]', text)
    return {file: re.findall(r"U\+[0-9A-F-]+", row) for file, row in rows}


def ranges_of_the_page() -> Ranges:
    text = (ASSETS / "style" / "page.css").read_text("utf-8")
    rows = re.findall(r"fonts/(\S+\.woff2)[^}]*unicode-range:([^;]+);", text)
    return {file: re.findall(r"U\+[0-9A-F-]+", row) for file, row in rows}


@cache
def letters_in(file: str) -> frozenset[int]:
    return frozenset(TTFont(FOLDER / file, lazy=True).getBestCmap())


def file_for(letter: str) -> str:
    """The file that the map draws a letter with."""
    for file, ranges in ranges_of_the_map().items():
        for bounds in ranges:
            first, last = (int(end, 16) for end in bounds[2:].split("-"))
            if first <= ord(letter) <= last:
                return file
    return INTER[0]


@cache
def letters_of_the_world() -> frozenset[str]:
    world = Archive(ASSETS / "basemap" / "world.pmtiles")
    side = 2**world.max_zoom
    return frozenset(
        letter
        for layer in ("places", "water")
        for x in range(side)
        for y in range(side)
        for feature in world.features(world.max_zoom, x, y, layer)
        for key in ("name", "name:en")
        for letter in feature.properties.get(key, "")
    )


def test_every_letter_of_every_name_of_the_world_is_in_the_font_that_draws_it() -> None:
    letters = letters_of_the_world() - UNSEEN
    assert set("üЖΩق京さ서") <= letters
    assert [letter for letter in sorted(letters) if ord(letter) not in letters_in(file_for(letter))] == []


def test_each_place_of_an_arabic_letter_in_a_word_has_its_shape() -> None:
    """MapLibre writes them as letters of their own: Unicode's presentation forms."""
    forms = {code for code in range(0xFE70, 0xFEFD) if unicodedata.name(chr(code), "")}
    persian = {0xFB56, 0xFB7A, 0xFB8A, 0xFB8E, 0xFB92, 0xFBFC, 0xFBFE}
    assert forms | persian <= letters_in("NotoSansArabic.woff2") <= letters_of(ARABIC)


def test_a_map_of_ones_own_may_hold_whatever_china_japan_korea_taiwan_and_hong_kong_can_write() -> None:
    han = written_han()
    assert len(han) > 20_000
    missing = han - letters_in("NotoSansHan.woff2")
    assert len(missing) / len(han) < 0.005
    assert set(range(0x3041, 0x3097)) | set(range(0x30A1, 0x30FB)) <= letters_in("NotoSansHan.woff2")
    assert set(range(0xAC00, 0xD7A4)) <= letters_in("NotoSansHangul.woff2") <= letters_of(HANGUL)


@pytest.mark.parametrize("file", INTER)
def test_inter_writes_latin_cyrillic_and_greek(file: str) -> None:
    blocks = (
        range(0x20, 0x7F),
        range(0xA0, 0x180),
        range(0x386, 0x3CF),
        range(0x400, 0x460),
        range(0x1EA0, 0x1EFA),
    )
    wanted = {code for code in letters_of(blocks) if unicodedata.name(chr(code), "")}
    wanted -= {0xAD, 0x149}  # a hyphen that is not drawn, and a letter that nobody writes any more
    assert wanted <= letters_in(file)


def test_the_page_draws_what_stands_around_the_map_with_the_same_files() -> None:
    assert ranges_of_the_page() == ranges_of_the_map()
    assert set(ranges_of_the_map()) == {path.name for path in FOLDER.glob("*.woff2")}


def test_all_fonts_together_are_small_and_each_tells_its_licence() -> None:
    files = [path for path in FOLDER.iterdir() if path.suffix in (".ttf", ".woff2")]
    assert sum(path.stat().st_size for path in files) < CAP_BYTES
    licences = "".join(path.read_text("utf-8") for path in FOLDER.glob("OFL*.txt"))
    for path in files:
        names = TTFont(path, lazy=True)["name"]
        assert "SIL Open Font License" in (names.getDebugName(13) or "")
        holder = re.sub(
            r"^(©|Copyright) [0-9-]+ |\.* *(All Rights Reserved\.)?$", "", names.getDebugName(0) or ""
        )
        assert holder
        assert holder in licences
