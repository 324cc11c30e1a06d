"""What an edit names that is not in the inventory, and so is unknown to `domain/rules.py`: installs and accounts of the tenant.

Counterpart: `ledger.py`, which asks here before it judges. One rule: an undo brings back whom the edit named that it takes back,
and of a map of somebody else nobody but who runs the team: taken back is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.edit import Edit, Step
from domain.errors import Refusal
from domain.text import clean_text
from sync_server.database import Transaction
from sync_server.security.principal import Principal


async def outside_refusals(
    transaction: Transaction, who: Principal, edit: Edit, undone: Sequence[Step]
) -> list[Refusal]:
    """Return what is refused of the installs and accounts that an edit names; `undone`: the steps of the edit that it undoes."""
    return [
        *await _unknown_pollers(transaction, edit, undone),
        *await _maps_of_others(transaction, who, edit, undone),
    ]


def names_outside(edit: Edit) -> bool:
    """Tell whether there is something to look at: most edits name nothing of the kind."""
    return any(step.kind == "team_map" or (step.after or {}).get("polled_by") for step in edit.steps)


async def _unknown_pollers(transaction: Transaction, edit: Edit, undone: Sequence[Step]) -> list[Refusal]:
    """Return which devices would be polled by what is no install of the tenant."""
    named = {s.id: _id_in(s.after["polled_by"]) for s in edit.steps if s.after and s.after.get("polled_by")}
    for step in undone:
        if step.before and step.id in named and _id_in(step.before.get("polled_by")) == named[step.id]:
            del named[step.id]
    if not named:
        return []
    rows = await transaction.fetch(_POLLERS, [*{*named.values()} - {None}])
    known = {UUID(int=row["id"].int) for row in rows}
    said = "this computer is not in the team, or not any more: choose another"
    return [
        Refusal("INVALID_INPUT", said, "polled_by", subject=device)
        for device, install in named.items()
        if install not in known
    ]


async def _maps_of_others(
    transaction: Transaction, who: Principal, edit: Edit, undone: Sequence[Step]
) -> list[Refusal]:
    """Return which of the team's maps the asker may not name as shared by whom, or not change because somebody else shared them;
    whoever runs the team may change and take back all."""
    steps = [step for step in edit.steps if step.kind == "team_map"]
    found = [
        refusal
        for step in steps
        if not _is_brought_back(who, step, undone)
        for refusal in _of_somebody_else(who, step)
    ]
    changed = [step.id for step in steps if step.before is not None]
    if not changed or who.may("tenant:write"):
        return found
    said = "somebody else shared this map: they take it back, or an administrator of the team"
    rows = await transaction.fetch(_SHARED, changed, who.id)
    return found + [
        Refusal("INSUFFICIENT_PERMISSIONS", said, subject=UUID(int=row["id"].int)) for row in rows
    ]


def _of_somebody_else(who: Principal, step: Step) -> Iterator[Refusal]:
    """Go over what is refused of whom a map names that is made or changed."""
    after = step.after or {}
    names = (step.after is not None and step.before is None) or "sharer" in after
    if names and _id_in(after.get("sharer")) != who.id:
        said = "a map is shared by whoever shares it: your own account"
        yield Refusal("INVALID_INPUT", said, "sharer", step.id)
    if after.get("author") not in (None, "", who.name):
        said = f"a map is shared under the name of your own account: {clean_text(who.name)}"
        yield Refusal("INVALID_INPUT", said, "author", step.id)


def _is_brought_back(who: Principal, step: Step, undone: Sequence[Step]) -> bool:
    """Tell whether a map is as it was before what is undone, to the letter, and the asker may bring it back."""
    if step.after is None or not any(
        old.id == step.id and old.kind == step.kind and old.before == step.after for old in undone
    ):
        return False
    return who.may("tenant:write") or _id_in(step.after.get("sharer")) == who.id


def _id_in(value: object) -> UUID | None:
    """Return the id that a step names, None where it is none."""
    try:
        return UUID(str(value))
    except ValueError:
        return None


_POLLERS = """
    SELECT id FROM identity.install WHERE id = ANY ($1::uuid[]) AND proven_us IS NOT NULL AND ended_us IS NULL
"""
_SHARED = "SELECT id FROM team_map WHERE id = ANY ($1::uuid[]) AND sharer IS DISTINCT FROM $2"
