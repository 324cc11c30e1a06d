"""A map that draws nothing and remembers what it was told. Counterpart: `app/map/view.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.map.ground import Stands
from app.map.layers import MapLayers
from app.map.sieve import MapSieve
from app.map.tools import MapTools
from domain.evidence import DerivedLink
from domain.topology import LinkThen


class FakeMaps(QObject):
    """The maps and areas of a map that draws nothing."""

    box_drawn = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.areas: list[Any] = []
        self.draws = False

    def show_areas(self, areas: Sequence[Any]) -> None:
        """Remember them."""
        self.areas = list(areas)

    def draw_box(self, wanted: bool = True) -> None:
        """Remember it."""
        self.draws = wanted


class FakeMap(QWidget):
    """The signals and methods that the window uses."""

    device_clicked = Signal(object)
    link_clicked = Signal(object)
    site_clicked = Signal(object)
    background_clicked = Signal()
    device_dropped = Signal(object, float, float)
    site_dropped = Signal(object, float, float)
    place_requested = Signal(float, float)
    site_requested = Signal(float, float)
    path_requested = Signal(float, float)
    what_if_toggled = Signal(object)
    what_if_left = Signal()
    past_left = Signal()
    paper_said = Signal(object)
    became_idle = Signal(float)
    page_died = Signal(str)

    external_requests = 0

    def __init__(self) -> None:
        super().__init__()
        self.maps = FakeMaps(self)
        self.theme = ""
        self.sent: list[dict[str, Any]] = []
        self.tools = MapTools(lambda **message: self.sent.append(message), self)
        self.layers = MapLayers(lambda **message: self.sent.append(message), self)
        self.sieve = MapSieve(lambda **message: self.sent.append(message))
        self.selected: UUID | None = None
        self.flown: list[UUID] = []
        self.flown_to: list[tuple[float, float]] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.fitted = 0
        self.candidates: list[DerivedLink] = []
        self.would_carry: dict[UUID, tuple[float | None, float | None]] = {}
        self.what_if: dict[str, list[Any]] | None = None
        self.past: tuple[int, str, list[str], dict[UUID, str]] | None = None
        self.looked: tuple[float, float, float] | None = None
        self.paper: Any = None
        self.seen: set[UUID] = set()
        self.wanted: set[UUID] = set()
        self.paper_told: list[dict[str, Any]] = []
        self.pictures: dict[str, bytes] = {}

    def show_candidates(self, told: Iterable[DerivedLink]) -> None:
        """Remember them."""
        self.candidates = list(told)

    def set_theme(self, theme: str) -> None:
        """Remember it."""
        self.theme = theme

    def select(self, id: UUID | None) -> None:
        """Remember it."""
        self.selected = id

    def fit(self) -> None:
        """Count it."""
        self.fitted += 1

    def fly_to(self, id: UUID) -> None:
        """Remember it."""
        self.flown.append(id)

    def fly_to_place(self, lng: float, lat: float) -> None:
        """Remember it."""
        self.flown_to.append((lng, lat))

    def frame_box(self, west: float, south: float, east: float, north: float) -> None:
        """Remember it."""
        self.boxes.append((west, south, east, north))

    def show_what_if(
        self,
        failed: Iterable[UUID],
        lost: Iterable[UUID] = (),
        weakened: Iterable[UUID] = (),
        rerouted: Iterable[Sequence[UUID]] = (),
        loads: Iterable[LinkThen] = (),
    ) -> None:
        """Remember it."""
        self.would_carry = {then.link: (then.ab_bps, then.ba_bps) for then in loads}
        self.what_if = {
            "failed": list(failed),
            "lost": list(lost),
            "weakened": list(weakened),
            "rerouted": [list(path) for path in rerouted],
        }

    def in_view(self) -> set[UUID]:
        """Return what a test has put there."""
        return self.seen

    def aim(self, devices: Collection[UUID]) -> None:
        """Remember it."""
        self.wanted = set(devices)

    def show_paper(self, paper: Any, wanted: Collection[UUID] = (), before: Stands = None) -> None:
        """Remember it, and ask for all of it as the page would."""
        self.wanted = set(wanted)
        self.tools.set_on_paper(on_paper=paper is not None)
        self.paper = paper
        if paper is not None:
            self.paper_told.append(paper.whole())

    def tell_paper(self, **message: Any) -> None:
        """Remember it."""
        self.paper_told.append(message)

    def keep_picture(self, digest: str, data: bytes) -> None:
        """Keep it."""
        self.pictures[digest] = data

    def leave_what_if(self) -> None:
        """Forget it."""
        self.what_if = None

    def show_past(self, at_us: int, label: str, notes: Sequence[str], ghosts: Mapping[UUID, str]) -> None:
        """Remember it."""
        self.past = at_us, label, list(notes), dict(ghosts)

    def leave_past(self) -> None:
        """Forget it."""
        self.past = None

    def look_at(self, lng: float, lat: float, zoom: float) -> None:
        """Remember it."""
        self.looked = lng, lat, zoom

    def when_still(self, then: Callable[[], None]) -> None:
        """It always stands still."""
        then()

    def report(self, then: Callable[[dict[str, Any]], None]) -> None:
        """Look at 10 east, 47 north, zoom 8."""
        then({"zoom": 8.0, "center": [10.0, 47.0]})
