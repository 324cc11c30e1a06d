"""What is being hashed of what came whole, or deleted, in one server. Counterpart: `pieces.py`, which begins it.

Theory: two gigabytes are hashed for a minute. So it is done beside requests: whoever asks meanwhile waits a few seconds for it
without a connection to the database, and is answered that it is not known yet. One of a kind is hashed at a time, the others
wait for their turn; a server that ends lets go of all, and who asks the next one begins it anew.
One rule: however many ask for it, it is hashed once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from engine.tasks import beside

_log = logging.getLogger("sync_server")

ANSWER_S = 5.0
"""How long a request waits for a hash: an install waits for its answer for three times as long."""
JOBS_CAP = 64
"""Most that are hashed or wait for it; who comes then asks again."""


class Hashing:
    """One server's."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[UUID | None, str], asyncio.Task[bool]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def ended(
        self, tenant: UUID | None, digest: str, kind: str, work: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Return what `work` returns, which goes on beside this: False where that is not known yet. Raises what it raises."""
        job = self._job((tenant, digest), kind, work)
        if job is None:
            return False
        await asyncio.wait([job], timeout=ANSWER_S)
        return job.done() and not job.cancelled() and job.result()

    def begin(self, tenant: UUID | None, kind: str, work: Callable[[], Awaitable[bool]]) -> None:
        """Have `work` done of a tenant, once at a time, which nobody waits for."""
        self._job((tenant, kind), kind, work)

    def _job(
        self, key: tuple[UUID | None, str], kind: str, work: Callable[[], Awaitable[bool]]
    ) -> asyncio.Task[bool] | None:
        job = self._jobs.get(key)
        if job is None and len(self._jobs) < JOBS_CAP:
            self._jobs[key] = job = beside(kind, self._run(key, kind, work))
            job.add_done_callback(_look_at)
        return job

    async def _run(
        self, key: tuple[UUID | None, str], kind: str, work: Callable[[], Awaitable[bool]]
    ) -> bool:
        try:
            async with self._turns.setdefault(kind, asyncio.Lock()):
                return await work()
        finally:
            del self._jobs[key]

    async def close(self) -> None:
        """Let go of all."""
        jobs = [*self._jobs.values()]
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


def _look_at(job: asyncio.Task[bool]) -> None:
    """Say why a job failed that nobody may wait for any more."""
    if not job.cancelled() and (error := job.exception()) is not None:
        _log.info("not_hashed", extra={"reason": str(error)})
