"""A connection that asks by HTTP, and how long it may keep silent. Counterpart: uvicorn's protocol below, `serving.py` above.

Theory: uvicorn waits for ever for the first request of a connection, and for the rest of one that has begun; so a thousand
connections that say nothing, or a byte now and then, would take a thousand places. Here the whole head of a request has to
come within a time that is the same for the first and for a later one, and has a size; an answer that nobody takes ends too.
What comes behind the head has its time in `api/bodies.py`; live lines have theirs in `live/`.
One rule: a timer runs exactly while this side waits for the other.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_CAP_BYTES = 65_536
JOINED_CAP_BYTES = 65_536
"""What is longer is not copied to go with its head."""
STALL_S = 60.0
"""How long a peer may take nothing of an answer that waits for it."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Joined:
    """A transport as one answer writes to it: its head waits for what comes in the same turn of the loop, and both go as one.

    uvicorn writes them one after the other, each a system call, a packet and a wake-up of who reads.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = b""
        """What waits; empty before anything came, None behind the first piece."""

    def write(self, data: bytes) -> None:
        """Send a piece of the answer, the first of them before this turn of the loop is over."""
        if self._head == b"":
            self._head = data
            self._loop.call_soon(self._send_head)
        elif self._head is not None and len(data) <= JOINED_CAP_BYTES:
            head, self._head = self._head, None
            self._transport.write(head + data)
        else:
            self._send_head()
            self._transport.write(data)

    def close(self) -> None:
        """Send what waits, then close."""
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether it is closing, or was lost."""
        return self._transport.is_closing()

    def _send_head(self) -> None:
        head, self._head = self._head, None
        if head and not self._transport.is_closing():
            self._transport.write(head)


class Connection(HttpToolsProtocol):
    """uvicorn's, cut where the other side keeps it waiting. `timeout_keep_alive` of the configuration is how long."""

    _waited_for: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._end_waiting()
        self._end_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that has begun behind an answered one has its time too."""
        super().data_received(data)
        if self.transport.is_closing() or self not in self.connections:  # it is a live line now
            return
        if self._waited_for is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_CAP_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
        elif self.cycle is not None and self.cycle.response_complete and not self.timeout_keep_alive_task:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Leave the request to its route."""
        self._end_waiting()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.transport = Joined(self.transport, self.loop)  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """Wait for the next request, or until the last answer was taken."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has asked nothing more."""
        super().timeout_keep_alive_handler()
        self._abort_later()

    def pause_writing(self) -> None:
        """Wait for the peer to take what is there."""
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on, it took something; of a connection that is closing it has to take the rest too."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._end_stall()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._waited_for = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _end_waiting(self) -> None:
        if self._waited_for is not None:
            self._waited_for.cancel()
            self._waited_for = None

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _abort_later(self) -> None:
        """Let the last answer go out first: closing waits for a peer that reads nothing."""
        self._stalled = self._stalled or self.loop.call_later(STALL_S, self.transport.abort)
