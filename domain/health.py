"""What observations add up to: the health of a device from a vantage. Counterpart: `judge/` keeps it, the map paints it.

Theory: each probe counts its misses in a row. A probe has failed after three (one lost datagram is no news).
    all failed probes silent, and none answers        -> down, if it ever answered; else unknown
    a probe failed, but the device shows signs of life -> degraded (an answer since its last miss, or a refusal in words)
    some failed, the others miss but have no verdict   -> as it was, so that a dying device is not degraded for a second
    every probe that has a verdict answers             -> up
    nothing was heard for three intervals, not even a failure -> stale: the poller is silent, not the device; or a device that
                                                          is not asked, but pushes what it measures, does not any more
One rule: time is an argument; `next_health` and `aged` are the only ways that a Health changes.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from domain.inventory import PUSHED, probe_word
from domain.observation import Failure, Observation

Status = Literal["up", "degraded", "down", "unknown", "stale"]

MISSES_BEFORE_FAILED = 3
STALE_AFTER_INTERVALS = 3
SILENT = frozenset({"no_answer", "refused"})
"""Failures without a sign of life behind the service that was asked for."""


class ProbeHealth(msgspec.Struct, frozen=True):
    """How one probe fares: misses in a row, its last answer, why it fails."""

    misses: int = 0
    last_answer_us: int | None = None
    rtt_us: int | None = None
    failure: Failure | None = None

    @property
    def failed(self) -> bool:
        """Enough misses in a row to be a verdict."""
        return self.misses >= MISSES_BEFORE_FAILED

    @property
    def answering(self) -> bool:
        """It answered once and has not failed since."""
        return self.last_answer_us is not None and not self.failed


class Health(msgspec.Struct, frozen=True):
    """Status of a device from one vantage, since when, and why in words."""

    device: UUID
    vantage: UUID
    status: Status = "unknown"
    since_us: int = 0
    heard_us: int = 0
    probes: dict[str, ProbeHealth] = {}
    reason: str = ""

    @property
    def last_answer_us(self) -> int | None:
        """When any probe last answered."""
        return max(
            (p.last_answer_us for p in self.probes.values() if p.last_answer_us is not None), default=None
        )

    @property
    def rtt_us(self) -> int | None:
        """The shortest round trip among the probes that answer."""
        return min(
            (p.rtt_us for p in self.probes.values() if p.rtt_us is not None and p.answering), default=None
        )

    @property
    def misses(self) -> int:
        """The most misses in a row that any probe has: above zero, ask again sooner."""
        return max((p.misses for p in self.probes.values()), default=0)


def next_health(old: Health | None, observation: Observation) -> Health:
    """Return the health after one more observation, from where that was made. One that is older than what is known of its probe
    changes nothing."""
    if old is None:
        old = Health(observation.device, observation.vantage, since_us=observation.at_us)
    if observation.at_us < old.heard_us and observation.probe in old.probes:
        return old
    before = old.probes.get(observation.probe, ProbeHealth())
    if observation.failure is None:
        probe = ProbeHealth(0, observation.at_us, observation.rtt_us)
    else:
        probe = ProbeHealth(before.misses + 1, before.last_answer_us, before.rtt_us, observation.failure)
    probes = {**old.probes, observation.probe: probe}
    status, reason = _verdict(probes, old.status)
    since_us = old.since_us if status == old.status else observation.at_us
    heard_us = max(old.heard_us, observation.at_us)
    return Health(old.device, observation.vantage, status, since_us, heard_us, probes, reason)


def without_probe(old: Health, probe: str, at_us: int) -> Health:
    """Return the health after a probe was taken off the device."""
    probes = {name: p for name, p in old.probes.items() if name != probe}
    status, reason = _verdict(probes, old.status)
    since_us = old.since_us if status == old.status else at_us
    return Health(old.device, old.vantage, status, since_us, old.heard_us, probes, reason)


def stale_after_us(interval_s: float) -> float:
    """Return after how many microseconds without an observation a device that is asked so often is stale."""
    return max(STALE_AFTER_INTERVALS * interval_s, 15.0) * 1e6


def aged(old: Health, now_us: int, interval_s: float, poller: str = "") -> Health:
    """Return `old`, or its stale form when no observation came for three intervals (at least 15 s). `poller`: who asks the
    device, where that is another computer."""
    quiet_us = now_us - old.heard_us
    if old.status in ("stale", "unknown") or not old.heard_us or quiet_us <= stale_after_us(interval_s):
        return old
    reason = f"no poll for {quiet_us / 1e6:.0f} s: the poller is silent, the device may be well"
    if PUSHED in old.probes:
        reason = f"no heartbeat: it has pushed nothing for {quiet_us / 1e6:.0f} s"
    elif poller:
        reason = f"no news from {poller} for {quiet_us / 1e6:.0f} s: the device may be well"
    return Health(old.device, old.vantage, "stale", now_us, old.heard_us, old.probes, reason)


def _verdict(probes: dict[str, ProbeHealth], was: Status) -> tuple[Status, str]:
    failed = {name: p for name, p in probes.items() if p.failed}
    answered = [p for p in probes.values() if p.last_answer_us is not None]
    said = "; ".join(
        f"{probe_word(name)}: {p.failure.message}" for name, p in sorted(failed.items()) if p.failure
    )
    if not failed:
        if answered:
            return "up", ""
        return ("unknown", "not asked yet") if not probes else ("unknown", "asked, no verdict yet")
    worded = any(p.failure and p.failure.kind not in SILENT for p in failed.values())
    if worded or any(p.misses == 0 for p in answered):
        return "degraded", said
    if answered:
        undecided = any(not p.failed for p in probes.values())
        if undecided:
            return ("unknown" if was == "stale" else was), said
        return "down", said
    return "unknown", f"never answered. {said}"
