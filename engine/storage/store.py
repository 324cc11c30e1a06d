"""One tenant's database on this computer: all that the engine keeps goes through here. Counterpart: `thread.py`, its async face.

Theory: each call is one transaction, on disk when it returns (write-ahead log, synchronous=FULL). That is dear per
transaction and not per row, so samples and states come in batches of a second, and an edit comes alone. What failed is
rolled back whole and raised as StorageFailed; a bug is raised as it is.
One rule: calls may come from any thread, one at a time.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, Unpack
from uuid import UUID

import msgspec
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from domain.alerts import Alert
from domain.edit import Edit, Step
from domain.health import Health
from domain.inventory import Inventory, Kind
from domain.journal import JournalRow
from domain.load import LinkState
from domain.observation import Value
from domain.receiving import ReceiverSettings
from domain.retention import DiskState, Retention, forecast
from engine.storage import ageing, file, past, rows, tables
from engine.storage.batch import Batch, CycleRow, Loaded, SealedSecret
from engine.storage.density import Counted, count_between
from engine.storage.errors import StorageFailed
from engine.storage.hours import Hours
from engine.storage.keyframes import encode_keyframe
from engine.storage.loading import Born, has_edit, load
from engine.storage.loads import PortLoads, loads_at
from engine.storage.pruning import Pruning
from engine.storage.samples import US_PER_DAY, Samples
from engine.storage.series import History, Hourly, HourlyAsk, Points
from engine.storage.untold import Untold

KEYFRAMES_KEPT_US = 7 * US_PER_DAY
"""Older keyframes are thinned to the first of each day."""
HAPPENINGS_KEPT_US = 365 * US_PER_DAY
"""How long journal, edits, cleared alerts and keyframes are kept."""
OWN_EDITS_KEPT_US = 90 * US_PER_DAY
"""How long edits are kept that a team's server has confirmed: as old as a backup may be that it is restored from, so that each
computer still has what was done since (decision 0011, choice 4). Nobody goes back further than to a backup of last quarter."""
T = TypeVar("T")
Secrets = Mapping[UUID, SealedSecret]
NO_SECRETS: Secrets = {}
_BUGS = (IntegrityError, ProgrammingError, DataError)


class Store:
    """An open database. Made by `open`."""

    def __init__(self, path: Path, connection: Connection, tenant_key: int, loaded: Loaded) -> None:
        self.path = path
        self.loaded = loaded
        self._connection = connection
        self._lock = threading.Lock()
        self._tenant = loaded.tenant.id
        self._devices = set(loaded.inventory.tables["device"])
        self._samples = Samples(self._tenant, tenant_key, loaded.origin)
        self._hours = Hours(self._samples)
        self._history = History(self._samples, self._hours)
        self._untold = Untold(self._samples)
        self.pruning = Pruning(path.parent, self._samples, self._hours, self._transaction)
        self._last_read = past.LastRead()
        self.retention = loaded.retention
        self.refused_values = 0
        """Values that were not stored: not believable, or of a device that is not in the inventory."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        now_us: int,
        new_id: Callable[[], UUID],
        tenant_name: str = "My network",
        born: Born | None = None,
    ) -> Store:
        """Open the database at `path`, made or migrated where needed (a copy is kept before). `born`: whose a new one is.

        Raises StorageRefused where it is damaged, newer, not ours, in use or cannot be written; it is then as it was.
        """
        file.prepare(path)
        connection: Connection | None = None
        try:
            connection = file.engine_for(path).connect()
            with connection.begin():
                tenant_key, loaded = load(connection, now_us, born or Born.alone(new_id, tenant_name))
        except (DatabaseError, sqlite3.Error, msgspec.ValidationError) as error:
            if connection is not None:
                connection.close()
            raise file.refusal(path, error) from error
        return cls(path, connection, tenant_key, loaded)

    def close(self) -> None:
        """Close the file; its write-ahead log is merged into it."""
        with self._lock:
            self._connection.close()

    def apply_edit(
        self, edit: Edit, inventory_after: Inventory, journal: JournalRow, secrets: Secrets = NO_SECRETS
    ) -> bool:
        """Keep an edit, what it did to the inventory, its journal row and the secrets it came with.

        Each secret is wrapped for this install alone: whoever could open the one before cannot open this. False: the edit
        was there, and nothing is written.
        """
        return self.apply_touched(edit, rows.touched_by(edit.steps, inventory_after), journal, secrets)

    def apply_touched(
        self, edit: Edit, touched: rows.Touched, journal: JournalRow, secrets: Secrets = NO_SECRETS
    ) -> bool:
        """Do what `apply_edit` does, for who has read the touched things from the inventory already."""
        with self._transaction() as connection:
            if has_edit(connection, self._tenant, edit.id):
                return False
            kept = {"id": edit.id, "origin": journal.origin, "seq": journal.seq, "at_us": edit.at_us}
            row = {"tenant_id": self._tenant, **kept, "state": "pending", "body": edit}
            connection.execute(insert(tables.edit), row)
            rows.write_touched(connection, self._tenant, touched)
            connection.execute(insert(tables.journal), self._journal_row(journal))
            rows.write_secrets(connection, self._tenant, self.loaded.origin, secrets)
        self.follow(touched)
        return True

    def within(self, call: Callable[[Connection, UUID], T]) -> T:
        """Return what a function of this room does with the connection and the tenant, in one transaction."""
        with self._transaction() as connection:
            return call(connection, self._tenant)

    def follow(self, things: Mapping[tuple[Kind, UUID], object | None]) -> None:
        """Take numbers of devices that are there now, and none of those that are gone (None)."""
        for (kind, id), thing in things.items():
            if kind == "device":
                (self._devices.discard if thing is None else self._devices.add)(id)

    def has_edit(self, id: UUID) -> bool:
        """Tell whether an edit was kept before."""
        with self._transaction() as connection:
            return has_edit(connection, self._tenant, id)

    def write(self, batch: Batch) -> None:
        """Keep a batch. A journal row or a cycle that is there already stays as it is; states are replaced."""
        known = [cycle for cycle in batch.samples if cycle.device in self._devices]
        with self._transaction() as connection:
            rows.insert_new(connection, tables.journal, [self._journal_row(row) for row in batch.journal])
            rows.put(connection, rows.FACT, self._tenant, batch.facts)
            rows.put(connection, rows.HEALTH, self._tenant, batch.health)
            rows.put(connection, rows.LINK_STATE, self._tenant, batch.link_states)
            rows.put(connection, rows.ALERT, self._tenant, batch.alerts)
            rows.write_finds(connection, self._tenant, batch.finds)
            refused = self._samples.write(connection, known)
        foreign = sum(len(cycle.values) for cycle in batch.samples) - sum(
            len(cycle.values) for cycle in known
        )
        self.refused_values += refused + foreign

    def series(  # noqa: PLR0917
        self, device: UUID, metric: str, instance: str, from_us: int, to_us: int, points: int
    ) -> Points:
        """Return a range of a series, in at most `points` (at least 2), lowest and highest of each stretch kept."""
        with self._transaction() as connection:
            return self._history.points(connection, device, metric, instance, from_us, to_us, points)

    def hourly(self, asks: Sequence[HourlyAsk]) -> list[Hourly]:
        """Return hourly means of some series, of one device after the other."""
        with self._transaction() as connection:
            return [self._history.hourly(connection, ask) for ask in asks]

    def latest(self) -> dict[UUID, tuple[int, list[Value]]]:
        """Return when each device was last polled from here, and what it said then."""
        with self._transaction() as connection:
            return self._samples.latest(connection)

    def cycles_between(self, above_us: int, until_us: int, limit: int) -> list[CycleRow]:
        """Return the oldest cycles of this vantage after one moment and up to another."""
        with self._transaction() as connection:
            return self._untold.read(connection, above_us, until_us, limit)

    def roll_up(self, now_us: int) -> bool:
        """Roll up an hour of some devices; return whether there was one, so that more may be left."""
        with self._transaction() as connection:
            return self._hours.roll_up(connection, now_us)

    def set_retention(self, retention: Retention) -> None:
        """Keep for how long numbers are kept; the next prune follows it."""
        with self._transaction() as connection:
            rows.upsert(connection, tables.meta, [{"name": "retention", "value": retention}])
        self.retention = retention

    def set_receivers(self, settings: ReceiverSettings) -> None:
        """Keep what is listened for."""
        with self._transaction() as connection:
            rows.upsert(connection, tables.meta, [{"name": "receivers", "value": settings}])

    def setting(self, name: str) -> Any:
        """Return what is kept under a name as plain data, None where nothing is."""
        query = select(tables.meta.c.value).where(tables.meta.c.name == name)
        with self._transaction() as connection:
            return connection.execute(query).scalar_one_or_none()

    def keep_setting(self, name: str, value: object) -> None:
        """Keep a value that JSON can hold under a name."""
        with self._transaction() as connection:
            rows.upsert(connection, tables.meta, [{"name": name, "value": value}])

    def disk(self) -> DiskState:
        """Return what the database takes, will take, and what is left beside it."""
        with self._transaction() as connection:
            raw, hourly = self._samples.bytes_per_day(connection), self._hours.bytes_per_day(connection)
        free = shutil.disk_usage(self.path.parent).free
        return forecast(self._held_bytes(), free, raw, hourly, self.retention)

    def journal(self, subject: UUID | None, limit: int) -> list[JournalRow]:
        """Return the newest journal rows about a subject, or about anything; newest first."""
        with self._transaction() as connection:
            return past.newest(connection, self._tenant, subject, limit)

    def keyframe(
        self, at_us: int, health: list[Health], alerts: list[Alert], link_states: list[LinkState]
    ) -> None:
        """Keep the state of everything as it is after the newest journal row that was written."""
        body = encode_keyframe(at_us, health, alerts, link_states)
        with self._transaction() as connection:
            past.keep_keyframe(connection, self._tenant, self.loaded.origin, at_us, body)

    def state_at(self, at_us: int) -> past.Past:
        """Return what held at a moment, see `past.py`."""
        with self._transaction() as connection:
            return past.state_at(connection, self._tenant, self.loaded.origin, at_us, self._last_read)

    def events_between(self, from_us: int, to_us: int, **wanted: Unpack[past.Wanted]) -> list[JournalRow]:
        """Return what happened from one moment to another, newest first, see `past.events_between`."""
        with self._transaction() as connection:
            return past.events_between(connection, self._tenant, from_us, to_us, **wanted)

    def steps_since(self, seq: int, revision: int = 0) -> list[Step]:
        """Return the steps of the edits after a row of this origin, of a team after a revision, the last done first."""
        with self._transaction() as connection:
            return past.steps_since(connection, self._tenant, self.loaded.origin, seq, revision)

    def loads_at(self, ports: Mapping[UUID, Collection[str]], at_us: int) -> PortLoads:
        """Return what ports of devices carried at a moment, see `loads.py`."""
        with self._transaction() as connection:
            return loads_at(connection, self._samples, self._hours, ports, at_us)

    def count_between(self, from_us: int, before_us: int, width_us: int) -> Counted:
        """Count what happened, see `density.py`."""
        with self._transaction() as connection:
            return count_between(connection, self._tenant, self.loaded.origin, from_us, before_us, width_us)

    @property
    def devices_behind(self) -> int:
        """How many devices' hours were still to be rolled up when that was last done."""
        return self._hours.behind

    def prune(self, now_us: int) -> None:
        """Prune as `prune_in_pieces` does, in one go."""
        for _ in self.prune_in_pieces(now_us):
            pass

    def prune_in_pieces(self, now_us: int) -> Iterator[bool]:
        """Delete what is older than it is kept, then the oldest polls until they fill less than their cap (see `pruning.py`); and
        what is orphaned.

        What was not rolled up by then is, before it goes. Yields True after each piece of about `hours.PIECE_S`, with nothing
        left open: the store may be used in between, and what is not fetched is done another time.
        """
        while self.roll_up(now_us):
            yield True
        yield from self.pruning.drop_in_pieces(now_us, self.retention)
        hourly_us = int(self.retention.hourly_days * US_PER_DAY)
        with self._transaction() as connection:
            self._samples.drop_unused(connection, self._devices, now_us, now_us - hourly_us - US_PER_DAY)
            self._drop_orphans(connection)
            before_us = now_us - HAPPENINGS_KEPT_US
            ageing.thin_keyframes(connection, self._tenant, now_us - KEYFRAMES_KEPT_US, before_us)
            ageing.drop_alerts(connection, self._tenant, before_us)
            ageing.drop_own_edits(connection, self._tenant, now_us - OWN_EDITS_KEPT_US)
        while self._drop_happenings(before_us):
            yield True

    def secrets(self) -> dict[UUID, SealedSecret]:
        """Return the sealed secrets that are wrapped for this install."""
        sealed, wrap = tables.secret, tables.secret_wrap
        same = (wrap.c.tenant_id == sealed.c.tenant_id) & (wrap.c.secret_id == sealed.c.id)
        mine = (sealed.c.tenant_id == self._tenant) & (wrap.c.install == self.loaded.origin)
        query = select(sealed.c.id, sealed.c.sealed, wrap.c.wrapped).join(wrap, same).where(mine)
        with self._transaction() as connection:
            return {id: SealedSecret(data, key) for id, data, key in connection.execute(query)}

    def reseal(self, secrets: Secrets, name: str, value: object) -> None:
        """Replace sealed secrets, and with them the setting that says what opens them."""
        with self._transaction() as connection:
            rows.write_secrets(connection, self._tenant, self.loaded.origin, secrets)
            rows.upsert(connection, tables.meta, [{"name": name, "value": value}])

    def delete_secret(self, id: UUID) -> None:
        """Delete a sealed secret and its wraps, if there is one."""
        with self._transaction() as connection:
            rows.delete_rows(connection, tables.secret, "id", self._tenant, [id])

    def credentials_changed_since(self, at_us: int) -> set[UUID]:
        """Return the credentials that edits since then made, changed or deleted."""
        with self._transaction() as connection:
            return ageing.credentials_changed_since(connection, self._tenant, at_us)

    def unended_operations(self) -> list[JournalRow]:
        """Return the rows of operations of this install that began and never ended: it died meanwhile."""
        with self._transaction() as connection:
            found = ageing.unended_operations(connection, self._tenant, self.loaded.origin)
            return [rows.JOURNAL.from_row(row) for row in found]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lock:
            try:
                with self._connection.begin():
                    yield self._connection
            except BaseException as error:
                self._samples.forget()
                if (raw := self._connection.connection.driver_connection) is not None and raw.in_transaction:
                    raw.rollback()  # a reference that hangs in the air fails at the commit, which SQLite then leaves open
                if isinstance(error, DatabaseError) and not isinstance(error, _BUGS):
                    raise StorageFailed(f"{self.path}: {error.orig}") from error
                raise

    def _journal_row(self, row: JournalRow) -> rows.Row:
        return {"tenant_id": self._tenant, **rows.JOURNAL.to_row(row)}

    def _drop_happenings(self, before_us: int) -> bool:
        with self._transaction() as connection:
            return ageing.drop_some(connection, self._tenant, before_us)

    def _held_bytes(self) -> int:
        with self._transaction() as connection:
            pages, free, page_bytes = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * page_bytes

    def _drop_orphans(self, connection: Connection) -> None:
        """Delete what was observed of things that are gone: kept until now, so that an undo has it back."""
        for table, column, owner in (
            (tables.fact, "subject", tables.device),
            (tables.health, "device_id", tables.device),
            (tables.link_state, "link_id", tables.link),
        ):
            there = select(owner.c.id).where(owner.c.tenant_id == self._tenant)
            orphaned = table.c[column].not_in(there)
            connection.execute(delete(table).where(table.c.tenant_id == self._tenant, orphaned))
