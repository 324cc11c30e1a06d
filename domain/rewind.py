"""The inventory as it was: what is now, less the edits since. Counterpart: `edit.py`, whose steps say what was before.

Theory: of a thing that was edited since, the oldest of these edits says how each field was that it changed; fields that none
changed are as they are. A thing that was made since was not there, one that was deleted since was as the deletion says.
One rule: nothing is refused here. What does not fit is left as the newest known, for the past is looked at and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Fields, Step, entity_from, fields_of
from domain.inventory import Entity, Inventory

Thing = tuple[str, UUID]
"""A kind and an id."""


def rewound(
    inventory: Mapping[str, Mapping[UUID, Entity]], newest_first: Iterable[Step]
) -> dict[Thing, Entity | None]:
    """Return the things that edits touched since, as they were before; None where there was none.

    `newest_first` are the steps of those edits, the last done first. `inventory` (tables by kind) may have more or fewer of
    these edits than are given: what they set is taken back all the same.
    """
    fields: dict[Thing, Fields | None] = {}
    for step in newest_first:
        thing = step.kind, step.id
        if thing not in fields:
            now = inventory.get(step.kind, {}).get(step.id)
            fields[thing] = fields_of(now) if now is not None else None
        if step.before is None:
            fields[thing] = None
        else:
            fields[thing] = {**(fields[thing] or {}), **step.before}
    return {thing: _entity(thing, then, inventory) for thing, then in fields.items()}


def inventory_then(
    now: Mapping[str, Mapping[UUID, Entity]], before: Mapping[Thing, Entity | None]
) -> Inventory:
    """Return the inventory in which the things that were rewound are as they were."""
    then = Inventory({kind: dict(rows) for kind, rows in now.items()})
    for (kind, id), entity in before.items():
        if entity is None:
            then.tables[kind].pop(id, None)
        else:
            then.tables[kind][id] = entity
    return then


def _entity(
    thing: Thing, fields: dict[str, Any] | None, inventory: Mapping[str, Mapping[UUID, Entity]]
) -> Entity | None:
    if fields is None:
        return None
    try:
        return entity_from(*thing, fields)
    except msgspec.ValidationError:
        return inventory.get(thing[0], {}).get(thing[1])
