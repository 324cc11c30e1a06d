"""Who comes to look at the map in a browser: a socket, a token that opens one stream. Counterpart: `admin/static/map_link.js`.

One rule: until somebody is admitted he gets no more than ten seconds and one short sentence, as at the other door (`door.py`).
"""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket

from domain.roles import Permission
from domain.sync import Refused
from sync_server.live.door import GREETING_CAP, HELLO_S, LATER_S, admit, is_foreign_page
from sync_server.live.frames import HangUp, Peer
from sync_server.live.hub import Hub
from sync_server.live.map_room import Viewer
from sync_server.live.works import AWAY
from sync_server.security import audit
from sync_server.security.principal import Principal
from sync_server.services import Services

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
    services: Services = socket.app.state.services
    hub: Hub = socket.app.state.hub
    if is_foreign_page(socket, services):
        await socket.close()  # before it is taken: a page of another site gets 403
        return
    await socket.accept()
    peer = Peer(socket, _refusal)
    async with peer.told_of_bugs():
        await _serve(socket, peer, services, hub)


async def _serve(socket: WebSocket, peer: Peer, services: Services, hub: Hub) -> None:
    hub.greeting += 1
    try:
        if hub.is_closing or hub.greeting > GREETING_CAP:
            raise HangUp("TOO_MANY", "too many connect just now", LATER_S)
        who = await _admitted(socket, peer, services, hub)
        first = await _welcome(who, hub)
    except HangUp as why:
        await peer.refuse(why)
        return
    except AWAY:
        await peer.refuse(HangUp("CLOSING", "the database is away", 2.0))
        return
    finally:
        hub.greeting -= 1
    socket.scope.setdefault("state", {})["tenant_id"] = who.tenant
    await hub.show_map(Viewer(who, peer), first)


async def _admitted(socket: WebSocket, peer: Peer, services: Services, hub: Hub) -> Principal:
    """Return who looks. Raises HangUp, and as `Database.transaction` does."""
    try:
        async with asyncio.timeout(HELLO_S):
            data = await peer.receive()
    except TimeoutError:
        raise HangUp("BAD_MESSAGE", f"a token expected within {HELLO_S:g} s") from None
    if data is None or len(data) > HELLO_CAP_BYTES:
        raise HangUp("BAD_MESSAGE", "a token expected")
    try:
        hello = msgspec.json.decode(data, type=Hello)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise HangUp("BAD_MESSAGE", "a token expected") from None
    who, _ = await admit(socket, peer, services, hub, hello.token)
    if not who.may(NEEDS):
        raise HangUp("NOT_A_MEMBER", f"the permission {NEEDS} is needed")
    return who


async def _welcome(who: Principal, hub: Hub) -> bytes:
    """Return the first frame; that a guest looks is written down."""
    if who.is_guest:
        async with hub.works.database.transaction(who) as transaction:
            read = {"method": "GET", "path": PATH}
            await audit.record(transaction, who, "tenant.read", ("tenant", who.tenant), read)
    return msgspec.json.encode({"welcome": {"tenant_id": who.tenant, "now_us": hub.works.now_us()}})


def _refusal(why: Refused) -> bytes:
    return msgspec.json.encode({"refused": why})
