"""Pages across all tenants, for who operates the platform: how each is, and every device. Counterpart: `platform.py`.

Theory: there is no query past row-level security. A page goes from tenant to tenant in the order of their names, sees each as
whoever enters it would, and stops when it is full, or has looked for `LOOK_S`; its cursor says where. That devices were looked at
is written into the audit of each tenant of which some were shown; that the overview was, into the platform's.
One rule: audits are written once all is read, in the order of the tenants' ids: no two pages wait for each other's.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple, get_args
from uuid import UUID

from domain.health import Status
from sync_server.admin.forms import text_in
from sync_server.admin.pages import Pages
from sync_server.api import tenants
from sync_server.api.lookup import WORDS_CHARS, Where, add_words
from sync_server.api.pages import Shown, cursor_of, cut
from sync_server.api.routes import Call
from sync_server.database import in_tenant
from sync_server.watching import Watching

pages = Pages()
TENANTS_A_PAGE = 100
"""Tenants that one page of devices looks into; it may then have less than it could show."""
LOOK_S = 3.0
"""How long a page looks before it goes into no further tenant."""
STATUSES: tuple[Status, ...] = get_args(Status)
_LATEST = "SELECT status, heard_us, reason FROM health WHERE device_id = t.id ORDER BY heard_us DESC LIMIT 1"
_HOW_IT_IS = f"""
    SELECT coalesce(h.status, 'unknown') AS status, count(*) AS devices, max(h.heard_us) AS heard_us
    FROM device t LEFT JOIN LATERAL ({_LATEST}) h ON true GROUP BY 1
"""
_OPEN_ALERTS = "SELECT count(*) FROM alert WHERE cleared_us IS NULL AND resolved_us IS NULL"
_TENANTS = """
    SELECT t.id, t.name FROM tenant t
    WHERE $1::uuid IS NULL OR (t.name, t.id) >= (SELECT f.name, f.id FROM tenant f WHERE f.id = $1)
    ORDER BY t.name, t.id LIMIT $2
"""


class TenantState(NamedTuple):
    """How a tenant is: its devices by status, when one was heard last, how many alerts are open."""

    id: UUID
    name: str
    is_open: bool
    devices: dict[str, int]
    heard_us: int | None
    alerts: int


class Found(NamedTuple):
    """A device of some tenant."""

    tenant: UUID
    tenant_name: str
    id: UUID
    name: str
    address: str
    site: str
    status: str
    heard_us: int | None
    reason: str


class _Place(NamedTuple):
    """Where a page begins: in this tenant, behind this device, at its first where there is none."""

    tenant: UUID | None = None
    name: str | None = None
    id: UUID | None = None


@pages.page("/admin/overview", "overview.html", allow="tenants:read", of="platform")
async def show_overview(call: Call) -> dict[str, Any]:
    """How each tenant is, and what the server itself is not well in."""
    watching: Watching = call.request.app.state.watching
    listed = await tenants.list_tenants(call)
    states = [await _state_of(call, one) for one in listed]
    await call.record("tenants.read", ("tenants", len(states)), of_platform=True)
    sums = {status: sum(one.devices[status] for one in states) for status in STATUSES}
    return {
        "states": states,
        "sums": sums,
        "open_alerts": sum(one.alerts for one in states),
        "alerts": watching.held,
        "is_part": call.page.after is not None or bool(call.shown and call.shown.next),
    }


async def _state_of(call: Call, tenant: tenants.TenantRow) -> TenantState:
    async with in_tenant(call.transaction, call.who, tenant.id):
        rows = await call.transaction.fetch(_HOW_IT_IS)
        alerts: int = await call.transaction.fetchval(_OPEN_ALERTS)
    devices = dict.fromkeys(STATUSES, 0) | {row["status"]: row["devices"] for row in rows}
    heard_us = max((row["heard_us"] for row in rows if row["heard_us"] is not None), default=None)
    return TenantState(tenant.id, tenant.name, tenant.off_us is None, devices, heard_us, alerts)


@pages.page("/admin/all-devices", "all_devices.html", allow="tenants:read", of="platform")
async def show_devices(call: Call) -> dict[str, Any]:
    """Devices of all tenants, by tenant and name."""
    given = call.request.query_params
    words = text_in(given, "search", WORDS_CHARS)
    status = given.get("status", "") if given.get("status") in STATUSES else ""
    place = _Place(*(call.page.key(tuple[UUID, str | None, UUID | None]) or ()))
    tenants_behind = await call.transaction.fetch(_TENANTS, place.tenant, TENANTS_A_PAGE + 1)
    found: list[Found] = []
    looked, until_s = 0, time.monotonic() + LOOK_S
    while looked < min(TENANTS_A_PAGE, len(tenants_behind)) and len(found) <= call.page.limit:
        row = tenants_behind[looked]
        behind = place if row["id"] == place.tenant else _Place()
        found += await _devices_of(call, row["id"], row["name"], behind, words, status, len(found))
        looked += 1
        if time.monotonic() > until_s:
            break
    rows, call.shown = cut(found, call.page, lambda one: (one.tenant, one.name, one.id))
    if not call.shown.next and looked < len(tenants_behind):
        call.shown = Shown(call.page.limit, cursor_of((tenants_behind[looked]["id"], None, None)))
    call.looked_into = Counter(one.tenant for one in rows)
    return {"devices": rows, "search": words, "status": status, "statuses": STATUSES}


async def _devices_of(  # noqa: PLR0917
    call: Call, tenant: UUID, tenant_name: str, place: _Place, words: str, status: str, so_far: int
) -> list[Found]:
    """Return devices of a tenant, as many as the page still takes and one more."""
    where = Where()
    if place.name is not None:
        where.add("(t.name, t.id) > ({0}, {1})", place.name, place.id)
    where.add_given("coalesce(h.status, 'unknown') = {0}", status)
    add_words(where, "devices_with_words", words)
    statement = (
        "SELECT t.id, t.name, t.address, coalesce(s.name, '') AS site, coalesce(h.status, 'unknown') AS status, h.heard_us,"
        " coalesce(h.reason, '') AS reason FROM device t LEFT JOIN site s ON s.id = t.site_id"
        f" LEFT JOIN LATERAL ({_LATEST}) h ON true WHERE {where} ORDER BY t.name, t.id LIMIT {call.page.limit + 1 - so_far}"
    )
    async with in_tenant(call.transaction, call.who, tenant):
        rows = await call.transaction.fetch(statement, *where.arguments)
    return [Found(tenant, tenant_name, *row.values()) for row in rows]
