"""What devices went through: restarts and other software, each once in the journal. Counterpart: `judge.py` tells readings.

Theory: a device has restarted where its uptime fell, or where it says so itself (coldStart, warmStart). The trap comes before
the poll or after it, so whichever is second is the same restart. Of several sources only the best is listened to: an SNMP agent
counts from its own start.
One rule: an uptime that may just have come to the end of its counter is no restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.fact import SOURCE_RANK, Fact
from domain.journal import JournalRow
from domain.observation import Value
from domain.text import clean_text
from domain.wire import LatestValues
from engine.journal import JournalPen

START_TRAPS = frozenset({"1.3.6.1.6.3.1.1.5.1", "1.3.6.1.6.3.1.1.5.2"})
"""coldStart and warmStart (RFC 3418)."""
WRAPS_S = 42_940_000.0
"""Below 2^32 hundredths of a second (RFC 3418, sysUpTime): an uptime so high begins again at 0 without a restart."""
SLACK_S = 1.0
NAME_CAP = 120
SAME_US = 300_000_000
"""A trap so soon after a restart is about that one: a router says that it started when its links are up."""
AGAIN_US = 60_000_000
"""No device restarts more often."""
SILENT_US = 600_000_000
"""After so long without an uptime of the best source the next best is listened to."""


@dataclass(slots=True)
class _Run:
    """How long a device had run when it was asked last, and by whom; when it restarted last."""

    probe: str
    up_s: float
    at_us: int
    restarted_us: int | None = None


class Chronicle:
    """Makes the rows; `values` are the latest of the last run, so that a restart while nobody looked is noticed."""

    def __init__(self, pen: JournalPen, values: Mapping[UUID, LatestValues]) -> None:
        self._pen = pen
        self._runs: dict[UUID, _Run] = {}
        for id, latest in values.items():
            told = [
                value for metric, instance, value in latest.values if (metric, instance) == ("uptime_s", "")
            ]
            if len(told) == 1:
                self._runs[id] = _Run("", told[0], latest.at_us)

    def forget(self, device: UUID) -> None:
        """Forget a device that is gone, or another one now."""
        self._runs.pop(device, None)

    def see(self, device: UUID, probe: str, values: Sequence[Value], at_us: int) -> JournalRow | None:
        """Return the row of a restart if these numbers tell of one."""
        for metric, instance, up_s in values:
            if metric == "uptime_s" and not instance:
                return self._see(device, probe, up_s, at_us)
        return None

    def _see(self, device: UUID, probe: str, up_s: float, at_us: int) -> JournalRow | None:
        run = self._runs.get(device)
        if run is None:
            self._runs[device] = _Run(probe, up_s, at_us)
            return None
        if run.probe not in ("", probe):
            if _rank(probe) >= _rank(run.probe) and at_us - run.at_us < SILENT_US:
                return None
            run.probe, run.up_s, run.at_us = probe, up_s, at_us
            return None
        before_s, before_us = run.up_s, run.at_us
        run.probe, run.up_s, run.at_us = probe, up_s, at_us
        if up_s + SLACK_S >= before_s or before_s >= WRAPS_S:
            return None
        if run.restarted_us is not None and (
            run.restarted_us > before_us or 0 <= at_us - run.restarted_us < AGAIN_US
        ):
            return None  # it has said so itself, or makes it up at each poll
        run.restarted_us = min(at_us, max(before_us, at_us - int(up_s * 1e6)))
        return self._pen.row(run.restarted_us, "device_restarted", device, up_s=round(before_s), by=probe)

    def hear(self, rows: Iterable[JournalRow]) -> list[JournalRow]:
        """Return the rows of restarts that traps tell of."""
        found = (self._hear(row) for row in rows if row.kind == "trap" and row.body.get("oid") in START_TRAPS)
        return [row for row in found if row is not None]

    def _hear(self, trap: JournalRow) -> JournalRow | None:
        if trap.subject is None:
            return None
        run = self._runs.setdefault(trap.subject, _Run("", 0.0, trap.at_us))
        if run.restarted_us is not None and abs(trap.at_us - run.restarted_us) < SAME_US:
            return None
        run.restarted_us = trap.at_us
        told = {"up_s": round(run.up_s)} if run.up_s else {}
        return self._pen.row(trap.at_us, "device_restarted", trap.subject, **told, by="trap")

    def follow_version(self, old: Fact | None, new: Fact, others: Iterable[Fact]) -> JournalRow | None:
        """Return the row of other software; `others` are facts of the device, among them what better sources say of it."""
        if old is None or not old.value or not new.value or old.value == new.value:
            return None
        if any(f.field == new.field and f.value and _rank(f.source) < _rank(new.source) for f in others):
            return None
        was, now = (clean_text(str(fact.value), NAME_CAP) for fact in (old, new))
        return self._pen.row(new.at_us, "device_upgraded", new.subject, **{"from": was, "to": now})


def _rank(probe: str) -> int:
    return SOURCE_RANK.get(probe.partition(":")[0], 9)
