"""Addresses and ports on systems that have them and systems that have not."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Literal

import pytest

from simnet.faults import CommandError
from simnet.loopback import LoopbackError, System, Transport, claim_loopback
from simnet.network import VORALPNET, load_network
from simnet.serving import SimulatedNetwork, SimulatedRouter
from tests.engine.simnet_peers import api, rows, run, snmp_values

NAMES = ["a", "b", "c"]
BLOCK = 100 + 5 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 5)
"""Each worker has blocks of its own, lest one take what another lets go of; the last is 126."""


class Pretence(System):
    """A system of which a test decides what it can do; routes are only written down."""

    def __init__(self, *, own_addresses: bool = True, routes: bool = True, taken: Sequence[int] = ()) -> None:
        self.own_addresses, self.routes, self.taken = own_addresses, routes, set(taken)
        self.swallowed: set[str] = set()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def bind(self, transport: Transport, address: str, port: int) -> socket.socket:
        if address != "127.0.0.1" and not self.own_addresses:
            raise OSError(errno.EADDRNOTAVAIL, "Can't assign requested address")
        if port in self.taken:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return super().bind(transport, address, port)

    def change_routes(self, verb: Literal["add", "del"], addresses: Sequence[str]) -> bool:
        if not self.routes:
            return False
        self.asked.append((verb, tuple(addresses)))
        change = self.swallowed.update if verb == "add" else self.swallowed.difference_update
        change(addresses)
        return True

    def swallowed_addresses(self, block: str) -> list[str]:
        return sorted(
            address for address in self.swallowed if address.startswith(block.split("0.0/", maxsplit=1)[0])
        )


def test_each_router_has_its_own_address_where_the_system_has_them() -> None:
    loopback = claim_loopback(NAMES, Pretence(), BLOCK)
    try:
        addresses = [endpoint.address.split(".") for endpoint in loopback.endpoints.values()]
        assert [address[2:] for address in addresses] == [["1", "1"], ["2", "1"], ["3", "1"]]
        assert {endpoint.snmp_port for endpoint in loopback.endpoints.values()} == {16_100}
        assert {endpoint.api_port for endpoint in loopback.endpoints.values()} == {18_728}
    finally:
        loopback.close()


def test_ten_thousand_routers_have_ten_thousand_addresses() -> None:
    loopback = claim_loopback([str(number) for number in range(10_000)], Pretence(), BLOCK)
    loopback.close()
    addresses = {endpoint.address for endpoint in loopback.endpoints.values()}
    assert len(addresses) == 10_000
    assert not any(address.endswith((".0", ".255")) for address in addresses)


def test_two_simulators_side_by_side_take_different_blocks() -> None:
    first, second = (claim_loopback(NAMES, Pretence(), BLOCK) for _ in range(2))
    try:
        blocks = [loopback.endpoints["a"].address.split(".")[1] for loopback in (first, second)]
        assert blocks[0] != blocks[1]
    finally:
        first.close()
        second.close()


def test_where_there_is_only_127_0_0_1_each_router_has_ports_of_it_and_taken_ones_are_stepped_over() -> None:
    loopback = claim_loopback(NAMES, Pretence(own_addresses=False, taken=[41_000, 41_003]), port_base=41_000)
    loopback.close()
    ports = [port for end in loopback.endpoints.values() for port in (end.snmp_port, end.api_port)]
    assert {end.address for end in loopback.endpoints.values()} == {"127.0.0.1"}
    assert len(set(ports)) == 6
    assert not {41_000, 41_003} & set(ports)
    assert not loopback.has_own_addresses
    assert not loopback.can_silence


def test_when_no_port_is_left_that_is_said() -> None:
    with pytest.raises(LoopbackError, match="no free port for a"):
        claim_loopback(NAMES, Pretence(own_addresses=False, taken=range(65_530, 65_536)), port_base=65_530)


def test_the_dead_are_silenced_and_all_are_let_go_at_the_end() -> None:
    system = Pretence()
    loopback = claim_loopback(NAMES, system, BLOCK)
    a, b, _ = (loopback.endpoints[name].address for name in NAMES)
    system.asked.clear()
    loopback.silence(["a", "b"])
    loopback.silence(["b"])
    loopback.silence(["b"])
    loopback.close()
    loopback.close()
    assert system.asked == [("add", (a, b)), ("del", (a,)), ("del", (b,))]


def test_what_a_killed_simulator_left_behind_is_cleared_from_the_own_block_only() -> None:
    system = Pretence()
    probe = claim_loopback(NAMES, Pretence(), BLOCK)
    block = probe.endpoints["a"].address.split(".")[1]
    probe.close()
    system.swallowed = {f"127.{block}.7.1", "127.43.7.1"}
    claim_loopback(NAMES, system, int(block)).close()
    assert "127.43.7.1" in system.swallowed
    assert f"127.{block}.7.1" not in system.swallowed


def test_without_the_right_to_change_routes_only_ping_devices_are_given_out_with_ping() -> None:
    async def scene() -> None:
        system = Pretence(routes=False)
        async with SimulatedNetwork(
            load_network(VORALPNET), system=system, serve=[], first_block=BLOCK
        ) as network:
            probes = {
                device["name"]: [probe["kind"] for probe in device["probes"]]
                for device in network.inventory()["devices"]
            }
            assert probes["Kempten"] == ["snmp", "routeros"]
            assert probes["Höchst"] == ["icmp"]
            assert network.command(["kill", "Kempten"]) == "Kempten is dead"
            with pytest.raises(CommandError, match="answers nothing but pings"):
                network.command(["kill", "Höchst"])

    run(scene())


def test_a_network_on_ports_alone_answers_like_any_other() -> None:
    async def scene() -> None:
        async with SimulatedRouter(system=Pretence(own_addresses=False)) as router:
            assert router.snmp_address[0] == "127.0.0.1"
            assert await snmp_values("snmpget", router.snmp_address, "1.3.6.1.2.1.1.5.0") == ["Device"]
            assert await rows(await api(router.api_address), "/system/identity/print") == [{"name": "Device"}]
            kinds = [probe["kind"] for probe in router.inventory()["devices"][0]["probes"]]
            assert kinds == ["snmp", "routeros"]

    run(scene())
