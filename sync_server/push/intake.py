"""The one way in for what is pushed: judged, stored, or held with its reason. Counterparts: `api/telemetry.py`, `mqtt.py`.

Theory: senders hand over messages of keys that hold. Each is counted against its device and its tenant, read, and put into the
queue that all samples go through; when this returns, it is on disk, in the quarantine, or said to be too many. The world's
failures (no database, no room) are nobody's fault: they are raised, or waited for where the caller is patient. Any other
failure is the message's: it is tried alone, three times in all, and is a dead letter then.
A device, a key and a time are one message: so whatever is sent again is stored once. A message that says no time gets one
that no other has.
One rule: no outcome is told before the disk has it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import NamedTuple, TypeVar
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Figure

from engine.storage.samples import US_PER_DAY
from sync_server.database import Database, DatabaseBusy, Work
from sync_server.ingest import Ingest, IngestFull
from sync_server.push.budgets import Budgets
from sync_server.push.held import Held, HeldKind, HeldMessages, Message
from sync_server.push.keys import PushKey, PushKeys
from sync_server.push.messages import Wrong, layout_of, pack_values, reported_of, time_of
from sync_server.samples import AHEAD_US, Cycle, Samples
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.push")

DELIVERIES = 3
PAUSE_S = (0.1, 0.5, 2.0, 5.0)
"""Between tries while the world fails, the last one from there on."""
CLOCK_BACK_US = 60_000_000
"""By how much the last time may be ahead of the clock: who has that many messages a minute has them not by counting on."""
NO_KEY = UUID(int=0)
KEYS_CAP = 100_000
T = TypeVar("T")
R = TypeVar("R")
WORLD = (
    IngestFull,
    DatabaseBusy,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.SyntaxOrAccessError,
)
"""What is nobody's fault, nor is that somebody took the server its rights: it passes."""


class Outcome(NamedTuple):
    """What became of a message: stored where `code` is empty. `wait_s`: to be sent again then, since it was too many."""

    code: str = ""
    said: str = ""
    wait_s: float = 0.0


class _Report(NamedTuple):
    device: UUID
    at_us: int
    reported: str


class _Failed(NamedTuple):
    """A message that was not stored: where in the call, what to say, after how many tries."""

    place: int
    outcome: Outcome
    deliveries: int


STORED = Outcome()
TOO_MANY = Outcome("TOO_MANY_SERIES", "the tenant has more devices or lists of names than its caps allow")
_LABELS = {"": "stored", "RATE_LIMIT_EXCEEDED": "limited", "NOT_STORED": "dead"}


class Intake:
    """The pipeline. One a server; made within its loop."""

    def __init__(
        self,
        database: Database,
        samples: Samples,
        ingest: Ingest,
        *,
        keys: PushKeys,
        settings: Settings,
        registry: CollectorRegistry,
        on_heard: Callable[[UUID, Sequence[Message]], None],
    ) -> None:
        """`on_heard` is told of messages of a tenant's devices that are on disk."""
        self._database = database
        self._samples = samples
        self._ingest = ingest
        self._keys = keys
        self._on_heard = on_heard
        self._budgets = Budgets(settings)
        self._held = HeldMessages(database, settings)
        self._lists_cap = settings.push_lists
        self._raw_us = settings.raw_days * US_PER_DAY
        self._lists: dict[UUID, set[bytes]] = {}
        """The lists of names that were sent with each key, as their digests."""
        self._last_us = 0
        self._is_failing = False
        self._figure = Figure(
            "push_messages_total",
            "Messages that were pushed, by the way they came and what became of them.",
            ("way", "outcome"),
            registry=registry,
        )

    def next_us(self) -> int:
        """Return the time of a message that is heard now; no two have the same, unless the clock went back between them."""
        now_us = time.time_ns() // 1000
        is_back = self._last_us > now_us + CLOCK_BACK_US
        self._last_us = now_us if is_back else max(now_us, self._last_us + 1)
        return self._last_us

    async def keys_of(self, secrets: Sequence[str], *, is_patient: bool = False) -> dict[str, PushKey]:
        """Return those of some keys that hold. Raises as `take` does."""
        return await self.until_done(lambda: self._keys.find(secrets, time.monotonic()), is_patient)

    async def take(self, messages: Sequence[Message], *, is_patient: bool = False) -> list[Outcome]:
        """Return what became of each message, all of it on disk. One that is patient waits as long as the world fails.

        Else raises IngestFull, DatabaseBusy, OSError, asyncpg.PostgresError: nothing is acknowledged, all may be sent again.
        """
        there = await self._there(messages, is_patient)
        now_s, outcomes = time.monotonic(), [STORED] * len(messages)
        readable: list[int] = []
        for place, message in enumerate(messages):
            wait_s = self._budgets.spend(message.tenant, message.device or message.key or NO_KEY, now_s)
            if wait_s:
                outcomes[place] = Outcome("RATE_LIMIT_EXCEEDED", "more than may be pushed at a time", wait_s)
            else:
                readable.append(place)
        held = await self._store(messages, readable, there, outcomes, is_patient)
        if held:
            await self.until_done(lambda: self._held.keep(held), is_patient)
        self._tell_heard(messages[place] for place in readable if not outcomes[place].code)
        for (way, label), amount in Counter(
            (message.way, _LABELS.get(outcome.code, "invalid"))
            for message, outcome in zip(messages, outcomes, strict=True)
        ).items():
            self._figure.labels(way, label).inc(amount)
        return outcomes

    async def hold(self, held: Sequence[Held], *, is_patient: bool = False) -> None:
        """Keep messages that are invalid, or dead letters, of devices that are there or keys that hold. Raises as `take` does."""
        there = await self._there([one.message for one in held], is_patient)
        now_s, kept = time.monotonic(), []
        for one in held:
            message = one.message
            whose = message.device or message.key or NO_KEY
            if message.key is None and (message.tenant, message.device) not in there:
                label = "unauthorized"
            elif one.kind == "invalid" and self._budgets.spend(message.tenant, whose, now_s):
                label = "limited"
            else:
                label = _LABELS.get(one.reason, "invalid")
                kept.append(one)
            self._figure.labels(message.way, label).inc()
        await self.until_done(lambda: self._held.keep(kept), is_patient)

    def count_stranger(self, way: str) -> None:
        """Count a message whose key is none, of which nothing is kept."""
        self._figure.labels(way, "unauthorized").inc()

    async def replay(self, message: Message) -> Outcome:
        """Store a message that was held; return what became of it, and hold it no further. Raises as `take` does."""
        outcomes = [STORED]
        await self._store([message], [0], await self._there([message], False), outcomes, False)
        return outcomes[0]

    def _tell_heard(self, stored: Iterable[Message]) -> None:
        heard: dict[UUID, list[Message]] = {}
        for message in stored:
            if message.device is not None:
                heard.setdefault(message.tenant, []).append(message)
        for tenant, messages in heard.items():
            self._on_heard(tenant, messages)

    async def _there(self, messages: Sequence[Message], is_patient: bool) -> set[tuple[UUID, UUID]]:
        pairs = {(message.tenant, message.device) for message in messages if message.device is not None}
        asked = [(tenant, device) for tenant, device in pairs if device is not None]
        return await self.until_done(lambda: self._keys.devices_of(asked, time.monotonic()), is_patient)

    async def _store(
        self,
        messages: Sequence[Message],
        places: Sequence[int],
        there: set[tuple[UUID, UUID]],
        outcomes: list[Outcome],
        is_patient: bool,
    ) -> list[Held]:
        """Store the messages at some places, write their outcomes, and return those to be held."""
        held: list[Held] = []
        cycles: dict[UUID, list[tuple[int, Cycle]]] = {}
        reports: dict[UUID, list[tuple[int, _Report]]] = {}
        now_us = time.time_ns() // 1000
        for place in places:
            message = messages[place]
            try:
                made = self._read(message, there, now_us)
                if isinstance(made, Cycle):
                    cycles.setdefault(message.tenant, []).append((place, made))
                else:
                    reports.setdefault(message.tenant, []).append((place, made))
            except Wrong as error:
                outcomes[place] = Outcome(error.code, str(error))
                held.append(Held(message, "invalid", error.code, str(error)))
        work = [
            *(
                self._deliver(tenant, some, self._queue, self._write, is_patient)
                for tenant, some in cycles.items()
            ),
            *(
                self._deliver(tenant, some, self._keep, self._keep, is_patient)
                for tenant, some in reports.items()
            ),
        ]
        for failed in await asyncio.gather(*work):
            for place, outcome, deliveries in failed:
                outcomes[place] = outcome
                kind: HeldKind = "invalid" if outcome is TOO_MANY else "dead"
                held.append(Held(messages[place], kind, outcome.code, outcome.said, deliveries))
        return held

    def _read(self, message: Message, there: set[tuple[UUID, UUID]], now_us: int) -> Cycle | _Report:
        """Return what is to be stored of a message. Raises Wrong."""
        body, device = message.body, message.device
        if isinstance(body, bytes):
            raise Wrong("NOT_JSON", "this was no message when it came")
        if device is None or (message.tenant, device) not in there:
            raise Wrong("DEVICE_NOT_FOUND", "there is no such device in the key's tenant")
        if body.get("device", str(device)) != str(device):
            raise Wrong("DEVICE_CONFLICT", "device: another than the key or the topic says")
        first_us = (now_us - self._raw_us) // US_PER_DAY * US_PER_DAY
        at_us = time_of(body, message.heard_us, (first_us, now_us + AHEAD_US))
        if message.kind == "shadow":
            return _Report(device, at_us, reported_of(body))
        layout = layout_of(body)
        data = pack_values(layout, body)
        schema = self._samples.learn(layout.series)
        self._count_list(message.key or NO_KEY, schema)
        return Cycle(message.key or NO_KEY, device, at_us, schema, data)

    def _count_list(self, key: UUID, schema: bytes) -> None:
        """Refuse a list of names beyond those that one key may send. Raises Wrong."""
        lists = self._lists.get(key)
        if lists is None:
            if len(self._lists) >= KEYS_CAP:
                self._lists.clear()
            lists = self._lists[key] = set()
        if schema not in lists:
            if len(lists) >= self._lists_cap:
                said = f"at most {self._lists_cap} different lists of names with one key: send the same names each time"
                raise Wrong("TOO_MANY_LISTS", said)
            lists.add(schema)

    async def _deliver(
        self,
        tenant: UUID,
        items: list[tuple[int, T]],
        together: Callable[[UUID, list[T]], Awaitable[int]],
        alone: Callable[[UUID, list[T]], Awaitable[int]],
        is_patient: bool,
    ) -> list[_Failed]:
        """Store items of a tenant, all at once, or one by one where that failed; return those that are not stored."""
        tries = 0
        try:
            if not await self.until_done(lambda: together(tenant, [item for _, item in items]), is_patient):
                return []
        except WORLD:
            raise
        except Exception as error:
            _log.warning("not_stored_together", extra={"tenant_id": str(tenant), "reason": str(error)[:500]})
            tries = 1
        failed = []
        for place, item in items:
            outcome, deliveries = await self._deliver_one(tenant, item, alone, tries, is_patient)
            if outcome is not STORED:
                failed.append(_Failed(place, outcome, deliveries))
        return failed

    async def _deliver_one(
        self,
        tenant: UUID,
        item: T,
        alone: Callable[[UUID, list[T]], Awaitable[int]],
        tries: int,
        is_patient: bool,
    ) -> tuple[Outcome, int]:
        said = ""
        while tries < DELIVERIES:
            tries += 1
            try:
                refused = await self.until_done(lambda: alone(tenant, [item]), is_patient)
                return (TOO_MANY if refused else STORED), tries
            except WORLD:
                raise
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
        _log.error("dead_letter", extra={"tenant_id": str(tenant), "reason": said[:500]})
        return Outcome("NOT_STORED", said[:500]), tries

    async def _queue(self, tenant: UUID, cycles: list[Cycle]) -> int:
        return (await self._ingest.put(tenant, cycles, time.time_ns() // 1000)).refused

    async def _write(self, tenant: UUID, cycles: list[Cycle]) -> int:
        return (await self._samples.write(tenant, cycles, time.time_ns() // 1000)).refused

    async def _keep(self, tenant: UUID, reports: list[_Report]) -> int:
        newest = {report.device: report for report in sorted(reports, key=lambda one: one.at_us)}
        columns = [list(column) for column in zip(*newest.values(), strict=True)]
        async with self._database.transaction(Work(tenant)) as transaction:
            await transaction.execute(_REPORT, *columns)
        return 0

    async def until_done(self, work: Callable[[], Awaitable[R]], is_patient: bool) -> R:
        """Do a piece of work; where the world fails and the caller is patient, again and again."""
        for tries in count():
            try:
                done = await work()
            except WORLD as error:
                if not is_patient:
                    raise
                if not self._is_failing:
                    self._is_failing = True
                    _log.warning("push_waits", extra={"reason": str(error)})
                pause_s = error.retry_after_s if isinstance(error, IngestFull) else 0.0
                await asyncio.sleep(max(pause_s, PAUSE_S[min(tries, len(PAUSE_S) - 1)]))
            else:
                if self._is_failing:
                    self._is_failing = False
                    _log.info("push_goes_on")
                return done
        raise AssertionError("counting came to an end")


_REPORT = """
    INSERT INTO identity.shadow (tenant_id, device_id, at_us, reported)
    SELECT current_tenant(), u.device_id, u.at_us, u.reported::jsonb
    FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS u (device_id, at_us, reported) ORDER BY u.device_id
    ON CONFLICT (tenant_id, device_id) DO UPDATE SET at_us = excluded.at_us, reported = excluded.reported
    WHERE shadow.at_us <= excluded.at_us
"""
