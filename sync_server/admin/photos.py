"""Photographs of sites and devices, as pages show them, and their bytes. Counterpart: `api/pictures.py`, by which installs have
them.

Theory: which there are is read as the asker, so that those of a site beyond his reach are not there; a picture is named by its
photograph, never by its digest. What was brought is a stranger's: it is given as what its first bytes say, and as
a page of its own may do nothing (Content-Security-Policy `sandbox`).
One rule: what is not whole is not shown.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import Response

from domain.blobs import picture_kind
from sync_server.admin.pages import SAFETY, Pages
from sync_server.api.errors import refused
from sync_server.api.routes import Call

pages = Pages()
SHOWN = 24
"""Most of one site or device on its page; the windows show all."""
_OF = f"""
    SELECT h.id, h.caption, h.author, h.added_us, h.taken_us, h.width, h.height,
        EXISTS (SELECT FROM sync.picture p WHERE p.digest = h.thumb AND p.is_whole) AS is_here,
        EXISTS (SELECT FROM sync.picture p WHERE p.digest = h.digest AND p.is_whole) AS is_large_here,
        count(*) OVER () AS of_all
    FROM photo h WHERE h.site_id = $1 OR h.device_id = $1 ORDER BY h.added_us, h.id LIMIT {SHOWN}
"""
_BYTES = """
    SELECT string_agg(c.data, ''::bytea ORDER BY c.start) FROM photo h
    JOIN sync.picture p ON p.is_whole AND p.digest = CASE WHEN $2 THEN h.thumb ELSE h.digest END
    JOIN sync.picture_piece c ON c.digest = p.digest WHERE h.id = $1
"""
_HEADERS = {
    **SAFETY,
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=600",
}


async def photos_of(call: Call, subject: UUID) -> list[dict[str, Any]] | None:
    """Return the photographs of a site or device that the asker sees, the first come first; None where he may see none."""
    if not call.who.may("sites:read"):
        return None
    return [dict(row) for row in await call.transaction.fetch(_OF, subject)]


@pages.page("/admin/photos/{id}", allow="sites:read", limit="pictures")
async def show_photo(call: Call, id: UUID) -> Response:
    """A photograph; `?small` its small picture."""
    is_small = "small" in call.request.query_params
    data: bytes | None = await call.transaction.fetchval(_BYTES, id, is_small)
    kind = picture_kind(data) if data else ""
    if not data or not kind:
        raise refused("PHOTO_NOT_FOUND", "there is no such photograph, or nobody has brought it yet")
    return Response(data, media_type=kind, headers=_HEADERS)
