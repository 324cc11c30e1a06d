"""How often may whom ask: budgets that all instances share. Counterpart: `identity.spend` counts, `admission.py` asks.

Theory: a request belongs to a class (logging in, the API, monitoring, bulk, pieces of pictures, of maps), and each has a budget
per asker and address over a window that slides; the API's and bulk's requests of a tenant have one more together. Of the window
before as much counts as of it is left, as if it had been used evenly: after a burst at its very end up to twice the budget passes
within one window's time, and never more. Counting is one statement on an unlogged table, in no transaction but its own: no lock
outlives it, and no disk is waited for.
What is typed to log in counts as the account that it finds, however it was written, else by a hash of it.
Of a budget of 2,000 and more up to a thousandth is taken ahead, so that most requests find theirs here and ask nobody. What is
left is made up beside the requests when half of it is used; a request that finds nothing waits for what is under way, a few
times, and asks for its own. What was taken counts as spent at every instance; what is left of it when the window turns is lost,
and so it is where a server dies. So all instances together, if their clocks agree, let through no more than one alone would, and
each may refuse too early what all others hold.
Of somebody who was here before, it is taken before he is proven anew: the first request after a session's end takes one too.
One rule: a budget is asked only after the one before it had room, the address's first: who is refused takes nothing from those
behind the one that is empty, and an address without room leaves no counters of names that it made up.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

from sync_server.settings import Settings

LimitClass = Literal["auth", "api", "monitoring", "bulk", "pictures", "maps"]
LOGIN_CAP = 254
"""Longest login that is looked at, in characters."""
_MINUTE_US = 60_000_000
AHEAD = 1_000
"""The part of a budget that may be taken ahead is one in so many."""
AHEAD_CAP = 256
"""Most that is taken at once."""
WAITS = 4
"""So often a request waits for what is taken ahead, of which others may be quicker; then it asks for its own."""
REST_US = 1_000_000
"""So long nothing more is taken ahead of a budget that gave less than it was asked for."""


class Budget(NamedTuple):
    """How many requests a window; `key` names whose."""

    key: str
    cap: int
    window_us: int


class LimitExceeded(Exception):
    """A budget is empty. `wait_s` until there is room again, at least 1."""

    def __init__(self, wait_us: int) -> None:
        self.wait_s = max(1, -(-wait_us // 1_000_000))
        super().__init__(f"too many requests: try again in {self.wait_s} s")


class Limits:
    """The budgets of an installation."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.limit_tenant_per_min
        self._caps: dict[LimitClass, tuple[int, int]] = {
            "auth": (settings.limit_auth_per_min, _MINUTE_US),
            "api": (settings.limit_api_per_min, _MINUTE_US),
            "monitoring": (settings.limit_monitoring_per_min, _MINUTE_US),
            "pictures": (settings.limit_pictures_per_min, _MINUTE_US),
            "maps": (settings.limit_maps_per_min, _MINUTE_US),
            "bulk": (settings.limit_bulk_per_h, 60 * _MINUTE_US),
        }

    def budgets(
        self, limit: LimitClass, asker: str, address: str, tenant: UUID | None = None
    ) -> list[Budget]:
        """Return what a request takes one from, in the order of asking."""
        cap, window_us = self._caps[limit]
        found = [
            Budget(f"{limit} @{network_of(address)}", cap, window_us),
            Budget(f"{limit} {asker}", cap, window_us),
        ]
        if tenant is not None and limit in ("api", "bulk"):
            found.append(Budget(f"tenant {tenant}", self._tenant, _MINUTE_US))
        return found


class Ahead:
    """What this server has taken of budgets and not used yet, for the window that runs."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[int, dict[str, int]]] = {}
        """By width of a window: which one it is, and what is left of budgets by their keys."""
        self._coming: dict[str, asyncio.Event] = {}
        """By keys of budgets that are just being taken from ahead: when that is over."""
        self._resting: dict[str, int] = {}
        """By key, until when nothing more is taken ahead."""

    def missing(self, budgets: Sequence[Budget], now_us: int) -> list[Budget]:
        """Return those of some budgets of which nothing is left here."""
        return [budget for budget in budgets if not self._window(budget, now_us).get(budget.key)]

    def take(self, budgets: Sequence[Budget], now_us: int) -> None:
        """Use one of each; there has to be one."""
        for budget in budgets:
            window = self._window(budget, now_us)
            window[budget.key] -= 1
            if not window[budget.key]:
                del window[budget.key]

    def put(self, spent: Sequence[Budget], now_us: int) -> None:
        """Keep one of each that was spent."""
        for budget in spent:
            self._add(budget, 1, now_us)

    def wanted(self, budgets: Sequence[Budget], now_us: int) -> dict[Budget, int]:
        """Return how many of which budgets are to be taken ahead now, and that nobody else does; ends with `fill`."""
        found: dict[Budget, int] = {}
        for budget in budgets:
            most = min(budget.cap // AHEAD, AHEAD_CAP)
            if most < 2 or budget.key in self._coming or self._resting.get(budget.key, 0) > now_us:
                continue
            left = self._window(budget, now_us).get(budget.key, 0)
            if left <= most // 2:
                found[budget] = most - left
        self._coming |= dict.fromkeys((budget.key for budget in found), asyncio.Event())
        return found

    async def come(self, missing: Sequence[Budget]) -> bool:
        """Wait while one of some budgets is just being taken from ahead; return whether that was so.

        Where many ask for their own meanwhile, they and what is taken ahead queue at one row.
        """
        over = next((self._coming[budget.key] for budget in missing if budget.key in self._coming), None)
        if over is not None:
            await over.wait()
        return over is not None

    def fill(self, wanted: Mapping[Budget, int], given: Sequence[int], asked_us: int, now_us: int) -> None:
        """Keep what was given of what was wanted, in its order; nothing at all where it could not be asked for.

        What was asked for in a window that is over is lost.
        """
        for budget in wanted:
            self._coming.pop(budget.key).set()
        self._resting = {key: until_us for key, until_us in self._resting.items() if until_us > now_us}
        for (budget, count), got in zip(wanted.items(), given or [0] * len(wanted), strict=True):
            if got and asked_us // budget.window_us == now_us // budget.window_us:
                self._add(budget, got, now_us)
            if got < count:
                self._resting[budget.key] = now_us + REST_US

    def _add(self, budget: Budget, count: int, now_us: int) -> None:
        window = self._window(budget, now_us)
        window[budget.key] = window.get(budget.key, 0) + count

    def _window(self, budget: Budget, now_us: int) -> dict[str, int]:
        number = now_us // budget.window_us
        found, left = self._left.get(budget.window_us, (number, {}))
        if found != number:
            left = {}
        self._left[budget.window_us] = number, left
        return left


@lru_cache(4_096)
def network_of(address: str) -> str:
    """Return whom an address stands for: itself, or the /64 that one customer has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def login_key(login: str) -> str:
    """Return what a login's budget is counted under where it is nobody's: no name that somebody typed is kept."""
    return hashlib.sha256(login.lower().encode("utf-8", "replace")).hexdigest()[:32]
