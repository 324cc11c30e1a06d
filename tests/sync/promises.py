"""What merging promises to two people whose changes meet, told anew from their fields alone, without a look at how it is done.

Counterpart: `domain/merge.py`, of which this shares nothing. One rule: an edit with several steps on one thing is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.clash import Clash
from domain.edit import Edit, Fields, Step
from domain.merge import Thing
from domain.sync import Outcome

States = Mapping[Thing, Fields | None]
_PLACE = {"lng", "lat"}


def broken_promises(edit: Edit, outcome: Outcome, before: States, after: States) -> list[str]:
    """Return what is otherwise than promised, where things were as `before` and are as `after` an edit was merged."""
    if outcome.refusals:
        return [f"refused, and yet {thing} changed" for thing in before if before[thing] != after[thing]]
    if len(before) < len(edit.steps):
        return []
    told = {(clash.kind, clash.id): clash for clash in outcome.clashes}
    found: list[str] = []
    for step in edit.steps:
        thing = (step.kind, step.id)
        found += _of_step(step, told.get(thing), before[thing], after[thing])
    return found


def _of_step(step: Step, clash: Clash | None, old: Fields | None, new: Fields | None) -> Iterator[str]:
    if step.after is None:
        if new is not None or clash is not None:
            yield "a deletion did not win"
    elif step.before is None:
        if new != (step.after if old is None else old):
            yield "what was made is not so, or what was there did not stay"
        if (clash is not None and clash.there) != (old is not None and old != step.after):
            yield "it was there already, and was told wrongly"
    elif old is None:
        if new is not None or clash is None or not clash.gone:
            yield "a change brought back what is gone, or was dropped without a word"
    else:
        yield from _of_fields(step.before, step.after, clash, old, new or {})


def _of_fields(before: Fields, after: Fields, clash: Clash | None, old: Fields, new: Fields) -> Iterator[str]:
    told = {field.name: field for field in clash.fields} if clash is not None else {}
    place_lost = any(old[name] not in (before[name], after[name]) for name in _PLACE & after.keys())
    for name in old:
        is_lost = (
            name in after
            and old[name] != after[name]
            and (old[name] != before[name] or (name in _PLACE and place_lost))
        )
        expected = after[name] if name in after and not is_lost else old[name]
        if new.get(name) != expected:
            yield f"{name} is {new.get(name)!r}, expected {expected!r}"
        if is_lost != (name in told) or (
            is_lost and (told[name].theirs, told[name].mine) != (old[name], after[name])
        ):
            yield f"the clash of {name} was told wrongly"
