"""What somebody is told: everything that was touched since a revision, as it is now, in parts. Counterpart: `room.py` sends them.

Theory: a page is what was touched next in the order (revision, kind, id), read in one snapshot as whoever is told. What is
touched again while pages are read moves to the end of that order and comes once more, so that after the last page all of it is as
it was in that page's snapshot: whatever refers to something comes with it. What is touched and not in sight is gone.
A page that is too long for a frame is cut between things; the facts of a device, and its health, stay together.
One rule: what a principal may not read is not even counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

import msgspec
from asyncpg import Record

from domain.clash import Clash
from domain.edit import Edit
from domain.fact import Fact
from domain.health import Health
from domain.inventory import KINDS, Kind
from domain.journal import JournalRow
from domain.load import LinkState
from domain.roles import Permission
from domain.sync import ENTRIES_PER_PART, FRAME_CAP_BYTES, EditRow, Entries, Gone, encode
from sync_server.database import Database, Transaction
from sync_server.inventory import things
from sync_server.ledger import ALERT_COLUMNS, alert_of
from sync_server.live.written import Wrote
from sync_server.security.principal import Principal

_log = logging.getLogger("sync_server.live")

PART_BYTES = 1024 * 1024
"""A part is cut into two where it is longer."""
HISTORY = 10_000
"""Revisions back that a first snapshot tells journal and edits of; what is there now is told whatever its age."""
JUDGED = ("status", "link_status", "alert_opened", "alert_cleared", "alert_silenced", "alert_unsilenced")
"""Rows that are told of installs only while they judge for the team."""
Only = Literal["device_status", "alert_fired"]
"""What somebody is told who listens to one topic alone: of alerts, or of all but alerts."""
READS: Mapping[str, Permission] = {
    "site": "sites:read",
    "credential": "credentials:read",
    "device": "devices:read",
    "link": "links:read",
    "rule": "rules:read",
    "maintenance": "maintenance:read",
    "ignored": "edits:read",
    "diagram": "sites:read",
    "spot": "sites:read",
    "drawing": "sites:read",
    "photo": "sites:read",
    "team_map": "sites:read",
    "alert": "alerts:read",
    "health": "devices:read",
    "link_state": "links:read",
    "fact": "devices:read",
}
"""What it takes to be told of each kind."""
_FIELDS: Mapping[str, str] = {
    **{kind: f"{kind}s" for kind in KINDS if kind != "ignored"},
    "ignored": "ignored",
    "alert": "alerts",
    "health": "health",
    "link_state": "link_states",
    "fact": "facts",
}


class Cursor(NamedTuple):
    """How far somebody has read in a batch that tells what was touched after `since`; `opened` is its first page's revision."""

    since: int
    opened: int | None
    touched: tuple[int, str, UUID] | None
    journal: tuple[int, UUID, int]
    edits: int


class Part(NamedTuple):
    """One frame of entries. The last of a batch `is_complete`."""

    data: bytes
    revision: int
    is_complete: bool


class Page(NamedTuple):
    """Parts, none where there is nothing to tell; `rest` is where to read on, None where that was all by `revision`."""

    parts: list[Part]
    revision: int
    rest: Cursor | None


class _Heads(NamedTuple):
    """What a tenant's revision is, and whether there are edits and rows of the journal that somebody has not been told: where
    only health turns, which is most of the time, there are none, and nobody asks for them."""

    revision: int
    has_edits: bool
    has_journal: bool


class _Piece(NamedTuple):
    """What goes into one field of Entries and is not torn apart."""

    field: str
    things: Sequence[Any]


def begun(since: int) -> Cursor:
    """Return where a batch begins."""
    return Cursor(since, None, None, (since + 1, UUID(int=0), 0), since)


def page_of(who: Principal, since: int, wrote: Wrote, only: Only | None) -> Page:
    """Return what was written since a revision as the page that would be read of it by who reaches all."""
    if since == wrote.revision:
        return Page([], since, None)
    fields = {"health": wrote.health, "link_state": wrote.link_states, "journal": wrote.journal}
    pieces = [
        _Piece(_FIELDS.get(kind, kind), (one,))
        for kind, things in fields.items()
        if only != "alert_fired" and who.may(READS.get(kind, "events:read"))
        for one in things
    ]
    frame = Entries(since, wrote.revision, complete=False)
    return Page(list(_cut(frame, pieces, wrote.revision, is_complete=True)), wrote.revision, None)


async def read_pages(
    database: Database, who: Principal, cursors: Sequence[Cursor], only: Only | None = None
) -> list[Page]:
    """Return the next parts of some batches, as `who` may see them, all as of one revision. Raises as `Database.transaction`."""
    async with database.transaction(who, is_snapshot=True) as transaction:
        first = min(cursor.edits for cursor in cursors), min(cursor.journal[0] for cursor in cursors)
        row = await transaction.fetchrow(_HEADS, *first)
        if row is None:
            return [Page([], cursor.since, None) for cursor in cursors]
        heads = _Heads(*row)
        return [await _read(transaction, who, cursor, heads, only) for cursor in cursors]


async def _read(
    transaction: Transaction, who: Principal, cursor: Cursor, heads: _Heads, only: Only | None
) -> Page:
    revision = heads.revision
    if cursor.opened is None:
        cursor = cursor._replace(opened=revision)
        if cursor.since == 0 and revision > HISTORY:
            floor = revision - HISTORY
            cursor = cursor._replace(journal=(floor + 1, UUID(int=0), 0), edits=floor)
    reader = _Reader(transaction, who, cursor, only)
    pieces = await reader.touched()
    if heads.has_edits:
        pieces += await reader.edits()
    if heads.has_journal:
        pieces += await reader.journal()
    rest = reader.cursor if reader.is_more else None
    if not pieces and rest is None and cursor.since and cursor.since == cursor.opened == revision:
        return Page([], revision, None)
    frame = Entries(cursor.since, revision, complete=False)
    return Page(list(_cut(frame, pieces, revision, is_complete=rest is None)), revision, rest)


class _Reader:
    """Reads one page, and moves its cursor over what was read."""

    def __init__(self, transaction: Transaction, who: Principal, cursor: Cursor, only: Only | None) -> None:
        self._transaction = transaction
        self._who = who
        self.cursor = cursor
        self.is_more = False
        self._only = only
        self._is_limited = who.reach.sites is not None

    async def touched(self) -> list[_Piece]:
        """Return what was touched next."""
        at = self.cursor.touched
        told = [kind for kind, permission in READS.items() if self._who.may(permission)]
        kinds = [kind for kind in told if self._tells(is_alert=kind == "alert")]
        if at is None:
            rows = await self._transaction.fetch(_FIRST, self.cursor.since, kinds, ENTRIES_PER_PART)
        else:
            rows = await self._transaction.fetch(_NEXT, *at, kinds, ENTRIES_PER_PART)
        if rows:
            last = rows[-1]
            id = UUID(int=last["id"].int)
            self.cursor = self.cursor._replace(touched=(last["revision"], last["kind"], id))
        self.is_more |= len(rows) == ENTRIES_PER_PART
        by_kind: dict[str, dict[UUID, int]] = {}
        for row in rows:
            by_kind.setdefault(row["kind"], {})[UUID(int=row["id"].int)] = row["revision"]
        pieces: list[_Piece] = []
        for kind, asked in by_kind.items():
            found = await self._now(kind, list(asked))
            pieces += (_Piece(_FIELDS[kind], some) for some in found.values())
            opened = self.cursor.opened or 0
            pieces += (
                _Piece("gone", (Gone(cast(Any, kind), id),))
                for id, revision in asked.items()
                if id not in found and (self.cursor.since or revision > opened)
            )
        return pieces

    async def edits(self) -> list[_Piece]:
        """Return edits that were applied next: they tell of all, so only who reaches all is told."""
        if self._is_limited or not self._who.may("edits:read") or not self._tells(is_alert=False):
            return []
        rows = await self._transaction.fetch(_EDITS, self.cursor.edits, ENTRIES_PER_PART)
        if rows:
            self.cursor = self.cursor._replace(edits=rows[-1]["seq"])
        self.is_more |= len(rows) == ENTRIES_PER_PART
        return [_Piece("edits", (_edit_of(row),)) for row in rows]

    async def journal(self) -> list[_Piece]:
        """Return what happened next."""
        if not self._who.may("events:read"):
            return []
        rows = await self._transaction.fetch(_JOURNAL, *self.cursor.journal, ENTRIES_PER_PART, list(JUDGED))
        if rows:
            last = rows[-1]
            at = (last["revision"], UUID(int=last["origin"].int), last["seq"])
            self.cursor = self.cursor._replace(journal=at)
        self.is_more |= len(rows) == ENTRIES_PER_PART
        wanted = (row for row in rows if self._tells(is_alert=row["kind"].startswith("alert_")))
        return [_Piece("journal", (_row_of(row),)) for row in wanted]

    def _tells(self, *, is_alert: bool) -> bool:
        return self._only is None or is_alert == (self._only == "alert_fired")

    async def _now(self, kind: str, ids: list[UUID]) -> dict[UUID, Sequence[Any]]:
        """Return what is in sight of some things, each with all that it consists of."""
        match kind:
            case "alert":
                rows = await self._transaction.fetch(_ALERTS, ids)
                return {alert.id: (alert,) for alert in map(alert_of, rows)}
            case "health":
                return _by(_health.decode(await self._transaction.fetchval(_HEALTH, ids)), "device")
            case "link_state":
                return _by(_link_states.decode(await self._transaction.fetchval(_LINK_STATES, ids)), "link")
            case "fact":
                facts = [_fact_of(row) for row in await self._transaction.fetch(_FACTS, ids)]
                return _by(facts, "subject")
        found = await things(self._transaction, cast(Kind, kind), _WITHIN.get(kind, _BY_ID), ids)
        if self._is_limited and kind in _ABOVE:
            found = await self._without_unseen(kind, _ABOVE[kind], found)
        return {one.id: (one,) for one in found}

    async def _without_unseen(self, kind: str, field: str, found: list[Any]) -> list[Any]:
        """Leave out of things what they hang under where that is beyond reach."""
        above = {getattr(one, field) for one in found} - {None}
        asked = _WITHIN.get(kind, _BY_ID)
        table = "site" if kind == "site" else "diagram"
        rows = await self._transaction.fetch(f"SELECT t.id FROM {table} t WHERE {asked}", list(above))
        seen = {UUID(int=row["id"].int) for row in rows}
        return [
            one if getattr(one, field) in seen else msgspec.structs.replace(one, **{field: None})
            for one in found
        ]


def _cut(frame: Entries, pieces: Sequence[_Piece], revision: int, *, is_complete: bool) -> Iterable[Part]:
    """Go over the frames that tell some pieces."""
    fields: dict[str, list[Any]] = {}
    for field, some in pieces:
        fields.setdefault(field, []).extend(some)
    filled = {field: tuple(some) for field, some in fields.items()}
    data = encode(msgspec.structs.replace(frame, complete=is_complete, **filled))
    if len(data) <= PART_BYTES or (len(pieces) == 1 and len(data) <= FRAME_CAP_BYTES):
        yield Part(data, revision, is_complete)
    elif len(pieces) > 1:
        half = len(pieces) // 2
        yield from _cut(frame, pieces[:half], revision, is_complete=False)
        yield from _cut(frame, pieces[half:], revision, is_complete=is_complete)
    else:  # nobody could take it; what there is of it besides is told
        _log.error("too_long_to_tell", extra={"field": pieces[0].field, "size_bytes": len(data)})
        kept = pieces[0].things[: len(pieces[0].things) // 2]
        yield from _cut(
            frame, [_Piece(pieces[0].field, kept)] if kept else [], revision, is_complete=is_complete
        )


def _fact_of(row: Record) -> Fact:
    subject, field, source, vantage, at_us, value = row
    return Fact(UUID(int=subject.int), field, source, UUID(int=vantage.int), at_us, value)


def _row_of(row: Record) -> JournalRow:
    subject = None if row["subject"] is None else UUID(int=row["subject"].int)
    return JournalRow(
        UUID(int=row["origin"].int), row["seq"], row["at_us"], row["kind"], subject, row["body"]
    )


def _edit_of(row: Record) -> EditRow:
    clashes = msgspec.convert(row["clashes"] or (), tuple[Clash, ...])
    return EditRow(row["seq"], msgspec.convert(row["body"], Edit), clashes)


def _by(found: Iterable[Any], field: str) -> dict[UUID, Sequence[Any]]:
    grouped: dict[UUID, list[Any]] = {}
    for one in found:
        grouped.setdefault(getattr(one, field), []).append(one)
    return dict(grouped)


REVISION = "SELECT revision FROM tenant WHERE id = current_tenant()"
_HEADS = """
    SELECT t.revision, EXISTS (SELECT FROM edit e WHERE e.origin = t.id AND e.seq > $1) AS has_edits,
        EXISTS (SELECT FROM sync.received r WHERE r.revision >= $2)
            OR EXISTS (SELECT FROM journal j WHERE j.origin = t.id AND j.seq >= $2) AS has_journal
    FROM tenant t WHERE t.id = current_tenant()
"""
_FIRST = """
    SELECT revision, kind, id FROM sync.touched WHERE revision > $1 AND kind = ANY ($2::text[])
    ORDER BY revision, kind, id LIMIT $3
"""
_NEXT = """
    SELECT revision, kind, id FROM sync.touched WHERE (revision, kind, id) > ($1, $2, $3) AND kind = ANY ($4::text[])
    ORDER BY revision, kind, id LIMIT $5
"""
_EDITS = """
    SELECT e.seq, e.body, o.clashes FROM edit e LEFT JOIN sync.outcome o ON o.edit_id = e.id
    WHERE e.origin = current_tenant() AND e.seq > $1 ORDER BY e.seq LIMIT $2
"""
_JOURNAL = """
    SELECT * FROM (
        (SELECT r.revision, j.origin, j.seq, j.at_us, j.kind, j.subject, j.body
            FROM sync.received r JOIN journal j ON j.origin = r.origin AND j.seq BETWEEN r.first_seq AND r.last_seq
            WHERE r.revision >= $1 AND (r.revision, j.origin, j.seq) > ($1, $2, $3) AND (r.counts OR j.kind <> ALL ($5::text[]))
            ORDER BY r.revision, j.origin, j.seq LIMIT $4)
        UNION ALL
        (SELECT j.seq, j.origin, j.seq, j.at_us, j.kind, j.subject, j.body FROM journal j
            WHERE j.origin = current_tenant() AND j.seq >= $1 AND (j.seq, j.origin, j.seq) > ($1, $2, $3)
            ORDER BY j.seq LIMIT $4)
    ) AS told ORDER BY revision, origin, seq LIMIT $4
"""
_BY_ID = "t.id = ANY ($1::uuid[])"
_SHOWN = "((SELECT reached_sites()) IS NULL OR {site} = ANY ((SELECT reached_sites())::uuid[]))"
_ON_SHOWN = f"{_BY_ID} AND EXISTS (SELECT FROM diagram g WHERE g.id = t.diagram_id AND {_SHOWN.format(site='g.site_id')})"
_WITHIN: Mapping[str, str] = {
    "link": f"{_BY_ID} AND (SELECT count(*) FROM device d WHERE d.id IN (t.a_id, t.b_id)) = 2",
    "diagram": f"{_BY_ID} AND {_SHOWN.format(site='t.site_id')}",
    "spot": _ON_SHOWN,
    "drawing": _ON_SHOWN,
}
"""What else has to hold, beside what row-level security lets through: both ends of a link, the site that a diagram shows."""
_ABOVE: Mapping[str, str] = {"site": "pop", "diagram": "parent"}
_ALERTS = f"SELECT {ALERT_COLUMNS} FROM alert t WHERE {_BY_ID}"
_HEALTH = """
    SELECT coalesce(json_agg(told), '[]')::text FROM (
        SELECT device_id AS device, vantage, status, since_us, heard_us, probes, reason FROM health h
        WHERE device_id = ANY ($1::uuid[]) AND EXISTS (SELECT FROM device d WHERE d.id = h.device_id)
    ) AS told
"""
"""Of what turns by the hundred one text is read, and at once as what it means: row by row took most of a round."""
_LINK_STATES = """
    SELECT coalesce(json_agg(told), '[]')::text FROM (
        SELECT link_id AS link, status, since_us, at_us,
            nullif(nullif(nullif(ab_bps, 'NaN'), 'Infinity'), '-Infinity') AS ab_bps,
            nullif(nullif(nullif(ba_bps, 'NaN'), 'Infinity'), '-Infinity') AS ba_bps
        FROM link_state s WHERE link_id = ANY ($1::uuid[])
            AND EXISTS (SELECT FROM link l WHERE l.id = s.link_id
                AND (SELECT count(*) FROM device d WHERE d.id IN (l.a_id, l.b_id)) = 2)
    ) AS told
"""
"""JSON has no word for a number that is none: one such row, from when they were taken, would stop everybody's line."""
_health, _link_states = msgspec.json.Decoder(list[Health]), msgspec.json.Decoder(list[LinkState])
_FACTS = """
    SELECT subject, field, source, vantage, at_us, value FROM fact f WHERE subject = ANY ($1::uuid[])
        AND EXISTS (SELECT FROM device d WHERE d.id = f.subject) ORDER BY subject, field, source, vantage
"""
