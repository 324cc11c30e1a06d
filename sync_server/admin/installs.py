"""Pages of installs: windows and collectors that joined, and what they have held. Counterpart: `api/installs.py`.

One rule: what a lost install has held is listed before and after it is revoked: it is to be changed on the routers.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.api import installs
from sync_server.api.routes import Call

pages = Pages()


@pages.page("/admin/installs", "installs.html", allow="installs:read")
async def show_installs(call: Call) -> dict[str, Any]:
    """The tenant's installs."""
    return {"installs": await installs.list_installs(call)}


@pages.page("/admin/installs/{id}", "install.html", allow="installs:read")
async def show_install(call: Call, id: UUID) -> dict[str, Any]:
    """An install, and what it has held."""
    return {
        "install": await installs.read_install(call, id),
        "exposed": await installs.list_exposed(call, id),
    }


@pages.act("/admin/installs/{id}", allow="installs:write", on=show_install)
async def rename_install(call: Call, form: Form, id: UUID) -> Said:
    """Rename an install."""
    call.body = form.body(installs.InstallChange, name=form.text("name").strip())
    return Said(f"It is called {(await installs.change_install(call, id)).name} now.")


@pages.act("/admin/installs/{id}/revoke", allow="installs:write", on=show_install)
async def revoke_install(call: Call, form: Form, id: UUID) -> Said:
    """Revoke an install."""
    revoked = await installs.revoke_install(call, id)
    if not revoked.exposed:
        return Said("It is revoked. It has held no credential.")
    return Said(f"It is revoked. Change these {len(revoked.exposed)} credentials on the routers.")
