"""Tells the edges of a device's health: what is worth a line, a row and an alert. Counterpart: `domain/health.py`, the fold.

One rule: a failure and its recovery are told once each, at the poll that made the verdict.
"""

from __future__ import annotations

import logging

from domain.health import Health
from domain.inventory import Device
from engine.journal import JournalPen
from engine.judge.outcome import Outcome

_log = logging.getLogger("engine.judge")


def tell_probe_edge(old: Health | None, new: Health, probe: str) -> None:
    """Log that a probe has failed by now, or answers again."""
    before = old.probes.get(probe) if old is not None else None
    after = new.probes[probe]
    if after.failed and not (before is not None and before.failed):
        failure = after.failure
        _log.warning(
            "probe_failed",
            extra={
                "device_id": new.device,
                "probe": probe,
                "attempt": after.misses,
                "failure": failure.kind if failure else "",
                "reason": failure.message if failure else "",
            },
        )
    elif before is not None and before.failed and not after.failed:
        _log.info(
            "probe_recovered", extra={"device_id": new.device, "probe": probe, "attempt": before.misses + 1}
        )


def tell_status_edge(
    device: Device, old: Health | None, new: Health, *, at_us: int, pen: JournalPen, outcome: Outcome
) -> None:
    """Write the row and the line of a status that turned; the first sight of a device that is not known yet is none."""
    was = old.status if old is not None else "unknown"
    if was == new.status:
        return
    outcome.turned = True
    row = pen.row(at_us, "status", device.id, was=was, status=new.status, reason=new.reason)
    outcome.journal.append(row)
    level = logging.WARNING if new.status in ("down", "degraded") else logging.INFO
    told = {
        "device_id": device.id,
        "device": device.name,
        "was": was,
        "status": new.status,
        "reason": new.reason,
    }
    _log.log(level, "device_status", extra=told)
