"""A bad line to a server: slow, lossy, held without a word, cut. Counterpart: `servers.py`, which listens behind it.

Theory: TCP shows no loss, it shows lateness: a piece that is lost comes after a retransmission timeout, which doubles with each
loss in a row. So each piece here is lost by dice and comes as late as it would; a line that is cut is reset at both ends, one
that is held says nothing, as where a route is gone.
One rule: dice have a seed; what goes through is never changed.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 4_096
RETRANSMISSION_S = 0.02
"""The first timeout: a tenth of TCP's least, so that a test takes seconds."""


class Proxy:
    """Passes bytes between a port of this computer and `target`."""

    def __init__(self, target: int, seed: int = 1) -> None:
        self.target = target
        self.port = 0
        self.loss = 0.0
        """Share of the pieces that are lost on their way, once, and again of those."""
        self.bytes_per_s = 0.0
        """How fast either direction of the whole line is; 0: as fast as it goes."""
        self.passed = {"up": 0, "down": 0}
        self.connections = 0
        self._dice = random.Random(seed)
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.release()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._free_s = {"up": 0.0, "down": 0.0}
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    @property
    def url(self) -> str:
        """Where an engine reaches the server by this line."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset what is open, and refuse what comes; whichever thread asks, it is done when this returns."""
        self._is_cut = True
        if threading.get_ident() == self._thread:
            self._reset()
        else:
            asyncio.run_coroutine_threadsafe(self._reset_soon(), self._loop).result()

    async def _reset_soon(self) -> None:
        self._reset()

    def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections in again."""
        self._is_cut = False

    def hold(self, *ways: str) -> None:
        """Let nothing pass, up or down or both, and say nothing of it."""
        for way in ways or self._open:
            self._open[way].clear()

    def release(self) -> None:
        """Let pass what was held."""
        for gate in self._open.values():
            gate.set()

    def swallow(self) -> None:
        """Let nothing more pass of the connections that are open, and say nothing of it; others that come pass."""
        self.hold()
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.release()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        self.connections += 1
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, far_writer)
        if self._is_cut:  # while it was opened
            for end in ends:
                end.transport.abort()
            return
        self._writers.update(ends)
        gates = self._open
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, "up", gates["up"]))
                group.create_task(self._pass(far_reader, writer, "down", gates["down"]))
        except* (OSError, ConnectionError):
            pass
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str, gate: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(CHUNK_BYTES):
            late_s, timeout_s = 0.0, RETRANSMISSION_S
            while self._dice.random() < self.loss:
                late_s += timeout_s
                timeout_s = min(1.0, 2 * timeout_s)
            if late_s:
                await asyncio.sleep(late_s)
            if self.bytes_per_s:
                begins_s = max(loop.time(), self._free_s[way])
                self._free_s[way] = begins_s + len(data) / self.bytes_per_s
                await asyncio.sleep(self._free_s[way] - loop.time())
            await gate.wait()
            writer.write(data)
            await writer.drain()
            self.passed[way] += len(data)
        with suppress(OSError):
            writer.write_eof()


@asynccontextmanager
async def passing(target: int, seed: int = 1) -> AsyncIterator[Proxy]:
    """Yield a line to a port of this computer."""
    proxy = Proxy(target, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.release()
        proxy.cut()
