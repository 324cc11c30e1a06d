"""`/tenants`: who shares this server; `/tenant`: the one that one works in. Counterpart: `auth.py`, `operators.py`.

One rule: the platform makes, closes and opens tenants; what is in one is its own, and who enters is written down there.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from sync_server.api.checks import check_name
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes

routes = Routes("tenants")


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant. `off_us`: since when it is closed. Times are microseconds since 1970 UTC."""

    id: UUID
    name: str
    made_us: int | None
    off_us: int | None


class NewTenant(Body, frozen=True):
    """A tenant to make."""

    name: str


class TenantChange(Body, frozen=True):
    """What is left out stays. `is_off` closes it: nobody but the platform enters, its keys are refused, its rows stay."""

    name: str | UnsetType = UNSET
    is_off: bool | UnsetType = UNSET


class OwnChange(Body, frozen=True):
    """What a tenant's administrator may change of it."""

    name: str


_SELECT = "SELECT t.id, t.name, s.made_us, s.off_us FROM tenant t LEFT JOIN identity.tenant_state s ON s.tenant_id = t.id"


@routes.route("GET", "/tenants", allow="tenants:read", of="platform", gives=list[TenantRow], paged=True)
async def list_tenants(call: Call) -> list[TenantRow]:
    """List all tenants by name."""
    return [TenantRow(*row) for row in await call.rows_by("name", _SELECT)]


@routes.route(
    "POST", "/tenants", allow="tenants:write", of="platform", takes=NewTenant, gives=TenantRow, status=201
)
async def make_tenant(call: Call) -> TenantRow:
    """Make a tenant; enter it with `/auth/switch` to invite its first administrator."""
    check_name(call.body.name)
    id = new_id(call)
    await call.transaction.execute("SELECT identity.make_tenant($1, $2)", id, call.body.name)
    await call.record("tenant.made", ("tenant", id), {"name": call.body.name}, of_platform=True)
    return await _read(call, id)


@routes.route("GET", "/tenants/{id}", allow="tenants:read", of="platform", gives=TenantRow)
async def read_tenant(call: Call, id: UUID) -> TenantRow:
    """Return a tenant."""
    return await _read(call, id)


@routes.route(
    "PATCH", "/tenants/{id}", allow="tenants:write", of="platform", takes=TenantChange, gives=TenantRow
)
async def change_tenant(call: Call, id: UUID) -> TenantRow:
    """Rename, close or open a tenant."""
    name = None if call.body.name is UNSET else call.body.name
    is_off = None if call.body.is_off is UNSET else call.body.is_off
    await _change(call, id, name, is_off)
    changed = {"name": name, "is_off": is_off}
    detail = {"changed": {key: value for key, value in changed.items() if value is not None}}
    await call.record("tenant.changed", ("tenant", id), detail, of_platform=True)
    return await _read(call, id)


@routes.route("GET", "/tenant", allow="tenant:read", gives=TenantRow)
async def read_own_tenant(call: Call) -> TenantRow:
    """Return the tenant that one works in."""
    assert call.who.tenant is not None
    return await _read(call, call.who.tenant)


@routes.route("PATCH", "/tenant", allow="tenant:write", takes=OwnChange, gives=TenantRow)
async def change_own_tenant(call: Call) -> TenantRow:
    """Rename the tenant that one works in."""
    assert call.who.tenant is not None
    await _change(call, call.who.tenant, call.body.name, None)
    await call.record("tenant.changed", ("tenant", call.who.tenant), {"changed": {"name": call.body.name}})
    return await _read(call, call.who.tenant)


async def _change(call: Call, id: UUID, name: str | None, is_off: bool | None) -> None:
    if name is not None:
        check_name(name)
    await call.transaction.execute("SELECT identity.change_tenant($1, $2, $3)", id, name, is_off)


async def _read(call: Call, id: UUID) -> TenantRow:
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE t.id = $1", id)
    if row is None:
        raise refused("TENANT_NOT_FOUND", "there is no such tenant")
    return TenantRow(*row)
