"""`/sites`: where devices stand. Counterpart: `things.py`, `lookup.py`.

One rule: as there.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query

from domain.inventory import Site
from domain.rules import NAME_CAP
from sync_server import inventory
from sync_server.api import things
from sync_server.api.lookup import Box, Where, Words, add_words, page_of
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("sites")


class SiteRow(Site, frozen=True, kw_only=True):
    """A site, its ETag, and how many devices stand there, those of sites beneath it not among them."""

    etag: str
    devices: int = 0


_SELECT = f"""
    SELECT {inventory.select_of("site")}, (SELECT count(*) FROM device d WHERE d.site_id = t.id) AS devices FROM {{}} t
"""


@routes.route("GET", "/sites", allow="sites:read", gives=list[SiteRow], paged=True, alone=True, keeps=True)
async def list_sites(
    call: Call,
    *,
    q: Words = "",
    bbox: Box = "",
    region: Annotated[str, Query(max_length=NAME_CAP)] = "",
    pop: UUID | None = None,
) -> list[SiteRow]:
    """List sites by name; `pop` is the site that they hang under."""
    where = Where()
    where.add_given("t.region = {0}", region)
    where.add_given("t.pop_id = {0}", pop)
    add_words(where, "sites_with_words", q)
    found = page_of("site", where, call.page, bbox, is_whole=call.who.reach.sites is None)
    statement = f"{_SELECT.format(f'({found})')} ORDER BY t.name, t.id"
    rows = await call.reads.fetch(statement, *where.arguments)
    rows, call.shown = cut(rows, call.page, lambda row: (row["name"], row["id"]))
    return [_row(row) for row in rows]


async def show_site(call: Call, id: UUID) -> SiteRow | None:
    """Return a site, or None."""
    rows = await call.reads.fetch(f"{_SELECT.format('site')} WHERE t.id = $1", id)
    return _row(rows[0]) if rows else None


things.add_routes(routes, "site", SiteRow, show_site)


def _row(row: Any) -> SiteRow:
    site, etag, _ = inventory.known_of("site", row)
    return SiteRow(*msgspec.structs.astuple(site), etag=etag, devices=row["devices"])
