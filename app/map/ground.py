"""What the network stands on: the map, or a paper. Counterpart: `view.py` shows it, `app/schematic/paper.py` is a paper.

One rule: the page is told the same kinds of rows, whatever the network stands on.
"""

from __future__ import annotations

from typing import Any, Protocol

from app.map import feed
from app.model import Delta, Model


class Paper(Protocol):
    """Another ground for the network than the map: what the page is told while it is shown."""

    @property
    def key(self) -> str:
        """What the camera is remembered by; the map's is empty."""

    def whole(self) -> dict[str, Any]:
        """Return the message that tells a fresh page everything."""

    def tick(self, delta: Delta) -> dict[str, Any]:
        """Return what the page needs to know of one delta."""


class Ground:
    """The map, or (where there is one) a paper, and where each was looked at last."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._cameras: dict[str, dict[str, float]] = {}
        self.paper: Paper | None = None

    @property
    def camera(self) -> dict[str, float] | None:
        """Where what is shown was looked at last."""
        return self._cameras.get(self.paper.key if self.paper is not None else "")

    def look(self, lng: float, lat: float, zoom: float) -> dict[str, float]:
        """Remember where what is shown is looked at, and return it."""
        found = {"lng": lng, "lat": lat, "zoom": zoom}
        self._cameras[self.paper.key if self.paper is not None else ""] = found
        return found

    def whole(self) -> dict[str, Any]:
        """Return the message that tells a fresh page everything."""
        return self.paper.whole() if self.paper is not None else feed.whole(self._model)

    def tick(self, delta: Delta) -> dict[str, Any]:
        """Return what the page needs to know of one delta."""
        return self.paper.tick(delta) if self.paper is not None else feed.tick(self._model, delta)
