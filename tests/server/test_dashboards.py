"""The dashboards that come along ask for figures that are told, and leave none out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from domain.health import Health
from domain.inventory import Inventory
from domain.receiving import ReceiverState
from domain.retention import DiskState
from domain.team import TeamState
from domain.wire import EngineState
from engine.exposition import exposed
from engine.state import State
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
WORDS = frozenset(
    ("sum", "max", "min", "by", "rate", "topk", "count", "vector", "or", "histogram_quantile", "le")
)
"""What of an expression is PromQL's own."""
Labels = dict[str, frozenset[str]]


def panels(name: str) -> list[dict[str, Any]]:
    board = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    found: list[dict[str, Any]] = board["panels"]
    return found


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of an expression, and the labels that it is chosen by."""
    for metric, chosen in re.findall(r"([a-z_][a-z_0-9]*)\{([^}]*)\}", expression):
        yield metric, set(re.findall(r"([a-z_]+)\s*=", chosen)) - {"instance"}


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    return {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}


def wrong(name: str, told: Labels) -> list[object]:
    """Return what a dashboard asks for that is not told, and what is told that no dashboard asks for."""
    found: list[object] = []
    used: set[str] = set()
    for panel in panels(name):
        assert panel["title"]
        assert panel["description"]
        for target in panel["targets"]:
            expression = target["expr"]
            metrics = dict(asked(expression))
            used |= set(metrics)
            labels = frozenset().union(*(told.get(metric, frozenset()) for metric in metrics)) | {"instance"}
            wanted = set().union(*metrics.values()) | grouped(expression)
            wanted |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", "", expression)
            strange = set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - WORDS - set(metrics)
            found += [
                (panel["title"], one) for one in (set(metrics) - set(told)) | (wanted - labels) | strange
            ]
    return [*found, *sorted(_families(told) - _families(used))]


def _families(names: Any) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def of_registry(registry: CollectorRegistry) -> Labels:
    """Return the figures of a server, those too that have no value yet."""
    found: Labels = {}
    for name, collector in registry._names_to_collectors.items():
        if not name.endswith("_created"):
            more = {"le"} if name.endswith("_bucket") else set()
            found[name] = frozenset({*getattr(collector, "_labelnames", ()), *more})
    bare = {name for name in found if f"{name}_bucket" in found or f"{name}_total" in found}
    return {name: labels for name, labels in found.items() if name not in bare}


def of_text(text: str) -> Labels:
    """Return the figures of what an engine exposes."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


async def test_the_servers_dashboard_asks_for_what_a_server_tells_and_for_all_of_it(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, mqtt_broker="mqtt://127.0.0.1:9") as server:
        told = of_registry(server.app.state.metrics.registry)
        assert "http_request_duration_seconds_bucket" in told
        assert {"push_mqtt_connected", "bus_up", "self_alert"} <= set(told)
    assert wrong("server", told) == ["heliograph_build_info"]


def test_the_pollers_dashboard_asks_for_what_an_engine_exposes_and_for_all_of_it() -> None:
    state = State(Inventory(), uuid4())
    state.health = {(id := uuid4()): Health(id, state.vantage)}
    state.engine = EngineState(
        1, polls={"snmp": 1}, disk=DiskState(1, 2), receivers=ReceiverState(received={"trap": 1})
    )
    state.team = TeamState(
        "https://noc",
        uuid4(),
        "North",
        uuid4(),
        "Mara",
        "engineer",
        (),
        is_everywhere=True,
        reachability="online",
    )
    assert wrong("pollers", of_text(exposed(state).decode())) == []


def test_a_dashboard_that_asks_for_what_is_not_told_is_found_out() -> None:
    told = {"heliograph_poller_info": frozenset({"version"})}
    assert ("Polls a second", "heliograph_poller_polls_total") in wrong("pollers", told)
    assert ("Polls a second", "kind") in wrong("pollers", told)
