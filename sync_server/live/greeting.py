"""How somebody comes in by any socket: it is taken, its first words are heard, it is admitted, and then served.

Counterparts: the doors (`door.py`, `map_door.py`, `tunnel_door.py`), which say what first words they expect and what comes then.
One rule: until somebody is admitted he gets no more than ten seconds, what his door reads of him, and one sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from starlette.websockets import WebSocket

from domain.sync import Refused, encode
from domain.text import clean_text
from sync_server.live.frames import HangUp, Peer
from sync_server.live.hub import LATE_S, Hub
from sync_server.live.works import AWAY, hang_up_of
from sync_server.security.limits import LimitExceeded
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import TokenInvalid
from sync_server.services import Services

HELLO_S = 10.0
GREETING_CAP = 500
"""Sockets at a time that have not said who they are."""
LATER_S = 30.0
AGENT_CAP = 256
Admitted = TypeVar("Admitted")


@dataclass
class Caller:
    """A socket that was taken, and what admits it. Once it is admitted it has a place until that is given back."""

    socket: WebSocket
    peer: Peer
    services: Services
    hub: Hub
    _place: UUID | None = None

    async def first_words(self, cap_bytes: int, wanted: str) -> bytes | None:
        """Return what he says first, None where he leaves. Raises HangUp, which says what was wanted."""
        try:
            async with asyncio.timeout(HELLO_S):
                data = await self.peer.receive()
        except TimeoutError:
            raise HangUp("BAD_MESSAGE", f"{wanted} expected within {HELLO_S:g} s") from None
        if data is not None and len(data) > cap_bytes:
            raise HangUp("BAD_MESSAGE", f"{wanted} of at most {cap_bytes} bytes expected, got {len(data)}")
        return data

    async def admit(self, token: str) -> tuple[Principal, UUID]:
        """Return whose token it is that opens one stream, and in which tenant: a place there is his now. Raises HangUp."""
        address = self.socket.client.host if self.socket.client is not None else ""
        agent = clean_text(self.socket.headers.get("user-agent", ""), AGENT_CAP)
        try:
            who = await self.services.admission.admit_stream(
                token, Origin(address, agent, self.peer.request_id)
            )
        except TokenInvalid:
            raise HangUp("TOKEN_INVALID", "no stream token, used before or too old", 1.0) from None
        except LimitExceeded as full:
            raise HangUp("TOO_MANY", str(full), float(full.wait_s)) from None
        if who.tenant is None:
            raise HangUp("NOT_A_MEMBER", "that is in a tenant: enter one first")
        if self.hub.is_closing or not self.hub.places.take(who.tenant):
            raise HangUp("TOO_MANY", "as many are connected as may be", LATER_S)
        self._place = who.tenant
        self.socket.scope.setdefault("state", {})["tenant_id"] = who.tenant
        return who, who.tenant

    def give_place_back(self) -> None:
        """Hold no place any more; the first time counts."""
        tenant, self._place = self._place, None
        if tenant is not None:
            self.hub.places.give_back(tenant)


async def greet(
    socket: WebSocket,
    come_in: Callable[[Caller], Awaitable[Admitted | None]],
    serve: Callable[[Caller, Admitted], Awaitable[None]],
    said: Callable[[Refused], bytes] = encode,
) -> None:
    """Take a socket, have it come in, and serve it; `come_in` returns None for one who left, and raises HangUp, or as
    `Database.transaction` does; `said` makes the frame that says why it is hung up."""
    services: Services = socket.app.state.services
    hub: Hub = socket.app.state.hub
    origin = socket.headers.get("origin")
    if origin is not None and origin != services.settings.public_url:
        await socket.close()  # before it is taken: a page of another site gets 403
        return
    await socket.accept()
    caller = Caller(socket, Peer(socket, said), services, hub)
    async with caller.peer.told_of_bugs():
        try:
            admitted = await _admitted(caller, come_in)
            if admitted is not None:
                await serve(caller, admitted)
        finally:
            caller.give_place_back()


async def _admitted(
    caller: Caller, come_in: Callable[[Caller], Awaitable[Admitted | None]]
) -> Admitted | None:
    """Return what somebody comes in as; None for one who left, or was told why not."""
    hub = caller.hub
    hub.greeting += 1
    try:
        if hub.is_closing:
            raise HangUp("CLOSING", "the server stops", LATE_S)
        if hub.greeting > GREETING_CAP:
            raise HangUp("TOO_MANY", "too many connect just now", LATER_S)
        return await come_in(caller)
    except (HangUp, *AWAY) as failed:
        caller.give_place_back()  # however slowly he hears why
        await caller.peer.refuse(failed if isinstance(failed, HangUp) else hang_up_of(failed))
        return None
    finally:
        hub.greeting -= 1
