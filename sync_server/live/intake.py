"""What installs told, written together: rows of their journals, and what they judged. Counterpart: `line.py`, who waits for it.

Theory: what the installs of a tenant tell waits while what came before is written, and then goes in as one transaction under one
revision: with many installs a commit serves all of them. Rows of a journal are kept once by (origin, number) and without a gap;
what is behind a gap is not kept, and the install sees by `kept_seq` where to go on. What judges counts for the team where it came
under the fence of the lease; people's acts count by what those people may do, and are theirs whatever the row says.
One rule: an install is told that something is kept when it is on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.fact import Fact
from domain.health import Health
from domain.journal import JournalRow
from domain.load import LinkState
from engine.tasks import spawn
from sync_server.database import Database, Transaction, Work
from sync_server.ledger import ALERT_COLUMNS, TOUCH, alert_of, write_alerts
from sync_server.live.folding import Folding, alert_id
from sync_server.live.presence import JUDGE, judge_of
from sync_server.live.reading import JUDGED
from sync_server.live.written import Wrote

ROWS_A_BATCH = 10_000
WAITING_CAP = 200
"""Tells of a tenant that wait at this server; an install has one at a time."""


class IntakeFull(Exception):
    """Too much waits already; it is to be told again later."""


@dataclass
class Told:
    """What an install told, as far as it may: whoever makes one has checked that (`sifting.py`).

    `journal`: number and row, None where that is not to be kept. `jumps`: it may begin anywhere.
    """

    install: UUID
    name: str
    may_act: bool
    fence: int = 0
    jumps: bool = False
    journal: Sequence[tuple[int, JournalRow | None]] = ()
    health: Sequence[Health] = ()
    link_states: Sequence[LinkState] = ()
    facts: Sequence[Fact] = ()


class Kept(NamedTuple):
    """The last row of an install's journal that is kept, and how much of what it told is not and never will be."""

    seq: int
    refused: int


@dataclass
class _Queue:
    waiting: list[tuple[Told, asyncio.Future[Kept]]] = field(default_factory=list)
    is_writing: bool = False


class Intake:
    """Writes what installs told. One a server."""

    def __init__(self, database: Database, on_wrote: Callable[[UUID, Wrote], None]) -> None:
        """`on_wrote` is told what is on disk, where that is all that was touched under its revision."""
        self._database = database
        self._on_wrote = on_wrote
        self._queues: dict[UUID, _Queue] = {}

    def put(self, tenant: UUID, told: Told) -> asyncio.Future[Kept]:
        """Take what was told, behind what was taken before; the future is done once it is on disk. Raises IntakeFull.

        The future raises as `Database.transaction` does: then it is to be told again.
        """
        queue = self._queues.setdefault(tenant, _Queue())
        if len(queue.waiting) >= WAITING_CAP:
            raise IntakeFull
        done: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        queue.waiting.append((told, done))
        if not queue.is_writing:
            queue.is_writing = True
            spawn("intake", self._write_all(tenant, queue), tenant_id=str(tenant))
        return done

    async def _write_all(self, tenant: UUID, queue: _Queue) -> None:
        """Write until nothing waits."""
        try:
            while queue.waiting:
                batch = _next_batch(queue)
                try:
                    kept = await self._write(tenant, [told for told, _ in batch])
                except Exception as error:  # whoever waits says it
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                            done.exception()  # it was looked at, even if nobody waits any more
                else:
                    for (_, done), one in zip(batch, kept, strict=True):
                        if not done.done():
                            done.set_result(one)
        finally:
            queue.is_writing = False
            if self._queues.get(tenant) is queue and not queue.waiting:
                del self._queues[tenant]

    async def _write(self, tenant: UUID, batch: Sequence[Told]) -> list[Kept]:
        async with self._database.transaction(Work(tenant)) as transaction:
            revision: int | None = await transaction.fetchval(_HOLD)
            if revision is None:
                return [Kept(0, 0) for _ in batch]
            writing = _Writing(transaction, tenant, revision + 1, time.time_ns() // 1000)
            kept = await writing.write(batch)
        if writing.wrote is not None:
            self._on_wrote(tenant, writing.wrote)
        return kept


def _next_batch(queue: _Queue) -> list[tuple[Told, asyncio.Future[Kept]]]:
    rows = count = 0
    for told, _ in queue.waiting:
        count += 1
        rows += len(told.journal) + len(told.facts) + len(told.health) + len(told.link_states)
        if rows >= ROWS_A_BATCH:
            break
    batch, queue.waiting = queue.waiting[:count], queue.waiting[count:]
    return batch


class _Writing:
    """One batch under one revision, while the tenant is held."""

    def __init__(self, transaction: Transaction, tenant: UUID, revision: int, now_us: int) -> None:
        self._transaction = transaction
        self._tenant = tenant
        self._revision = revision
        self._now_us = now_us
        self._touched: dict[tuple[str, UUID], None] = {}
        self.wrote: Wrote | None = None
        """What was written, where that is plain from what was told."""

    async def write(self, batch: Sequence[Told]) -> list[Kept]:
        known = await self._known(batch)
        unknown = _drop_unknown(batch, known.there)
        counting = [bool(told.fence) and (told.install, told.fence) == known.judge for told in batch]
        kept, ranges, rows = await self._new_rows(batch, counting)
        refused = await self._fold(rows, batch)
        are_all_new = await self._write_journal(rows, ranges)
        states = [told for told, counts in zip(batch, counting, strict=True) if counts]
        health = list({(h.device, h.vantage): h for told in states for h in told.health}.values())
        links = list({one.link: one for told in states for one in told.link_states}.values())
        await self._write_health(health)
        await self._write_link_states(links)
        await self._write_facts([fact for told in batch for fact in told.facts])
        if self._touched or ranges:
            await self._transaction.execute(
                TOUCH, self._revision, [kind for kind, _ in self._touched], [id for _, id in self._touched]
            )
            is_plain = {kind for kind, _ in self._touched} <= {"health", "link_state"}
            if is_plain and are_all_new and len({one.vantage for one in health}) <= 1:
                journal = [one.row for one in rows if one.counts or one.row.kind not in JUDGED]
                self.wrote = Wrote(self._revision, health, links, journal)
        return [Kept(seq, refused[place] + unknown[place]) for place, seq in enumerate(kept)]

    async def _known(self, batch: Sequence[Told]) -> _Known:
        """Return who judges, and which of the devices and links that something was told of are there."""
        devices = {one.device for told in batch for one in told.health}
        devices |= {one.subject for told in batch for one in told.facts}
        links = {one.link for told in batch for one in told.link_states}
        row = await self._transaction.fetchrow(_KNOWN, JUDGE, list(devices), list(links))
        assert row is not None, "one row of three parts"
        there = {UUID(int=id.int) for id in row["there"]}
        return _Known(judge_of(row["install_id"], row["fence"]), there)

    async def _new_rows(
        self, batch: Sequence[Told], counting: Sequence[bool]
    ) -> tuple[list[int], list[_Range], list[_Row]]:
        """Return the last row that is kept of each, and the ranges and rows that are new."""
        origins = list({told.install for told in batch if told.journal})
        found = await self._transaction.fetch(_KEPT, origins) if origins else []
        last = {UUID(int=row["origin"].int): row["last_seq"] for row in found}
        kept: list[int] = []
        ranges: list[_Range] = []
        rows: list[_Row] = []
        for place, told in enumerate(batch):
            at = last.get(told.install, 0)
            fresh = [(seq, row) for seq, row in told.journal if seq > at]
            if fresh and (told.jumps or not at):
                at = fresh[0][0] - 1
            taken = [(seq, row) for number, (seq, row) in enumerate(fresh, at + 1) if seq == number]
            if taken:
                ranges.append(_Range(told.install, at + 1, taken[-1][0], counting[place]))
                rows += [_Row(place, row, counting[place]) for _, row in taken if row is not None]
                last[told.install] = at = taken[-1][0]
            kept.append(at)
        return kept, ranges, rows

    async def _fold(self, rows: list[_Row], batch: Sequence[Told]) -> list[int]:
        """Bring the alerts to what the rows say; take rows out that are nobody's to say. Return how many that were of each."""
        refused = [0] * len(batch)
        about = [row for row in rows if row.row.kind.startswith("alert_")]
        if not about:
            return refused
        ids = list({id for row in about if (id := alert_id(row.row)) is not None})
        found = await self._transaction.fetch(
            f"SELECT {ALERT_COLUMNS} FROM alert t WHERE t.id = ANY ($1::uuid[])", ids
        )
        folding = Folding({alert.id: alert for alert in map(alert_of, found)}, self._now_us)
        for row in about:
            told = batch[row.place]
            said = folding.fold(row.row, told.name if told.may_act else "", counts=row.counts)
            if said is None:
                refused[row.place] += 1
                rows.remove(row)
            else:
                row.row = said
        await write_alerts(self._transaction, folding.made, folding.changed)
        self._note("alert", (alert.id for alert in (*folding.made, *folding.changed)))
        return refused

    async def _write_journal(self, rows: Sequence[_Row], ranges: Sequence[_Range]) -> bool:
        """Keep rows; return whether none of them was there already."""
        done = "INSERT 0 0"
        if rows:
            columns = zip(
                *((r.origin, r.seq, r.at_us, r.kind, r.subject, r.body) for r in (one.row for one in rows)),
                strict=True,
            )
            done = await self._transaction.execute(_JOURNAL, *map(list, columns))
        if ranges:
            await self._transaction.execute(_RECEIVED, self._revision, *map(list, zip(*ranges, strict=True)))
        return done == f"INSERT 0 {len(rows)}"

    async def _write_health(self, rows: Sequence[Health]) -> None:
        """Put health in the place of all that there was of those devices."""
        if rows:
            names = ("device", "vantage", "status", "since_us", "heard_us", "probes", "reason")
            columns = {name: [getattr(one, name) for one in rows] for name in names}
            columns["probes"] = [msgspec.to_builtins(probes) for probes in columns["probes"]]
            await self._transaction.execute(_HEALTH, *columns.values())
            self._note("health", (one.device for one in rows))

    async def _write_link_states(self, rows: Sequence[LinkState]) -> None:
        if rows:
            names = ("link", "status", "since_us", "at_us", "ab_bps", "ba_bps")
            plain = [[getattr(one, name) for one in rows] for name in names]
            await self._transaction.execute(_LINK_STATE, *plain)
            self._note("link_state", (one.link for one in rows))

    async def _write_facts(self, told: Iterable[Fact]) -> None:
        newest: dict[tuple[UUID, str, str, UUID], Fact] = {}
        for fact in told:
            before = newest.get(fact.address)
            if before is None or fact.at_us >= before.at_us:
                newest[fact.address] = fact
        there = [fact for fact in newest.values() if fact.value is not None]
        gone = [fact for fact in newest.values() if fact.value is None]
        names = ("subject", "field", "source", "vantage", "at_us", "value")
        for statement, facts, columns in ((_FACT, there, names), (_DROP_FACT, gone, names[:-1])):
            if facts:
                plain = [[getattr(fact, name) for fact in facts] for name in columns]
                changed = await self._transaction.fetch(statement, *plain)
                self._note("fact", (UUID(int=row["subject"].int) for row in changed))

    def _note(self, kind: str, ids: Iterable[UUID]) -> None:
        self._touched.update({(kind, id): None for id in ids})


def _drop_unknown(batch: Sequence[Told], there: set[UUID]) -> list[int]:
    """Take out what is about devices and links that are not there; return how much that was of each."""
    dropped = []
    for told in batch:
        before = len(told.health) + len(told.facts) + len(told.link_states)
        told.health = [one for one in told.health if one.device in there]
        told.facts = [one for one in told.facts if one.subject in there]
        told.link_states = [one for one in told.link_states if one.link in there]
        dropped.append(before - len(told.health) - len(told.facts) - len(told.link_states))
    return dropped


class _Known(NamedTuple):
    """Who judges, under which fence, and what is there."""

    judge: tuple[UUID | None, int]
    there: set[UUID]


class _Range(NamedTuple):
    origin: UUID
    first_seq: int
    last_seq: int
    counts: bool


@dataclass(eq=False)
class _Row:
    place: int
    row: JournalRow
    counts: bool


_HOLD = "SELECT revision FROM tenant WHERE id = current_tenant() FOR NO KEY UPDATE"
_KNOWN = """
    SELECT l.install_id, coalesce(l.fence, 0) AS fence,
        ARRAY(SELECT id FROM device WHERE id = ANY ($2::uuid[]))
            || ARRAY(SELECT id FROM link WHERE id = ANY ($3::uuid[])) AS there
    FROM (SELECT) AS one LEFT JOIN sync.lease l ON l.name = $1
"""
_KEPT = "SELECT origin, max(last_seq) AS last_seq FROM sync.received WHERE origin = ANY ($1::uuid[]) GROUP BY origin"
_JOURNAL = """
    INSERT INTO journal (tenant_id, origin, seq, at_us, kind, subject, body) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[], $6::jsonb[]) AS u ON CONFLICT DO NOTHING
"""
_RECEIVED = """
    INSERT INTO sync.received (tenant_id, revision, origin, first_seq, last_seq, counts)
    SELECT current_tenant(), $1, u.* FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::boolean[]) AS u
"""
_HEALTH = """
    WITH gone AS (DELETE FROM health WHERE device_id = ANY ($1::uuid[]) AND vantage <> ALL ($2::uuid[]))
    INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::jsonb[], $7::text[]) AS u
    ON CONFLICT (tenant_id, device_id, vantage) DO UPDATE SET status = excluded.status, since_us = excluded.since_us,
        heard_us = excluded.heard_us, probes = excluded.probes, reason = excluded.reason
"""
_LINK_STATE = """
    INSERT INTO link_state (tenant_id, link_id, status, since_us, at_us, ab_bps, ba_bps) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::float8[], $6::float8[]) AS u
    ON CONFLICT (tenant_id, link_id) DO UPDATE SET status = excluded.status, since_us = excluded.since_us,
        at_us = excluded.at_us, ab_bps = excluded.ab_bps, ba_bps = excluded.ba_bps
"""
_DROP_FACT = """
    DELETE FROM fact f USING unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[])
        AS u (subject, field, source, vantage, at_us)
    WHERE (f.subject, f.field, f.source, f.vantage) = (u.subject, u.field, u.source, u.vantage) AND f.at_us <= u.at_us
    RETURNING f.subject
"""
_FACT = """
    INSERT INTO fact AS f (tenant_id, subject, field, source, vantage, at_us, value) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::jsonb[]) AS u
    ON CONFLICT (tenant_id, subject, field, source, vantage) DO UPDATE SET at_us = excluded.at_us, value = excluded.value
        WHERE f.at_us < excluded.at_us OR (f.at_us = excluded.at_us AND f.value <> excluded.value)
    RETURNING subject
"""
