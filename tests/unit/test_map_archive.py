"""Map files as bytes of strangers: what lies is refused in words, whatever it is; what is whole is read as others read it."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pmtiles.tile import Entry as ForeignEntry
from pmtiles.tile import deserialize_directory, serialize_directory, tileid_to_zxy, zxy_to_tileid

from engine.maps import cut
from engine.maps import directory as packing
from engine.maps.archive import HEADER_BYTES, Archive, Header, decode_header
from engine.maps.cut import plan_cut, write_cut
from engine.maps.directory import BadMap, Directory, Entry, decode_directory, encode_directory, unpack
from engine.maps.hilbert import boxes_of, first_id, index_of, ranges_of, squares_of, tile_of, zoom_of
from engine.maps.schema import plain_credit, told_of
from engine.maps.survey import Survey, survey
from tests.map_files import png, tile_of_schema, varint, write_map


def quiet(done: int, total: int, phase: str) -> None:
    """Hear how far it is."""


def surveyed(path: Path) -> Survey:
    return survey(path, quiet)


def patched(path: Path, **fields: Any) -> Path:
    """Change fields of a file's header."""
    data = path.read_bytes()
    header = decode_header(data[:HEADER_BYTES], len(data))._replace(**fields)
    path.write_bytes(header.encode() + data[HEADER_BYTES:])
    return path


def with_root(path: Path, entries: list[Entry], leaves: bytes = b"") -> Path:
    """Give a file another root directory, and leaves, behind everything else; nothing is counted."""
    data = path.read_bytes()
    head = decode_header(data[:HEADER_BYTES], len(data))
    columns = zip(*((e.id, e.run, e.length, e.offset) for e in entries), strict=True)
    root = gzip.compress(encode_directory(Directory(*map(list, columns))))
    head = head._replace(root_offset=len(data), root_bytes=len(root), addressed=0, entries=0, contents=0)
    head = head._replace(leaves_offset=len(data) + len(root), leaves_bytes=len(leaves), clustered=0)
    path.write_bytes(head.encode() + data[HEADER_BYTES:] + root + leaves)
    return path


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"root_offset": 10**15}, "the root directory would end at byte"),
        ({"tiles_bytes": 2**62}, "the tiles would end at byte"),
        ({"metadata_bytes": 2**40}, "the metadata would end"),
        ({"leaves_offset": 130, "leaves_bytes": 20}, "within"),
        ({"root_bytes": 0}, "the root directory has 0 bytes"),
        ({"root_offset": 0}, "the header would begin at byte 0, within"),
        ({"tile_type": 6}, "mlt; mvt, png, jpg or webp expected"),
        ({"internal_compression": 4}, "packed with zstd; gzip or none expected"),
        ({"tile_compression": 3}, "packed with brotli"),
        ({"max_zoom": 31}, "0 to 22 at most"),
        ({"min_zoom": 9, "max_zoom": 3}, "in order"),
        ({"west_e7": 1_900_000_000}, "at most 180 and 90 degrees expected"),
        ({"max_zoom": 4}, "its zooms are 0 to 4"),
        ({"min_zoom": 2}, "its zooms are 2 to 10"),
        ({"addressed": 7}, "the header counts 7 addressed tiles, the directories have 48"),
        ({"entries": 9}, "the header counts 9 entries"),
        ({"contents": 9}, "the header counts 9 contents"),
        ({"internal_compression": 1}, "metadata are no JSON"),
        ({"tile_type": 2}, "is no png"),
        ({"tile_compression": 1}, "is no vector tile"),
        ({"tiles_bytes": 100}, "within 100 expected"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    file = patched(write_map(tmp_path / "a.pmtiles"), **fields)
    with pytest.raises(BadMap, match=said):
        surveyed(file)


def numbers(*columns: int) -> bytes:
    return b"".join(map(varint, columns))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut off"),
        (numbers(0), "0 entries"),
        (numbers(2**40, 1, 1, 1, 1), "entries, 1 to"),
        (numbers(2, 1, 0, 1, 1, 5, 5, 1, 1), "order of the Hilbert curve at entry 1"),
        (numbers(2, 1, 1, 5, 1, 5, 5, 1, 1), "reaches into the next entry"),
        (numbers(1, 1, 1, 0, 1), "has 0 bytes"),
        (numbers(1, 1, 1, 5, 0), "an offset expected"),
        (numbers(1, 1, 1, 5, 1, 9), "behind its last entry"),
        (b"\x01" + b"\xff" * 12 + b"\x01\x01\x01", "64 bits"),
        (b"\x01\x01\x01\x05\x80", "cut off"),
    ],
)
def test_a_directory_that_lies_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadMap, match=said):
        decode_directory(data, "it")


def test_leaves_in_a_loop_over_each_other_too_deep_or_outside_are_refused(tmp_path: Path) -> None:
    file = write_map(tmp_path / "a.pmtiles")

    def leaf(*entries: Entry) -> bytes:
        columns = zip(*((e.id, e.run, e.length, e.offset) for e in entries), strict=True)
        return gzip.compress(encode_directory(Directory(*map(list, columns))), mtime=0)

    one = leaf(Entry(0, 0, 10, 1))
    two = leaf(Entry(5, 0, 10, 1))
    nested = leaf(Entry(0, 0, 60, 0))
    cases: list[tuple[list[Entry], bytes, str]] = [
        ([Entry(0, 0, len(one), 0), Entry(3, 0, len(one), 0)], one, "0 to 2 expected|in a loop"),
        ([Entry(0, 0, len(nested), 0)], nested.ljust(60, b"\0"), "cut off or followed|in a loop"),
        ([Entry(0, 5, len(one), 0)], one, "within"),
        ([Entry(0, 0, len(two), 0), Entry(3, 0, len(two), 0)], two, "0 to 2 expected"),
        ([Entry(0, 0, 2**30, 0)], one, "at most"),
        ([Entry(0, 2**40, 10, 1)], b"", "reaches|expected"),
    ]
    for entries, leaves, said in cases:
        with pytest.raises(BadMap, match=said):
            surveyed(with_root(write_map(file), entries, leaves))
    deep, at, chain = leaf(Entry(0, 0, 10, 1)), 0, b""
    parts = [deep]
    for _ in range(4):
        at = len(b"".join(parts[:-1]))
        parts.append(leaf(Entry(0, at, len(parts[-1]), 0)))
    chain = b"".join(parts)
    at = len(chain) - len(parts[-1])
    with pytest.raises(BadMap, match="levels deep"):
        surveyed(with_root(write_map(file), [Entry(0, at, len(parts[-1]), 0)], chain))


def test_what_unpacks_to_too_much_is_refused_before_it_does() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(BadMap, match="unpacks to more than 1,000,000 bytes"):
        unpack(bomb, packing.GZIP, 1_000_000, "it")
    for data in (b"no gzip", gzip.compress(b"x")[:-4], gzip.compress(b"x") + b"more"):
        with pytest.raises(BadMap):
            unpack(data, packing.GZIP, 100, "it")


def test_tiles_over_each_other_and_two_lengths_of_one_tile_are_refused(tmp_path: Path) -> None:
    file = write_map(tmp_path / "a.pmtiles")
    with pytest.raises(BadMap, match="within another"):
        surveyed(with_root(file, [Entry(0, 0, 100, 1), Entry(1, 50, 100, 1)]))
    with pytest.raises(BadMap, match="another 100 there"):
        surveyed(with_root(write_map(file), [Entry(0, 0, 100, 1), Entry(1, 0, 90, 1)]))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (b"[]", "an object expected"),
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "a list of at most"),
        (b'{"vector_layers": [{"id": "pools"}, 7, {"id": 8}]}', "its layers are pools; those of Protomaps"),
        (b'{"vector_layers": [' + b",".join([b"{}"] * 600) + b"]}", "600 entries"),
    ],
)
def test_metadata_of_no_schema_are_refused(metadata: bytes, said: str) -> None:
    with pytest.raises(BadMap, match=said):
        told_of(metadata, is_vector=True)


def test_a_credit_is_text_whatever_it_was() -> None:
    told = (
        '<a href="javascript:x">&copy; OpenMapTiles</a> <script>alert(1)</script>\u202e <img src=x onerror=y'
    )
    assert plain_credit(told) == "© OpenMapTiles alert(1) img src=x onerror=y"
    assert len(plain_credit("x" * 9_999)) == 200


@given(st.integers(0, 22).flatmap(lambda z: st.tuples(st.just(z), *[st.integers(0, 2**z - 1)] * 2)))
def test_tiles_are_numbered_as_others_number_them(tile: tuple[int, int, int]) -> None:
    zoom, x, y = tile
    id = first_id(zoom) + index_of(x, y, zoom)
    assert id == zxy_to_tileid(zoom, x, y)
    assert (zoom_of(id), *tile_of(id - first_id(zoom), zoom)) == tuple(tileid_to_zxy(id))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 6),
    st.lists(st.tuples(*[st.floats(-180, 180), st.floats(-89, 89)] * 2), min_size=1, max_size=4),
)
def test_the_ranges_of_boxes_are_their_tiles_each_once(
    zoom: int, corners: list[tuple[float, float, float, float]]
) -> None:
    boxes = [(w, min(a, b), e, max(a, b)) for w, a, e, b in corners]
    squares = squares_of(boxes, zoom)
    wanted = {
        zxy_to_tileid(zoom, x, y) for a, b, c, d in squares for x in range(a, b + 1) for y in range(c, d + 1)
    }
    ranges = list(ranges_of(squares, zoom))
    assert sorted(wanted) == [id for begin, end in ranges for id in range(begin, end)]
    again = squares_of([shrunk(box) for box in boxes_of(ranges, zoom, 10_000)], zoom)
    assert [*ranges_of(again, zoom)] == ranges


def shrunk(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = box
    return west + 1e-6, south + 1e-6, east - 1e-6, north - 1e-6


ENTRY = st.tuples(st.integers(1, 10**6), st.integers(1, 300), st.integers(1, 10**7), st.integers(0, 2**40))


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRY, min_size=1, max_size=80))
def test_directories_go_to_others_and_back(rows: list[tuple[int, int, int, int]]) -> None:
    entries, id = [], 0
    for step, run, length, offset in rows:
        entries.append(Entry(id + step, offset, length, run))
        id += step + run
    columns = Directory(*map(list, zip(*((e.id, e.run, e.length, e.offset) for e in entries), strict=True)))
    ours = encode_directory(columns)
    theirs = serialize_directory([ForeignEntry(e.id, e.offset, e.length, e.run) for e in entries])
    assert list(decode_directory(gzip.decompress(theirs), "it").rows()) == entries
    foreign = deserialize_directory(gzip.compress(ours))
    assert [(e.tile_id, e.offset, e.length, e.run_length) for e in foreign] == [tuple(e) for e in entries]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_are_a_directory_by_accident_that_is_not_in_order(data: bytes) -> None:
    try:
        found = decode_directory(data, "it")
    except BadMap:
        return
    ends = [id + run for id, run in zip(found.ids, found.runs, strict=True)]
    assert all(end <= after for end, after in zip(ends, found.ids[1:], strict=False))
    assert all(
        length > 0 and offset >= 0 for length, offset in zip(found.lengths, found.offsets, strict=True)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("maps") / "a.pmtiles"
    return write_map(path, zooms=(0, 8)).read_bytes()


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_with_turned_bytes_is_read_or_refused_and_nothing_else(
    whole: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    made = bytearray(whole)
    spots = st.tuples(st.one_of(st.integers(0, 127), st.integers(0, len(whole) - 1)), st.integers(0, 255))
    for at, byte in data.draw(st.lists(spots, min_size=1, max_size=6)):
        made[at] = byte
    file = tmp_path / "a.pmtiles"
    file.write_bytes(made[: data.draw(st.one_of(st.just(len(made)), st.integers(0, len(made))))])
    try:
        found = surveyed(file)
        with Archive(file) as archive:
            plan = plan_cut(archive, "x", [(9.5, 47.5, 10, 47.8)], (0, 22), quiet)
            write_cut(archive, plan, tmp_path / "cut", quiet)
    except BadMap:
        return
    assert found.tiles > 0
    assert (tmp_path / "cut").stat().st_size == plan.size_bytes
    surveyed(tmp_path / "cut")


def test_a_cut_with_many_tiles_has_leaves_and_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "ROOT_END", 400)
    monkeypatch.setattr(cut, "LEAF_ENTRIES", 16)
    source = write_map(
        tmp_path / "a.pmtiles", zooms=(12, 14), make=lambda t: gzip.compress(tile_of_schema("protomaps", t))
    )
    with Archive(source) as archive:
        plan = plan_cut(archive, "x", [(9.0, 47.4, 10.6, 48.0)], (0, 22), quiet)
        write_cut(archive, plan, tmp_path / "cut", quiet)
    with Archive(tmp_path / "cut") as archive:
        assert archive.header.leaves_bytes > 0
        assert len(list(archive.entries())) == archive.header.entries == plan.tiles
    assert surveyed(tmp_path / "cut").tiles == surveyed(source).tiles


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    good = write_map(tmp_path / "a.pmtiles", "raster", zooms=(0, 6))
    assert surveyed(good).tile_type == "png"
    bad = write_map(
        tmp_path / "b.pmtiles", "raster", zooms=(0, 6), make=lambda tile: b"\xff\xd8\xff" + png(1, 2, 3)
    )
    with pytest.raises(BadMap, match="is no png"):
        surveyed(bad)


def test_a_header_is_written_as_it_was_read(tmp_path: Path) -> None:
    data = write_map(tmp_path / "a.pmtiles").read_bytes()
    header = decode_header(data[:HEADER_BYTES], len(data))
    assert isinstance(header, Header)
    assert header.encode() == data[:HEADER_BYTES]
    assert struct.unpack("<Q", data[72:80]) == (header.addressed,)
