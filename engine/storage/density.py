"""How much happened when: rows of the journal counted in buckets of time. Counterpart: the scrubber, by `Store.density`.

Theory: the database counts, so that a month is a few thousand numbers here and not a hundred thousand rows. How many devices
have a status is the number at the beginning and then what turns to it and from it; within a bucket the order is not known, so
`most` is what was there with all that came. One rule: only rows of this origin count for status, for only it judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, get_args
from uuid import UUID

from sqlalchemy import JSON, Connection, Text, cast, func, literal_column, select, type_coerce

from domain.asking import Density
from domain.health import Status
from domain.journal import RowKind
from engine.storage import tables
from engine.storage.types import is_postgres

STATUSES: tuple[str, ...] = get_args(Status)


class Counted(NamedTuple):
    """Rows in buckets: (bucket, kind) -> how many; (bucket, was, status) -> how many devices turned so."""

    rows: Counter[tuple[int, str]]
    turns: Counter[tuple[int, str, str]]

    @classmethod
    def none(cls) -> Counted:
        """Return what is counted before the first row."""
        return cls(Counter(), Counter())

    def add(self, later: Counted, shift: int) -> None:
        """Add what was counted apart, so many buckets later."""
        self.rows.update({(at + shift, kind): number for (at, kind), number in later.rows.items()})
        self.turns.update(
            {(at + shift, was, status): number for (at, was, status), number in later.turns.items()}
        )


def count_between(  # noqa: PLR0917
    connection: Connection, tenant: UUID, origin: UUID, from_us: int, before_us: int, width_us: int
) -> Counted:
    """Count the rows from one moment until before another, in buckets that begin at `from_us`."""
    journal = tables.journal
    place = (journal.c.at_us - literal_column(str(from_us))) // literal_column(str(width_us))
    within = (journal.c.tenant_id == tenant) & (journal.c.at_us >= from_us) & (journal.c.at_us < before_us)
    rows: Counter[tuple[int, str]] = Counter()
    for kind in get_args(RowKind):
        query = select(place, func.count()).where(within, journal.c.kind == kind).group_by(place)
        rows.update({(int(at), kind): number for at, number in connection.execute(query)})
    said = type_coerce(
        journal.c.body if is_postgres(connection.dialect) else cast(journal.c.body, Text), JSON
    )
    was, status = said["was"].as_string(), said["status"].as_string()
    mine = within & (journal.c.kind == "status") & (journal.c.origin == origin)
    query = select(place, was, status, func.count()).where(mine).group_by(place, was, status)
    turns: Counter[tuple[int, str, str]] = Counter()
    for at, old, new, number in connection.execute(query):
        turns[int(at), str(old), str(new)] += number
    return Counted(rows, turns)


def density_of(from_us: int, to_us: int, buckets: int, held: Iterable[str], counted: Counted) -> Density:
    """Return what the counts say, where `held` are the statuses of all devices at the beginning."""
    events: dict[str, list[int]] = {}
    for (at, kind), number in counted.rows.items():
        if 0 <= at < buckets:
            events.setdefault(kind, [0] * buckets)[at] += number
    now = Counter(held)
    came: Counter[tuple[int, str]] = Counter()
    went: Counter[tuple[int, str]] = Counter()
    for (at, was, status), number in counted.turns.items():
        came[at, status] += number
        went[at, was] += number
    most = {status: [0] * buckets for status in STATUSES}
    last = {status: [0] * buckets for status in STATUSES}
    for at in range(buckets):
        for status in STATUSES:
            most[status][at] = max(0, now[status] + came[at, status])
            now[status] += came[at, status] - went[at, status]
            last[status][at] = max(0, now[status])
    kept = [status for status in STATUSES if any(most[status])]
    return Density(
        from_us,
        to_us,
        events,
        {status: most[status] for status in kept},
        {status: last[status] for status in kept},
    )
