"""A server of one tenant as `domain/sync.py` says it is, in memory and pure: what replicas are tried against.

Counterpart: `sync_server/`, which has to do the same. One rule: it merges by `domain/merge.py` and knows nothing of replicas but
their messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit, Fields, apply, fields_of
from domain.errors import Refusal
from domain.inventory import KINDS, Device, Entity, Inventory, Link, Site, Tenant
from domain.merge import Thing, settle, things_of
from domain.sync import EditRow, Entries, Gone, Hello, Outcome, Outcomes, Push, Taken, Welcome
from tests.sync.promises import broken_promises

PER_PART = 7
"""Entries in a part: few, so that there are several."""
Reach = frozenset[UUID] | None
"""The sites that somebody reaches; None is everywhere."""


@dataclass
class Line:
    """What the server knows of one connection. `at`: the revision that its install has; `is_out`: entries are on their way."""

    reach: Reach
    at: int
    is_out: bool = False
    is_new: bool = True


@dataclass
class _Kept:
    """What is on the server's disk."""

    inventory: Inventory = field(default_factory=Inventory)
    revision: int = 0
    touched: dict[Thing, int] = field(default_factory=dict)
    edits: dict[UUID, EditRow] = field(default_factory=dict)
    void: set[UUID] = field(default_factory=set)
    """Edits of which nothing was left to do, without a clash."""

    def copy(self) -> _Kept:
        tables = Inventory(self.inventory.tables)
        return _Kept(tables, self.revision, dict(self.touched), dict(self.edits), set(self.void))


class ModelServer:
    """One tenant. `states` has a fingerprint of the inventory at each revision of this epoch."""

    def __init__(self) -> None:
        self.kept = _Kept()
        self.epoch_number = 1
        self.states: dict[int, int] = {0: 0}
        self.merged = self.refused = 0
        self.broken: list[tuple[Edit, list[str]]] = []
        self._backup = (_Kept(), self.states)

    @property
    def epoch(self) -> str:
        """The name of what is, until a restore."""
        return f"epoch {self.epoch_number}"

    def back_up(self) -> None:
        """Keep what is there."""
        self._backup = (self.kept.copy(), dict(self.states))

    def restore(self) -> None:
        """Be as when it was last backed up; all connections are over."""
        kept, states = self._backup
        self.kept, self.states = kept.copy(), dict(states)
        self.epoch_number += 1

    def view(self, reach: Reach) -> Inventory:
        """Return what somebody of that reach is told of."""
        return Inventory(
            {
                kind: {id: thing for id, thing in rows.items() if self._is_seen(thing, reach)}
                for kind, rows in self.kept.inventory.tables.items()
            }
        )

    # Messages

    def hello(self, hello: Hello, reach: Reach) -> tuple[Line, Welcome]:
        """Open a connection."""
        at = hello.revision if hello.epoch == self.epoch else 0
        welcome = Welcome(
            protocol=1,
            version="model",
            tenant=Tenant(UUID(int=1), "model"),
            epoch=self.epoch,
            revision=self.kept.revision,
            account=UUID(int=2),
            name="mara",
            role="engineer",
            permissions=(),
            is_everywhere=reach is None,
            kept_seq=0,
            at_us=0,
        )
        return Line(reach, at), welcome

    def take(self, line: Line, message: Push | Taken) -> list[Outcomes]:
        """Return the answer to a message."""
        match message:
            case Taken():
                line.at, line.is_out = message.revision, False
                return []
            case Push():
                return [Outcomes(tuple(self._outcome(edit, line.reach) for edit in message.edits))]

    def news(self, line: Line) -> list[Entries]:
        """Return the parts of what an install has not been told, none while it was told and has not taken it."""
        if line.is_out or (line.at == self.kept.revision and not line.is_new):
            return []
        line.is_out, line.is_new = True, False
        return list(self._parts(line.at, line.reach))

    # How

    def _outcome(self, edit: Edit, reach: Reach) -> Outcome:
        known = self.kept.edits.get(edit.id)
        if known is not None:
            return Outcome(edit.id, known.revision, known.clashes)
        if refusals := self._beyond(edit, reach):
            return Outcome(edit.id, 0, (), tuple(refusals))
        before = self._fields(edit)
        outcome = self._merge(edit)
        if promised := broken_promises(edit, outcome, before, self._fields(edit)):
            self.broken.append((edit, promised))
        return outcome

    def _merge(self, edit: Edit) -> Outcome:
        merged, found = settle(self.kept.inventory, edit)
        if found:
            self.refused += 1
            return Outcome(edit.id, 0, merged.clashes, tuple(found))
        if merged.edit is None:
            if not merged.clashes:
                self.kept.void.add(edit.id)
            return Outcome(edit.id, 0, merged.clashes)
        self._apply(merged.edit, merged.clashes)
        return Outcome(edit.id, self.kept.revision, merged.clashes)

    def _fields(self, edit: Edit) -> dict[Thing, Fields | None]:
        things = {thing: self.kept.inventory.get(*thing) for thing in things_of(edit)}
        return {thing: None if one is None else fields_of(one) for thing, one in things.items()}

    def _apply(self, edit: Edit, clashes: tuple[Any, ...]) -> None:
        kept = self.kept
        before = {thing: kept.inventory.get(*thing) for thing in things_of(edit)}
        mark = self.states[kept.revision]
        apply(kept.inventory, edit)
        kept.revision += 1
        self.merged += 1
        for thing, old in before.items():
            kept.touched[thing] = kept.revision
            mark ^= fingerprint(old) ^ fingerprint(kept.inventory.get(*thing))
            if thing[0] == "device":  # whoever does not reach it any more does not reach its links
                for link in kept.inventory.links():
                    if thing[1] in {link.a, link.b}:
                        kept.touched["link", link.id] = kept.revision
        self.states[kept.revision] = mark
        kept.edits[edit.id] = EditRow(kept.revision, edit, clashes)

    def _beyond(self, edit: Edit, reach: Reach) -> list[Refusal]:
        made = {(step.kind, step.id) for step in edit.steps if step.before is None}
        return [
            Refusal(f"{step.kind.upper()}_NOT_FOUND", f"there is no such {step.kind}", subject=step.id)
            for step in edit.steps
            if (step.kind, step.id) not in made
            and (thing := self.kept.inventory.get(step.kind, step.id)) is not None
            and not self._is_seen(thing, reach)
        ]

    def _is_seen(self, thing: Entity, reach: Reach) -> bool:
        if reach is None:
            return True
        devices = self.kept.inventory.tables["device"]
        match thing:
            case Site():
                return thing.id in reach
            case Device():
                return thing.site in reach
            case Link():
                return all(self._is_seen(devices[end], reach) for end in (thing.a, thing.b))
            case _:
                return False

    def _parts(self, since: int, reach: Reach) -> Iterator[Entries]:
        told = [(thing, self.kept.inventory.get(*thing)) for thing in self._told(since)]
        told = [(thing, one if one and self._is_seen(one, reach) else None) for thing, one in told]
        if since == 0:
            told = [(thing, one) for thing, one in told if one is not None]
        rows = [row for row in self.kept.edits.values() if row.revision > since and reach is None][-3:]
        pieces = [told[at : at + PER_PART] for at in range(0, len(told), PER_PART)] or [[]]
        for number, piece in enumerate(pieces):
            fields: dict[str, list[Any]] = {}
            for (kind, id), one in piece:
                fields.setdefault("gone" if one is None else f"{kind}s", []).append(
                    Gone(kind, id) if one is None else one
                )
            complete = number == len(pieces) - 1
            tuples = {name: tuple(found) for name, found in fields.items()}
            part = Entries(since, self.kept.revision, complete, edits=tuple(rows) if complete else ())
            yield msgspec.structs.replace(part, **tuples)

    def _told(self, since: int) -> Iterable[Thing]:
        if since > 0:
            return [thing for thing, at in self.kept.touched.items() if at > since]
        return [(kind, id) for kind in KINDS for id in self.kept.inventory.tables[kind]]


def fingerprint(thing: Entity | None) -> int:
    """Return a number that another state of a thing hardly has."""
    return 0 if thing is None else hash((type(thing).__name__, thing))


def mark_of(inventory: Inventory) -> int:
    """Return the fingerprint of all things together."""
    mark = 0
    for rows in inventory.tables.values():
        for thing in rows.values():
            mark ^= fingerprint(thing)
    return mark
