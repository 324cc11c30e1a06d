"""The ground as one: seams between tiles, holes, the antimeridian, paths over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.geometry import LngLat
from engine.terrain.ground import Ground, sweep_unfinished
from engine.terrain.reader import ReaderJob, read_file
from tests.terrain_files import Height, geotiff, hgt

SIDE = 61


def taken(ground: Ground, path: Path) -> str:
    """Have a ground take up a file; return the tile's id."""
    part = path.with_name("x.part")
    head = read_file(ReaderJob(str(path), str(part), 0, ""))
    part.parent.joinpath("terrain").mkdir(exist_ok=True)
    part.replace(ground.path_of(head.id))
    ground.add(head)
    return head.id


def square(
    west: float, north: float, height: Height, step: float = 1 / 60, count: int = SIDE
) -> list[list[float]]:
    """Return rows of heights on a grid from its north-west."""
    return [[height(west + x * step, north - y * step) for x in range(count)] for y in range(count)]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    (tmp_path / "terrain").mkdir()
    return Ground(tmp_path / "terrain")


def plane(lng: float, lat: float) -> float:
    return 100 * (lng % 360) + 10 * lat


def piece(
    folder: Path, west: float, north: float, count: int = SIDE, height: Height = plane, name: str = ""
) -> Path:
    """Write a tile of points, a degree wide where `count` is 61."""
    rows = square(west, north, height, count=count)
    path = folder / (name or f"{west}_{north}.tif")
    return geotiff(path, west, north, 1 / 60, rows, floats=True, is_point=True)


@settings(max_examples=60, deadline=None)
@given(lng=st.floats(12.0, 14.0), lat=st.floats(46.0, 47.0))
def test_over_seams_of_tiles_that_share_no_sample_the_ground_goes_on(
    tmp_path_factory: pytest.TempPathFactory, lng: float, lat: float
) -> None:
    ground = _both(tmp_path_factory)
    [height] = ground.heights_m([LngLat(lng, lat)])
    assert height == pytest.approx(plane(lng, lat), abs=0.01)


_KEPT: list[Ground] = []


def _both(factory: pytest.TempPathFactory) -> Ground:
    """Return a ground of two neighbours, of which the first ends a step before the second begins, as Copernicus' do."""
    if not _KEPT:
        folder = factory.mktemp("seams")
        (folder / "terrain").mkdir()
        ground = Ground(folder / "terrain")
        rows = [row[:60] for row in square(12, 47, plane)]
        taken(ground, geotiff(folder / "a.tif", 12, 47, 1 / 60, rows, floats=True, is_point=True))
        taken(ground, piece(folder, 13, 47))
        _KEPT.append(ground)
    return _KEPT[0]


def test_the_antimeridian_is_a_seam_like_others(ground: Ground, tmp_path: Path) -> None:
    level: Height = lambda lng, lat: 300 + 10 * (lng % 360 - 180)  # noqa: E731
    taken(ground, piece(tmp_path, 179, 1, height=level))
    taken(ground, piece(tmp_path, -180, 1, height=level))
    places = [LngLat(179.995, 0.5), LngLat(180, 0.5), LngLat(-180, 0.5), LngLat(-179.995, 0.5)]
    assert ground.heights_m(places) == pytest.approx([299.95, 300, 300, 300.05], abs=0.01)
    distances, heights, unknown_m = ground.along(LngLat(179.9, 0.5), LngLat(-179.9, 0.5), 50)
    assert unknown_m == 0 and None not in heights and distances[-1] == pytest.approx(22_263, abs=2)


def test_where_no_tile_is_nobody_makes_a_height_up(ground: Ground, tmp_path: Path) -> None:
    taken(ground, piece(tmp_path, 12, 47))
    distances, heights, unknown_m = ground.along(LngLat(12.5, 46.5), LngLat(13.5, 46.5), 101)
    assert heights[0] is not None and heights[-1] is None
    assert unknown_m == pytest.approx(distances[-1] / 2, rel=0.03)
    assert ground.heights_m([LngLat(50, 50)]) == [None]


def test_the_finest_tile_counts_and_the_next_fills_its_holes(ground: Ground, tmp_path: Path) -> None:
    def holed(lng: float, lat: float) -> float:
        return -9_999 if lng > 12.5 else 500

    rows = square(12, 47, holed, 1 / 240, 241)
    taken(ground, geotiff(tmp_path / "fine.tif", 12, 47, 1 / 240, rows, void="-9999", is_point=True))
    taken(ground, piece(tmp_path, 12, 47, height=lambda lng, lat: 100))
    assert ground.heights_m([LngLat(12.2, 46.5), LngLat(12.8, 46.5)]) == [500, 100]


def test_a_peak_between_two_points_of_a_long_path_is_not_lost(ground: Ground, tmp_path: Path) -> None:
    def ridge(lng: float, lat: float) -> float:
        return 900 if abs(lng - 12.5) < 0.009 else 100

    taken(ground, piece(tmp_path, 12, 47, height=ridge))
    _, heights, _ = ground.along(LngLat(12.01, 46.5), LngLat(12.99, 46.5), 9)
    assert max(height for height in heights if height is not None) > 700


def test_tiles_are_there_after_a_restart_and_broken_ones_are_left_out(ground: Ground, tmp_path: Path) -> None:
    id = taken(ground, hgt(tmp_path, 12, 46, lambda lng, lat: 5))
    assert ground.heights_m([LngLat(12.5, 46.5)]) == [5]
    ground.close()
    folder = tmp_path / "terrain"
    (folder / "broken.tile").write_bytes(b"no tile")
    (folder / "import.part").write_bytes(b"half")
    sweep_unfinished(folder)
    again = Ground(folder)
    assert [head.id for head in again.heads()] == [id] and not (folder / "import.part").exists()
    assert again.delete([id, "nobody"]) == 1
    assert again.heads() == [] and not again.path_of(id).exists()
    assert again.heights_m([LngLat(12.5, 46.5)]) == [None]


def test_a_tile_that_goes_while_it_is_known_is_left_out(ground: Ground, tmp_path: Path) -> None:
    id = taken(ground, piece(tmp_path, 12, 47))
    ground.path_of(id).unlink()
    assert ground.heights_m([LngLat(12.5, 46.5)]) == [None] and id not in ground
