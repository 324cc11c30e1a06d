"""The shared port of MNDP: on this system with real sockets, and what each other system is told, in its own words."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest

from engine.protocols.mndp import decode_announcement
from engine.transport import mndp
from engine.transport.mndp import AddressedLan, IndexedLan, MndpListener, lan_of
from simnet.mndp import LOOPBACK_BROADCAST, MndpSpeaker
from simnet.serving import SimulatedRouter
from tests.engine.peers import until
from tests.ports import free_port


class Recorder:
    """Stands in for a socket of a system that this is not."""

    def __init__(self, refusing: tuple[object, ...] = ()) -> None:
        self.told: list[tuple[object, ...]] = []
        self.refusing = refusing

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        self.told.append(("set", level, option, value))

    def bind(self, address: tuple[str, int]) -> None:
        if address[0] in self.refusing:
            raise OSError(10049, "the address is gone")
        self.told.append(("bind", *address))

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        if self.told and self.told[-1][-1] in self.refusing:
            raise OSError(101, "network is unreachable")
        self.told.append(("send", data, *address))

    def close(self) -> None:
        self.told.append(("close",))


def test_linux_and_macos_name_the_interface_by_its_index_and_let_go_of_it() -> None:
    for platform, option, layout in (("linux", 50, "!I"), ("darwin", 25, "=I")):
        lan = lan_of(platform)
        assert isinstance(lan, IndexedLan)
        lan._interfaces = lambda: [(2, "eth0"), (7, "wlan0"), (9, "down0")]
        sock = Recorder(refusing=(struct.pack(layout, 9),))
        assert lan.send_everywhere(sock, b"who", 5678) == 2  # type: ignore[arg-type]
        chosen = [("set", socket.IPPROTO_IP, option, struct.pack(layout, n)) for n in (2, 7, 9, 0)]
        sent = ("send", b"who", "255.255.255.255", 5678)
        assert sock.told == [chosen[0], sent, chosen[1], sent, chosen[2], chosen[3]]


def test_windows_sends_from_each_address_by_a_socket_of_its_own_and_closes_it() -> None:
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder(refusing=("10.0.9.9",)))
        return made[-1]

    lan = AddressedLan(lambda: ["10.0.0.5", "10.0.9.9", "192.168.1.5", "10.0.0.5"], make)  # type: ignore[arg-type]
    assert lan.send_everywhere(Recorder(), b"who", 5678) == 2  # type: ignore[arg-type]
    assert [one.told[-1] for one in made] == [("close",)] * 3
    assert ("bind", "10.0.0.5", 5678) in made[0].told
    assert ("send", b"who", "255.255.255.255", 5678) in made[0].told
    assert ("set", socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) in made[0].told
    assert not any(turn[0] == "send" for turn in made[1].told)


@pytest.mark.parametrize(
    ("platform", "options"),
    [
        ("linux", [socket.SO_REUSEADDR]),
        ("win32", [socket.SO_REUSEADDR]),
        ("darwin", [socket.SO_REUSEADDR, mndp._REUSE_PORT]),
    ],
)
def test_each_system_shares_the_port_in_its_own_way(platform: str, options: list[int]) -> None:
    sock = Recorder()
    lan_of(platform).share(sock)  # type: ignore[arg-type]
    assert sock.told == [("set", socket.SOL_SOCKET, option, 1) for option in options]


def test_the_ways_out_have_a_cap() -> None:
    lan = IndexedLan(50, "!I", (), lambda: [(n, f"tun{n}") for n in range(1, 500)])
    assert lan.send_everywhere(Recorder(), b"who", 5678) == mndp.WAYS_CAP  # type: ignore[arg-type]


def loopback_lan() -> IndexedLan:
    """This computer's loopback is the LAN."""
    index = socket.if_nametoindex("lo")
    return IndexedLan(
        mndp._IP_UNICAST_IF, "!I", (socket.SO_REUSEADDR,), lambda: [(index, "lo")], LOOPBACK_BROADCAST
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback has no broadcast")
def test_two_programs_hear_a_router_that_is_asked_and_one_that_is_closed_hears_no_more() -> None:
    async def main() -> None:
        port = free_port()
        heard: list[list[str]] = [[], []]

        def take(place: int) -> MndpListener:
            def deliver(batch: list[tuple[float, bytes, tuple[object, ...]]]) -> None:
                found = [decode_announcement(data) for _, data, _ in batch]
                heard[place] += [one.identity for one in found if one is not None]

            return MndpListener(deliver, port=port, lan=loopback_lan())

        listeners = [take(0), take(1)]
        network = SimulatedRouter(identity="gipfel")
        speaker = MndpSpeaker(network.router, network.clock, port=port)
        await speaker.start()
        ports = len([one for one in network.router.interfaces if one.running])
        await until(lambda: heard[0] == heard[1] == ["gipfel"] * ports)
        assert listeners[0].ask() == 1
        await until(lambda: len(heard[0]) == len(heard[1]) == 2 * ports)
        await listeners[1].close()
        network.router.answering = False
        speaker.announce()
        network.router.answering = True
        listeners[0].ask()
        await until(lambda: len(heard[0]) >= 3 * ports)
        assert speaker.announced == 3 * ports
        assert len(heard[1]) == 2 * ports
        await speaker.close()
        await listeners[0].close()

    asyncio.run(asyncio.wait_for(main(), 90))


def test_a_port_that_somebody_keeps_for_himself_is_an_error_to_tell() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as jealous:
            jealous.bind(("0.0.0.0", 0))
            with pytest.raises(OSError):
                MndpListener(lambda _: None, port=jealous.getsockname()[1])

    asyncio.run(main())
