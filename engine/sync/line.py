"""One WebSocket to the server, over a connection that is trusted already. Counterpart: `sync_server/live/frames.py`.

Theory: the `websockets` library knows the protocol and does no IO here; bytes go through the transport that devices are asked
with, so that there is one way to trust a certificate. Each side is heard of every five seconds; silence for `DEAD_AFTER_S` is the
end.
One rule: a frame is somebody's data: it ends in a message or in `LineLost`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import get_args

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from domain.errors import DeviceError
from domain.sync import DEAD_AFTER_S, FRAME_CAP_BYTES, ToInstall, ToServer, decode_to_install, encode
from domain.text import clean_text
from engine import VERSION
from engine.sync.address import ServerAddress
from engine.sync.call_id import CallId
from engine.transport.tcp import Stream

_log = logging.getLogger("engine.sync")

PATH = "/api/v1/live"
READ_CAP_BYTES = 2 * FRAME_CAP_BYTES
"""What may be read before the next message is whole."""
KNOWN = frozenset(type.__struct_config__.tag for type in get_args(ToInstall))
_DEFLATE = ClientPerMessageDeflateFactory(compress_settings={"memLevel": 5})


class LineLost(Exception):
    """The connection is over; the message says why."""


class Line:
    """An open WebSocket. Made by `opened`."""

    def __init__(self, stream: Stream, protocol: ClientProtocol) -> None:
        self._stream = stream
        self._protocol = protocol
        self._frames: deque[Frame] = deque()
        self._pieces: list[bytes] = []

    @classmethod
    async def opened(cls, stream: Stream, server: ServerAddress) -> Line:
        """Ask for the protocol; return once the server has agreed. Raises LineLost, and closes the stream."""
        scheme = "wss" if server.is_tls else "ws"
        uri = parse_uri(f"{scheme}://{server.authority}{server.path}{PATH}")
        protocol = ClientProtocol(uri, extensions=[_DEFLATE], max_size=FRAME_CAP_BYTES)
        request = protocol.connect()
        request.headers["User-Agent"] = f"Heliograph/{VERSION}"
        call = CallId()
        request.headers.update(call.headers)
        protocol.send_request(request)
        line = cls(stream, protocol)
        try:
            line._send()
            async with asyncio.timeout(DEAD_AFTER_S):
                while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
                    await line._read()
            if protocol.handshake_exc is not None:
                raise LineLost(f"{server} has no stream here: {_said(protocol.handshake_exc)}")
        except BaseException:
            stream.close()
            raise
        _log.info("line_opened", extra=call.told)
        return line

    def tell(self, message: ToServer) -> None:
        """Send a message; what the system does not take at once waits in memory. One that hung up is told nothing more."""
        if self._protocol.state is not State.OPEN:
            return  # `hear` says so
        self._protocol.send_binary(encode(message))
        self._send()

    @property
    def waiting_bytes(self) -> int:
        """How much the system has not taken yet."""
        return self._stream.waiting_bytes

    async def hear(self) -> ToInstall:
        """Return the next message. Raises LineLost, also where nothing came for `DEAD_AFTER_S`."""
        while True:
            while self._frames:
                data = self._whole(self._frames.popleft())
                if data is not None:
                    try:
                        return decode_to_install(data)
                    except msgspec.MsgspecError as error:
                        raise LineLost(_strange(data, error)) from None
            if self._protocol.state is not State.OPEN:
                raise LineLost("the server hung up")
            try:
                async with asyncio.timeout(DEAD_AFTER_S):
                    await self._read()
            except TimeoutError:
                raise LineLost(f"nothing was heard of the server for {DEAD_AFTER_S:g} s") from None

    def close(self, *, in_peace: bool = True) -> None:
        """Hang up; in peace the server hears of it."""
        if in_peace and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._send()
        self._stream.close()

    def _whole(self, frame: Frame) -> bytes | None:
        """Return a message whose last frame this is."""
        if frame.opcode is Opcode.TEXT:
            raise LineLost("the server sends text, messages are bytes")
        if frame.opcode not in {Opcode.BINARY, Opcode.CONT}:
            return None
        self._pieces.append(bytes(frame.data))
        if not frame.fin:
            return None
        data, self._pieces = b"".join(self._pieces), []
        return data

    async def _read(self) -> None:
        self._stream.budget_bytes = READ_CAP_BYTES
        try:
            data = await self._stream.read()
        except (DeviceError, OSError) as error:
            raise LineLost(f"the connection to the server broke: {error}") from None
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frames.append(event)
        self._send()

    def _send(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            self._stream.write(data)


def _strange(data: bytes, error: msgspec.MsgspecError) -> str:
    """Return what is wrong with a message: a kind of a later release, or no message."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if msgspec.msgpack.decode(data, type=_Tagged).type not in KNOWN:
            return "the server says what is newer than this program: update the app"
    return f"the server says what this program does not know: {clean_text(str(error), 200)}"


class _Tagged(msgspec.Struct):
    type: str


def _said(error: Exception) -> str:
    return clean_text(str(error) if isinstance(error, InvalidHandshake) else type(error).__name__, 200)
