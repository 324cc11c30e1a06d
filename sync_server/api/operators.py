"""`/platform/users`: who operates this server. Counterpart: `tenants.py`, what they operate; `identity.change_platform_account`.

One rule: there is always somebody left who administers the platform, and whoever else it was that leaves.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from sync_server.api.checks import check_login, check_name
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.users import NewLink, link_of
from sync_server.security.links import INVITATION_S
from sync_server.security.tokens import new_opaque, opaque_hash

routes = Routes("platform")
PlatformRole = Literal["platform_admin", "platform_operator"]
OPERATORS_CAP = 200


class PlatformUser(msgspec.Struct, frozen=True):
    """An account that has a role on the whole platform. `off_us`: since when it is closed. Times: microseconds since 1970 UTC."""

    id: UUID
    login: str
    name: str
    role: PlatformRole
    totp_on: bool
    made_us: int
    seen_us: int | None
    off_us: int | None


class NewPlatformUser(Body, frozen=True):
    """An account to make."""

    login: str
    name: str
    role: PlatformRole


class MadePlatformUser(msgspec.Struct, frozen=True):
    """An account, and the link that sets its password, once: it is shown to nobody again."""

    user: PlatformUser
    link: str


class PlatformUserChange(Body, frozen=True):
    """What is left out stays. `is_off` closes the account, its sessions and keys with it, until it is opened again."""

    name: str | UnsetType = UNSET
    role: PlatformRole | UnsetType = UNSET
    is_off: bool | UnsetType = UNSET


_SELECT = (
    "SELECT id, login, name, platform_role, totp_on, made_us, seen_us, off_us FROM identity.account"
    " WHERE platform_role IS NOT NULL"
)


@routes.route("GET", "/platform/users", allow="tenants:read", of="platform", gives=list[PlatformUser])
async def list_platform_users(call: Call) -> list[PlatformUser]:
    """List the accounts that have a role on the platform, by login."""
    rows = await call.transaction.fetch(f"{_SELECT} ORDER BY login LIMIT {OPERATORS_CAP}")
    return [PlatformUser(*row) for row in rows]


@routes.route(
    "POST",
    "/platform/users",
    allow="settings:write",
    of="platform",
    takes=NewPlatformUser,
    gives=MadePlatformUser,
    status=201,
)
async def make_platform_user(call: Call) -> MadePlatformUser:
    """Make an account with a role on the platform; its link sets the password."""
    body: NewPlatformUser = call.body
    check_login(body.login)
    check_name(body.name)
    login = body.login.strip()
    known = await call.transaction.fetchrow("SELECT * FROM identity.find_login($1)", login)
    if known is not None:
        raise refused("USER_ALREADY_EXISTS", "there is an account of this login", "login")
    id, token = new_id(call), new_opaque("link")
    await call.transaction.execute(
        "SELECT identity.make_platform_account($1, $2, $3, $4, $5, $6)",
        id,
        login,
        body.name,
        body.role,
        opaque_hash(token),
        INVITATION_S * 1_000_000,
    )
    await _record(call, "user_made", id, {"login": login, "role": body.role})
    return MadePlatformUser(await _read(call, id), link_of(call, token))


@routes.route("GET", "/platform/users/{id}", allow="tenants:read", of="platform", gives=PlatformUser)
async def read_platform_user(call: Call, id: UUID) -> PlatformUser:
    """Return an account that has a role on the platform."""
    return await _read(call, id)


@routes.route(
    "PATCH",
    "/platform/users/{id}",
    allow="settings:write",
    of="platform",
    takes=PlatformUserChange,
    gives=PlatformUser,
)
async def change_platform_user(call: Call, id: UUID) -> PlatformUser:
    """Change an account's name or role, close it or open it again."""
    body: PlatformUserChange = call.body
    if body.name is not UNSET:
        check_name(body.name)
    given = {name: getattr(body, name) for name in ("name", "role", "is_off")}
    changed = {name: value for name, value in given.items() if value is not UNSET}
    _check(
        await call.transaction.fetchval(
            "SELECT identity.change_platform_account($1, $2, $3, $4)", id, *map(changed.get, given)
        )
    )
    await _record(call, "user_changed", id, {"changed": changed})
    return await _read(call, id)


@routes.route("DELETE", "/platform/users/{id}", allow="settings:write", of="platform", status=204)
async def remove_platform_user(call: Call, id: UUID) -> None:
    """Take an account's role on the platform; sessions and links end. What it is in tenants, as a member, it stays."""
    before = await _read(call, id)
    _check(await call.transaction.fetchval("SELECT identity.remove_platform_account($1)", id))
    await _record(call, "user_removed", id, {"login": before.login, "role": before.role})


@routes.route("POST", "/platform/users/{id}/link", allow="settings:write", of="platform", gives=NewLink)
async def renew_platform_link(call: Call, id: UUID) -> NewLink:
    """Get a new link, which sets a new password; those before it end."""
    before, token = await _read(call, id), new_opaque("link")
    if before.off_us is not None:
        raise refused("USER_CONFLICT", "this account is closed: open it first")
    await call.transaction.execute(
        "SELECT identity.renew_link($1, $2, $3)", id, opaque_hash(token), INVITATION_S * 1_000_000
    )
    await _record(call, "link_made", id, {"login": before.login})
    return NewLink(link_of(call, token))


@routes.route("DELETE", "/platform/users/{id}/totp", allow="settings:write", of="platform", status=204)
async def drop_platform_totp(call: Call, id: UUID) -> None:
    """Take the authenticator from somebody who lost it."""
    before = await _read(call, id)
    await call.transaction.execute("SELECT identity.drop_totp($1)", id)
    await _record(call, "totp_dropped", id, {"login": before.login})


async def _read(call: Call, id: UUID) -> PlatformUser:
    row = await call.transaction.fetchrow(f"{_SELECT} AND id = $1", id)
    if row is None:
        raise _absent()
    return PlatformUser(*row)


def _check(verdict: str) -> None:
    if verdict == "none":
        raise _absent()
    if verdict == "last":
        raise refused("LAST_ADMIN_CONFLICT", "this is the platform's last administrator: make another first")


def _absent() -> Exception:
    return refused("USER_NOT_FOUND", "nobody of this id has a role on the platform")


async def _record(call: Call, act: str, id: UUID, detail: dict[str, Any]) -> None:
    await call.record(f"platform.{act}", ("account", id), detail, of_platform=True)
