"""Links that devices tell of and nobody has drawn, in the real page: dots, named in the legend, told when they are clicked."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QPoint

from app.map.candidates import CANDIDATES_CAP, CandidatesFeed
from domain.evidence import DerivedLink
from domain.inventory import LinkKind
from domain.wire import Changed, Removed
from tests.map.conftest import Stage
from tests.map.networks import id_of, small

Stages = Callable[..., Stage]
NAMED = "[...document.querySelectorAll('#legend .kinds span')].map(s => s.textContent).includes('candidate')"


def candidate(a: str, b: str, kind: LinkKind = "copper", score: float = 0.9) -> DerivedLink:
    """Return a link that two devices tell of."""
    one, other = sorted((id_of(a), id_of(b)))
    return DerivedLink(id_of(f"{a} told {b}"), one, "ether1", other, "ether2", kind, (), score, 1)


TOLD = candidate("Grünten", "Alpspitz")


def dots(stage: Stage) -> int:
    """Count the dots' colour where nothing else is: on the middle half of the way between the two."""
    (x1, y1), (x2, y2) = ((at.x(), at.y()) for at in ends(stage))
    image = stage.view.grab().toImage()
    ground, found = image.pixelColor(5, 5), 0
    for step in range(100):
        share = 0.3 + step / 250
        x, y = round(x1 + (x2 - x1) * share), round(y1 + (y2 - y1) * share)
        found += image.pixelColor(x, y).lightness() > ground.lightness() + 25
    return found


def ends(stage: Stage) -> tuple[QPoint, QPoint]:
    """Return where on the view the two ends are."""
    one, other = (stage.pixel(stage.place_of(id_of(name))) for name in ("Grünten", "Alpspitz"))
    return one, other


def test_a_candidate_is_dots_that_the_legend_names_and_a_click_tells(stage: Stage) -> None:
    stage.until(lambda: dots(stage) == 0, "bare ground")
    assert not stage.js(NAMED)
    stage.tell(Changed(2, derived_links=(TOLD,)))
    stage.view.show_candidates([TOLD])
    stage.until(lambda: 8 < dots(stage) < 92, "dots, not a line")
    assert stage.js(NAMED)
    heard: list[UUID] = []
    stage.view.tools.candidate_clicked.connect(lambda id, x, y: heard.append(id))
    one, other = ends(stage)
    stage.click((one + other) / 2)
    stage.until(lambda: heard == [TOLD.id], "the click")
    stage.view.layers.show("candidates", shown=False)
    stage.until(lambda: dots(stage) == 0, "a layer that is off")
    stage.view.layers.reset()
    stage.until(lambda: dots(stage) > 8, "the layer again")
    stage.view.show_candidates([])
    stage.until(lambda: dots(stage) == 0, "nothing, when it is drawn by hand")
    assert not stage.js(NAMED)
    stage.tell(Changed(3, removed=(Removed("derived_link", TOLD.id),)))


def test_the_card_says_who_tells_of_a_candidate(stage: Stage) -> None:
    stage.tell(Changed(2, derived_links=(TOLD,)))
    stage.view.show_candidates([TOLD])
    stage.until(lambda: dots(stage) > 8, "dots")
    one, other = ends(stage)
    middle, steps = (one + other) / 2, iter(range(10_000))

    def there() -> bool:
        stage.click(middle + QPoint(next(steps) % 2, 0))
        return "nobody has drawn it" in str(stage.js("document.getElementById('card').textContent"))

    stage.until(there, "its card")
    stage.view.show_candidates([])
    stage.tell(Changed(3, removed=(Removed("derived_link", TOLD.id),)))


def test_a_page_that_comes_later_has_the_candidates_too(stages: Stages) -> None:
    stage = stages(None)
    stage.tell(small())
    stage.view.show_candidates([TOLD])
    stage.until(lambda: dots(stage) > 8, "dots")
    stage.view._load()
    stage.until(
        lambda: bool(stage.js(f"Boolean(document.querySelector('#legend')) && {NAMED}")), "the page again"
    )
    stage.until(lambda: dots(stage) > 8, "dots again")


def test_links_by_radio_are_no_candidates_and_of_many_the_surest_are_told() -> None:
    feed = CandidatesFeed()
    assert feed.tell([candidate("a", "b", "wireless")]) == {}
    many = [candidate("a", str(n), score=n / 10_000) for n in range(CANDIDATES_CAP + 10)]
    told = feed.tell(many)["candidates"]
    assert len(told) == CANDIDATES_CAP
    assert told[0]["id"] == many[-1].id
    assert feed.tell(reversed(many)) == {}
    assert feed.whole()["candidates"] == told
    assert feed.tell([]) == {"candidates": []}
