"""Who of the team is at what, to what a tunnel is open, and what waits for the server, as the page marks it. Counterpart:
`map_assets/src/team_marks.js`.

One rule: only what differs from what the page was told is sent, and nobody is marked while the layer of people is off, nor a
tunnel; what waits is in no layer.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.access.words import open_at
from app.map.layers import MapLayers
from app.model import Delta, Model
from app.team.words import initials_of, letters_of, others_in, pending_of

PEOPLE_CAP = 500
"""Most things with people at them, and most with tunnels."""

Row = dict[str, Any]


class TeamMarksFeed:
    """What one page knows of the team."""

    def __init__(self, model: Model, layers: MapLayers) -> None:
        self._model, self._layers = model, layers
        self._told: Row = _NOTHING

    def whole(self) -> Row:
        """Return the message for a page that knows nothing."""
        self._told = _NOTHING
        return self.turned()

    def tick(self, delta: Delta) -> Row:
        """Return what a page is to learn of a delta."""
        if delta.initial:
            return self.whole()
        return self.turned() if delta.team or delta.tunnels else {}

    def turned(self) -> Row:
        """Return what a page is to learn when the team or the layers are others."""
        now = {"people": self._people(), "pending": self._pending(), "tunnels": self._tunnels()}
        new = {key: rows for key, rows in now.items() if rows != self._told[key]}
        self._told = now
        return {"team": new} if new else {}

    def _people(self) -> list[Row]:
        if not self._layers.shows("people"):
            return []
        working: dict[UUID, list[str]] = {}
        looking: dict[UUID, list[str]] = {}
        for person in others_in((self._model.today or self._model).team):
            initials = initials_of(person)
            if person.works_on is not None:
                working.setdefault(person.works_on, []).append(initials)
            if person.looks_at is not None and person.looks_at != person.works_on:
                looking.setdefault(person.looks_at, []).append(initials)
        things = list(working | looking)[:PEOPLE_CAP]
        return [
            {"id": id, "working": sorted(working.get(id, [])), "looking": sorted(looking.get(id, []))}
            for id in things
        ]

    def _pending(self) -> list[UUID]:
        return sorted(pending_of((self._model.today or self._model).team))

    def _tunnels(self) -> list[Row]:
        if not self._layers.shows("people"):
            return []
        found = list(open_at((self._model.today or self._model).tunnels).items())[:PEOPLE_CAP]
        return [
            {"id": id, "mine": bool(at.mine), "others": sorted({letters_of(by) for by, _ in at.others})}
            for id, at in found
        ]


_NOTHING: Row = {"people": [], "pending": [], "tunnels": []}
