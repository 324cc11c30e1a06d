"""Sites or devices by id and by name, with those that an import adds on its way. Counterpart: `planning.py`.

One rule: a name that two things have names neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar
from uuid import UUID

from domain.inventory import Device, Site
from engine.imports.record import Record
from engine.imports.values import uuid_in

Named = TypeVar("Named", Site, Device)


class Known(Generic[Named]):
    """Things of one kind."""

    def __init__(self, things: Iterable[Named]) -> None:
        self._by_id: dict[UUID, Named] = {}
        self._by_name: dict[str, list[Named]] = {}
        for thing in things:
            self.add(thing)

    def add(self, thing: Named) -> None:
        """Know one more."""
        self._by_id[thing.id] = thing
        self._by_name.setdefault(thing.name.casefold(), []).append(thing)

    def all(self) -> Iterator[Named]:
        """Go over all of them."""
        return iter(self._by_id.values())

    def get(self, id: UUID) -> Named | None:
        """Return the thing of an id."""
        return self._by_id.get(id)

    def by_id(self, record: Record) -> Named | None:
        """Return what a record names by our own id."""
        id = uuid_in(record.key)
        return self._by_id.get(id) if id is not None else None

    def named(self, name: str) -> Named | None:
        """Return the only thing of a name."""
        found = self._by_name.get(name.casefold(), [])
        return found[0] if len(found) == 1 else None

    def find(self, record: Record) -> Named | None:
        """Return what a record speaks of, by id or by name."""
        return self.by_id(record) or (self.named(record.name) if record.name else None)
