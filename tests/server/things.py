"""A thing of every kind that a route names by its id, and how a tenant comes to have it. Counterpart: `asking.py`.

One rule: a route or page with an id in its path has a line in `THINGS`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import randrange
from typing import Any, NamedTuple
from uuid import uuid4

from tests.server.clients import Person, Server
from tests.server.test_installs import proven, registered, text

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
MAP = b"PMTiles\x03" + bytes(range(256)) * 4
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4


@dataclass
class Side:
    """A tenant, its administrator, the platform's in it, an install of the administrator's.

    `kept`: what was said once when a thing was made, by its id.
    """

    server: Server
    tenant: str
    admin: Person
    root: Person
    install: str = ""
    kept: dict[str, Any] = field(default_factory=dict)


async def side_of(server: Server, root: Person) -> Side:
    """Make a tenant; the platform's administrator who is given is in it from now on."""
    tenant = await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    return Side(server, tenant, admin, root, await proven(admin))


class Thing(NamedTuple):
    """How a thing is made, what is said where there is none, and how one is named that never was."""

    make: Callable[[Side], Awaitable[str]]
    code: str
    unknown: Callable[[], str] = lambda: str(uuid4())


async def user(side: Side) -> str:
    """Invite somebody."""
    body = {"login": f"{uuid4().hex[:8]}@example.org", "name": "U", "role": "viewer"}
    return str((await side.admin.post("/users", body, expect=201))["user"]["id"])


async def member(side: Side) -> str:
    """Have somebody join."""
    return str((await side.server.member(side.admin, "viewer")).opened["user"]["id"])


async def operator(side: Side) -> str:
    """Make an account of the platform."""
    body = {"login": f"{uuid4().hex[:8]}@platform", "name": "Op", "role": "platform_operator"}
    return str((await side.root.post("/platform/users", body, expect=201))["user"]["id"])


async def key(side: Side) -> str:
    """Make an API key."""
    return str((await side.admin.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201))["key"]["id"])


async def session(side: Side) -> str:
    """Log in once more."""
    before = {one["id"] for one in await side.admin.get("/auth/sessions")}
    await side.server.log_in(side.admin.opened["user"]["login"])
    (id,) = {one["id"] for one in await side.admin.get("/auth/sessions")} - before
    return str(id)


async def tenant(side: Side) -> str:
    """Return the tenant itself."""
    return side.tenant


async def install(side: Side) -> str:
    """Register an install and prove it."""
    return await proven(side.admin)


async def unproven(side: Side) -> str:
    """Register an install; keep what its challenge held."""
    made, answer = await registered(side.admin)
    side.kept[made["id"]] = answer
    return str(made["id"])


async def login(side: Side) -> str:
    """Name a credential."""
    id = str(uuid4())
    await side.server.owner.execute(
        "INSERT INTO credential (tenant_id, id, name, kind, \"user\") VALUES ($1, $2, 'Login', 'routeros_login', 'admin')",
        side.tenant,
        id,
    )
    return id


async def credential(side: Side) -> str:
    """Name a credential and tell its secret."""
    id = await login(side)
    open_to = {"kind": "engineers"}
    await side.admin.ask("PUT", f"/credentials/{id}/audience", open_to, expect=200)
    await side.admin.ask("PUT", f"/credentials/{id}/secret", await told(side), expect=200)
    return id


async def site(side: Side) -> str:
    """Make a site."""
    return str((await side.admin.post("/sites", {"name": "S"}, expect=201))["id"])


async def device(side: Side, **more: Any) -> str:
    """Make a device."""
    address = f"10.{randrange(256)}.{randrange(256)}.{randrange(1, 255)}"
    made = await side.admin.post("/devices", {"name": "D", "address": address, **more}, expect=201)
    return str(made["id"])


async def reporting(side: Side) -> str:
    """Make a device that has reported something of itself."""
    id = await device(side)
    made = await side.admin.post("/push-keys", {"name": "P", "device": id}, expect=201)
    sent = {"messages": [{"reported": {"door": "open"}}]}
    taken = await side.server.somebody(made["secret"]).post("/telemetry", sent)
    assert taken["stored"] == 1
    return id


async def link(side: Side) -> str:
    """Make a link."""
    ends = {"a": await device(side), "b": await device(side)}
    return str((await side.admin.post("/links", ends, expect=201))["id"])


async def rule(side: Side) -> str:
    """Make a rule."""
    return str((await side.admin.post("/rules", {"name": "R", "kind": "device_down"}, expect=201))["id"])


async def tag(side: Side) -> str:
    """Mark a device with a word."""
    word = str(uuid4())
    await device(side, tags=[word])
    return word


async def alert(side: Side) -> str:
    """Have a monitor tell of something."""
    message = {"key": uuid4().hex, "title": "T", "device": await device(side)}
    return str((await side.admin.post("/alerts", message))["id"])


async def resolved(side: Side) -> str:
    """Have a monitor tell of something, and say that it is over."""
    id = await alert(side)
    await side.admin.post(f"/alerts/{id}/resolve", {})
    return id


async def edit(side: Side) -> str:
    """Change something."""
    await site(side)
    return str((await side.admin.get("/edits"))[0]["edit"]["id"])


async def hook(side: Side) -> str:
    """Make a hook; keep its secret."""
    made = await side.admin.post("/hooks", {"name": "H"}, expect=201)
    side.kept[made["hook"]["id"]] = made["secret"]
    return str(made["hook"]["id"])


async def push_key(side: Side) -> str:
    """Make a device key."""
    return str((await side.admin.post("/push-keys", {"name": "P"}, expect=201))["key"]["id"])


async def held(side: Side) -> str:
    """Have a message in quarantine."""
    made = await side.admin.post("/push-keys", {"name": "P"}, expect=201)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    await side.admin.post("/telemetry", {"messages": [{"values": {}}]}, headers=headers)
    return str((await side.admin.get("/quarantine"))[0]["id"])


async def picture(side: Side) -> str:
    """Have a diagram over a picture that nobody has brought; keep its bytes."""
    data = PICTURE + os.urandom(16)
    digest = hashlib.sha256(data).hexdigest()
    side.kept[digest] = data
    await side.server.owner.execute(
        "INSERT INTO diagram (tenant_id, id, name, background, background_width, note)"
        " VALUES ($1, $2, $3, $4, 1000, $3)",
        side.tenant,
        uuid4(),
        "D",
        digest,
    )
    return digest


async def photo(side: Side) -> str:
    """Have a photograph that is whole, itself and its small picture one and the same; return its id."""
    data, id = JPEG + os.urandom(16), str(uuid4())
    digest = hashlib.sha256(data).hexdigest()
    side.kept[id] = data
    await side.server.owner.execute(
        "INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption, site_id)"
        " VALUES ($1, $2, $3, $3, 4, 3, 1, 'Mara', $4, $5)",
        side.tenant,
        id,
        digest,
        "The mast",
        await site(side),
    )
    await side.admin.ask("PUT", f"/pictures/{digest}", piece_of(data), expect=200)
    return id


async def whole_picture(side: Side) -> str:
    """Have a picture."""
    digest = await picture(side)
    await side.admin.ask("PUT", f"/pictures/{digest}", piece_of(side.kept[digest]), expect=200)
    return digest


async def whole_map(side: Side) -> str:
    """Have a map of the team that is whole; return the name of its content."""
    data = MAP + os.urandom(16)
    digest = hashlib.sha256(data).hexdigest()
    side.kept[digest] = data
    await side.server.owner.execute(
        "INSERT INTO team_map (tenant_id, id, name, digest, size_bytes, schema, min_zoom, max_zoom, bounds, added_us, author)"
        " VALUES ($1, $2, 'Valley', $3, $4, 'raster', 0, 9, '[9, 47, 10, 48]', 1, 'Mara')",
        side.tenant,
        uuid4(),
        digest,
        len(data),
    )
    await side.admin.ask("PUT", f"/maps/{digest}", piece_of(data), expect=200)
    return digest


def piece_of(data: bytes) -> dict[str, Any]:
    """Return the body that brings a whole picture."""
    return {"size": len(data), "offset": 0, "data": text(data)}


async def told(side: Side, install: str = "") -> dict[str, Any]:
    """Return the body that tells a secret, wrapped to an install of the tenant."""
    epoch = await side.server.owner.fetchval(
        "SELECT key_epoch FROM identity.tenant_state WHERE tenant_id = $1", side.tenant
    )
    wraps = [{"install": install or side.install, "wrapped": text(os.urandom(80))}]
    return {"sealed": text(os.urandom(60)), "epoch": epoch or 1, "wraps": wraps}


def message(**more: Any) -> dict[str, Any]:
    """Return a foreign monitor's message."""
    return {"key": uuid4().hex, "title": "T", **more}


def _unknown_picture() -> str:
    return uuid4().hex * 2


THINGS: dict[str, Thing] = {
    "/users/{id}": Thing(user, "USER_NOT_FOUND"),
    "/users/{id}/totp": Thing(member, "USER_NOT_FOUND"),
    "/users/{id}/authenticator": Thing(member, "USER_NOT_FOUND"),
    "/platform/users/{id}": Thing(operator, "USER_NOT_FOUND"),
    "/operators/{id}": Thing(operator, "USER_NOT_FOUND"),
    "/keys/{id}": Thing(key, "KEY_NOT_FOUND"),
    "/auth/sessions/{id}": Thing(session, "SESSION_NOT_FOUND"),
    "/tenants/{id}": Thing(tenant, "TENANT_NOT_FOUND"),
    "/installs/{id}": Thing(install, "INSTALL_NOT_FOUND"),
    "/installs/{id}/proof": Thing(unproven, "INSTALL_NOT_FOUND"),
    "/credentials/{id}": Thing(credential, "CREDENTIAL_NOT_FOUND"),
    "/devices/{id}": Thing(device, "DEVICE_NOT_FOUND"),
    "/devices/{id}/shadow": Thing(reporting, "SHADOW_NOT_FOUND"),
    "/sites/{id}": Thing(site, "SITE_NOT_FOUND"),
    "/links/{id}": Thing(link, "LINK_NOT_FOUND"),
    "/rules/{id}": Thing(rule, "RULE_NOT_FOUND"),
    "/tags/{id}": Thing(tag, "TAG_NOT_FOUND"),
    "/alerts/{id}": Thing(alert, "ALERT_NOT_FOUND"),
    "/alerts/{id}/reopen": Thing(resolved, "ALERT_NOT_FOUND"),
    "/edits/{id}": Thing(edit, "EDIT_NOT_FOUND"),
    "/hooks/{id}": Thing(hook, "HOOK_NOT_FOUND"),
    "/push-keys/{id}": Thing(push_key, "PUSH_KEY_NOT_FOUND"),
    "/quarantine/{id}": Thing(held, "MESSAGE_NOT_FOUND"),
    "/photos/{id}": Thing(photo, "PHOTO_NOT_FOUND"),
    "/maps/{id}": Thing(whole_map, "MAP_NOT_FOUND", _unknown_picture),
    "/pictures/{id}": Thing(whole_picture, "PICTURE_NOT_FOUND", _unknown_picture),
}
"""What a path names, by its longest beginning that is told here."""


def thing_of(path: str) -> Thing:
    """Return what a path names. Raises AssertionError where nobody has said."""
    found = max((prefix for prefix in THINGS if path.startswith(prefix)), key=len, default="")
    assert found, f"{path}: say in THINGS how such a thing is made"
    return THINGS[found]
