"""An edit whose `before` no longer holds: whose change is whose, field by field, and the edit that applies mine to what is now.

Pure. Counterparts: `edit.py`, whose `DoesNotFit` says only that it is so, and the rules, which refuse with CLASH while the person
is there to decide; `merge.py`, which applies what still fits when nobody is.

One rule: what somebody deleted stays deleted, and what both did alike is no clash.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit, Fields, Step, fields_of
from domain.inventory import Inventory, Kind


class FieldClash(msgspec.Struct, frozen=True):
    """One field: as it was when my change was begun, as it is now, and as I want it. Plain JSON values."""

    name: str
    was: Any
    theirs: Any
    mine: Any


class Clash(msgspec.Struct, frozen=True):
    """One thing that is no longer as an edit took it to be. `gone`: it was deleted; `there`: it was made already."""

    kind: Kind
    id: UUID
    fields: tuple[FieldClash, ...] = ()
    gone: bool = False
    there: bool = False


def clashes(inventory: Inventory, edit: Edit) -> list[Clash]:
    """Return what stands against an edit now, in the order of its steps; nothing where it would fit."""
    found = []
    for step, now in _steps_now(inventory, edit):
        if step.before is None:
            if now is not None:
                found.append(Clash(step.kind, step.id, there=True))
        elif now is None:
            if step.after is not None:
                found.append(Clash(step.kind, step.id, gone=True))
        else:
            fields = tuple(_fields(step, step.before, now))
            found += [Clash(step.kind, step.id, fields)] if fields else []
    return found


def applied_again(inventory: Inventory, edit: Edit, id: UUID, at_us: int, author: str) -> Edit | None:
    """Return a new edit that does what `edit` was to do to what is there now, or None where nothing of it is left to do."""
    steps: list[Step] = []
    for step, now in _steps_now(inventory, edit):
        if step.before is None or now is None:
            if step.before is None and now is None:
                steps.append(step)
        elif step.after is None:
            steps.append(Step(step.kind, step.id, now, None))
        else:
            wanted = {name: value for name, value in step.after.items() if now.get(name) != value}
            if wanted:
                steps.append(Step(step.kind, step.id, {name: now.get(name) for name in wanted}, wanted))
    return Edit(id, at_us, author, edit.title, tuple(steps), edit.version) if steps else None


def _steps_now(inventory: Inventory, edit: Edit) -> list[tuple[Step, Fields | None]]:
    now = []
    for step in edit.steps:
        entity = inventory.get(step.kind, step.id)
        now.append((step, fields_of(entity) if entity is not None else None))
    return now


def _fields(step: Step, before: Fields, now: Fields) -> list[FieldClash]:
    after = step.after
    return [
        FieldClash(name, was, now.get(name), after[name] if after is not None else None)
        for name, was in before.items()
        if now.get(name) != was and (after is None or now.get(name) != after.get(name))
    ]
