"""The table of questions in flight, with its time moved by hand: questions of several steps, and doubts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from domain.errors import BadCredentials, BadReply, NoAnswer
from engine.transport import exchanges as module
from engine.transport.exchanges import STEPS_CAP, Exchanges, Peer, Question

Scene = Callable[["Table"], None]


class Table:
    """A table with one peer; `sent` holds the numbers that went out."""

    def __init__(self, clock: list[float]) -> None:
        self._clock = clock
        self.sent: list[int] = []
        self.exchanges: Exchanges[str] = Exchanges(
            lambda data, _: not self.sent.append(int(data)), count(1).__next__
        )
        self.peer: Peer[str] = self.exchanges.peer(("10.0.0.1", 161), "10.0.0.1:161")

    def ask(self, retries: int = 0) -> asyncio.Future[object]:
        """Ask with 2 s a try."""
        return self.exchanges.ask(self.peer, lambda number: b"%d" % number, 2.0, retries)  # type: ignore[return-value]

    def question(self) -> Question[str]:
        """The question that was sent last."""
        found = self.exchanges.find(self.peer, self.sent[-1])
        assert found is not None
        return found

    def at(self, now_s: float) -> None:
        """Let it be that late."""
        self._clock[0] = 1000.0 + now_s
        self.exchanges._tick()


def play(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])

    async def main() -> None:
        table = Table(clock)
        scene(table)
        table.exchanges.close()

    asyncio.run(main())


def test_every_step_of_a_question_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene(table: Table) -> None:
        asked = table.ask()
        table.at(1.9)
        table.exchanges.ask_again(table.question(), None)
        table.at(2.2)
        assert not asked.done()
        table.at(3.7)
        table.exchanges.ask_again(table.question(), None)
        table.at(5.6)
        assert not asked.done()
        table.at(5.9)
        assert isinstance(asked.exception(), NoAnswer)
        assert table.sent == [1, 2, 3]
        assert table.exchanges.in_flight == 0

    play(scene, monkeypatch)


def test_a_lost_datagram_of_a_later_step_is_sent_once_more_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scene(table: Table) -> None:
        asked = table.ask(retries=1)
        table.exchanges.ask_again(table.question(), None)
        table.at(2.2)
        assert table.sent == [1, 2, 3]
        table.exchanges.ask_again(table.question(), None)
        table.at(4.4)
        assert isinstance(asked.exception(), NoAnswer)
        assert table.sent == [1, 2, 3, 4]

    play(scene, monkeypatch)


def test_what_answers_an_earlier_step_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene(table: Table) -> None:
        asked = table.ask()
        table.exchanges.ask_again(table.question(), None)
        assert table.exchanges.find(table.peer, 1) is None
        table.exchanges.settle(table.peer, 1, "late", 1000.0)
        assert not asked.done()
        assert table.exchanges.dropped == 2
        table.exchanges.settle(table.peer, 2, "answer", 1000.5)
        assert asked.result().reply == "answer"  # type: ignore[attr-defined]

    play(scene, monkeypatch)


def test_a_question_has_only_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene(table: Table) -> None:
        asked = table.ask()
        for _ in range(STEPS_CAP):
            table.exchanges.ask_again(table.question(), None)
        assert not asked.done()
        table.exchanges.ask_again(table.question(), None)
        assert isinstance(asked.exception(), BadReply)
        assert len(table.sent) == 1 + STEPS_CAP
        assert table.exchanges.in_flight == 0

    play(scene, monkeypatch)


def test_silence_means_the_last_doubt_and_an_answer_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene(table: Table) -> None:
        silent, answered = table.ask(), table.ask()
        for number in (1, 2):
            question = table.exchanges.find(table.peer, number)
            assert question is not None
            table.exchanges.ask_again(question, BadCredentials("wrong user?"))
        first = table.exchanges.find(table.peer, 3)
        assert first is not None
        table.exchanges.doubt(first, BadCredentials("wrong password"))
        table.exchanges.settle(table.peer, 4, "answer", 1000.5)
        table.at(2.2)
        assert str(silent.exception()) == "wrong password"
        assert answered.result().reply == "answer"  # type: ignore[attr-defined]

    play(scene, monkeypatch)


def test_a_question_that_was_given_up_takes_no_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def scene(table: Table) -> None:
        asked = table.ask()
        question = table.question()
        asked.cancel()
        table.exchanges.ask_again(question, None)
        assert table.sent == [1]
        assert table.exchanges.in_flight == 0

    play(scene, monkeypatch)
