"""What crosses 180 degrees of longitude is cut there."""

import numpy as np
import shapely

from basemap.antimeridian import cut, unwrap
from basemap.water import join_across_180


def longest_part_deg(geometry) -> float:
    bounds = shapely.bounds(shapely.get_parts(geometry))
    return float((bounds[:, 2] - bounds[:, 0]).max())


def test_a_path_over_the_edge_goes_the_short_way() -> None:
    path = np.array([[179.0, 0.0], [-179.0, 1.0], [-178.0, 2.0]])
    assert unwrap(path)[:, 0].tolist() == [179.0, 181.0, 182.0]


def test_a_line_over_the_edge_becomes_two_short_ones() -> None:
    halves = cut(shapely.LineString([(179.0, 0.0), (-179.0, 2.0)]))
    assert len(halves.geoms) == 2
    assert longest_part_deg(halves) == 1.0
    assert sorted(half.bounds for half in halves.geoms) == [
        (-180.0, 1.0, -179.0, 2.0),
        (179.0, 0.0, 180.0, 1.0),
    ]


def test_a_line_elsewhere_stays_as_it_is() -> None:
    line = shapely.LineString([(9.0, 47.0), (10.0, 48.0)])
    assert shapely.equals(cut(line), line)


def test_an_island_on_the_edge_becomes_two_halves_of_the_same_area() -> None:
    island = shapely.Polygon([(179.0, -17.0), (-179.0, -17.0), (-179.0, -16.0), (179.0, -16.0)])
    halves = cut(island)
    assert longest_part_deg(halves) == 1.0
    assert halves.area == 2.0


def test_a_lake_in_an_island_on_the_edge_stays_a_hole() -> None:
    shell = [(178.0, -18.0), (-178.0, -18.0), (-178.0, -14.0), (178.0, -14.0)]
    lake = [(-179.5, -17.0), (-179.5, -16.0), (-179.0, -16.0), (-179.0, -17.0)]
    assert cut(shapely.Polygon(shell, [lake])).area == 16.0 - 0.5


def test_land_around_a_pole_reaches_the_pole_and_both_edges() -> None:
    coast = shapely.Polygon([(-120.0, -70.0), (0.0, -75.0), (120.0, -70.0)])
    land = cut(coast)
    assert land.bounds == (-180.0, -90.0, 180.0, -70.0)
    assert shapely.contains_xy(land, 179.0, -89.0)
    assert not shapely.contains_xy(land, 0.0, -74.0)


def test_the_sea_around_180_degrees_has_no_edge_there_and_its_islands_are_whole() -> None:
    halves = [shapely.box(179.5, -17.0, 180.0, -16.0), shapely.box(-180.0, -17.0, -179.5, -16.0)]
    sea = shapely.difference(shapely.box(-180.0, -60.0, 180.0, 60.0), shapely.union_all(halves))
    (joined,) = join_across_180([sea])
    assert joined.bounds == (178.0, -60.0, 182.0, 60.0)
    assert [island.bounds for island in map(shapely.Polygon, joined.interiors)] == [
        (179.5, -17.0, 180.5, -16.0)
    ]
