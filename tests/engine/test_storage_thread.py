"""The storage thread: nothing waits for the disk, what was awaited is on it, and a full disk loses no journal row."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError

from domain.edit import apply, creation
from domain.health import Health
from domain.inventory import Inventory
from engine.judge.outcome import Outcome
from engine.storage import Batch, CycleRow, StorageFailed, Store, StoreThread, hours, thread
from engine.team import TeamPart
from tests.engine.stores import (
    DEVICES,
    NOW_US,
    SITE,
    THINGS,
    edit,
    fill_disk,
    filled,
    free_disk,
    open_store,
    row,
)

FAR_S = 3600.0
A = DEVICES[0].id


@asynccontextmanager
async def started(path: Path, **options: Any) -> AsyncIterator[tuple[Store, StoreThread]]:
    """A filled store and its thread, which flushes when it is told to unless `options` say more."""
    store = open_store(path)
    filled(store)
    running = StoreThread(store, **{"flush_after_s": FAR_S, "flush_at_rows": 10**9, **options})
    try:
        yield store, running
    finally:
        if not running._closing:
            await running.close()


def play(path: Path, talk: Callable[[Store, StoreThread], Awaitable[None]], **options: Any) -> None:
    """Run a conversation with a storage thread."""

    async def run() -> None:
        async with asyncio.timeout(60), started(path / "net.sqlite", **options) as (store, running):
            await talk(store, running)

    asyncio.run(run())


def on_disk(store: Store) -> list[int]:
    """Return the numbers of the journal rows that another process would see."""
    with closing(sqlite3.connect(store.path)) as other:
        return [seq for (seq,) in other.execute("SELECT seq FROM journal ORDER BY seq")]


def rows_of(store: Store, *numbers: int) -> Batch:
    return Batch(journal=[row(store, n, A, "status") for n in numbers])


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 the disk has no event of ours
        await asyncio.sleep(0.002)


def heavy(store: Store, *numbers: int) -> Batch:
    """Rows that do not fit on a disk that is full."""
    return Batch(journal=[row(store, n, A, "status", text="x" * 9_000) for n in numbers])


def test_what_is_put_waits_and_is_on_disk_when_it_is_due(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(rows_of(store, 2, 3))
        await until(lambda: on_disk(store) == [1, 2, 3])
        await until(lambda: running.waiting_rows == 0)

    play(tmp_path, talk, flush_after_s=0.01)


def test_many_rows_are_written_without_waiting_for_the_second(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(rows_of(store, 2, 3, 4))
        assert running.waiting_rows == 3
        assert on_disk(store) == [1]
        running.put(rows_of(store, 5))
        await until(lambda: on_disk(store) == [1, 2, 3, 4, 5])

    play(tmp_path, talk, flush_at_rows=4)


def test_of_states_that_wait_the_newest_is_written(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        for status in ("up", "degraded", "down"):
            running.put(Batch(health=[Health(A, store.loaded.origin, status, NOW_US)]))  # type: ignore[arg-type]
        assert running.waiting_rows == 1
        await running.close()
        again = open_store(store.path)
        assert [health.status for health in again.loaded.health] == ["down"]
        again.close()

    play(tmp_path, talk)


def test_a_query_sees_what_was_put_before_it(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(rows_of(store, 2))
        running.put(Batch(samples=[CycleRow(A, NOW_US, (("rtt_ms", "", 4.0), ("rtt_ms", "x", -1.0)))]))
        assert [r.seq for r in await running.journal(A, 9)] == [2]
        assert (await running.series(A, "rtt_ms", "", 0, NOW_US, 9)).value == [4.0]
        assert running.refused_values == 1

    play(tmp_path, talk)


def test_rows_reach_the_disk_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        after, made = Inventory(), edit(2, creation("site", msgspec.structs.replace(SITE, id=UUID(int=502))))
        apply(after, edit(1, *THINGS))
        apply(after, made)
        seen: list[list[int]] = []
        write, keep = store.write, store.apply_touched
        store.write = lambda batch: (write(batch), seen.append(on_disk(store)))[0]  # type: ignore[method-assign]
        store.apply_touched = lambda *a: (keep(*a), seen.append(on_disk(store)))[0]  # type: ignore[method-assign]
        running.put(rows_of(store, 2))
        kept = running.apply_edit(made, after, row(store, 3))
        work = asyncio.gather(kept, running.write(rows_of(store, 4)))
        assert await work == [True, None]
        assert seen == [[1, 2], [1, 2, 3], [1, 2, 3, 4]]
        assert not await running.apply_edit(made, after, row(store, 5))

    play(tmp_path, talk)


def test_an_edit_is_read_from_the_inventory_before_anything_else_happens(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        new = msgspec.structs.replace(SITE, id=UUID(int=502))
        after, made = Inventory(), edit(2, creation("site", new))
        apply(after, edit(1, *THINGS))
        apply(after, made)
        kept = asyncio.gather(running.apply_edit(made, after, row(store, 2)))
        await asyncio.sleep(0)
        del after.tables["site"][new.id]
        assert await kept == [True]
        assert await running.has_edit(made.id)
        await running.close()
        again = open_store(store.path)
        assert again.loaded.inventory.tables["site"][new.id] == new
        again.close()

    play(tmp_path, talk)


def test_a_keyframe_stands_after_what_was_put(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(rows_of(store, 2, 3))
        await running.keyframe(NOW_US, [], [], [])
        with closing(sqlite3.connect(store.path)) as other:
            assert other.execute("SELECT seq FROM keyframe").fetchall() == [(3,)]
        await running.prune(NOW_US)

    play(tmp_path, talk)


def test_what_is_written_while_a_long_backlog_is_pruned_waits_for_one_piece_and_not_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "PIECE_S", 0.0)  # a piece is one hour of one device

    async def talk(store: Store, running: StoreThread) -> None:
        values = (("rtt_ms", "", 1.0),)
        store.write(Batch(samples=[CycleRow(A, NOW_US + n * hours.HOUR_US, values) for n in range(200)]))
        pruning = asyncio.ensure_future(running.prune(NOW_US + 200 * hours.HOUR_US, rest_s=0))
        await until(lambda: running.devices_behind > 0)
        await running.write(rows_of(store, 2))
        assert not pruning.done()
        assert running.devices_behind == 1
        await pruning
        assert running.devices_behind == 0

    play(tmp_path, talk)


def test_a_full_disk_is_told_and_nothing_but_samples_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(thread, "WAITING_SAMPLES_CAP", 5)

    async def talk(store: Store, running: StoreThread) -> None:
        fill_disk(store)
        running.put(heavy(store, 2, 3))
        await until(lambda: running.trouble != "")
        assert running.trouble.startswith("Nothing can be recorded now") and "full" in running.trouble
        with pytest.raises(StorageFailed, match="full"):
            await running.write(heavy(store, 4))
        cycles = [CycleRow(A, NOW_US + n, (("rtt_ms", "", float(n)),)) for n in range(8)]
        running.put(Batch(samples=cycles))
        assert [r.seq for r in await running.journal(None, 9)] == [1]
        await until(lambda: running.dropped_samples == 3)
        assert running.waiting_rows == 3 + 5
        free_disk(store)
        await until(lambda: running.trouble == "")
        assert on_disk(store) == [1, 2, 3, 4]
        assert (await running.series(A, "rtt_ms", "", 0, 1 << 62, 9)).value == [3.0, 4.0, 5.0, 6.0, 7.0]

    with caplog.at_level(logging.WARNING, "engine.storage.thread"):
        play(tmp_path, talk, flush_after_s=0.01)
    said = [record.levelname for record in caplog.records]
    assert said == ["ERROR", "WARNING"], caplog.text


def test_an_edit_that_a_full_disk_refuses_is_not_kept(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        many = [msgspec.structs.replace(SITE, id=UUID(int=600 + n), note="x" * 4000) for n in range(40)]
        after, made = Inventory(), edit(2, *(creation("site", site) for site in many))
        apply(after, made)
        fill_disk(store)
        with pytest.raises(StorageFailed):
            await running.apply_edit(made, after, row(store, 2))
        free_disk(store)
        assert not await running.has_edit(made.id)
        assert await running.apply_edit(made, after, row(store, 2))

    play(tmp_path, talk)


def test_rows_that_a_full_disk_keeps_out_to_the_end_are_no_secret(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        fill_disk(store)
        running.put(heavy(store, 2, 3))
        with pytest.raises(StorageFailed, match="full"):
            await running.close()
        with pytest.raises(RuntimeError, match="closed"):
            running.put(rows_of(store, 4))

    play(tmp_path, talk)


def test_closing_writes_what_waits_and_answers_who_asked(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(rows_of(store, 2))
        asked = asyncio.gather(running.journal(None, 9))
        await asyncio.sleep(0)
        await running.close()
        assert [r.seq for r in (await asked)[0]] == [2, 1]
        assert on_disk(store) == [1, 2]
        with pytest.raises(RuntimeError, match="closed"):
            await running.has_edit(A)

    play(tmp_path, talk)


def test_a_bug_ends_the_thread_loudly_and_nobody_waits_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        running.put(Batch(health=[Health(A, A, "on fire")]))  # type: ignore[arg-type]
        asked = asyncio.gather(running.write(rows_of(store, 2)), running.has_edit(A), return_exceptions=True)
        assert [type(error) for error in await asked] == [IntegrityError, IntegrityError]
        with pytest.raises(RuntimeError, match="closed"):
            running.put(rows_of(store, 3))
        assert "Nothing is recorded any more" in running.trouble
        await running.close()
        assert running.broken and told == ["ended"]

    told: list[str] = []
    with caplog.at_level(logging.ERROR, "engine.storage.thread"):
        play(tmp_path, talk, on_bug=lambda: told.append("ended"))
    (said,) = [record for record in caplog.records if record.message == "storage_ended"]
    assert said.lost_rows == 2 and said.exc_info  # type: ignore[attr-defined]


def test_a_call_that_fails_harms_only_who_called(tmp_path: Path) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        with pytest.raises(ZeroDivisionError):
            await running.run(lambda: 1 // 0)
        assert await running.run(lambda: 2) == 2

    play(tmp_path, talk)


def test_what_is_absorbed_while_the_disk_is_full_is_told_and_on_disk_when_there_is_room(
    tmp_path: Path,
) -> None:
    async def talk(store: Store, running: StoreThread) -> None:
        outcome = Outcome(journal=heavy(store, 2, 3).journal)
        told: list[object] = []
        from_here = SimpleNamespace(absorb=lambda *_: outcome)
        board = SimpleNamespace(from_here=from_here, act=None, tell=told.append)
        part = SimpleNamespace(
            desk=SimpleNamespace(is_synced=True),
            changing=asyncio.Lock(),
            _thread=running,
            _now_us=lambda: NOW_US,
            on_acted=lambda: told.append("woken"),
        )
        fill_disk(store)
        await TeamPart._absorb(part, board)  # type: ignore[arg-type]
        assert told == [outcome, "woken"]
        await until(lambda: running.trouble != "")
        free_disk(store)
        await until(lambda: running.trouble == "")
        assert on_disk(store) == [1, 2, 3]

    play(tmp_path, talk, flush_after_s=0.01)
