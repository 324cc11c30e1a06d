"""Coming in and going out: log-in, links that are good once, the tenant one works in. Counterpart: `api/auth.py`.

One rule: a link's token stands behind the `#`, where no log sees it; the page sends it in a form.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import Response

from domain.errors import RefusedByRule
from sync_server.admin.forms import Form
from sync_server.admin.frame import entries_for
from sync_server.admin.pages import Go, Pages, Said
from sync_server.api.access import drop_cookies, set_cookies
from sync_server.api.checks import check_login, check_name
from sync_server.api.errors import refused
from sync_server.api.routes import Call
from sync_server.security.sessions import Attempt, Opened

pages = Pages()
HOME = "/admin"


def _next_of(text: str) -> str:
    """Return where somebody wanted to go, if that is one of our pages."""
    is_ours = text.startswith("/admin/") and "\\" not in text and "//" not in text
    return text if is_ours and len(text) <= 500 and text.isprintable() else HOME


@pages.page("/", allow="anybody")
async def start(call: Call) -> Go:
    """The bare address."""
    return Go(HOME)


@pages.page(HOME, allow="signed in")
async def home(call: Call) -> Go:
    """The first page that somebody may see."""
    return Go(entries_for(call)[0][1][0].path)


@pages.page("/admin/login", "login.html", allow="anybody")
async def login(call: Call) -> dict[str, Any]:
    """The log-in."""
    return {"next": _next_of(call.request.query_params.get("next", ""))}


@pages.act("/admin/login", allow="anybody", on=login)
async def log_in(call: Call, form: Form) -> Go:
    """Open a session in this browser."""
    if not form.text("login").strip():
        raise refused("MISSING_REQUIRED_FIELD", "say who you are", "login")
    attempt = Attempt(form.text("login"), form.text("password"), form.text("code"))
    opened = await call.services.sessions.log_in(attempt, call.origin, "browser")
    call.finish = _giver(call, opened)
    return Go(_next_of(form.text("next")))


@pages.act("/admin/logout", allow="signed in", on=login, of="either", transacts=False)
async def log_out(call: Call, form: Form) -> Go:
    """End this session."""
    await call.services.sessions.log_out(call.who)
    call.finish = drop_cookies
    return Go("/admin/login")


@pages.act("/admin/switch", allow="signed in", on=login, of="either", transacts=False)
async def switch(call: Call, form: Form) -> Go:
    """Work in another tenant, or, for the platform, in none."""
    text = form.text("tenant")
    try:
        tenant = UUID(text) if text else None
    except ValueError:
        raise refused("TENANT_NOT_FOUND", "there is no such tenant") from None
    opened = await call.services.sessions.switch(call.who, tenant)
    call.finish = _giver(call, opened)
    return Go(HOME)


@pages.page("/link", "link.html", allow="anybody")
async def link(call: Call) -> dict[str, Any]:
    """Where a link that is good once leads to."""
    return {}


@pages.act("/link/look", allow="anybody", on=link)
async def look(call: Call, form: Form) -> Said:
    """Tell what a link is for."""
    try:
        purpose, has_password, *_ = await call.services.links.look(form.text("token"), call.origin)
    except RefusedByRule as error:
        return Said("", {"gone": error.refusals[0].message})
    return Said("", {"purpose": purpose, "has_password": has_password})


@pages.act("/link/take", allow="anybody", on=link)
async def take(call: Call, form: Form) -> Said:
    """Accept an invitation, or set a new password."""
    check_twice(form, "password")
    await _not_gone(call, form)
    await call.services.links.take(form.text("token"), form.text("password"), call.origin)
    return Said("", {"done": "Done. Log in with your password."})


@pages.act("/link/found", allow="anybody", on=link)
async def found(call: Call, form: Form) -> Said:
    """Make the first administrator."""
    check_login(form.text("login"))
    check_name(form.text("name"))
    check_twice(form, "password")
    await _not_gone(call, form)
    await call.services.links.found(
        form.text("token"), form.text("login").strip(), form.text("name"), form.text("password"), call.origin
    )
    return Said("", {"done": "You are the platform's administrator. Log in."})


def check_twice(form: Form, name: str) -> None:
    """Refuse a new password that was not typed the same twice. Raises RefusedByRule."""
    if form.has("again") and form.text("again") != form.text(name):
        raise refused("INVALID_INPUT", "this is not the same password", "again")


async def _not_gone(call: Call, form: Form) -> None:
    """Refuse a link that is over before its form is read: then it says so, and no field is wrong."""
    await call.services.links.look(form.text("token"), call.origin)


def _giver(call: Call, opened: Opened) -> Any:
    def give(response: Response) -> None:
        set_cookies(response, call.services, opened)

    return give
