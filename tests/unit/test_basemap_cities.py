"""No city is lost, none comes twice, and names spread evenly over the map."""

from dataclasses import replace
from itertools import pairwise

from basemap.cities import UNRANKED, City, RankedPlace, drop_suburbs, match_cities, read_corrections
from basemap.names import to_ascii
from basemap.placement import ROOM_PX, place_names


def city(id: int, name: str, lng_deg: float, lat_deg: float, population: int, **more) -> City:
    return City(id, name, to_ascii(name), lng_deg, lat_deg, population, "DE", **more)


def ranked(
    geonames_id: int, name: str, lng_deg: float, lat_deg: float, population: int, rank: int = 6
) -> RankedPlace:
    return RankedPlace(geonames_id, name, lng_deg, lat_deg, population, "DE", rank, "")


COLOGNE = city(2886242, "Köln", 6.95, 50.933, 1_024_621)


def test_a_city_with_another_name_is_matched_by_id() -> None:
    (matched,) = match_cities([COLOGNE], [ranked(2886242, "Cologne", 6.95, 50.93, 1_004_000)])
    assert (matched.name, matched.rank, matched.english_name) == ("Köln", 6, "Cologne")


def test_a_city_without_id_is_matched_by_distance_and_population() -> None:
    village = city(7, "Dorf", 6.951, 50.931, 900)
    matched = match_cities([village, COLOGNE], [ranked(0, "Cologne", 6.95, 50.93, 1_004_000)])
    assert [(found.name, found.rank) for found in matched] == [("Dorf", UNRANKED), ("Köln", 6)]


def test_an_id_that_points_at_a_hamlet_is_not_believed() -> None:
    hamlet = city(9, "Weiler", 7.0, 50.95, 600)
    matched = match_cities([hamlet, COLOGNE], [ranked(9, "Cologne", 6.95, 50.93, 1_004_000)])
    assert [found.rank for found in matched] == [UNRANKED, 6]


def test_a_ranked_place_that_matches_nothing_is_added() -> None:
    matched = match_cities([COLOGNE], [ranked(0, "Lonely", -120.0, 60.0, 300)])
    assert [found.name for found in matched] == ["Köln", "Lonely"]


def test_a_hamlet_with_name_and_figures_of_a_city_far_away_is_not_added() -> None:
    ghost = ranked(0, "Cologne", 91.2, 64.5, 1_004_000)
    matched = match_cities([COLOGNE], [ranked(2886242, "Cologne", 6.95, 50.93, 1_004_000), ghost])
    assert [found.name for found in matched] == ["Köln"]


def test_corrections_are_of_places_once_each() -> None:
    dropped, english = read_corrections()
    assert 11836117 in dropped
    assert english[1863905] == "Funabashi"
    assert not dropped & english.keys()


def test_two_ranked_places_of_one_city_do_not_double_it() -> None:
    twice = [
        ranked(2886242, "Cologne", 6.95, 50.93, 1_004_000),
        ranked(0, "Koeln", 6.96, 50.94, 1_004_000, rank=8),
    ]
    matched = match_cities([COLOGNE], twice)
    assert [(found.name, found.rank) for found in matched] == [("Köln", 6)]


def test_a_quarter_of_a_city_is_no_town_of_its_own() -> None:
    quarter = city(3, "Ehrenfeld", 6.918, 50.951, 100_000)
    assert drop_suburbs([quarter, COLOGNE]) == [COLOGNE]


def test_a_neighbour_city_of_half_the_size_stays() -> None:
    bonn = city(4, "Leverkusen", 6.99, 51.03, 500_000)
    assert drop_suburbs([bonn, COLOGNE]) == [COLOGNE, bonn]


def test_of_two_near_places_of_one_name_the_bigger_stays() -> None:
    town, part = city(5, "Lindau", 9.684, 47.546, 24_518), city(6, "Lindau", 9.75, 47.58, 900)
    assert drop_suburbs([part, town]) == [town]


def test_names_that_differ_in_accents_are_one_name() -> None:
    island, town = (
        city(5, "Phú Quốc", 103.97, 10.22, 290_000, rank=6),
        city(6, "Phu Quoc", 104.04, 10.24, 180_000),
    )
    assert drop_suburbs([town, island]) == [island]


def test_a_city_told_again_by_its_latin_name_alone_is_dropped() -> None:
    here = city(5, "鄂州", 114.88, 30.4, 660_000)
    here = replace(here, english_name="E'zhou")
    assert drop_suburbs([here, city(6, "Ezhou", 114.83, 30.42, 190_000)]) == [here]


def test_names_in_a_script_that_we_cannot_spell_are_not_all_one() -> None:
    here, there = city(5, "آستارا", 48.87, 38.43, 39_000), city(6, "لوندویل", 48.85, 38.32, 4_000)
    assert drop_suburbs([here, there]) == [here, there]


def test_of_two_far_places_of_one_name_both_stay() -> None:
    here, there = city(5, "Neustadt", 9.0, 47.0, 5_000), city(6, "Neustadt", 12.0, 52.0, 9_000)
    assert drop_suburbs([here, there]) == [there, here]


def test_the_more_important_of_two_close_names_comes_first_and_the_other_later() -> None:
    small, big = city(1, "Klein", 10.02, 47.0, 9_000), city(2, "Gross", 10.0, 47.0, 300_000)
    zooms = {found.name: zoom for found, zoom in place_names([small, big], 14)}
    assert zooms["Gross"] < zooms["Klein"]


def test_names_of_one_zoom_keep_their_distance() -> None:
    towns = [city(n, f"T{n}", 10.0 + n * 0.01, 47.0, 20_000 + n) for n in range(100)]
    at_8 = sorted(found.lng_deg for found, zoom in place_names(towns, 8))
    room_deg = ROOM_PX[0] * 360.0 / 2**8 / 512
    assert len(at_8) > 3
    assert all(east - west >= room_deg for west, east in pairwise(at_8))


def test_a_village_in_a_desert_shows_earlier_than_one_among_towns() -> None:
    towns = [city(n, f"T{n}", 10.0 + n * 0.2, 47.0, 60_000) for n in range(10)]
    among, alone = city(50, "Among", 10.9, 47.03, 1_500), city(51, "Alone", -150.0, 65.0, 1_500)
    zooms = {found.name: zoom for found, zoom in place_names([*towns, among, alone], 12)}
    assert zooms["Alone"] < zooms["Among"]


def test_the_order_of_the_input_does_not_matter() -> None:
    towns = [
        city(n, f"T{n}", 10.0 + (n * 37 % 100) * 0.03, 47.0 + (n % 7) * 0.1, 1_000 * (n % 9 + 1))
        for n in range(80)
    ]
    assert place_names(towns, 9) == place_names(towns[::-1], 9)
