"""Thirty days of a large network's journal, and random moments of them: how long it takes to see what held then.

3,000 rows a day of 10,000 devices and 12,000 links, syslog between them, and storms in which a fifth of the devices goes
down and comes back. Keyframes are kept as the engine keeps them and thinned as it thins them. Figures: `seek_p95_ms`,
`seek_p50_ms` and `seek_cpu_p95_ms` over random moments, `seek_old_p95_ms` over those with one keyframe a day, `seek_worst_ms`;
`keyframe_bytes`, `keyframe_write_ms` and `keyframes` that are left; `journal_bytes_per_day`, all its indexes with it;
`timeline_p95_ms`, the newest 200 rows before a moment, and `timeline_of_one_p95_ms`, of one device.
One rule: what is found is held against what was, every time.
"""

from __future__ import annotations

import heapq
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.alerts import Alert, Beginning, body_of, fingerprint, next_alert
from domain.health import Health
from domain.ids import uuid7
from domain.journal import JournalRow
from domain.load import LinkState
from engine.storage import Batch, Store
from engine.upkeep import is_keyframe_worth_it

DEVICES = int(os.environ.get("HELIOGRAPH_BENCH_DEVICES", "10000"))
LINKS = DEVICES * 6 // 5
DAYS = int(os.environ.get("HELIOGRAPH_BENCH_DAYS", "30"))
FAULTS_PER_DAY = 500
"""Each is six rows: a device goes down and an alert opens, a link with it, and all of that ends."""
SYSLOG_PER_DAY = 2_000
STORM_EVERY_DAYS = 5
STORM_SHARE = 0.2
SEEKS = 200
KEPT_DAYS = 7
START_US = 1_780_000_000_000_000 // 86_400_000_000 * 86_400_000_000
DAY_US = 86_400_000_000
LOOK_US = 60_000_000
ROWS_AT_ONCE = 2_000
REASON = "icmp: no answer in 2 s; snmp: no answer in 2 s"
SYSLOG = "wlan1: 4C:5E:0C:11:22:33 connected, signal -67"
_dice = random.Random(4)


class _Network:
    """What holds, the rows that made it so, and a digest of it after each row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.origin = store.loaded.origin
        self.seq = 0
        self.rows: list[JournalRow] = []
        self.health: dict[UUID, Health] = {}
        self.links: dict[UUID, LinkState] = {}
        self.alerts: dict[UUID, Alert] = {}
        self.written = 0
        self.since_keyframe = 0
        self.kept_us = START_US
        self.keep_ms: list[float] = []
        self.held: list[tuple[int, int, int]] = []
        self._down: set[UUID] = set()
        self._opened: set[UUID] = set()

    def happen(self, at_us: int, kind: str, subject: UUID, body: dict[str, Any]) -> JournalRow:
        self.seq += 1
        row = JournalRow(self.origin, self.seq, at_us, kind, subject, body)  # type: ignore[arg-type]
        self.rows.append(row)
        self.since_keyframe += kind != "syslog"
        return row

    def turn(self, at_us: int, device: UUID, status: Any) -> None:
        reason = REASON if status == "down" else ""
        self.happen(at_us, "status", device, {"was": "?", "status": status, "reason": reason})
        self.health[device] = Health(device, self.origin, status, at_us, reason=reason)
        (self._down.add if status == "down" else self._down.discard)(device)
        id = fingerprint("device_down", device)
        old = self.alerts.get(id)
        if status == "down":
            count = old.count + 1 if old else 1
            begun: Any = Beginning(
                "device_down", "device_down", "critical", count, at_us, at_us, reason=reason
            )
            kind, body = "alert_opened", body_of(begun)
            self._opened.add(id)
        elif old is not None and old.is_open:
            kind, body = "alert_cleared", body_of(old, why="answers again")
            self._opened.discard(id)
        else:
            return
        new = next_alert(old, self.happen(at_us, kind, device, body))
        assert new is not None
        self.alerts[id] = new

    def turn_link(self, at_us: int, link: UUID, status: Any) -> None:
        self.happen(at_us, "link_status", link, {"was": "?", "status": status})
        self.links[link] = LinkState(link, status, at_us)

    def look(self, at_us: int) -> None:
        """Write what happened, and a keyframe if the engine would."""
        self.held.append((at_us, len(self._down), len(self._opened)))
        if len(self.rows) >= ROWS_AT_ONCE:
            self.write()
        if is_keyframe_worth_it(self.since_keyframe, (at_us - self.kept_us) / 1e6):
            self.keep(at_us)

    def write(self) -> None:
        self.store.write(Batch(journal=self.rows))
        self.rows = []

    def keep(self, at_us: int) -> None:
        self.write()
        self.since_keyframe, self.kept_us = 0, at_us
        states = list(self.health.values()), list(self.alerts.values()), list(self.links.values())
        began_s = time.perf_counter()
        self.store.keyframe(at_us, *states)
        self.keep_ms.append((time.perf_counter() - began_s) * 1000)


def _played(store: Store) -> _Network:
    network = _Network(store)
    devices = [uuid7(START_US // 1000 + n, _dice.randbytes(10)) for n in range(DEVICES)]
    links = [uuid7(START_US // 1000 + n, _dice.randbytes(10)) for n in range(LINKS)]
    for n, device in enumerate(devices):
        network.turn(START_US + n, device, "up")
    for n, link in enumerate(links):
        network.turn_link(START_US + n, link, "up")
    network.keep(START_US + DEVICES)
    coming: list[tuple[int, int, Any]] = []
    for day in range(DAYS):
        begins_us = START_US + day * DAY_US
        for _ in range(FAULTS_PER_DAY):
            at_us = begins_us + _dice.randrange(DAY_US)
            coming.append((at_us, len(coming), (_dice.choice(devices), _dice.choice(links), 900)))
        for _ in range(SYSLOG_PER_DAY):
            coming.append((begins_us + _dice.randrange(DAY_US), len(coming), _dice.choice(devices)))
        if day % STORM_EVERY_DAYS == STORM_EVERY_DAYS - 1:
            at_us = begins_us + _dice.randrange(DAY_US)
            for device in _dice.sample(devices, int(DEVICES * STORM_SHARE)):
                when_us = at_us + _dice.randrange(60_000_000)
                coming.append((when_us, len(coming), (device, _dice.choice(links), 1_800)))
    heapq.heapify(coming)
    number, looks_us = len(coming), START_US + LOOK_US
    while coming:
        at_us, _, what = heapq.heappop(coming)
        while looks_us <= at_us:
            network.look(looks_us)
            looks_us += LOOK_US
        if isinstance(what, UUID):
            network.happen(at_us, "syslog", what, {"severity": "info", "text": SYSLOG})
            continue
        device, link, lasts_s = what
        status = "down" if lasts_s else "up"
        network.turn(at_us, device, status)
        network.turn_link(at_us, link, status)
        if lasts_s:
            number += 1
            ends_us = at_us + int(_dice.uniform(0.2, 1.8) * lasts_s * 1e6)
            heapq.heappush(coming, (ends_us, number, (device, link, 0)))
    network.write()
    return network


def _seek(store: Store, held: list[tuple[int, int, int]]) -> tuple[list[float], list[float]]:
    spent_ms: list[float] = []
    cpu_ms: list[float] = []
    for _ in range(SEEKS):
        at_us, down, opened = _dice.choice(held)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        found = store.state_at(at_us)
        spent_ms.append((time.perf_counter() - began_s) * 1000)
        cpu_ms.append((time.process_time() - began_cpu_s) * 1000)
        assert sum(health.status == "down" for health in found.devices) == down
        assert sum(alert.is_open for alert in found.alerts) == opened
        assert (len(found.devices), len(found.links)) == (DEVICES, LINKS)
    return spent_ms, cpu_ms


def _ask(store: Store, ends_us: int, devices: list[UUID] | None) -> list[float]:
    spent_ms = []
    for _ in range(SEEKS):
        at_us = START_US + _dice.randrange(ends_us - START_US)
        wanted = None if devices is None else [_dice.choice(devices)]
        began_s = time.perf_counter()
        store.events_between(START_US, at_us, subjects=wanted)
        spent_ms.append((time.perf_counter() - began_s) * 1000)
    return spent_ms


def run() -> dict[str, Any]:
    """Return the figures."""
    numbers = iter(range(1, 1_000))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "replay.sqlite"
        store = Store.open(path, now_us=START_US, new_id=lambda: UUID(int=next(numbers)))
        network = _played(store)
        ends_us = START_US + DAYS * DAY_US
        store.prune(ends_us)
        with store._transaction() as connection:
            ask = connection.exec_driver_sql
            kept = ask("SELECT count(*), avg(length(body)), max(length(body)) FROM keyframe").one()
            pages = ask("SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%journal%'").scalar_one()
        old_us = ends_us - KEPT_DAYS * DAY_US
        held = [one for one in network.held if one[0] < ends_us]
        every_ms, every_cpu_ms = _seek(store, held)
        old_ms, _ = _seek(store, [one for one in held if one[0] < old_us])
        timeline_ms = _ask(store, ends_us, None)
        own_ms = _ask(store, ends_us, list(network.health))
        store.close()
    figures = {
        "seek_p50_ms": statistics.median(every_ms),
        "seek_p95_ms": statistics.quantiles(every_ms, n=20)[18],
        "seek_cpu_p95_ms": statistics.quantiles(every_cpu_ms, n=20)[18],
        "seek_old_p95_ms": statistics.quantiles(old_ms, n=20)[18],
        "seek_worst_ms": max(*every_ms, *old_ms),
        "keyframes": kept[0],
        "keyframe_bytes": kept[1],
        "keyframe_write_ms": statistics.median(network.keep_ms),
        "journal_rows_per_day": network.seq / DAYS,
        "journal_bytes_per_day": pages / DAYS,
        "timeline_p95_ms": statistics.quantiles(timeline_ms, n=20)[18],
        "timeline_of_one_p95_ms": statistics.quantiles(own_ms, n=20)[18],
    }
    return {"figures": {key: round(value, 2) for key, value in figures.items()}, "peers": {}}
