"""How soon one server process hears what another wrote, by NATS and by PostgreSQL's notices.

Figures, for each way: `{way}_news_p50_ms` and `_p95_ms` (from the commit of a transaction that says news until another bus hears
it), `{way}_words_per_s` and `{way}_bytes_per_s` (payloads of a cycle's size as numbers are, said as fast as they are taken). Both
buses are in one process, so that the clock is one; PostgreSQL is durable. One rule: nothing is counted that was not heard.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec

from sync_server.database import Database, Work
from sync_server.ledger import NEWS
from sync_server.live.bus import Bus
from sync_server.live.hub import CHANNELS
from sync_server.live.notices import Notices
from sync_server.live.stream import Stream
from sync_server.security.keyring import Keyring
from sync_server.settings import Settings
from tests.bench.server_bench import bench_database, percentile, run_loop
from tests.server.servers import WAYS, by, until

NEWS_SAID = 300
WORDS, WORD_BYTES = 20_000, 400
AT_ONCE = 200
KEYRING = Keyring(["the secret of a server that is measured"])


def run() -> dict[str, Any]:
    """Return the figures."""
    figures: dict[str, Any] = {}
    with bench_database() as (settings, _):
        for way in WAYS:
            with by(way) as (_, address):
                figures |= run_loop(_measure(way, msgspec.structs.replace(settings, **address)))
    return figures


async def _measure(way: str, settings: Settings) -> dict[str, Any]:
    async with _bus(settings) as (one, database), _bus(settings) as (other, _):
        heard: dict[UUID, float] = {}
        words = 0

        def hear_word(_: UUID, __: bytes) -> None:
            nonlocal words
            words += 1

        one.start({}, lambda: None)
        other.start(
            {NEWS: lambda id, _: heard.setdefault(id, time.perf_counter()) and None, "word": hear_word},
            lambda: None,
        )
        await until(lambda: one.is_up and other.is_up)
        took_ms = []
        for _ in range(NEWS_SAID):
            id = uuid4()
            async with database.transaction(Work()) as transaction:
                await transaction.execute("SELECT sync.say($1, $2)", NEWS, str(id))
            said_s = time.perf_counter()
            await until(lambda id=id: id in heard)
            took_ms.append((heard[id] - said_s) * 1e3)
        began_s = time.perf_counter()
        for said in range(0, WORDS, AT_ONCE):
            for _ in range(AT_ONCE):
                one.say("word", UUID(int=1), b"x" * WORD_BYTES)
            await until(lambda said=said: words > said - 5 * AT_ONCE)
        await until(lambda: words == WORDS)
        passed_s = time.perf_counter() - began_s
    return {
        f"{way}_news_p50_ms": round(percentile(took_ms, 0.5), 2),
        f"{way}_news_p95_ms": round(percentile(took_ms, 0.95), 2),
        f"{way}_words_per_s": round(WORDS / passed_s),
        f"{way}_bytes_per_s": round(WORDS * WORD_BYTES / passed_s),
    }


@asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[tuple[Bus, Database]]:
    database = await Database.open(settings)
    way = Stream(settings) if settings.nats_url.value else Notices(database, settings, CHANNELS)
    bus = Bus(way, database, KEYRING)
    try:
        yield bus, database
    finally:
        await bus.close()
        await database.close()
