"""`/devices`: what is watched, and how it is. Counterpart: `things.py`, `lookup.py`; `health`, which judges write.

Theory: lists give the same devices again and again, so what a row of the inventory means is kept as the JSON that it becomes, a
function of its values alone; how a device is comes behind it, fresh.
One rule: a device's status is that of the vantage that was heard last; one that nobody asked is unknown.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query

from domain.health import Status
from domain.inventory import Device, Role
from domain.rules import NAME_CAP
from sync_server import inventory
from sync_server.api import things
from sync_server.api.lookup import Box, Where, Words, add_words, page_of
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("devices")


class DeviceRow(Device, frozen=True, kw_only=True):
    """A device, its ETag, and how it is: since when, and when it was heard last, microseconds since 1970 UTC."""

    etag: str
    status: Status = "unknown"
    since_us: int | None = None
    heard_us: int | None = None
    reason: str = ""


class How(msgspec.Struct, frozen=True):
    """The last fields of a `DeviceRow`."""

    status: Status
    since_us: int | None
    heard_us: int | None
    reason: str


_WIDTH = inventory.width_of("device")
_LATEST = "SELECT {} FROM health WHERE device_id = t.id ORDER BY heard_us DESC LIMIT 1"
_SELECT = f"""
    SELECT {inventory.select_of("device")}, h.status, h.since_us, h.heard_us, h.reason FROM {{}} t
    LEFT JOIN LATERAL ({_LATEST.format("status, since_us, heard_us, reason")}) AS h ON true
"""


@routes.route(
    "GET", "/devices", allow="devices:read", gives=list[DeviceRow], paged=True, alone=True, keeps=True
)
async def list_devices(
    call: Call,
    *,
    q: Words = "",
    bbox: Box = "",
    site: UUID | None = None,
    role: Role | None = None,
    status: Status | None = None,
    tag: Annotated[str, Query(max_length=NAME_CAP)] = "",
    address: Annotated[str, Query(max_length=45)] = "",
) -> list[msgspec.Raw]:
    """List devices by name. `bbox` finds those that stand in it, and those whose site does."""
    where = Where()
    where.add_given("t.site_id = {0}", site)
    where.add_given("t.role = {0}", role)
    where.add_given(f"coalesce(({_LATEST.format('status')}), 'unknown') = {{0}}", status)
    where.add_given("t.tags @> jsonb_build_array({0}::text)", tag)
    where.add_given("t.address = {0}", address)
    add_words(where, "devices_with_words", q)
    found = page_of("device", where, call.page, bbox, is_whole=call.who.reach.sites is None)
    statement = f"{_SELECT.format(f'({found})')} ORDER BY t.name, t.id"
    rows = await call.reads.fetch(statement, *where.arguments)
    rows, call.shown = cut(rows, call.page, lambda row: (row["name"], row["id"]))
    return [_encoded(row) for row in rows]


async def show_device(call: Call, id: UUID) -> DeviceRow | None:
    """Return a device, or None."""
    rows = await call.reads.fetch(f"{_SELECT.format('device')} WHERE t.id = $1", id)
    return _row(rows[0]) if rows else None


things.add_routes(routes, "device", DeviceRow, show_device)


def _row(row: Any) -> DeviceRow:
    device, etag, _ = inventory.known_of("device", row)
    return DeviceRow(
        *msgspec.structs.astuple(device),
        etag=etag,
        status=row["status"] or "unknown",
        since_us=row["since_us"],
        heard_us=row["heard_us"],
        reason=row["reason"] or "",
    )


def _encoded(row: Any) -> msgspec.Raw:
    """Return what `_row` returns as it is encoded."""
    status, since_us, heard_us, reason = row[_WIDTH : _WIDTH + 4]
    how = msgspec.json.encode(How(status or "unknown", since_us, heard_us, reason or ""))
    _, etag, device = inventory.known_of("device", row)
    return msgspec.Raw(b"%b,%b,%b" % (device[:-1], msgspec.json.encode({"etag": etag})[1:-1], how[1:]))
