"""What of a message is taken for what it is: data of a stranger becomes rows, or is counted as refused. Counterpart: `intake.py`.

One rule: what passed here the database takes: its ranges, its text, its sizes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.fact import Fact, digest
from domain.health import Health
from domain.journal import SUBJECT_KINDS, JournalRow
from domain.load import LinkState
from domain.metrics import CATALOGUE
from domain.polling import slot_of
from domain.sync import Cycles, Tell
from sync_server.database import Database, Transaction
from sync_server.live.folding import ABSORBED
from sync_server.live.intake import Told
from sync_server.samples import Cycle, Samples, SchemaRefused
from sync_server.security.principal import Principal

BODY_CAP_BYTES = 64 * 1024
VALUE_CAP_BYTES = 256 * 1024
"""Of one fact."""
HEALTH_CAP_BYTES = 16 * 1024
WORD_CAP = 200
"""Characters of a fact's field or source."""
NUMBER_CAP = 2**62
NOT_TOLD = frozenset(("edit_applied", "edit_refused"))
"""Rows that the tenant writes itself."""
_NUL = b"\\u0000"


async def sift(
    database: Database, who: Principal, install: UUID, tell: Tell, *, may_tell: bool
) -> tuple[Told, int]:
    """Return what an install may tell of a message, and how much it may not. Raises as `Database.transaction` does."""
    told = Told(install, who.name, who.may("alerts:write"), tell.fence)
    mine = [row for row in tell.journal if row.origin == install and 0 < row.seq < NUMBER_CAP]
    refused = len(tell.journal) - len(mine)
    health = [one for one in tell.health if _is_health(one)] if may_tell else []
    states = [one for one in tell.link_states if _is_link_state(one)] if may_tell else []
    facts = [fact for one in tell.facts if may_tell and (fact := _fact(one, install)) is not None]
    rows = [(row, _plain(row.body, BODY_CAP_BYTES)) for row in mine]
    devices = {one.device for one in health} | {one.subject for one in facts}
    links = {one.link for one in states}
    subjects = {row.subject for row in mine if row.subject is not None}
    is_limited = who.reach.sites is not None
    if is_limited and (devices or links or subjects):
        async with database.transaction(who) as transaction:
            devices = await _seen(transaction, _DEVICES, devices)
            links = await _seen(transaction, _LINKS, links)
            subjects = await _seen(transaction, _REACHED, subjects)
    journal: list[tuple[int, JournalRow | None]] = []
    for row, body in rows:
        is_kept = (
            body is not None
            and 0 <= row.at_us < NUMBER_CAP
            and (row.subject in subjects or (row.subject is None and row.kind not in SUBJECT_KINDS))
        )
        is_kept = is_kept and (may_tell or (row.kind.startswith("alert_") and row.kind != ABSORBED))
        if row.kind in NOT_TOLD or not is_kept:
            refused += row.kind not in NOT_TOLD
            journal.append((row.seq, None))
        else:
            journal.append((row.seq, msgspec.structs.replace(row, body=body)))
    told.journal = journal
    told.health = [one for one in health if one.device in devices]
    told.link_states = [one for one in states if one.link in links]
    told.facts = [one for one in facts if one.subject in devices]
    refused += len(tell.health) + len(tell.link_states) + len(tell.facts)
    return told, refused - len(told.health) - len(told.link_states) - len(told.facts)


async def cycles_of(
    database: Database, samples: Samples, who: Principal, install: UUID, message: Cycles
) -> tuple[list[Cycle], Cycles]:
    """Return cycles as they are stored, and the message with those alone. Raises as `Database.transaction` does.

    What an install measured of a device that another had taken over by then is not among them: the other's is there.
    """
    async with database.transaction(who) as transaction:
        rows = await transaction.fetch(_ASSIGNED, list({device for device, _, _ in message.cycles}))
        others_us = {
            row["slot"]: row["taken_us"] for row in await transaction.fetch(_TAKEN_BY_OTHERS, install)
        }
    until_us = {
        (id := UUID(int=row["id"].int)): NUMBER_CAP
        if row["polled_by"] is not None
        else others_us.get(slot_of(id), NUMBER_CAP)
        for row in rows
    }
    found: list[Cycle] = []
    taken = []
    for one in message.cycles:
        is_his = one[1] <= until_us.get(one[0], -1)
        cycle = _packed(samples, install, *one) if is_his else None
        if cycle is not None:
            found.append(cycle)
            taken.append(one)
    return found, Cycles(message.number, tuple(taken))


async def wanted(
    database: Database, who: Principal, install: UUID, digests: dict[UUID, bytes]
) -> tuple[UUID, ...]:
    """Return the devices of which the server knows other facts from this install. Raises as `Database.transaction` does."""
    async with database.transaction(who) as transaction:
        seen = await _seen(transaction, _DEVICES, set(digests))
        rows = await transaction.fetch(_OWN_FACTS, list(seen), install)
    known: dict[UUID, list[Fact]] = {}
    for row in rows:
        subject = UUID(int=row["subject"].int)
        fact = Fact(subject, row["field"], row["source"], install, row["at_us"], True)
        known.setdefault(subject, []).append(fact)
    return tuple(id for id in digests if id in seen and digest(known.get(id, ())) != digests[id])


async def seen_devices(transaction: Transaction, ids: Iterable[UUID]) -> set[UUID]:
    """Return those devices that the transaction's principal sees."""
    return await _seen(transaction, _DEVICES, set(ids))


async def _seen(transaction: Transaction, statement: str, ids: set[UUID]) -> set[UUID]:
    if not ids:
        return set()
    rows = await transaction.fetch(statement, list(ids))
    return {UUID(int=row["id"].int) for row in rows}


def _packed(
    samples: Samples,
    vantage: UUID,
    device: UUID,
    at_us: int,
    values: Sequence[tuple[str, str, float]],
) -> Cycle | None:
    """Return a cycle as it is stored, None where it is none."""
    numbers: dict[tuple[int, str], float] = {}
    for metric, instance, value in values:
        known = CATALOGUE.get(metric)
        if known is None or "\0" in instance:
            return None
        numbers[(known.key, instance)] = value
    series = sorted(numbers)
    try:
        schema = samples.learn(series)
        data = struct.pack(f"<{len(series)}f", *(_number(numbers[one]) for one in series))
    except (SchemaRefused, struct.error):
        return None
    return Cycle(vantage, device, at_us, schema, data)


def _number(value: float) -> float:
    """Return what float32 can hold, and NaN for what it cannot."""
    return value if math.isfinite(value) and abs(value) < 3.4e38 else math.nan


def _plain(value: Any, cap_bytes: int) -> Any | None:
    """Return plain data as the database gives it back; None where it is too long, or holds what its text cannot."""
    try:
        data = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if len(data) > cap_bytes or _NUL in data else msgspec.json.decode(data)


def _is_health(one: Health) -> bool:
    times = [one.since_us, one.heard_us]
    return all(0 <= at_us < NUMBER_CAP for at_us in times) and _plain(one, HEALTH_CAP_BYTES) is not None


def _is_link_state(one: LinkState) -> bool:
    loads = [bps for bps in (one.ab_bps, one.ba_bps) if bps is not None]
    times = [one.since_us, one.at_us]
    return all(0 <= at_us < NUMBER_CAP for at_us in times) and all(map(math.isfinite, loads))


def _fact(one: Fact, vantage: UUID) -> Fact | None:
    """Return a fact as it is kept, None where it is none of this vantage."""
    names = (one.field, one.source)
    is_named = all(0 < len(name) <= WORD_CAP and "\0" not in name for name in names)
    if one.vantage != vantage or not 0 <= one.at_us < NUMBER_CAP or not is_named:
        return None
    if one.value is None:
        return one
    value = _plain(one.value, VALUE_CAP_BYTES)
    return None if value is None else msgspec.structs.replace(one, value=value)


_DEVICES = "SELECT id FROM device WHERE id = ANY ($1::uuid[])"
_ASSIGNED = "SELECT id, polled_by FROM device WHERE id = ANY ($1::uuid[])"
_TAKEN_BY_OTHERS = """
    SELECT s.slot, s.taken_us FROM sync.slot s JOIN sync.poller p USING (tenant_id, run_id)
    WHERE s.slot >= 0 AND p.install_id <> $1
"""
_LINKS = "SELECT id FROM link WHERE id = ANY ($1::uuid[])"
_REACHED = "SELECT id FROM unnest($1::uuid[]) AS u (id) WHERE is_reached(id)"
_OWN_FACTS = (
    "SELECT subject, field, source, at_us FROM fact WHERE subject = ANY ($1::uuid[]) AND vantage = $2"
)
