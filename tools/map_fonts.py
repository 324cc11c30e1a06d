"""Makes the map's fonts for scripts that Inter lacks, Arabic and CJK, out of Noto's. Counterpart: `map_assets/src/fonts.js`.

Sources: Debian's fonts-noto-core and fonts-noto-cjk (SIL Open Font License 1.1, no reserved name), at one weight. Of CJK what the
character sets of China, Taiwan, Hong Kong, Japan and Korea write is kept, in Chinese shapes where lands differ; of Arabic all.
One rule: a source that is not what it was when this was written is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from fontTools import subset
from fontTools.ttLib import TTFont

FOLDER = Path(__file__).resolve().parent.parent / "map_assets" / "fonts"
CHARACTER_SETS = ("gbk", "big5", "big5hkscs", "euc_jis_2004", "euc_kr")
ARABIC = (
    range(0x0600, 0x0700),
    range(0x0750, 0x0780),
    range(0x08A0, 0x0900),
    range(0xFB50, 0xFE00),
    range(0xFE70, 0xFF00),
)
HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7B0))
HAN = (range(0x3400, 0xA000), range(0xF900, 0xFB00))
MARKS = (
    range(0x2E80, 0x3000),
    range(0x3000, 0x3130),
    range(0x3190, 0x3400),
    range(0xFE30, 0xFE50),
    range(0xFF00, 0xFFF0),
)
"""Radicals, kana and punctuation: they come with Han."""

log = logging.getLogger("map_fonts")


class Source(NamedTuple):
    """A file of a Debian package; `face` is the number of the font in it."""

    package: str
    path: str
    digest: str
    face: int


NOTO_ARABIC = Source(
    "fonts-noto-core",
    "usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "504d7407d86875acf7d04dfaa0fd7524d0b8797723bc4aa18022f29db25b0b6e",
    0,
)
NOTO_CJK = Source(
    "fonts-noto-cjk",
    "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a",
    2,
)


class WrongSource(Exception):
    """A package does not hold what it held when this was written."""


def letters_of(blocks: tuple[range, ...]) -> set[int]:
    """Return all code points of blocks."""
    return {code for block in blocks for code in block}


def written_han() -> set[int]:
    """Return the Han characters that one of the character sets can write."""
    return {code for code in letters_of(HAN) if any(_can_write(name, chr(code)) for name in CHARACTER_SETS)}


def _can_write(character_set: str, letter: str) -> bool:
    try:
        letter.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


def fetch(source: Source, folder: Path) -> Path:
    """Return a package's file, unpacked into a folder; nothing is installed."""
    subprocess.run(["apt-get", "download", "-q", source.package], cwd=folder, check=True)
    for archive in folder.glob(f"{source.package}_*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
    file = folder / source.path
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != source.digest:
        raise WrongSource(f"{source.path} of {source.package} has digest {digest}, expected {source.digest}")
    return file


def write_part(file: Path, face: int, letters: set[int], out: Path, *, shaped: bool) -> None:
    """Write the letters of a font as WOFF2; `shaped`: with the rules by which they join."""
    options = subset.Options()
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]
    options.notdef_outline = True
    if not shaped:
        options.layout_features = []
        options.drop_tables += ["GSUB", "GPOS", "BASE", "VORG", "vhea", "vmtx"]
    font = TTFont(file, fontNumber=face, recalcTimestamp=False)
    kept = subset.Subsetter(options)
    kept.populate(unicodes=letters)
    kept.subset(font)
    font.flavor = "woff2"
    font.save(out)
    log.info("%s: %d letters, %.2f MB", out.name, len(font.getBestCmap()), out.stat().st_size / 1e6)


def main() -> int:
    """Make the three files."""
    parser = argparse.ArgumentParser(prog="./dev fonts", description="Make the map's fonts anew.")
    parser.add_argument("--out", type=Path, default=FOLDER)
    out = parser.parse_args().out
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        arabic, cjk = (fetch(source, Path(folder)) for source in (NOTO_ARABIC, NOTO_CJK))
        write_part(arabic, NOTO_ARABIC.face, letters_of(ARABIC), out / "NotoSansArabic.woff2", shaped=True)
        write_part(cjk, NOTO_CJK.face, letters_of(HANGUL), out / "NotoSansHangul.woff2", shaped=False)
        han = written_han() | letters_of(MARKS)
        write_part(cjk, NOTO_CJK.face, han, out / "NotoSansHan.woff2", shaped=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
