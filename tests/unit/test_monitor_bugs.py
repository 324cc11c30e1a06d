"""What a bug behind the monitor costs: the poll it is in, never the device, and never another one's."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

import pytest

from tests.unit.inventories import device
from tests.unit.test_monitor import ICMP, ONE, SNMP, TWO, Network, simulate


def test_a_bug_in_one_driver_is_logged_with_its_device_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(network: Network) -> None:
        network.buggy.add(ONE.id)
        network.monitor.set_device(ONE)
        network.monitor.set_device(TWO)
        await asyncio.sleep(30)
        network.buggy.clear()
        await asyncio.sleep(30)

    with caplog.at_level(logging.ERROR):
        network = simulate(scenario)
    bugs = [r for r in caplog.records if r.getMessage() == "bug"]
    assert bugs and all(r.__dict__["device_id"] == ONE.id and r.exc_info for r in bugs)
    assert len(network.answers(TWO.id)) >= 12
    assert [o for o in network.answers(ONE.id) if o.at_us < 1_030e6] == []
    assert network.made == network.closed == len(bugs) + 2, "a driver with a bug is replaced"
    assert len(network.answers(ONE.id)) >= 5


def test_a_driver_that_never_ends_is_a_bug_and_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(network: Network) -> None:
        network.answer_s = 1e9
        network.monitor.set_device(ONE)
        await asyncio.sleep(130)

    with caplog.at_level(logging.ERROR):
        network = simulate(scenario)
    assert len(network.times(ONE.id)) == 3
    assert network.seen == []


def test_a_bug_behind_a_visits_end_does_not_lose_the_device() -> None:
    """A slow probe leaves the visit open, so that the end of it comes with the next visit's begin."""

    async def scenario(network: Network) -> None:
        def fail(id: UUID) -> None:
            raise KeyError("a bug")

        network.monitor._on_visit_over = fail
        network.answer_s = 0.01
        network.silent_probes = {"snmp"}
        network.timeout_s = 55.0
        network.monitor.set_device(device(1, probes=(ICMP, SNMP), interval_s=10.0))
        with pytest.raises(KeyError):
            await network._task
        network._task = asyncio.get_running_loop().create_task(network.monitor.run())
        since_s = network.clock()
        network.monitor._on_visit_over = network.visits.append
        await asyncio.sleep(30)
        assert network.times(UUID(int=1), since_s, "icmp")

    simulate(scenario)
