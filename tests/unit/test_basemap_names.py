"""A place gets the name it bears at home, or stays Latin."""

import pytest

from basemap.names import find_local_name, is_shipped_script, romanize, to_ascii


@pytest.mark.parametrize(
    ("country_code", "name", "others", "expected"),
    [
        ("DE", "Köln", ["Cologne", "Colonia", "Кёльн"], "Köln"),
        ("DE", "Munich", ["München", "Minga"], "München"),
        ("RU", "Kazan", ["Kazan", "Казан", "Казань", "Qazan"], "Казань"),
        ("RU", "Omsk", ["Омск", "Омськ", "Омьскъ"], "Омск"),
        ("RU", "Podolsk", ["Podol'sk", "Подольск"], "Подольск"),
        ("RU", "Oktyabr’skiy", ["Октябрьский"], "Октябрьский"),
        ("RU", "Cherepovets", ["Череповец", "Череповетс"], "Череповец"),
        ("UA", "Luhansk", ["Луганск", "Луганськ", "Луханск"], "Луганськ"),
        ("GR", "Pátra", ["Πάτρα", "Πάτραι", "Патры"], "Πάτρα"),
        ("EG", "Tanta", ["طنطا", "Танта", "Τάντα"], "طنطا"),
        ("KR", "Seoul", ["경성", "서울", "한양", "漢城"], "서울"),
        ("JP", "Osaka", ["大阪", "大阪市", "おおさかし", "오사카 시"], "大阪"),
        ("CN", "Guangzhou", ["广州", "广州市", "廣州", "穗"], "广州"),
        ("TW", "Taichung", ["台中", "台中市", "토이"], "台中"),
    ],
)
def test_the_home_name_is_found_among_all(
    country_code: str, name: str, others: list[str], expected: str
) -> None:
    assert find_local_name(country_code, name, others) == expected


def test_a_name_that_sounds_like_nothing_is_not_taken() -> None:
    assert find_local_name("RU", "Belovo", ["Москва", "Тверь"]) == "Belovo"


def test_a_name_of_another_script_than_the_country_s_is_not_taken() -> None:
    assert find_local_name("GR", "Vólos", ["Волос", "فولوس"]) == "Vólos"


def test_direction_marks_and_vowel_signs_do_not_get_onto_the_map() -> None:
    assert find_local_name("SA", "Buraydah", ["بُرَيدَة\u200e"]) == "بريدة"


def test_scripts_are_romanized_for_comparison() -> None:
    assert [romanize(text) for text in ("Щёкино", "Αθήνα", "부산")] == ["shchekino", "athina", "busan"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Łódź", "Lodz"),
        ("Nürnberg", "Nurnberg"),
        ("Gießen", "Giessen"),
        ("Tromsø", "Tromso"),
        ("Xi’an", "Xi'an"),
    ],
)
def test_latin_names_lose_their_marks_and_no_letter(name: str, expected: str) -> None:
    assert to_ascii(name) == expected


def test_only_scripts_with_a_font_count_as_shipped() -> None:
    assert is_shipped_script("Österreich") and is_shipped_script("日本") and is_shipped_script("Ελλάδα")
    assert not is_shipped_script("भारत")
    assert not is_shipped_script("საქართველო")
