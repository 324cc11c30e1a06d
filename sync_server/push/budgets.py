"""How much a device and a tenant may push: token buckets. Counterpart: `intake.py`, which asks for every message.

Theory: a bucket fills at its rate up to what comes in ten seconds; a message takes one. The buckets are in memory, of this
process: several instances together let through as many times as much, and a restart fills them.
One rule: a device's bucket is asked before its tenant's, so that who floods takes nothing from the others.
"""

from __future__ import annotations

from uuid import UUID

from sync_server.settings import Settings

BURST_S = 10.0
BUCKETS_CAP = 200_000


class _Buckets:
    """Buckets of one rate, by whose they are."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._full = rate_per_s * BURST_S
        self._left: dict[UUID, tuple[float, float]] = {}

    def wait_s(self, whose: UUID, now_s: float) -> float:
        """Take one; or return how long until there is one, and take nothing."""
        left, at_s = self._left.get(whose, (self._full, now_s))
        left = min(self._full, left + (now_s - at_s) * self._rate)
        if left < 1:
            return (1 - left) / self._rate
        if len(self._left) >= BUCKETS_CAP and whose not in self._left:
            self._forget(now_s)
        self._left[whose] = (left - 1, now_s)
        return 0.0

    def give_back(self, whose: UUID) -> None:
        """Return the one that was taken last."""
        left, at_s = self._left[whose]
        self._left[whose] = (left + 1, at_s)

    def _forget(self, now_s: float) -> None:
        """Forget those that are full again by now; all where there is none."""
        kept = {whose: one for whose, one in self._left.items() if now_s - one[1] < BURST_S}
        self._left = kept if len(kept) < BUCKETS_CAP else {}


class Budgets:
    """The buckets of all devices and tenants."""

    def __init__(self, settings: Settings) -> None:
        self._devices = _Buckets(settings.push_device_per_s)
        self._tenants = _Buckets(settings.push_tenant_per_s)

    def spend(self, tenant: UUID, device: UUID, now_s: float) -> float:
        """Take a message from the device's and the tenant's bucket; return how long to wait where one is empty, 0 if not."""
        if wait_s := self._devices.wait_s(device, now_s):
            return wait_s
        if wait_s := self._tenants.wait_s(tenant, now_s):
            self._devices.give_back(device)
        return wait_s
