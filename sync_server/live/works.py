"""What lines work with, made once a server. Counterpart: `hub.py` makes it. One rule: nothing in here is one line's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from domain.sync import Cycles
from sync_server.charts import Charts
from sync_server.database import Database, DatabaseBusy
from sync_server.ingest import Ingest
from sync_server.live.fairness import Fairness
from sync_server.live.frames import HangUp
from sync_server.live.intake import Intake
from sync_server.samples import Samples

if TYPE_CHECKING:
    from sync_server.tracing import Traces

AWAY = (OSError, DatabaseBusy, asyncpg.PostgresError)
"""How the database says that it is not there, or takes nothing now."""
FULL_AGAIN_S = 10.0
"""When to come again to a disk that is full."""
AGAIN_S = 2.0
"""When to send again what could not be kept."""


def hang_up_of(failed: BaseException) -> HangUp:
    """Return what somebody is told who is hung up because of the database: one of `AWAY`, or a group of them."""
    if BaseExceptionGroup("", [failed]).subgroup(asyncpg.DiskFullError):
        said = "the disk of the server's database is full: what you change waits here until there is room"
        return HangUp("CLOSING", said, FULL_AGAIN_S)
    return HangUp("CLOSING", "the database is away", AGAIN_S)


@dataclass(frozen=True)
class Works:
    """`reading` bounds how many lines read by themselves at a time, `asking` how many charts are looked up; `on_numbers` is told
    of cycles that are on disk; `relay` carries something of a kind to the lines of a tenant, wherever they are, or loses it;
    `hears_pushes` tells whether what devices push is heard here; `dropped` counts by kind what lines asked faster than
    they may, and what others said that they had no room for."""

    database: Database
    samples: Samples
    charts: Charts
    ingest: Ingest
    intake: Intake
    reading: asyncio.Semaphore
    asking: Fairness
    now_us: Callable[[], int]
    on_numbers: Callable[[UUID, Cycles], None]
    relay: Callable[[UUID, str, bytes], None]
    traces: Traces | None
    hears_pushes: Callable[[], bool]
    dropped: Counter[str] = field(default_factory=Counter)
