"""A server of one tenant as `domain/sync.py` says it is, in memory and pure: what replicas are tried against.

Counterpart: `sync_server/`, which has to do the same. One rule: it merges by `domain/merge.py` and knows nothing of replicas but
their messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit, Fields, apply, fields_of
from domain.errors import Refusal
from domain.inventory import Device, Entity, Inventory, Kind, Link, Site, Tenant
from domain.merge import Thing, settle, things_of
from domain.sync import EditRow, Entries, Gone, Hello, Outcome, Outcomes, Push, Taken, Welcome
from tests.sync.promises import broken_promises

Reach = frozenset[UUID] | None
"""The sites that somebody reaches; None is everywhere."""


@dataclass
class Line:
    """What the server knows of one connection. `at`: the revision that its install has; `out`: a part that it has not taken.

    `page`: how far a batch is told, `opened` at which revision it began.
    """

    reach: Reach
    at: int
    out: Entries | None = None
    is_new: bool = True
    page: tuple[int, str, UUID] | None = None
    opened: int = 0


@dataclass
class _Kept:
    """What is on the server's disk."""

    inventory: Inventory = field(default_factory=Inventory)
    revision: int = 0
    touched: dict[Thing, int] = field(default_factory=dict)
    edits: dict[UUID, EditRow] = field(default_factory=dict)
    answers: dict[UUID, Outcome] = field(default_factory=dict)

    def copy(self) -> _Kept:
        tables = Inventory(self.inventory.tables)
        return _Kept(tables, self.revision, dict(self.touched), dict(self.edits), dict(self.answers))


class ModelServer:
    """One tenant, told of in parts of so many things. `states`: a fingerprint of the inventory at each revision of the epoch."""

    def __init__(self, per_part: int = 7) -> None:
        self.per_part = per_part
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
                if line.out is not None and line.out.revision == message.revision:
                    line.at = message.revision if line.out.complete else line.at
                    line.out = None
                return []
            case Push():
                return [Outcomes(tuple(self._outcome(edit, line.reach) for edit in message.edits))]

    def news(self, line: Line) -> list[Entries]:
        """Return the next part of what an install has not been told, nothing while it has not taken the one before."""
        kept = self.kept
        if line.out is not None or (line.page is None and line.at == kept.revision and not line.is_new):
            return []
        if line.page is None:
            line.page, line.opened = (line.at, "", UUID(int=0)), kept.revision
        line.is_new = False
        touched = [(at, *thing) for thing, at in kept.touched.items()]
        due = sorted(key for key in touched if key > line.page and key[0] > line.at)
        told, is_last = due[: self.per_part], len(due) <= self.per_part
        line.out = self._part(line, told, complete=is_last)
        line.page = None if is_last else told[-1]
        return [line.out]

    # How

    def _outcome(self, edit: Edit, reach: Reach) -> Outcome:
        known = self.kept.answers.get(edit.id)
        if known is not None:
            return known
        refusals = self._beyond(edit, reach)
        outcome = Outcome(edit.id, 0, (), tuple(refusals)) if refusals else self._merge(edit)
        self.kept.answers[edit.id] = outcome
        return outcome

    def _merge(self, edit: Edit) -> Outcome:
        before = self._fields(edit)
        merged, found = settle(self.kept.inventory, edit)
        if found:
            self.refused += 1
        elif merged.edit is not None:
            self._apply(merged.edit, merged.clashes)
        revision = self.kept.revision if merged.edit is not None and not found else 0
        outcome = Outcome(edit.id, revision, merged.clashes, tuple(found))
        if promised := broken_promises(edit, outcome, before, self._fields(edit)):
            self.broken.append((edit, promised))
        return outcome

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

    def _part(self, line: Line, told: Iterable[tuple[int, Kind, UUID]], *, complete: bool) -> Entries:
        fields: dict[str, list[Any]] = {}
        for at, kind, id in told:
            one = self.kept.inventory.get(kind, id)
            if one is not None and self._is_seen(one, line.reach):
                fields.setdefault(f"{kind}s", []).append(one)
            elif line.at or at > line.opened:
                fields.setdefault("gone", []).append(Gone(kind, id))
        if complete and line.reach is None:
            rows = (row for row in self.kept.edits.values() if row.revision > line.at)
            fields["edits"] = list(rows)[-3:]
        part = Entries(line.at, self.kept.revision, complete)
        return msgspec.structs.replace(part, **{name: tuple(found) for name, found in fields.items()})


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
