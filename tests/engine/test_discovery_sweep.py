"""A sweep and a walk as operations: what they find, at what pace, and that they rest and end when they are told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.device_facts import Neighbour
from domain.discovering import Asking, SweepSettings, WalkSettings
from domain.finding import Find, KnownDevice, Match, Seen, known_device
from domain.inventory import Device
from domain.operation import Operation
from engine.discovery import prober as prober_module
from engine.discovery.prober import Met
from engine.discovery.queue import ReviewQueue
from engine.discovery.sweep import CATCH_UP_S, Pace, Sweep
from engine.discovery.walk import MET_AT_ONCE, Walk, find_of
from engine.operations import Operations, Work
from simnet.network import VORALPNET, load_network
from simnet.serving import SimulatedNetwork
from simnet.usm import SnmpUser
from tests.engine.discovery_peers import FAST, NET, community, prober, snmpds, transports, until_answering
from tests.engine.peers import until
from tests.ports import free_port

A = UUID(int=0xA)


class Bench:
    """A queue, and operations that are watched."""

    def __init__(self, *known: KnownDevice) -> None:
        devices = {device.id: device for device in known}
        times = itertools.count(1_000_000)
        ids = itertools.count(1)
        self.told: list[Operation] = []
        self.queue = ReviewQueue(
            known_of=devices.get, changed=lambda _put, _gone: None, now_us=lambda: next(times)
        )
        self.queue.load((), devices)
        self.queue.refresh()
        self.operations = Operations(
            changed=self.told.append,
            note=lambda _turn, _operation: None,
            forgotten=lambda _id: None,
            new_id=lambda: UUID(int=next(ids)),
            now_us=lambda: next(times),
        )

    def take(self, met: Met) -> Match | None:
        return self.queue.take(met.find)

    async def run(self, work: Work) -> Operation:
        id = self.operations.start("sweep", "a test", work).id
        await until(lambda: self.told[-1].id == id and self.told[-1].has_ended)
        return self.told[-1]

    @property
    def finds(self) -> dict[str, Find]:
        """Finds by name, without their times."""
        timeless = msgspec.structs.replace
        return {
            find.name: timeless(
                find,
                first_us=0,
                last_us=0,
                sources=tuple(sorted((timeless(s, at_us=0) for s in find.sources), key=str)),
            )
            for find in self.queue
        }


@pytest.fixture(autouse=True)
def looked_at_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have agents looked at whole, however slow the machine: what takes more than its share of the time stays unknown."""
    monkeypatch.setattr(prober_module, "LOOK_S", 1_000.0)
    monkeypatch.setattr(prober_module, "HOST_S", 1_000.0)


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 120))  # type: ignore[arg-type]


def test_two_sweeps_of_a_range_give_the_same_finds_and_each_says_what_came_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        agents = {f"{NET}.3": "attic-3", f"{NET}.5": "attic-5"}
        dead = [f"{NET}.{n}" for n in range(1, 15) if n not in (3, 5, 9)]
        settings = SweepSettings(f"{NET}.0/28", Asking(snmp_port=port, ports=(), rate_per_s=FAST))
        bench = Bench()
        with snmpds(tmp_path, port, agents):
            async with transports(dead) as (made, icmp):
                await until_answering(made, agents, port)
                icmp.pinged.clear()
                asking = prober(made, [community()], settings.asking)
                first = await bench.run(Sweep(settings, asking, bench.take))
                found = bench.finds
                assert sorted(icmp.pinged) == sorted(f"{NET}.{n}" for n in range(1, 15))
                second = await bench.run(Sweep(settings, asking, bench.take))
        assert set(found) == {"attic-3", "attic-5", f"{NET}.9"}
        assert bench.finds == found
        assert found["attic-3"].addresses == (f"{NET}.3",)
        assert found["attic-3"].engine_id != found["attic-5"].engine_id
        assert found["attic-3"].match.kind == "new"
        assert (first.state, first.done, first.total) == ("done", 14, 14)
        assert first.result_words == second.result_words == "14 addresses asked, 3 answered: 3 new"

    run(main)


def test_a_device_that_moved_is_recognised_and_one_at_its_place_is_known(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        agents = {f"{NET}.19": "here", f"{NET}.21": "moved"}
        asking = Asking(snmp_port=port, ports=(), rate_per_s=FAST)
        with snmpds(tmp_path, port, agents):
            async with transports() as (made, _):
                await until_answering(made, agents, port)
                first = Bench()
                made_prober = prober(made, [community()], asking)
                await first.run(Sweep(SweepSettings(", ".join(agents), asking), made_prober, first.take))
                engine_id = first.finds["moved"].engine_id
                here = known_device(Device(UUID(int=1), "Here", f"{NET}.19"), {}, False)
                moved = known_device(Device(A, "Hilltop", "10.9.9.9"), {}, False)
                keys = msgspec.structs.replace(moved.keys, engine_id=engine_id)
                bench = Bench(here, msgspec.structs.replace(moved, keys=keys))
                ended = await bench.run(
                    Sweep(SweepSettings(", ".join(agents), asking), made_prober, bench.take)
                )
        assert ended.result_words == "2 addresses asked, 2 answered: 1 known, 1 moved"
        assert [(find.match.kind, find.match.devices) for find in bench.queue] == [("moved", (A,))]
        said = f"Hilltop was at 10.9.9.9 and is now at {NET}.21: SNMP engine id {engine_id}"
        assert bench.finds["moved"].match.words == said

    run(main)


def test_a_sweep_begins_nothing_while_it_is_paused_and_ends_at_once_when_it_is_cancelled() -> None:
    async def main() -> None:
        bench = Bench()
        settings = SweepSettings("127.31.0.0/20", Asking(ports=(), rate_per_s=200, snmp_port=free_port()))
        async with transports([f"127.31.{a}.{b}" for a in range(16) for b in range(256)]) as (made, icmp):
            sweep = Sweep(settings, prober(made, [], settings.asking), bench.take)
            id = bench.operations.start("sweep", "a test", sweep, sweep.total).id
            await until(lambda: len(icmp.pinged) > 10)
            assert bench.operations.pause(id)
            begun = len(icmp.pinged)
            await asyncio.sleep(0.1)
            assert len(icmp.pinged) <= begun + 1
            bench.operations.resume(id)
            await until(lambda: len(icmp.pinged) > begun + 10)
            assert bench.operations.cancel(id)
            await asyncio.sleep(0.05)  # what began in the last turn of the loop
            begun = len(icmp.pinged)
            await asyncio.sleep(0.05)
            assert len(icmp.pinged) == begun
        ended = bench.told[-1]
        assert ended.state == "cancelled"
        assert ended.result_words.endswith("addresses asked, 0 answered")
        assert 0 < ended.done < ended.total == 4_094

    run(main)


def test_a_sweep_interleaves_its_networks() -> None:
    async def main() -> None:
        bench = Bench()
        settings = SweepSettings("127.31.0.0/22", Asking(ports=(), rate_per_s=FAST, snmp_port=free_port()))
        async with transports([f"127.31.{a}.{b}" for a in range(4) for b in range(256)]) as (made, icmp):
            await bench.run(Sweep(settings, prober(made, [], settings.asking), bench.take))
        networks = [address.rpartition(".")[0] for address in icmp.pinged[8:1_000]]
        assert all(a != b for a, b in itertools.pairwise(networks))

    run(main)


def test_the_pace_is_kept_and_a_rest_is_not_made_up_for() -> None:
    now_s, rests = [0.0], []

    async def rest(for_s: float) -> None:
        rests.append(for_s)
        now_s[0] += for_s

    async def main() -> None:
        pace = Pace(50.0, lambda: now_s[0], rest)
        for _ in range(101):
            await pace.turn()
        assert now_s[0] == pytest.approx(2.0)
        now_s[0] += 3_600
        begun_s = now_s[0]
        for _ in range(101):
            await pace.turn()
        assert now_s[0] - begun_s == pytest.approx(2.0 - CATCH_UP_S, abs=0.021)

    asyncio.run(main())


_PLAIN = load_network(VORALPNET)
VORALP = msgspec.structs.replace(_PLAIN, snmp=msgspec.structs.replace(_PLAIN.snmp, users=(SnmpUser("anna"),)))
"""With agents that say their engine id, so that no question waits in vain."""


def test_a_walk_finds_a_whole_network_from_one_router() -> None:
    async def main() -> None:
        bench = Bench()
        async with SimulatedNetwork(VORALP) as network, transports() as (made, _):
            port = network.loopback.endpoints["Kempten"].snmp_port
            asking = Asking(snmp_port=port, ports=(), rate_per_s=FAST)
            seed = network.loopback.endpoints["Kempten"].address
            settings = WalkSettings(addresses=(seed,), depth=32, asking=asking)
            ended = await bench.run(
                Walk(
                    settings,
                    prober(made, [community(VORALP.snmp.community)], asking),
                    bench.take,
                    neighbours_of=lambda _id: (),
                    device_at=lambda _address: None,
                    now_us=lambda: 1,
                )
            )
            named = [
                router for router in VORALP.routers if "snmp" in router.probes or "routeros" in router.probes
            ]
            serials = {find.serial for find in bench.queue}
            asked = {
                router.serial
                for router in named
                if "snmp" in router.probes and _is_mikrotik(network, router.name)
            }
            assert asked <= serials
        assert ended.state == "done"
        assert ended.result_words.startswith(
            f"0 devices followed, {ended.done} addresses asked, {ended.done} answered"
        )

    run(main)


def _is_mikrotik(network: SimulatedNetwork, name: str) -> bool:
    return network.world.routers[name].board.make == "mikrotik"


def heard(*addresses: str) -> list[Neighbour]:
    found = []
    for address in addresses:
        last = int(address.rpartition(".")[2])
        found.append(Neighbour("ether1", f"48:8F:5A:00:00:{last:02X}", address, f"r{last}"))
    return found


def walk(
    bench: Bench, made: object, settings: WalkSettings, known: dict[UUID, list[Neighbour]], **at: UUID
) -> Walk:
    by_address = {address.replace("_", "."): id for address, id in at.items()}
    return Walk(
        settings,
        made,  # type: ignore[arg-type]
        bench.take,
        neighbours_of=lambda id: known.get(id, ()),
        device_at=by_address.get,
        now_us=lambda: 1,
    )


def test_a_walk_follows_devices_of_the_inventory_without_asking_them_and_asks_whom_they_name() -> None:
    async def main() -> None:
        bench = Bench()
        first, second = UUID(int=1), UUID(int=2)
        known = {first: heard(f"{NET}.40", f"{NET}.41"), second: heard(f"{NET}.40", f"{NET}.42", f"{NET}.39")}
        asking = Asking(ports=(), rate_per_s=FAST, snmp_port=free_port())
        async with transports() as (made, icmp):
            settings = WalkSettings(devices=(first,), asking=asking)
            at = {f"{NET}.40".replace(".", "_"): second, f"{NET}.39".replace(".", "_"): first}
            ended = await bench.run(walk(bench, prober(made, [], asking), settings, known, **at))
        assert sorted(icmp.pinged) == [f"{NET}.41", f"{NET}.42"]
        assert ended.result_words.startswith("2 devices followed, 2 addresses asked, 2 answered")
        found = {find.addresses[0]: find for find in bench.queue}
        assert set(found) == {f"{NET}.41", f"{NET}.42"}
        assert {(s.source, s.by) for s in found[f"{NET}.42"].sources} == {
            ("neighbour", second),
            ("sweep", None),
        }

    run(main)


@pytest.mark.parametrize(
    ("settings", "pinged", "said"),
    [
        (WalkSettings(), [f"{NET}.41"], "1 left alone that are public: name their ranges to have them asked"),
        (WalkSettings(within="10.0.0.0/8"), [], "2 left alone that are outside the ranges"),
        (WalkSettings(within=f"{NET}.41", most=1), [f"{NET}.41"], "1 left alone that are outside the ranges"),
    ],
)
def test_a_walk_stays_at_home(settings: WalkSettings, pinged: list[str], said: str) -> None:
    async def main() -> None:
        bench = Bench()
        asking = Asking(ports=(), rate_per_s=FAST, snmp_port=free_port())
        wanted = msgspec.structs.replace(settings, devices=(A,), asking=asking)
        async with transports() as (made, icmp):
            known = {
                A: [*heard(f"{NET}.41", "8.8.8.8"), Neighbour("ether9", "48:8F:5A:00:00:99", "", "silent")]
            }
            ended = await bench.run(walk(bench, prober(made, [], asking), wanted, known))
        assert icmp.pinged == pinged
        assert ended.result_words.endswith(said)
        assert {"r41", "r8", "silent"} == {find.name for find in bench.queue}

    run(main)


def test_a_walk_asks_no_more_than_it_may_and_goes_no_deeper() -> None:
    async def main() -> None:
        asking = Asking(ports=(), rate_per_s=FAST, snmp_port=free_port())
        async with transports() as (made, icmp):
            bench = Bench()
            settings = WalkSettings(devices=(A,), most=2, asking=asking)
            known = {A: heard(f"{NET}.50", f"{NET}.51", f"{NET}.52")}
            ended = await bench.run(walk(bench, prober(made, [], asking), settings, known))
            assert len(icmp.pinged) == 2
            assert ended.result_words.endswith("1 not asked, for 2 is the most")
            chain = {UUID(int=n): heard(f"{NET}.{60 + n}") for n in range(1, 9)}
            at = {f"{NET}.{60 + n}".replace(".", "_"): UUID(int=n + 1) for n in range(1, 9)}
            settings = WalkSettings(devices=(UUID(int=1),), depth=3, asking=asking)
            ended = await bench.run(walk(bench, prober(made, [], asking), settings, chain, **at))
            assert ended.result_words.startswith("4 devices followed, 0 addresses asked")

    run(main)


def test_a_walk_among_many_lets_others_run_and_meets_nobody_while_it_is_paused() -> None:
    async def main() -> None:
        bench, turns = Bench(), 0
        named = [Neighbour("ether1", mac=f"48:8F:5A:00:{n >> 8:02X}:{n & 255:02X}") for n in range(400)]
        made = walk(bench, None, WalkSettings(devices=(A,)), {A: named})
        id = bench.operations.start("walk", "a test", made).id
        assert bench.operations.pause(id)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(bench.queue) == 0
        assert bench.operations.resume(id)
        while not bench.told[-1].has_ended:
            await asyncio.sleep(0)
            turns += 1
        assert len(bench.queue) == 400
        assert turns >= 400 // MET_AT_ONCE

    run(main)


def test_a_neighbour_is_a_find_with_who_hears_it_where() -> None:
    find = find_of(
        Neighbour("ether1", "48:8f:5a:00:00:01", "10.0.0.1", "r1", "ether2", "MikroTik", "7.1", "RB"), A, 5
    )
    assert find is not None
    assert find.sources == (Seen("neighbour", 5, A, "ether1"),)
    assert (find.vendor, find.version, find.board) == ("MikroTik", "7.1", "RB")
    assert find_of(Neighbour("ether1", "", "fe80::1", "r1"), A, 5) is None
