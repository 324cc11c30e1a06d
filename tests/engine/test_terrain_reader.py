"""Files of heights: what is read, and what is refused with which words."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

from engine.terrain import reader
from engine.terrain.reader import ReaderJob, Unfit, read_file
from engine.terrain.tiles import HEAD_BYTES, Head, Tile, read_head
from tests.damaged_zips import DAMAGES, damaged
from tests.terrain_files import geotiff, hgt, packed, zipped

RAMP = [[100.0 * row + column for column in range(6)] for row in range(5)]


def nobody(lng: float, lat: float) -> None:
    return None


def read(path: Path) -> Tile:
    out = path.with_name("out.tile")
    head = read_file(ReaderJob(str(path), str(out), 7, "mara"))
    assert read_head(out) == head and (head.added_us, head.added_by, len(head.id)) == (7, "mara", 64)
    return Tile(out, head)


def refused(path: Path) -> str:
    with pytest.raises(Unfit) as error:
        read_file(ReaderJob(str(path), str(path.with_name("out.tile")), 0, ""))
    assert not path.with_name("out.tile").exists(), "nothing of it is kept"
    return str(error.value)


def test_an_srtm_tile_stands_where_its_name_says(tmp_path: Path) -> None:
    tile = read(hgt(tmp_path, 12, 46, lambda lng, lat: 1_000 * (lng - 12) + 100 * (lat - 46)))
    told = tile.head.told()
    assert (told.name, told.west, told.south, told.east, told.north) == ("N46E012.hgt", 12, 46, 13, 47)
    assert tile.height_m(12.0, 47.0, nobody) == 100 and tile.height_m(13.0, 46.0, nobody) == 1_000
    assert tile.height_m(12.3333, 46.6666, nobody) == pytest.approx(400, abs=9)
    assert tile.height_m(13.1, 46.5, nobody) is None


def test_an_srtm_tile_of_the_south_west_in_a_zip(tmp_path: Path) -> None:
    tile = read(zipped(hgt(tmp_path, -70, -34, lambda lng, lat: 5)))
    assert (tile.head.west, tile.head.north, tile.head.told().south) == (-70, -33, -34)
    assert tile.head.name == "S34W070.hgt"


def test_voids_stay_voids(tmp_path: Path) -> None:
    tile = read(hgt(tmp_path, 0, 0, lambda lng, lat: -32_768 if lng < 0.5 else 30))
    assert tile.height_m(0.2, 0.5, nobody) is None and tile.height_m(0.8, 0.5, nobody) == 30
    assert tile.head.void_share == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("packing", ["", "deflate", "differences", "lzw"])
@pytest.mark.parametrize("floats", [False, True])
def test_geotiffs_however_they_are_packed(tmp_path: Path, floats: bool, packing: str) -> None:
    if not floats:
        predictor = {"": 0, "deflate": 1, "differences": 2, "lzw": 1}[packing]
        path = geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP, predictor=predictor)
    else:
        path = geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP, floats=True)
    if floats and packing:
        compression = "tiff_lzw" if packing == "lzw" else "tiff_adobe_deflate"
        path = packed(path, compression=compression, tiffinfo={317: 3 if packing == "differences" else 1})
    tile = read(path)
    assert (tile.head.sample, tile.head.columns, tile.head.rows) == ("f4" if floats else "i2", 6, 5)
    assert (tile.head.west, tile.head.north) == pytest.approx((12.05, 46.95)), (
        "a pixel is an area: its middle"
    )
    assert tile.height_m(12.05, 46.95, nobody) == 0 and tile.height_m(12.55, 46.55, nobody) == 405
    assert tile.height_m(12.1, 46.9, nobody) == pytest.approx(50.5)


def test_pixels_that_are_points_are_not_moved(tmp_path: Path) -> None:
    tile = read(geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP, is_point=True))
    assert (tile.head.west, tile.head.north) == (12.0, 47.0)


def test_what_a_file_says_is_no_height_is_none(tmp_path: Path) -> None:
    holes = [[-9_999.0, *row[1:]] for row in RAMP]
    whole = read(geotiff(tmp_path / "a.tif", 12.0, 47.0, 0.1, holes, void="-9999"))
    assert whole.head.void_share == pytest.approx(5 / 30, abs=0.001)
    parts = read(geotiff(tmp_path / "b.tif", 12.0, 47.0, 0.1, holes, floats=True, void="-9999"))
    assert parts.sample_m(12.05, 46.95) is None and parts.sample_m(12.15, 46.95) == 1
    nans = [[math.nan, *row[1:]] for row in RAMP]
    assert read(geotiff(tmp_path / "c.tif", 12.0, 47.0, 0.1, nans, floats=True)).head.void_share > 0.1


def test_a_file_that_lies_is_refused_with_what_was_expected_and_got(tmp_path: Path) -> None:
    short = tmp_path / "N46E012.hgt"
    short.write_bytes(b"\0" * 1_000)
    assert refused(short) == "an .hgt of 2,884,802 or 25,934,402 bytes expected, got 1,000"
    good = hgt(tmp_path, 3, 3, lambda lng, lat: 5)
    assert "N46E012.hgt expected" in refused(good.rename(tmp_path / "hills.hgt"))
    assert "a place on Earth" in refused((tmp_path / "hills.hgt").rename(tmp_path / "N90E012.hgt"))
    wild = hgt(tmp_path, 4, 4, lambda lng, lat: 20_000)
    assert refused(wild) == "heights of -12,000 to 9,000 m expected, got many such as 20000"
    empty = hgt(tmp_path, 5, 5, lambda lng, lat: -32_768)
    assert refused(empty) == "heights expected, got none: every sample is void"
    text = tmp_path / "notes.txt"
    text.write_text("no heights")
    assert refused(text) == "an SRTM file (.hgt, or that in a .zip) or a GeoTIFF expected, got neither"


def test_zips_with_none_or_several_or_that_are_broken_are_refused(tmp_path: Path) -> None:
    tile = hgt(tmp_path, 12, 46, lambda lng, lat: 5)
    assert refused(zipped(tile, "readme.txt")) == "a zip with one .hgt or .tif expected, got 0 of them"
    assert refused(zipped(tile, "N46E012.hgt", "N46E013.hgt")).endswith("got 2 of them")
    torn = zipped(tile)
    torn.write_bytes(torn.read_bytes()[:-40])
    assert refused(torn).startswith("the zip cannot be read")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_zip_that_is_broken_inside_is_refused_with_the_file_in_it(tmp_path: Path, damage: str) -> None:
    broken = zipped(hgt(tmp_path, 12, 46, lambda lng, lat: 1_000 * (lng - 12)))
    broken.write_bytes(damaged(broken.read_bytes(), damage))
    words = refused(broken)
    assert words.startswith("the zip cannot be read: N46E012.hgt in the archive: ")
    assert DAMAGES[damage][1] in words


def test_a_zip_that_blows_up_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped(hgt(tmp_path, 12, 46, lambda lng, lat: 5))
    monkeypatch.setattr(reader, "FILE_BYTES", 1_000_000)
    assert refused(bomb).endswith("N46E012.hgt in the archive: at most 1.0 MB unpacked expected, got 2.9 MB")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"epsg": 32633},
            "heights in degrees (EPSG:4326) expected, got EPSG:32633: reproject the file first",
        ),
        ({"changed": {34735: (3, b"", 0)}}, "got no coordinate system"),
        ({"changed": {33550: (12, b"", 0)}}, "a pixel scale and one tie point expected"),
        ({"changed": {33550: (12, struct.pack("<3d", math.nan, 0.1, 0), 3)}}, "steps of less than a degree"),
        ({"changed": {33922: (12, struct.pack("<6d", 0, 0, 0, 900, 47, 0), 6)}}, "a piece of the Earth"),
        ({"changed": {339: (3, struct.pack("<H", 1), 1)}}, "16-bit whole or 32-bit floating"),
        ({"changed": {258: (3, struct.pack("<H", 8), 1)}}, "16-bit whole or 32-bit floating"),
        (
            {"changed": {256: (4, struct.pack("<I", 60_000), 1), 257: (4, struct.pack("<I", 60_000), 1)}},
            "million samples",
        ),
        ({"changed": {259: (3, struct.pack("<H", 999), 1)}}, "the TIFF cannot be read"),
    ],
)
def test_geotiffs_that_are_no_heights_in_degrees_are_refused(
    tmp_path: Path, given: dict[str, object], words: str
) -> None:
    assert words in refused(geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP, **given))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")  # Pillow says in warnings what it then refuses
def test_no_torn_geotiff_is_more_than_refused(tmp_path: Path) -> None:
    path = packed(geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP, floats=True), compression="tiff_lzw")
    whole = path.read_bytes()
    for cut in range(4, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert refused(path)
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0xFF,)) + whole[at + 1 :])
        try:
            read_file(ReaderJob(str(path), str(tmp_path / "out.tile"), 0, ""))
        except Unfit:
            continue


def test_a_tile_whose_file_was_cut_is_none(tmp_path: Path) -> None:
    tile = read(geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, RAMP))
    head: Head = tile.head
    tile.close()
    path = tmp_path / "out.tile"
    path.write_bytes(path.read_bytes()[: HEAD_BYTES + 10])
    with pytest.raises(ValueError, match="bytes expected, got"):
        read_head(path)
    with pytest.raises(ValueError, match="bytes expected"):
        Tile(path, head)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="no tile"):
        read_head(path)
