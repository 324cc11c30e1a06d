"""Pages of what a tenant has: its sites, and how much of everything. Counterpart: the tables of the inventory.

One rule: who reaches some sites sees those.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sync_server.admin.forms import Form, text_in
from sync_server.admin.pages import Pages, Said
from sync_server.admin.photos import photos_of
from sync_server.api import pollers, sites, tenants, things
from sync_server.api.pages import cut
from sync_server.api.routes import Call

pages = Pages()
SEARCH_CAP = 120
_LIST = (
    "SELECT s.id, s.name, s.region, s.note, (SELECT count(*) FROM device d WHERE d.site_id = s.id) AS devices FROM site s"
    " WHERE ($1::uuid[] IS NULL OR s.id = ANY($1)) AND ($2 = '' OR strpos(lower(s.name || ' ' || s.region), lower($2)) > 0)"
    " AND ($3::text IS NULL OR (s.name, s.id) > ($3, $4)) ORDER BY s.name, s.id LIMIT $5"
)
SILENT_S = 300
"""How long nothing may be heard through a poller before it is called silent."""
_DAYS = """
    SELECT day, requests, polls, numbers, bytes FROM identity.usage
    WHERE day > identity.now_us() / 86400000000 - 30 ORDER BY day DESC
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM site) AS "Sites", (SELECT count(*) FROM device) AS "Devices",
        (SELECT count(*) FROM link) AS "Links", (SELECT count(*) FROM credential) AS "Credentials",
        (SELECT count(*) FROM alert) AS "Alerts", (SELECT count(*) FROM edit) AS "Edits",
        (SELECT count(*) FROM identity.membership) AS "Members", (SELECT count(*) FROM identity.api_key) AS "API keys",
        (SELECT count(*) FROM identity.install) AS "Installs"
"""


@pages.page("/admin/sites", "sites.html", allow="sites:read")
async def show_sites(call: Call) -> dict[str, Any]:
    """The tenant's sites."""
    search = text_in(call.request.query_params, "search", SEARCH_CAP)
    reach = None if call.who.reach.sites is None else sorted(call.who.reach.sites)
    name, id = call.page.key(tuple[str, Any]) or (None, None)
    rows = await call.transaction.fetch(_LIST, reach, search, name, id, call.page.limit + 1)
    rows, call.shown = cut(rows, call.page, lambda row: (row["name"], row["id"]))
    return {"sites": [dict(row) for row in rows], "search": search}


@pages.page("/admin/sites/{id}", "site.html", allow="sites:read")
async def show_site(call: Call, id: UUID) -> dict[str, Any]:
    """A site, and its photographs."""
    site = await sites.show_site(call, id)
    if site is None:
        raise things.absent("site")
    return {"site": site, "photos": await photos_of(call, id)}


@pages.page("/admin/pollers", "pollers.html", allow="installs:read")
async def show_pollers(call: Call) -> dict[str, Any]:
    """Who asks the devices, and whether it still does."""
    silent_us = round((call.services.now_s() - SILENT_S) * 1_000_000)
    return {"pollers": await pollers.list_pollers(call), "silent_us": silent_us, "clock": clock_of}


def clock_of(ahead_us: int | None) -> str:
    """Return how far a clock is off, as one reads it: nothing below a second, for a line has its delay."""
    if ahead_us is None:
        return ""
    off_s = abs(ahead_us) / 1_000_000
    if off_s < 1:
        return "right"
    said = f"{off_s:.0f} s" if off_s < 120 else f"{off_s / 60:,.0f} min"
    return f"{said} {'ahead' if ahead_us > 0 else 'behind'}"


@pages.page("/admin/usage", "usage.html", allow="tenant:read")
async def show_usage(call: Call) -> dict[str, Any]:
    """How much of everything a tenant has."""
    row = await call.transaction.fetchrow(_COUNTS)
    assert row is not None
    settings = call.services.settings
    days = await call.transaction.fetch(_DAYS)
    return {
        "tenant": await tenants.read_own_tenant(call),
        "counts": list(row.items()),
        "days": days,
        "sums": [(name, sum(one[name] for one in days)) for name in ("requests", "polls", "numbers")],
        "kept_bytes": sum(one["bytes"] for one in days[: settings.raw_days]),
        "kept": [("Every poll", settings.raw_days), ("Every hour", settings.hour_days)],
    }


@pages.act("/admin/usage", allow="tenant:write", on=show_usage)
async def rename(call: Call, form: Form) -> Said:
    """Rename the tenant that one works in."""
    call.body = form.body(tenants.OwnChange, name=form.text("name").strip())
    return Said(f"It is called {(await tenants.change_own_tenant(call)).name} now.")
