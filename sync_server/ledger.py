"""The one way in which a tenant's inventory and its alerts change on a server: an edit, or an act, in the order of revisions.

Counterpart: `engine/requests.py`, the same on a laptop, with the same rules; `inventory.py`, the rows; the sync, which pulls what
came since a revision.

Theory: the tenant's row is locked from the first look to the commit, so that what was judged still holds when it is written, and
the order of revisions is that of commits. Each change takes the next revision and is one journal row under that number, whose
origin is the tenant itself: the server's own rows have no gap.
One rule: nothing else writes into the tables of the inventory.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import msgspec

from domain.alerts import DONE, Act, Alert, PersonAct, act_refusals, body_of, is_done, next_alert
from domain.edit import Edit, Step, apply
from domain.errors import Refusal, RefusedByRule
from domain.inventory import Inventory
from domain.journal import JournalRow, RowKind
from domain.roles import permission_to_edit
from domain.rules import of_edit, refusals
from domain.text import clean_text
from engine.storage.rows import ALERT, touched_by
from sync_server.database import Transaction, beyond_reach
from sync_server.inventory import part_for, write_touched
from sync_server.security.principal import Principal

STEPS_IN_LOOP = 100
"""Longer edits are judged in a thread, so that other requests go on."""
TOUCHED_TOLD = 50
"""Things that a journal row of an edit names one by one."""
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

    async def apply(self, edit: Edit) -> list[Refusal]:
        """Apply an edit whole, or return why not and write nothing."""
        found = [*of_edit(edit), *self._permissions(edit.steps)]
        if found:
            return found
        if found := await self._beyond_reach(edit.steps):
            return found
        async with beyond_reach(self._transaction, self._who):
            part = await part_for(self._transaction, edit.steps)
        if len(edit.steps) <= STEPS_IN_LOOP:
            found = refusals(part, edit)
        else:
            found = await asyncio.to_thread(refusals, part, edit)
        if found:
            return found
        after = Inventory(part.tables)
        things = list(dict.fromkeys(apply(after, edit)))
        await write_touched(self._transaction, part, touched_by(edit.steps, after))
        told: dict[str, Any] = {
            "edit": str(edit.id),
            "title": clean_text(edit.title),
            "author": clean_text(edit.author),
            "touched": [[kind, str(id)] for kind, id in things[:TOUCHED_TOLD]],
            "count": len(things),
        }
        if edit.undoes:
            told["undoes"] = str(edit.undoes)
        row = self._next("edit_applied", things[0][1] if len(things) == 1 else None, told)
        body = msgspec.to_builtins(edit)
        await self._transaction.execute(_WRITE_EDIT, *_told(row), edit.id, edit.at_us, body)
        return []

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
        await self._transaction.execute(_WRITE_JOURNAL, *_told(row))
        columns = ALERT.to_row(new)
        columns["acts"] = msgspec.to_builtins(new.acts)
        await self._transaction.execute(
            _INSERT_ALERT if old is None else _UPDATE_ALERT, *(columns[name] for name in _ALERT_NAMES)
        )
        return new

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
            Refusal(code, f"the permission {permission} is needed to change a {kind}")
            for permission, kind in needed.items()
            if not self._who.may(permission)
        ]
        if self._who.reach.sites is not None:
            found += [
                Refusal(code, f"you reach some sites only, and change no {kind}")
                for kind in kinds
                if kind not in _REACHED
            ]
        return found

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
                    Refusal(f"{kind.upper()}_NOT_FOUND", f"there is no such {kind}", subject=id)
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


_HOLD = "SELECT revision FROM tenant WHERE id = current_tenant() FOR NO KEY UPDATE"
_MOVE = """
    WITH moved AS (UPDATE tenant SET revision = $2 WHERE id = current_tenant()),
    told AS (INSERT INTO journal (tenant_id, origin, seq, at_us, kind, subject, body)
        VALUES (current_tenant(), $1, $2, $3, $4, $5, $6))
"""
_WRITE_TOLD = """
    INSERT INTO identity.told AS t VALUES (current_tenant(), $1, $2)
    ON CONFLICT (tenant_id, alert_id) DO UPDATE SET sent_us = greatest(t.sent_us, $2)
"""
_WRITE_JOURNAL = f"{_MOVE} SELECT"
_WRITE_EDIT = f"""{_MOVE}
    INSERT INTO edit (tenant_id, id, origin, seq, at_us, state, body)
    VALUES (current_tenant(), $7, $1, $2, $8, 'confirmed', $9)
"""
_ALERT_NAMES = [column.name for column in ALERT.table.columns if column.name != "tenant_id"]
ALERT_COLUMNS = ", ".join(f't."{name}"' for name in _ALERT_NAMES)
_NAMED = ", ".join(f'"{name}"' for name in _ALERT_NAMES)
_PLACES = ", ".join(f"${place}" for place in range(1, len(_ALERT_NAMES) + 1))
_INSERT_ALERT = f"INSERT INTO alert (tenant_id, {_NAMED}) VALUES (current_tenant(), {_PLACES})"
_UPDATE_ALERT = f"UPDATE alert SET ({_NAMED}) = ({_PLACES}) WHERE id = ${_ALERT_NAMES.index('id') + 1}"
