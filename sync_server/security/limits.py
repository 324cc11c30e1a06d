"""How often may whom ask: budgets that all instances share. Counterpart: `identity.spend` counts, `admission.py` asks.

Theory: a request belongs to a class (logging in, the API, monitoring, bulk, pieces of pictures), and each class has a budget per
asker and per address over a window that slides; the API's and bulk's requests of a tenant have one more together. Counting is one
statement on an unlogged table, in no transaction but its own: no lock outlives it, and no disk is waited for.
What is typed to log in counts as the account that it finds, however it was written.
A budget of thousands is taken from ahead: up to a thousandth of it, so that most requests find theirs here and ask nobody. What
was taken counts as spent at every instance; what is left of it when the window turns is lost. So all instances together, if their
clocks agree, let through what the budget says at most, and each may be refused too early by what all others hold.
What is taken here is taken before a request is proven: the first after a session's end takes one too.
One rule: a budget is asked only after the one before it had room, the address's first, so that who is refused takes nothing from
the others and leaves no counter of a name that he made up.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from sync_server.database import DatabaseBusy
from sync_server.settings import Settings

LimitClass = Literal["auth", "api", "monitoring", "bulk", "pictures"]
LOGIN_CAP = 254
"""Longest login that is looked at, in characters."""
_MINUTE_US = 60_000_000
AHEAD = 1_000
"""The part of a budget that may be taken ahead is one in so many."""
AHEAD_CAP = 32
"""Most that is taken at once."""
WAITS = 4
"""So often a request waits for what another takes ahead; then it asks for its own: others may be refused one after the other."""


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


class _Coming:
    """Budgets that are just being taken from ahead: when that is over, and why it failed, if it did."""

    def __init__(self) -> None:
        self.over, self.failed = asyncio.Event(), ""


class Ahead:
    """What this server has taken of budgets and not used yet, for the window that runs."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[int, dict[str, int]]] = {}
        """By width of a window: which one it is, and what is left of budgets by their keys."""
        self._coming: dict[str, _Coming] = {}
        """By keys of budgets that are just being taken from ahead."""

    def missing(self, budgets: Sequence[Budget], now_us: int) -> list[Budget]:
        """Return those of some budgets of which nothing is left here."""
        return [budget for budget in budgets if not self._window(budget, now_us).get(budget.key)]

    async def come(self, missing: Sequence[Budget]) -> bool:
        """Wait while one of some budgets is just being taken from ahead; return whether that was so. Comes before `asking`.

        Raises DatabaseBusy where whoever takes it could not: those who wait do not each try the same.
        """
        coming = next((self._coming[b.key] for b in missing if b.key in self._coming), None)
        if coming is None:
            return False
        await coming.over.wait()
        if coming.failed:
            raise DatabaseBusy(f"a budget could not be asked for: {coming.failed}")
        return True

    @contextmanager
    def asking(self, missing: Sequence[Budget]) -> Iterator[list[Budget]]:
        """Yield what the database is to be asked for, in its order: what a request needs, then what is taken ahead."""
        free = [budget for budget in missing if budget.key not in self._coming]
        more = [budget for budget in free for _ in range(min(budget.cap // AHEAD, AHEAD_CAP) - 1)]
        coming = _Coming()
        keys = {budget.key for budget in more}
        self._coming |= dict.fromkeys(keys, coming)
        try:
            yield [*missing, *more]
        except (OSError, DatabaseBusy, asyncpg.PostgresError) as error:
            coming.failed = str(error) or type(error).__name__
            raise
        finally:
            for key in keys:
                del self._coming[key]
            coming.over.set()

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
            window = self._window(budget, now_us)
            window[budget.key] = window.get(budget.key, 0) + 1

    def _window(self, budget: Budget, now_us: int) -> dict[str, int]:
        number = now_us // budget.window_us
        found, left = self._left.get(budget.window_us, (number, {}))
        if found != number:
            left = {}
        self._left[budget.window_us] = number, left
        return left


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
