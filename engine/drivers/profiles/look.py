"""A look at what a profile's groups find, and the facts they tell. Counterpart: `rows.py` reads, `making.py` makes the meters.

Theory: what a table of the profile says is worked out once a look, so that a cycle only multiplies. Of two numbers that would
be the same metric of the same instance the one of the earlier group is told; two rows of one group stay apart by their index.
A table that the device does not have is looked for rarely; one that it answers wrongly is told as `not_read/...`, and hurts
nothing else. One rule: nothing a device says raises here; a row that makes no sense is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from domain.device_facts import FACT_TYPES
from domain.errors import BadReply, Unsupported
from domain.observation import Told
from engine.drivers.meters import Known, Learned
from engine.drivers.profiles.language import LOOK_EVERY_CYCLES, Group, Plain, Profile, Thing
from engine.drivers.profiles.making import Kept, Making
from engine.drivers.profiles.rows import Reader, Row, as_text
from engine.drivers.profiles.sharing import shared
from engine.drivers.snmp_session import SnmpSession

NOT_READ = "not_read"
"""The prefix of facts that tell what cannot be read, and why."""

ABSENT_EVERY_CYCLES = 6 * LOOK_EVERY_CYCLES
"""How rarely a group is looked for that the device did not have."""


class Plan(NamedTuple):
    """Groups that are looked at together, each with what reads it, and how often."""

    groups: tuple[tuple[Group, Reader], ...]
    every: int
    watched: tuple[str, ...]


def looks_of(profile: Profile) -> list[ProfileLook]:
    """Return the looks of a profile for one device."""
    return [
        ProfileLook(plan, profile if plan.every == LOOK_EVERY_CYCLES else None) for plan in _plans_of(profile)
    ]


@shared
def _plans_of(profile: Profile) -> list[Plan]:
    """Put groups of one interval together, and so all that tell facts of one kind."""
    every_of_kind: dict[str, int] = {}
    for group in profile.groups:
        if group.thing is not None:
            kind = group.thing.kind
            every_of_kind[kind] = min(group.every, every_of_kind.get(kind, group.every))
    by_every: dict[int, list[Group]] = defaultdict(list)
    by_every[LOOK_EVERY_CYCLES] = []
    for group in profile.groups:
        by_every[every_of_kind[group.thing.kind] if group.thing else group.every].append(group)
    return [
        Plan(
            tuple((group, Reader(group)) for group in groups),
            every,
            tuple(dict.fromkeys(group.watch for group in groups if group.watch)),
        )
        for every, groups in sorted(by_every.items())
    ]


class ProfileLook:
    """Looks at the groups of a plan, each in one walk. `profile` tells what is always so of such a device."""

    def __init__(self, plan: Plan, profile: Profile | None) -> None:
        self.every = plan.every
        self._profile = profile
        self._groups = plan.groups
        self._watched = plan.watched
        self._kept: Kept = {}
        self._missed: dict[str, int] = {}
        self._seen: set[str] = set()

    async def __call__(self, session: SnmpSession, known: Known) -> Learned:
        """Return the meters and facts of what is there."""
        making = Making(self._kept)
        facts: list[Told] = []
        if self._profile is not None:
            facts = [("profile", self._profile.name), *self._profile.facts.items()]
        due = [(group, reader) for group, reader in self._groups if not self._is_skipped(group)]
        not_read = f"{NOT_READ}/{self.every}/"
        whole = {not_read}
        columns = [column for group, reader in due for column in reader.table_columns]
        try:
            present = await session.present(columns)
        except (BadReply, Unsupported):
            present = set(columns)  # which of them it is shows when each is asked for
        for group, reader in due:
            is_there = not reader.table_columns or not present.isdisjoint(reader.table_columns)
            try:
                rows = await reader.read(session, known) if is_there else []
            except (BadReply, Unsupported) as error:
                facts.append((f"{not_read}{group.name}", f"{group.name}: {error}"))
                continue
            if group.thing is not None:
                whole.add(f"{group.thing.kind}/")
            if rows:
                self._seen.add(group.name)
            elif group.name not in self._seen:
                self._missed[group.name] = 0
                continue
            making.add(group, rows)
            facts += _facts_of(group, rows)
        meters = making.meters()
        self._kept = making.kept
        return Learned(meters, facts, tuple(sorted(whole)), self._watched)

    def _is_skipped(self, group: Group) -> bool:
        """Tell whether a group was never there and is not due to be looked for again."""
        if group.name not in self._missed or group.name in self._seen or group.watch or group.may_be_empty:
            return False
        self._missed[group.name] += self.every
        if self._missed[group.name] < ABSENT_EVERY_CYCLES:
            return True
        self._missed[group.name] = 0
        return False


def _facts_of(group: Group, rows: Sequence[Row]) -> Iterator[Told]:
    for row in rows:
        for fact, name in group.facts.items():
            if name in row.said:
                yield fact, row.said[name]
        if group.thing is not None:
            yield from _thing_of(group.thing, row)


def _thing_of(thing: Thing, row: Row) -> Iterator[Told]:
    shape = FACT_TYPES[thing.kind]
    types = {field.name: field.type for field in msgspec.structs.fields(shape)}
    asked = {name: row.fill(of) if "{" in of else row.said.get(of) for name, of in thing.value.items()}
    said: dict[str, Plain] = {name: plain for name, plain in asked.items() if plain not in (None, "")}
    said |= thing.constant
    worded = {name: as_text(plain) if types[name] is str else plain for name, plain in said.items()}
    try:
        fact = msgspec.convert(worded, shape, strict=False)
    except msgspec.ValidationError:
        return
    key = row.fill(thing.key)
    if key:
        yield f"{thing.kind}/{key}", msgspec.to_builtins(fact)
