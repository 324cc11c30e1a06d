"""Who comes to look at the map in a browser: a socket, a token that opens one stream. Counterpart: `admin/static/map_link.js`.

One rule: he hears, and says nothing after his token.
"""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket

from domain.roles import Permission
from domain.sync import Refused
from sync_server.live.frames import HangUp
from sync_server.live.greeting import Caller, greet
from sync_server.live.map_room import Viewer
from sync_server.security import audit

PATH = "/api/v1/live/map"
HELLO_CAP_BYTES = 1024
NEEDS: Permission = "devices:read"
router = APIRouter()


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First words: a token that opens one stream (`POST /auth/stream-token`)."""

    token: str


@router.websocket(PATH)
async def serve_map(socket: WebSocket) -> None:
    """Show the map to somebody for as long as he looks."""
    await greet(socket, _come_in, _serve, _refusal)


async def _come_in(caller: Caller) -> tuple[Viewer, bytes] | None:
    """Return who looks, and the first frame; None where he left. Raises HangUp, and as `Database.transaction` does."""
    data = await caller.first_words(HELLO_CAP_BYTES, "a token")
    if data is None:
        return None
    try:
        hello = msgspec.json.decode(data, type=Hello)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise HangUp("BAD_MESSAGE", "a token expected") from None
    who, tenant = await caller.admit(hello.token)
    if not who.may(NEEDS):
        raise HangUp("NOT_A_MEMBER", f"the permission {NEEDS} is needed")
    works = caller.hub.works
    if who.is_guest:  # that one looks is written down
        async with works.database.transaction(who) as transaction:
            read = {"method": "GET", "path": PATH}
            await audit.record(transaction, who, "tenant.read", ("tenant", tenant), read)
    first = msgspec.json.encode({"welcome": {"tenant_id": tenant, "now_us": works.now_us()}})
    return Viewer(who, caller.peer), first


async def _serve(caller: Caller, admitted: tuple[Viewer, bytes]) -> None:
    await caller.hub.show_map(*admitted)


def _refusal(why: Refused) -> bytes:
    return msgspec.json.encode({"refused": why})
