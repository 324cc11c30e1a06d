"""Ten million values of a day, written and read back as the engine does, against plain rows of the same SQLite.

Figures: `write_per_s` (values a CPU second, every transaction synced), `range_24h_p95_ms` (a day of one series to 500 points),
`latest_ms` (the newest values of all devices), `roll_up_per_s` (values a CPU second made hours), `bytes_per_value`, and
`vs_rows_x`, `rows_bytes_per_value`: a table of (series, time, value) rows, written in the same batches.
One rule: ours and theirs alternate, on the same disk.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.edit import Edit, apply, creation
from domain.inventory import Device, Inventory, Probe
from domain.journal import JournalRow
from domain.observation import Value
from engine.storage import Batch, CycleRow, Store

VALUES = 10_000_000
PER_CYCLE = 100
DEVICES = 36
STEP_US = 30_000_000
DAY_US = 86_400_000_000
START_US = 1_780_000_000_000_000 // 3_600_000_000 * 3_600_000_000
ROWS_AT_ONCE = 2_000
PEER_ROUNDS = 5
PEER_CYCLES = 1_000
RANGES = 60


def _new_store(folder: Path) -> Store:
    numbers = iter(range(1, 1_000))
    store = Store.open(folder / "ours.sqlite", now_us=START_US, new_id=lambda: UUID(int=next(numbers)))
    steps = [
        creation("device", Device(UUID(int=10_000 + n), f"R{n}", f"10.0.0.{n + 1}", (Probe("icmp"),)))
        for n in range(DEVICES)
    ]
    inventory, edit = Inventory(), Edit(UUID(int=9_999), START_US, "bench", "Devices", tuple(steps))
    apply(inventory, edit)
    store.apply_edit(
        edit, inventory, JournalRow(store.loaded.origin, 1, START_US, "edit_applied", None, {}), {}
    )
    return store


def _cycles(first: int, count: int, dice: random.Random) -> list[CycleRow]:
    """Return so many rows, device by device within each poll cycle."""
    rows = []
    for number in range(first, first + count):
        cycle, device = divmod(number, DEVICES)
        base = dice.random() * 1e8
        values: tuple[Value, ...] = tuple(
            ("if_in_bps", f"ether{n}", base + n * 1e5) for n in range(PER_CYCLE)
        )
        rows.append(CycleRow(UUID(int=10_000 + device), START_US + cycle * STEP_US, values))
    return rows


def _cpu_of(call: Any) -> float:
    started_s = time.process_time()
    call()
    return time.process_time() - started_s


class _Rows:
    """The peer: a row a value."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute(
            "CREATE TABLE value (series INTEGER, at_us INTEGER, value REAL, PRIMARY KEY (series, at_us)) WITHOUT ROWID"
        )
        self._keys: dict[tuple[UUID, str], int] = {}

    def write(self, cycles: list[CycleRow]) -> None:
        keys = self._keys
        rows = [
            (keys.setdefault((cycle.device, instance), len(keys)), cycle.at_us, value)
            for cycle in cycles
            for _, instance, value in cycle.values
        ]
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT OR IGNORE INTO value VALUES (?, ?, ?)", rows)
        self.connection.execute("COMMIT")


def run() -> dict[str, Any]:
    """Return the figures."""
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, peer = _new_store(folder), _Rows(folder / "rows.sqlite")
        ratios, written = [], 0
        for _ in range(PEER_ROUNDS):
            cycles = _cycles(written, PEER_CYCLES, dice)
            ours_s = _cpu_of(lambda cycles=cycles: store.write(Batch(samples=cycles)))
            ratios.append(_cpu_of(lambda cycles=cycles: peer.write(cycles)) / ours_s)
            written += PEER_CYCLES
        peer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        peer_bytes = peer.path.stat().st_size / (written * PER_CYCLE)
        spent_s, own = 0.0, 0
        while written * PER_CYCLE < VALUES:
            cycles = _cycles(written, ROWS_AT_ONCE, dice)
            spent_s += _cpu_of(lambda cycles=cycles: store.write(Batch(samples=cycles)))
            written += ROWS_AT_ONCE
            own += ROWS_AT_ONCE
        held = store._held_bytes()
        ranges_ms = []
        for _ in range(RANGES):
            device, port = UUID(int=10_000 + dice.randrange(DEVICES)), f"ether{dice.randrange(PER_CYCLE)}"
            began_s = time.perf_counter()
            found = store.series(device, "if_in_bps", port, START_US, START_US + DAY_US, 500)
            ranges_ms.append((time.perf_counter() - began_s) * 1000)
            assert 400 < len(found.at_us) <= 500
        began_s = time.perf_counter()
        store.latest()
        latest_ms = (time.perf_counter() - began_s) * 1000

        def roll_up() -> None:
            while store.roll_up(START_US + 30 * DAY_US):
                pass

        rolled_s = _cpu_of(roll_up)
        store.close()
    figures = {
        "write_per_s": own * PER_CYCLE / spent_s,
        "vs_rows_x": statistics.median(ratios),
        "bytes_per_value": held / (written * PER_CYCLE),
        "rows_bytes_per_value": peer_bytes,
        "range_24h_p95_ms": statistics.quantiles(ranges_ms, n=20)[18],
        "latest_ms": latest_ms,
        "roll_up_per_s": written * PER_CYCLE / rolled_s,
    }
    return {
        "figures": {key: round(value, 2) for key, value in figures.items()},
        "peers": {"sqlite": sqlite3.sqlite_version},
    }
