"""When the line to a team's server is made, and made again: in virtual time, over lines that the test plays."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from domain.errors import NoAnswer
from domain.inventory import Tenant
from domain.polling import BEAT_S
from domain.sync import HEARTBEAT_S, RECONNECT_S, Alive, Hello, Kept, Refused, ToServer, Welcome, encode
from engine.sync.client import TeamClient
from engine.sync.desk import LOOK_EVERY_S, TOLD_EVERY_S
from engine.sync.line import LineLost
from engine.sync.session import Cursor
from tests.unit.test_line import opened
from tests.unit.virtual_time import run

INSTALL = UUID(int=7)
WELCOME = Welcome(1, "", Tenant(UUID(int=1), "t"), "e", 0, UUID(int=2), "Mara", "engineer", (), True, 0, 0)


class FakeLogin:
    """Opens as many streams as are asked for."""

    async def stream_token(self) -> str:
        return "token"

    def forget_access(self) -> None:
        pass


class FakeLine:
    """Hears what the test says, then nothing more."""

    def __init__(self, *said: Any) -> None:
        self.said = asyncio.Queue[Any]()
        for one in said:
            self.said.put_nowait(one)
        self.told: list[ToServer] = []

    def tell(self, message: ToServer) -> None:
        self.told.append(message)

    async def hear(self) -> Any:
        message = await self.said.get()
        if isinstance(message, Exception):
            raise message
        return message

    def close(self, *, in_peace: bool = True) -> None:
        pass


class Spoken:
    """What the client says of itself."""

    cursor = Cursor("e", 5)

    def __init__(self) -> None:
        self.states: list[tuple[float, str, float]] = []
        self.lost = 0

    def on_reachability(self, reachability: str, why: str, retry_s: float) -> None:
        self.states.append((asyncio.get_running_loop().time(), reachability, retry_s))

    async def on_welcome(self, welcome: Welcome) -> None:
        pass

    async def next_tells(self) -> list[ToServer]:
        return []

    def next_push(self) -> None:
        return None

    def untold(self) -> int:
        return 0

    def on_untrusted(self, shown: str) -> None:
        pass

    def on_lost(self, told_to_wait_s: float) -> None:
        self.lost += 1

    def on_alive(self, alive: Alive) -> None:
        pass

    def on_kept(self, kept: Kept) -> None:
        pass


class Polling:
    """Polls nothing, and is alive."""

    run_id = UUID(int=7)

    def open(self) -> None:
        pass

    def beat(self, untold: int) -> Alive:
        return Alive(1, untold)

    def next_report(self) -> None:
        return None

    def next_question(self) -> None:
        return None


def _client(spoken: Spoken, lines: Any, chance: float = 0.5) -> TeamClient:
    async def connect() -> Any:
        line = next(lines)
        if isinstance(line, Exception):
            raise line
        return line

    return TeamClient(INSTALL, FakeLogin(), connect, spoken, Polling(), chance=lambda: chance)  # type: ignore[arg-type]


async def _for(client: TeamClient, seconds: float) -> None:
    task = asyncio.get_running_loop().create_task(client.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_it_is_tried_again_after_1_2_4_8_16_and_then_each_30_seconds_with_a_fifth_of_chance() -> None:
    for chance, factor in ((0.5, 1.0), (0.0, 0.8), (1.0, 1.2)):
        spoken = Spoken()
        run(_for(_client(spoken, iter([NoAnswer("away")] * 50), chance), 200.0))
        pauses = [round(retry_s / factor, 6) for _, state, retry_s in spoken.states if state == "offline"]
        assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_after_a_line_that_stood_it_begins_with_a_second_again() -> None:
    spoken = Spoken()
    lines = iter(
        [NoAnswer("away"), NoAnswer("away"), FakeLine(WELCOME, LineLost("cut")), *[NoAnswer("away")] * 9]
    )
    run(_for(_client(spoken, lines), 8.0))
    assert [retry_s for _, state, retry_s in spoken.states if state == "offline"][:4] == [1.0, 2.0, 1.0, 2.0]
    assert spoken.lost == 1


@pytest.mark.parametrize("away_s", [1.0, 5.0, 60.0, 3_600.0, 86_400.0, 7 * 86_400.0])
def test_after_a_cut_of_a_second_or_of_a_week_it_is_there_again_within_seconds(away_s: float) -> None:
    spoken, tries = Spoken(), 0

    def lines() -> Any:
        nonlocal tries
        yield FakeLine(WELCOME, LineLost("cut"))
        while asyncio.get_running_loop().time() < 1_000.0 + away_s:
            tries += 1
            yield NoAnswer("away")
        yield FakeLine(WELCOME)

    run(_for(_client(spoken, lines(), chance=1.0), away_s + 40.0))
    at_s, state, _ = spoken.states[-1]
    assert state == "online" and at_s - 1_000.0 - away_s <= min(RECONNECT_S[-1], away_s + 2) * 1.2
    assert tries <= 6 + away_s / RECONNECT_S[-1], "and it was no burden to anybody meanwhile"


def test_hello_says_what_is_here_and_the_heart_beats() -> None:
    line = FakeLine(WELCOME)
    spoken = Spoken()
    run(_for(_client(spoken, iter([line])), 4 * BEAT_S + 1))
    hello = line.told[0]
    assert isinstance(hello, Hello) and (hello.install, hello.epoch, hello.revision) == (INSTALL, "e", 5)
    assert sum(isinstance(one, Alive) for one in line.told) == 5


def test_what_takes_a_person_is_not_tried_again_until_one_did_something() -> None:
    line = FakeLine(Refused("INSTALL_REVOKED", "this install was revoked"))
    spoken = Spoken()

    async def main() -> None:
        client = _client(spoken, iter([line, FakeLine(WELCOME)]))
        task = asyncio.get_running_loop().create_task(client.run())
        await asyncio.sleep(3600.0)
        assert [state for _, state, _ in spoken.states] == ["connecting", "refused"]
        client.try_now()
        await asyncio.sleep(1.0)
        assert spoken.states[-1][1] == "online"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())


def test_a_server_that_is_full_is_asked_again_when_it_says() -> None:
    spoken = Spoken()
    lines = iter([FakeLine(Refused("TOO_MANY", "as many as may be", 45.0)), FakeLine(WELCOME)])
    run(_for(_client(spoken, lines), 60.0))
    assert [(state, retry_s) for _, state, retry_s in spoken.states] == [
        *(("connecting", 0.0), ("offline", 45.0), ("connecting", 0.0), ("online", 0.0))
    ]


def test_a_server_that_falls_silent_right_after_a_beat_is_known_to_be_cut_off_within_fifteen_seconds() -> (
    None
):
    spoken, beats = Spoken(), 4

    async def main() -> None:
        loop = asyncio.get_running_loop()
        line, stream = await opened()
        stream.say(encode(WELCOME))
        for number in range(1, beats + 1):
            loop.call_later(number * HEARTBEAT_S, stream.say, encode(Alive(number)))
        lines = iter([line, *[NoAnswer("away")] * 9])
        await _for(_client(spoken, lines), beats * HEARTBEAT_S + 60.0)

    run(main())
    silent_s = 1_000.0 + beats * HEARTBEAT_S
    cut_s = next(at_s for at_s, state, _ in spoken.states if state == "offline")
    assert silent_s < cut_s, "whoever beats is not given up"
    assert cut_s + max(TOLD_EVERY_S, LOOK_EVERY_S) <= silent_s + 15.0
