"""The runner of operations: each ends once, rests when told, and tells how far it is, but not too often."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from domain.operation import Operation
from engine import operations as runner
from engine.operations import Control, OperationFailed, Operations, TooManyOperations
from tests.engine.peers import until


class Journal:
    """What an engine hears of its operations."""

    def __init__(self) -> None:
        self.told: list[Operation] = []
        self.noted: list[tuple[str, str, str]] = []
        self.forgotten: list[UUID] = []
        ids = itertools.count(1)
        times = itertools.count(1_000)
        self.operations = Operations(
            changed=self.told.append,
            note=lambda turn, one: self.noted.append((turn, one.state, one.result_words)),
            forgotten=self.forgotten.append,
            new_id=lambda: UUID(int=next(ids)),
            now_us=lambda: next(times),
        )

    @property
    def last(self) -> Operation:
        return self.told[-1]


def converse(conversation: Callable[[Journal], Awaitable[None]]) -> Journal:
    journal = Journal()

    async def main() -> None:
        async with asyncio.timeout(60):
            await conversation(journal)
            await journal.operations.close()

    asyncio.run(main())
    return journal


async def forever(control: Control) -> str:
    await asyncio.Event().wait()
    return "never"


def test_work_that_returns_is_done_in_its_words() -> None:
    async def work(control: Control) -> str:
        control.tell(3, total=3, phase="asking")
        return "3 addresses, 1 answered"

    async def conversation(journal: Journal) -> None:
        started = journal.operations.start("sweep", "10.0.0.0/30", work)
        assert started.state == "running"
        await until(lambda: journal.last.has_ended)
        assert (journal.last.state, journal.last.done, journal.last.phase) == ("done", 3, "asking")
        assert journal.operations.get(started.id) == journal.last

    assert converse(conversation).noted == [
        ("operation_started", "running", ""),
        ("operation_ended", "done", "3 addresses, 1 answered"),
    ]


def test_work_that_cannot_go_on_has_failed_and_says_why() -> None:
    async def work(control: Control) -> str:
        raise OperationFailed("the vault is locked")

    async def conversation(journal: Journal) -> None:
        journal.operations.start("sweep", "x", work)
        await until(lambda: journal.last.has_ended)

    journal = converse(conversation)
    assert (journal.last.state, journal.last.result_words) == ("failed", "the vault is locked")


def test_a_bug_in_work_is_logged_and_ends_the_operation(caplog: pytest.LogCaptureFixture) -> None:
    async def work(control: Control) -> str:
        raise ZeroDivisionError

    async def conversation(journal: Journal) -> None:
        journal.operations.start("sweep", "x", work)
        await until(lambda: journal.last.has_ended)

    with caplog.at_level(logging.ERROR):
        journal = converse(conversation)
    assert journal.last.state == "failed"
    assert [record.message for record in caplog.records] == ["bug"]
    assert [turn for turn, *_ in journal.noted] == ["operation_started", "operation_ended"]


def test_a_cancelled_one_says_what_it_had_found_and_its_task_is_gone() -> None:
    gone: list[bool] = []

    async def work(control: Control) -> str:
        control.words = "2 found so far"
        try:
            return await forever(control)
        finally:
            gone.append(True)

    async def conversation(journal: Journal) -> None:
        id = journal.operations.start("sweep", "x", work).id
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert journal.operations.cancel(id)
        assert journal.last.state == "cancelled"
        assert not journal.operations.cancel(id)
        await until(lambda: bool(gone))

    assert converse(conversation).noted[-1] == ("operation_ended", "cancelled", "2 found so far")


def test_one_that_is_cancelled_before_its_first_step_ends_all_the_same() -> None:
    async def conversation(journal: Journal) -> None:
        assert journal.operations.cancel(journal.operations.start("sweep", "x", forever).id)

    assert [turn for turn, *_ in converse(conversation).noted] == ["operation_started", "operation_ended"]


def test_a_paused_one_begins_nothing_until_it_goes_on() -> None:
    steps: list[int] = []

    async def work(control: Control) -> str:
        for step in range(1_000_000):
            await control.gate()
            steps.append(step)
            await asyncio.sleep(0)
        return "all"

    async def conversation(journal: Journal) -> None:
        id = journal.operations.start("sweep", "x", work).id
        await until(lambda: len(steps) > 5)
        assert journal.operations.pause(id)
        assert not journal.operations.pause(id)
        assert journal.last.state == "paused"
        at_pause = len(steps)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(steps) <= at_pause + 1
        assert journal.operations.resume(id)
        assert journal.last.state == "running"
        await until(lambda: len(steps) > at_pause + 5)
        journal.operations.pause(id)
        assert journal.operations.cancel(id)

    assert converse(conversation).last.state == "cancelled"


def test_progress_is_told_now_and_then_and_its_last_word_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TOLD_EVERY_S", 0.05)

    async def work(control: Control) -> str:
        for done in range(1, 1_001):
            control.tell(done, total=1_000)
            if done % 100 == 0:
                await asyncio.sleep(0.001)
        await asyncio.Event().wait()
        return ""

    async def conversation(journal: Journal) -> None:
        journal.operations.start("sweep", "x", work)
        await until(lambda: journal.last.done == 1_000)
        assert len(journal.told) < 20

    converse(conversation)


def test_closing_ends_what_runs_and_says_so() -> None:
    async def conversation(journal: Journal) -> None:
        journal.operations.start("sweep", "x", forever)
        await asyncio.sleep(0)

    journal = converse(conversation)
    assert (journal.last.state, journal.last.result_words) == ("cancelled", "the engine was closed")


def test_more_than_a_handful_at_a_time_are_refused() -> None:
    async def conversation(journal: Journal) -> None:
        for _ in range(runner.RUNNING_CAP):
            journal.operations.start("sweep", "x", forever)
        with pytest.raises(TooManyOperations):
            journal.operations.start("sweep", "x", forever)

    converse(conversation)


def test_those_that_ended_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ENDED_KEPT", 2)

    async def work(control: Control) -> str:
        return "done"

    async def conversation(journal: Journal) -> None:
        for _ in range(4):
            journal.operations.start("sweep", "x", work)
            await until(lambda: journal.last.has_ended)
        assert [one.id.int for one in journal.operations] == [2, 3, 4]

    assert [id.int for id in converse(conversation).forgotten] == [1]
