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

from domain.errors import Refusal
from domain.roles import EVERYWHERE, SITES_CAP, Permission, Reach

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


class Member(msgspec.Struct, frozen=True):
    """Somebody who has a window of the team, and could be named."""

    account: UUID
    name: str
    role: str


class Lost(msgspec.Struct, frozen=True):
    """A revoked install that had a secret which is still the same: it is to be changed on the routers. `name` empty: it is not
    the asker's to know."""

    install: UUID
    name: str
    ended_us: int


class SharedCredential(msgspec.Struct, frozen=True):
    """Who may open a credential, the computers that hold its secret now, and those that had it and were revoked since."""

    credential: UUID
    audience: Audience
    has_secret: bool
    holders: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()


class SharingState(msgspec.Struct, frozen=True):
    """How a team's secrets are shared, as its server says. `waiting`: audiences that were said here and not told yet."""

    collectors: tuple[str, ...]
    people: tuple[Member, ...]
    credentials: tuple[SharedCredential, ...]
    waiting: tuple[tuple[UUID, Audience], ...] = ()


class SetAudience(msgspec.Struct, tag="set_audience", frozen=True):
    """Say who may open credentials, those too that are about to be made. It is kept on the disk and told when the server is
    heard. Reply.result: {"waiting": how many could not be told now}. Refusals: NOT_ALLOWED, INVALID_INPUT, and of the server
    HOLDER_CONFLICT (nobody would be left who has the secret), CREDENTIAL_NOT_FOUND, INSUFFICIENT_PERMISSIONS, each with its
    credential as the subject; what is refused is as it was."""

    request: int
    credentials: tuple[UUID, ...]
    audience: Audience


class QuerySharing(msgspec.Struct, tag="query_sharing", frozen=True):
    """Ask how secrets are shared. Reply.result: a SharingState as plain data. Refusals: NO_ANSWER, and what the server says."""

    request: int


SharingRequest = SetAudience | QuerySharing


def audience_refusals(audience: Audience) -> list[Refusal]:
    """Return why an audience is none."""
    if len(audience.people) > PEOPLE_CAP or bool(audience.people) != (audience.kind == "people"):
        said = "at least one of them is needed" if audience.kind == "people" else "only people are named"
        return [Refusal("INVALID_INPUT", said, "people")]
    if audience.sites is not None and len(audience.sites) > SITES_CAP:
        return [Refusal("INVALID_INPUT", f"at most {SITES_CAP} sites, got {len(audience.sites)}", "sites")]
    return []


def usual_audience(collectors: int | None) -> Audience:
    """Return who is to open a credential of which nobody has said it, in a team of so many collectors: without one, engineers, or
    else nothing is polled with it. None: nobody knows how many there are."""
    return Audience("engineers") if collectors == 0 else Audience()


def may_hold(audience: Audience, holder: Holder) -> bool:
    """Tell whether an install may be given a credential's key."""
    if not holder.reach.spans(Reach(audience.sites)):
        return False
    if audience.kind == "people":
        return holder.kind == "window" and holder.account in audience.people
    if holder.kind == "collector":
        return True
    return audience.kind == "engineers" and "credentials:write" in holder.permissions
