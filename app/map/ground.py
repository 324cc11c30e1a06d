"""What the network stands on: the map, or a paper. Counterpart: `view.py` shows it, `app/schematic/paper.py` is a paper.

One rule: the page is told the same kinds of rows, whatever the network stands on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol
from uuid import UUID

from app.map import feed
from app.map.looking import Seen, View, look_for
from app.model import Delta, Model
from domain.geometry import LngLat

Stands = Mapping[UUID, LngLat] | None


class Paper(Protocol):
    """Another ground for the network than the map: what the page is told while it is shown."""

    @property
    def key(self) -> str:
        """What the camera is remembered by; the map's is empty."""

    def whole(self) -> dict[str, Any]:
        """Return the message that tells a fresh page everything."""

    def tick(self, delta: Delta) -> dict[str, Any]:
        """Return what the page needs to know of one delta."""

    def stands(self) -> Mapping[UUID, LngLat]:
        """Return where devices stand."""


class Ground:
    """The map, or (where there is one) a paper, and where each was looked at last."""

    def __init__(self, model: Model, size_px: Callable[[], tuple[float, float]]) -> None:
        """`size_px` returns width and height of the view."""
        self._model, self._size_px = model, size_px
        self._views: dict[str, View] = {}
        self.paper: Paper | None = None
        self._left: tuple[Seen, Collection[UUID]] | None = None
        """What was looked at before a paper came that has no places yet."""

    @property
    def camera(self) -> dict[str, float] | None:
        """Where what is shown was looked at last."""
        view = self._views.get(self._key)
        return None if view is None else view._asdict()

    @property
    def _key(self) -> str:
        return self.paper.key if self.paper is not None else ""

    def look(self, lng: float, lat: float, zoom: float) -> dict[str, float]:
        """Remember where what is shown is looked at, and return it."""
        view = self._views[self._key] = View(lng, lat, zoom)
        return view._asdict()

    def seen(self) -> Seen:
        """Return where devices stand on what is shown, and where it was looked at last."""
        return Seen(self._stands(), self._views.get(self._key), self._size_px())

    def turn(
        self, paper: Paper | None, wanted: Collection[UUID] = (), before: Stands = None
    ) -> dict[str, float] | None:
        """Take another ground, and return where to look: at the devices that are wanted, else at what was looked at before; from
        one paper to another where that was looked at last. `before`: where things stood on this paper a moment ago, so that one
        goes on seeing what one looked at there. None: at all of it."""
        if before and paper is self.paper:
            was = Seen(before, self._views.get(self._key), self._size_px())
            self._remember(look_for(was, self.seen()._replace(view=None), was.inside() & set(wanted)))
            return self.camera
        turns = (paper is None) != (self.paper is None)
        left = (self.seen(), wanted) if turns else self._left
        self.paper, self._left = paper, None
        there = self.seen()
        if left is not None and paper is not None and not there.places:
            self._left = left
        elif left is not None:
            self._remember(look_for(left[0], there, wanted or left[1]))
        elif not there.places.keys() & set(wanted) <= there.inside():
            self.aim(wanted)
        return self.camera

    def aim(self, wanted: Collection[UUID]) -> dict[str, float] | None:
        """Return where to look so that some devices are seen, at the extent of now; None: at all of it."""
        seen = self.seen()
        self._remember(look_for(seen, seen, wanted))
        return self.camera

    def _remember(self, view: View | None) -> None:
        if view is None:
            self._views.pop(self._key, None)
        else:
            self._views[self._key] = view

    def _stands(self) -> Mapping[UUID, LngLat]:
        if self.paper is not None:
            return self.paper.stands()
        inventory = self._model.inventory
        return {d.id: place for d in inventory.devices() if (place := inventory.place_of(d)) is not None}

    def whole(self) -> dict[str, Any]:
        """Return the message that tells a fresh page everything."""
        return self.paper.whole() if self.paper is not None else feed.whole(self._model)

    def tick(self, delta: Delta) -> dict[str, Any]:
        """Return what the page needs to know of one delta."""
        return self.paper.tick(delta) if self.paper is not None else feed.tick(self._model, delta)
