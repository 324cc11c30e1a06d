"""Both ends of a tunnel by the server: what they say at its door, what they do when it refuses, breaks or ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.crossing import Answer, Begin, Met, decode_to_door, encode
from domain.errors import Refused as DeviceRefused
from domain.inventory import Device, Probe
from domain.sync import Refused
from domain.tunnels import CONNECTIONS_CAP, Meet, Tunnel
from engine.access import relay
from engine.access.bundle import CLOSE, DATA, OPEN
from engine.access.channel import Channel, ChannelLost
from engine.access.relay import WAITING_CAP_BYTES, Carrying, Relay
from engine.sync.socket import LineLost

INSTALL, DEVICE = UUID(int=1), UUID(int=2)
TUNNEL = Tunnel(UUID(int=3), DEVICE, "ssh", 22, 42_000, "relay", "Ben", 0)
MEET = Meet(TUNNEL.id, DEVICE, 22, INSTALL, "Ben")
R1 = Device(DEVICE, "r1", "10.0.0.1", (Probe("icmp"),))


class Door:
    """The server's door: each socket that is dialled gets the next of `answers`; what is said there is in `said`; `open_before`
    how many were open when each was dialled."""

    def __init__(self, *answers: Met | Refused) -> None:
        self.answers = list(answers)
        self.sockets: list[Line] = []
        self.open_before: list[int] = []

    async def dial(self) -> Line:
        self.open_before.append(sum(not one.is_closed for one in self.sockets))
        self.sockets.append(Line(encode(self.answers.pop(0))))
        return self.sockets[-1]

    async def token(self) -> str:
        return "token"

    def said(self) -> list[Begin | Answer]:
        return [decode_to_door(one.sent[0]) for one in self.sockets]


class Line:
    """A socket; `told` is what the server says, None: it breaks."""

    def __init__(self, first: bytes) -> None:
        self.sent: list[bytes] = []
        self.told: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.told.put_nowait(first)
        self.is_closed = False
        self.waiting_bytes = 0

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    async def receive(self) -> bytes:
        if (data := await self.told.get()) is None:
            raise LineLost("nothing was heard of the server for 13 s")
        return data

    def close(self) -> None:
        self.is_closed = True


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_a_tunnel_dials_once_and_again_when_its_line_broke() -> None:
    async def test() -> None:
        door = Door(Met("hill"), Met("hill"))
        end = Relay(INSTALL, door.dial, door.token)
        first, second = await asyncio.gather(end.reach(TUNNEL), end.reach(TUNNEL))
        assert len(door.sockets) == 1, "connections share the line"
        door.sockets[0].told.put_nowait(None)
        for strand in (first, second):
            with pytest.raises(ChannelLost, match="nothing was heard of the server"):
                await strand.read()
        await end.reach(TUNNEL)
        assert door.said() == [Begin("token", INSTALL, TUNNEL.id, DEVICE, 22)] * 2
        await end.leave(TUNNEL.id)
        assert all(one.is_closed for one in door.sockets)

    run(test)


def test_of_several_servers_the_right_one_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "AGAIN_S", 0.0)

    async def test() -> None:
        door = Door(Refused("ELSEWHERE", "not here"), Refused("ELSEWHERE", "not here"), Met("hill"))
        end = Relay(INSTALL, door.dial, door.token)
        await end.reach(TUNNEL)
        assert door.open_before == [0, 1, 2], "each stays until the right one is found"
        assert [one.is_closed for one in door.sockets] == [True, True, False]
        await end.leave(TUNNEL.id)

    run(test)


def test_what_the_server_refuses_is_told_in_its_words() -> None:
    async def test() -> None:
        door = Door(Refused("NOT_FOUND", "the device is not there"))
        with pytest.raises(ChannelLost, match="the device is not there"):
            await Relay(INSTALL, door.dial, door.token).reach(TUNNEL)
        assert door.sockets[0].is_closed

    run(test)


def test_why_the_server_ends_a_tunnel_is_told_to_all_its_connections() -> None:
    async def test() -> None:
        door = Door(Met("hill"))
        end = Relay(INSTALL, door.dial, door.token)
        channel = await end.reach(TUNNEL)
        door.sockets[0].told.put_nowait(encode(Refused("LEFT", "hill hung up")))
        with pytest.raises(ChannelLost, match="hill hung up"):
            await channel.read()
        await end.leave(TUNNEL.id)

    run(test)


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01\x00\x00\x00\x01", b"\x09" * 5, b"\xff\xff"])
def test_what_is_no_frame_ends_the_line(junk: bytes) -> None:
    async def test() -> None:
        door = Door(Met("hill"))
        end = Relay(INSTALL, door.dial, door.token)
        channel = await end.reach(TUNNEL)
        door.sockets[0].told.put_nowait(junk)
        with pytest.raises(ChannelLost):
            await channel.read()
        await end.leave(TUNNEL.id)

    run(test)


@pytest.mark.parametrize(
    ("device", "port", "why", "said"),
    [
        (None, 22, "", "the device is not known there"),
        (R1, 25, "", "port 25 is none that the device is administered by"),
        (R1, 22, "it carries nothing for others there", "it carries nothing for others there"),
    ],
    ids=["unknown", "another port", "not carried"],
)
def test_who_carries_looks_into_its_own_inventory(
    device: Device | None, port: int, why: str, said: str
) -> None:
    async def test() -> None:
        door, reached = Door(Met()), []

        async def connect(device: Device, port: int) -> Channel:
            reached.append(port)
            raise DeviceRefused("not to be asked")

        end = Carrying(INSTALL, door.dial, door.token, lambda _: device, lambda *_: why, connect)
        end.on_meet(Meet(MEET.tunnel, DEVICE, port, INSTALL, "Ben"))
        while not (door.sockets and door.sockets[0].is_closed):  # noqa: ASYNC110 it goes and comes back
            await asyncio.sleep(0)
        assert door.said() == [Answer("token", INSTALL, TUNNEL.id, said)]
        assert not reached
        await end.close()

    run(test)


def test_a_device_that_does_not_listen_is_told_to_the_other_end() -> None:
    async def test() -> None:
        door = Door(Met())

        async def connect(device: Device, port: int) -> Channel:
            raise DeviceRefused(f"{device.address}:{port} refuses connections")

        end = Carrying(INSTALL, door.dial, door.token, lambda _: R1, lambda *_: "", connect)
        end.on_meet(MEET)
        while not door.sockets:  # noqa: ASYNC110 it goes
            await asyncio.sleep(0)
        line = door.sockets[0]
        line.told.put_nowait(bytes([OPEN, 0, 0, 0, 1]))
        close = bytes([CLOSE, 0, 0, 0, 1])
        while not any(one.startswith(close) for one in line.sent[1:]):  # noqa: ASYNC110 it tries and says so
            await asyncio.sleep(0)
        assert [one for one in line.sent[1:] if one[0] == CLOSE] == [
            close + b"10.0.0.1:22 refuses connections"
        ]
        await end.close()
        assert line.is_closed

    run(test)


class Carried:
    """A line that is met and carried; `connect` waits for `reached`. What may be changes by `device` and `why`."""

    def __init__(self) -> None:
        self.device: Device | None = R1
        self.why = ""
        self.connecting = self.most = 0
        self._door = Door(Met())
        self.end = Carrying(
            INSTALL,
            self._door.dial,
            self._door.token,
            lambda _: self.device,
            lambda *_: self.why,
            self._connect,
        )

    async def line(self) -> Line:
        """Return the line, once it is met."""
        self.end.on_meet(MEET)
        while not self.end._lines:  # noqa: ASYNC110 it goes
            await asyncio.sleep(0)
        return self._door.sockets[0]

    async def _connect(self, device: Device, port: int) -> Channel:
        self.connecting += 1
        self.most = max(self.most, self.connecting)
        try:
            await asyncio.Event().wait()
        finally:
            self.connecting -= 1
        raise AssertionError("a device that never answers")


def opened(line: Line, number: int) -> None:
    line.told.put_nowait(bytes([OPEN]) + number.to_bytes(4, "big"))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


LESS: list[tuple[Device | None, str, str]] = [
    (R1, "it carries nothing for others there", "it carries nothing for others there"),
    (None, "", "the device is not known there"),
    (replace(R1, address="10.0.0.2"), "", "the device has another address now"),
]


@pytest.mark.parametrize(("device", "why", "said"), LESS, ids=["not shared", "deleted", "another address"])
def test_what_would_be_refused_by_now_ends_with_the_next_look_or_connection(
    device: Device | None, why: str, said: str
) -> None:
    async def test(*, by_look: bool) -> None:
        at = Carried()
        line = await at.line()
        opened(line, 1)
        await settled()
        at.end.look_again()
        assert at.connecting == 1 and not line.is_closed
        at.device, at.why = device, why
        if by_look:
            at.end.look_again()
        else:
            opened(line, 2)
        await settled()
        assert line.is_closed and not at.connecting and at.most == 1
        assert bytes([CLOSE, 0, 0, 0, 1]) + said.encode() in line.sent
        assert not at.end._lines
        await at.end.close()

    run(lambda: test(by_look=True))
    run(lambda: test(by_look=False))


def test_a_stream_that_is_closed_is_connected_no_longer_and_many_at_once_are_refused() -> None:
    async def test() -> None:
        at = Carried()
        line = await at.line()
        opened(line, 1)
        await settled()
        assert at.connecting == 1
        line.told.put_nowait(bytes([CLOSE, 0, 0, 0, 1]))
        await settled()
        assert not at.connecting, "nobody waits for it any more"
        for number in range(2, 2 + 3 * CONNECTIONS_CAP):
            opened(line, number)
            line.told.put_nowait(bytes([CLOSE]) + number.to_bytes(4, "big"))
        opened(line, 999)
        await settled()
        assert at.most <= CONNECTIONS_CAP
        refused = [one for one in line.sent if one[0] == CLOSE]
        assert refused and {one[5:] for one in refused} == {b"too many connections"}
        opened(line, 1000)
        await settled()
        assert at.connecting > 0, "the line goes on"
        await at.end.close()

    run(test)


def test_a_line_that_takes_too_little_is_lost() -> None:
    async def test() -> None:
        door = Door(Met("hill"))
        end = Relay(INSTALL, door.dial, door.token)
        channel = await end.reach(TUNNEL)
        door.sockets[0].waiting_bytes = WAITING_CAP_BYTES
        await channel.write(b"x")
        assert door.sockets[0].sent[-1] == bytes([DATA, 0, 0, 0, 1]) + b"x"
        door.sockets[0].waiting_bytes += 1
        await channel.write(b"x")
        with pytest.raises(ChannelLost, match="takes too little"):
            await channel.write(b"x")
        assert door.sockets[0].is_closed
        await end.leave(TUNNEL.id)

    run(test)
