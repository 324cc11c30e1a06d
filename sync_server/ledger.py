"""The one way in which a tenant's inventory and its alerts change on a server: an edit, or an act, in the order of revisions.

Counterpart: `engine/requests.py`, the same on a laptop, with the same rules; `inventory.py`, the rows; the sync, which pulls what
came since a revision.

Theory: the tenant's row is locked from the first look to the commit, so that what was judged still holds when it is written, and
the order of revisions is that of commits. Each change takes the next revision and is one journal row under that number, whose
origin is the tenant itself; what installs tell takes revisions of the same row (`live/intake.py`). What a change touched is
noted under its revision, and whoever listens is told, in the same transaction.
An edit of the API is applied whole or refused; one that an install pushes is merged: what clashes keeps the server's value. What
was answered to a pushed edit stays the answer, however often it comes.
One rule: nothing else writes into the tables of the inventory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, cast
from uuid import UUID

import msgspec

from domain.alerts import DONE, Act, Alert, PersonAct, act_refusals, body_of, is_done, next_alert
from domain.clash import Clash
from domain.edit import Edit, Step, apply
from domain.errors import Refusal, RefusedByRule
from domain.inventory import Entity, Inventory, Kind
from domain.journal import JournalRow, RowKind
from domain.merge import Merged, settle
from domain.nouns import noun_of
from domain.roles import permission_to_edit
from domain.rules import of_edit, refusals
from domain.sync import Outcome
from domain.text import clean_text
from engine.storage.rows import ALERT, touched_by
from sync_server.database import Transaction, beyond_reach
from sync_server.inventory import part_for, write_touched
from sync_server.outside import names_outside, outside_refusals
from sync_server.security.principal import Principal

STEPS_IN_LOOP = 100
"""Longer edits are judged in a thread, so that other requests go on."""
TOUCHED_TOLD = 50
"""Things that a journal row of an edit names one by one."""
CLASHES_KEPT = 100
"""Things of one edit whose clashes are kept and told."""
NEWS = "heliograph_news"
"""The channel on which a tenant is named that something was touched of."""
_REACHED: dict[str, str] = {
    "site": "SELECT id FROM site WHERE id = ANY ($1::uuid[])",
    "device": "SELECT id FROM device WHERE id = ANY ($1::uuid[])",
    "link": "SELECT id FROM link WHERE id = ANY ($1::uuid[])"
    " AND (SELECT count(*) FROM device d WHERE d.id IN (a_id, b_id)) = 2",
}
"""Kinds that stand somewhere, the only ones that somebody changes who reaches some sites only; and those within reach, a link
with both its ends."""


class Ledger:
    """A tenant's changes while one transaction holds them. Made by `open`."""

    def __init__(self, transaction: Transaction, who: Principal, now_us: int, revision: int) -> None:
        self._transaction = transaction
        self._who = who
        self.now_us = now_us
        self.revision = revision
        """That of the newest change."""

    @classmethod
    async def open(cls, transaction: Transaction, who: Principal, now_us: int) -> Ledger:
        """Hold the tenant of a transaction until it ends; others who change it wait."""
        revision = await transaction.fetchval(_HOLD)
        if revision is None:
            raise RefusedByRule([Refusal("TENANT_NOT_FOUND", "the tenant is gone")])
        return cls(transaction, who, now_us, revision)

    async def known(self, edit: UUID) -> tuple[int, Edit] | None:
        """Return an edit that was applied before, and its revision."""
        async with beyond_reach(self._transaction, self._who):
            row = await self._transaction.fetchrow("SELECT seq, body FROM edit WHERE id = $1", edit)
        return None if row is None else (row["seq"], msgspec.convert(row["body"], Edit))

    async def apply(self, edit: Edit, held: Mapping[Kind, Entity] | None = None) -> list[Refusal]:
        """Apply an edit whole, or return why not and write nothing; `held` as for `part_for`."""
        if found := await self._denied(edit):
            return found
        part = await self._part(edit, held)
        if len(edit.steps) <= STEPS_IN_LOOP:
            found = refusals(part, edit)
        else:
            found = await asyncio.to_thread(refusals, part, edit)
        if not found:
            await self._write(edit, part)
        return found

    async def answered(self, edits: Sequence[Edit]) -> dict[UUID, Outcome]:
        """Return what was answered to those of some pushed edits that came before; another edit of an id is refused."""
        ids = [edit.id for edit in edits]
        async with beyond_reach(self._transaction, self._who):
            applied = await self._transaction.fetch(_KNOWN, ids)
        kept = {row["edit_id"]: row for row in await self._transaction.fetch(_ANSWERED, ids)}
        bodies = {row["id"]: (row["seq"], row["body"]) for row in applied}
        found: dict[UUID, Outcome] = {}
        for edit in edits:
            if (row := kept.get(edit.id)) is not None:
                clashes = msgspec.convert(row["clashes"], tuple[Clash, ...])
                told = msgspec.convert(row["refusals"], tuple[Refusal, ...])
                is_same = row["digest"] == _digest(edit)
                found[edit.id] = Outcome(edit.id, row["revision"], clashes, told) if is_same else taken(edit)
            elif edit.id in bodies:
                revision, body = bodies[edit.id]
                is_same = _digest(msgspec.convert(body, Edit)) == _digest(edit)
                found[edit.id] = Outcome(edit.id, revision) if is_same else taken(edit)
        return found

    async def merge(self, edit: Edit) -> Outcome:
        """Apply what can be applied of a pushed edit that did not come before, and keep the answer."""
        merged, found = Merged(None), await self._denied(edit)
        if not found:
            part = await self._part(edit)
            if len(edit.steps) <= STEPS_IN_LOOP:
                merged, found = settle(part, edit)
            else:
                merged, found = await asyncio.to_thread(settle, part, edit)
        clashes = merged.clashes[:CLASHES_KEPT]
        revision = 0
        if merged.edit is not None and not found:
            await self._write(merged.edit, part, clashes)
            revision = self.revision
        plain = msgspec.to_builtins(clashes), msgspec.to_builtins(found)
        await self._transaction.execute(_ANSWER, edit.id, _digest(edit), revision, *plain)
        return Outcome(edit.id, revision, clashes, tuple(found))

    async def _denied(self, edit: Edit) -> list[Refusal]:
        """Return why an edit is refused, whatever is there."""
        found = [*of_edit(edit), *self._permissions(edit.steps)]
        return found or await self._beyond_reach(edit.steps) or await self._outside(edit)

    async def _part(self, edit: Edit, held: Mapping[Kind, Entity] | None = None) -> Inventory:
        async with beyond_reach(self._transaction, self._who):
            return await part_for(self._transaction, edit.steps, held)

    async def _write(self, edit: Edit, part: Inventory, clashes: Sequence[Clash] = ()) -> None:
        """Write an edit that fits, what it led to, what it touched."""
        after = Inventory(part.tables)
        things = list(dict.fromkeys(apply(after, edit)))
        await write_touched(self._transaction, part, touched_by(edit.steps, after))
        assert self._who.tenant is not None
        self.revision += 1
        told = told_of(self._who.tenant, self.revision, self.now_us, edit, things, clashes)
        await self._transaction.execute(_WRITE_EDIT, *told)
        sites, devices = moved_by(edit)
        if sites or devices:
            async with beyond_reach(self._transaction, self._who):
                await self._transaction.execute(_TOUCH_AROUND, sites, devices, self.revision)

    async def act(self, alert: UUID, act: PersonAct, text: str = "", to: str = "") -> Alert:
        """Do what a person does to an alert; what is done already changes nothing. Raises RefusedByRule."""
        old = await self.alert(alert)
        if old is None:
            raise RefusedByRule([Refusal("ALERT_NOT_FOUND", "there is no such alert", subject=alert)])
        by = self._who.name
        if found := act_refusals(old, act, by, text, to):
            raise RefusedByRule(found)
        if is_done(old, Act(self.now_us, DONE[act], by, text, to)):
            return old
        kind = cast(RowKind, f"alert_{DONE[act]}")
        return await self.tell(old, kind, old.subject, body_of(old, by=by, text=text, to=to))

    async def alert(self, id: UUID) -> Alert | None:
        """Return an alert, or None."""
        row = await self._transaction.fetchrow(f"SELECT {ALERT_COLUMNS} FROM alert t WHERE t.id = $1", id)
        return None if row is None else alert_of(row)

    async def device(self, id: UUID | None, address: str) -> UUID:
        """Return a device by its id, or by its address where that is empty. Raises RefusedByRule."""
        found = await self._transaction.fetchval(
            "SELECT id FROM device WHERE CASE WHEN $1::uuid IS NULL THEN address = $2 ELSE id = $1 END ORDER BY id LIMIT 1",
            id,
            address,
        )
        if found is None:
            raise RefusedByRule([Refusal("DEVICE_NOT_FOUND", "there is no such device", "device")])
        return UUID(bytes=found.bytes)

    async def tell(self, old: Alert | None, kind: RowKind, subject: UUID, body: dict[str, Any]) -> Alert:
        """Write a journal row about an alert, and the alert as it is by then. Raises RefusedByRule where it tells nothing."""
        row = self._next(kind, subject, msgspec.to_builtins(body))
        new = next_alert(old, row)
        if new is None:
            raise RefusedByRule([Refusal("INVALID_INPUT", "this is no word about an alert")])
        await self._transaction.execute(_WRITE_JOURNAL, *_told(row), ["alert"], [new.id])
        await write_alerts(self._transaction, [new] if old is None else [], [] if old is None else [new])
        return new

    async def note(self, kind: RowKind, subject: UUID, body: dict[str, Any], touched: Kind) -> None:
        """Write a journal row about a thing, whose installs are to look at it anew."""
        row = self._next(kind, subject, msgspec.to_builtins(body))
        await self._transaction.execute(_WRITE_JOURNAL, *_told(row), [touched], [subject])

    async def touch(self, kind: Kind, ids: Sequence[UUID]) -> None:
        """Have installs look at some things anew of which nothing is another but what stands beside them."""
        self.revision += 1
        await self._transaction.execute(TOUCH, self.revision, [kind] * len(ids), list(ids))

    async def told_before(self, alert: UUID, sent_us: int) -> int:
        """Return when a monitor sent its last word about an alert, by its own clock, 0 if never; keep `sent_us` if later."""
        before: int | None = await self._transaction.fetchval(
            "SELECT sent_us FROM identity.told WHERE alert_id = $1", alert
        )
        await self._transaction.execute(_WRITE_TOLD, alert, sent_us)
        return before or 0

    def _next(self, kind: RowKind, subject: UUID | None, body: dict[str, Any]) -> JournalRow:
        assert self._who.tenant is not None
        self.revision += 1
        return JournalRow(self._who.tenant, self.revision, self.now_us, kind, subject, body)

    def _permissions(self, steps: tuple[Step, ...]) -> list[Refusal]:
        """Return what the asker may not change, whatever it becomes."""
        code = "INSUFFICIENT_PERMISSIONS"
        kinds = dict.fromkeys(step.kind for step in steps)
        needed = {permission_to_edit(kind): kind for kind in kinds}
        found = [
            Refusal(
                code, f"you may not change {noun_of(kind).many} here: the permission {permission} is needed"
            )
            for permission, kind in needed.items()
            if not self._who.may(permission)
        ]
        if self._who.reach.sites is not None:
            found += [
                Refusal(code, f"you reach some sites only, and may not change {noun_of(kind).many}")
                for kind in kinds
                if kind not in _REACHED
            ]
        return found

    async def _outside(self, edit: Edit) -> list[Refusal]:
        """Return what is refused of installs and accounts that an edit names; an undo brings back what was there."""
        if not names_outside(edit):
            return []
        undone = await self.known(edit.undoes) if edit.undoes is not None else None
        steps = undone[1].steps if undone is not None else ()
        return await outside_refusals(self._transaction, self._who, edit, steps)

    async def _beyond_reach(self, steps: tuple[Step, ...]) -> list[Refusal]:
        """Return what steps name that the asker does not reach, as if it were not there."""
        if self._who.reach.sites is None:
            return []
        found: list[Refusal] = []
        for kind, reached in _REACHED.items():
            made: set[UUID] = set()
            named: dict[UUID, None] = {}
            for step in (step for step in steps if step.kind == kind):
                if step.before is None:
                    made.add(step.id)
                elif step.id not in made:
                    named[step.id] = None
            if named:
                rows = await self._transaction.fetch(reached, list(named))
                seen = {row["id"] for row in rows}
                found += [
                    Refusal(f"{kind.upper()}_NOT_FOUND", f"there is no such {noun_of(kind).one}", subject=id)
                    for id in named
                    if id not in seen
                ]
        return found


def alert_of(row: Any) -> Alert:
    """Return the alert of a row of `ALERT_COLUMNS`."""
    fields = {name: UUID(int=v.int) if isinstance(v, UUID) else v for name, v in row.items()}
    return ALERT.from_row({name: fields[name] for name in _ALERT_NAMES})


def _told(row: JournalRow) -> tuple[object, ...]:
    return row.origin, row.seq, row.at_us, row.kind, row.subject, row.body


async def write_alerts(transaction: Transaction, made: Sequence[Alert], changed: Sequence[Alert]) -> None:
    """Write alerts that were not there, and those that are otherwise now."""
    for statement, alerts in ((_INSERT_ALERT, made), (_UPDATE_ALERT, changed)):
        if alerts:
            await transaction.executemany(statement, [_alert_row(alert) for alert in alerts])


def _alert_row(alert: Alert) -> list[Any]:
    columns = {**ALERT.to_row(alert), "acts": msgspec.to_builtins(alert.acts)}
    return [columns[name] for name in _ALERT_NAMES]


def taken(edit: Edit) -> Outcome:
    """Return what becomes of an edit whose id is another's."""
    return Outcome(edit.id, 0, refusals=(Refusal("EDIT_ALREADY_EXISTS", "another edit has this id", "id"),))


def _digest(edit: Edit) -> bytes:
    """Return what tells an edit from another, whoever is said to have made it."""
    same = msgspec.to_builtins(msgspec.structs.replace(edit, author=""))
    return blake2b(msgspec.json.encode(same, order="sorted"), digest_size=16).digest()


def told_of(  # noqa: PLR0917
    tenant: UUID,
    revision: int,
    now_us: int,
    edit: Edit,
    things: Sequence[tuple[Kind, UUID]],
    clashes: Sequence[Clash] = (),
) -> tuple[object, ...]:
    """Return what `sync.write_edit` is given of an edit of some things that takes a revision."""
    told: dict[str, Any] = {
        "edit": str(edit.id),
        "title": clean_text(edit.title),
        "author": clean_text(edit.author),
        "touched": [[kind, str(id)] for kind, id in things[:TOUCHED_TOLD]],
        "count": len(things),
    }
    if edit.undoes:
        told["undoes"] = str(edit.undoes)
    if clashes:
        told["clashes"] = msgspec.to_builtins(clashes)
    subject = things[0][1] if len(things) == 1 else None
    row = JournalRow(tenant, revision, now_us, "edit_applied", subject, told)
    touched = [kind for kind, _ in things], [id for _, id in things]
    return *_told(row), *touched, edit.id, edit.at_us, msgspec.to_builtins(edit)


def moved_by(edit: Edit) -> tuple[list[UUID], list[UUID]]:
    """Return sites and devices that may have come into somebody's reach, or left it, with what hangs off them."""
    is_undo = edit.undoes is not None
    sites = [s.id for s in edit.steps if s.kind == "site" and s.before and s.after and "pop" in s.after]
    devices = [
        s.id
        for s in edit.steps
        if s.kind == "device" and s.after and ("site" in s.after if s.before else is_undo)
    ]
    return sites, devices


_HOLD = "SELECT revision FROM tenant WHERE id = current_tenant() FOR NO KEY UPDATE"
_MOVE = """
    WITH moved AS (UPDATE tenant SET revision = $2 WHERE id = current_tenant()),
    told AS (INSERT INTO journal (tenant_id, origin, seq, at_us, kind, subject, body)
        VALUES (current_tenant(), $1, $2, $3, $4, $5, $6)),
    touched AS (INSERT INTO sync.touched (tenant_id, kind, id, revision)
        SELECT current_tenant(), kind, id, $2 FROM unnest($7::text[], $8::uuid[]) AS u (kind, id)
        ON CONFLICT (tenant_id, kind, id) DO UPDATE SET revision = excluded.revision)
"""
_WRITE_TOLD = """
    INSERT INTO identity.told AS t VALUES (current_tenant(), $1, $2)
    ON CONFLICT (tenant_id, alert_id) DO UPDATE SET sent_us = greatest(t.sent_us, $2)
"""
_SAY = f"SELECT sync.say('{NEWS}', current_tenant()::text)"
_WRITE_JOURNAL = f"{_MOVE} {_SAY}"
TOUCH = f"""
    WITH moved AS (UPDATE tenant SET revision = $1 WHERE id = current_tenant()),
    touched AS (INSERT INTO sync.touched (tenant_id, kind, id, revision)
        SELECT current_tenant(), kind, id, $1 FROM unnest($2::text[], $3::uuid[]) AS u (kind, id)
        ON CONFLICT (tenant_id, kind, id) DO UPDATE SET revision = excluded.revision)
    SELECT sync.say('{NEWS}', current_tenant()::text)
"""
_WRITE_EDIT = "SELECT sync.write_edit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_KNOWN = "SELECT id, seq, body FROM edit WHERE id = ANY ($1::uuid[])"
_ANSWERED = "SELECT * FROM sync.outcome WHERE edit_id = ANY ($1::uuid[])"
_ANSWER = "INSERT INTO sync.outcome VALUES (current_tenant(), $1, $2, $3, $4, $5)"
_TOUCH_AROUND = "SELECT sync.touch_around($1, $2, $3)"
_ALERT_NAMES = [column.name for column in ALERT.table.columns if column.name != "tenant_id"]
ALERT_COLUMNS = ", ".join(f't."{name}"' for name in _ALERT_NAMES)
_NAMED = ", ".join(f'"{name}"' for name in _ALERT_NAMES)
_PLACES = ", ".join(f"${place}" for place in range(1, len(_ALERT_NAMES) + 1))
_INSERT_ALERT = f"INSERT INTO alert (tenant_id, {_NAMED}) VALUES (current_tenant(), {_PLACES})"
_UPDATE_ALERT = f"UPDATE alert SET ({_NAMED}) = ({_PLACES}) WHERE id = ${_ALERT_NAMES.index('id') + 1}"
