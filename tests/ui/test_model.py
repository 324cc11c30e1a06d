"""The mirror: what a batch does, when it is told, and that a snapshot replaces everything at once."""

from __future__ import annotations

from uuid import UUID, uuid4

from PySide6.QtWidgets import QApplication

from app.model import Delta, Model
from domain.alerts import Alert, fingerprint
from domain.fact import Fact
from domain.health import Health
from domain.inventory import Device, Site, Tenant
from domain.wire import Changed, EngineState, LatestValues, Removed

VANTAGE = uuid4()


def device(name: str = "a") -> Device:
    return Device(uuid4(), name, "10.0.0.1")


def heard(model: Model) -> list[Delta]:
    told: list[Delta] = []
    model.changed.connect(told.append)
    return told


def health(id: UUID, status: str, at_us: int = 1) -> Health:
    return Health(id, VANTAGE, status, at_us, at_us)  # type: ignore[arg-type]


def test_batches_within_100_ms_are_told_as_one_delta_with_the_latest_state(qt: QApplication) -> None:
    model, one = Model(), device()
    told = heard(model)
    model.merge(Changed(1, devices=(one,)))
    model.merge(Changed(2, health=(health(one.id, "up"),)))
    model.merge(Changed(3, health=(health(one.id, "down"),)))
    assert told == []
    model.flush()
    assert len(told) == 1
    assert told[0].devices == {one.id}
    assert told[0].health == {one.id}
    assert model.health[one.id].status == "down"


def test_nothing_new_is_not_told(qt: QApplication) -> None:
    model = Model()
    told = heard(model)
    model.merge(Changed(1))
    model.flush()
    assert told == []


def test_a_snapshot_is_held_back_until_its_last_batch_and_then_replaces_everything(qt: QApplication) -> None:
    model, old, new, later = Model(), device("old"), device("new"), device("later")
    model.merge(Changed(1, devices=(old,), health=(health(old.id, "up"),)))
    model.flush()
    told = heard(model)
    model.merge(Changed(1, initial=True, more=True, devices=(new,)))
    assert [d.name for d in model.inventory.devices()] == ["old"]
    model.merge(Changed(2, initial=True, devices=(later,)))
    model.flush()
    assert sorted(d.name for d in model.inventory.devices()) == ["later", "new"]
    assert model.health == {}
    assert told[0].initial
    assert Removed("device", old.id) in told[0].removed


def test_half_a_snapshot_of_a_lost_connection_is_forgotten(qt: QApplication) -> None:
    model, stale, fresh = Model(), device("stale"), device("fresh")
    model.merge(Changed(1, initial=True, more=True, devices=(stale,)))
    model.begin(Tenant(uuid4(), "net"))
    model.merge(Changed(1, initial=True, devices=(fresh,)))
    assert [d.name for d in model.inventory.devices()] == ["fresh"]


def test_a_removed_device_takes_along_what_was_said_of_it(qt: QApplication) -> None:
    model, one = Model(), device()
    values = LatestValues(one.id, 5, (("rtt_ms", "icmp", 2.0),))
    fact = Fact(one.id, "model", "snmp", VANTAGE, 1, "X")
    model.merge(Changed(1, devices=(one,), health=(health(one.id, "up"),), facts=(fact,), values=(values,)))
    model.merge(Changed(2, removed=(Removed("device", one.id),)))
    assert not model.inventory.device(one.id)
    assert one.id not in model.health
    assert one.id not in model.facts
    assert one.id not in model.samples


def test_a_fact_without_a_value_is_gone(qt: QApplication) -> None:
    model, one = Model(), device()
    model.merge(Changed(1, facts=(Fact(one.id, "serial", "snmp", VANTAGE, 1, "S1"),)))
    assert ("serial", "snmp") in model.facts[one.id]
    model.merge(Changed(2, facts=(Fact(one.id, "serial", "snmp", VANTAGE, 2, None),)))
    assert ("serial", "snmp") not in model.facts[one.id]


def test_values_of_several_probes_add_up_each_with_its_time(qt: QApplication) -> None:
    model, one = Model(), device()
    model.merge(Changed(1, values=(LatestValues(one.id, 10, (("rtt_ms", "icmp", 2.0),)),)))
    model.merge(Changed(2, values=(LatestValues(one.id, 20, (("cpu_load_pct", "", 7.0),)),)))
    assert model.samples[one.id]["rtt_ms", "icmp"] == (10, 2.0)
    assert model.samples[one.id]["cpu_load_pct", ""] == (20, 7.0)


def test_a_streamed_value_is_newer_than_the_polled_one_and_makes_no_other_look_newer(
    qt: QApplication,
) -> None:
    model, one = Model(), device()
    polled = (("if_in_bps", "ether1", 1.0), ("cpu_load_pct", "", 7.0))
    model.merge(Changed(1, values=(LatestValues(one.id, 10, polled, (("if_in_bps", "ether1", 2.0),), 15),)))
    assert model.samples[one.id]["if_in_bps", "ether1"] == (15, 2.0)
    assert model.samples[one.id]["cpu_load_pct", ""] == (10, 7.0)


def test_a_paused_device_is_shown_as_maintenance_whatever_its_health(qt: QApplication) -> None:
    model = Model()
    paused = Device(uuid4(), "p", "10.0.0.9", paused=True)
    model.merge(Changed(1, devices=(paused,), health=(health(paused.id, "down"),)))
    assert model.status_of(paused.id) == "maintenance"
    assert model.status_of(uuid4()) == "unknown"


def test_alerts_sites_and_the_engine_are_mirrored_and_named(qt: QApplication) -> None:
    model, subject = Model(), uuid4()
    told = heard(model)
    alert = Alert(fingerprint("device_down", subject), "device_down", subject, "critical", 1)
    site = Site(uuid4(), "Hill")
    model.merge(Changed(1, alerts=(alert,), sites=(site,), engine=EngineState(1, 12.0)))
    model.flush()
    assert model.alerts[alert.id] == alert
    assert told[0].alerts == {alert.id}
    assert told[0].inventory
    assert told[0].engine
    assert model.engine is not None
    assert model.engine.polls_per_s == 12.0
