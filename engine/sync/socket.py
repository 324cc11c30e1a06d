"""One WebSocket to the server, over a connection that is trusted already: bytes there, bytes back. Counterparts: `line.py`, what
an install and the server say; `engine/access/relay.py`, what passes through a tunnel.

Theory: the `websockets` library knows the protocol and does no IO here; bytes go through the transport that devices are asked
with, so that there is one way to trust a certificate. Silence for `DEAD_AFTER_S` is the end.
One rule: a frame is somebody's data: it ends in a message or in `LineLost`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from domain.errors import DeviceError
from domain.sync import DEAD_AFTER_S
from domain.text import clean_text
from engine import VERSION
from engine.sync.address import ServerAddress
from engine.sync.call_id import CallId
from engine.transport.tcp import Stream

_log = logging.getLogger("engine.sync")

_DEFLATE = ClientPerMessageDeflateFactory(compress_settings={"memLevel": 5})


class LineLost(Exception):
    """The connection is over; the message says why."""


class WebSocket:
    """An open WebSocket. Made by `opened`."""

    def __init__(self, stream: Stream, protocol: ClientProtocol, cap_bytes: int) -> None:
        self._stream = stream
        self._protocol = protocol
        self._cap_bytes = cap_bytes
        self._frames: deque[Frame] = deque()
        self._pieces: list[bytes] = []

    @classmethod
    async def opened(
        cls, stream: Stream, server: ServerAddress, path: str, cap_bytes: int, *, packs: bool = True
    ) -> WebSocket:
        """Ask for the protocol; return once the server has agreed. Messages have at most `cap_bytes`; `packs`: they are
        compressed. Raises LineLost, and closes the stream."""
        scheme = "wss" if server.is_tls else "ws"
        uri = parse_uri(f"{scheme}://{server.authority}{server.path}{path}")
        protocol = ClientProtocol(uri, extensions=[_DEFLATE] if packs else None, max_size=cap_bytes)
        request = protocol.connect()
        request.headers["User-Agent"] = f"Heliograph/{VERSION}"
        call = CallId()
        request.headers.update(call.headers)
        protocol.send_request(request)
        made = cls(stream, protocol, cap_bytes)
        try:
            made._send()
            async with asyncio.timeout(DEAD_AFTER_S):
                while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
                    await made._read()
            if protocol.handshake_exc is not None:
                raise LineLost(f"{server} has no stream here: {_said(protocol.handshake_exc)}")
        except BaseException:
            stream.close()
            raise
        _log.info("line_opened", extra=call.told)
        return made

    def send(self, data: bytes) -> None:
        """Send a message; what the system does not take at once waits in memory. One that hung up is told nothing more."""
        if self._protocol.state is State.OPEN:  # else `receive` says so
            self._protocol.send_binary(data)
            self._send()

    @property
    def waiting_bytes(self) -> int:
        """How much the system has not taken yet."""
        return self._stream.waiting_bytes

    async def receive(self) -> bytes:
        """Return the next message. Raises LineLost, also where nothing came for `DEAD_AFTER_S`."""
        while True:
            while self._frames:
                data = self._whole(self._frames.popleft())
                if data is not None:
                    return data
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
        self._stream.budget_bytes = max(2 * self._cap_bytes, 1024 * 1024)  # before the next message is whole
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


def _said(error: Exception) -> str:
    return clean_text(str(error) if isinstance(error, InvalidHandshake) else type(error).__name__, 200)
