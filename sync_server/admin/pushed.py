"""Pages of what other systems push: device keys, and messages that were not stored. Counterpart: `api/push_keys.py`.

One rule: what a message says is a stranger's text, and is shown as such.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sync_server.admin.forms import Form
from sync_server.admin.named import names_of
from sync_server.admin.pages import Pages, Said
from sync_server.api import push_keys, quarantine
from sync_server.api.routes import Call

pages = Pages()


@pages.page("/admin/push-keys", "push_keys.html", allow="keys:read")
async def show_push_keys(call: Call) -> dict[str, Any]:
    """The tenant's device keys."""
    keys = await push_keys.list_push_keys(call)
    return {
        "keys": keys,
        "names": await names_of(call, {key.device for key in keys}),
        "now_us": round(call.services.now_s() * 1_000_000),
    }


@pages.act("/admin/push-keys", allow="keys:write", on=show_push_keys)
async def make_push_key(call: Call, form: Form) -> Said:
    """Make a device key."""
    call.body = form.body(
        push_keys.NewPushKey,
        name=form.text("name").strip(),
        device=form.text("device").strip() or None,
        days=form.text("days") or None,
    )
    made = await push_keys.make_push_key(call)
    return Said(f"{made.key.name} is made. This is the key; it is shown this once.", {"secret": made.secret})


@pages.act("/admin/push-keys/{id}/end", allow="keys:write", on=show_push_keys)
async def end_push_key(call: Call, form: Form, id: UUID) -> Said:
    """End a device key."""
    before = await push_keys.read_push_key(call, id)
    await push_keys.end_push_key(call, id)
    return Said(f"{before.name} is ended: what is sent with it is refused.")


@pages.page("/admin/quarantine", "quarantine.html", allow="quarantine:read")
async def show_held(call: Call) -> dict[str, Any]:
    """The tenant's messages that were not stored."""
    kind = call.request.query_params.get("kind", "")
    held = await quarantine.list_held(call, kind=kind if kind in ("invalid", "dead") else "")
    return {"held": held, "kind": kind, "names": await names_of(call, {one.device for one in held})}


@pages.act("/admin/quarantine/{id}/replay", allow="quarantine:write", on=show_held)
async def replay_held(call: Call, form: Form, id: UUID) -> Said:
    """Try again to store a message."""
    done = await quarantine.replay_held(call, id)
    return Said("It is stored." if done.stored else f"It was refused again: {done.said or done.reason}")


@pages.act("/admin/quarantine/{id}/drop", allow="quarantine:write", on=show_held)
async def drop_held(call: Call, form: Form, id: UUID) -> Said:
    """Drop a message."""
    await quarantine.drop_held(call, id)
    return Said("It is dropped.")
