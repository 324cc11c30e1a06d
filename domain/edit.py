"""The only change to inventory: an `Edit` of `Step`s, each a value that is a change and its own inverse.

Counterpart: `inventory.py`, what it changes; `rules.py`, what is refused before. One rule: a step holds the changed
fields only, before and after, as plain values; creating has no before, deleting has no after, and the inverse is the swap.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.inventory import TYPES, Entity, Inventory, Kind
from domain.nouns import noun_of

EDIT_VERSION = 1
"""Version of the steps' meaning; raised with an upgrade function when a field changes its meaning."""

UNDO_PREFIX = "Undo: "
"""Opens the title of an edit that takes another back."""

Fields = dict[str, Any]


class Step(msgspec.Struct, frozen=True):
    """A change of one thing. `before` None: it is made; `after` None: it is deleted; else both hold the same keys."""

    kind: Kind
    id: UUID
    before: Fields | None
    after: Fields | None


class Edit(msgspec.Struct, frozen=True):
    """What one person did in one go; applied whole or not at all."""

    id: UUID
    at_us: int
    author: str
    title: str
    steps: tuple[Step, ...]
    version: int = EDIT_VERSION
    undoes: UUID | None = None


class DoesNotFit(Exception):
    """A step's `before` does not hold any more: somebody changed the thing meanwhile."""

    def __init__(self, step: Step, fields: dict[str, tuple[Any, Any]]) -> None:
        said = ", ".join(
            f"{name} is {got!r}, expected {expected!r}" for name, (got, expected) in fields.items()
        )
        super().__init__(f"{noun_of(step.kind).one}: {said}")
        self.step = step
        self.fields = fields


def fields_of(entity: Entity) -> Fields:
    """Return a thing as plain JSON values (ids as text, tuples as lists), without its id."""
    fields: Fields = msgspec.json.decode(msgspec.json.encode(entity))
    del fields["id"]
    return fields


def entity_from(kind: str, id: UUID, fields: Fields) -> Entity:
    """Return the thing that plain values describe. Raises msgspec.ValidationError where they do not."""
    return msgspec.convert({**fields, "id": id}, TYPES[kind])


def creation(kind: Kind, entity: Entity) -> Step:
    """Return the step that makes a thing."""
    return Step(kind, entity.id, None, fields_of(entity))


def deletion(kind: Kind, entity: Entity) -> Step:
    """Return the step that deletes a thing."""
    return Step(kind, entity.id, fields_of(entity), None)


def change(kind: Kind, old: Entity, new: Entity) -> Step | None:
    """Return the step from an old to a new state of one thing, or None where nothing differs."""
    was, now = fields_of(old), fields_of(new)
    changed = [name for name in now if was[name] != now[name]]
    if not changed:
        return None
    return Step(kind, old.id, {n: was[n] for n in changed}, {n: now[n] for n in changed})


def inverse(edit: Edit, id: UUID, at_us: int, author: str) -> Edit:
    """Return the edit that takes `edit` back: its steps swapped, last first."""
    steps = tuple(Step(s.kind, s.id, s.after, s.before) for s in reversed(edit.steps))
    undone = edit.title.removeprefix(UNDO_PREFIX)
    title = undone if undone != edit.title else UNDO_PREFIX + edit.title
    return Edit(id, at_us, author, title, steps, edit.version, undoes=edit.id)


def apply(inventory: Inventory, edit: Edit) -> list[tuple[Kind, UUID]]:
    """Apply an edit whole and return what it touched; raise DoesNotFit or ValidationError and change nothing."""
    undo: list[tuple[Kind, UUID, Entity | None]] = []
    try:
        for step in edit.steps:
            undo.append((step.kind, step.id, _apply_step(inventory, step)))
    except BaseException:
        for kind, id, old in reversed(undo):
            _put(inventory, kind, id, old)
        raise
    return [(kind, id) for kind, id, _ in undo]


def _apply_step(inventory: Inventory, step: Step) -> Entity | None:
    old = inventory.get(step.kind, step.id)
    was = fields_of(old) if old is not None else None
    if step.before is None or was is None:
        if (step.before is None) != (was is None):
            raise DoesNotFit(step, {"existence": (was is not None, step.before is not None)})
    else:
        differing = {n: (was.get(n), v) for n, v in step.before.items() if was.get(n) != v}
        if differing:
            raise DoesNotFit(step, differing)
    new = None if step.after is None else entity_from(step.kind, step.id, {**(was or {}), **step.after})
    _put(inventory, step.kind, step.id, new)
    return old


def _put(inventory: Inventory, kind: str, id: UUID, entity: Entity | None) -> None:
    if entity is None:
        inventory.tables[kind].pop(id, None)
    else:
        inventory.tables[kind][id] = entity
