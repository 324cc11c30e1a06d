"""The past: what held at a moment, and what happened between two. Counterpart: `store.py` asks, `upkeep.py` has keyframes kept.

Theory: a keyframe is the state after one row of this origin's journal, so the rows from one keyframe to the next are a
segment. A moment belongs to the last segment, by number, whose keyframe was kept at or before it; what held then is that
keyframe and the segment's rows up to the last that is not later, folded by what made them (`next_alert`). Upkeep has a
keyframe kept at a start and whenever the clock went back, so a moment that came twice is seen as it was the second time. Of
other origins only what was said of alerts counts; whoever judged here did not know the rest. In a team's folder all counts
that was judged for the team, and edits have the tenant for an origin and are numbered by revision.
One rule: numbers order the rows of one origin, clocks only say where to look and merge origins.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from typing import Any, NamedTuple, TypedDict, Unpack, get_args
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, select, tuple_

from domain.alerts import Alert, fingerprint, next_alert
from domain.edit import Step
from domain.health import Status
from domain.journal import JournalRow, RowKind
from domain.load import LinkStatus
from engine.storage import rows, tables
from engine.storage.ageing import origins
from engine.storage.batch import DeviceThen, Keyframe, LinkThen
from engine.storage.keyframes import decode_keyframe, is_shown
from engine.storage.team_tables import LIVING, TEAM, own_edit

EVENTS_CAP = 500
"""Most rows that changed no state and come with a moment: the newest."""
ALERT_KINDS: tuple[str, ...] = tuple(kind for kind in get_args(RowKind) if kind.startswith("alert_"))
STATE_KINDS: tuple[str, ...] = ("status", "link_status", *ALERT_KINDS)
"""Rows that changed the state; an edit did too where it deleted something."""
_LINK_ENDS = frozenset({"a", "b", "a_interface", "b_interface"})
_UNREADABLE = (zlib.error, msgspec.DecodeError)
_closed_of = msgspec.msgpack.Decoder(list[Alert]).decode
_JOURNAL = tuple(column for column in tables.journal.columns if column.name != "tenant_id")


class Past(msgspec.Struct, frozen=True):
    """What held at `at_us`: devices, links, and the alerts that were open or had been `SHOWN_US` before.

    `seq` is the last row of this origin that counts, `from_us` when the keyframe before it was kept (None: there was none);
    `events` are the newest rows from there on that changed no state, newest first.
    """

    at_us: int
    seq: int
    from_us: int | None
    devices: list[DeviceThen]
    links: list[LinkThen]
    alerts: list[Alert]
    events: list[JournalRow]
    revision: int = 0
    """The last edit of the team that was made by then; 0 where this is no team's."""


class Mark(NamedTuple):
    """Where a row stands on the timeline."""

    at_us: int
    origin: UUID
    seq: int


class Wanted(TypedDict, total=False):
    """What is asked of the timeline: rows of `subjects` (None: of anything) and of `kinds` (None: all), `limit` at most (200).

    An edit is of all things that its row names. `before` a mark: the newest that are older; `after`: the oldest that are newer.
    """

    subjects: Collection[UUID] | None
    kinds: Collection[str] | None
    limit: int
    before: Mark | None
    after: Mark | None


class _Segment(NamedTuple):
    """The rows after `seq` up to `until` (None: the newest); `at_us` is when the keyframe before them was kept."""

    at_us: int | None
    seq: int
    until: int | None


class _Told(NamedTuple):
    """A row as it is folded: its body is not read yet."""

    origin: UUID
    seq: int
    at_us: int
    kind: Any
    subject: UUID | None
    body: str


class _DeviceTurn(msgspec.Struct):
    status: Status
    reason: str = ""


class _LinkTurn(msgspec.Struct):
    status: LinkStatus


_device_turn_of = msgspec.json.Decoder(_DeviceTurn).decode
_link_turn_of = msgspec.json.Decoder(_LinkTurn).decode


class _State:
    """What holds, while rows are folded into it; by the number of each id: to hash a UUID takes ten times as long."""

    def __init__(self) -> None:
        self.devices: dict[int, DeviceThen] = {}
        self.links: dict[int, LinkThen] = {}
        self.alerts: dict[int, Alert] = {}
        self._closed: list[msgspec.Raw] = []
        self._ids: dict[tuple[str, int, str], int] = {}

    def copy(self) -> _State:
        """Return a state that goes its own way from here."""
        other = _State()
        other.devices, other.links, other.alerts = dict(self.devices), dict(self.links), dict(self.alerts)
        other._closed = list(self._closed)
        return other

    def put(self, keyframe: Keyframe) -> None:
        """Take up a piece of a keyframe."""
        self.devices |= {row.device.int: row for row in keyframe.health}
        self.links |= {row.link.int: row for row in keyframe.link_states}
        self.alerts |= {row.id.int: row for row in keyframe.alerts}
        self._closed.append(keyframe.closed)

    def fold(self, row: _Told, edits: dict[int, Any]) -> None:
        """Take up one more row; `edits` are the bodies of this origin's, by number."""
        origin, seq, at_us, kind, subject, body = row
        if kind == "edit_applied":
            self._follow(edits.get(seq, {}).get("steps", ()))
        elif subject is None:
            return
        elif kind == "status":
            turn = _device_turn_of(body)
            self.devices[subject.int] = DeviceThen(subject, turn.status, at_us, turn.reason)
        elif kind == "link_status":
            self.links[subject.int] = LinkThen(subject, _link_turn_of(body).status, at_us)
        else:
            self._turn_alert(
                JournalRow(origin, seq, at_us, kind, subject, msgspec.json.decode(body)), subject
            )

    def _turn_alert(self, row: JournalRow, subject: UUID) -> None:
        rule, instance = str(row.body.get("rule", "")), str(row.body.get("instance", ""))
        named = rule, subject.int, instance
        id = self._ids.get(named)
        if id is None:
            id = self._ids[named] = fingerprint(rule, subject, instance).int
        if id not in self.alerts and not (row.kind == "alert_opened" and "count" in row.body):
            for piece in (
                self._closed
            ):  # a row that begins an episode says all, any other is about what may have ended
                self.alerts = {alert.id.int: alert for alert in _closed_of(piece)} | self.alerts
            self._closed = []
        alert = next_alert(self.alerts.get(id), row)
        if alert is not None:
            self.alerts[id] = alert

    def _follow(self, steps: Iterable[dict[str, Any]]) -> None:
        for step in steps:
            id, after = UUID(step["id"]).int, step["after"]
            if step["kind"] == "device" and after is None:
                self.devices.pop(id, None)
            elif step["kind"] == "link" and (after is None or not _LINK_ENDS.isdisjoint(after)):
                self.links.pop(id, None)


class LastRead:
    """The keyframe that was read last: who drags through the past reads the same one again and again."""

    def __init__(self) -> None:
        self._of: tuple[int, int] | None = None
        self._state = _State()

    def state(self, at_us: int, seq: int, read: Callable[[], bytes]) -> _State:
        """Return the state of a keyframe. Raises zlib.error or msgspec.DecodeError where it cannot be read."""
        if self._of != (at_us, seq):
            self._of = None
            state = _State()
            for piece in decode_keyframe(read()):
                state.put(piece)
            self._of, self._state = (at_us, seq), state
        return self._state.copy()


def keep_keyframe(connection: Connection, tenant: UUID, origin: UUID, at_us: int, body: bytes) -> None:
    """Keep a keyframe after the newest row of this origin that was written."""
    journal = tables.journal
    here = (journal.c.tenant_id == tenant) & (journal.c.origin == origin)
    seq = connection.execute(select(func.coalesce(func.max(journal.c.seq), 0)).where(here)).scalar_one()
    row = {"tenant_id": tenant, "origin": origin, "at_us": at_us, "seq": seq, "body": body}
    rows.upsert(connection, tables.keyframe, [row])


def state_at(connection: Connection, tenant: UUID, origin: UUID, at_us: int, last: LastRead) -> Past:
    """Return what held at a moment, as this origin knew it."""
    state, segment = _start(connection, tenant, origin, at_us, last)
    journal = tables.journal
    here = (journal.c.tenant_id == tenant) & (journal.c.origin == origin) & (journal.c.seq > segment.seq)
    if segment.until is not None:
        here &= journal.c.seq <= segment.until
    newest = (
        select(journal.c.seq).where(here, journal.c.at_us <= at_us).order_by(journal.c.seq.desc()).limit(1)
    )
    seq = connection.execute(newest).scalar() or segment.seq
    here &= journal.c.seq <= seq
    edits = {origin: _edits(connection, tenant, origin, segment.seq, seq)}
    is_team, revision = _is_team(connection), 0
    if is_team:
        revision = _revision_at(connection, tenant, at_us)
        first = _revision_at(connection, tenant, segment.at_us or 0)
        edits[tenant] = _edits(connection, tenant, tenant, first, revision)
    said = (*STATE_KINDS, "edit_applied") if is_team else ALERT_KINDS
    told = _told(connection, origin, here & journal.c.kind.in_((*STATE_KINDS, "edit_applied")))
    others = [
        _told(connection, other, _said_by(tenant, other, said, segment.at_us or 0, at_us))
        for other in origins(connection, tenant)
        if other != origin
    ]
    for row in merge(told, *others, key=_clock) if others else told:
        state.fold(row, edits.get(row.origin, {}))
    events = select(*_JOURNAL).where(here, journal.c.kind.not_in(STATE_KINDS))
    return Past(
        at_us,
        seq,
        segment.at_us,
        list(state.devices.values()),
        list(state.links.values()),
        [alert for alert in state.alerts.values() if is_shown(alert, at_us)],
        list(_rows(connection, events.order_by(journal.c.seq.desc()).limit(EVENTS_CAP))),
        revision,
    )


def events_between(
    connection: Connection, tenant: UUID, from_us: int, to_us: int, **wanted: Unpack[Wanted]
) -> list[JournalRow]:
    """Return the newest rows from one moment to another, both in it, as `wanted`; newest first by the clock."""
    journal = tables.journal
    limit, before, after = wanted.get("limit", 200), wanted.get("before"), wanted.get("after")
    order = [journal.c.at_us, journal.c.origin, journal.c.seq]
    place, types = tuple_(*order), [column.type for column in order]
    here = (journal.c.tenant_id == tenant) & journal.c.at_us.between(from_us, to_us)
    if before is not None:
        here &= (journal.c.at_us <= before.at_us) & (place < tuple_(*before, types=types))
    if after is not None:
        here &= (journal.c.at_us >= after.at_us) & (place > tuple_(*after, types=types))
    query = select(*_JOURNAL).where(here).limit(limit)
    query = query.order_by(*(order if after is not None else [column.desc() for column in order]))
    found: dict[tuple[UUID, int], JournalRow] = {}
    with ExitStack() as asked:
        parts = []
        for part in _parts(wanted.get("subjects"), wanted.get("kinds")):
            result = connection.execute(query.where(part))
            asked.callback(result.close)
            parts.append(map(rows.JOURNAL.from_row, result.mappings()))
        for row in merge(*parts, key=_place, reverse=after is None):
            found[row.origin, row.seq] = row
            if len(found) >= limit:
                break
    return sorted(found.values(), key=_place, reverse=True)


def steps_since(
    connection: Connection, tenant: UUID, origin: UUID, seq: int, revision: int = 0
) -> list[Step]:
    """Return the steps of the edits after a row, the last done first; of a team those after a revision, and what is pending."""
    edit = tables.edit
    own: list[Any] = []
    if _is_team(connection):
        living = select(own_edit.c.body).where(own_edit.c.state.in_(LIVING)).order_by(own_edit.c.seq.desc())
        own = list(connection.execute(living).scalars())
        origin, seq = tenant, revision
    here = (edit.c.tenant_id == tenant) & (edit.c.origin == origin) & (edit.c.seq > seq)
    query = select(edit.c.body).where(here).order_by(edit.c.seq.desc())
    bodies = connection.execute(query).scalars()
    return [step for body in (*own, *bodies) for step in reversed(msgspec.convert(body["steps"], list[Step]))]


def newest(connection: Connection, tenant: UUID, subject: UUID | None, limit: int) -> list[JournalRow]:
    """Return the rows with the highest numbers about a subject, or about anything; highest first."""
    journal = tables.journal
    query = select(*_JOURNAL).where(journal.c.tenant_id == tenant).order_by(journal.c.seq.desc()).limit(limit)
    if subject is not None:
        return list(_rows(connection, query.where(journal.c.subject == subject)))
    every = [
        row
        for origin in origins(connection, tenant)
        for row in _rows(connection, query.where(journal.c.origin == origin))
    ]
    return sorted(every, key=lambda row: row.seq, reverse=True)[:limit]


def _start(
    connection: Connection, tenant: UUID, origin: UUID, at_us: int, last: LastRead
) -> tuple[_State, _Segment]:
    """Return the segment of a moment and the state before it; a keyframe that cannot be read is as if it were not there."""
    table = tables.keyframe
    mine = (table.c.tenant_id == tenant) & (table.c.origin == origin)
    by_then = select(table.c.at_us, table.c.seq).where(mine, table.c.at_us <= at_us).limit(1)
    by_then = by_then.order_by(table.c.seq.desc(), table.c.at_us.desc())
    kept = connection.execute(by_then).one_or_none()
    later = select(func.min(table.c.seq)).where(mine, table.c.seq > (kept.seq if kept else -1))
    until = connection.execute(later).scalar()
    while kept is not None:
        body = select(table.c.body).where(mine, table.c.at_us == kept.at_us)
        try:
            state = last.state(kept.at_us, kept.seq, lambda body=body: connection.execute(body).scalar_one())  # type: ignore[misc]
        except _UNREADABLE:
            kept = connection.execute(by_then.where(table.c.seq < kept.seq)).one_or_none()
        else:
            return state, _Segment(kept.at_us, kept.seq, until)
    return _State(), _Segment(None, 0, until)


def _edits(connection: Connection, tenant: UUID, origin: UUID, above: int, until: int) -> dict[int, Any]:
    edit = tables.edit
    here = (
        (edit.c.tenant_id == tenant)
        & (edit.c.origin == origin)
        & (edit.c.seq > above)
        & (edit.c.seq <= until)
    )
    return {row.seq: row.body for row in connection.execute(select(edit.c.seq, edit.c.body).where(here))}


def _told(connection: Connection, origin: UUID, here: ColumnElement[bool]) -> Iterator[_Told]:
    """Go over rows of an origin, in the order of their numbers."""
    journal = tables.journal
    body = cast(journal.c.body, Text)
    query = select(journal.c.seq, journal.c.at_us, journal.c.kind, journal.c.subject, body).where(here)
    for row in connection.execute(query.order_by(journal.c.seq)):
        yield _Told(origin, *row)


def _is_team(connection: Connection) -> bool:
    query = select(tables.meta.c.name).where(tables.meta.c.name == TEAM)
    return connection.execute(query).first() is not None


def _revision_at(connection: Connection, tenant: UUID, at_us: int) -> int:
    """Return the last revision that a team's server wrote down by then."""
    journal = tables.journal
    here = (journal.c.tenant_id == tenant) & (journal.c.origin == tenant) & (journal.c.at_us <= at_us)
    return int(connection.execute(select(func.coalesce(func.max(journal.c.seq), 0)).where(here)).scalar_one())


def _said_by(
    tenant: UUID, origin: UUID, kinds: Collection[str], from_us: int, to_us: int
) -> ColumnElement[bool]:
    journal = tables.journal
    here = (journal.c.tenant_id == tenant) & (journal.c.origin == origin) & journal.c.kind.in_(kinds)
    return here & (journal.c.at_us > from_us) & (journal.c.at_us <= to_us)


def _parts(subjects: Collection[UUID] | None, kinds: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
    """Go over the conditions that each have an index in the order of the clock; a row may answer to two of them."""
    journal = tables.journal
    if subjects is None:
        for kind in get_args(RowKind) if kinds is None else kinds:
            yield journal.c.kind == kind
        return
    for subject in subjects:
        about = journal.c.subject == subject
        yield about if kinds is None else about & journal.c.kind.in_(kinds)
        if kinds is None or "edit_applied" in kinds:
            touched = cast(journal.c.body, Text).contains(f'"{subject}"')
            yield (journal.c.kind == "edit_applied") & journal.c.subject.is_(None) & touched


def _rows(connection: Connection, query: Select[Any]) -> Iterator[JournalRow]:
    return map(rows.JOURNAL.from_row, connection.execute(query).mappings())


def _clock(row: _Told) -> int:
    return row.at_us


def _place(row: JournalRow) -> tuple[int, bytes, int]:
    return row.at_us, row.origin.bytes, row.seq
