"""Discovery as the engine has it: what begins, what is refused, what listens, and what a person's edit makes vanish."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from domain.discovering import Asking, SweepSettings, WalkSettings
from domain.errors import BadCredentials
from domain.fact import Fact
from domain.finding import Find, settled
from domain.health import Health
from domain.inventory import Credential, Device, Inventory
from domain.operation import Operation
from engine.discovery import lan as lan_module
from engine.discovery.discovery import Discovery
from engine.discovery.lan import LanWatch, find_from
from engine.discovery.prober import Opened
from engine.operations import RUNNING_CAP, Operations
from engine.protocols.mndp import Announcement
from engine.state import State
from engine.transport import mndp as transport_mndp
from engine.transport.mndp import IndexedLan, MndpListener
from engine.transport.receiving import Datagram
from simnet.mndp import LOOPBACK_BROADCAST, MndpSpeaker
from simnet.serving import SimulatedRouter
from tests.engine.discovery_peers import COMMUNITY, FAST, LOGIN, NET, transports
from tests.engine.peers import PROFILES, until
from tests.ports import free_port

DEVICE, VANTAGE = UUID(int=0xA), UUID(int=0xB)
CREDENTIALS = {
    COMMUNITY: Credential(COMMUNITY, "read", "snmp_community"),
    LOGIN: Credential(LOGIN, "api", "routeros_login", "monitor"),
}


class House:
    """A state, a vault of two, and discovery between them."""

    def __init__(self, made: object, **more: object) -> None:
        inventory = Inventory(
            {"credential": dict(CREDENTIALS), "device": {DEVICE: Device(DEVICE, "Hilltop", f"{NET}.70")}}
        )
        self.state = State(inventory, VANTAGE)
        self.told: list[Operation] = []
        self.kept: dict[UUID, Find] = {}
        self.locked = ""
        times, ids = itertools.count(1_000_000), itertools.count(1)
        self.operations = Operations(
            changed=self.told.append,
            note=lambda _turn, _operation: None,
            forgotten=lambda _id: None,
            new_id=lambda: UUID(int=next(ids)),
            now_us=lambda: next(times),
        )
        self.discovery = Discovery(
            self.state,
            made,  # type: ignore[arg-type]
            PROFILES,
            self.operations,
            open_credential=self.open,
            changed=self.on_changed,
            now_us=lambda: next(times),
            **more,  # type: ignore[arg-type]
        )
        self.discovery.load((), ())
        self.discovery.queue.refresh()

    def open(self, id: UUID) -> Opened:
        if self.locked:
            raise BadCredentials(self.locked)
        return CREDENTIALS[id], {COMMUNITY: "public", LOGIN: "alpenglow"}[id]

    def on_changed(self, put: object, gone: object) -> None:
        for id in gone:  # type: ignore[attr-defined]
            self.kept.pop(id, None)
        self.kept |= {one.id: one for one in put}  # type: ignore[attr-defined]

    def tell(self, field: str, value: object) -> None:
        fact = Fact(DEVICE, field, "snmp", VANTAGE, 1, value)
        self.state.facts.setdefault(DEVICE, {})[field, "snmp"] = fact
        self.discovery.learn([fact])


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 120))  # type: ignore[arg-type]


def test_a_sweep_finds_a_router_which_vanishes_when_it_is_added_and_is_moved_when_it_moves() -> None:
    async def main() -> None:
        async with SimulatedRouter(identity="gipfel") as router, transports() as (made, _):
            address, port = router.snmp_address
            house = House(made)
            asking = Asking(
                (COMMUNITY, LOGIN), FAST, snmp_port=port, routeros_port=router.api_address[1], ports=()
            )
            begun = house.discovery.start_sweep(SweepSettings(address, asking))
            assert isinstance(begun, Operation)
            assert (begun.title, begun.total) == (f"Sweep of {address}", 1)
            await until(lambda: house.told[-1].has_ended)
            assert house.told[-1].result_words == "1 address asked, 1 answered: 1 new"
            (found,) = house.kept.values()
            assert (found.identity, [probe.kind for probe in found.probes]) == (
                "gipfel",
                ["snmp", "routeros"],
            )
            house.tell("serial", found.serial)
            house.discovery.queue.refresh()
            assert next(iter(house.kept.values())).match.kind == "moved"
            house.state.inventory.tables["device"][DEVICE] = Device(DEVICE, "Hilltop", address)
            house.discovery.change_devices([DEVICE])
            house.discovery.queue.refresh()
            assert house.kept == {}

    run(main)


def test_a_sweep_gives_up_its_logins_when_the_vault_locks_and_says_so() -> None:
    async def main() -> None:
        async with transports() as (made, _):
            house = House(made)
            asking = Asking((COMMUNITY, LOGIN), FAST, snmp_port=free_port(), ports=())
            house.discovery.start_sweep(SweepSettings(f"{NET}.1-{NET}.2", asking))
            (prober,) = house.discovery._probers
            assert prober.has_logins
            house.discovery.lock()
            assert not prober.has_logins
            await until(lambda: house.told[-1].has_ended)
            words = house.told[-1].result_words
            assert words.endswith("; the vault was locked meanwhile, and the rest asked without log-ins")

    run(main)


def test_a_device_that_answers_where_it_is_has_not_moved() -> None:
    async def main() -> None:
        async with transports() as (made, _):
            house = House(made)
            house.tell("serial", "S-100")
            house.discovery.queue.refresh()
            twin = settled(Find(UUID(int=0), (f"{NET}.71",), serial="S-100"))
            assert twin is not None
            house.discovery.queue.take(twin)
            assert len(house.kept) == 1
            house.state.health[DEVICE] = Health(DEVICE, VANTAGE, "up")
            house.discovery.change_devices([DEVICE])
            house.discovery.queue.refresh()
            assert house.kept == {}

    run(main)


def test_the_queue_follows_by_itself() -> None:
    async def main() -> None:
        async with transports() as (made, _):
            house = House(made)
            found = settled(Find(UUID(int=0), (f"{NET}.71",)))
            assert found is not None
            house.discovery.queue.take(found)
            house.state.inventory.tables["device"][DEVICE] = Device(DEVICE, "Hilltop", f"{NET}.71")
            house.discovery.change_devices([DEVICE])
            service = asyncio.ensure_future(house.discovery.run())
            await until(lambda: not house.kept)
            service.cancel()

    run(main)


def test_a_walk_begins_at_a_device_and_follows_its_facts() -> None:
    async def main() -> None:
        async with transports() as (made, icmp):
            house = House(made)
            house.tell(
                "neighbour/ether1/x", {"interface": "ether1", "address": f"{NET}.72", "identity": "r72"}
            )
            house.tell("neighbour/ether2/y", {"interface": "ether2", "address": 7})
            asking = Asking(rate_per_s=FAST, snmp_port=free_port(), ports=())
            begun = house.discovery.start_walk(WalkSettings(devices=(DEVICE,), asking=asking))
            assert isinstance(begun, Operation)
            assert begun.title == "Neighbours of Hilltop"
            await until(lambda: house.told[-1].has_ended)
            assert icmp.pinged == [f"{NET}.72"]
            assert [one.identity for one in house.kept.values()] == ["r72"]

    run(main)


def test_what_cannot_begin_is_refused_and_nothing_is_asked() -> None:
    async def main() -> None:
        async with transports() as (made, icmp):
            house = House(made)
            refused = house.discovery.start_sweep(SweepSettings("10.0.0.0/8"))
            assert isinstance(refused, list)
            house.locked = "the vault is locked"
            for begun in (
                house.discovery.start_sweep(SweepSettings(NET + ".1", Asking((COMMUNITY,)))),
                house.discovery.start_walk(
                    WalkSettings(addresses=(NET + ".1",), asking=Asking((COMMUNITY,)))
                ),
            ):
                assert isinstance(begun, list)
                assert [(one.field, one.message) for one in begun] == [("credentials", "the vault is locked")]
            assert icmp.pinged == []
            house.locked = ""
            slow = Asking(rate_per_s=1, snmp_port=free_port(), ports=())
            for _ in range(RUNNING_CAP):
                assert isinstance(house.discovery.start_sweep(SweepSettings(f"{NET}.0/24", slow)), Operation)
            late = house.discovery.start_sweep(SweepSettings(f"{NET}.0/24", slow))
            assert isinstance(late, list)
            assert late[0].code == "TRY_LATER"
            await house.operations.close()
            assert {one.state for one in house.operations} == {"cancelled"}

    run(main)


# ---- the LAN


class FakeListener:
    """Hears what the test says."""

    def __init__(self, deliver: Callable[[list[Datagram]], None]) -> None:
        self.deliver = deliver
        self.asked = 0
        self.is_closed = False

    def ask(self) -> int:
        self.asked += 1
        return 1

    async def close(self) -> None:
        self.is_closed = True


def announcement(mac: bytes, identity: str) -> bytes:
    records = [(1, mac), (5, identity.encode()), (17, bytes((10, 0, 0, mac[5])))]
    return bytes(4) + b"".join(struct.pack(">HH", kind, len(said)) + said for kind, said in records)


def watching(taken: list[Find], opened: list[FakeListener], **more: object) -> LanWatch:
    def open_listener(deliver: Callable[[list[Datagram]], None]) -> FakeListener:
        opened.append(FakeListener(deliver))
        return opened[-1]

    return LanWatch(
        lambda met: taken.append(met.find),  # type: ignore[arg-type, func-returns-value]
        now_us=lambda: 5,
        open_listener=open_listener,
        **more,  # type: ignore[arg-type]
    )


def test_the_lan_is_listened_to_only_while_somebody_looks() -> None:
    async def main() -> None:
        taken: list[Find] = []
        opened: list[FakeListener] = []
        rests: list[float] = []

        async def rest(for_s: float) -> None:
            rests.append(for_s)
            await asyncio.sleep(0 if len(rests) < 3 else 3_600)

        watch = watching(taken, opened, rest=rest)
        watch.start()
        watch.start()
        assert len(opened) == 1
        assert watch.is_on
        await until(lambda: opened[0].asked == 3)
        assert rests == [lan_module.ASK_EVERY_S] * 3
        datagram = announcement(bytes.fromhex("488f5a000001"), "r1")
        opened[0].deliver(
            [(0.0, datagram, ("10.0.0.9", 5678)), (0.0, bytes(4), ("", 1)), (0.0, b"?", ("", 1))]
        )
        assert [(one.identity, one.addresses) for one in taken] == [("r1", ("10.0.0.1",))]
        assert (watch.heard, watch.malformed, watch.dropped) == (1, 1, 0)
        await watch.stop()
        await watch.stop()
        assert opened[0].is_closed
        assert not watch.is_on
        watch.start()
        assert len(opened) == 2
        await watch.stop()

    run(main)


def test_a_flood_on_the_lan_takes_its_share_of_a_second_and_no_more() -> None:
    async def main() -> None:
        taken: list[Find] = []
        opened: list[FakeListener] = []
        now_s = [10.0]
        watch = watching(taken, opened, clock=lambda: now_s[0])
        watch.start()
        flood = [
            (0.0, announcement(bytes((0x48, 0x8F, 0x5A, 0, n // 256, n % 256)), "x"), ("", 1))
            for n in range(1_000)
        ]
        opened[0].deliver(flood)
        assert len(taken) == lan_module.TAKEN_PER_S
        assert watch.dropped == 1_000 - lan_module.TAKEN_PER_S
        now_s[0] += 1
        opened[0].deliver(flood[:5])
        assert len(taken) == lan_module.TAKEN_PER_S + 5
        await watch.stop()

    run(main)


def test_a_port_that_cannot_be_had_is_told_in_words_and_tried_again() -> None:
    async def main() -> None:
        failing = [True]

        def open_listener(deliver: Callable[[list[Datagram]], None]) -> FakeListener:
            if failing[0]:
                raise OSError(98, "Address already in use")
            return FakeListener(deliver)

        watch = LanWatch(lambda _met: None, now_us=lambda: 5, open_listener=open_listener)
        watch.start()
        assert "UDP port 5678: Address already in use" in watch.trouble
        await watch.stop()
        assert watch.trouble == "", "nobody looks: nobody misses it"
        assert not watch.is_on
        failing[0] = False
        watch.start()
        assert (watch.trouble, watch.is_on) == ("", True)
        await watch.stop()

    run(main)


@pytest.mark.parametrize(
    ("told", "sender", "addresses"),
    [
        (Announcement("48:8F:5A:00:00:01", ipv4="10.0.0.1"), "10.0.0.9", ("10.0.0.1",)),
        (Announcement("48:8F:5A:00:00:01"), "10.0.0.9", ("10.0.0.9",)),
        (Announcement("48:8F:5A:00:00:01"), "0.0.0.0", ()),
        (Announcement("48:8F:5A:00:00:01", ipv6="fe80::1"), "10.0.0.9", ("10.0.0.9",)),
        (
            Announcement("48:8F:5A:00:00:01", ipv4="10.0.0.1", ipv6="fd00::1"),
            "10.0.0.9",
            ("10.0.0.1", "fd00::1"),
        ),
    ],
)
def test_an_announcement_is_a_find_at_its_address(
    told: Announcement, sender: str, addresses: tuple[str, ...]
) -> None:
    found = find_from(told, sender, 5)
    assert found is not None
    assert found.addresses == addresses


def test_an_announcement_that_names_nobody_is_no_find() -> None:
    assert find_from(Announcement("02:00:00:00:00:01"), "0.0.0.0", 5) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback has no broadcast")
def test_a_simulated_router_on_the_lan_is_in_the_queue_once() -> None:
    async def main() -> None:
        port = free_port()
        lan = IndexedLan(
            transport_mndp._IP_UNICAST_IF,
            "!I",
            (socket.SO_REUSEADDR,),
            lambda: [(socket.if_nametoindex("lo"), "lo")],
            LOOPBACK_BROADCAST,
        )
        network = SimulatedRouter(identity="gipfel")
        network.router.address = "127.64.1.1"
        speaker = MndpSpeaker(network.router, network.clock, port=port)
        async with transports() as (made, _):
            house = House(made, open_listener=lambda deliver: MndpListener(deliver, port=port, lan=lan))
            await speaker.start()
            await house.discovery.watch(True)
            ports = len(network.router.interfaces)
            await until(lambda: house.discovery.lan.heard >= ports)
            (found,) = house.kept.values()
            assert (found.identity, found.board, found.version) == ("gipfel", "RB5009UG+S+", "7.18.2")
            assert {seen.source for seen in found.sources} == {"mndp"}
            await house.discovery.close()
            assert not house.discovery.lan.is_on
            await speaker.close()

    run(main)
