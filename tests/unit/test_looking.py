"""What one looks at is looked at on the other ground, too: what is wanted, else the middle, and about as much around it."""

from __future__ import annotations

from uuid import UUID

from app.map.looking import ZOOM_MOST, Seen, View, look_for
from domain.geometry import LngLat

SIZE_PX = (800, 560)
IDS = [UUID(int=n) for n in range(100)]
MAP = {id: LngLat(10 + n % 10, 45 + n // 10) for n, id in enumerate(IDS)}
PAPER = {id: LngLat(n // 10 / 10, n % 10 / 10) for n, id in enumerate(IDS)}
NEAR = View(14.5, 49.5, 8.0)


def on_map(view: View | None) -> Seen:
    """Return a map that is looked at like that."""
    return Seen(MAP, view, SIZE_PX)


def on_paper(view: View | None = None) -> Seen:
    """Return a paper that was looked at like that before."""
    return Seen(PAPER, view, SIZE_PX)


def test_what_is_wanted_is_seen_with_about_as_much_around_it() -> None:
    left = on_map(NEAR)
    assert 0 < len(left.inside()) < 20
    view = look_for(left, on_paper(), {IDS[7]})
    assert view is not None
    found = on_paper(view).inside()
    assert IDS[7] in found
    assert len(left.inside()) <= len(found) <= 3 * len(left.inside())


def test_without_a_wish_the_middle_is_kept() -> None:
    left = on_map(NEAR._replace(lng=12.1, lat=46.9))
    view = look_for(left, on_paper(), ())
    assert view is not None
    assert abs(view.lng - PAPER[IDS[22]].lng) < 1e-6
    assert abs(view.lat - PAPER[IDS[22]].lat) < 1e-6


def test_there_and_back_changes_nothing() -> None:
    view = look_for(on_map(NEAR), on_paper(), ())
    assert look_for(on_paper(view), on_map(NEAR), ()) == NEAR


def test_who_has_gone_elsewhere_on_paper_comes_back_to_another_place() -> None:
    view = look_for(on_map(NEAR), on_paper(), ())
    assert view is not None
    elsewhere = view._replace(lng=PAPER[IDS[99]].lng, lat=PAPER[IDS[99]].lat)
    back = look_for(on_paper(elsewhere), on_map(NEAR), ())
    assert back is not None
    assert abs(back.lng - MAP[IDS[99]].lng) < 1e-6


def test_who_saw_all_sees_all() -> None:
    assert look_for(on_map(None), on_paper(), ()) is None
    assert look_for(on_map(View(14.5, 49.5, 4.0)), on_paper(View(0.5, 0.5, 14.0)), ()) is None


def test_all_that_is_wanted_is_seen_however_far_apart() -> None:
    ends = {IDS[0], IDS[90]}
    view = look_for(on_map(NEAR), on_paper(), ends)
    assert view is not None
    assert ends <= on_paper(view).inside()


def test_bare_ground_leaves_the_other_view_as_it_was() -> None:
    last = View(0.2, 0.2, 11.0)
    assert look_for(on_map(View(-60.0, 0.0, 9.0)), on_paper(last), ()) == last


def test_what_stands_at_one_place_is_looked_at_in_its_own_size() -> None:
    stack = Seen(dict.fromkeys(IDS[:3], LngLat(0.0, 0.0)) | {IDS[9]: LngLat(1.0, 1.0)}, None, SIZE_PX)
    view = look_for(on_map(NEAR._replace(lng=10.0, lat=45.0, zoom=12.0)), stack, {IDS[0], IDS[1]})
    assert view is not None
    assert (round(view.lng, 9), round(view.lat, 9), view.zoom) == (0.0, 0.0, ZOOM_MOST)
