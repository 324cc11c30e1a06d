"""Pages of integrations: hooks, at which foreign monitors tell what becomes alerts. Counterpart: `api/hooks.py`.

One rule: a hook's secret is in the answer to the form that made it, and nowhere else.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.api import hooks
from sync_server.api.routes import PREFIX, Call

pages = Pages()


@pages.page("/admin/hooks", "hooks.html", allow="keys:read")
async def show_hooks(call: Call) -> dict[str, Any]:
    """The tenant's hooks."""
    base = f"{call.services.settings.public_url.rstrip('/')}{PREFIX}/hooks/"
    return {"hooks": await hooks.list_hooks(call), "base": base}


@pages.act("/admin/hooks", allow="keys:write", on=show_hooks)
async def make_hook(call: Call, form: Form) -> Said:
    """Make a hook."""
    call.body = form.body(hooks.NewHook, name=form.text("name").strip())
    made = await hooks.make_hook(call)
    said = f"{made.hook.name} is made. This is the secret that its messages are signed with; it is shown this once."
    return Said(said, {"secret": made.secret})


@pages.act("/admin/hooks/{id}/end", allow="keys:write", on=show_hooks)
async def end_hook(call: Call, form: Form, id: UUID) -> Said:
    """End a hook."""
    name = (await hooks.read_hook(call, id)).name
    await hooks.end_hook(call, id)
    return Said(f"{name} is ended: what it sends is refused; its alerts stay.")
