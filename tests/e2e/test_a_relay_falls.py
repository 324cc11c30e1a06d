"""The demo network, polled whole: a relay with four routers behind it dies, and is one alert; it comes back, and that was all."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from domain.alerts import Alert, fingerprint
from domain.fault import Fault
from domain.health import Health
from simnet.network import VORALPNET, load_network
from simnet.serving import SimulatedNetwork
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess, Simulation, Typist

RELAY = "Nebelhorn"
INTERVAL_S = 2.0
CALM_WITHIN_S = 120.0
"""It takes some ten seconds; on a machine that has other things to do, more."""


def every(client: TestClient, kind: type) -> list:
    """Return all of a kind that the client was told of."""
    return [one for one in list(client.state.values()) if isinstance(one, kind)]


def is_calm(client: TestClient, devices: int) -> bool:
    """Tell whether all are up and nothing is shown as broken."""
    up = sum(health.status == "up" for health in every(client, Health))
    still_open = [alert for alert in every(client, Alert) if alert.is_open]
    return up == devices and not every(client, Fault) and not still_open


def test_a_relay_that_dies_is_one_alert_and_what_is_behind_it_is_affected_until_it_is_back(
    tmp_path: Path,
) -> None:
    with Simulation() as simulation, EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        network = simulation.enter(SimulatedNetwork(load_network(VORALPNET), needs_path=True))
        typist = Typist(network.inventory(), INTERVAL_S)
        assert typist.type_in(client).refusals == ()
        devices = len(network.world.routers)
        client.wait_for(lambda: is_calm(client, devices), CALM_WITHIN_S)

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
        assert [fault.subject for fault in every(client, Fault)] == [relay]

        simulation.call(lambda: network.command(["revive", RELAY]))
        client.wait_for(lambda: is_calm(client, devices), CALM_WITHIN_S)
        assert [alert.subject for alert in every(client, Alert)] == [relay]
        assert engine.stop() == 0
    assert "bug" not in [line["event"] for line in engine.lines], engine.text[-4000:]
