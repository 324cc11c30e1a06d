"""Requests sent by their time, in a process of their own. Counterpart: `bench_http.py`, which starts it and says what to send.

Theory: request n is due n / rate after the start, whether or not those before it were answered, and what it took is counted
from when it was due: so a server that stalls is charged for everybody who would have come meanwhile. A connection carries one
request at a time; where none is free, a request waits here, and that counts too.
A request that changes something has `NEW` in it, in the place of which each time something new is sent: who sends the same
twice changes nothing.
One rule: it only sends and times; all but that was made before the clock runs.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import deque
from itertools import accumulate
from uuid import uuid4

import msgspec
import uvloop

NEW = "@" * 32


class Plan(msgspec.Struct):
    """What to send: whole requests by kind, each kind with its share; how fast (0: as fast as they are answered), how long."""

    host: str
    port: int
    kinds: dict[str, tuple[float, list[str]]]
    rate_per_s: float
    seconds: float
    connections: int
    core: int | None = None


class Told(msgspec.Struct):
    """What became of them: milliseconds from when each was due, by kind; statuses; seconds of CPU and of the clock."""

    took_ms: dict[str, list[float]]
    statuses: dict[str, int]
    cpu_s: float
    spent_s: float
    late_ms: float
    """How far behind its own times the generator was at worst."""
    bytes: int


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._data = bytearray()
        self._needed = 0
        self.kind = ""
        self.due_s = 0.0
        self.transport: asyncio.WriteTransport

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._needed:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._data[:end]).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._needed = end + 4 + int(length or b"0")
        if len(self._data) >= self._needed:
            status, size = self._data[9:12].decode(), len(self._data)
            self._data.clear()
            self._needed = 0
            self._load.answered(self, status, size)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost()


class Load:
    """The requests of a run."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(1)
        self._names = list(plan.kinds)
        self._shares = list(accumulate(share for share, _ in plan.kinds.values()))
        self._requests = {name: [text.encode() for text in texts] for name, (_, texts) in plan.kinds.items()}
        self._free: deque[Connection] = deque()
        self._waiting: deque[float] = deque()
        self._under_way = 0
        self._is_over = False
        self._last = asyncio.Event()
        """The last answer is here."""
        self.told = Told({name: [] for name in self._names}, {}, 0, 0, 0, 0)

    async def run(self) -> Told:
        """Send and wait for the last answer."""
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: Connection(self), self._plan.host, self._plan.port)
            for _ in range(self._plan.connections)
        ]
        for transport, connection in opened:
            connection.transport = transport
            self._free.append(connection)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        if self._plan.rate_per_s:
            await self._send_by_time(began_s)
        else:
            for _ in range(self._plan.connections):
                self._send(time.perf_counter())
            await asyncio.sleep(self._plan.seconds)
        self._is_over = True
        if self._under_way or self._waiting:
            await self._last.wait()
        self.told.spent_s = time.perf_counter() - began_s
        self.told.cpu_s = time.process_time() - cpu_s
        for transport, _ in opened:
            transport.abort()
        return self.told

    async def _send_by_time(self, began_s: float) -> None:
        sent, total = 0, int(self._plan.rate_per_s * self._plan.seconds)
        while sent < total:
            due_s = began_s + sent / self._plan.rate_per_s
            now_s = time.perf_counter()
            if due_s > now_s:
                await asyncio.sleep(due_s - now_s)
                continue
            self.told.late_ms = max(self.told.late_ms, (now_s - due_s) * 1e3)
            self._send(due_s)
            sent += 1
            if sent % 32 == 0:
                await asyncio.sleep(0)

    def _send(self, due_s: float) -> None:
        if not self._free:
            self._waiting.append(due_s)
            return
        connection = self._free.popleft()
        draw = self._random.random() * self._shares[-1]
        kind = next(name for name, share in zip(self._names, self._shares, strict=True) if draw <= share)
        connection.kind, connection.due_s = kind, due_s
        self._under_way += 1
        request = self._random.choice(self._requests[kind])
        connection.transport.write(
            request.replace(_NEW, uuid4().hex.encode()) if _NEW in request else request
        )

    def answered(self, connection: Connection, status: str, size: int) -> None:
        """Note an answer, and give the connection the next request that waits."""
        now_s = time.perf_counter()
        self.told.took_ms[connection.kind].append((now_s - connection.due_s) * 1e3)
        self.told.statuses[status] = self.told.statuses.get(status, 0) + 1
        self.told.bytes += size
        self._under_way -= 1
        self._free.append(connection)
        if self._waiting:
            self._send(self._waiting.popleft())
        elif self._is_over:
            if not self._under_way:
                self._last.set()
        elif not self._plan.rate_per_s:
            self._send(now_s)

    def lost(self) -> None:
        """A connection ended: nothing that is measured then means anything."""
        if self._under_way:
            sys.exit("the server closed a connection")


_NEW = NEW.encode()


def main() -> None:
    """Read a plan, carry it out, tell."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    if plan.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {plan.core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(Load(plan).run())
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main()
