"""The page with the live map, and the files that its frame is made of. Counterpart: `map_assets/`, `live/map_door.py`.

Theory: the map is the window's own page (`map_assets/index.html`), unchanged, in a frame; the page around it is its window: it
listens to the server and hands on what the map is to show. The files tell nothing of any tenant, but they are many and large, so
only who has opened the page gets them: it sets a cookie, bound to the session's secret, that is asked for without the database.
One rule: the address of a file carries a stamp of all of them, so that a browser may keep each for a year.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from map_assets.files import KINDS, SMALL_WORLD, WORLD, page_files
from sync_server.admin.pages import SAFETY, Pages
from sync_server.api.access import MAP_COOKIE, MAP_PATH
from sync_server.api.errors import refused
from sync_server.api.routes import Call
from sync_server.security.tokens import TokenInvalid
from sync_server.services import Services

pages = Pages()
router = APIRouter(include_in_schema=False)
_YEAR = "private, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


@pages.page("/admin/map", "map.html", allow="devices:read")
async def show_map(call: Call) -> dict[str, Any]:
    """The live map."""
    who = call.who
    if who.session is not None:
        value = _pass_of(call.services, who.session)
        secure = call.services.settings.public_url.startswith("https://")
        call.finish = lambda response: response.set_cookie(
            MAP_COOKIE, value, path=MAP_PATH, secure=secure, httponly=True, samesite="strict"
        )
    return {
        "folder": f"{MAP_PATH}/{_stamp()}",
        "is_there": all(file.is_file() for file in _files().values()),
        "may_alerts": who.may("alerts:read"),
    }


@router.get(MAP_PATH + "/{stamp}/{path:path}")
async def read_file(request: Request, stamp: str, path: str) -> Response:
    """Return one of the files of the map's page, or the bytes of it that are asked for."""
    _check_pass(request)
    file = _files().get(path)
    if file is None or not file.is_file():
        raise refused("FILE_NOT_FOUND", "there is no such file")
    tag = f'"{_stamp()}"'
    headers = {**SAFETY, "Cache-Control": _YEAR, "ETag": tag, "Content-Security-Policy": _POLICY}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return FileResponse(file, headers=headers, media_type=KINDS[file.suffix])


def _pass_of(services: Services, session: UUID) -> str:
    return f"{session.hex}.{services.sessions.csrf_of(session)}"


def _check_pass(request: Request) -> None:
    """Raises TokenInvalid where no session of this server has opened the page."""
    given = request.cookies.get(MAP_COOKIE, "")
    try:
        session = UUID(given.partition(".")[0])
    except ValueError:
        raise TokenInvalid("the map's page was not opened") from None
    expected = _pass_of(request.app.state.services, session)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise TokenInvalid("the map's page was not opened")


@cache
def _files() -> dict[str, Path]:
    return page_files() | {WORLD: SMALL_WORLD}


@cache
def _stamp() -> str:
    """Return what changes with the content of any of the files; the ground is told by its size."""
    digest = hashlib.sha256()
    for address, file in sorted(_files().items()):
        content = file.read_bytes() if file.is_file() and address != WORLD else b""
        size = file.stat().st_size if file.is_file() else 0
        digest.update(f"{address} {size} ".encode() + content)
    return digest.hexdigest()[:12]
