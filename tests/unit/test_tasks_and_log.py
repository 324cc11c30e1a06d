"""The task spawner and the log: bugs have names, services come back, lines are JSON and never wait."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import pytest

from engine.log import LINE_CAP, LogWriter, close_log, open_log
from engine.tasks import FIRST_PAUSE_S, LONGEST_PAUSE_S, end, keep, next_pause_s, spawn
from tests.unit.virtual_time import run


def test_a_bug_in_a_task_is_logged_with_its_name_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise ValueError("expected 3, got 4")

    async def main() -> None:
        await spawn("probe", broken(), device_id=UUID(int=5))

    run(main())
    (record,) = caplog.records
    assert record.getMessage() == "bug" and record.exc_info
    assert (record.__dict__["task"], record.__dict__["device_id"]) == ("probe", UUID(int=5))


def test_a_service_is_made_again_after_a_bug_with_pauses_that_grow(caplog: pytest.LogCaptureFixture) -> None:
    starts: list[float] = []

    async def broken() -> None:
        starts.append(asyncio.get_running_loop().time())
        raise ValueError

    async def main() -> None:
        task = keep("service", broken)
        await asyncio.sleep(8)
        await end(task)

    run(main())
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(starts)]
    assert gaps == [0.5, 1.0, 2.0, 4.0]
    assert [r.__dict__["attempt"] for r in caplog.records] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("pause_s", "lived_s", "expected_s"),
    [(0.25, 0, 0.5), (0.5, 3, 1.0), (40, 1, LONGEST_PAUSE_S), (32, 61, FIRST_PAUSE_S)],
)
def test_the_pause_doubles_and_starts_over_after_a_good_minute(
    pause_s: float, lived_s: float, expected_s: float
) -> None:
    assert next_pause_s(pause_s, lived_s) == expected_s


@pytest.mark.filterwarnings("error")
def test_a_task_that_is_cancelled_before_it_began_leaves_no_warning() -> None:
    async def work() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        await end(spawn("work", work()))

    run(main())


@pytest.fixture
def log() -> Iterator[tuple[LogWriter, io.StringIO]]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook
    stream = io.StringIO()
    writer = open_log(stream, "info")
    yield writer, stream
    close_log(writer)
    root.handlers[:], threading.excepthook = before[0], before[2]
    root.setLevel(before[1])


def lines_of(log: tuple[LogWriter, io.StringIO]) -> list[dict[str, object]]:
    """Flush and return the lines."""
    close_log(log[0])
    return [json.loads(line) for line in log[1].getvalue().splitlines()]


def test_a_line_is_json_with_time_level_service_event_and_what_it_is_about(
    log: tuple[LogWriter, io.StringIO],
) -> None:
    log[0].lines.tenant = UUID(int=3)
    told = {"device_id": UUID(int=5), "probe": "snmp", "attempt": 3}
    logging.getLogger("engine.judge").warning("probe_failed", extra=told)
    logging.getLogger("engine.judge").debug("not shown")
    (line,) = lines_of(log)
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "level": "warning",
        "service": "engine.judge",
        "event": "probe_failed",
        "tenant_id": str(UUID(int=3)),
        "device_id": str(UUID(int=5)),
        "probe": "snmp",
        "attempt": 3,
    }


def test_hostile_text_stays_one_line_and_is_cut(log: tuple[LogWriter, io.StringIO]) -> None:
    logging.getLogger("x").info("told", extra={"reason": "a\n{}\x1b[31m" + "b" * 100_000})
    (line,) = lines_of(log)
    assert len(str(line["reason"])) == LINE_CAP and "\x1b" not in log[1].getvalue()


def test_a_message_for_the_user_is_the_key_message(log: tuple[LogWriter, io.StringIO]) -> None:
    logging.getLogger("x").error("storage_refused", extra={"message_for_user": "damaged"})
    (line,) = lines_of(log)
    assert line["message"] == "damaged"


def test_a_bug_that_ends_a_thread_is_a_line_too(log: tuple[LogWriter, io.StringIO]) -> None:
    thread = threading.Thread(target=lambda: 1 / 0, name="reader")
    thread.start()
    thread.join()
    (line,) = lines_of(log)
    assert line["task"] == "reader" and "ZeroDivisionError" in str(line["error"])


def test_a_reader_that_is_frozen_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    with suppress(BrokenPipeError), os.fdopen(writing, "w", encoding="utf-8") as stream:
        writer = LogWriter(stream, waiting_cap=10)
        record = logging.makeLogRecord({"name": "x", "levelno": 20, "levelname": "INFO", "msg": "y" * 4000})
        for _ in range(200):
            writer.emit(record)  # would never return if it waited for the full pipe
        assert writer.dropped > 100
        os.close(reading)
        writer.close()
