"""One status a device, wherever it is shown: map, card, tree, counts, panel."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.draft import now_us
from app.map import feed
from app.model import Delta
from domain.fault import Fault
from domain.health import Health
from domain.inventory import Device
from domain.wire import Changed, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of


def tell(bench: Bench, **rows: Any) -> None:
    bench.model.merge(Changed(99, **rows))
    bench.model.flush()


def everywhere(bench: Bench, device: Device) -> dict[str, str]:
    card = feed.card(bench.model, device.id, now_us())
    node = bench.window.tree.rows.node(bench.window.tree.rows.index_of(("device", device.id)))
    assert card is not None
    assert node is not None
    (row,) = feed.health_rows(bench.model, [device.id])
    (ticked,) = feed.tick(bench.model, Delta(devices=frozenset({device.id})))["health"]
    counted = [status for status, chip in bench.window.top.chips.items() if chip.count]
    return {
        "map": row["status"],
        "tick": ticked["status"],
        "card": card["status"],
        "tree": node.status,
        "counts": next(status for status in counted if status != "unknown"),
    }


@pytest.mark.parametrize("pause", [{"paused": True}, {"paused_until_us": now_us() + 86_400_000_000}])
@pytest.mark.parametrize("status", ["down", "stale", "up"])
def test_a_paused_device_is_in_maintenance_everywhere(
    bench: Bench, pause: dict[str, Any], status: Any
) -> None:
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    tell(bench, health=(Health(device.id, VANTAGE, status, 1, 1, {}, "why it was so"),))
    assert set(everywhere(bench, device).values()) == {status}
    tell(bench, devices=(msgspec.structs.replace(device, **pause),))
    assert set(everywhere(bench, device).values()) == {"maintenance"}
    bench.window.select(device.id)
    assert bench.window.device.sentence.text() == "Polling is paused"
    card = feed.card(bench.model, device.id, now_us())
    assert card is not None
    assert (card["said"], card["reason"]) == ("polling is paused", "")


def test_a_pause_that_is_over_is_none(bench: Bench) -> None:
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    over = msgspec.structs.replace(device, paused_until_us=now_us() - 1)
    tell(bench, devices=(over,), health=(Health(device.id, VANTAGE, "up", 1, 1),))
    assert set(everywhere(bench, device).values()) == {"up"}


def test_a_device_paused_before_it_was_ever_asked_is_no_unknown_and_resumed_it_is(bench: Bench) -> None:
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    tell(bench, devices=(msgspec.structs.replace(device, paused=True),))
    assert feed.health_rows(bench.model, [device.id])[0]["status"] == "maintenance"
    tell(bench, devices=(device,))
    assert feed.tick(bench.model, Delta(devices=frozenset({device.id})))["health"][0]["status"] == "unknown"


def test_resuming_ends_both_kinds_of_pause(bench: Bench) -> None:
    until_us = now_us() + 3_600_000_000
    device = bench.engine.inventory.device(id_of("g1"))
    assert device is not None
    paused = msgspec.structs.replace(device, paused=True, paused_until_us=until_us)
    bench.engine.inventory.tables["device"][device.id] = paused
    tell(bench, devices=(paused,))
    bench.commands.pause_device(device.id, paused=False)
    bench.settle()
    assert bench.model.inventory.device(device.id) == device


def test_a_device_behind_a_fault_is_affected_everywhere_and_itself_again_when_it_is_over(
    bench: Bench,
) -> None:
    device, cause = bench.model.inventory.device(id_of("g1")), id_of("p1")
    assert device is not None
    tell(bench, health=(Health(device.id, VANTAGE, "down", 1, 1, {}, "icmp: silent"),))
    tell(bench, faults=(Fault(cause, "device", 1, (device.id,)),))
    assert set(everywhere(bench, device).values()) == {"affected"}
    found = bench.model.cause_of(device.id)
    assert found is not None and found.subject == cause
    tell(bench, removed=(Removed("fault", cause),))
    assert set(everywhere(bench, device).values()) == {"down"}
    assert bench.model.cause_of(device.id) is None
