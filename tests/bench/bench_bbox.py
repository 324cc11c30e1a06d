"""A box that holds 1 % of a tenant's 100,000 devices, asked of a server's database under row-level security.

Figures: `least_ms`, `p50_ms`, `p95_ms` of the look-up as the list of a box does it: one statement that proves who asks, sets the
tenant, finds a thousand devices and gives the first fifty of them by name; `page_p50_ms`, `page_p95_ms` of that list by the
route's own function, fifty devices with how they are as JSON; `all_p50_ms`, `all_p95_ms` of all thousand as rows, which no part
of the product asks for; `devices` in a box; `begin_ms`, `begin_p95_ms` of a transaction that asks nothing: how calm it was.
One rule: a second tenant's 10,000 devices stand in the same region, and none of them may be seen.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg

from domain.roles import EVERYWHERE, Reach
from sync_server.api.devices import list_devices
from sync_server.api.pages import DEFAULT_LIMIT, Page, Shown
from sync_server.api.routes import Call
from sync_server.database import Database, Standing, Work
from sync_server.serving import settle
from sync_server.settings import Settings
from tests.bench.bench_http import PERSON
from tests.bench.server_bench import bench_database, percentile, run_loop

DEVICES, OTHERS = 100_000, 10_000
ASKED, WARM = 500, 20
BOX_DEG = 1.0
"""A hundredth of the region of ten degrees by ten."""
Box = tuple[float, float, float, float]
ONE = Work(UUID(int=1), UUID(int=5))
SESSION = UUID(int=6)
WHO = Standing(
    "identity.admit_user({0}, {1}, {2}, {3})", (ONE.id, SESSION, UUID(int=7), ONE.tenant), "(P,engineer,,f)"
)
_FILL = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, place)
    SELECT %s, gen_random_uuid(), 'router ' || n, '10.' || n / 65025 || '.' || n / 255 %% 255 || '.' || n %% 255,
        '[]', 'access', 3, 30, false, 'key at the baker', ST_SetSRID(ST_MakePoint(random() * 10, random() * 10), 4326)
    FROM generate_series(1, %s) n
"""
_FOUND = "SELECT id, name FROM devices_in_box($1, $2, $3, $4, NULL, NULL, {})"
_FIRST, _ALL = _FOUND.format(DEFAULT_LIMIT + 1), _FOUND.format(5_000)


class Asker:
    """What `list_devices` needs of a call."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.page = Page()
        self.shown: Shown | None = None
        self.reads = self
        self.who = self
        self.reach: Reach = EVERYWHERE

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return the rows of one statement, as a route that is alone does."""
        return await self._database.read(ONE, WHO, query, *args)


def run() -> dict[str, Any]:
    """Return the figures."""
    with bench_database() as (settings, superuser):
        with psycopg.connect(superuser, autocommit=True) as connection:
            for tenant, count in ((1, DEVICES), (2, OTHERS)):
                connection.execute(_FILL, [UUID(int=tenant), count])
            connection.execute(
                PERSON, {"id": ONE.id, "session": SESSION, "tenant": ONE.tenant, "login": "somebody"}
            )
            connection.execute("VACUUM ANALYZE device")  # autovacuum does it within a minute
            connection.execute("CHECKPOINT")  # what was filled goes to the disk before, not beside
        settle()
        return run_loop(_ask(settings))


async def _ask(settings: Settings) -> dict[str, Any]:
    database = await Database.open(settings)
    dice = random.Random(1)
    took_ms: dict[str, list[float]] = {"begin": [], "first": [], "page": [], "all": []}
    counts: list[int] = []

    async def begin(_: Box) -> None:
        async with database.transaction(ONE):
            pass

    async def first(box: Box) -> None:
        assert len(await database.read(ONE, WHO, _FIRST, *box)) == DEFAULT_LIMIT + 1

    async def page(box: Box) -> None:
        found = await list_devices(cast(Call, Asker(database)), bbox=",".join(map(str, box)))
        assert len(found) == DEFAULT_LIMIT and msgspec.json.encode(found)

    async def all_of_it(box: Box) -> None:
        counts.append(len(await database.read(ONE, WHO, _ALL, *box)))

    try:
        for number in range(-WARM, ASKED):
            west, south = round(dice.uniform(0, 10 - BOX_DEG), 6), round(dice.uniform(0, 10 - BOX_DEG), 6)
            box = west, south, round(west + BOX_DEG, 6), round(south + BOX_DEG, 6)
            for name, ask in zip(took_ms, (begin, first, page, all_of_it), strict=True):
                started_s = time.perf_counter()
                await ask(box)
                if number >= 0:  # a server has its plans after a few requests
                    took_ms[name].append((time.perf_counter() - started_s) * 1e3)
    finally:
        await database.close()

    def figure(name: str, share: float) -> float:
        return round(percentile(took_ms[name], share), 2)

    return {
        "least_ms": round(min(took_ms["first"]), 2),
        "p50_ms": figure("first", 0.5),
        "p95_ms": figure("first", 0.95),
        "page_p50_ms": figure("page", 0.5),
        "page_p95_ms": figure("page", 0.95),
        "all_p50_ms": figure("all", 0.5),
        "all_p95_ms": figure("all", 0.95),
        "devices": round(statistics.mean(counts)),
        "begin_ms": figure("begin", 0.5),
        "begin_p95_ms": figure("begin", 0.95),
    }
