"""The endpoint with real clients, good and bad: what a client does costs that client its line, and the engine nothing."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain import wire
from domain.fact import Fact
from domain.health import Health
from domain.inventory import Tenant
from domain.wire import (
    Alive,
    Changed,
    Credit,
    Hello,
    ProbeNow,
    QueryJournal,
    QuerySeries,
    Rejected,
    Reply,
    Watch,
    Welcome,
)
from engine import client_line
from engine.endpoint import CLIENTS_CAP, Endpoint
from engine.profile import Profile
from engine.state import State, Subject
from tests.engine.client import WAIT_S, TestClient, connect
from tests.unit.inventories import device, inventory

ME = UUID(int=77)
KEY = b"k" * 32
ONE = UUID(int=1)


class Door:
    """An endpoint on a loop in a thread of its own."""

    def __init__(self, folder: Path, devices: int = 3, heartbeat_s: float = WAIT_S) -> None:
        self.heartbeat_s = heartbeat_s
        self.state = State(inventory(*(device(n) for n in range(1, devices + 1))), ME)
        self.profile = Profile.open(folder)
        self.address = self.profile.new_address()
        self.asked: list[Any] = []
        self.watched: list[frozenset[UUID]] = []
        self.hold = threading.Event()
        self.hold.set()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._thread.start()
        assert self._opened.wait(WAIT_S)

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.endpoint = Endpoint(
            self.address,
            KEY,
            state=self.state,
            welcome=lambda: Welcome(wire.PROTOCOL, "0", Tenant(ME, "net"), ME, 1, 1),
            answer=self._answer,
            now_us=lambda: 1,
            on_watched=self.watched.append,
            heartbeat_s=self.heartbeat_s,
        )
        self.endpoint.open()
        self._opened.set()
        await self._stop.wait()
        await self.endpoint.close()

    async def _answer(self, request: Any) -> Reply:
        self.asked.append(request)
        if isinstance(request, ProbeNow) and request.device == ME:
            raise KeyError("a bug")
        if isinstance(request, QueryJournal):
            return Reply(request.request, result={"rows": "x" * wire.FRAME_CAP_BYTES})
        if isinstance(request, QuerySeries):
            return Reply(request.request, result={"value": [0.5] * 100_000})
        return Reply(request.request)

    def call(self, what: Callable[[], Any]) -> Any:
        """Run something on the endpoint's loop and return its result."""

        async def run() -> Any:
            return what()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(WAIT_S)

    def turn(self, status: str) -> None:
        """Give the first device another health."""

        def run() -> None:
            self.state.health[ONE] = Health(ONE, ME, status)  # type: ignore[arg-type]
            self.endpoint.touch([Subject("health", ONE)])

        self.call(run)

    def client(self) -> TestClient:
        """Connect a well-behaved client."""
        return TestClient(self.address, KEY)

    def close(self) -> None:
        """Close the endpoint; fails where it hangs."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        self.profile.close()


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """An endpoint at which nobody is taken for silent, however busy this computer is."""
    monkeypatch.setattr(client_line, "AUTHENTICATION_S", WAIT_S)
    door = Door(tmp_path / "p")
    yield door
    door.close()


@pytest.fixture
def hasty_door(tmp_path: Path) -> Iterator[Door]:
    """An endpoint whose heart beats each second."""
    door = Door(tmp_path / "p", heartbeat_s=1.0)
    yield door
    door.close()


def last_words(connection: Connection) -> Rejected | None:
    """Read until the line ends; return the reason that was given, if any."""
    said = None
    try:
        while connection.poll(WAIT_S):
            message = wire.decode_to_client(connection.recv_bytes())
            said = message if isinstance(message, Rejected) else said
    except (EOFError, OSError):
        return said
    raise AssertionError("the line did not end")


def works(door: Door) -> bool:
    """Tell whether a new client is served."""
    with door.client() as client:
        return client.ask(lambda n: ProbeNow(n, ONE)) == Reply(1)


def test_a_client_is_welcomed_gets_the_snapshot_and_then_what_changes(door: Door) -> None:
    with door.client() as client:
        client.wait_for(lambda: client.latest("device", UUID(int=3)))
        first = next(m for m in client.heard if isinstance(m, Changed))
        assert first.initial and not first.more and len(first.devices) == 3
        door.turn("down")
        client.wait_for(lambda: client.latest("health", ONE))
        assert client.latest("health", ONE).status == "down"


def test_without_credit_nothing_more_comes_and_then_only_the_latest(door: Door) -> None:
    connection = connect(door.address, KEY)
    connection.send_bytes(wire.encode(Hello(wire.PROTOCOL, "test")))

    def next_changed() -> Changed:
        while True:
            assert connection.poll(WAIT_S)
            message = wire.decode_to_client(connection.recv_bytes())
            if isinstance(message, Alive):
                connection.send_bytes(wire.encode(Alive(1)))
            if isinstance(message, Changed):
                return message

    first = next_changed()
    for status in ("up", "degraded", "down"):
        door.turn(status)
    connection.send_bytes(wire.encode(ProbeNow(1, ONE)))
    while not isinstance(wire.decode_to_client(connection.recv_bytes()), Reply):
        pass  # a reply needs no credit; no Changed may come before it
    connection.send_bytes(wire.encode(Credit(first.batch)))
    assert [h.status for h in next_changed().health] == ["down"]
    connection.close()


def test_heartbeats_go_to_every_client(hasty_door: Door) -> None:
    with hasty_door.client() as client:
        client.wait_for(lambda: sum(isinstance(m, Alive) for m in client.heard) >= 2)


def test_a_client_that_is_silent_for_three_heartbeats_is_dropped_and_may_come_back(hasty_door: Door) -> None:
    connection = connect(hasty_door.address, KEY)
    connection.send_bytes(wire.encode(Hello(wire.PROTOCOL, "frozen")))
    said = last_words(connection)
    assert said is not None and said.code == "SILENT"
    assert works(hasty_door)


def test_a_client_that_never_reads_is_dropped_and_delays_nobody(hasty_door: Door) -> None:
    frozen = connect(hasty_door.address, KEY)
    frozen.send_bytes(wire.encode(Hello(wire.PROTOCOL, "frozen")))
    for n in range(20):
        frozen.send_bytes(wire.encode(QuerySeries(n, ONE, "rtt_ms", "", 0, 1)))  # 18 MB that it does not take
    assert works(hasty_door)
    with hasty_door.client() as other:
        other.wait_for(lambda: len(hasty_door.asked) >= 21)
        hasty_door.turn("down")
        other.wait_for(lambda: other.latest("health", ONE))
        other.wait_for(lambda: hasty_door.call(lambda: len(hasty_door.endpoint._clients)) == 1)
    frozen.close()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\xc1garbage", "BAD_MESSAGE"),
        (b"", "BAD_MESSAGE"),
        (b"\x81\xa4type\xa7unknown", "BAD_MESSAGE"),
        (wire.encode(Watch((ONE,))), "NO_HELLO"),
        (wire.encode(ProbeNow(1, ONE)), "NO_HELLO"),
        (wire.encode(Hello(99, "future")), "PROTOCOL"),
    ],
)
def test_what_is_no_hello_of_ours_is_rejected_with_a_reason(door: Door, frame: bytes, code: str) -> None:
    connection = connect(door.address, KEY)
    connection.send_bytes(frame)
    said = last_words(connection)
    assert said is not None and said.code == code
    assert works(door)


@pytest.mark.parametrize(
    ("message", "code"),
    [(Hello(wire.PROTOCOL, "again"), "SECOND_HELLO"), (Credit(4711), "BAD_CREDIT")],
)
def test_what_breaks_the_talk_later_is_rejected_too(door: Door, message: Any, code: str) -> None:
    connection = connect(door.address, KEY)
    connection.send_bytes(wire.encode(Hello(wire.PROTOCOL, "test")))
    connection.send_bytes(wire.encode(message))
    said = last_words(connection)
    assert said is not None and said.code == code


def test_a_frame_above_the_cap_is_rejected_before_it_is_read(door: Door) -> None:
    connection = connect(door.address, KEY)
    connection._send(struct.pack("!i", wire.FRAME_CAP_BYTES + 1))  # type: ignore[attr-defined]
    said = last_words(connection)
    assert said is not None and said.code == "BAD_FRAME"
    assert works(door)


def test_half_a_frame_is_dropped(hasty_door: Door) -> None:
    connection = connect(hasty_door.address, KEY)
    connection.send_bytes(wire.encode(Hello(wire.PROTOCOL, "slow")))
    connection._send(struct.pack("!i", 1000) + b"half")  # type: ignore[attr-defined]
    last_words(connection)
    assert works(hasty_door)


def test_a_flood_is_cut_off(door: Door) -> None:
    connection = connect(door.address, KEY)
    connection.send_bytes(wire.encode(Hello(wire.PROTOCOL, "flood")))
    frame = wire.encode(Watch(()))
    with pytest.raises(OSError):
        for _ in range(1_000_000):
            connection.send_bytes(frame)
    assert works(door)


def test_a_wrong_key_is_turned_away(door: Door) -> None:
    with pytest.raises((AuthenticationError, OSError, EOFError)):
        connect(door.address, b"x" * 32)
    assert works(door)


def test_who_connects_and_says_nothing_is_hung_up_on(hasty_door: Door) -> None:
    silent = [Client(hasty_door.address) for _ in range(3)]
    assert works(hasty_door)
    with hasty_door.client() as client:
        client.wait_for(lambda: hasty_door.call(lambda: len(hasty_door.endpoint._clients)) == 1)
    for connection in silent:
        connection.close()


def test_too_many_clients_are_refused_and_room_comes_back(door: Door) -> None:
    clients = [door.client() for _ in range(CLIENTS_CAP)]
    with pytest.raises((AuthenticationError, OSError, EOFError, AssertionError)):
        door.client()
    for client in clients:
        client.close()
    witness = threading.Event()

    def room() -> bool:
        return door.call(lambda: len(door.endpoint._clients)) == 0 or witness.wait(0.05)

    while not room():
        pass
    assert works(door)


def test_a_bug_in_a_request_is_answered_and_the_line_lives(door: Door) -> None:
    with door.client() as client:
        reply = client.ask(lambda n: ProbeNow(n, ME))
        assert reply.refusals[0].code == "BUG"
        assert client.ask(lambda n: ProbeNow(n, ONE)).refusals == ()


def test_a_reply_that_no_frame_can_hold_is_a_refusal_told_once_in_the_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with door.client() as client:
        for _ in range(2):
            reply = client.ask(QueryJournal)
            assert [r.code for r in reply.refusals] == ["TOO_LARGE"] and reply.result == {}
        assert client.ask(lambda n: ProbeNow(n, ONE)).refusals == ()
    assert [r.message for r in caplog.records].count("message_too_large") == 1


def test_a_batch_that_no_frame_can_hold_is_refused_and_the_next_one_comes(door: Door) -> None:
    with door.client() as client:
        client.wait_for(lambda: client.latest("device", ONE))
        fact = Fact(ONE, "motd", "snmp", ME, 1, "x" * wire.FRAME_CAP_BYTES)
        door.state.facts[ONE] = {("motd", "snmp"): fact}
        door.call(lambda: door.endpoint.touch([Subject("fact", fact.address)]))
        client.wait_for(lambda: any(isinstance(m, Reply) for m in client.heard))
        (said,) = [m for m in client.heard if isinstance(m, Reply)]
        assert (said.request, said.refusals[0].code) == (0, "TOO_LARGE")
        door.turn("down")
        client.wait_for(lambda: client.latest("health", ONE))
        assert client.ask(lambda n: ProbeNow(n, ONE)).refusals == ()


def test_closing_ends_every_line_and_takes_the_address_away(tmp_path: Path) -> None:
    door = Door(tmp_path / "p")
    frozen = connect(door.address, KEY)
    with door.client() as client:
        door.close()
        client.wait_for(client.ended.is_set)
    frozen.close()
    assert not Path(door.address).exists()


def test_what_all_clients_watch_together_is_told_when_it_changes_and_ends_with_them(door: Door) -> None:
    two = UUID(int=2)
    with door.client() as first:
        first.send(Watch((ONE,)))
        _until(lambda: len(door.watched) == 1)
        with door.client() as second:
            second.send(Watch((ONE,)))
            second.send(Watch((ONE, two)))
            _until(lambda: len(door.watched) == 2)
        _until(lambda: len(door.watched) == 3)
    _until(lambda: len(door.watched) == 4)
    assert door.watched == [frozenset(ids) for ids in ([ONE], [ONE, two], [ONE], [])]


def _until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
