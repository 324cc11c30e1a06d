"""What the monitor does of drivers that never end, and of probes that fall silent. Counterpart: `engine/monitor/poller.py`."""

from __future__ import annotations

import asyncio

from engine.monitor.poller import PROBE_LIMIT_S
from engine.monitor.schedule import promised_down_s
from tests.unit.inventories import device
from tests.unit.test_monitor import ICMP, ONE, SNMP, Answer, Network, simulate


def test_a_probe_that_rests_because_it_answers_nonsense_is_asked_when_another_falls_silent() -> None:
    both = device(1, probes=(ICMP, SNMP), interval_s=30.0)
    died_s = 1_000.0 + 1_200.0

    async def scenario(network: Network) -> None:
        network.garbled_probes.add("snmp")
        network.monitor.set_device(both)
        await asyncio.sleep(1_200)
        network.dead.add(both.id)
        await asyncio.sleep(400)

    network = simulate(scenario)
    heard = [o for o in network.answers(both.id) if o.at_us / 1e6 > died_s and o.failure]
    silent = {o.probe: o.at_us / 1e6 for o in reversed(heard) if o.failure and o.failure.kind == "no_answer"}
    assert silent["snmp"] < died_s + promised_down_s(30.0) + 5
    asked = network.times(both.id, died_s + 60, "snmp")
    assert len(asked) <= 6  # and then it rests again


def test_a_driver_that_never_ends_is_ended_closed_and_made_anew_while_others_go_on() -> None:
    two = device(2, probes=(SNMP,), interval_s=5.0)

    async def scenario(network: Network) -> None:
        network.dead.add(ONE.id)
        network.timeout_s = 1e6
        network.monitor.set_device(ONE)
        network.monitor.set_device(two)
        await asyncio.sleep(200)

    network = simulate(scenario)
    first, second, *_ = network.times(ONE.id)
    assert PROBE_LIMIT_S <= second - first <= PROBE_LIMIT_S * 1.5
    assert network.answers(ONE.id) == []
    assert network.closed >= 2
    assert len(network.times(two.id)) >= 39


def test_a_driver_that_is_slow_in_its_own_clean_up_is_told_to_end_once_and_left_to_it() -> None:
    ended: list[float] = []

    class Slow:
        async def read(self) -> Answer:
            try:
                await asyncio.sleep(1e6)
            finally:
                await asyncio.sleep(100)  # a second cancellation would cut it short
                ended.append(asyncio.get_running_loop().time())
            raise AssertionError("it never comes here")

        async def close(self) -> None:
            pass

    async def scenario(network: Network) -> None:
        network.monitor._make_driver = lambda device, probe: Slow()
        network.monitor.set_device(ONE)
        await asyncio.sleep(250)

    simulate(scenario)
    assert PROBE_LIMIT_S + 100 <= ended[0] - 1_000 <= PROBE_LIMIT_S * 1.5 + 100
