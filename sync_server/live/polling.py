"""Who polls which devices: slots of those that are assigned to nobody, and to each install its own. Counterpart:
`domain/polling.py`, what it means; `presence.py`, which settles it with the lease of who judges; `room.py` tells it.

Theory: a run that is connected and heard holds what it holds, until `HOLD_S` after it was heard last. Slots are shared by all
collectors that are there; where there is none, all are of the window that judges, for windows stand where people are. Which slot
is whose follows from the ids of those who share: where one comes or goes, few slots move, and each has about as many. A slot
whose holder is there is asked back from him, some at a time, and given on when he has let it go, or has been told without it for
so long (`BACK_S`) that no grant of his can name it any more: who does not answer keeps nothing from others. One whose holder is
not heard is given on when he must know by himself that it is over. What is assigned to an install is its own alone, whoever else
is there.
One rule: `next_holding` decides, by the database's clock, under the lock of the tenant's lease.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from domain.polling import HOLD_S, SLOTS
from sync_server.database import Transaction

POLLING = "heliograph_polling"
"""The channel on which a tenant is named where others hold its slots now."""
UNFIT, OWN, WINDOW, COLLECTOR = range(4)
"""How fit an install is to poll: not at all; only what is assigned to it; for all, if need be; for all, as its calling."""
BACK_AT_ONCE = 16
"""Slots that are asked back at a time."""
BACK_S = HOLD_S + 4.0
"""How long a slot is asked back; longer than any grant holds that was told before."""
HOLD_US, BACK_US = round(HOLD_S * 1e6), round(BACK_S * 1e6)
_NOBODY = UUID(int=0)
_OWN_SLOT = -1


class Run(NamedTuple):
    """An engine that is connected or held something lately; it holds until then. `shares`: it may have a share of all, `owns`: it
    may have what is its install's; both only while it is connected and heard."""

    run: UUID
    install: UUID
    until_us: int
    shares: bool = False
    owns: bool = False


class Hold(NamedTuple):
    """Who holds a slot; `run` None: nobody. `handed`: whoever held it before has let it go; `back_us`: since when it is asked
    back without a break, 0: it is not."""

    run: UUID | None = None
    fence: int = 0
    taken_us: int = 0
    handed: bool = False
    back_us: int = 0


class Holding(NamedTuple):
    """Who holds what: shared slots by number, own devices by install; which slots are asked back, and when the
    first run is over if nothing more is heard (0: nobody holds anything)."""

    shared: tuple[Hold, ...] = (Hold(),) * SLOTS
    own: Mapping[UUID, Hold] = {}
    back: frozenset[int] = frozenset()
    over_us: int = 0

    def slots_of(self, run: UUID) -> list[tuple[int, int]]:
        """Return the slots that a run holds, each with its fence."""
        return [(slot, hold.fence) for slot, hold in enumerate(self.shared) if hold.run == run]

    def own_fence(self, install: UUID, run: UUID) -> int:
        """Return the fence under which a run holds what is its install's, 0 where it does not."""
        hold = self.own.get(install)
        return hold.fence if hold is not None and hold.run == run else 0


def next_holding(old: Holding, runs: Iterable[Run], now_us: int) -> Holding:
    """Return who holds what from now on."""
    living = {one.run: one for one in runs if one.until_us > now_us}
    sharers = {one.install: one for one in living.values() if one.shares}
    wanted = shared_out(sharers)
    shared: list[Hold] = []
    back: list[int] = []
    for slot, hold in enumerate(old.shared):
        target = sharers[wanted[slot]].run if wanted else None
        if hold.run in living:
            is_back = target not in (None, hold.run) and len(back) < BACK_AT_ONCE
            since_us = min(hold.back_us or now_us, now_us) if is_back else 0
            if is_back and now_us - since_us >= BACK_US:
                shared.append(Hold(target, hold.fence + 1, now_us))
                continue
            shared.append(hold._replace(back_us=since_us))
            if is_back:
                back.append(slot)
        elif target is None:
            shared.append(hold._replace(run=None, back_us=0))
        else:
            shared.append(Hold(target, hold.fence + 1, now_us, handed=hold.run is None and hold.fence > 0))
    own = {install: hold for install, hold in old.own.items() if hold.run in living}
    for one in living.values():
        if one.owns and one.install not in own:
            before = old.own.get(one.install, Hold())
            own[one.install] = Hold(one.run, before.fence + 1, now_us)
    for install, hold in old.own.items():
        own.setdefault(install, hold._replace(run=None))
    holders = {hold.run for hold in (*shared, *own.values())}
    over_us = min((one.until_us for one in living.values() if one.run in holders), default=0)
    return Holding(tuple(shared), own, frozenset(back), over_us)


def shared_out(installs: Iterable[UUID]) -> Sequence[UUID]:
    """Return whose each slot is to be: the install that comes first for it and has not its full part yet; empty without any."""
    there = sorted(installs)
    if not there:
        return ()
    most = -(-SLOTS // len(there))
    counts = dict.fromkeys(there, 0)
    found: list[UUID] = []
    for slot in range(SLOTS):
        best = max((one for one in there if counts[one] < most), key=lambda one: _rank(one, slot))
        counts[best] += 1
        found.append(best)
    return found


def _rank(install: UUID, slot: int) -> bytes:
    return blake2b(install.bytes + slot.to_bytes(2), digest_size=8).digest()


async def settle(transaction: Transaction, judge: UUID | None, now_us: int) -> Holding:
    """Settle who holds what, write it down, and tell the servers if something is another's now. The tenant's lease is locked."""
    old = await _read(transaction)
    runs = await _runs(transaction, judge, now_us)
    new = next_holding(old, runs, now_us)
    changed = [
        (_NOBODY, slot, hold)
        for slot, (was, hold) in enumerate(zip(old.shared, new.shared, strict=True))
        if was != hold
    ]
    changed += [
        (install, _OWN_SLOT, hold) for install, hold in new.own.items() if old.own.get(install) != hold
    ]
    if changed:
        rows = [(install, slot, *hold) for install, slot, hold in changed]
        await transaction.execute(_WRITE, *map(list, zip(*rows, strict=True)))
        await transaction.execute(_SAY)
    holders = {hold.run for hold in (*new.shared, *new.own.values())}
    held = {one.run: one for one in runs if one.run in holders}
    if runs:
        rest = [one.install for one in held.values()], [one.until_us for one in held.values()]
        await transaction.execute(_HOLD, list(held), *rest)
    return new


async def let_go(transaction: Transaction, run: UUID, slots: Sequence[tuple[int, int]] | None) -> None:
    """Write down that a run asks the devices of slots no more; None: none at all."""
    if slots is None:
        await transaction.execute(_LET_ALL_GO, run)
    else:
        await transaction.execute(_LET_GO, run, [slot for slot, _ in slots], [fence for _, fence in slots])


async def _read(transaction: Transaction) -> Holding:
    shared, own = [Hold()] * SLOTS, {}
    for row in await transaction.fetch(_SLOTS):
        hold = Hold(_id(row["run_id"]), row["fence"], row["taken_us"], row["handed"], row["back_us"])
        if 0 <= row["slot"] < SLOTS:
            shared[row["slot"]] = hold
        else:
            own[UUID(int=row["install_id"].int)] = hold
    return Holding(tuple(shared), own)


async def _runs(transaction: Transaction, judge: UUID | None, now_us: int) -> list[Run]:
    rows = await transaction.fetch(_RUNS, now_us - HOLD_US)
    has_collectors = any(row["fitness"] == COLLECTOR for row in rows)
    found: list[Run] = []
    for row in rows:
        run, install = UUID(int=row["run_id"].int), UUID(int=row["install_id"].int)
        fitness, until_us = row["fitness"] or UNFIT, row["until_us"] or 0
        if fitness > UNFIT:
            until_us = max(until_us, row["heard_us"] + HOLD_US)
        until_us = min(until_us, now_us + HOLD_US)  # what is later is of before the clock went back
        shares = fitness == (COLLECTOR if has_collectors else WINDOW) and (has_collectors or install == judge)
        found.append(Run(run, install, until_us, shares=shares, owns=fitness > UNFIT))
    return found


def _id(value: UUID | None) -> UUID | None:
    return None if value is None else UUID(int=value.int)


_SAY = f"SELECT sync.say('{POLLING}', current_tenant()::text)"
_SLOTS = "SELECT install_id, slot, run_id, fence, taken_us, handed, back_us FROM sync.slot"
_RUNS = """
    SELECT run_id, coalesce(l.install_id, p.install_id) AS install_id, l.fitness, l.heard_us, p.until_us
    FROM (SELECT * FROM sync.line WHERE run_id IS NOT NULL AND heard_us > $1) l FULL JOIN sync.poller p USING (tenant_id, run_id)
"""
_WRITE = """
    INSERT INTO sync.slot (tenant_id, install_id, slot, run_id, fence, taken_us, handed, back_us) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::boolean[], $7::bigint[]) AS u
    ON CONFLICT (tenant_id, install_id, slot) DO UPDATE SET run_id = excluded.run_id, fence = excluded.fence,
        taken_us = excluded.taken_us, handed = excluded.handed, back_us = excluded.back_us
"""
_HOLD = """
    WITH gone AS (DELETE FROM sync.poller WHERE run_id <> ALL ($1::uuid[]))
    INSERT INTO sync.poller (tenant_id, run_id, install_id, until_us) SELECT current_tenant(), u.*
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS u
    ON CONFLICT (tenant_id, run_id) DO UPDATE SET until_us = excluded.until_us
"""
_LET_GO = """
    UPDATE sync.slot s SET run_id = NULL FROM unnest($2::smallint[], $3::bigint[]) AS u (slot, fence)
    WHERE (s.run_id, s.slot, s.fence) = ($1, u.slot, u.fence) AND s.slot >= 0
"""
_LET_ALL_GO = "UPDATE sync.slot SET run_id = NULL WHERE run_id = $1"
