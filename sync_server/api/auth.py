"""`/auth`: logging in and out, tokens, the tenant one works in, the streams' tokens. Counterpart: `security/sessions.py`.

One rule: a browser that asks with `cookies` gets its tokens in cookies that no script reads, and not in the body.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.roles import Permission, Role
from sync_server.api.access import REFRESH_COOKIE, drop_cookies, refuse_foreign_page, set_cookies
from sync_server.api.routes import Body, Call, Routes
from sync_server.security.sessions import Attempt, Choice, Kind, Opened
from sync_server.security.tokens import STREAM_S

routes = Routes("auth")


class LogIn(Body, frozen=True):
    """`tenant` null: the first of yours by name. `code`: of the authenticator, where there is one, or a recovery code."""

    login: str
    password: str
    code: str = ""
    tenant: UUID | None = None
    cookies: bool = False


class Refresh(Body, frozen=True):
    """Without a token, the browser's cookie is taken."""

    refresh_token: str = ""


class Switch(Body, frozen=True):
    """`tenant` null: out of all of them, for platform roles."""

    tenant: UUID | None


class StreamToken(msgspec.Struct, frozen=True):
    """Opens one stream, once, within `expires_s`."""

    token: str
    expires_s: int


class Me(msgspec.Struct, frozen=True):
    """Who asks. `sites` null: all of the tenant's; `login` empty: a key, which has none."""

    kind: str
    id: UUID
    name: str
    tenant: UUID | None
    role: Role | None
    permissions: tuple[Permission, ...]
    sites: tuple[UUID, ...] | None
    is_guest: bool
    tenants: tuple[Choice, ...] = ()
    login: str = ""


@routes.route("POST", "/auth/login", allow="anybody", takes=LogIn, gives=Opened)
async def log_in(call: Call) -> Opened:
    """Open a session."""
    asked: LogIn = call.body
    if asked.cookies:
        refuse_foreign_page(call.request, call.services)
    attempt = Attempt(asked.login, asked.password, asked.code, asked.tenant)
    kind: Kind = "browser" if asked.cookies else "program"
    return _given(
        call, await call.services.sessions.log_in(attempt, call.origin, kind), in_cookies=asked.cookies
    )


@routes.route("POST", "/auth/refresh", allow="anybody", takes=Refresh, gives=Opened)
async def refresh(call: Call) -> Opened:
    """Take a refresh token for new tokens; the same one twice ends the session."""
    token = call.body.refresh_token or call.request.cookies.get(REFRESH_COOKIE, "")
    in_cookies = not call.body.refresh_token
    if in_cookies:
        refuse_foreign_page(call.request, call.services)
    return _given(call, await call.services.sessions.refresh(token, call.origin), in_cookies=in_cookies)


@routes.route("POST", "/auth/logout", allow="signed in", status=204, transacts=False)
async def log_out(call: Call) -> None:
    """End this session: its tokens are refused from now on."""
    await call.services.sessions.log_out(call.who)
    call.finish = drop_cookies


@routes.route("POST", "/auth/switch", allow="signed in", takes=Switch, gives=Opened, transacts=False)
async def switch(call: Call) -> Opened:
    """Work in another tenant: of which one is a member, or any for a platform role, which is written down there."""
    opened = await call.services.sessions.switch(call.who, call.body.tenant)
    in_cookies = call.request.headers.get("authorization") is None
    return _given(call, opened, in_cookies=in_cookies)


@routes.route("POST", "/auth/stream-token", allow="signed in", gives=StreamToken, transacts=False)
async def make_stream_token(call: Call) -> StreamToken:
    """Get a token for one stream."""
    return StreamToken(await call.services.sessions.stream_token(call.who), STREAM_S)


@routes.route("GET", "/auth/me", allow="signed in", gives=Me)
async def read_me(call: Call) -> Me:
    """Tell who asks, and what they may do here."""
    who = call.who
    rows = await call.transaction.fetch("SELECT * FROM identity.tenants_of($1)", who.id)
    login = await call.transaction.fetchval("SELECT login FROM identity.account WHERE id = $1", who.id)
    sites = None if who.reach.sites is None else tuple(sorted(who.reach.sites))
    return Me(
        who.kind,
        who.id,
        who.name,
        who.tenant,
        who.role,
        tuple(sorted(who.permissions)),
        sites,
        who.is_guest,
        tuple(Choice(row["id"], row["name"], row["role"]) for row in rows),
        login or "",
    )


def _given(call: Call, opened: Opened, *, in_cookies: bool) -> Opened:
    if not in_cookies:
        return opened
    call.finish = lambda response: set_cookies(response, call.services, opened)
    return msgspec.structs.replace(opened, access_token="", refresh_token="")
