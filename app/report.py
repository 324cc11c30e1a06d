"""What a run came to, in figures, for `--report`. Counterpart: `compose.py` gathers them where they happen.

One rule: what the page rendered is what the page says; our model is never asked for it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from app.model import Model

PROBES = ("snmp", "routeros", "icmp")


class Measured(msgspec.Struct):
    """What only the program itself can tell."""

    map: dict[str, Any] = {}
    external_requests: int = 0
    engine_restarts: int = 0
    screenshot_saved: bool = True
    start_to_live_map_s: float | None = None


def report_of(model: Model, measured: Measured) -> dict[str, Any]:
    """Return the report as plain data."""
    statuses = Counter(model.status_of(device.id) for device in model.inventory.devices())
    engine = model.engine
    polls = engine.polls if engine is not None else {}
    page = {
        key: measured.map.get(key)
        for key in ("first_idle_s", "console_errors", "rendered_devices", "rendered_links")
    }
    return {
        "devices": statuses.total(),
        "up": statuses["up"],
        "down": statuses["down"],
        "degraded": statuses["degraded"],
        "links": len(model.inventory.tables["link"]),
        "polls": {kind: polls.get(kind, 0) for kind in PROBES},
        "poll_failures": engine.poll_failures if engine is not None else 0,
        "alerts_open": sum(alert.is_open for alert in model.alerts.values()),
        "map": page,
        "external_requests": measured.external_requests,
        "engine_restarts": measured.engine_restarts,
        "start_to_live_map_s": measured.start_to_live_map_s,
    }


def shortcomings(report: dict[str, Any]) -> list[str]:
    """Return why a run was not what it should be, in words; empty where it was."""
    said = []
    if report["map"]["first_idle_s"] is None:
        said.append("the map did not become idle")
    if not report["up"]:
        said.append(f"no device is up, of {report['devices']}")
    if report["external_requests"]:
        said.append(f"{report['external_requests']} requests for the outside were made, and blocked")
    return said


def write_report(report: dict[str, Any], file: Path) -> None:
    """Write the report as JSON that people can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
