"""Edits that an install pushed, merged in the order in which they were made. Counterpart: `../ledger.py`, which merges one.

One rule: what is answered is on disk, and is the answer however often it is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from domain.edit import Edit
from domain.errors import Refusal
from domain.sync import Outcome
from sync_server.database import Database, Transaction
from sync_server.ledger import Ledger
from sync_server.security import audit
from sync_server.security.principal import Principal

_log = logging.getLogger("sync_server.live")

STEPS_A_RUN = 500
_NOT_TAKEN = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.InsufficientPrivilegeError,
)


async def merge_all(
    database: Database, who: Principal, install: UUID, edits: Sequence[Edit], now_us: int
) -> list[Outcome]:
    """Merge edits, a run of them a transaction; return what became of each.

    One that the database does not take takes no other with it. Raises as `Database.transaction` does, and RefusedByRule where
    the tenant is gone.
    """
    told: list[Outcome] = []
    for run in _runs([msgspec.structs.replace(edit, author=who.name) for edit in edits]):
        try:
            told += await _merge(database, who, install, run, now_us)
        except _NOT_TAKEN:
            told += [await _merge_one(database, who, install, edit, now_us) for edit in run]
    return told


def _runs(edits: Sequence[Edit]) -> list[list[Edit]]:
    """Return edits in runs, so that others of the tenant wait for none too long."""
    runs: list[list[Edit]] = []
    steps = STEPS_A_RUN
    for edit in edits:
        if steps >= STEPS_A_RUN:
            runs.append([])
            steps = 0
        runs[-1].append(edit)
        steps += len(edit.steps) + 1
    return runs


async def _merge_one(database: Database, who: Principal, install: UUID, edit: Edit, now_us: int) -> Outcome:
    try:
        (outcome,) = await _merge(database, who, install, [edit], now_us)
    except asyncpg.InsufficientPrivilegeError:
        said = "you reach some sites only, and this goes beyond them"
        return Outcome(edit.id, 0, refusals=(Refusal("INSUFFICIENT_PERMISSIONS", said),))
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        _log.warning("edit_not_taken", extra={"edit": str(edit.id), "reason": type(error).__name__})
        return Outcome(edit.id, 0, refusals=(Refusal("INVALID_INPUT", "the database does not take this"),))
    return outcome


async def _merge(
    database: Database, who: Principal, install: UUID, edits: Sequence[Edit], now_us: int
) -> list[Outcome]:
    async with database.transaction(who) as transaction:
        ledger = await Ledger.open(transaction, who, now_us)
        known = await ledger.answered(edits)
        told: list[Outcome] = []
        for edit in edits:
            if edit.id not in known:
                known[edit.id] = await ledger.merge(edit)
            told.append(known[edit.id])
        await _write_down(transaction, who, install, told, ledger.revision)
    return told


async def _write_down(
    transaction: Transaction, who: Principal, install: UUID, told: Sequence[Outcome], revision: int
) -> None:
    detail = {
        "confirmed": [str(one.id) for one in told if one.revision],
        "refused": [str(one.id) for one in told if not one.revision],
        "clashed": [str(one.id) for one in told if one.clashes],
        "revision": revision,
    }
    await audit.record(transaction, who, "edits.pushed", ("install", install), detail)
