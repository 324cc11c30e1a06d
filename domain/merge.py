"""An edit meets an inventory that others changed meanwhile: what of it is applied, and what keeps theirs and becomes a clash.

Pure. Counterparts: `sync_server/`, which merges what laptops send, and `engine/sync/session.py`, which lays a laptop's own edits
over what is confirmed by the same function; `clash.py`, what a clash is; `rules.py`, what is refused.

Theory: things are merged one by one, each by the steps that name it and by nothing else; so what a thing becomes can be told
without a look at the others. A field whose `before` still holds is applied. One whose `before` does not keeps what is there and
is a clash, unless it is there as wanted already. Fields that mean nothing apart (a place) win or lose together. A deletion wins
over whatever the thing became; a change of what is gone is a clash, and so is making what is there already and is not the same.
Whether what comes out makes sense as a whole is for the rules: they judge the merged edit, and refuse it whole.
One rule: whatever msgspec took for an edit is merged without an error: what cannot be a thing is left for the rules to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from domain.clash import Clash, FieldClash
from domain.edit import Edit, Fields, Step, entity_from, fields_of
from domain.errors import Refusal
from domain.inventory import KINDS, Entity, Inventory, Kind
from domain.rules import STEPS_CAP, of_edit, refusals

Thing = tuple[Kind, UUID]

TOGETHER: tuple[frozenset[str], ...] = (
    frozenset({"lng", "lat"}),
    frozenset({"x", "y", "width", "height"}),
    frozenset({"a", "a_interface"}),
    frozenset({"b", "b_interface"}),
    frozenset({"starts_us", "ends_us"}),
    frozenset({"kind", "metric", "op", "threshold", "clear_at"}),
    frozenset({"kind", "user", "auth", "privacy", "context"}),
)
"""Fields that mean nothing apart: of two people's places no third is mixed."""


class Merged(msgspec.Struct, frozen=True):
    """What an edit comes to. `edit`: what can be applied, its `before`s as they are now, None where nothing is left of it."""

    edit: Edit | None
    clashes: tuple[Clash, ...] = ()

    @property
    def touched(self) -> tuple[Thing, ...]:
        """What it changes, each thing once."""
        return tuple(things_of(self.edit)) if self.edit is not None else ()


def settle(inventory: Inventory, edit: Edit) -> tuple[Merged, list[Refusal]]:
    """Return what an edit comes to, and why that may not be applied: nothing of it is, where there is a refusal.

    `inventory` holds what the rules look at, as for `rules.refusals`.
    """
    if not edit.steps or len(edit.steps) > STEPS_CAP:
        return Merged(None), refusals(inventory, edit)
    merged = merge(inventory, edit)
    if merged.edit is None:
        return merged, list(of_edit(edit))
    return merged, refusals(inventory, merged.edit)


def merge(inventory: Inventory, edit: Edit) -> Merged:
    """Return what can be applied of an edit, and what cannot. An edit that fits comes back as it is."""
    now: dict[Thing, Entity | None] = {}
    steps: list[Step] = []
    found: list[Clash] = []
    for place, step in enumerate(edit.steps):
        thing = (step.kind, step.id)
        if thing not in now:
            now[thing] = inventory.get(*thing) if step.kind in KINDS else None
        try:
            kept, clash, now[thing] = _meet(now[thing], step)
        except (msgspec.ValidationError, KeyError):
            steps += edit.steps[place:]  # no thing comes of it: the rules say why
            break
        if kept is not None:
            steps.append(kept)
        if clash is not None:
            found.append(clash)
    if not steps:
        return Merged(None, tuple(found))
    return Merged(msgspec.structs.replace(edit, steps=tuple(steps)), tuple(found))


def laid(now: Entity | None, steps: Iterable[Step]) -> Entity | None:
    """Return what one thing becomes by the steps of one edit that name it; steps that make no thing change nothing."""
    for step in steps:
        try:
            _, _, now = _meet(now, step)
        except (msgspec.ValidationError, KeyError):
            return now
    return now


def things_of(edit: Edit) -> dict[Thing, list[Step]]:
    """Return the things that an edit names, and which of its steps name each."""
    found: dict[Thing, list[Step]] = {}
    for step in edit.steps:
        found.setdefault((step.kind, step.id), []).append(step)
    return found


def _meet(now: Entity | None, step: Step) -> tuple[Step | None, Clash | None, Entity | None]:
    """Return what is applied of a step, what is not, and what the thing is then. Raises ValidationError or KeyError."""
    if step.before is None:
        return _make(now, step)
    if step.after is None:
        return None if now is None else _deletion(now, step), None, None
    if now is None:
        return None, Clash(step.kind, step.id, gone=True) if step.after else None, None
    return _change(now, step, step.before, step.after)


def _deletion(now: Entity, step: Step) -> Step:
    was = fields_of(now)
    return step if step.before == was else Step(step.kind, step.id, was, None)


def _make(now: Entity | None, step: Step) -> tuple[Step | None, Clash | None, Entity | None]:
    if step.after is None:
        return None, None, now
    made = entity_from(step.kind, step.id, step.after)
    if now is None:
        return step, None, made
    return None, None if made == now else Clash(step.kind, step.id, there=True), now


def _change(
    now: Entity, step: Step, before: Fields, after: Fields
) -> tuple[Step | None, Clash | None, Entity]:
    was = fields_of(now)
    wanted = fields_of(entity_from(step.kind, step.id, {**was, **after}))
    unlike = [name for name in after if name not in was or was[name] != wanted[name]]
    lost = {name for name in unlike if name not in was or was[name] != before.get(name, was[name])}
    for group in TOGETHER:
        if group & lost:
            lost |= group.intersection(unlike)
    clash = None
    if lost:
        fields = (FieldClash(name, before.get(name), was.get(name), after[name]) for name in unlike)
        clash = Clash(step.kind, step.id, tuple(field for field in fields if field.name in lost))
    kept = {name: after[name] for name in unlike if name not in lost}
    if not kept:
        return None, clash, now
    if kept != after or before.keys() != after.keys():
        step = Step(step.kind, step.id, {name: was[name] for name in kept}, kept)
    return step, clash, entity_from(step.kind, step.id, {**was, **kept})
