"""A process of a test: puts cycles into a queue as fast as it takes them and says on stdout how many were acknowledged.

Counterpart: `test_kills.py`, which kills it, or the database under it. One rule: a number is printed after the acknowledgement.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import time
from itertools import count
from uuid import UUID

import asyncpg
import msgspec

from domain.metrics import CATALOGUE
from domain.vault import Secret
from sync_server.database import Database, DatabaseBusy
from sync_server.ingest import Ingest, IngestFull
from sync_server.samples import Cycle, Samples
from sync_server.settings import Settings

SENDERS, AT_ONCE = 20, 25
PAUSE_S = 0.05


async def main(url: str, run: int) -> None:
    """Send until killed; a line for each put: from which number on, how many."""
    settings = Settings(
        database_url=Secret(url), ingest_flush_ms=20, pool_wait_s=1.0, statement_timeout_s=5.0
    )
    database = await Database.open(msgspec.structs.replace(settings, pool_min=0))
    samples = Samples(database, 3)
    ingest = Ingest(samples, settings)
    schema = samples.learn([(CATALOGUE["rtt_ms"].key, "")])
    numbers = count()
    start_us = time.time_ns() // 1000 - 3_600_000_000

    async def send(sender: int) -> None:
        device = UUID(int=run * 1000 + sender)
        while True:
            first = next(numbers) * AT_ONCE
            cycles = [
                Cycle(device, device, start_us + first + n, schema, struct.pack("<f", 1.0))
                for n in range(AT_ONCE)
            ]
            while True:
                try:
                    taken = await ingest.put(UUID(int=1), cycles, time.time_ns() // 1000)
                    break
                except (OSError, DatabaseBusy, IngestFull, asyncpg.PostgresError):
                    await asyncio.sleep(PAUSE_S)
            assert taken.refused == 0, taken
            os.write(1, f"{sender} {cycles[0].at_us}\n".encode())

    async with asyncio.TaskGroup() as group:
        for sender in range(SENDERS):
            group.create_task(send(sender))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
