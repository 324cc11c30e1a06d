"""Pages of the platform: tenants, who operates it, how it is set. Counterpart: `api/tenants.py`.

One rule: a setting that is secret is shown as set or not set.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.vault import Secret
from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.api import operators, tenants
from sync_server.api.routes import Call
from sync_server.settings import PREFIX, meaning_of
from sync_server.watching import Watching

pages = Pages()
_USED = """
    SELECT tenant_id, coalesce(d.devices, 0) AS devices, coalesce(u.requests, 0) AS requests, coalesce(u.numbers, 0) AS numbers
    FROM devices_of_all() d FULL JOIN identity.usage_of_all(30) u USING (tenant_id)
"""


@pages.page("/admin/tenants", "tenants.html", allow="tenants:read", of="platform")
async def show_tenants(call: Call) -> dict[str, Any]:
    """All tenants, and what each has used; above them what the server itself is not well in."""
    used = await call.transaction.fetch(_USED)
    watching: Watching = call.request.app.state.watching
    return {
        "tenants": await tenants.list_tenants(call),
        "used": {row["tenant_id"]: row for row in used},
        "alerts": watching.held,
    }


@pages.act("/admin/tenants", allow="tenants:write", on=show_tenants, of="platform")
async def make_tenant(call: Call, form: Form) -> Said:
    """Make a tenant."""
    call.body = form.body(tenants.NewTenant, name=form.text("name").strip())
    made = await tenants.make_tenant(call)
    return Said(f"{made.name} is made. Enter it to invite its first administrator.")


@pages.page("/admin/tenants/{id}", "tenant.html", allow="tenants:read", of="platform")
async def show_tenant(call: Call, id: UUID) -> dict[str, Any]:
    """A tenant."""
    return {"tenant": await tenants.read_tenant(call, id)}


@pages.act("/admin/tenants/{id}", allow="tenants:write", on=show_tenant, of="platform")
async def rename_tenant(call: Call, form: Form, id: UUID) -> Said:
    """Rename a tenant."""
    call.body = form.body(tenants.TenantChange, name=form.text("name").strip())
    return Said(f"It is called {(await tenants.change_tenant(call, id)).name} now.")


@pages.act("/admin/tenants/{id}/close", allow="tenants:write", on=show_tenant, of="platform")
async def close_tenant(call: Call, form: Form, id: UUID) -> Said:
    """Close a tenant."""
    call.body = tenants.TenantChange(is_off=True)
    return Said(f"{(await tenants.change_tenant(call, id)).name} is closed.")


@pages.act("/admin/tenants/{id}/open", allow="tenants:write", on=show_tenant, of="platform")
async def open_tenant(call: Call, form: Form, id: UUID) -> Said:
    """Open a tenant that was closed."""
    call.body = tenants.TenantChange(is_off=False)
    return Said(f"{(await tenants.change_tenant(call, id)).name} is open again.")


@pages.page("/admin/operators", "operators.html", allow="tenants:read", of="platform")
async def show_operators(call: Call) -> dict[str, Any]:
    """Accounts with a role on the platform."""
    return {"operators": await operators.list_platform_users(call)}


@pages.act("/admin/operators", allow="settings:write", on=show_operators, of="platform")
async def make_operator(call: Call, form: Form) -> Said:
    """Make an account with a role on the platform."""
    call.body = form.body(
        operators.NewPlatformUser,
        login=form.text("login").strip(),
        name=form.text("name").strip(),
        role=form.text("role"),
    )
    made = await operators.make_platform_user(call)
    return Said(f"{made.user.name} is made. Hand over this link.", {"link": made.link})


@pages.page("/admin/operators/{id}", "operator.html", allow="tenants:read", of="platform")
async def show_operator(call: Call, id: UUID) -> dict[str, Any]:
    """An account with a role on the platform."""
    return {"operator": await operators.read_platform_user(call, id)}


@pages.act("/admin/operators/{id}", allow="settings:write", on=show_operator, of="platform")
async def change_operator(call: Call, form: Form, id: UUID) -> Said:
    """Change an operator's name and role."""
    fields = {"name": form.text("name").strip(), "role": form.text("role")}
    call.body = form.body(operators.PlatformUserChange, **fields)
    return Said(f"{(await operators.change_platform_user(call, id)).name} is changed.")


@pages.act("/admin/operators/{id}/close", allow="settings:write", on=show_operator, of="platform")
async def close_operator(call: Call, form: Form, id: UUID) -> Said:
    """Close an operator's account."""
    call.body = operators.PlatformUserChange(is_off=True)
    return Said(f"{(await operators.change_platform_user(call, id)).name} is locked out.")


@pages.act("/admin/operators/{id}/open", allow="settings:write", on=show_operator, of="platform")
async def open_operator(call: Call, form: Form, id: UUID) -> Said:
    """Open an operator's account that was closed."""
    call.body = operators.PlatformUserChange(is_off=False)
    return Said(f"{(await operators.change_platform_user(call, id)).name} may log in again.")


@pages.act("/admin/operators/{id}/link", allow="settings:write", on=show_operator, of="platform")
async def renew_operator_link(call: Call, form: Form, id: UUID) -> Said:
    """Make a link that sets a new password."""
    made = await operators.renew_platform_link(call, id)
    return Said("Hand over this link: it sets a new password.", {"link": made.link})


@pages.act("/admin/operators/{id}/authenticator", allow="settings:write", on=show_operator, of="platform")
async def drop_operator_totp(call: Call, form: Form, id: UUID) -> Said:
    """Take the authenticator from an operator who lost it."""
    await operators.drop_platform_totp(call, id)
    return Said("The authenticator is removed.")


@pages.act(
    "/admin/operators/{id}/remove",
    allow="settings:write",
    on=show_operator,
    then=show_operators,
    of="platform",
)
async def remove_operator(call: Call, form: Form, id: UUID) -> Said:
    """Take an operator's role on the platform."""
    before = await operators.read_platform_user(call, id)
    await operators.remove_platform_user(call, id)
    return Said(f"{before.name} operates this server no more.")


@pages.page("/admin/settings", "settings.html", allow="settings:read", of="platform")
async def show_settings(call: Call) -> dict[str, Any]:
    """How this server is set."""
    rows = []
    for field in msgspec.structs.fields(type(call.services.settings)):
        value = getattr(call.services.settings, field.name)
        is_secret = isinstance(value, Secret)
        said = ("not set" if value == Secret("") else "set") if is_secret else str(value)
        is_default = not field.required and value == field.default
        rows.append((PREFIX + field.name.upper(), said, is_default, meaning_of(field.name)))
    return {"settings": rows}
