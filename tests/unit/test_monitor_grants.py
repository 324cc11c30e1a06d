"""What the monitor does when the time runs out until which it may ask. Counterpart: `engine/sync/polling.py`."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

from tests.unit.inventories import device
from tests.unit.test_monitor import ICMP, Network, simulate

MANY = [device(number, probes=(ICMP,), interval_s=10.0) for number in range(1, 60)]
LOOKS_CAP = 20_000


def test_a_time_that_ends_in_the_midst_of_a_batch_ends_the_batch() -> None:
    async def scenario(network: Network) -> None:
        monitor, clock = network.monitor, network.monitor._clock
        for one in MANY:
            monitor.set_device(one)
        monitor.ask_until(clock())
        await asyncio.sleep(30)  # all are due, and stand in line for when it goes on
        looks = 0

        def later_with_each_look() -> float:
            nonlocal looks
            looks += 1
            assert looks < LOOKS_CAP, "it goes round and asks nobody"
            return clock() + looks * 0.001

        monitor._clock = later_with_each_look
        monitor.ask_until(clock() + 0.03)
        await asyncio.sleep(1)
        monitor._clock = clock
        monitor.ask_until(math.inf)
        await asyncio.sleep(15)

    network = simulate(scenario)
    asked = [network.times(one.id) for one in MANY]
    assert all(asked), "whom there was no time left for is asked when there is"


def test_who_is_not_asked_for_a_while_stays_connected_and_is_asked_again() -> None:
    one = MANY[0]

    async def scenario(network: Network) -> None:
        network.monitor.set_device(one)
        await asyncio.sleep(25)
        network.monitor.ask_until(network.monitor._clock())
        await asyncio.sleep(100)
        network.monitor.ask_until(math.inf)
        await asyncio.sleep(25)
        assert network.closed == 0

    times = simulate(scenario).times(one.id)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 90 < max(gaps) < 120 and len(times) >= 5
