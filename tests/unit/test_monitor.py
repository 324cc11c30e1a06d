"""The monitor against made-up drivers, in virtual time: who is asked when, and what a failure does to others."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

import pytest

from domain.errors import BadReply, DeviceError, NoAnswer
from domain.inventory import Device, Probe
from domain.observation import Observation, Reading
from engine.monitor.lanes import lanes
from engine.monitor.poller import TOGETHER_S, Monitor
from tests.unit.inventories import device
from tests.unit.virtual_time import run

VANTAGE = UUID(int=99)
SNMP = Probe("snmp", 161)
ICMP = Probe("icmp")


class Answer(NamedTuple):
    """What a driver gives."""

    rtt_us: int
    reading: Reading


class Network:
    """All drivers of a test: who is asked when, and how each one answers."""

    def __init__(self, **caps: int) -> None:
        loop = asyncio.get_running_loop()
        self.dead: set[UUID] = set()
        self.buggy: set[UUID] = set()
        self.silent_probes: set[str] = set()
        self.garbled_probes: set[str] = set()
        self.answer_s = 0.01
        self.timeout_s = 2.0
        self.asked: list[tuple[float, UUID, str]] = []
        self.seen: list[Observation] = []
        self.visits: list[UUID] = []
        self.made = 0
        self.closed = 0
        self.clock = loop.time
        self.monitor = Monitor(
            VANTAGE,
            make_driver=self._make,
            on_observation=self.seen.append,
            on_visit_over=self.visits.append,
            clock=loop.time,
            now_us=lambda: int(loop.time() * 1e6),
            lanes_by_kind=lanes({"icmp": 2000, "snmp": 2000, "routeros": 400, "tcp": 400, **caps}),  # type: ignore[dict-item]
        )
        self._task = loop.create_task(self.monitor.run())

    def _make(self, device: Device, probe: Probe) -> _Driver:
        self.made += 1
        return _Driver(self, device, probe)

    def times(self, id: UUID, since_s: float = 0.0, probe: str | None = None) -> list[float]:
        """Return when a device was asked."""
        return [at for at, who, kind in self.asked if who == id and at >= since_s and probe in (None, kind)]

    def answers(self, id: UUID) -> list[Observation]:
        """Return what was observed of a device."""
        return [o for o in self.seen if o.device == id]

    async def close(self) -> None:
        """Stop asking."""
        self._task.cancel()
        await self.monitor.close()


class _Driver:
    def __init__(self, network: Network, device: Device, probe: Probe) -> None:
        self.network, self.device, self.probe = network, device, probe

    async def read(self) -> Answer:
        network, id = self.network, self.device.id
        network.asked.append((network.clock(), id, self.probe.kind))
        if id in network.buggy:
            raise KeyError("a bug")
        if id in network.dead or self.probe.kind in network.silent_probes:
            await asyncio.sleep(network.timeout_s)
            raise NoAnswer("nothing came back")
        if self.probe.kind in network.garbled_probes:
            raise BadReply("nonsense")
        await asyncio.sleep(network.answer_s)
        return Answer(10_000, Reading())

    async def close(self) -> None:
        self.network.closed += 1


def simulate(scenario: Callable[[Network], Awaitable[None]], **caps: int) -> Network:
    """Run a scenario in virtual time and return its network."""

    async def main() -> Network:
        network = Network(**caps)
        await scenario(network)
        await network.close()
        return network

    return run(main())


ONE = device(1, probes=(SNMP,), interval_s=5.0)
TWO = device(2, probes=(SNMP,), interval_s=5.0)


def test_a_new_device_is_asked_at_once_and_then_each_interval() -> None:
    async def scenario(network: Network) -> None:
        network.monitor.set_device(ONE)
        await asyncio.sleep(60)

    times = simulate(scenario).times(ONE.id)
    assert times[0] < 1_000.1
    gaps = [round(b - a, 1) for a, b in itertools.pairwise(times[1:])]
    assert set(gaps) == {5.0} and len(times) in (12, 13)


def test_a_silent_device_is_asked_again_after_a_second_and_after_three_misses_each_interval() -> None:
    async def scenario(network: Network) -> None:
        network.timeout_s = 0.5
        network.dead.add(ONE.id)
        network.monitor.set_device(ONE)
        await asyncio.sleep(60)

    network = simulate(scenario)
    times = network.times(ONE.id)
    assert [round(t - times[0], 1) for t in times[1:3]] == [1.5, 3.0]
    gaps = [b - a for a, b in itertools.pairwise(times[3:])]
    assert all(abs(gap - 5.0) <= TOGETHER_S for gap in gaps)
    assert all(o.failure and o.failure.kind == "no_answer" for o in network.answers(ONE.id))
    assert network.monitor.figures.failures == network.monitor.figures.polls["snmp"] == len(network.seen)


def test_a_failed_probe_rests_longer_while_the_scout_goes_on_and_its_answer_wakes_the_rest() -> None:
    both = device(1, probes=(ICMP, SNMP), interval_s=5.0)
    revived_s = 1_200.0

    async def scenario(network: Network) -> None:
        network.monitor.set_device(both)
        await asyncio.sleep(20)
        network.dead.add(both.id)
        await asyncio.sleep(revived_s - network.clock())
        network.dead.clear()
        await asyncio.sleep(20)

    network = simulate(scenario)
    dead_s = 1_020.0
    scout = [t for t in network.times(both.id, dead_s, "icmp") if t < revived_s]
    rested = [t for t in network.times(both.id, dead_s, "snmp") if t < revived_s]
    assert len(scout) >= 34 and max(b - a for a, b in itertools.pairwise(scout)) < 6
    assert len(rested) < 14
    first_answer = next(o for o in network.seen if o.at_us > revived_s * 1e6 and o.reading)
    assert first_answer.probe == "icmp" and first_answer.at_us < (revived_s + 6) * 1e6
    assert network.times(both.id, revived_s, "snmp")[0] < first_answer.at_us / 1e6 + 0.1


def test_the_dead_delay_nobody_even_when_they_are_nine_of_ten() -> None:
    devices = [device(n, probes=(SNMP,), interval_s=10.0) for n in range(1, 1001)]
    living = devices[::10]

    async def scenario(network: Network) -> None:
        network.dead.update(d.id for d in devices if d not in living)
        for one in devices:
            network.monitor.set_device(one)
        await asyncio.sleep(100)  # until each has missed once
        network.monitor.figures.take_lags_s()
        network.asked.clear()
        await asyncio.sleep(100)

    network = simulate(scenario, snmp=40)
    assert {len(network.times(d.id)) for d in living} <= {10, 11}
    assert network.monitor.figures.take_lags_s()[0] < TOGETHER_S + 0.01


def test_a_device_without_its_secret_is_a_failed_poll_not_a_bug() -> None:
    class NoSecret(DeviceError):
        kind = "bad_credentials"

    async def scenario(network: Network) -> None:
        def refuse(device: Device, probe: Probe) -> _Driver:
            raise NoSecret("the secret is not on this computer")

        network.monitor._make_driver = refuse
        network.monitor.set_device(ONE)
        await asyncio.sleep(1)

    (seen,) = simulate(scenario).seen
    assert seen.failure is not None and seen.failure.kind == "bad_credentials"


def test_a_paused_device_is_not_asked_and_a_resumed_one_at_once() -> None:
    async def scenario(network: Network) -> None:
        network.monitor.set_device(ONE)
        await asyncio.sleep(10)
        network.monitor.set_device(device(1, probes=(SNMP,), interval_s=5.0, paused=True))
        await asyncio.sleep(100)
        network.monitor.set_device(ONE)
        await asyncio.sleep(1)

    network = simulate(scenario)
    assert [t for t in network.times(ONE.id) if 1_010.1 < t < 1_110] == []
    assert network.times(ONE.id)[-1] == pytest.approx(1_110, abs=0.1)


def test_a_device_that_may_is_asked_half_as_often_after_ten_quiet_polls_and_anew_after_a_miss() -> None:
    async def scenario() -> None:
        network, slow, steady = (
            Network(),
            device(1, interval_s=30.0, may_slow=True),
            device(2, interval_s=30.0),
        )
        network.monitor.set_device(slow)
        network.monitor.set_device(steady)
        await asyncio.sleep(3000)
        at_s = network.times(slow.id)
        gaps = [round(b - a) for a, b in itertools.pairwise(at_s)]
        assert gaps[2:9] == [30] * 7
        assert set(gaps[12:18]) == {60}
        assert gaps[-1] > 100
        assert max(round(b - a) for a, b in itertools.pairwise(network.times(steady.id)[2:])) == 30
        network.dead.add(slow.id)
        await asyncio.sleep(330)
        network.dead.clear()
        since_s = network.clock()
        await asyncio.sleep(200)
        assert len(network.times(slow.id, since_s)) >= 6
        await network.close()

    run(scenario())


def test_even_at_its_slowest_a_device_is_asked_every_five_minutes() -> None:
    async def scenario() -> None:
        network, slow = Network(), device(1, interval_s=30.0, may_slow=True)
        network.monitor.set_device(slow)
        await asyncio.sleep(40_000)
        gaps = [b - a for a, b in itertools.pairwise(network.times(slow.id)[-20:])]
        assert max(gaps) <= 300.001
        await network.close()

    run(scenario())


def test_a_pause_with_an_end_ends_by_itself() -> None:
    async def scenario() -> None:
        network = Network()
        until_s = network.clock() + 600
        rested = device(1, paused_until_us=int(until_s * 1e6))
        network.monitor.set_device(rested)
        assert not network.monitor.probe_now(rested.id)
        await asyncio.sleep(1000)
        assert until_s - 0.001 <= network.times(rested.id)[0] < until_s + 1
        assert network.monitor.probe_now(rested.id)
        await network.close()

    run(scenario())


def test_a_removed_device_is_silent_at_once_even_with_a_probe_in_flight() -> None:
    async def scenario(network: Network) -> None:
        network.answer_s = 1.0
        network.monitor.set_device(ONE)
        await asyncio.sleep(0.5)
        network.monitor.remove_device(ONE.id)
        await asyncio.sleep(20)

    network = simulate(scenario)
    assert len(network.asked) == 1 and network.seen == []
    assert network.monitor.figures.in_flight == 0
    assert network.made == network.closed == 1


def test_a_new_address_makes_new_drivers_and_a_new_name_does_not() -> None:
    async def scenario(network: Network) -> None:
        network.monitor.set_device(ONE)
        await asyncio.sleep(7)
        network.monitor.set_device(device(1, probes=(SNMP,), interval_s=5.0, name="other"))
        await asyncio.sleep(7)
        assert network.made == 1
        network.monitor.set_device(device(1, probes=(SNMP,), interval_s=5.0, address="10.9.9.9"))
        await asyncio.sleep(0.1)
        assert network.made == 2
        network.monitor.set_device(network.monitor._visited[ONE.id].device, renew=True)
        await asyncio.sleep(0.1)

    network = simulate(scenario)
    assert (network.made, network.closed) == (3, 3)


def test_probe_now_asks_at_once_what_rests_too() -> None:
    async def scenario(network: Network) -> None:
        network.silent_probes.add("snmp")
        network.monitor.set_device(device(1, probes=(ICMP, SNMP), interval_s=60.0))
        await asyncio.sleep(400)
        before = len(network.times(ONE.id, probe="snmp"))
        assert network.monitor.probe_now(ONE.id)
        await asyncio.sleep(0.01)
        assert len(network.times(ONE.id, probe="snmp")) == before + 1
        assert not network.monitor.probe_now(TWO.id)

    simulate(scenario)


def test_probe_now_during_a_visit_makes_another_right_after_it() -> None:
    async def scenario(network: Network) -> None:
        network.answer_s = 1.0
        network.monitor.set_device(ONE)
        await asyncio.sleep(0.5)
        network.monitor.probe_now(ONE.id)
        await asyncio.sleep(1.0)

    times = simulate(scenario).times(ONE.id)
    assert [round(t - times[0], 2) for t in times] == [0.0, 1.0]


def test_many_devices_at_once_begin_a_hundred_a_second() -> None:
    devices = [device(n, probes=(ICMP,), interval_s=300.0) for n in range(1, 201)]

    async def scenario(network: Network) -> None:
        for one in devices:
            network.monitor.set_device(one)
        await asyncio.sleep(1.0)
        assert 85 <= len(network.asked) <= 105
        await asyncio.sleep(1.1)
        assert len(network.asked) == 200

    simulate(scenario)


def test_a_visit_is_over_when_its_slowest_probe_is() -> None:
    async def scenario(network: Network) -> None:
        network.silent_probes.add("snmp")
        network.monitor.set_device(device(1, probes=(ICMP, SNMP), interval_s=30.0))
        await asyncio.sleep(1.9)
        assert [o.probe for o in network.seen] == ["icmp"] and network.visits == []
        await asyncio.sleep(0.2)
        assert network.visits == [ONE.id]

    simulate(scenario)


def test_a_slow_probe_delays_no_other_of_its_device() -> None:
    async def scenario(network: Network) -> None:
        network.timeout_s = 12.0
        network.silent_probes.add("snmp")
        network.monitor.set_device(device(1, probes=(ICMP, SNMP), interval_s=5.0))
        await asyncio.sleep(61)

    network = simulate(scenario)
    gaps = [b - a for a, b in itertools.pairwise(network.times(ONE.id, probe="icmp")[1:])]
    assert len(gaps) >= 10 and all(abs(gap - 5.0) <= TOGETHER_S for gap in gaps)
    assert len(network.times(ONE.id, probe="snmp")) == 5
    assert len(network.visits) >= 11, "each visit is a sample of its own"


def test_figures_are_plain_data() -> None:
    async def scenario(network: Network) -> None:
        network.monitor.set_device(ONE)
        await asyncio.sleep(12)

    figures = simulate(scenario).monitor.figures
    assert json.dumps(figures.polls) == '{"snmp": 3}' and figures.in_flight == 0
