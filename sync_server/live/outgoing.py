"""The frames of one line on their way out. Counterpart: `line.py` says what; `frames.py` has the peer that they go to.

Theory: a frame leaves at once where nothing waits before it: what two hundred are told together takes no turn of the loop for
each. Where the peer does not read, frames wait here in their order, and in no more room than there is.
One rule: a frame never overtakes another.
"""

from __future__ import annotations

import asyncio

from sync_server.live.frames import Peer

OUT = 64
"""Frames that wait to be sent."""
SEND_S = 30.0
"""A frame that takes longer ends the line."""


class Outgoing:
    """What is sent to a peer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(OUT)
        self._is_held = True

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return self._waiting.qsize()

    def put_now(self, data: bytes) -> None:
        """Send a frame, at once where it may. Raises asyncio.QueueFull."""
        if self._is_held or not self._waiting.empty() or not self._peer.put(data):
            self._waiting.put_nowait(data)

    async def put(self, data: bytes) -> None:
        """Send a frame behind those that wait; returns when there is room for it."""
        await self._waiting.put(data)

    async def run(self) -> None:
        """Send what waits, until a frame takes too long; only meanwhile anything leaves."""
        try:
            while True:
                self._is_held = False
                data = await self._waiting.get()
                self._is_held = True  # this one is on its way, and another might pass it
                async with asyncio.timeout(SEND_S):
                    await self._peer.send(data)
        except TimeoutError:
            self._peer.abort()
        finally:
            self._is_held = True
