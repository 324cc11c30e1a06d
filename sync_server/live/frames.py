"""Frames of a socket: taken, sent, understood or not. Counterpart: uvicorn's protocol below, `line.py` above.

Theory: uvicorn hands over one message and reads no further until that is taken, and makes who sends wait while the other side
does not read; so what waits for a peer is a frame and the system's buffers. A socket whose peer reads nothing never ends by
closing: it is aborted, which uvicorn offers nowhere, so `Protocol` hands that out with the scope, as it does sending without
waiting: by the application each frame takes a task's turn and four calls.
One rule: a frame is somebody's data: whatever it holds ends in a message or in `HangUp`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import get_args

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from domain.sync import Refused, ToServer, decode_to_server, encode
from sync_server.live.newer import PushInPart, in_part

_log = logging.getLogger("sync_server.live")

CLOSE_S = 5.0
"""How long a peer has to hear why it is hung up."""
BUG_S = 10.0
"""How soon who was hung up by a bug may come again."""
GOOD_CLOSES = frozenset((1000, 1001))
KNOWN = frozenset(type.__struct_config__.tag for type in get_args(ToServer))


COPIED = (
    "this install has connected from elsewhere: if its folder was copied, leave the team there and join again"
)
COPIED_S = 30.0
"""A line that still hears that it was replaced is a copy's: two of them do not take turns by the second."""


class HangUp(Exception):
    """A line is to end; the other side is told the code, and when to come again."""

    def __init__(self, code: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{code}: {message}")
        self.refused = Refused(code, message, retry_after_s)


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's, whose connections can be aborted, and sent to at once."""

    async def run_asgi(self) -> None:
        """Run the application, which finds in its scope how to abort, and how to send without waiting."""
        self.scope["extensions"] = {
            **(self.scope.get("extensions") or {}),
            "heliograph.abort": {"call": self.transport.abort},
            "heliograph.put": {"call": self.put},
        }
        await super().run_asgi()

    def put(self, data: bytes) -> bool:
        """Send a frame if what came before has left and the connection is open; return whether."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        try:
            self.conn.send_binary(data)
        except InvalidState:  # the other side is closing
            return False
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True


class Peer:
    """The other side of a socket that was accepted."""

    def __init__(self, socket: WebSocket, said: Callable[[Refused], bytes] = encode) -> None:
        """`said` makes the frame that says why it is hung up."""
        self._socket = socket
        self._said = said
        extensions = socket.scope.get("extensions") or {}
        self._abort: Callable[[], None] | None = extensions.get("heliograph.abort", {}).get("call")
        self._put: Callable[[bytes], bool] | None = extensions.get("heliograph.put", {}).get("call")
        self.left_in_peace = False

    async def receive(self) -> bytes | None:
        """Return the next frame, of as much as `serving.py` lets in, None once the other side is gone. Raises HangUp."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            self.left_in_peace = message.get("code") in GOOD_CLOSES
            return None
        data: bytes | None = message.get("bytes")
        if data is None:
            raise HangUp("BAD_MESSAGE", "binary frames expected, got text")
        return data

    async def send(self, data: bytes) -> None:
        """Send a frame; returns when what came before it has left. One who is gone is noticed by `receive`."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_bytes(data)

    def put(self, data: bytes) -> bool:
        """Send a frame without waiting, where nothing waits before it; return whether it was sent."""
        return self._put is not None and self._put(data)

    async def refuse(self, why: HangUp) -> None:
        """Say why, and close; who does not listen is cut off."""
        if self._abort is not None:
            asyncio.get_running_loop().call_later(2 * CLOSE_S, self._abort)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.send(self._said(why.refused))
                with suppress(WebSocketDisconnect, RuntimeError):
                    await self._socket.close(1000)
        except TimeoutError:
            self.abort()

    @property
    def request_id(self) -> str:
        """What this connection is known by, there and in the log here."""
        return str(self._socket.scope["state"]["request_id"])

    @asynccontextmanager
    async def told_of_bugs(self) -> AsyncIterator[None]:
        """Have a bug end here: it is logged, and the other side is told by which id."""
        try:
            yield
        except Exception:
            _log.exception("bug", extra={"request_id": self.request_id})
            said = f"something is wrong with the server; its log has this as {self.request_id}"
            await self.refuse(HangUp("INTERNAL_ERROR", said, BUG_S))

    def abort(self) -> None:
        """Cut the connection, whatever waits in it."""
        if self._abort is not None:
            self._abort()


def decode(data: bytes) -> ToServer | PushInPart:
    """Return a message; of a push what is understood, where that is not all. Raises HangUp."""
    try:
        return decode_to_server(data)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        said = str(error)[:300]
    if (part := in_part(data)) is not None:
        return part
    with suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        if msgspec.msgpack.decode(data, type=_Tagged).type not in KNOWN:
            raise HangUp("UPDATE_NEEDED", "this message is not known here: update the app")
    raise HangUp("BAD_MESSAGE", said)


class _Tagged(msgspec.Struct):
    type: str


def first_of(ended: BaseExceptionGroup[HangUp]) -> HangUp:
    """Return one of the reasons of a group."""
    one = ended.exceptions[0]
    return first_of(one) if isinstance(one, BaseExceptionGroup) else one
