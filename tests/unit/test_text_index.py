"""What a typed text finds among many: folded, best kind of match first, kept while things change."""

from __future__ import annotations

import pytest

from app.lookup.text_index import (
    BEGINS,
    ENOUGH,
    EXACT,
    HITS_CAP,
    HOLDS,
    LINES_CAP,
    THINGS_A_TEXT,
    WORD_BEGINS,
    WORDS_APART,
    Match,
    TextIndex,
    fold,
    spellings,
)


def index_of(**things: str) -> TextIndex[str]:
    made: TextIndex[str] = TextIndex()
    for key, lines in things.items():
        made.put(key, [fold(line) for line in lines.split("|")])
    return made


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Grünten  R1", "grunten r1"),
        ("ŁÓDŹ", "lodz"),
        ("Straße", "strasse"),
        ("Øresund", "oresund"),
        ("\tA \n B", "a b"),
        ("برج العرب", "برج العرب"),
        ("Ἀθῆναι", "αθηναι"),
    ],
)
def test_texts_are_compared_without_case_marks_and_spare_space(typed: str, folded: str) -> None:
    assert fold(typed) == folded


def test_a_name_with_umlauts_is_found_as_people_type_it_without() -> None:
    assert spellings("Grünten Höhe") == ("grunten hohe", "gruenten hoehe")
    assert spellings("Gru\u0308nten") == ("grunten", "gruenten")
    assert spellings("Kempten") == ("kempten",)


def test_each_kind_of_match_is_told_apart_and_the_line_is_named() -> None:
    index = index_of(
        a="Kempten", b="Kempten R1", c="POP Kempten", d="Alt-Kempten", e="Altkempten", f="x|y|kempten"
    )
    found = index.find("kempten")
    assert found == {
        "a": Match(EXACT, 0),
        "b": Match(BEGINS, 0),
        "c": Match(WORD_BEGINS, 0),
        "d": Match(WORD_BEGINS, 0),
        "e": Match(HOLDS, 0),
        "f": Match(EXACT, 2),
    }


def test_typed_words_may_stand_in_any_line_and_order() -> None:
    index = index_of(a="Grünten R1|10.0.0.1", b="Grünten R2|10.0.0.2")
    assert index.find("10.0.0.1 grün") == {"a": Match(WORDS_APART, 1)}
    assert index.find("grün 10.0.0.9") == {}


def test_a_text_never_matches_across_two_lines_or_two_things() -> None:
    index = index_of(a="alpha|beta", b="gamma")
    assert index.find("alpha beta") == {"a": Match(WORDS_APART, 0)}
    assert index.find("beta gamma") == {}


def test_nothing_typed_finds_nothing() -> None:
    assert index_of(a="x").find("  ") == {}
    assert index_of().find("x") == {}


def test_what_changes_is_found_as_it_is_now_and_what_is_dropped_never() -> None:
    index = index_of(a="old name", b="other")
    index.put("a", ["new name"])
    assert index.find("old") == {}
    assert index.find("new") == {"a": Match(BEGINS, 0)}
    index.drop("a")
    index.drop("never there")
    assert index.find("new") == {}
    assert index.find("other") == {"b": Match(EXACT, 0)}
    assert list(index) == ["b"]


def test_things_on_many_shelves_are_all_found_and_shelves_that_empty_go() -> None:
    index: TextIndex[int] = TextIndex()
    count = THINGS_A_TEXT * 2 + 3
    for number in range(count):
        index.put(number, [f"router {number:05d}"])
    assert index.find("router 00512") == {512: Match(EXACT, 0)}
    for number in range(THINGS_A_TEXT):
        index.drop(number)
    assert len(index) == count - THINGS_A_TEXT
    assert index.find("router 00001") == {}
    assert index.find("router 00300") == {300: Match(EXACT, 0)}


def test_an_exact_match_is_found_behind_more_hits_than_are_looked_at() -> None:
    index: TextIndex[int] = TextIndex()
    for number in range(HITS_CAP + 10):
        index.put(number, [f"r{number}x"])
    index.put(-1, ["r"])
    found = index.find("r")
    assert found[-1] == Match(EXACT, 0)
    assert len(found) <= HITS_CAP + 1


def test_where_enough_begin_so_nothing_less_good_is_looked_for() -> None:
    index: TextIndex[int] = TextIndex()
    for number in range(ENOUGH):
        index.put(number, [f"tower {number}"])
    index.put(-1, ["watchtower"])
    assert -1 not in index.find("tower")


def test_a_thing_with_endless_lines_is_cut() -> None:
    index: TextIndex[int] = TextIndex()
    index.put(1, [f"line {number}" for number in range(LINES_CAP + 5)] + ["x" * 10_000])
    assert index.find(f"line {LINES_CAP - 1}")
    assert not index.find(f"line {LINES_CAP}")
