"""Faults have their effect on the wire, and names are understood as people say them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from simnet.faults import CommandError, find_link, find_router
from simnet.network import VORALPNET, Network, load_network
from simnet.serving import SimulatedNetwork, SimulatedRouter
from simnet.world import World
from tests.engine.simnet_peers import (
    BareClient,
    HandClock,
    api,
    ask_bare,
    get_sys_name,
    ping,
    rows,
    run,
    snmp_values,
)

IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8"
LINK_DOWNS = "1.3.6.1.4.1.14988.1.1.14.1.1.90"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6"
QUICK_S = 0.15


async def answers_snmp(router: SimulatedRouter, timeout_s: float = QUICK_S) -> bool:
    return await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(1), timeout_s) is not None


@pytest.fixture(scope="module")
def voralpnet() -> Network:
    return load_network(VORALPNET)


def test_a_killed_router_is_silent_everywhere_and_a_revived_one_has_rebooted() -> None:
    async def scene() -> None:
        clock = HandClock()
        async with SimulatedRouter(clock=clock) as router:
            old = await BareClient.connect(router.api_address)
            await old.log_in()
            assert await answers_snmp(router, 30)

            router.command(["kill", "Device"])
            assert not await answers_snmp(router)
            old.say("/system/identity/print")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(old.hear(), QUICK_S)
            with pytest.raises(TimeoutError):
                new = await asyncio.wait_for(BareClient.connect(router.api_address), QUICK_S)
                await asyncio.wait_for(new.log_in(), QUICK_S)

            clock.now_s += 60
            router.command(["revive", "Device"])
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await old.hear()
            clock.now_s += 5
            (uptime,) = await snmp_values("snmpget", router.snmp_address, SYS_UPTIME)
            assert uptime.startswith("(500)")
            (resource,) = await rows(await api(router.api_address), "/system/resource/print")
            assert resource["uptime"] == "5s"
            octets = await snmp_values("snmpwalk", router.snmp_address, IN_OCTETS)
            assert 0 < int(octets[1]) < 300e6 / 8 * 5

    run(scene())


def test_where_routes_can_be_changed_a_killed_router_does_not_even_answer_pings() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            address = router.snmp_address[0]
            probes = {probe["kind"] for probe in router.inventory()["devices"][0]["probes"]}
            if not router.loopback.can_silence:
                assert probes == {"snmp", "routeros"}
                return
            assert probes == {"snmp", "routeros", "icmp"}
            assert await asyncio.to_thread(ping, address, 30)
            router.command(["kill", "Device"])
            assert not await asyncio.to_thread(ping, address)
            router.command(["revive", "Device"])
            assert await asyncio.to_thread(ping, address, 30)
            router.command(["kill", "Device"])
        return address if router.loopback.can_silence else None

    address = run(scene())
    assert address is None or ping(address, 30), "the address must answer again once the network is closed"


def test_a_cut_link_is_down_and_quiet_at_both_ends_until_it_is_mended(voralpnet: Network) -> None:
    async def scene() -> None:
        clock = HandClock()
        async with SimulatedNetwork(voralpnet, clock=clock, serve=["Kempten", "Auerberg"]) as network:
            link = find_link(network.world, "Kempten - Auerberg")
            ends = [(network[port.router.name].snmp_address, port.index) for port in (link.a, link.b)]
            community = voralpnet.snmp.community

            async def read(column: str) -> list[str]:
                return [
                    (await snmp_values("snmpget", address, f"{column}.{index}", community=community))[0]
                    for address, index in ends
                ]

            assert await read(IF_OPER_STATUS) == ["1", "1"]
            network.command(["cut", "Kempten", "-", "Auerberg"])
            assert await read(IF_OPER_STATUS) == ["2", "2"]
            assert await read(LINK_DOWNS) == ["1", "1"]
            before = await read(IN_OCTETS)
            clock.now_s += 100
            assert await read(IN_OCTETS) == before
            network.command(["mend", "Auerberg/Kempten"])
            clock.now_s += 100
            assert await read(IF_OPER_STATUS) == ["1", "1"]
            assert await read(LINK_DOWNS) == ["1", "1"]
            assert all(int(new) > int(old) for old, new in zip(before, await read(IN_OCTETS), strict=True))

    run(scene())


def test_a_dead_routers_neighbours_see_their_link_fall_and_no_longer_hear_it(voralpnet: Network) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(voralpnet, serve=["Burgberg"]) as network:
            client = await api(network["Burgberg"].api_address, voralpnet.routeros.password)
            assert [row["identity"] for row in await rows(client, "/ip/neighbor/print")] == ["Grünten"]
            network.command(["kill", "Grünten"])
            (port,) = await rows(client, "/interface/print", "?name=wlan60-1")
            assert (port["running"], port["link-downs"]) == (False, 1)
            assert await rows(client, "/ip/neighbor/print") == []

    run(scene())


def test_a_loaded_link_carries_what_was_asked_for(voralpnet: Network) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(voralpnet, serve=["Kempten"]) as network:
            client = await api(network["Kempten"].api_address, voralpnet.routeros.password)
            network.command(["load", "Kempten - Blender", "95%"])
            (traffic,) = await rows(client, "/interface/monitor-traffic", "=interface=bonding1", "=once=")
            assert traffic["tx-bits-per-second"] == 1_900_000_000
            network.command(["load", "Kempten - Blender", "off"])
            (traffic,) = await rows(client, "/interface/monitor-traffic", "=interface=bonding1", "=once=")
            assert traffic["tx-bits-per-second"] < 1_700_000_000

    run(scene())


def test_a_slow_router_answers_late_on_both_protocols_and_in_order() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            router.command(["slow", "Device", "600"])
            assert not await answers_snmp(router, 0.1)
            begun_s = time.monotonic()
            assert await answers_snmp(router, 30)
            assert time.monotonic() - begun_s >= 0.59
            begun_s = time.monotonic()
            client.say("/system/identity/print", ".tag=1")
            client.say("/system/identity/print", ".tag=2")
            tags = [words[1] for words in [await client.hear() for _ in range(4)]]
            assert time.monotonic() - begun_s >= 0.59
            assert tags == [".tag=1", ".tag=1", ".tag=2", ".tag=2"]
            router.command(["slow", "Device", "0"])
            assert await answers_snmp(router, 30)

    run(scene())


class Asker(asyncio.DatagramProtocol):
    """Sends numbered requests and remembers whose answers came."""

    FIRST = 0x0100_0000

    def __init__(self) -> None:
        self.heard: set[int] = set()
        self.news = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.add(int.from_bytes(data[17:21], "big") - self.FIRST)
        self.news.set()

    def ask(self, number: int) -> None:
        self.transport.sendto(get_sys_name(self.FIRST + number))

    async def ask_until_heard(self, number: int) -> None:
        while number not in self.heard:
            self.news.clear()
            self.ask(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), 0.05)


def test_a_lossy_router_loses_about_its_share_of_requests() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            router.command(["lose", "Device", "30"])
            transport, asker = await asyncio.get_running_loop().create_datagram_endpoint(
                Asker, remote_addr=router.snmp_address
            )
            for batch in range(8):
                for number in range(50):
                    asker.ask(50 * batch + number)
                await asker.ask_until_heard(1000 + batch)  # answered in order: those before it are through
            transport.close()
            assert 220 < sum(number < 400 for number in asker.heard) < 340

    run(scene())


def test_a_garbled_router_answers_what_nobody_can_read() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            honest = await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(1), 30)
            router.command(["garble", "Device"])
            garbled = await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(1), 30)
            assert honest is not None
            assert garbled is not None
            assert len(garbled[0]) == len(honest[0])
            assert garbled[0] != honest[0]
            client = await BareClient.connect(router.api_address)
            client.say("/login", "=name=monitor", "=password=alpenglow")
            said = await client.reader.read()
            assert said[0] >= 0xF8
            router.command(["heal"])
            assert await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(1), 30) == honest

    run(scene())


def test_heal_undoes_everything(voralpnet: Network) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(voralpnet, serve=[]) as network:
            well = json.loads(network.command(["status"]))["routers"]
            for line in (
                "kill Grünten",
                "slow Wangen 800",
                "lose Lindau 30",
                "garble Kempten",
                "cut Wangen Lindau",
                "load Kempten Wangen 90",
            ):
                network.command(line.split())
            sick = json.loads(network.command(["status"]))
            assert sick["routers"]["Grünten"] == ["dead"]
            assert sick["routers"]["Wangen"] == ["slow 800 ms"]
            assert sick["routers"]["Lindau"] == ["loses 30 %"]
            assert sick["routers"]["Kempten"] == ["garbled"]
            assert sick["links"]["Wangen - Lindau"] == ["cut"]
            assert sick["links"]["Kempten - Wangen"] == ["loaded 90 %"]
            network.command(["heal", "Wangen", "-", "Lindau"])
            network.command(["heal", "Kempten"])
            partly = json.loads(network.command(["status"]))
            assert partly["links"]["Wangen - Lindau"] == []
            assert partly["routers"]["Kempten"] == []
            assert partly["routers"]["Grünten"] == ["dead"]
            network.command(["heal"])
            healed = json.loads(network.command(["status"]))
            assert healed["routers"] == well
            assert not any(healed["links"].values())

    run(scene())


def test_in_transit_routers_without_a_path_answer_nothing_and_keep_running(voralpnet: Network) -> None:
    async def scene() -> None:
        clock = HandClock()
        serve = ["Burgberg", "Grünten", "Nebelhorn", "Immenstadt"]
        async with SimulatedNetwork(voralpnet, clock=clock, needs_path=True, serve=serve) as network:
            ask = get_sys_name(3, voralpnet.snmp.community.encode())

            async def answer(*those: str) -> bool:
                replies = await asyncio.gather(
                    *(
                        asyncio.to_thread(
                            ask_bare, network[name].snmp_address, ask, 20.0 if name in those else 0.4
                        )
                        for name in serve
                    )
                )
                return [name for name, reply in zip(serve, replies, strict=True) if reply] == list(those)

            assert await answer(*serve)
            network.command(["cut", "Hauchenberg", "Grünten"])
            assert await answer("Immenstadt")
            clock.now_s += 10
            network.command(["mend", "Hauchenberg", "Grünten"])
            assert await answer(*serve)
            client = await api(network["Burgberg"].api_address, voralpnet.routeros.password)
            (resource,) = await rows(client, "/system/resource/print")
            assert "d" in resource["uptime"]

    run(scene())


@pytest.fixture(scope="module")
def world(voralpnet: Network) -> World:
    return World(voralpnet, 0.0)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Grünten", "Grünten"),
        ("grünten", "Grünten"),
        ("grunten", "Grünten"),
        ("gruenten", "Grünten"),
        ("GRÜ", "Grünten"),
        ("schwarzer grat", "Schwarzer Grat"),
        ("missen", "Missen-Wilhams"),
        ("Weiler", "Weiler"),
    ],
)
def test_routers_are_found_by_what_people_call_them(world: World, said: str, meant: str) -> None:
    assert find_router(world, said).name == meant


@pytest.mark.parametrize(
    "said",
    [
        "Hauchenberg - Missen-Wilhams",
        "hauchenberg–missen",
        "Missen-Wilhams ~ Hauchenberg",
        "Missen-Wilhams Hauchenberg",
        "Hauchenberg-Missen-Wilhams",
        "missen to hauch",
        "missen",
    ],
)
def test_links_are_found_by_their_ends_in_either_order(world: World, said: str) -> None:
    assert find_link(world, said).name == "Hauchenberg - Missen-Wilhams"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("kill", "which router"),
        ("kill Wal", "could be Waldburg, Waltenhofen"),
        ("kill Grüntn", "near it: Grünten"),
        ("cut Lindau", "could be Wangen - Lindau"),
        ("cut Kempten - Hard", "there is no link"),
        ("load Kempten Wangen 101", "between 0 and 100"),
        ("load Kempten Wangen", "expected a load in percent"),
        ("slow Kempten fast", "expected milliseconds"),
        ("explode Kempten", "unknown command"),
    ],
)
def test_a_command_that_means_nothing_is_refused_with_what_was_meant_perhaps(
    voralpnet: Network, line: str, complaint: str
) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(voralpnet, serve=[]) as network:
            with pytest.raises(CommandError, match=complaint):
                network.command(line.split())

    run(scene())
