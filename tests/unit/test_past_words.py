"""Moments as people type and share them: what is meant is found, what is not a moment is refused, whoever wrote it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.past.share import LINK_CAP, BadLink, MomentLink, View, is_link, link_of, read_link
from app.past.ticks import TICKS_CAP, ticks_of
from app.past.words import label_of, read_time, stamp_of

NOW = datetime(2026, 11, 21, 12, 30, 0)
NOW_US = round(NOW.timestamp() * 1e6)
SELECT = UUID(int=7)
GOOD = "heliograph://moment?at=1795296119105210&lng=9.5&lat=47.5&zoom=8.25"


def us(*at: int) -> int:
    return round(datetime(*at).timestamp() * 1e6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("now", NOW_US),
        ("-2h", NOW_US - 7_200_000_000),
        ("- 90 min", NOW_US - 5_400_000_000),
        ("\u22123d", NOW_US - 3 * 86_400_000_000),
        ("40 min ago", NOW_US - 2_400_000_000),
        ("02:14", us(2026, 11, 21, 2, 14)),
        ("02:14:20", us(2026, 11, 21, 2, 14, 20)),
        ("22:14", us(2026, 11, 20, 22, 14)),
        ("yesterday 22:14", us(2026, 11, 20, 22, 14)),
        ("today 12:00", us(2026, 11, 21, 12)),
        ("Friday, 02:00", us(2026, 11, 20, 2)),
        ("sat 13:00", us(2026, 11, 14, 13)),
        ("2026-11-20 22:14", us(2026, 11, 20, 22, 14)),
        ("2026-11-20", us(2026, 11, 20)),
        ("20.11.2026 22:14", us(2026, 11, 20, 22, 14)),
        ("2026-11-20T22:14:05Z", 1_795_212_845_000_000),
    ],
)
def test_a_typed_time_is_what_is_meant(typed: str, meant: int) -> None:
    assert read_time(typed, NOW_US) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "soon", "25:00", "12:75", "-2x", "1/2/3", "9" * 80, "١٢:٠٠", "1600-01-01", "22:14 or so"],
)
def test_what_is_no_time_is_refused(typed: str) -> None:
    assert read_time(typed, NOW_US) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text: str) -> None:
    found = read_time(text, NOW_US)
    assert found is None or isinstance(found, int)


def test_a_moment_says_when_it_was_and_how_long_ago() -> None:
    at_us = us(2026, 11, 20, 22, 14, 5)
    assert label_of(at_us, NOW_US) == "22:14:05, Friday 20 November \u2013 14 h ago"
    assert label_of(us(2025, 11, 20, 22, 14, 5), NOW_US).startswith("22:14:05, Thursday 20 November 2025")
    assert stamp_of(at_us) == "2026-11-20 221405"


@pytest.mark.parametrize("view", [None, View(9.5, 47.5, 8.25), View(-179.99999, -80.0, 0.0)])
@pytest.mark.parametrize("select", [None, SELECT])
def test_a_link_says_again_what_it_was_made_of(view: View | None, select: UUID | None) -> None:
    moment = MomentLink(NOW_US, view, select)
    assert is_link(link_of(moment))
    assert read_link(f"  {link_of(moment)}\n") == moment


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://moment?at=1",
        "heliograph://other?at=1",
        "heliograph://moment/x?at=1",
        "heliograph://user@moment?at=1",
        "heliograph://moment",
        "heliograph://moment?at=",
        "heliograph://moment?at=-1",
        "heliograph://moment?at=1e9",
        "heliograph://moment?at=99999999999999999999",
        "heliograph://moment?at=1&at=2",
        "heliograph://moment?at=1&run=rm",
        "heliograph://moment?at=1#x",
        "heliograph://moment?at=1&lng=9.5",
        "heliograph://moment?at=1&lng=nan&lat=1&zoom=1",
        "heliograph://moment?at=1&lng=9&lat=1&zoom=inf",
        "heliograph://moment?at=1&lng=9&lat=91&zoom=3",
        "heliograph://moment?at=1&select=../../etc",
        "heliograph://moment?at=\u0661",
        "heliograph://moment?at=1\u0000",
        "heliograph://[moment?at=1",
        GOOD + "&select=" + "0" * LINK_CAP,
    ],
)
def test_a_link_that_does_not_fit_is_refused_whole(link: str) -> None:
    with pytest.raises(BadLink):
        read_link(link)


@given(
    st.text(max_size=600) | st.text("heliograph:/momenat?=&%#0123456789.-", max_size=120).map(GOOD.__add__)
)
def test_no_link_breaks_the_reading(text: str) -> None:
    try:
        assert read_link(text).at_us > 0
    except BadLink as error:
        assert str(error)


@given(st.integers(1_500_000_000, 2_500_000_000), st.integers(1, 400 * 86_400), st.integers(600, 3_000))
def test_ticks_are_few_in_order_and_within_the_span(begins_s: int, length_s: int, width_px: int) -> None:
    from_us, to_us = begins_s * 1_000_000, (begins_s + length_s) * 1_000_000
    at = [tick.at_us for tick in ticks_of(from_us, to_us, width_px)]
    assert len(at) <= min(TICKS_CAP, width_px // 40 + 3)
    assert at == sorted(set(at)) and all(from_us <= one <= to_us for one in at)
