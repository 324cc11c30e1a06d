"""Which ports are members of which bond, as simulated devices tell foreign clients and our drivers; a member that is pulled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from domain.inventory import Interface
from engine.drivers import Login
from engine.drivers.snmp_bonds import ATTACHED, STACK_STATUS
from engine.protocols import ber
from engine.transport import Transports
from simnet.faults import CommandError
from simnet.network import VORALPNET as DEMO
from simnet.network import LinkSpec, Load, Network, RouterSpec, load_network
from simnet.serving import SimulatedNetwork
from tests.engine.agent import IF, IFX, ScriptedAgent, switch
from tests.engine.peers import device_at, driver_of, octets, udp_peer
from tests.engine.simnet_peers import HandClock, api, rows, run, snmp, snmp_values

COMMUNITY = Login("", "public")
IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6"
Told = dict[str, str]
Look = Callable[[], Awaitable[Told]]


def two_gateways(board: str = "Linux gateway", probe: Any = "snmp") -> Network:
    """Two hosts and a bond of two lines between them."""
    demo = load_network(DEMO)
    sites = demo.sites[:2]
    routers = [
        RouterSpec(name, site.name, "pop", board, "5.10", f"S{name}", (probe,))
        for name, site in zip(("West", "East"), sites, strict=True)
    ]
    load = Load(1e9, 1.5e9)
    link = LinkSpec("West", "bond0", "East", "bond0", "fibre", 2e9, load, load, parallel=2)
    return msgspec.structs.replace(demo, vantage="West", sites=sites, routers=tuple(routers), links=(link,))


def members(told: dict[str, Any]) -> Told:
    """Return the members that facts tell of, and whose they are."""
    ports = {
        field.partition("/")[2]: value for field, value in told.items() if field.startswith("interface/")
    }
    return {name: port["bond"] for name, port in ports.items() if port is not None and port["bond"]}


def test_snmpwalk_reads_both_tables_and_a_line_that_is_pulled_is_detached() -> None:
    async def scene() -> None:
        network, clock = two_gateways(), HandClock()
        async with SimulatedNetwork(network, clock=clock, serve=["West"]) as served:
            west, community = served["West"], network.snmp.community

            async def walk(oid: str) -> list[str]:
                return await snmp_values("snmpwalk", west.snmp_address, oid, community=community)

            names = await walk(f"{IFX}.1")
            bond, first, second = (names.index(name) + 1 for name in ("bond0", "ether2", "ether3"))
            assert await walk(f"{IF}.3.{bond}") == ["161"]
            assert await walk(ATTACHED) == [str(bond), str(bond)]
            said = await snmp("snmpwalk", west.snmp_address, STACK_STATUS, community=community)
            stacked = [f".{STACK_STATUS}.{bond}.{port} = INTEGER: 1" for port in (first, second)]
            assert [line for line in said.splitlines() if " = INTEGER" in line] == stacked
            before = [int((await walk(f"{IN_OCTETS}.{port}"))[0]) for port in (bond, first, second)]
            assert before[1] == pytest.approx(before[2], rel=0.01)

            served.command(["pull", "West - East", "1"])
            clock.now_s += 60
            assert [await walk(f"{IF}.8.{port}") for port in (bond, first, second)] == [["1"], ["2"], ["1"]]
            assert await walk(ATTACHED) == ["0", str(bond)]
            after = [int((await walk(f"{IN_OCTETS}.{port}"))[0]) for port in (bond, first, second)]
            grown = [now - then for now, then in zip(after, before, strict=True)]
            assert grown[1] == 0
            assert grown[2] == pytest.approx(grown[0], rel=0.01), "the one that is left carries all"

            served.command(["pull", "West - East", "2"])
            assert await walk(f"{IF}.8.{bond}") == ["2"]
            served.command(["mend", "West - East"])
            assert await walk(f"{IF}.8") == ["1"] * len(names)
            with pytest.raises(CommandError, match="has 2 lines"):
                served.command(["pull", "West - East", "3"])

    run(scene())


def test_librouteros_reads_the_members_of_a_bond() -> None:
    async def scene() -> None:
        network = load_network(DEMO)
        async with SimulatedNetwork(network, serve=["Kempten"]) as served:
            client = await api(served["Kempten"].api_address, network.routeros.password)
            (bond,) = await rows(client, "/interface/bonding/print")
            assert (bond["name"], bond["mode"], bond["running"]) == ("bonding1", "802.3ad", True)
            names = bond["slaves"].split(",")
            assert len(names) == 2
            for name in names:
                (port,) = await rows(client, "/interface/print", f"?name={name}")
                assert port["type"] == "ether"
            (port,) = await rows(client, "/interface/print", "?name=bonding1")
            assert port["type"] == "bond"

    run(scene())


def asks(network: Network, kind: Any, login: Login, scene: Callable[[Any, Any], Awaitable[None]]) -> None:
    """Have a scene with a served network and a driver of its first router."""

    async def main() -> None:
        transports = await Transports.open()
        async with SimulatedNetwork(network, serve=[network.vantage]) as served:
            router = served[network.vantage]
            address = router.snmp_address if kind == "snmp" else router.api_address
            driver = driver_of(transports, device_at(address, kind), login)
            await scene(served, driver)
            await driver.close()
        await transports.close()

    run(main())


def test_the_snmp_driver_tells_the_members_and_still_when_one_is_down() -> None:
    async def scene(served: SimulatedNetwork, driver: Any) -> None:
        told = dict((await driver.read()).reading.facts)
        assert members(told) == {"ether2": "bond0", "ether3": "bond0"}
        assert msgspec.convert(told["interface/bond0"], Interface).kind == "bond"
        served.command(["pull", "West - East", "1"])
        told = dict((await driver.read()).reading.facts)
        assert told["interface/ether2"]["oper_up"] is False
        assert members(told) == {"ether2": "bond0"}

    network = two_gateways()
    asks(network, "snmp", Login("", network.snmp.community), scene)


def test_the_routeros_driver_tells_the_members_and_still_when_one_is_down() -> None:
    async def scene(served: SimulatedNetwork, driver: Any) -> None:
        told: dict[str, Any] = {}
        for _ in range(4):
            told |= dict((await driver.read()).reading.facts)
        assert sorted(members(told).values()) == ["bonding1", "bonding1"]
        name = min(members(told))
        served.command(["pull", "Kempten - Blender", "1"])
        told = dict((await driver.read()).reading.facts)
        assert (told[f"interface/{name}"]["oper_up"], members(told)) == (False, {name: "bonding1"})

    network = load_network(DEMO)
    login = Login(network.routeros.username, network.routeros.password)
    asks(msgspec.structs.replace(network, vantage="Kempten"), "routeros", login, scene)


def talks(agent: ScriptedAgent, conversation: Callable[[Look], Awaitable[None]]) -> None:
    """Hold a conversation with a driver of a scripted agent; each look is a device looked at anew."""

    async def main() -> None:
        transports = await Transports.open()
        async with udp_peer(agent) as peer:
            driver = driver_of(transports, device_at(peer.address, "snmp"), COMMUNITY)
            told: dict[str, Any] = {}
            count = 0

            async def look() -> Told:
                nonlocal count
                count += 1
                agent.objects["1.3.6.1.2.1.31.1.5.0"] = ber.encode_integer(count, ber.TIME_TICKS)
                for _ in range(3):
                    told.update((await driver.read()).reading.facts)
                return members(told)

            await conversation(look)
            await driver.close()
        await transports.close()

    asyncio.run(main())


def test_a_device_that_has_only_the_stack_table_is_read_and_lies_hurt_nothing() -> None:
    objects = switch(4)
    objects |= {f"{IF}.3.4": ber.encode_integer(53), f"{IFX}.1.4": octets("Po1")}
    objects |= {f"{STACK_STATUS}.4.{n}": ber.encode_integer(1) for n in (0, 1, 2, 4, 99)}
    objects |= {f"{STACK_STATUS}.3.1": ber.encode_integer(1), f"{STACK_STATUS}.77.3": ber.encode_integer(1)}

    async def conversation(look: Look) -> None:
        assert await look() == {"ge1": "Po1", "ge2": "Po1"}

    talks(ScriptedAgent(objects), conversation)


def test_a_device_without_an_aggregate_is_not_asked_for_members() -> None:
    objects = switch(3)
    objects |= {f"{ATTACHED}.1": ber.encode_integer(3), f"{STACK_STATUS}.3.2": ber.encode_integer(1)}

    async def conversation(look: Look) -> None:
        assert await look() == {}

    talks(ScriptedAgent(objects), conversation)


def test_a_port_that_runs_without_its_aggregate_is_a_member_no_more() -> None:
    objects = switch(3) | {f"{IF}.3.3": ber.encode_integer(161)}
    objects |= {f"{ATTACHED}.{n}": ber.encode_integer(3) for n in (1, 2)}
    agent = ScriptedAgent(objects)

    async def conversation(look: Look) -> None:
        assert await look() == {"ge1": "ge3", "ge2": "ge3"}
        agent.objects[f"{ATTACHED}.1"] = ber.encode_integer(0)
        agent.objects[f"{IF}.8.1"] = ber.encode_integer(2)
        assert await look() == {"ge1": "ge3", "ge2": "ge3"}, "it is detached because it is down"
        agent.objects[f"{IF}.8.1"] = ber.encode_integer(1)
        assert await look() == {"ge2": "ge3"}

    talks(agent, conversation)
