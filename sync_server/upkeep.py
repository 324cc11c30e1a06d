"""What a server does by itself: partitions made ahead and dropped, hours made of samples. Counterpart: `engine/upkeep.py`.

Theory: the requests' role may not make or drop a table; a function of the schema's owner does it, at most as far as what is
kept is older than its days and rolled up. Hours are made by the engine's own code, tenant by tenant, on a thread. Several servers
may do all of it at once: the function takes a lock, and a source that another is at is skipped.
One rule: what is late is late by a round, and of one tenant holds up no other; nothing is dropped before it was rolled up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from sqlalchemy import Engine, NullPool, create_engine, make_url, select, text

from engine.storage import tables
from engine.storage.hours import LATE_US, Hours, floor_hour
from engine.storage.samples import US_PER_DAY, Samples
from sync_server.database import Database, Work
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.upkeep")

ROUND_S = 300.0
PARTITIONS_S = 600.0
"""The first time a hundred are made: longer than a request's statement may take."""
PICTURE_KEPT_US, PART_KEPT_US = 30 * US_PER_DAY, US_PER_DAY
"""How long a picture is kept that no diagram shows, and one of which nothing came any more."""
PICTURES_AT_ONCE = 200
"""Of up to 8 MiB each: what one transaction drops."""
HERE = UUID(int=0)
MONTH_DAYS = 30
"""How long hours may be there beyond their days: they are dropped by the month."""


class Upkeep:
    """Does a round every five minutes. `run` is a `Turn`: one of several servers does it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._is_over = False
        self._tidied: dict[UUID, int] = {}
        """The day on which a tenant's unused keys were deleted last."""

    async def run(self) -> None:
        """Do rounds until cancelled; a round that is under way then ends with its piece."""
        self._is_over = False
        try:
            while True:
                await asyncio.sleep(ROUND_S)
                await self.do_round(time.time_ns() // 1000)
        finally:
            self._is_over = True

    async def do_round(self, now_us: int) -> None:
        """Do what is due, hours first: a source that was never rolled up keeps every partition."""
        await asyncio.to_thread(self.roll_up, now_us)
        await self.keep_partitions(now_us)
        await self.prune_pictures(now_us)

    async def prune_pictures(self, now_us: int) -> int:
        """Drop pictures that no diagram has shown for a month, so that an undo finds them; return how many.

        Each transaction sees to one tenant, and to some pictures of it.
        """
        past: UUID = HERE
        dropped: int = 0
        while True:
            async with self._database.transaction(Work()) as transaction:
                row = await transaction.fetchrow(
                    _PRUNE, past, now_us, PICTURE_KEPT_US, PART_KEPT_US, PICTURES_AT_ONCE
                )
            assert row is not None, "prune_pictures returned no row"
            tenant, gone, is_more = row
            dropped += gone
            if tenant is None:
                break
            past = past if is_more else tenant
        if dropped:
            _log.info("pictures_dropped", extra={"pictures": dropped})
        return dropped

    async def keep_partitions(self, now_us: int) -> tuple[int, int]:
        """Have a partition for every day that is kept and some ahead, drop what is too old; return how many of each."""
        days = self._settings.raw_days, self._settings.hour_days, self._settings.ahead_days
        async with self._database.transaction(Work()) as transaction:
            done = await transaction.fetchrow(
                "SELECT made, dropped FROM keep_partitions($1, $2, $3, $4)",
                now_us,
                *days,
                timeout=PARTITIONS_S,
            )
        assert done is not None, "keep_partitions returned no row"
        made, dropped = done
        if made or dropped:
            _log.info("partitions", extra={"made": made, "dropped": dropped})
        return made, dropped

    def roll_up(self, now_us: int) -> int:
        """Make the hours that are over, of all tenants; return in how many transactions. Runs on a thread.

        A tenant whose hours cannot be made is said and left for the next round.
        """
        url = make_url(self._settings.database_url.value).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        over_us = floor_hour(now_us - LATE_US)
        try:
            with engine.begin() as connection:
                query = text("SELECT tenant_id FROM tenants_behind(:before_us)")
                tenants = list(connection.execute(query, {"before_us": over_us}).scalars())
            pieces = 0
            for tenant in tenants:
                try:
                    pieces += self._roll_up(engine, tenant, now_us)
                    self._tidy(engine, tenant, now_us)
                except Exception:
                    _log.exception("bug", extra={"task": "upkeep", "tenant_id": str(tenant)})
            return pieces
        finally:
            engine.dispose()

    def _roll_up(self, engine: Engine, tenant: UUID, now_us: int) -> int:
        pieces, is_behind = 0, True
        hours: Hours | None = None
        while is_behind and not self._is_over:
            with engine.begin() as connection:
                connection.execute(_FOR_TENANT, {"tenant": str(tenant)})
                if hours is None:
                    key = connection.execute(select(tables.tenant.c.key)).scalar_one()
                    hours = Hours(Samples(tenant, key, HERE))
                is_behind = hours.roll_up(connection, now_us)
            pieces += 1
        return pieces

    def _tidy(self, engine: Engine, tenant: UUID, now_us: int) -> None:
        """Delete once a day what counts against a tenant's caps and no row needs: schemas, sources that have none."""
        day = now_us // US_PER_DAY
        if self._is_over or self._tidied.get(tenant) == day:
            return
        kept_us = (self._settings.hour_days + MONTH_DAYS + 1) * US_PER_DAY
        with engine.begin() as connection:
            connection.execute(_FOR_TENANT, {"tenant": str(tenant)})
            schemas = connection.execute(_UNUSED_SCHEMAS, {"now_us": now_us, "kept_us": kept_us}).rowcount
            sources = connection.execute(_EMPTY_SOURCES).rowcount
        self._tidied[tenant] = day
        if schemas or sources:
            said = {"tenant_id": str(tenant), "schemas": schemas, "sources": sources}
            _log.info("tidied", extra=said)


_PRUNE = "SELECT org, dropped, is_more FROM sync.prune_pictures($1, $2, $3, $4, $5)"
_FOR_TENANT = text("SELECT set_config('heliograph.tenant', :tenant, true)")
# Whose clock jumps ahead alone deletes nothing: neither the server's, nor the database's without newer samples.
_UNUSED_SCHEMAS = text("""
    DELETE FROM sample_schema WHERE used_us < :kept_us * -1 + (SELECT least(
        :now_us, max(used_us), (extract(epoch FROM now()) * 1000000)::bigint) FROM sample_schema)
""")
# In the order of the index, so that a source is one look into each partition until there is a row.
_EMPTY_SOURCES = text("""
    DELETE FROM sample_source s WHERE s.rolled_us > 0
        AND (SELECT at_us FROM sample WHERE source_key = s.key ORDER BY at_us LIMIT 1) IS NULL
        AND (SELECT hour_us FROM sample_hour WHERE source_key = s.key ORDER BY hour_us LIMIT 1) IS NULL
""")
