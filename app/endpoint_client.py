"""One connection to a running engine, without Qt. Counterpart: `engine/endpoint.py`; used by `engine_link.py` and `cli.py`.

Theory: three threads a connection, and none of them is the caller's. The reader blocks in the pipe, the writer in its queue,
and the watch sends a heartbeat each second and finds the engine dead when three of its own are missing: a stopped process is
no closed pipe. Callbacks come from those threads. A request that cannot go into a frame is answered here, by a refusal.
One rule: `on_closed` is called exactly once, whoever notices first.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import TypeAlias

import msgspec

from domain.errors import Refusal
from domain.wire import (
    DEAD_AFTER_MISSED,
    FRAME_CAP_BYTES,
    HEARTBEAT_S,
    PROTOCOL,
    Alive,
    Hello,
    Rejected,
    Reply,
    ToClient,
    ToEngine,
    Welcome,
    decode_to_client,
    encode,
)

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection

    Line: TypeAlias = Connection | PipeConnection
else:
    Line: TypeAlias = Connection
"""What `Client` returns: a unix socket, or on Windows a named pipe."""

VERSION = "0.1.0"
CONNECT_TIMEOUT_S = 3.0
_POLL_S = 0.5
_KEY_BYTES = 32
SILENT = f"no sign of life for {DEAD_AFTER_MISSED * HEARTBEAT_S:.0f} s"
"""Why a connection ended whose other side is stopped rather than gone."""


class Address(msgspec.Struct, frozen=True):
    """What an engine writes to `endpoint.json` when it listens."""

    address: str
    family: str
    pid: int


class NoEngine(Exception):
    """Nobody listens at this profile: never started, gone, or not answering. `pid` of the one that should, 0 if unknown."""

    def __init__(self, message: str, pid: int = 0) -> None:
        super().__init__(message)
        self.pid = pid


class RejectedByEngine(Exception):
    """The engine closed the door and said why."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.message)
        self.rejected = rejected


def read_address(profile: Path) -> Address:
    """Return where the profile's engine listens. Raises NoEngine where none wrote it down."""
    try:
        return msgspec.json.decode((profile / "endpoint.json").read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError) as error:
        raise NoEngine(f"no engine has run in {profile}: {error}") from error


class EndpointClient:
    """A connection after Hello and Welcome. `send` never blocks; messages and the end come by callback, from other threads."""

    def __init__(
        self,
        connection: Line,
        welcome: Welcome,
        on_message: Callable[[ToClient], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self.welcome = welcome
        self._connection = connection
        self._on_message = on_message
        self._on_closed = on_closed
        self._outbox: queue.SimpleQueue[ToEngine | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._end_lock = threading.Lock()
        self._heard_s = time.monotonic()
        self._threads: list[threading.Thread] = []

    @classmethod
    def connect(
        cls,
        profile: Path,
        client: str,
        on_message: Callable[[ToClient], None],
        on_closed: Callable[[str], None],
        timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> EndpointClient:
        """Connect, say Hello and wait for Welcome. Raises NoEngine or RejectedByEngine.

        A stopped engine still has its connection accepted by the system, so the talk runs in a thread that is given up
        after `timeout_s`; nothing arrives before `start`.
        """
        address = read_address(profile)
        answers: queue.SimpleQueue[tuple[Line, Welcome] | Exception] = queue.SimpleQueue()
        given_up = threading.Event()
        threading.Thread(
            target=_introduce, args=(profile, address, client, answers, given_up), daemon=True, name="hello"
        ).start()
        try:
            answer = answers.get(timeout=timeout_s)
        except queue.Empty:
            given_up.set()
            raise NoEngine(f"process {address.pid} does not answer", address.pid) from None
        if isinstance(answer, Exception):
            raise answer
        return cls(*answer, on_message, on_closed)

    def start(self) -> None:
        """Let messages come."""
        for work in (self._read, self._write, self._watch):
            thread = threading.Thread(target=work, daemon=True, name=f"endpoint {work.__name__}")
            self._threads.append(thread)
            thread.start()

    def send(self, message: ToEngine) -> None:
        """Queue a message; it is dropped where the connection has ended."""
        self._outbox.put(message)

    def close(self) -> None:
        """End the connection from this side; `on_closed` is not called for it."""
        with self._end_lock:
            self._ended.set()
        self._wake()

    def join(self, timeout_s: float) -> None:
        """Wait until no thread of the connection can call back any more, at most so long."""
        ends_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, ends_s - time.monotonic()))

    def _end(self, reason: str) -> None:
        with self._end_lock:
            if self._ended.is_set():
                return
            self._ended.set()
        self._wake()
        self._on_closed(reason)

    def _wake(self) -> None:
        """Free the threads that block. The pipe itself is closed by its reader, so that its number is never reused under it."""
        self._outbox.put(None)
        if hasattr(socket, "AF_UNIX"):
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, fileno=os.dup(self._connection.fileno())) as twin,
            ):
                twin.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        reason = "it closed the connection"
        try:
            while not self._ended.is_set():
                if not self._connection.poll(_POLL_S):
                    continue
                message = decode_to_client(self._connection.recv_bytes(FRAME_CAP_BYTES))
                self._heard_s = time.monotonic()
                if not isinstance(message, Alive):
                    self._on_message(message)
        except (EOFError, OSError):
            pass
        except (msgspec.MsgspecError, RecursionError) as error:
            reason = f"it sent what this program does not understand: {error}"
        self._end(reason)
        self._connection.close()

    def _write(self) -> None:
        while (message := self._outbox.get()) is not None and not self._ended.is_set():
            try:
                data = encode(message)
            except ValueError as error:
                self._on_message(_unsendable(message, error))
                continue
            try:
                self._connection.send_bytes(data)
            except OSError:
                self._end("it closed the connection")
                return

    def _watch(self) -> None:
        ticked_s = time.monotonic()
        while not self._ended.wait(HEARTBEAT_S):
            now_s = time.monotonic()
            if now_s - ticked_s > 2 * HEARTBEAT_S:
                self._heard_s = now_s
            ticked_s = now_s
            if now_s - self._heard_s > DEAD_AFTER_MISSED * HEARTBEAT_S:
                self._end(SILENT)
                return
            self._outbox.put(Alive(time.time_ns() // 1000))


def _unsendable(message: ToEngine, error: ValueError) -> Reply:
    """Return the answer to what does not go into a frame; where nobody waits for one, it is number 0."""
    if isinstance(error, UnicodeError):
        said = "the text holds half of a character, which cannot be sent"
    else:
        said = f"this is more than the {FRAME_CAP_BYTES // 2**20} MiB that can be sent to the engine at once"
    return Reply(getattr(message, "request", 0), (Refusal("INVALID_INPUT", said),))


def _introduce(
    profile: Path,
    address: Address,
    client: str,
    answers: queue.SimpleQueue[tuple[Line, Welcome] | Exception],
    given_up: threading.Event,
) -> None:
    try:
        key = (profile / "endpoint.key").read_bytes()
        if len(key) != _KEY_BYTES:
            raise NoEngine(f"endpoint.key in {profile} is broken", address.pid)
        connection = Client(address.address, address.family, authkey=key)
    except NoEngine as error:
        answers.put(error)
        return
    except (OSError, EOFError, ValueError, AuthenticationError) as error:
        answers.put(NoEngine(f"nobody answers at {address.address}: {error}", address.pid))
        return
    try:
        connection.send_bytes(encode(Hello(PROTOCOL, client, VERSION)))
        first = decode_to_client(connection.recv_bytes(FRAME_CAP_BYTES))
    except (EOFError, OSError, msgspec.MsgspecError) as error:
        connection.close()
        answers.put(NoEngine(f"the engine did not say welcome: {error}", address.pid))
        return
    if isinstance(first, Welcome) and not given_up.is_set():
        answers.put((connection, first))
        return
    connection.close()
    if isinstance(first, Rejected):
        answers.put(RejectedByEngine(first))
    else:
        answers.put(
            NoEngine(f"the engine began with {type(first).__name__}, a welcome expected", address.pid)
        )


class Conversation:
    """Blocking talk with an engine, for programs without a window: ask, get the one reply."""

    def __init__(self, profile: Path, client: str = "cli", timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._numbers = itertools.count(1)
        self._replies: queue.SimpleQueue[Reply | str] = queue.SimpleQueue()
        self._heard: Callable[[ToClient], None] = lambda message: None
        self._client = EndpointClient.connect(profile, client, self._on_message, self._replies.put, timeout_s)

    @property
    def welcome(self) -> Welcome:
        """What the engine said first."""
        return self._client.welcome

    def listen(self, heard: Callable[[ToClient], None]) -> None:
        """Let messages come; all but replies go to `heard`, from another thread."""
        self._heard = heard
        self._client.start()

    def ask(self, make: Callable[[int], ToEngine], timeout_s: float = 10.0) -> Reply:
        """Send the request that `make` builds for a number and return its reply. Raises NoEngine without one."""
        number = next(self._numbers)
        self._client.send(make(number))
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                reply = self._replies.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise NoEngine(f"the engine gave no reply within {timeout_s:g} s") from None
            if isinstance(reply, str):
                raise NoEngine(f"the engine is gone: {reply}")
            if reply.request == number:
                return reply

    def send(self, message: ToEngine) -> None:
        """Send what has no reply."""
        self._client.send(message)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _on_message(self, message: ToClient) -> None:
        if isinstance(message, Reply):
            self._replies.put(message)
        else:
            self._heard(message)
