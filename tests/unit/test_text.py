"""Foreign bytes become text that cannot move a cursor, reorder a sentence or fill a screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import clean_text, text_from_bytes


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"core-1", "core-1"),
        (b"core\x00\x00", "core"),
        ("Grünten".encode(), "Grünten"),
        ("Grünten".encode("latin-1"), "Grünten"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07x", "x"),
        (b"a\r\nb\tc", "a b c"),
        ("a\u202eb\u2066c".encode(), "abc"),
        ("برج الاتصالات".encode(), "برج الاتصالات"),
        (b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        (b"", ""),
    ],
)
def test_bytes_of_devices_become_text(raw: bytes, text: str) -> None:
    assert text_from_bytes(raw) == text


@given(st.binary(max_size=5000), st.integers(1, 300))
def test_no_bytes_at_all_give_an_unsafe_character_or_more_than_the_cap(raw: bytes, cap: int) -> None:
    text = text_from_bytes(raw, cap)
    assert len(text) <= cap
    assert [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")] == []
    assert not set(text) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    text.encode("utf-8")


@given(st.text(max_size=2000))
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    assert clean_text(clean_text(raw)) == clean_text(raw)


def test_a_long_name_is_cut_with_a_mark() -> None:
    assert clean_text("x" * 1000, 10) == "x" * 9 + "…"
    assert len(text_from_bytes(b"x" * 10_000_000)) == 256
