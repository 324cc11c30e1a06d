"""Pages of a tenant's members. Counterpart: `api/users.py`, which does what the forms say.

One rule: a role is offered only to whom may give it; that it is refused to others, the API's function sees to.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.roles import TENANT_ROLES, Role, may_give
from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.api import users
from sync_server.api.routes import Call

pages = Pages()
_SITES = "SELECT id, name FROM site WHERE $1::uuid[] IS NULL OR id = ANY($1) ORDER BY name, id LIMIT 500"


async def sites_of(call: Call) -> list[tuple[UUID, str]]:
    """Return the sites that may be chosen, by name."""
    reach = None if call.who.reach.sites is None else sorted(call.who.reach.sites)
    return [(row["id"], row["name"]) for row in await call.transaction.fetch(_SITES, reach)]


def _roles_of(call: Call) -> list[Role]:
    return [role for role in TENANT_ROLES if call.who.role is not None and may_give(call.who.role, role)]


@pages.page("/admin/users", "users.html", allow="users:read")
async def show_users(call: Call) -> dict[str, Any]:
    """The members."""
    listed = await users.list_users(call)
    return {"users": listed, "roles": _roles_of(call), "sites": await sites_of(call)}


@pages.page("/admin/users/{id}", "user.html", allow="users:read")
async def show_user(call: Call, id: UUID) -> dict[str, Any]:
    """A member."""
    user = await users.read_user(call, id)
    return {"user": user, "roles": _roles_of(call), "sites": await sites_of(call)}


@pages.act("/admin/users", allow="users:write", on=show_users)
async def invite(call: Call, form: Form) -> Said:
    """Invite somebody."""
    call.body = form.body(
        users.NewUser,
        login=form.text("login").strip(),
        name=form.text("name").strip(),
        role=form.text("role"),
        sites=form.sites(),
    )
    invited = await users.invite_user(call)
    return Said(f"{invited.user.name} is invited. Hand over this link.", {"link": invited.link})


@pages.act("/admin/users/{id}", allow="users:write", on=show_user)
async def change(call: Call, form: Form, id: UUID) -> Said:
    """Change a member."""
    call.body = form.body(
        users.UserChange, name=form.text("name").strip(), role=form.text("role"), sites=form.sites()
    )
    await users.change_user(call, id)
    return Said("Saved. It holds from the next request on.")


@pages.act("/admin/users/{id}/close", allow="users:write", on=show_user)
async def lock_out(call: Call, form: Form, id: UUID) -> Said:
    """Close a membership."""
    call.body = users.UserChange(is_off=True)
    return Said(f"{(await users.change_user(call, id)).name} is locked out; sessions and keys have ended.")


@pages.act("/admin/users/{id}/open", allow="users:write", on=show_user)
async def let_in(call: Call, form: Form, id: UUID) -> Said:
    """Open a membership that was closed."""
    call.body = users.UserChange(is_off=False)
    return Said(f"{(await users.change_user(call, id)).name} may come in again.")


@pages.act("/admin/users/{id}/remove", allow="users:write", on=show_user, then=show_users)
async def remove(call: Call, form: Form, id: UUID) -> Said:
    """End a membership."""
    before = await users.read_user(call, id)
    await users.remove_user(call, id)
    return Said(f"{before.name} is a member no more.")


@pages.act("/admin/users/{id}/link", allow="users:write", on=show_user)
async def renew_link(call: Call, form: Form, id: UUID) -> Said:
    """Make a new link."""
    made = await users.renew_link(call, id)
    return Said("Hand over this link; the one before is no longer good.", {"link": made.link})


@pages.act("/admin/users/{id}/sessions", allow="users:write", on=show_user)
async def end_sessions(call: Call, form: Form, id: UUID) -> Said:
    """End all sessions of a member here."""
    await users.end_sessions(call, id)
    return Said("All sessions here have ended.")


@pages.act("/admin/users/{id}/authenticator", allow="users:write", on=show_user)
async def drop_authenticator(call: Call, form: Form, id: UUID) -> Said:
    """Take the authenticator from somebody who lost it."""
    await users.drop_totp(call, id)
    return Said("The authenticator is gone: the password alone opens the account until there is a new one.")
