"""What people type, held to what it may be. Counterpart: the CHECKs of `migrations/identity/tables.sql`, the second lock.

One rule: a refusal names the field, what was got and what was expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.roles import SITES_CAP
from domain.rules import NAME_CAP
from domain.text import is_one_line
from sync_server.api.errors import refused
from sync_server.database import Transaction
from sync_server.security.principal import Principal

LOGIN_RANGE = (3, 254)
DAYS_RANGE = (1, 3_650)
"""How long a key may hold."""


def check_name(name: str, field: str = "name") -> None:
    """Refuse what is no name. Raises RefusedByRule."""
    if not 1 <= len(name.strip()) <= NAME_CAP or len(name) > NAME_CAP or not is_one_line(name):
        raise refused("INVALID_INPUT", f"a name of 1 to {NAME_CAP} characters on one line expected", field)


def check_login(login: str) -> None:
    """Refuse what is nothing to log in with. Raises RefusedByRule."""
    low, high = LOGIN_RANGE
    plain = login.strip()
    if not low <= len(plain) <= high or not is_one_line(plain) or " " in plain or len(plain.lower()) > high:
        said = f"a mail address or a name of {low} to {high} characters without spaces expected"
        raise refused("INVALID_INPUT", said, "login")


def check_days(days: int | None) -> None:
    """Refuse what is no time for a key to hold. Raises RefusedByRule."""
    low, high = DAYS_RANGE
    if days is not None and not low <= days <= high:
        raise refused("INVALID_INPUT", f"{low} to {high} days expected, got {days}", "days")


async def checked_sites(
    transaction: Transaction, who: Principal, sites: Iterable[UUID] | None
) -> Sequence[UUID] | None:
    """Return sites to limit somebody to, which are there and within the asker's own reach. Raises RefusedByRule."""
    if sites is None:
        if who.reach.sites is not None:
            raise refused("INSUFFICIENT_PERMISSIONS", "you reach some sites only, and give no more", "sites")
        return None
    asked = set(sites)
    if len(asked) > SITES_CAP:
        raise refused("INVALID_INPUT", f"at most {SITES_CAP} sites expected, got {len(asked)}", "sites")
    if not all(who.reach.covers(site) for site in asked):
        raise refused("INSUFFICIENT_PERMISSIONS", "you reach some sites only, and give no more", "sites")
    found = await transaction.fetchval("SELECT count(*) FROM site WHERE id = ANY($1::uuid[])", list(asked))
    if found != len(asked):
        raise refused("SITE_NOT_FOUND", "one of the sites is not there", "sites")
    return sorted(asked)
