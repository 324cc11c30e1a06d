"""`/auth/...` of the own account: sessions, password, authenticator; the links that make one. Counterpart: `security/links.py`.

One rule: what protects an account is changed with its password in the request, however fresh the session.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from sync_server.api.checks import check_login, check_name
from sync_server.api.errors import refused
from sync_server.api.routes import Body, Call, Routes
from sync_server.security import totp
from sync_server.security.authenticators import WrongCode
from sync_server.security.links import Purpose
from sync_server.security.passwords import refusals_of_password

routes = Routes("auth")


class SessionRow(msgspec.Struct, frozen=True):
    """A session that lives. `is_this`: the one that asks. Times are microseconds since 1970 UTC."""

    id: UUID
    tenant: UUID | None
    kind: str
    address: str
    agent: str
    made_us: int
    seen_us: int
    until_us: int
    is_this: bool


class NewPassword(Body, frozen=True):
    """The password so far, and the next."""

    old: str
    new: str


class Proof(Body, frozen=True):
    """The account's password, and a code where there is an authenticator."""

    password: str
    code: str = ""


class Code(Body, frozen=True):
    """A code of the authenticator."""

    code: str


class NewAuthenticator(msgspec.Struct, frozen=True):
    """The secret, for typing, and as the URI of a QR code. Shown once."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes that are good once each, when the authenticator is lost. Shown once."""

    codes: tuple[str, ...]


class Link(Body, frozen=True):
    """What stands behind the `#` of a link."""

    token: str


class TakeLink(Body, frozen=True):
    """`password`: the account's new one, or the one it has, as `LinkRow` says."""

    token: str
    password: str


class Found(Body, frozen=True):
    """The first administrator of the platform."""

    token: str
    login: str
    name: str
    password: str


class LinkRow(msgspec.Struct, frozen=True):
    """What a link is for, to whom it was sent, and the tenant that it leads into, if any."""

    purpose: Purpose
    has_password: bool
    login: str
    tenant: UUID | None
    tenant_name: str


_SESSIONS = (
    "SELECT id, tenant_id AS tenant, kind, address, agent, made_us, seen_us, until_us FROM identity.session"
    " WHERE account_id = $1 AND ended_us IS NULL AND until_us > identity.now_us() ORDER BY seen_us DESC, id LIMIT 200"
)
_END = (
    "UPDATE identity.session SET ended_us = identity.now_us(), ended_why = 'ended by its person'"
    " WHERE id = $1 AND account_id = $2 AND ended_us IS NULL RETURNING id"
)


@routes.route("GET", "/auth/sessions", allow="signed in", gives=list[SessionRow])
async def list_sessions(call: Call) -> list[SessionRow]:
    """List the own sessions that live, the last used first."""
    rows = await call.transaction.fetch(_SESSIONS, call.who.id)
    return [SessionRow(**dict(row), is_this=row["id"] == call.who.session) for row in rows]


@routes.route("DELETE", "/auth/sessions/{id}", allow="signed in", status=204)
async def end_session(call: Call, id: UUID) -> None:
    """End one of the own sessions at once."""
    if await call.transaction.fetchval(_END, id, call.who.id) is None:
        raise refused("SESSION_NOT_FOUND", "there is no such session")
    await call.record("session.ended", ("session", id))


@routes.route("POST", "/auth/password", allow="signed in", takes=NewPassword, status=204, limit="auth")
async def change_password(call: Call) -> None:
    """Change the own password; all other sessions end."""
    row = await _prove(call, call.body.old)
    if refusals := refusals_of_password(call.body.new, *row["login"].split("@")):
        raise refused("INVALID_INPUT", refusals[0].message, "new")
    kept = await call.services.passwords.make(call.body.new)
    await call.transaction.execute("SELECT identity.change_password($1, $2)", kept, call.who.session)
    await call.record("password.changed", ("account", call.who.id))


@routes.route("POST", "/auth/totp", allow="signed in", takes=Proof, gives=NewAuthenticator, limit="auth")
async def begin_totp(call: Call) -> NewAuthenticator:
    """Begin with an authenticator; it counts once a code of it was confirmed."""
    row = await _prove(call, call.body.password)
    secret = await call.services.authenticators.begin(call.transaction, call.who.id)
    if secret is None:
        raise refused("TOTP_CONFLICT", "there is an authenticator already: remove it first")
    await call.record("totp.begun", ("account", call.who.id))
    return NewAuthenticator(totp.text_of(secret), totp.uri_of(secret, row["login"]))


@routes.route("POST", "/auth/totp/confirm", allow="signed in", takes=Code, gives=RecoveryCodes, limit="auth")
async def confirm_totp(call: Call) -> RecoveryCodes:
    """Turn the authenticator on with a code of it; get the recovery codes."""
    try:
        codes = await call.services.authenticators.confirm(call.transaction, call.who.id, call.body.code)
    except WrongCode:
        raise refused("INVALID_INPUT", "the code is wrong or too old", "code") from None
    await call.record("totp.on", ("account", call.who.id))
    return RecoveryCodes(tuple(codes))


@routes.route("POST", "/auth/totp/remove", allow="signed in", takes=Proof, status=204, limit="auth")
async def remove_totp(call: Call) -> None:
    """Take the authenticator away: with the password and a code, or a recovery code."""
    row = await _prove(call, call.body.password)
    if row["totp_on"]:
        try:
            await call.services.authenticators.check(
                call.transaction.fetchrow, call.who.id, row["totp"], row["totp_step"], call.body.code
            )
        except WrongCode:
            raise refused("INVALID_INPUT", "the code is wrong or was used", "code") from None
    await call.transaction.execute("SELECT identity.turn_totp(false, '{}')")
    await call.record("totp.off", ("account", call.who.id))


@routes.route("POST", "/auth/link", allow="anybody", takes=Link, gives=LinkRow)
async def look_at_link(call: Call) -> LinkRow:
    """Tell what a link is for; it stays good."""
    return LinkRow(*await call.services.links.look(call.body.token, call.origin))


@routes.route("POST", "/auth/link/take", allow="anybody", takes=TakeLink, status=204)
async def take_link(call: Call) -> None:
    """Accept an invitation, or set a new password."""
    await call.services.links.take(call.body.token, call.body.password, call.origin)


@routes.route("POST", "/auth/founding", allow="anybody", takes=Found, status=204)
async def found(call: Call) -> None:
    """Make the first administrator, once."""
    body: Found = call.body
    check_login(body.login)
    check_name(body.name)
    await call.services.links.found(body.token, body.login.strip(), body.name, body.password, call.origin)


async def _prove(call: Call, password: str) -> dict[str, Any]:
    row = await call.transaction.fetchrow("SELECT * FROM identity.find_account()")
    if row is None or not (await call.services.passwords.check(password, row["password"])).is_right:
        raise refused("INVALID_CREDENTIALS", "the password is wrong", "password")
    return dict(row)
