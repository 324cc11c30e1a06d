"""A status, from the packet to the client: the engine as a process polls simulated routers over their real protocols."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.alerts import fingerprint
from domain.edit import Edit, change, creation
from domain.inventory import Device, Probe
from domain.wire import (
    ActOnAlert,
    Alive,
    ProbeNow,
    QueryJournal,
    QuerySeries,
    SubmitEdit,
    Watch,
)
from simnet.hostile import HOSTILE_IDENTITY, ApiTrick, HostileRouter, SnmpTrick
from simnet.serving import SimulatedNetwork, SimulatedRouter
from simnet.synthetic import build_network
from tests.engine.client import WAIT_S, TestClient
from tests.engine.engine_process import EngineProcess, Simulation, Typist
from tests.unit.inventories import edit

INTERVAL_S = 1.0


class Walk:
    """Five routers, an engine that polls them, and a client."""

    def __init__(self, simulation: Simulation, engine: EngineProcess, client: TestClient) -> None:
        self.client = client
        self.engine = engine
        self.simulation = simulation
        self.network = simulation.enter(SimulatedNetwork(build_network(5)))
        self.typist = Typist(self.network.inventory(), INTERVAL_S)
        assert self.typist.type_in(client).refusals == ()
        self.routers = [d.id for d in self.devices()]
        for id in self.routers:
            self.client.wait_for(lambda i=id: self.all_answer(i) or None)

    def devices(self) -> list[Device]:
        """Return the devices that were typed in."""
        return [v for (table, _), v in list(self.client.state.items()) if table == "device"] or self._later()

    def _later(self) -> list[Device]:
        self.client.wait_for(lambda: any(table == "device" for table, _ in self.client.state) or None)
        return self.devices()

    def all_answer(self, id: UUID) -> bool:
        """Tell whether every probe of a device has answered by now."""
        health, device = self.client.latest("health", id), self.client.latest("device", id)
        return health is not None and {n for n, p in health.probes.items() if p.answering} >= {
            p.kind for p in device.probes
        }

    def wait_for_status(self, id: UUID, status: str, client: TestClient | None = None) -> Any:
        """Wait until a device has a status, at a client or the one of this walk, and return its health."""
        client = client or self.client

        def found() -> Any:
            health = client.latest("health", id)
            return health if health is not None and health.status == status else None

        return client.wait_for(found)

    def command(self, *words: str) -> float:
        """Do something to the network; returns when, as the loop of the simulation tells time."""
        self.simulation.call(lambda: self.network.command(words))
        return self.simulation.call(self.simulation.loop.time)

    def hears_again(self, rounds: int) -> None:
        """Wait until each router was heard so many times more; whoever holds up what they wait for holds this up too."""
        for _ in range(rounds):
            before = {id: self.client.latest("health", id).heard_us for id in self.routers}
            for id, heard_us in before.items():
                self.client.wait_for(lambda i=id, us=heard_us: self.client.latest("health", i).heard_us > us)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    with Simulation() as simulation, EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        yield Walk(simulation, engine, client)
        assert "bug" not in [line["event"] for line in engine.lines], engine.text[-4000:]


def test_a_router_that_is_killed_is_down_as_promised_and_up_again_with_its_alert(walk: Walk) -> None:
    victim = walk.routers[2]
    name = walk.client.latest("device", victim).name
    walk.command("kill", name)
    walk.wait_for_status(victim, "down")  # how soon is exact in virtual time: test_monitor
    alert = walk.client.wait_for(lambda: walk.client.latest("alert", fingerprint("device_down", victim)))
    assert alert.is_open and alert.severity == "critical"
    assert walk.client.ask(lambda n: ActOnAlert(n, alert.id, "acknowledge", "mara")).refusals == ()
    walk.client.wait_for(lambda: walk.client.latest("alert", alert.id).acknowledged_by or None)
    walk.command("revive", name)
    walk.wait_for_status(victim, "up")
    walk.client.wait_for(lambda: walk.client.latest("alert", alert.id).cleared_us)
    rows = walk.client.ask(lambda n: QueryJournal(n, victim)).result["rows"]
    told = [(row["kind"], row["body"].get("status")) for row in reversed(rows)]
    for one in [
        ("status", "down"),
        ("alert_opened", None),
        ("alert_acknowledged", None),
        ("alert_cleared", None),
    ]:
        assert told.count(one) == 1, told
    events = [(line["event"], line.get("status")) for line in walk.engine.lines]
    assert events.count(("device_status", "down")) == 1
    for id in walk.routers:
        walk.wait_for_status(id, "up")


def test_facts_values_and_series_of_a_router_reach_the_client(walk: Walk) -> None:
    one = walk.routers[0]
    name = walk.client.latest("device", one).name
    identity = walk.client.wait_for(lambda: walk.client.latest("fact identity", one))
    assert identity.value == name
    walk.client.send(Watch((one,)))
    values = walk.client.wait_for(lambda: walk.client.latest("values", one))
    metrics = {metric for metric, _, _ in values.values}
    assert {"rtt_ms", "cpu_load_pct", "if_oper_up", "uptime_s"} <= metrics

    walk.client.wait_for(lambda: walk.client.latest("values", one).at_us > values.at_us or None)

    found = walk.client.ask(lambda n: QuerySeries(n, one, "rtt_ms", "snmp", 0, 2**60)).result
    assert len(found["at_us"]) >= 2 and found["at_us"] == sorted(found["at_us"])
    assert all(value >= 0 for value in found["value"])


def test_links_have_states_and_a_cut_one_is_down_with_an_alert(walk: Walk) -> None:
    link = walk.typist.links[0]

    def status(wanted: str) -> Any:
        state = walk.client.latest("link_state", link.id)
        return state if state is not None and state.status == wanted else None

    walk.client.wait_for(lambda: state if (state := status("up")) and state.ab_bps is not None else None)
    ends = (walk.client.latest("device", id).name for id in (link.a, link.b))
    walk.command("cut", " - ".join(ends))
    walk.client.wait_for(lambda: status("down"))
    walk.client.wait_for(lambda: walk.client.latest("alert", fingerprint("link_down", link.id)))


def test_a_window_that_is_frozen_delays_no_poll(walk: Walk) -> None:
    frozen = TestClient.of_profile(walk.engine.profile)
    frozen.wait_for(lambda: frozen.latest("device", walk.routers[0]))
    frozen.reads.clear()
    frozen.send(Watch(tuple(walk.routers)))
    walk.hears_again(5)
    frozen.reads.set()
    frozen.wait_for(lambda: frozen.ended.is_set() or None)  # silent for three heartbeats: it connects again
    with TestClient.of_profile(walk.engine.profile) as again:
        again.wait_for(lambda: again.latest("device", walk.routers[0]))


def test_probe_now_and_pausing_take_effect_at_once(walk: Walk) -> None:
    one = walk.client.latest("device", walk.routers[1])
    assert walk.client.ask(lambda n: ProbeNow(n, one.id)).refusals == ()
    paused = Device(**{f: getattr(one, f) for f in one.__struct_fields__} | {"paused": True})
    step = change("device", one, paused)
    assert step is not None
    assert walk.client.ask(lambda n: SubmitEdit(n, edit(step))).refusals == ()
    health = walk.wait_for_status(one.id, "unknown")
    assert health.reason == "paused"
    refused = walk.client.ask(lambda n: ProbeNow(n, one.id)).refusals
    assert "paused" in refused[0].message


def test_after_kill_9_a_new_engine_knows_what_was_and_goes_on(walk: Walk) -> None:
    victim = walk.routers[3]
    walk.command("kill", walk.client.latest("device", victim).name)
    alert = fingerprint("device_down", victim)
    walk.client.wait_for(lambda: walk.client.latest("alert", alert))
    walk.client.ask(lambda n: ActOnAlert(n, alert, "acknowledge", "mara"))
    walk.engine.process.kill()
    walk.engine.wait()
    with EngineProcess(walk.engine.profile) as again, again.client() as client:
        client.wait_for(lambda: client.latest("alert", alert))
        assert client.latest("alert", alert).acknowledged_by == "mara"
        assert client.latest("health", victim).status == "down"
        client.wait_for(lambda: ((s := client.latest("engine", None)) and s.polls.get("snmp", 0) > 5) or None)
        assert client.latest("health", victim).status == "down"
        assert client.latest("alert", alert).count == 1
        others = [id for id in walk.routers if id != victim]
        client.wait_for(lambda: {client.latest("health", id).status for id in others} == {"up"} or None)


def test_a_watched_router_streams_until_nobody_watches_it(walk: Walk) -> None:
    one = next(d.id for d in walk.devices() if any(probe.kind == "routeros" for probe in d.probes))
    name = walk.client.latest("device", one).name
    server = walk.network[name]

    def streams() -> int:
        return int(walk.simulation.call(lambda: server.streams))

    walk.client.send(Watch((one,)))
    walk.client.wait_for(lambda: getattr(walk.client.latest("values", one), "live", None))
    seconds = {values.live_at_us for values in _later_values(walk, one, 3)}
    assert len(seconds) == 3
    assert streams() == 1
    metrics = {metric for metric, _, _ in walk.client.latest("values", one).live}
    assert metrics == {"if_in_bps", "if_out_bps"}
    walk.client.send(Watch(()))
    began_s = time.monotonic()
    while streams():
        assert time.monotonic() - began_s < WAIT_S
        time.sleep(0.02)
    walk.client.send(Watch((one,)))
    walk.client.wait_for(lambda: walk.simulation.call(lambda: server.streams) or None)


def _later_values(walk: Walk, id: UUID, count: int) -> list[Any]:
    """Return the next states of a device's values, each with newer streamed ones."""
    found = [walk.client.latest("values", id)]

    def newer() -> Any:
        values = walk.client.latest("values", id)
        return values if values.live_at_us > found[-1].live_at_us else None

    while len(found) < count:
        found.append(walk.client.wait_for(newer))
    return found


TRICKS: list[dict[str, SnmpTrick | ApiTrick]] = [
    {"snmp": "garbage", "api": "garbage"},
    {"snmp": "wrong_address", "api": "huge_word"},
    {"snmp": "endless_walk", "api": "endless_reply"},
    {"snmp": "stuck_walk", "api": "drip"},
    {"snmp": "huge_length", "api": "endless_sentence"},
    {"snmp": "twice", "api": "hangs_up"},
]


def test_a_crowd_of_hostile_devices_delays_no_other(walk: Walk) -> None:
    steps = []
    for n, tricks in enumerate(TRICKS):
        hostile: HostileRouter = walk.simulation.enter(HostileRouter(**tricks))  # type: ignore[arg-type]
        (address, snmp_port), (_, api_port) = hostile.snmp_address, hostile.api_address
        community, login = list(walk.typist.secrets)
        probes = (Probe("snmp", snmp_port, community), Probe("routeros", api_port, login))
        id = UUID(int=(900 + n) << 64)
        steps.append(creation("device", Device(id, f"hostile {n}", address, probes, interval_s=INTERVAL_S)))
    typed = Edit(UUID(int=77 << 64), 1, "mara", "hostile ones", tuple(steps))
    assert walk.client.ask(lambda n: SubmitEdit(n, typed)).refusals == ()
    walk.hears_again(8)
    for id in walk.routers:
        walk.wait_for_status(id, "up")
    failing = walk.client.wait_for(lambda: walk.client.latest("health", UUID(int=900 << 64)))
    assert failing.status != "up"


def test_a_hostile_identity_arrives_as_harmless_text(walk: Walk) -> None:
    router = walk.simulation.enter(SimulatedRouter(identity=HOSTILE_IDENTITY))
    (address, snmp_port), (community, _) = router.snmp_address, list(walk.typist.secrets)
    one = Device(UUID(int=800 << 64), "odd", address, (Probe("snmp", snmp_port, community),), interval_s=1.0)
    assert walk.client.ask(lambda n: SubmitEdit(n, edit(creation("device", one)))).refusals == ()
    fact = walk.client.wait_for(lambda: walk.client.latest("fact identity", one.id))
    assert "<img" in fact.value and not set(fact.value) & set("\x00\x07\x1b\u202e\u2066\u200f\r\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")
def test_an_engine_that_was_stopped_suspends_judgement_and_finds_all_well(walk: Walk) -> None:
    os.kill(walk.engine.process.pid, signal.SIGSTOP)
    time.sleep(6.5)
    os.kill(walk.engine.process.pid, signal.SIGCONT)
    walk.engine.event("judgement_suspended")
    with TestClient.of_profile(walk.engine.profile) as client:
        client.wait_for(lambda: any(isinstance(m, Alive) for m in client.heard) or None)
        seen = [client.wait_for(lambda i=id: client.latest("health", i)).status for id in walk.routers]
        assert "down" not in seen
        for id in walk.routers:
            walk.wait_for_status(id, "up", client)
