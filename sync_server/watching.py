"""The server watches itself: what is not well is a log line, a figure, and a word to whoever asks. Counterpart: `metrics.py`.

Theory: every half minute each rule is asked whether it holds now; one that held for as long as the rule says is an alert, once,
until it does not hold any more. Service down for minutes is what another must watch: `/alive` and Prometheus' own `up`.
One rule: a rule that cannot be asked says nothing, except that the database cannot be.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import asyncpg

from sync_server.certificate import Certificate
from sync_server.database import Database, DatabaseBusy, Work
from sync_server.ingest import Ingest
from sync_server.metrics import Metrics

_log = logging.getLogger("sync_server.watching")

ROUND_S = 30.0
ASK_S = 5.0
RENEW_DAYS = 14
"""How long before its end a certificate is to be another."""
BLOCKS_LEAST = 10_000
"""Blocks in a round from which on misses mean anything: what is first asked for after a start is always one."""
_BLOCKS = "SELECT blks_hit, blks_read FROM pg_stat_database WHERE datname = current_database()"
MEMINFO = Path("/proc/meminfo")


class Rule(NamedTuple):
    """A bound: `read` gives a number, more than `limit` for `for_s` is an alert."""

    name: str
    severity: Literal["critical", "warning"]
    limit: float
    for_s: float
    read: Callable[[], float | None]


class Requests(NamedTuple):
    """All requests up to now: how many, how many were answered 5xx, how long they took together."""

    answered: float = 0.0
    failed: float = 0.0
    took_s: float = 0.0


class Blocks(NamedTuple):
    """Blocks of the database that were asked for up to now: in its memory, and not."""

    found: int = 0
    missed: int = 0


class Watching:
    """Does a round each half minute. `run` is to be kept by `engine.tasks.keep`."""

    def __init__(
        self,
        database: Database,
        ingest: Ingest,
        metrics: Metrics,
        folder: Path = Path("/"),
        certificate: Certificate | None = None,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._folder = folder
        self._before = Requests()
        self._since: Requests = Requests()
        self._is_database_lost = 0.0
        self._asked_s = 0.0
        self._blocks = self._blocks_since = Blocks()
        self._worked_s = time.process_time()
        self._looked_s = time.monotonic()
        self._busy = 0.0
        self._held_since_s: dict[str, float] = {}
        self.alerts: set[str] = set()
        self.rules = (
            Rule("database_unreachable", "critical", 0, 0, lambda: self._is_database_lost),
            Rule("database_full", "critical", 0, 0, lambda: self._database.is_full),
            Rule("error_rate", "critical", 0.05, 120, self._error_rate),
            Rule("memory", "critical", 0.9, 0, memory_used),
            Rule("slow_answers", "warning", 2.0, 300, self._mean_s),
            Rule("processor", "warning", 0.85, 300, lambda: self._busy),
            Rule("database_slow", "warning", 0.2, 60, lambda: self._asked_s),
            Rule("cache_miss", "warning", 0.5, 300, self._cache_missed),
            Rule("disk", "warning", 0.8, 0, self._disk_used),
            Rule(
                "certificate_ends",
                "warning",
                -RENEW_DAYS,
                0,
                lambda: None if certificate is None else -certificate.days_left,
            ),
            Rule("news_late", "warning", 0, 30, lambda: not metrics.hub.bus.is_up),
            Rule("clocks_apart", "warning", 0, 0, lambda: metrics.hub.bus.apart_s),
            Rule("queue_backlog", "warning", 1_000, 60, lambda: ingest.waiting),
            Rule("queue_lag", "critical", 300, 0, lambda: ingest.lag_s),
        )

    async def run(self) -> None:
        """Do rounds until cancelled."""
        while True:
            await self.look(time.monotonic())
            await asyncio.sleep(ROUND_S)

    @property
    def held(self) -> list[Rule]:
        """The rules that are alerts now, the critical ones first."""
        held = [rule for rule in self.rules if rule.name in self.alerts]
        return sorted(held, key=lambda rule: rule.severity)

    async def look(self, now_s: float) -> set[str]:
        """Ask every rule; return the names of those that are alerts now."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(ASK_S), self._database.transaction(Work()) as transaction:
                row = await transaction.fetchrow(_BLOCKS)
            assert row is not None, "the database has no statistics of itself"
            self._is_database_lost, self._asked_s = 0.0, time.monotonic() - began_s
            await self._database.look_for_room()
            blocks = Blocks(*row)
            self._blocks_since = Blocks(*(new - old for new, old in zip(blocks, self._blocks, strict=True)))
            self._blocks = blocks
        except (OSError, DatabaseBusy, asyncpg.PostgresError):
            self._is_database_lost = 1.0
        self._note_work()
        now = self._counted()
        self._since = Requests(*(new - old for new, old in zip(now, self._before, strict=True)))
        self._before = now
        for rule in self.rules:
            value = rule.read()
            if value is None or value <= rule.limit:
                self._held_since_s.pop(rule.name, None)
            else:
                self._held_since_s.setdefault(rule.name, now_s)
            is_alert = now_s - self._held_since_s.get(rule.name, now_s + 1) >= rule.for_s
            self._metrics.alerting.labels(rule.name, rule.severity).set(is_alert)
            if is_alert != (rule.name in self.alerts):
                self._tell(rule, value, is_alert)
        return self.alerts

    def _tell(self, rule: Rule, value: float | None, is_alert: bool) -> None:
        said = {"alert": rule.name, "severity": rule.severity, "value": value, "limit": rule.limit}
        if is_alert:
            self.alerts.add(rule.name)
            _log.log(
                logging.ERROR if rule.severity == "critical" else logging.WARNING, "self_alert", extra=said
            )
        else:
            self.alerts.discard(rule.name)
            _log.info("self_alert_over", extra=said)

    def _counted(self) -> Requests:
        count = failed = took_s = 0.0
        for family in (self._metrics.requests, self._metrics.durations):
            for metric in family.collect():
                for sample in metric.samples:
                    if sample.name == "http_requests_total":
                        count += sample.value
                        failed += sample.value if sample.labels["status"].startswith("5") else 0
                    elif sample.name == "http_request_duration_seconds_sum":
                        took_s += sample.value
        return Requests(count, failed, took_s)

    def _error_rate(self) -> float | None:
        return self._since.failed / self._since.answered if self._since.answered else None

    def _mean_s(self) -> float | None:
        return self._since.took_s / self._since.answered if self._since.answered else None

    def _cache_missed(self) -> float | None:
        asked = sum(self._blocks_since)
        return self._blocks_since.missed / asked if asked >= BLOCKS_LEAST else None

    def _note_work(self) -> None:
        """Find the share of a core that this process took since the last look: its loop has no more than one."""
        worked_s, looked_s = time.process_time(), time.monotonic()
        span_s = looked_s - self._looked_s
        if span_s > 0:
            self._busy = (worked_s - self._worked_s) / span_s
        self._worked_s, self._looked_s = worked_s, looked_s

    def _disk_used(self) -> float | None:
        usage = shutil.disk_usage(self._folder)
        return usage.used / usage.total


def memory_used() -> float | None:
    """Return the share of the machine's memory that is in use; None where it does not tell (Linux does)."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text("ascii").splitlines())
        total, free = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None
    return 1 - free / total
