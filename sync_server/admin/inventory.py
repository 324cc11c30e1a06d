"""Pages of a tenant's devices: a list to search, and one with its numbers, alerts and links. Counterpart: `api/devices.py`.

One rule: what a page shows of a device is what the API gives of it to the same person.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from domain.health import Status
from domain.inventory import ROLES, Role
from domain.metrics import CATALOGUE
from sync_server.admin.forms import text_in
from sync_server.admin.named import names_of
from sync_server.admin.pages import Pages
from sync_server.admin.photos import photos_of
from sync_server.api import alerts, devices, links, metrics, things
from sync_server.api.lookup import WORDS_CHARS
from sync_server.api.pages import LIMIT_RANGE, Page
from sync_server.api.routes import Call

pages = Pages()
STATUSES: tuple[Status, ...] = get_args(Status)
ALERTS_SHOWN = 20
_SITE_NAMES = "SELECT id, name FROM site WHERE id = ANY ($1::uuid[])"


class Found(NamedTuple):
    """Which devices are asked for."""

    search: str
    status: Status | None
    role: Role | None
    site: UUID | None

    def query(self) -> str:
        """Return it as it stands in an address."""
        return urlencode({name: str(value) for name, value in self._asdict().items() if value})


@pages.page("/admin/devices", "devices.html", allow="devices:read")
async def show_devices(call: Call) -> dict[str, Any]:
    """The tenant's devices by name."""
    asked = _asked(call)
    rows = await devices.list_devices(
        call, q=asked.search, status=asked.status, role=asked.role, site=asked.site
    )
    found = [msgspec.json.decode(row, type=devices.DeviceRow) for row in rows]
    return {
        "devices": found,
        "asked": asked,
        "query": asked.query(),
        "sites": await _site_names(call, {one.site for one in found} | {asked.site}),
        "statuses": STATUSES,
        "roles": ROLES,
    }


@pages.page("/admin/devices/{id}", "device.html", allow="devices:read")
async def show_device(call: Call, id: UUID) -> dict[str, Any]:
    """A device: how it is, its newest numbers, its alerts, its links."""
    device = await devices.show_device(call, id)
    if device is None:
        raise things.absent("device")
    who = call.who
    latest = await metrics.read_latest(call, id) if who.may("metrics:read") else None
    call.page = Page(ALERTS_SHOWN)
    its_alerts = await _alerts_of(call, id) if who.may("alerts:read") else []
    call.page = Page(LIMIT_RANGE[1])
    its_links = await links.list_links(call, device=id) if who.may("links:read") else []
    are_all = call.shown is None or not call.shown.next
    call.shown = None
    return {
        "device": device,
        "sites": await _site_names(call, {device.site}),
        "latest": latest,
        "titles": {one.name: one.title for one in CATALOGUE.values()},
        "alerts": its_alerts,
        "links": its_links,
        "photos": await photos_of(call, id),
        "are_all_links": are_all,
        "names": await names_of(call, (end for one in its_links for end in (one.a, one.b))),
    }


async def _alerts_of(call: Call, device: UUID) -> list[Any]:
    """Return what is open of a device, then what was last: one that stays open is not hidden by one that comes and goes."""
    now = await alerts.list_alerts(call, state="open", subject=device)
    over = await alerts.list_alerts(call, state="closed", subject=device)
    return [*now, *over][:ALERTS_SHOWN]


def _asked(call: Call) -> Found:
    given = call.request.query_params
    status, role = given.get("status", ""), given.get("role", "")
    try:
        site = UUID(given["site"]) if given.get("site") else None
    except ValueError:
        site = None
    return Found(
        text_in(given, "search", WORDS_CHARS),
        status if status in STATUSES else None,
        cast(Role, role) if role in ROLES else None,
        site,
    )


async def _site_names(call: Call, ids: set[UUID | None]) -> dict[UUID, str]:
    rows = await call.transaction.fetch(_SITE_NAMES, [id for id in ids if id is not None])
    return {row["id"]: row["name"] for row in rows}
