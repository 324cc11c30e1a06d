"""Pages of API keys. Counterpart: `api/keys.py`.

One rule: a key's text is in the answer to the form that made it, and nowhere else.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.roles import SCOPE_PERMISSIONS, SCOPES
from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.admin.people import sites_of
from sync_server.api import keys
from sync_server.api.routes import Call

pages = Pages()
SAID_OF_SCOPES = {
    "read": "devices, sites, links, numbers, alerts, events, rules, reports",
    "metrics": "devices and their numbers alone",
    "write_device": "change devices, sites, links and tags",
    "write_alert": "answer alerts",
    "write_config": "configurations of devices",
}


@pages.page("/admin/keys", "keys.html", allow="keys:read")
async def show_keys(call: Call) -> dict[str, Any]:
    """The tenant's keys."""
    offered = [scope for scope in SCOPES if SCOPE_PERMISSIONS[scope] <= call.who.permissions]
    return {
        "keys": await keys.list_keys(call),
        "scopes": [(scope, SAID_OF_SCOPES[scope]) for scope in offered],
        "sites": await sites_of(call),
        "now_us": round(call.services.now_s() * 1_000_000),
    }


@pages.act("/admin/keys", allow="keys:write", on=show_keys)
async def make_key(call: Call, form: Form) -> Said:
    """Make a key."""
    call.body = form.body(
        keys.NewKey,
        name=form.text("name").strip(),
        scopes=form.many("scopes"),
        sites=form.sites(),
        days=form.text("days") or None,
    )
    made = await keys.make_key(call)
    return Said(f"{made.key.name} is made. This is the key; it is shown this once.", {"secret": made.secret})


@pages.act("/admin/keys/{id}/end", allow="keys:write", on=show_keys)
async def end_key(call: Call, form: Form, id: UUID) -> Said:
    """End a key."""
    before = await keys.read_key(call, id)
    await keys.end_key(call, id)
    return Said(f"{before.name} is ended: the next request with it is refused.")
