"""Which rows of a dry run a person wants, and the edit that they are; no Qt. Counterpart: `domain/exchanging.ImportPlan`.

One rule: a row that is taken has what it needs with it, and what needs a row that is left is left too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from domain.edit import Step
from domain.errors import Refusal
from domain.exchanging import ImportPlan, ImportRow
from domain.inventory import Inventory
from domain.text import clean_text

NAME_CAP = 80
"""Characters of a file's name in the title of an edit."""
RowKey = tuple[str, str, str]
"""What is the same row when the same file is read again: kind, name, where."""
Area = tuple[float, float, float, float]
"""West, south, east, north."""


class Choice:
    """The rows of one plan that are taken: at first all that change something, but for those in `left`."""

    def __init__(self, plan: ImportPlan, left: Collection[RowKey] = ()) -> None:
        self.plan = plan
        self._needed_by: dict[int, list[int]] = {}
        for number, row in enumerate(plan.rows):
            for need in row.needs:
                self._needed_by.setdefault(need, []).append(number)
        self._taken = {number for number, row in enumerate(plan.rows) if row.steps}
        self.leave(number for number, row in enumerate(plan.rows) if left and _key(row) in left)

    def can_take(self, number: int) -> bool:
        """Tell whether a row changes anything."""
        return bool(self.plan.rows[number].steps)

    def takes(self, number: int) -> bool:
        """Tell whether a row is taken."""
        return number in self._taken

    def take(self, numbers: Iterable[int]) -> None:
        """Take rows, and what they need."""
        rows = self.plan.rows
        waiting = [number for number in numbers if rows[number].steps and number not in self._taken]
        while waiting:
            number = waiting.pop()
            if number not in self._taken:
                self._taken.add(number)
                waiting += (need for need in rows[number].needs if rows[need].steps)

    def leave(self, numbers: Iterable[int]) -> None:
        """Leave rows, and what needs them."""
        waiting = [number for number in numbers if number in self._taken]
        while waiting:
            number = waiting.pop()
            if number in self._taken:
                self._taken.remove(number)
                waiting += self._needed_by.get(number, ())

    def left(self) -> set[RowKey]:
        """Return the rows that change something and are left."""
        rows = self.plan.rows
        return {_key(row) for number, row in enumerate(rows) if row.steps and number not in self._taken}

    def counts(self) -> tuple[int, int]:
        """Return how many of the taken rows add, and how many change."""
        added = sum(self.plan.rows[number].action == "add" for number in self._taken)
        return added, len(self._taken) - added

    def steps(self) -> tuple[Step, ...]:
        """Return the steps of the taken rows in the order of the plan."""
        wanted = sorted(step for number in self._taken for step in self.plan.rows[number].steps)
        return tuple(self.plan.steps[step] for step in wanted)

    def title(self, file_name: str) -> str:
        """Return what the edit is called: "Import towers.kml: 12 added, 3 changed"."""
        said = _counted(self.counts(), "{:,} added", "{:,} changed")
        return f"Import {clean_text(file_name, NAME_CAP)}: {said}"

    def verb(self) -> str:
        """Return what the button says: "Add 12, change 3"; "" where nothing is taken."""
        return _counted(self.counts(), "add {:,}", "change {:,}").capitalize()

    def rows_refused(self, refusals: Sequence[Refusal]) -> tuple[dict[int, str], list[Refusal]]:
        """Return what was refused of which row, and the refusals that are of none."""
        row_of: dict[UUID, int] = {
            self.plan.steps[step].id: number
            for number, row in enumerate(self.plan.rows)
            for step in row.steps
        }
        said: dict[int, str] = {}
        rest: list[Refusal] = []
        for refusal in refusals:
            number = row_of.get(refusal.subject) if refusal.subject is not None else None
            if number is None:
                rest.append(refusal)
            else:
                said[number] = f"{said[number]}; {refusal.message}" if number in said else refusal.message
        return said, rest

    def area(self, inventory: Inventory) -> Area | None:
        """Return where on the map it is that something is added, else changed; None where nothing has a place."""
        steps = self.steps()
        added = [step for step in steps if step.before is None and step.kind in ("site", "device")]
        sites: dict[str, tuple[float, float]] = {
            str(step.id): place for step in steps if (place := _place_in(step.after)) is not None
        }
        places = []
        for step in added or steps:
            place = _place_in(step.after) or sites.get(str((step.after or {}).get("site")))
            place = place or _known_place(inventory, step)
            if place is not None:
                places.append(place)
        if not places:
            return None
        lngs, lats = [lng for lng, _ in places], [lat for _, lat in places]
        return min(lngs), min(lats), max(lngs), max(lats)


def _key(row: ImportRow) -> RowKey:
    return row.kind, row.name, row.where


def _counted(counts: tuple[int, int], added: str, changed: str) -> str:
    return ", ".join(words.format(n) for n, words in zip(counts, (added, changed), strict=True) if n)


def _place_in(fields: dict[str, object] | None) -> tuple[float, float] | None:
    lng, lat = (fields or {}).get("lng"), (fields or {}).get("lat")
    return (lng, lat) if isinstance(lng, float) and isinstance(lat, float) else None


def _known_place(inventory: Inventory, step: Step) -> tuple[float, float] | None:
    """Return where a thing of the inventory stands, or the site that a new device goes to."""
    if (device := inventory.device(step.id)) is not None:
        where = inventory.place_of(device)
        return (where.lng, where.lat) if where is not None else None
    named = (step.after or {}).get("site") if step.kind == "device" else None
    site = inventory.site(UUID(str(named)) if named else step.id)
    return (
        (site.lng, site.lat) if site is not None and site.lng is not None and site.lat is not None else None
    )
