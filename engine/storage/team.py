"""What a team's folder holds beside the network: own edits and what became of them, the tray, how far it is synced.

Counterparts: `engine/sync/session.py`, which decides; `store.py`, whose transaction this is in.

Theory: the rows of the inventory are what is confirmed; an edit of this computer is a row here, in the order in which it was
made, until the server says what became of it, and is laid over what is confirmed when the folder is opened. Confirmed edits
of everybody stand in `edit` under the tenant as their origin, numbered by revision. These tables are in folders of teams and
in no other.
One rule: the cursor moves in the transaction that writes what it says is here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.exc import IntegrityError

from domain.edit import Edit
from domain.journal import JournalRow
from domain.newer import known
from domain.sync import EditRow, Entries
from domain.team import TrayEntry
from engine.storage import rows, tables
from engine.storage.batch import Batch, SealedSecret
from engine.storage.store import NO_SECRETS, Secrets, Store
from engine.storage.team_secrets import forget_shared, note_untold
from engine.storage.team_tables import (
    AUDIENCES,
    CURSOR,
    LIVING,
    TEAM,
    own_edit,
    seen_series,
    team_metadata,
    tray,
)
from engine.sync.session import Change, Cursor, OwnEdit


class DoesNotFitHere(Exception):
    """What the server tells breaks what holds for every database: this program, or the server, is to be updated."""


class TeamKept(NamedTuple):
    """What a team's folder holds for its session."""

    cursor: Cursor
    edits: list[OwnEdit]
    tray: list[TrayEntry]


class TeamStore:
    """The part of a store that only a team's folder has. Calls as `Store`: any thread, one at a time, on disk when they
    return."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._install = store.loaded.origin

    def make(self) -> None:
        """Make the tables that are not there."""
        self._store.within(lambda connection, _: team_metadata.create_all(connection))

    def read(self) -> TeamKept:
        """Return what is here, for this program: where another took it that knew less, nothing of it counts as told. Raises
        msgspec.ValidationError where that is nothing we wrote."""
        return self._store.within(lambda connection, _: _read(connection))

    def own_edits(self) -> list[Edit]:
        """Return the edits of this install, confirmed or on their way, in the order in which they were made."""
        query = select(own_edit.c.body).order_by(own_edit.c.seq)
        found = self._store.within(lambda connection, _: connection.execute(query).scalars().all())
        return [msgspec.convert(body, Edit) for body in found]

    def has_edit(self, id: UUID) -> bool:
        """Tell whether an edit of this install is here, whatever became of it."""
        query = select(own_edit.c.id).where(own_edit.c.id == id)
        return self._store.within(lambda connection, _: connection.execute(query).first() is not None)

    def write(self, change: Change, secrets: Secrets = NO_SECRETS) -> None:
        """Write what a session's change says, and secrets that came with an edit. Raises DoesNotFitHere."""

        def all_of_it(connection: Connection, tenant: UUID) -> None:
            _write(connection, tenant, change)
            rows.write_secrets(connection, tenant, self._install, secrets)
            note_untold(connection, secrets)

        try:
            self._store.within(all_of_it)
        except IntegrityError as error:
            raise DoesNotFitHere(str(error.orig)) from error
        self._store.follow(change.shown)

    def journal_after(self, seq: int, limit: int) -> list[JournalRow]:
        """Return the next rows of this install's journal, the oldest first."""
        journal = tables.journal
        columns = [column for column in journal.columns if column.name != "tenant_id"]
        query = select(*columns).where(journal.c.origin == self._install, journal.c.seq > seq)
        query = query.order_by(journal.c.seq).limit(limit)

        def found(connection: Connection, tenant: UUID) -> list[JournalRow]:
            mine = query.where(journal.c.tenant_id == tenant)
            return [rows.JOURNAL.from_row(row) for row in connection.execute(mine).mappings()]

        return self._store.within(found)

    def states(self) -> Batch:
        """Return what the team says of health, links and alerts."""

        def found(connection: Connection, tenant: UUID) -> Batch:
            return Batch(
                health=rows.read(connection, rows.HEALTH, tenant),
                link_states=rows.read(connection, rows.LINK_STATE, tenant),
                alerts=rows.read(connection, rows.ALERT, tenant),
            )

        return self._store.within(found)

    def forget_team(self, unlike: rows.Touched) -> None:
        """Be a network of one's own from now on: what is shown stays, of which `unlike` is not confirmed; the team goes."""

        def forget(connection: Connection, tenant: UUID) -> None:
            rows.write_touched(connection, tenant, unlike)
            team_metadata.drop_all(connection)
            forget_shared(connection)
            names = tables.meta.c.name.in_((AUDIENCES, CURSOR, TEAM))
            connection.execute(delete(tables.meta).where(names))
            rows.delete_rows(connection, tables.secret, "id", tenant, [self._install])

        self._store.within(forget)

    def keep_secret(self, id: UUID, secret: SealedSecret) -> None:
        """Keep a sealed secret in place of the one before."""
        self._store.within(
            lambda connection, tenant: rows.write_secrets(connection, tenant, self._install, {id: secret})
        )


def _read(connection: Connection) -> TeamKept:
    given = connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == CURSOR)).scalar()
    query = select(own_edit.c.body, own_edit.c.state, own_edit.c.revision)
    living = query.where(own_edit.c.state.in_(LIVING)).order_by(own_edit.c.seq)
    edits = [
        OwnEdit(msgspec.convert(row.body, Edit), row.state, row.revision)
        for row in connection.execute(living)
    ]
    bodies = connection.execute(select(tray.c.body).order_by(tray.c.at_us, tray.c.id)).scalars()
    entries = [msgspec.convert(body, TrayEntry) for body in bodies]
    return TeamKept(msgspec.convert(given or {}, Cursor).taken_by(known()), edits, entries)


def _write(connection: Connection, tenant: UUID, change: Change) -> None:
    _write_edits(connection, change.edits)
    for id, entry in change.tray.items():
        connection.execute(delete(tray).where(tray.c.id == id))
        if entry is not None:
            connection.execute(tray.insert(), {"id": id, "at_us": entry.at_us, "body": entry})
    if change.news:
        _write_news(connection, tenant, change.news)
    rows.write_touched(connection, tenant, dict(change.confirmed))
    rows.upsert(connection, tables.meta, [{"name": CURSOR, "value": change.cursor}])


def _write_edits(connection: Connection, edits: Iterable[OwnEdit]) -> None:
    for own in edits:
        known = own_edit.c.id == own.edit.id
        state = {"state": own.state, "revision": own.revision}
        if own.state == "refused":
            connection.execute(delete(own_edit).where(known))
        elif connection.execute(own_edit.update().where(known), state).rowcount == 0:
            next_seq = connection.execute(select(func.coalesce(func.max(own_edit.c.seq), 0))).scalar_one() + 1
            row = {"id": own.edit.id, "seq": next_seq, "body": own.edit, **state}
            connection.execute(own_edit.insert(), row)


def _write_news(connection: Connection, tenant: UUID, news: tuple[Entries, ...]) -> None:
    if news[0].since == 0:
        for table in (tables.alert, tables.health, tables.link_state, tables.fact):
            connection.execute(delete(table).where(table.c.tenant_id == tenant))
        for table in (tables.edit, tables.journal):
            connection.execute(delete(table).where(table.c.tenant_id == tenant, table.c.origin == tenant))
    for part in news:
        _write_part(connection, tenant, part)


def _write_part(connection: Connection, tenant: UUID, part: Entries) -> None:
    facts = {fact.subject for fact in part.facts}
    rows.delete_rows(connection, tables.fact, "subject", tenant, facts)
    rows.put(connection, rows.FACT, tenant, part.facts)
    rows.put(connection, rows.HEALTH, tenant, part.health)
    rows.put(connection, rows.LINK_STATE, tenant, part.link_states)
    rows.put(connection, rows.ALERT, tenant, part.alerts)
    journal = [{"tenant_id": tenant, **rows.JOURNAL.to_row(row)} for row in part.journal]
    rows.insert_new(connection, tables.journal, journal)
    rows.insert_new(connection, tables.edit, [_edit_row(tenant, row) for row in part.edits])
    for kind, table, column in _GONE:
        rows.delete_rows(
            connection, table, column, tenant, [gone.id for gone in part.gone if gone.kind == kind]
        )
    for gone in part.gone:
        if gone.kind == "device":
            connection.execute(delete(seen_series).where(seen_series.c.device_id == gone.id))


_GONE: tuple[tuple[str, Table, str], ...] = (
    ("alert", tables.alert, "id"),
    ("health", tables.health, "device_id"),
    ("link_state", tables.link_state, "link_id"),
    ("fact", tables.fact, "subject"),
)


def _edit_row(tenant: UUID, row: EditRow) -> rows.Row:
    edit = row.edit
    kept = {"id": edit.id, "origin": tenant, "seq": row.revision, "at_us": edit.at_us}
    return {"tenant_id": tenant, **kept, "state": "confirmed", "body": edit}
