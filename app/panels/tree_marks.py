"""What of the team stands at the end of the tree's rows: what waits for its server, who has a tunnel open. Counterpart:
`tree_model.py`.

One rule: it is of today, whatever moment the tree shows.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.access.words import OpenAt, on_it_words, open_at
from app.model import Delta, Model
from app.team.words import UNCONFIRMED, pending_of


class Signs(NamedTuple):
    """What stands at one row."""

    is_pending: bool
    tunnels: OpenAt | None

    @property
    def said(self) -> str:
        """What a screen reader says of them after the name."""
        parts = ["waits for the server"] if self.is_pending else []
        return "".join(f", {part}" for part in (*parts, *self._on_it()))

    @property
    def story(self) -> list[str]:
        """What is told of them on hover."""
        return [*([UNCONFIRMED] if self.is_pending else []), *self._on_it()]

    def _on_it(self) -> list[str]:
        return [] if self.tunnels is None else [on_it_words(self.tunnels)]


class TreeMarks:
    """Of one tree."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._pending: frozenset[UUID] = frozenset()
        self._tunnels: dict[UUID, OpenAt] = {}

    def turn(self, delta: Delta) -> frozenset[UUID]:
        """Take what was told; return what is marked otherwise than before."""
        live, turned = self._model.today or self._model, frozenset[UUID]()
        if delta.team:
            was, self._pending = self._pending, pending_of(live.team)
            turned = was ^ self._pending
        if delta.tunnels or delta.initial:
            had, self._tunnels = self._tunnels, open_at(live.tunnels)
            turned |= {id for id in had.keys() | self._tunnels.keys() if had.get(id) != self._tunnels.get(id)}
        return turned

    def at(self, thing: UUID, stands_for: UUID | None) -> Signs:
        """Return what stands at the row of a thing, which may stand for its site as well."""
        is_pending = thing in self._pending or (stands_for is not None and stands_for in self._pending)
        return Signs(is_pending, self._tunnels.get(thing))
