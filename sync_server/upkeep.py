"""What a server does by itself: partitions made ahead and dropped, hours made of samples. Counterpart: `engine/upkeep.py`.

Theory: the requests' role may not make or drop a table; a function of the schema's owner does it, at most as far as what is
kept is older than its days and rolled up. Hours are made by the engine's own code, tenant by tenant, on a thread. Several servers
may do all of it at once: the function takes a lock, and a source that another is at is skipped.
One rule: what is late is late by a round; nothing is dropped before it was rolled up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from sqlalchemy import Engine, NullPool, create_engine, make_url, select, text

from engine.storage import tables
from engine.storage.hours import LATE_US, Hours, floor_hour
from engine.storage.samples import Samples
from sync_server.database import Database, Work
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.upkeep")

ROUND_S = 300.0
PARTITIONS_S = 600.0
"""The first time a hundred are made: longer than a request's statement may take."""
HERE = UUID(int=0)


class Upkeep:
    """Does a round every five minutes. `run` is to be kept by `engine.tasks.keep`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def run(self) -> None:
        """Do rounds until cancelled."""
        while True:
            await asyncio.sleep(ROUND_S)
            await self.keep_partitions(time.time_ns() // 1000)
            await asyncio.to_thread(self.roll_up, time.time_ns() // 1000)

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
        """Make the hours that are over, of all tenants; return in how many transactions. Runs on a thread."""
        url = make_url(self._settings.database_url.value).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        over_us = floor_hour(now_us - LATE_US)
        try:
            with engine.begin() as connection:
                query = text("SELECT tenant_id FROM tenants_behind(:before_us)")
                tenants = list(connection.execute(query, {"before_us": over_us}).scalars())
            return sum(self._roll_up(engine, tenant, now_us) for tenant in tenants)
        finally:
            engine.dispose()

    def _roll_up(self, engine: Engine, tenant: UUID, now_us: int) -> int:
        pieces, is_behind = 0, True
        hours: Hours | None = None
        while is_behind:
            with engine.begin() as connection:
                said = text("SELECT set_config('heliograph.tenant', :tenant, true)")
                connection.execute(said, {"tenant": str(tenant)})
                if hours is None:
                    key = connection.execute(select(tables.tenant.c.key)).scalar_one()
                    hours = Hours(Samples(tenant, key, HERE))
                is_behind = hours.roll_up(connection, now_us)
            pieces += 1
        return pieces
