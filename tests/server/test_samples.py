"""Packed cycles on a server: written under row-level security, read back as series, rolled up, kept and dropped by the day."""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import insert, text

from domain.errors import RefusedByRule
from domain.metrics import CATALOGUE
from domain.past_numbers import PortThen
from engine.storage import tables
from engine.storage.hours import HOUR_US, floor_hour
from engine.storage.samples import US_PER_DAY
from sync_server import charts
from sync_server.charts import Charts, Wanted
from sync_server.database import Database, Work
from sync_server.past_loads import ports_then
from sync_server.samples import Cycle, Samples, SchemaRefused, Written
from sync_server.upkeep import Upkeep
from tests.server.conftest import ServerDatabase

ONE, TWO, DEVICE, VANTAGE = UUID(int=1), UUID(int=2), UUID(int=10), UUID(int=99)
RTT, RATE = CATALOGUE["rtt_ms"].key, CATALOGUE["if_in_bps"].key
SERIES = sorted([(RTT, ""), (RATE, "ether1")])
NOW_US = time.time_ns() // 1000
STEP_US = 30_000_000


@pytest.fixture(autouse=True)
def of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be now when a test begins: what was collected before midnight may run after it, and days are the database's."""
    monkeypatch.setitem(globals(), "NOW_US", time.time_ns() // 1000)


class Bench:
    """All of a server that has to do with samples, on one database."""

    def __init__(self, database: Database, made: ServerDatabase) -> None:
        self.database = database
        self.samples = Samples(database, raw_days=3)
        self.charts = Charts(self.samples, raw_days=3)
        self.upkeep = Upkeep(database, made.settings)
        self.schema = self.samples.learn(SERIES)

    def cycle(self, at_us: int, rtt_ms: float, in_bps: float = 1e6) -> Cycle:
        """Return a packed cycle."""
        values = {(RTT, ""): rtt_ms, (RATE, "ether1"): in_bps}
        data = struct.pack("<2f", *[values[series] for series in SERIES])
        return Cycle(VANTAGE, DEVICE, at_us, self.schema, data)

    async def rtt(
        self, tenant: UUID, from_us: int, to_us: int, points: int = 500
    ) -> list[tuple[float, float]]:
        """Return the lowest and highest of each point of the round trip."""
        async with self.database.transaction(Work(tenant)) as transaction:
            wanted = Wanted(DEVICE, "rtt_ms", "", from_us, to_us)
            found = await self.charts.points(transaction, wanted, points)
        return list(zip(found.low, found.high, strict=True))


@pytest.fixture
def bench(server_database: ServerDatabase) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    """Return what runs a piece of work on a server's database with two tenants and partitions of some days."""
    with server_database.engine(server_database.admin).begin() as connection:
        for key, tenant in enumerate((ONE, TWO), 1):
            connection.execute(insert(tables.tenant), {"key": key, "id": tenant, "name": f"Tenant {key}"})
        connection.execute(text("SELECT keep_partitions(:now_us, 3, 30, 1)"), {"now_us": NOW_US})

    def run(work: Callable[[Bench], Awaitable[None]]) -> None:
        async def whole() -> None:
            database = await Database.open(server_database.settings)
            try:
                await work(Bench(database, server_database))
            finally:
                await database.close()

        asyncio.run(whole())

    return run


Run = Callable[[Callable[[Bench], Awaitable[None]]], None]


def test_cycles_come_back_as_a_series_and_as_latest_values_to_their_tenant_alone(bench: Run) -> None:
    async def work(server: Bench) -> None:
        from_us = NOW_US - 100 * STEP_US
        cycles = [server.cycle(from_us + n * STEP_US, float(n)) for n in range(100)]
        assert await server.samples.write(ONE, cycles, NOW_US) == Written(100, 0, 0)
        assert await server.samples.write(ONE, cycles[:7], NOW_US) == Written(0, 0, 0)
        assert await server.rtt(ONE, from_us, NOW_US) == [(float(n), float(n)) for n in range(100)]
        assert await server.rtt(TWO, from_us, NOW_US) == []
        for tenant, expected in ((ONE, {("rtt_ms", "", 99.0), ("if_in_bps", "ether1", 1e6)}), (TWO, set())):
            async with server.database.transaction(Work(tenant)) as transaction:
                latest = await server.samples.latest(transaction, [DEVICE], NOW_US)
            assert set(latest[DEVICE][1] if latest else []) == expected

    bench(work)


def test_both_tenants_may_have_the_same_device_and_schema(bench: Run) -> None:
    async def work(server: Bench) -> None:
        for tenant, rtt_ms in ((ONE, 1.0), (TWO, 2.0)):
            assert (await server.samples.write(tenant, [server.cycle(NOW_US, rtt_ms)], NOW_US)).rows == 1
        assert await server.rtt(ONE, 0, NOW_US) == [(1.0, 1.0)]
        assert await server.rtt(TWO, 0, NOW_US) == [(2.0, 2.0)]

    bench(work)


def test_a_series_in_fewer_points_keeps_its_spikes(bench: Run) -> None:
    async def work(server: Bench) -> None:
        from_us = NOW_US - 1000 * STEP_US
        cycles = [server.cycle(from_us + n * STEP_US, 900.0 if n == 333 else 5.0) for n in range(1000)]
        await server.samples.write(ONE, cycles, NOW_US)
        found = await server.rtt(ONE, from_us, NOW_US, 50)
        assert len(found) <= 50
        assert sorted(high for _, high in found)[-2:] == [5.0, 900.0]

    bench(work)


def test_what_no_sane_device_says_is_counted_and_not_stored(bench: Run) -> None:
    async def work(server: Bench) -> None:
        whole = server.cycle(NOW_US, 1.0)
        refused = [
            whole._replace(data=whole.data[:-1]),
            whole._replace(schema=b"never told"),
            whole._replace(at_us=NOW_US + 3 * HOUR_US),
            whole._replace(at_us=NOW_US - 5 * US_PER_DAY),
            whole._replace(at_us=-(1 << 62)),
        ]
        strange = server.cycle(NOW_US - 1, -5.0, math.inf)
        assert await server.samples.write(ONE, [*refused, strange], NOW_US) == Written(1, 5, 2)
        assert await server.rtt(ONE, 0, NOW_US) == []

    bench(work)


@pytest.mark.parametrize(
    "series", [[], [(RTT, ""), (RTT, "")], [(RATE, "b"), (RATE, "a")], [(9999, "")], [(RTT, "x" * 10_000)]]
)
def test_a_list_of_series_that_is_none_is_refused(series: list[tuple[int, str]]) -> None:
    with pytest.raises(SchemaRefused):
        Samples(None, 3).learn(series)  # type: ignore[arg-type]


def test_hours_are_made_of_each_tenants_samples_and_again_of_what_comes_late(bench: Run) -> None:
    async def work(server: Bench) -> None:
        hour_us = floor_hour(NOW_US) - 20 * HOUR_US
        for tenant, rtt_ms in ((ONE, 1.0), (TWO, 2.0)):
            cycles = [server.cycle(hour_us + n * STEP_US, rtt_ms + n) for n in range(10)]
            await server.samples.write(tenant, cycles, NOW_US)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US)
        year_us = 366 * US_PER_DAY  # so wide that hours are asked
        assert await server.rtt(ONE, NOW_US - year_us, NOW_US, 2) == [(1.0, 10.0)]
        await server.samples.write(ONE, [server.cycle(hour_us + HOUR_US // 2, 77.0)], NOW_US)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US)
        async with server.database.transaction(Work(ONE)) as transaction:
            await transaction.execute("DELETE FROM sample")
        assert await server.rtt(ONE, NOW_US - year_us, NOW_US, 2) == [(1.0, 77.0)]
        assert await server.rtt(TWO, NOW_US - year_us, NOW_US, 2) == [(2.0, 11.0)]

    bench(work)


def test_what_ports_carried_at_a_moment_is_of_the_last_poll_before_it_or_the_mean_of_its_hour(
    bench: Run,
) -> None:
    async def work(server: Bench) -> None:
        hour_us, nan = floor_hour(NOW_US) - 20 * HOUR_US, math.nan
        told = [server.cycle(hour_us + n * STEP_US, 1.0, bps) for n, bps in enumerate((1e6, 3e6, 5e6, nan))]
        await server.samples.write(ONE, told, NOW_US)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US)

        async def at(at_us: int, tenant: UUID = ONE) -> list[PortThen]:
            ports = [(DEVICE, "ether1"), (DEVICE, "ether9"), (UUID(int=404), "ether1")]
            async with server.database.transaction(Work(tenant)) as transaction:
                return await ports_then(transaction, server.samples, ports, at_us)

        assert await at(hour_us - 1) == []
        assert await at(hour_us + STEP_US) == [(DEVICE, "ether1", 3e6, None, "polls")]
        assert await at(hour_us + 3 * STEP_US) == [(DEVICE, "ether1", 5e6, None, "polls")], "NaN is no number"
        assert await at(hour_us + HOUR_US // 2) == [(DEVICE, "ether1", 3e6, None, "hours")]
        assert await at(hour_us + HOUR_US + 1) == [] == await at(hour_us + STEP_US, TWO)

    bench(work)


def test_the_hours_of_a_long_time_are_read_in_parts_and_not_without_end(
    bench: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(server: Bench) -> None:
        first_us, year_us = floor_hour(NOW_US) - 20 * HOUR_US, 366 * US_PER_DAY
        cycles = [server.cycle(first_us + n * HOUR_US, float(n)) for n in range(7)]
        await server.samples.write(ONE, cycles, NOW_US)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US)
        whole = await server.rtt(ONE, NOW_US - year_us, NOW_US, 50)
        monkeypatch.setattr(charts, "HOURS_AT_ONCE", 2)
        assert await server.rtt(ONE, NOW_US - year_us, NOW_US, 50) == whole
        assert whole[-1][1] == 6.0
        monkeypatch.setattr(charts, "HOURS_CAP", 5)
        with pytest.raises(RefusedByRule, match="shorter time"):
            await server.rtt(ONE, NOW_US - year_us, NOW_US, 50)

    bench(work)


def test_days_are_dropped_when_they_are_old_and_rolled_up_and_never_because_a_clock_jumped(
    bench: Run,
) -> None:
    async def days(server: Bench) -> int:
        async with server.database.transaction(Work()) as transaction:
            children = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'sample'::regclass"
            return int(await transaction.fetchval(children))

    async def keep(server: Bench, now_us: int, raw_days: int) -> None:
        async with server.database.transaction(Work()) as transaction:
            await transaction.execute("SELECT keep_partitions($1, $2, 30, 1)", now_us, raw_days)

    async def work(server: Bench) -> None:
        assert await days(server) == 5  # three of the past, today, one ahead
        await keep(server, NOW_US, 3)
        assert await days(server) == 5
        for back in (2, 0):
            await server.samples.write(ONE, [server.cycle(NOW_US - back * US_PER_DAY, 1.0)], NOW_US)
        await keep(server, NOW_US, 1)
        assert await days(server) == 5  # nothing is rolled up yet
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US)
        await keep(
            server, NOW_US + 400 * US_PER_DAY, 3
        )  # the server's clock alone jumped: the database's holds
        assert await days(server) == 5
        await keep(server, NOW_US, 1)
        assert await days(server) == 3
        assert await server.rtt(ONE, NOW_US - HOUR_US, NOW_US) == [(1.0, 1.0)]

    bench(work)


async def count(server: Bench, query: str) -> int:
    """Return a number that the first tenant sees."""
    async with server.database.transaction(Work(ONE)) as transaction:
        return int(await transaction.fetchval(query))


def test_a_round_makes_hours_before_it_drops_days_so_that_a_new_source_holds_none_up(
    bench: Run, server_database: ServerDatabase
) -> None:
    async def work(server: Bench) -> None:
        settings = msgspec.structs.replace(server_database.settings, raw_days=1, hour_days=30)
        for back in (2, 0):
            await server.samples.write(ONE, [server.cycle(NOW_US - back * US_PER_DAY, 1.0)], NOW_US)
        await Upkeep(server.database, settings).do_round(NOW_US)
        assert await count(server, "SELECT count(*) FROM sample") == 1

    bench(work)


def test_a_tenant_whose_hours_cannot_be_made_holds_up_no_other_and_a_stop_ends_a_round(
    bench: Run, server_database: ServerDatabase
) -> None:
    async def work(server: Bench) -> None:
        hour_us = floor_hour(NOW_US) - 20 * HOUR_US
        for tenant in (ONE, TWO):
            await server.samples.write(tenant, [server.cycle(hour_us, 1.0)], NOW_US)
        server.upkeep._is_over = True
        assert await asyncio.to_thread(server.upkeep.roll_up, NOW_US) == 0
        server.upkeep._is_over = False
        with server_database.engine(server_database.owner).begin() as connection:
            connection.execute(
                text("""CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN IF NEW.tenant_key = 1 THEN RAISE 'broken'; END IF; RETURN NEW; END $$""")
            )
            connection.execute(
                text("CREATE TRIGGER fail BEFORE INSERT ON sample_hour FOR EACH ROW EXECUTE FUNCTION fail()")
            )
        assert await asyncio.to_thread(server.upkeep.roll_up, NOW_US) > 0
        assert await count(server, "SELECT count(*) FROM sample_hour") == 0
        year_us = 366 * US_PER_DAY
        async with server.database.transaction(Work(TWO)) as transaction:
            assert await transaction.fetchval("SELECT count(*) FROM sample_hour") == 1
        assert await server.rtt(TWO, NOW_US - year_us, NOW_US, 2) == [(1.0, 1.0)]

    bench(work)


def test_keys_that_no_row_needs_are_deleted_and_those_in_use_are_kept(bench: Run) -> None:
    async def work(server: Bench) -> None:
        other = server.samples.learn([(RTT, "other")])
        gone = Cycle(VANTAGE, UUID(int=11), NOW_US, other, struct.pack("<f", 1.0))
        await server.samples.write(ONE, [server.cycle(NOW_US, 1.0), gone], NOW_US)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US + 500 * US_PER_DAY)
        assert await count(server, "SELECT count(*) FROM sample_schema") >= 2, "only a clock has jumped"
        assert await count(server, "SELECT count(*) FROM sample_source") == 2
        async with server.database.transaction(Work(ONE)) as transaction:
            await transaction.execute("UPDATE sample_schema SET used_us = used_us - 400 * 86400000000")
            last = "(SELECT max(source_key) FROM sample)"
            await transaction.execute(f"DELETE FROM sample_hour WHERE source_key = {last}")
            await transaction.execute(f"DELETE FROM sample WHERE source_key = {last}")
            await transaction.execute("UPDATE sample_source SET rolled_us = 1")
        tomorrow_us = NOW_US + US_PER_DAY
        await server.samples.write(ONE, [server.cycle(NOW_US - 1, 2.0)], tomorrow_us)
        await asyncio.to_thread(server.upkeep.roll_up, NOW_US + HOUR_US)
        assert await count(server, "SELECT count(*) FROM sample_source") == 1
        assert await count(server, "SELECT count(*) FROM sample_schema") == 1, (
            "what is used was said so again"
        )
        assert len(await server.rtt(ONE, NOW_US - HOUR_US, NOW_US)) == 2
        assert (await server.samples.write(ONE, [gone], NOW_US)).rows == 1, "what was deleted is made anew"

    bench(work)
