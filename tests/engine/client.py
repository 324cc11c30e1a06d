"""A tiny client of the engine's endpoint, for tests: blocking, one thread that reads and gives credit."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from domain.wire import (
    FRAME_CAP_BYTES,
    PROTOCOL,
    Alive,
    Changed,
    Credit,
    Hello,
    Reply,
    ToClient,
    ToEngine,
    Welcome,
    decode_to_client,
    encode,
)

WAIT_S = 90.0
"""How long a test waits for what must come: a bound for failing, not a measure."""
T = TypeVar("T")


def connect(address: str, key: bytes) -> Connection:
    """Return an authenticated connection that has not said Hello."""
    return Client(address, authkey=key)


class TestClient:
    """Says Hello, mirrors what it hears, answers heartbeats while `reads` is set."""

    __test__ = False

    def __init__(self, address: str, key: bytes, name: str = "test") -> None:
        self.connection = connect(address, key)
        self.reads = threading.Event()
        self.reads.set()
        self.heard: list[ToClient] = []
        self.state: dict[tuple[str, Any], Any] = {}
        self.ended = threading.Event()
        self._numbers = itertools.count(1)
        self._news = threading.Condition()
        self._replies: dict[int, queue.SimpleQueue[Reply | None]] = {}
        self.send(Hello(PROTOCOL, name))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.welcome = self.wait_for(lambda: next((m for m in self.heard if isinstance(m, Welcome)), None))

    @classmethod
    def of_profile(cls, profile: Path) -> TestClient:
        """Connect to the engine of a profile."""
        told = json.loads((profile / "endpoint.json").read_text())
        return cls(told["address"], (profile / "endpoint.key").read_bytes())

    def send(self, message: ToEngine) -> None:
        """Send one message."""
        self.connection.send_bytes(encode(message))

    def ask(self, make: Callable[[int], ToEngine]) -> Reply:
        """Send a request and return its reply. Raises EOFError where the engine is gone before it."""
        number = next(self._numbers)
        self._replies[number] = queue.SimpleQueue()
        self.send(make(number))
        if self.ended.is_set():
            self._replies[number].put(None)  # behind a reply that came
        reply = self._replies[number].get(timeout=WAIT_S)
        if reply is None:
            raise EOFError("the engine is gone")
        return reply

    def wait_for(self, found: Callable[[], T | None], within_s: float = WAIT_S) -> T:
        """Return what `found` returns, once it is something; looked at after each message."""
        deadline_s = time.monotonic() + within_s
        with self._news:
            while not (value := found()):
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or (self.ended.is_set() and not found()):
                    raise AssertionError(f"did not come; heard last: {self.heard[-5:]!r}")
                self._news.wait(min(left_s, 1.0))
        return value

    def latest(self, table: str, id: UUID) -> Any:
        """Return the mirrored state of a subject."""
        return self.state.get((table, id))

    def close(self) -> None:
        """Hang up; the reader first, so that it never reads from a number that is somebody else's by then."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.connection.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)
        self.reads.set()
        self._reader.join(WAIT_S)
        self.connection.close()

    def __enter__(self) -> TestClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        try:
            while True:
                self.reads.wait()
                message = decode_to_client(self.connection.recv_bytes(FRAME_CAP_BYTES))
                if isinstance(message, Alive):
                    self.send(Alive(message.at_us))
                with self._news:
                    self.heard.append(message)
                    if isinstance(message, Changed):
                        self._merge(message)
                    self._news.notify_all()
                if isinstance(message, Changed):
                    self.send(Credit(message.batch))
                elif isinstance(message, Reply):
                    self._replies.setdefault(message.request, queue.SimpleQueue()).put(message)
        except (OSError, EOFError, TypeError):
            with self._news:
                self.ended.set()
                self._news.notify_all()
            for waiting in list(self._replies.values()):
                waiting.put(None)

    def _merge(self, changed: Changed) -> None:
        for device in changed.devices:
            self.state["device", device.id] = device
        for link in changed.links:
            self.state["link", link.id] = link
        for credential in changed.credentials:
            self.state["credential", credential.id] = credential
        for site in changed.sites:
            self.state["site", site.id] = site
        for photo in changed.photos:
            self.state["photo", photo.id] = photo
        for health in changed.health:
            self.state["health", health.device] = health
        for link_state in changed.link_states:
            self.state["link_state", link_state.link] = link_state
        for alert in changed.alerts:
            self.state["alert", alert.id] = alert
        for fault in changed.faults:
            self.state["fault", fault.subject] = fault
        for values in changed.values:
            self.state["values", values.device] = values
        for fact in changed.facts:
            self.state[f"fact {fact.field}", fact.subject] = fact
        for gone in changed.removed:
            self.state.pop((gone.kind, gone.id), None)
        if changed.engine is not None:
            self.state["engine", None] = changed.engine
        if changed.tunnels is not None:
            self.state["tunnels", None] = changed.tunnels
        if changed.team is not None:
            self.state["team", None] = changed.team
