"""Who may hold a credential's key: the server, engineers, or named people. Counterpart: `sync_server/api/installs.py`, the vault.

Theory: a credential's data key is wrapped to exactly the installs that may open it. Whether one may is asked here, from what the
credential says of its audience and what the install's person may do and reach; a wrap that is given holds for a week, and is
renewed as long as the answer stays yes.
One rule: "people" shuts out the server and its collectors: what only people may open is not polled with.
"""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.roles import EVERYWHERE, Permission, Reach

AudienceKind = Literal["server", "engineers", "people"]
InstallKind = Literal["window", "collector"]
AUDIENCE_KINDS: tuple[AudienceKind, ...] = get_args(AudienceKind)
INSTALL_KINDS: tuple[InstallKind, ...] = get_args(InstallKind)
PEOPLE_CAP = 500
OFFLINE_S = 7 * 86_400
"""How long a wrap holds without its install being heard of."""


class Audience(msgspec.Struct, frozen=True):
    """Who may open a credential. `sites`: where it is used, None everywhere; `people` only with "people"."""

    kind: AudienceKind = "server"
    sites: frozenset[UUID] | None = None
    people: frozenset[UUID] = frozenset()


class Holder(msgspec.Struct, frozen=True):
    """An install that asks, and its person: what they may do and where they reach."""

    kind: InstallKind
    account: UUID
    permissions: frozenset[Permission]
    reach: Reach = EVERYWHERE


def may_hold(audience: Audience, holder: Holder) -> bool:
    """Tell whether an install may be given a credential's key."""
    if not holder.reach.spans(Reach(audience.sites)):
        return False
    if audience.kind == "people":
        return holder.kind == "window" and holder.account in audience.people
    if holder.kind == "collector":
        return True
    return audience.kind == "engineers" and "credentials:write" in holder.permissions
