"""Who is there, at whichever server, and who of them judges for the team. Counterpart: `room.py`, which asks often.

Theory: an install that is connected has a row, which its server keeps fresh by what it hears of it. The lease of a tenant goes to
the fittest that was heard lately, and stays with it: a collector before a window, the one that came first before others. It holds
for `LEASE_S` since its holder was last heard. Who leaves in peace gives it back, and the next one has it at once; whose line
breaks may still believe to have it, so the next one waits until it is over. The fence grows with every other holder, and what is
told under an older one does not count. Who sees no device at all gives way to another as fit who has not said so lately: a van
without a route to the network is no judge while somebody else is there.
One rule: `next_lease` decides, by the database's clock, under the lock of the lease's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.polling import Poller
from domain.sync import DEAD_AFTER_S, Person
from sync_server.database import Database, Transaction, Work
from sync_server.live import polling
from sync_server.live.polling import WINDOW, Holding
from sync_server.security.principal import Principal

PEOPLE = "heliograph_people"
"""The channel on which a tenant is named where somebody came, went or moved."""
JUDGE = "judge"
LEASE_S = 12.0
BLIND_S = 300.0
"""So long after an install said that it sees nothing others judge rather than it: who does not judge does not say it sees."""
PEOPLE_CAP = 1_000
"""Most who are told of by name."""
_S = 1_000_000


class Lease(NamedTuple):
    """Who has a tenant's lease until when; `install` None: nobody."""

    install: UUID | None
    fence: int
    until_us: int


class Candidate(NamedTuple):
    """An install that is connected, and when it was last heard; `is_blind`: it said lately that it sees nothing."""

    install: UUID
    fitness: int
    since_us: int
    heard_us: int
    is_blind: bool = False

    @property
    def rank(self) -> tuple[int, bool]:
        """How fit it is to judge."""
        return self.fitness, not self.is_blind


class Sign(NamedTuple):
    """What a line has said of itself: how long ago, how far its clock is ahead, how many rows it has not told (None: not yet),
    whether it sees nothing."""

    age_us: int
    ahead_us: int | None = None
    untold: int | None = None
    sees_nothing: bool = False


class Heard(NamedTuple):
    """What became of a round: the lease, how long it holds, who has it by name, who polls what and when the first of them is over
    if nothing more is heard, and lines that others have taken the place of."""

    lease: Lease
    for_s: float
    holder: str
    holding: Holding
    over_s: float
    replaced: frozenset[UUID]
    is_moved: bool


def next_lease(old: Lease, candidates: Sequence[Candidate], now_us: int) -> Lease:
    """Return who has the lease from now on; one that would hold for longer than any holds is of before the clock went back."""
    lease_us = round(LEASE_S * _S)
    old = old._replace(until_us=min(old.until_us, now_us + lease_us))
    fresh = [one for one in candidates if one.fitness >= WINDOW and one.heard_us + lease_us > now_us]
    best = min(fresh, key=lambda one: (-one.fitness, one.is_blind, one.since_us, one.install), default=None)
    holder = next((one for one in fresh if one.install == old.install), None)
    if holder is not None and (best is None or best.rank <= holder.rank):
        return old._replace(until_us=max(old.until_us, holder.heard_us + lease_us))
    if holder is None and old.until_us > now_us:
        return old
    if best is None:
        return old if old.install is None else Lease(None, old.fence, 0)
    return Lease(best.install, old.fence + 1, best.heard_us + lease_us)


async def arrive(  # noqa: PLR0917
    transaction: Transaction, who: Principal, person: Person, line: UUID, fitness: int, run: UUID | None
) -> None:
    """Write down that an install is connected by a line of a run of it, in the place of an older one."""
    await transaction.execute(
        _ARRIVE,
        person.install,
        line,
        who.id,
        person.name,
        person.computer,
        fitness,
        person.looks_at,
        person.works_on,
        run,
    )


async def leave(database: Database, tenant: UUID, install: UUID, line: UUID, *, in_peace: bool) -> None:
    """Write down that a line is gone; one that leaves `in_peace` gives its lease back."""
    async with database.transaction(Work(tenant)) as transaction:
        is_gone = await transaction.fetchval(_LEAVE, install, line)
        if is_gone and in_peace:
            await transaction.execute(_GIVE_BACK, JUDGE, install)


async def move(database: Database, tenant: UUID, line: UUID, person: Person) -> None:
    """Write down what somebody looks at and works on."""
    async with database.transaction(Work(tenant)) as transaction:
        await transaction.execute(_MOVE, line, person.looks_at, person.works_on)


async def people(transaction: Transaction) -> tuple[Person, ...]:
    """Return who is there, and what of it the transaction's principal may know."""
    rows = await transaction.fetch(_PEOPLE, round(DEAD_AFTER_S * _S), PEOPLE_CAP)

    def id_of(value: UUID | None) -> UUID | None:
        return None if value is None else UUID(int=value.int)

    return tuple(
        Person(
            UUID(int=row["install_id"].int),
            UUID(int=row["account_id"].int),
            row["name"],
            row["computer"],
            row["since_us"],
            id_of(row["looks_at"]),
            id_of(row["works_on"]),
        )
        for row in rows
    )


async def pollers(transaction: Transaction) -> tuple[Poller, ...]:
    """Return the installs that a device can be assigned to, of those that the transaction's principal may know."""
    rows = await transaction.fetch(_POLLERS, round(DEAD_AFTER_S * _S), PEOPLE_CAP)
    return tuple(Poller(UUID(int=row["id"].int), row["name"], row["kind"], row["is_here"]) for row in rows)


async def hear(database: Database, tenant: UUID, signs: Mapping[UUID, Sign]) -> Heard:
    """Write down what each line of this server has said of itself, and settle who has the lease."""
    async with database.transaction(Work(tenant)) as transaction:
        found = await transaction.fetch(
            _HEARD, list(signs), *([sign[n] for sign in signs.values()] for n in range(4))
        )
        here = {UUID(int=row["line_id"].int) for row in found}
        await transaction.execute(_FIRST_LEASE, JUDGE)
        row = await transaction.fetchrow(_LEASE, JUDGE)
        # behind the lock: whoever waited for it long would be told a lease for longer than it holds
        now_us: int = await transaction.fetchval("SELECT identity.now_us()")
        assert row is not None, "a lease that was just made is not there"
        holder_id, fence, until_us = row
        old = Lease(None if holder_id is None else UUID(int=holder_id.int), fence, until_us)
        long_ago_us, blind_us = (now_us - round(span_s * _S) for span_s in (2 * DEAD_AFTER_S, BLIND_S))
        rows = await transaction.fetch(_CANDIDATES, long_ago_us, now_us, blind_us)
        names = {UUID(int=row["install_id"].int): row["computer"] for row in rows}
        candidates = [
            Candidate(
                UUID(int=row["install_id"].int),
                row["fitness"],
                row["since_us"],
                row["heard_us"],
                row["is_blind"],
            )
            for row in rows
        ]
        lease = next_lease(old, candidates, now_us)
        if lease != old:
            await transaction.execute(_SETTLE, JUDGE, *lease)
        holding = await polling.settle(transaction, lease.install, now_us)
        is_moved = lease.fence != old.fence or lease.install != old.install
        if is_moved:
            await transaction.execute(_SAY)
    holder = names.get(lease.install, "") if lease.install is not None else ""
    replaced = frozenset(signs) - here
    for_s, over_s = (max(0.0, (until_us - now_us) / _S) for until_us in (lease.until_us, holding.over_us))
    return Heard(lease, for_s, holder, holding, over_s, replaced, is_moved)


def judge_of(install: UUID | None, fence: int) -> tuple[UUID | None, int]:
    """Return who holds a lease and under which fence what he tells counts, as its row says."""
    return (None, 0) if install is None else (UUID(int=install.int), fence)


MATTERS = """((SELECT reached_sites()) IS NULL OR i.account_id = (SELECT identity.current_account())
    OR i.id IN (SELECT polled_by FROM device WHERE polled_by IS NOT NULL
        UNION ALL SELECT h.vantage FROM health h JOIN device d ON d.id = h.device_id))"""
"""Whether an install `i` is known by its name: to who reaches some sites only, his own, and those that poll what he sees."""
_SAY = f"SELECT sync.say('{PEOPLE}', current_tenant()::text)"
_ARRIVE = f"""
    WITH said AS ({_SAY})
    INSERT INTO sync.line AS l (tenant_id, install_id, line_id, account_id, name, computer, fitness, since_us, heard_us,
        looks_at, works_on, run_id)
    SELECT current_tenant(), $1, $2, $3, $4, $5, $6, identity.now_us(), identity.now_us(), $7, $8, $9 FROM said
    ON CONFLICT (tenant_id, install_id) DO UPDATE SET line_id = $2, account_id = $3, name = $4, computer = $5, fitness = $6,
        heard_us = excluded.heard_us, looks_at = $7, works_on = $8, run_id = $9,
        since_us = CASE WHEN l.heard_us > excluded.heard_us - {round(LEASE_S * _S)} THEN l.since_us ELSE excluded.since_us END
"""
_SEEN = """
    UPDATE identity.install i SET seen_us = greatest(i.seen_us, least(gone.heard_us, identity.now_us()))
    FROM gone JOIN (SELECT id FROM identity.install WHERE id IN (SELECT install_id FROM gone) FOR UPDATE SKIP LOCKED) free
        ON free.id = gone.install_id WHERE i.id = free.id
"""
"""An install whose line is gone was seen until that was heard last; one that is locked is let in anew just now."""
_LEAVE = f"""
    WITH gone AS (DELETE FROM sync.line WHERE install_id = $1 AND line_id = $2 RETURNING install_id, heard_us),
        seen AS ({_SEEN}), said AS ({_SAY})
    SELECT EXISTS (SELECT FROM gone) FROM said
"""
_GIVE_BACK = "UPDATE sync.lease SET until_us = 0 WHERE name = $1 AND install_id = $2"
_MOVE = f"""
    WITH said AS ({_SAY}) UPDATE sync.line SET looks_at = $2, works_on = $3 FROM said WHERE line_id = $1
"""
_HEARD = """
    UPDATE sync.line SET heard_us = identity.now_us() - u.age_us, ahead_us = u.ahead_us, untold = u.untold,
        blind_us = CASE WHEN u.sees_nothing THEN identity.now_us() ELSE blind_us END
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::boolean[])
        AS u (line_id, age_us, ahead_us, untold, sees_nothing)
    WHERE line.line_id = u.line_id RETURNING line.line_id
"""
_FIRST_LEASE = "INSERT INTO sync.lease VALUES (current_tenant(), $1, NULL, 0, 0) ON CONFLICT DO NOTHING"
_LEASE = "SELECT install_id, fence, until_us FROM sync.lease WHERE name = $1 FOR UPDATE"
_CANDIDATES = f"""
    WITH gone AS (DELETE FROM sync.line WHERE heard_us <= $1 RETURNING install_id, heard_us), seen AS ({_SEEN}),
        ahead AS (UPDATE sync.line SET heard_us = $2 WHERE heard_us > $2)
    SELECT install_id, computer, fitness, since_us, least(heard_us, $2) AS heard_us, blind_us BETWEEN $3 AND $2 AS is_blind
    FROM sync.line WHERE heard_us > $1
"""
"""Who was heard in an hour to come, as the clock went back since, was heard now at the latest: a dead one goes in time."""
_SETTLE = "UPDATE sync.lease SET install_id = $2, fence = $3, until_us = $4 WHERE name = $1"
_POLLERS = f"""
    SELECT i.id, i.name, i.kind, l.install_id IS NOT NULL AS is_here FROM identity.install i
    LEFT JOIN sync.line l ON l.install_id = i.id AND l.heard_us > identity.now_us() - $1::bigint
    WHERE i.proven_us IS NOT NULL AND i.ended_us IS NULL AND {MATTERS} ORDER BY is_here DESC, i.kind, i.name, i.id LIMIT $2
"""
_PEOPLE = f"""
    SELECT l.install_id, l.account_id, l.name, CASE WHEN {MATTERS} THEN l.computer ELSE '' END AS computer, l.since_us,
        CASE WHEN (SELECT reached_sites()) IS NULL OR is_reached(looks_at) THEN looks_at END AS looks_at,
        CASE WHEN (SELECT reached_sites()) IS NULL OR is_reached(works_on) THEN works_on END AS works_on
    FROM sync.line l JOIN identity.install i ON i.id = l.install_id
    WHERE l.heard_us > identity.now_us() - $1::bigint ORDER BY l.since_us, l.install_id LIMIT $2
"""
