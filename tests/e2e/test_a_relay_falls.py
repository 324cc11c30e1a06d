"""The demo network, polled whole: a relay with four routers behind it dies, and is one alert; it comes back, and that was all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from domain.alerts import fingerprint
from simnet.network import VORALPNET, load_network
from simnet.serving import SimulatedNetwork
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess, Simulation, Typist

RELAY = "Nebelhorn"
INTERVAL_S = 11.0
"""So long that a machine may pause for twenty seconds and no router misses three polls."""
BROKEN = {"device_down", "link_down", "port_down", "cut_off"}
"""What a dead router may be told of as. That a simulated one answers late, on a machine that is busy, is another truth."""
CALM_WITHIN_S = 120.0
"""It takes some ten seconds; on a machine that has other things to do, more."""


def every(client: TestClient, table: str) -> list[Any]:
    """Return all that the client was told of in a table."""
    return [one for (kind, _), one in list(client.state.items()) if kind == table]


def broken(client: TestClient) -> list[Any]:
    """Return the alerts about what is broken, open or not."""
    return [alert for alert in every(client, "alert") if alert.rule in BROKEN]


def unrest(client: TestClient, devices: list[UUID]) -> list[Any]:
    """Return what is not up, or shown as broken."""
    health = [client.latest("health", id) or id for id in devices]
    return [
        *(one for one in health if getattr(one, "status", "") != "up"),
        *every(client, "fault"),
        *(alert for alert in broken(client) if alert.is_open),
    ]


def wait_for_calm(client: TestClient, devices: list[UUID]) -> None:
    """Wait until all are up and nothing is shown as broken; say what is, where it does not come."""
    try:
        client.wait_for(lambda: not unrest(client, devices), CALM_WITHIN_S)
    except AssertionError:
        assert unrest(client, devices) == []


def test_a_relay_that_dies_is_one_alert_and_what_is_behind_it_is_affected_until_it_is_back(
    tmp_path: Path,
) -> None:
    with Simulation() as simulation, EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        network = simulation.enter(SimulatedNetwork(load_network(VORALPNET), needs_path=True))
        typist = Typist(network.inventory(), INTERVAL_S)
        assert typist.type_in(client).refusals == ()
        devices = [typist.ids[name] for name in network.world.routers]
        wait_for_calm(client, devices)

        simulation.call(lambda: network.command(["kill", RELAY]))
        relay = typist.ids[RELAY]
        reached = simulation.call(network.world.reachable)
        behind: set[UUID] = {typist.ids[name] for name in network.world.routers.keys() - reached - {RELAY}}
        assert len(behind) == 4

        def affected() -> set[UUID]:
            fault = client.latest("fault", relay)
            return set(fault.affected) if fault is not None else set()

        client.wait_for(lambda: affected() == behind)
        alert = client.wait_for(lambda: client.latest("alert", fingerprint("device_down", relay)))
        assert alert.is_open and "behind it" in alert.reason
        client.wait_for(lambda: [fault.subject for fault in every(client, "fault")] == [relay])

        simulation.call(lambda: network.command(["revive", RELAY]))
        wait_for_calm(client, devices)
        assert [alert for alert in broken(client) if alert.subject != relay] == []
        assert engine.stop() == 0
    assert "bug" not in [line["event"] for line in engine.lines], engine.text[-4000:]
