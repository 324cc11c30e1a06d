"""`/links`: what connects two devices, and how it is. Counterpart: `things.py`; `link_state`, which judges write.

One rule: who reaches one end of a link sees it; to change it takes both.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.inventory import Link, LinkKind
from domain.load import LinkStatus
from sync_server import inventory
from sync_server.api import things
from sync_server.api.lookup import Where
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("links")


class LinkRow(Link, frozen=True, kw_only=True):
    """A link, its ETag, and how it is: since when, microseconds since 1970 UTC, and what it carries from a to b and back."""

    etag: str
    status: LinkStatus = "unknown"
    since_us: int | None = None
    ab_bps: float | None = None
    ba_bps: float | None = None


_SELECT = f"""
    SELECT {inventory.select_of("link")}, s.status, s.since_us, s.ab_bps, s.ba_bps FROM link t
    LEFT JOIN link_state s ON s.link_id = t.id
"""


@routes.route("GET", "/links", allow="links:read", gives=list[LinkRow], paged=True, alone=True, keeps=True)
async def list_links(
    call: Call,
    *,
    device: UUID | None = None,
    kind: LinkKind | None = None,
    status: LinkStatus | None = None,
) -> list[LinkRow]:
    """List links in the order of their ids; `device` is one of their ends."""
    where = Where()
    where.add_given("t.id > {0}", call.page.key(UUID))
    where.add_given("{0} IN (t.a_id, t.b_id)", device)
    where.add_given("t.kind = {0}", kind)
    where.add_given("coalesce(s.status, 'unknown') = {0}", status)
    statement = f"{_SELECT} WHERE {where} ORDER BY t.id LIMIT {call.page.limit + 1}"
    rows = await call.reads.fetch(statement, *where.arguments)
    rows, call.shown = cut(rows, call.page, lambda row: row["id"])
    return [_row(row) for row in rows]


async def show_link(call: Call, id: UUID) -> LinkRow | None:
    """Return a link, or None."""
    rows = await call.reads.fetch(f"{_SELECT} WHERE t.id = $1", id)
    return _row(rows[0]) if rows else None


things.add_routes(routes, "link", LinkRow, show_link)


def _row(row: Any) -> LinkRow:
    link, etag, _ = inventory.known_of("link", row)
    return LinkRow(
        *msgspec.structs.astuple(link),
        etag=etag,
        status=row["status"] or "unknown",
        since_us=row["since_us"],
        ab_bps=row["ab_bps"],
        ba_bps=row["ba_bps"],
    )
