"""Prometheus reads the figures of an engine: as a stranger's parser understands them, and nothing of whom they are."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.health import Health
from domain.inventory import Inventory
from domain.retention import DiskState
from domain.team import TeamState
from domain.wire import EngineState
from engine import VERSION
from engine.exposition import AT_ONCE, STALLED_S, exposed, exposing, health_of, read_listen
from engine.state import State
from tests.engine.engine_process import EngineProcess


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def test_an_engine_that_is_told_to_exposes_its_figures_on_this_computer_alone(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p", "--metrics", "0") as engine:
        said = engine.event("metrics_open")
        assert said["host"] == "127.0.0.1"
        engine.event("endpoint_open")
        found = parsed(get(f"http://127.0.0.1:{said['port']}/metrics"))
        assert found["heliograph_poller_devices", (("status", "down"),)] == 0
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"http://127.0.0.1:{said['port']}/else")
        with urllib.request.urlopen(f"http://127.0.0.1:{said['port']}/health", timeout=60) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert json.load(answer)["status"] == "healthy"


def test_an_engine_whose_word_about_itself_stops_is_not_well_and_one_whose_server_is_away_is() -> None:
    state = State(Inventory(), uuid4())
    assert health_of(state, 5) == (
        True,
        {"status": "healthy", "version": VERSION, "parts": {"engine": "starting"}},
    )
    state.engine = EngineState(1_000_000)
    is_well, _ = health_of(state, 1_000_000 + int(STALLED_S * 1e6) - 1)
    assert is_well
    is_well, said = health_of(state, 1_000_000 + int(STALLED_S * 1e6))
    assert (is_well, said["status"]) == (False, "unhealthy")
    who = (uuid4(), "North", uuid4(), "Mara", "engineer", ())
    state.team = TeamState("https://noc", *who, is_everywhere=True, reachability="offline")  # type: ignore[misc]
    is_well, said = health_of(state, 1_000_001)
    assert (is_well, said["parts"]) == (True, {"engine": "up", "server": "away"})
    assert "Mara" not in str(said) and "noc" not in str(said)


def test_without_being_told_it_listens_nowhere_and_a_port_that_is_taken_stops_no_polling(
    tmp_path: Path,
) -> None:
    with EngineProcess(tmp_path / "quiet") as engine:
        engine.event("endpoint_open")
        assert "metrics" not in engine.text
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with EngineProcess(tmp_path / "p", "--metrics", at) as engine:
            assert engine.event("metrics_refused")["level"] == "warning"
            engine.client()


def test_every_figure_has_its_number_and_none_tells_a_name(tmp_path: Path) -> None:
    state = State(Inventory(), uuid4())
    device, here = uuid4(), state.vantage
    state.health = {id: Health(id, here, status=status) for id, status in ((device, "down"), (uuid4(), "up"))}
    disk = DiskState(held_bytes=7_000_000_000_001, free_bytes=8)
    state.engine = EngineState(
        1, polls={"snmp": 12_345_678, "icmp": 3}, poll_failures=2, schedule_lag_ms=250.0, disk=disk
    )
    text = exposed(state).decode()
    found = parsed(text)
    for name, labels, value in (
        ("devices", {"status": "down"}, 1),
        ("devices", {"status": "stale"}, 0),
        ("polls_total", {"kind": "snmp"}, 12_345_678),
        ("poll_failures_total", {}, 2),
        ("schedule_lag_seconds", {}, 0.25),
        ("disk_held_bytes", {}, 7_000_000_000_001),
    ):
        given: Mapping[str, str] = labels
        assert found[f"heliograph_poller_{name}", tuple(given.items())] == value, name
    assert "server_up" not in text, "an engine without a team has no server"
    assert str(device) not in text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_an_address_is_read(text: str, read: tuple[str, int]) -> None:
    assert read_listen(text) == read


@pytest.mark.parametrize("text", ["host", "host:", "host:99999", "host:-1", "host:\u0663"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("HOST:PORT")):
        read_listen(text)


def test_strangers_who_hold_connections_hold_no_more_than_some(caplog: pytest.LogCaptureFixture) -> None:
    async def hold() -> None:
        state = State(Inventory(), uuid4())
        async with exposing(state, ("127.0.0.1", 0)):
            port = caplog.records[-1].__dict__["port"]
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b"", "one too many is closed at once"
            held[0][1].write(b"x" * 100_000)
            assert await held[0][0].read() == b"", "a head without an end is closed"
            for _, one in (*held, (reader, writer)):
                one.close()

    caplog.set_level("INFO", "engine")
    asyncio.run(hold())
