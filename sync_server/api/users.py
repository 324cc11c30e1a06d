"""`/users`: the members of a tenant. Counterpart: `identity.membership`, `security/links.py`.

Theory: an account belongs to its person and may be a member of several tenants; what a tenant sees and changes is the membership.
So a tenant's administrator invites, gives roles and sites, and ends memberships; the password of an account that others share is
the platform's to open anew.
One rule: nobody gives, changes or ends what can do or reach more than the asker; a tenant's last administrator stays one.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.roles import TENANT_ROLES, Reach, Role, may_give
from sync_server.api.checks import check_login, check_name, checked_sites
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes
from sync_server.security.links import INVITATION_S
from sync_server.security.tokens import new_opaque, opaque_hash

routes = Routes("users")


class User(msgspec.Struct, frozen=True):
    """A member. `sites` null: all. `accepted_us` null: invited, and not in yet; of the account, `totp_on` and `seen_us` tell
    nothing until then. Times are microseconds since 1970 UTC."""

    id: UUID
    login: str
    name: str
    role: Role
    sites: tuple[UUID, ...] | None
    totp_on: bool
    made_us: int
    accepted_us: int | None
    off_us: int | None
    seen_us: int | None


class NewUser(Body, frozen=True):
    """Somebody to invite. `sites` null: all."""

    login: str
    name: str
    role: Role
    sites: tuple[UUID, ...] | None = None


class Invited(msgspec.Struct, frozen=True):
    """A user and the link to hand over, once: it is shown to nobody again."""

    user: User
    link: str


class UserChange(Body, frozen=True):
    """What is left out stays. `is_off` closes the membership, and its sessions and keys with it, until it is opened again."""

    name: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    sites: tuple[UUID, ...] | UnsetType | None = UNSET
    is_off: bool | UnsetType = UNSET


class NewLink(msgspec.Struct, frozen=True):
    """A link to hand over, once."""

    link: str


_SELECT = (
    "SELECT m.account_id AS id, a.login, m.name, m.role, m.sites, a.totp_on AND m.accepted_us IS NOT NULL AS totp_on,"
    " m.made_us, m.accepted_us, m.off_us, CASE WHEN m.accepted_us IS NOT NULL THEN a.seen_us END AS seen_us"
    " FROM identity.membership m JOIN identity.account a ON a.id = m.account_id"
)
_CHANGE = (
    "UPDATE identity.membership SET name = $2, role = $3, sites = $4,"
    " off_us = CASE WHEN $5 THEN coalesce(off_us, identity.now_us()) END WHERE account_id = $1"
)
_LAST_ADMIN = (
    "SELECT count(*) FROM identity.membership WHERE role = 'tenant_admin' AND accepted_us IS NOT NULL AND off_us IS NULL"
    " AND account_id <> $1"
)


@routes.route("GET", "/users", allow="users:read", gives=list[User], paged=True)
async def list_users(call: Call) -> list[User]:
    """List the members by login."""
    return [_user(row) for row in await call.rows_by("login", _SELECT)]


@routes.route("POST", "/users", allow="users:write", takes=NewUser, gives=Invited, status=201)
async def invite_user(call: Call) -> Invited:
    """Invite somebody into the tenant."""
    body: NewUser = call.body
    check_login(body.login)
    check_name(body.name)
    _check_role(call, body.role)
    sites = await checked_sites(call.transaction, call.who, body.sites)
    token = new_opaque("link")
    already = await call.transaction.fetchval(
        "SELECT true FROM identity.membership m JOIN identity.account a ON a.id = m.account_id WHERE a.login = lower($1)",
        body.login.strip(),
    )
    if already:
        raise refused("USER_ALREADY_EXISTS", "this login is a member already", "login")
    id = await call.transaction.fetchval(
        "SELECT identity.invite($1, $2, $3, $4, $5, $6, $7)",
        new_id(call),
        body.login.strip(),
        body.name,
        body.role,
        sites,
        opaque_hash(token),
        INVITATION_S * 1_000_000,
    )
    user = await _read(call, id)
    detail = {"login": user.login, "role": user.role, "sites": _texts(user.sites)}
    await call.record("user.invited", ("user", id), detail)
    return Invited(user, link_of(call, token))


@routes.route("GET", "/users/{id}", allow="users:read", gives=User)
async def read_user(call: Call, id: UUID) -> User:
    """Return a member."""
    return await _read(call, id)


@routes.route("PATCH", "/users/{id}", allow="users:write", takes=UserChange, gives=User)
async def change_user(call: Call, id: UUID) -> User:
    """Change a member's name, role or sites, or close the membership. Role and sites hold from the next request on."""
    before, body = await _read(call, id, for_update=True), call.body
    changed: dict[str, Any] = {}
    if body.name is not UNSET:
        check_name(body.name)
        changed["name"] = body.name
    if body.role is not UNSET:
        _check_role(call, body.role)
        changed["role"] = body.role
    if body.sites is not UNSET:
        changed["sites"] = await checked_sites(call.transaction, call.who, body.sites)
    _check_member(call, before)
    loses = body.is_off is True or changed.get("role", before.role) != "tenant_admin"
    if before.role == "tenant_admin" and loses:
        await _keep_an_admin(call, id)
    after = {"name": before.name, "role": before.role, "sites": before.sites, **changed}
    is_off = (before.off_us is not None) if body.is_off is UNSET else body.is_off
    await call.transaction.execute(_CHANGE, id, after["name"], after["role"], after["sites"], is_off)
    if is_off != (before.off_us is not None):
        changed["is_off"] = body.is_off
        if is_off:
            await _end_everything(call, id, "the membership was closed")
    detail = {"changed": {name: _plain(value) for name, value in changed.items()}}
    await call.record("user.changed", ("user", id), detail)
    return await _read(call, id)


@routes.route("DELETE", "/users/{id}", allow="users:write", status=204)
async def remove_user(call: Call, id: UUID) -> None:
    """End a membership; sessions here and keys made here end with it."""
    before = await _read(call, id, for_update=True)
    _check_member(call, before)
    if before.role == "tenant_admin":
        await _keep_an_admin(call, id)
    await _end_everything(call, id, "the membership has ended")
    await call.transaction.execute("DELETE FROM identity.membership WHERE account_id = $1", id)
    await call.record("user.removed", ("user", id), {"login": before.login, "role": before.role})


@routes.route("POST", "/users/{id}/link", allow="users:write", gives=NewLink)
async def renew_link(call: Call, id: UUID) -> NewLink:
    """Get a new link: the invitation again, or one that sets a new password."""
    before = await _read(call, id)
    _check_member(call, before)
    token = new_opaque("link")
    done = await call.transaction.fetchval(
        "SELECT identity.renew_link($1, $2, $3)", id, opaque_hash(token), INVITATION_S * 1_000_000
    )
    if not done:
        said = "this account belongs to others too: only its person, or the platform, sets its password"
        raise refused("INSUFFICIENT_PERMISSIONS", said)
    await call.record("user.link_made", ("user", id), {"login": before.login})
    return NewLink(link_of(call, token))


@routes.route("DELETE", "/users/{id}/sessions", allow="users:write", status=204)
async def end_sessions(call: Call, id: UUID) -> None:
    """End all sessions that a member has in this tenant, at once."""
    _check_member(call, await _read(call, id))
    await call.transaction.execute(
        "SELECT identity.end_of_member($1, $2, false)", id, "ended by an administrator"
    )
    await call.record("user.sessions_ended", ("user", id))


@routes.route("DELETE", "/users/{id}/totp", allow="users:write", status=204)
async def drop_totp(call: Call, id: UUID) -> None:
    """Take the authenticator from somebody who lost it, where nobody else has the account."""
    before = await _read(call, id)
    _check_member(call, before)
    if not await call.transaction.fetchval("SELECT identity.drop_totp($1)", id):
        raise refused("INSUFFICIENT_PERMISSIONS", "this account belongs to others too: ask the platform")
    await call.record("user.totp_dropped", ("user", id), {"login": before.login})


def link_of(call: Call, token: str) -> str:
    """Return a link as it is handed over; what stands behind the `#` is sent to no server and in no log."""
    return f"{call.services.settings.public_url}/link#{token}"


async def _read(call: Call, id: UUID, *, for_update: bool = False) -> User:
    lock = " FOR UPDATE OF m" if for_update else ""
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE m.account_id = $1{lock}", id)
    if row is None:
        raise refused("USER_NOT_FOUND", "there is no such user")
    return _user(row)


def _user(row: Any) -> User:
    fields = dict(row)
    sites = fields.pop("sites")
    return User(**fields, sites=None if sites is None else tuple(sites))


def _check_role(call: Call, role: Role) -> None:
    if role not in TENANT_ROLES:
        raise refused("INVALID_INPUT", f"one of {', '.join(TENANT_ROLES)} expected, got {role}", "role")
    if call.who.role is None or not may_give(call.who.role, role):
        raise refused("INSUFFICIENT_PERMISSIONS", f"you cannot make or change a {role}", "role")


def _check_member(call: Call, member: User) -> None:
    _check_role(call, member.role)
    if not call.who.reach.spans(Reach(None if member.sites is None else frozenset(member.sites))):
        raise refused("INSUFFICIENT_PERMISSIONS", "you reach some sites only, and this member others too")


async def _keep_an_admin(call: Call, id: UUID) -> None:
    await call.transaction.execute("SELECT FROM tenant WHERE id = $1 FOR UPDATE", call.who.tenant)
    if not await call.transaction.fetchval(_LAST_ADMIN, id):
        raise refused(
            "LAST_ADMIN_CONFLICT", "this is the last administrator of the tenant: make another first"
        )


async def _end_everything(call: Call, id: UUID, why: str) -> None:
    await call.transaction.execute("SELECT identity.end_of_member($1, $2, true)", id, why)


def _texts(sites: tuple[UUID, ...] | None) -> list[str] | None:
    return None if sites is None else [str(site) for site in sites]


def _plain(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list | tuple) else value
