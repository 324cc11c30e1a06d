"""What happened, and for how long it is kept: journal, edits, cleared alerts, keyframes. Counterpart: `store.py` prunes.

Theory: this goes by age alone; the cap of the file is about numbers. An origin's journal is cut at its old end only and its
newest row always stays, so that numbers have no gap and none is given twice. An edit goes with its journal row: whoever made
it may have had a wrong clock. One rule: nothing here is scanned to find out what is old; it is read from its old end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from uuid import UUID

from sqlalchemy import Connection, RowMapping, delete, func, inspect, select

from engine.storage import tables
from engine.storage.team_tables import own_edit

US_PER_DAY = 86_400_000_000
ROWS_AT_ONCE = 2_000
"""Journal rows deleted in one transaction, so that nobody waits long for the next."""
UNENDED_CAP = 100
ROWS_WITHOUT_KEYFRAME = 1_250
"""Of old keyframes one is kept for each so many rows of the journal, however few days they took: what a seek folds at most."""


def origins(connection: Connection, tenant: UUID) -> Iterator[UUID]:
    """Go over who has journal rows, from one to the next by the key."""
    origin = tables.journal.c.origin
    query = select(origin).where(tables.journal.c.tenant_id == tenant).order_by(origin).limit(1)
    found = connection.execute(query).scalar()
    while found is not None:
        yield found
        found = connection.execute(query.where(origin > found)).scalar()


def drop_some(connection: Connection, tenant: UUID, before_us: int) -> bool:
    """Delete the oldest journal rows from before then, with their edits; return whether there may be more of them."""
    journal, edit = tables.journal, tables.edit
    more = False
    for origin in origins(connection, tenant):
        here = (journal.c.tenant_id == tenant) & (journal.c.origin == origin)
        query = select(journal.c.seq, journal.c.at_us).where(here).order_by(journal.c.seq)
        oldest = connection.execute(query.limit(ROWS_AT_ONCE + 1)).all()
        old = [row.seq for row in takewhile(lambda row: row.at_us < before_us, oldest[:-1])]
        if old:
            connection.execute(delete(journal).where(here, journal.c.seq <= old[-1]))
            same = (edit.c.tenant_id == tenant) & (edit.c.origin == origin)
            connection.execute(delete(edit).where(same, edit.c.seq <= old[-1]))
        more |= len(old) == ROWS_AT_ONCE
    return more


def drop_alerts(connection: Connection, tenant: UUID, before_us: int) -> None:
    """Delete alerts that were cleared before then."""
    alert = tables.alert
    connection.execute(delete(alert).where(alert.c.tenant_id == tenant, alert.c.cleared_us < before_us))


def drop_own_edits(connection: Connection, tenant: UUID, before_us: int) -> None:
    """Delete this computer's edits that a team's server had confirmed by then, by its clock; in a folder that is no team's there
    are none."""
    if not inspect(connection).has_table(own_edit.name):
        return
    journal = tables.journal
    told = (journal.c.tenant_id == tenant) & (journal.c.origin == tenant) & (journal.c.at_us < before_us)
    revision = connection.execute(select(func.max(journal.c.seq)).where(told)).scalar()
    is_confirmed = own_edit.c.state == "confirmed"
    there = is_confirmed & own_edit.c.revision.between(1, revision or 0)
    last = select(func.max(own_edit.c.seq)).where(there).scalar_subquery()
    connection.execute(delete(own_edit).where(is_confirmed, own_edit.c.seq <= last))


def thin_keyframes(connection: Connection, tenant: UUID, thinned_us: int, before_us: int) -> None:
    """Of keyframes older than `thinned_us` keep the first of each day and of each so many rows, and none before `before_us`."""
    table = tables.keyframe
    mine = table.c.tenant_id == tenant
    connection.execute(delete(table).where(mine, table.c.at_us < before_us))
    older = mine & (table.c.at_us < thinned_us)
    stretch = (table.c.origin, table.c.at_us // US_PER_DAY, table.c.seq // ROWS_WITHOUT_KEYFRAME)
    firsts = select(func.min(table.c.at_us)).where(older).group_by(*stretch)
    connection.execute(delete(table).where(older, table.c.at_us.not_in(firsts)))


def unended_operations(connection: Connection, tenant: UUID, origin: UUID) -> list[RowMapping]:
    """Return the newest rows of operations of one install that began and have no end, the oldest first."""
    began, ended = tables.journal, tables.journal.alias()
    has_end = select(ended.c.seq).where(
        ended.c.tenant_id == tenant, ended.c.subject == began.c.subject, ended.c.kind == "operation_ended"
    )
    mine = (began.c.tenant_id == tenant) & (began.c.origin == origin) & (began.c.kind == "operation_started")
    query = select(began).where(mine, ~has_end.exists()).order_by(began.c.at_us.desc()).limit(UNENDED_CAP)
    return list(reversed(connection.execute(query).mappings().all()))


def credentials_changed_since(connection: Connection, tenant: UUID, at_us: int) -> set[UUID]:
    """Return the credentials that edits since then made, changed or deleted."""
    edit, journal = tables.edit, tables.journal
    same = (
        (journal.c.tenant_id == edit.c.tenant_id)
        & (journal.c.origin == edit.c.origin)
        & (journal.c.seq == edit.c.seq)
    )
    bodies = select(edit.c.body).join(journal, same)
    found = connection.execute(bodies.where(edit.c.tenant_id == tenant, journal.c.at_us >= at_us)).scalars()
    return {UUID(step["id"]) for body in found for step in body["steps"] if step["kind"] == "credential"}
