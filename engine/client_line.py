"""The line to one client: a connection with a blocking reader and a blocking writer thread. Counterpart: `endpoint.py`.

Theory: the loop never touches the connection. What the reader got crosses over as a call on the loop, at most CALLS_CAP at
a time, so that a client that floods is held back in its own pipe; what is to be sent waits in a queue that only ever holds
one batch, one heartbeat and the replies to those calls. The connection is closed by its reader, so that its number is
never reused under a thread that blocks in it. A message that no frame can hold becomes a refusal, and the line lives on.
One rule: nothing is unpickled; frames are bytes with a cap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import NamedTuple

import msgspec

from domain.errors import Refusal
from domain.wire import (
    FRAME_CAP_BYTES,
    Alive,
    Changed,
    FrameTooLarge,
    Rejected,
    Reply,
    ToClient,
    ToEngine,
    decode_to_engine,
    encode,
)

_log = logging.getLogger("engine.endpoint")

CALLS_CAP = 64
"""Requests of one client that may be under way, their replies not yet taken, before its pipe is read no further."""
MESSAGES_PER_S = 500.0
MESSAGES_AT_ONCE = 2_000.0
AUTHENTICATION_S = 3.0
LAST_WORDS_S = 2.0
"""How long a client that said its last word has to take what waits for it."""
_POLL_S = 0.5


class Allowance(NamedTuple):
    """How many messages a client may still send: a bucket that fills with time."""

    left: float = MESSAGES_AT_ONCE
    at_s: float = 0.0

    def after(self, now_s: float) -> Allowance:
        """Return the allowance after one more message; below zero is a flood."""
        filled = min(self.left + max(now_s - self.at_s, 0.0) * MESSAGES_PER_S, MESSAGES_AT_ONCE)
        return Allowance(filled - 1, now_s)


class ClientLine:
    """One connection. `on_message` and `on_end` are called on the loop; `on_end` once, after which nothing comes."""

    def __init__(
        self,
        connection: Connection,
        key: bytes,
        loop: asyncio.AbstractEventLoop,
        on_message: Callable[[ClientLine, ToEngine], None],
        on_end: Callable[[ClientLine], None],
    ) -> None:
        self.heard_s = time.monotonic()
        self.reason = "it closed the connection"
        self._connection = connection
        self._key = key
        self._loop = loop
        self._on_message = on_message
        self._on_end = on_end
        self._outgoing: queue.SimpleQueue[ToClient | None] = queue.SimpleQueue()
        self._places = threading.Semaphore(CALLS_CAP)
        self._heartbeat_waits = False
        self._ending = False
        self._told_too_large = False
        self._closing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="client reader", daemon=True)
        self._writer = threading.Thread(target=self._write, name="client writer", daemon=True)

    def start(self) -> None:
        """Let the client prove itself and talk."""
        self._reader.start()

    def send(self, message: ToClient) -> None:
        """Queue a message; never blocks."""
        self._outgoing.put(message)

    def send_heartbeat(self, at_us: int) -> None:
        """Queue a heartbeat, unless the last one still waits for a client that does not read."""
        if not self._heartbeat_waits:
            self._heartbeat_waits = True
            self._outgoing.put(Alive(at_us))

    def handled(self) -> None:
        """Give back the place of a message that gets no reply; a reply gives its own back when it is sent."""
        self._places.release()

    def end(self, rejected: Rejected | None = None) -> None:
        """Send what waits and a last word, then close; `cut` what does not end by itself."""
        if not self._ending:
            self._ending = True
            if rejected is not None:
                self.reason = rejected.message
                self._outgoing.put(rejected)
            self._outgoing.put(None)

    def cut(self) -> None:
        """Hang up at once, whatever the threads are doing."""
        self._ending = True
        self._outgoing.put(None)
        self._hang_up()

    def join(self, timeout_s: float) -> None:
        """Wait until both threads are gone."""
        self._reader.join(timeout_s)

    def _hang_up(self) -> None:
        """Free a thread that blocks in the connection. On Windows a pipe cannot be: its threads look up every half second."""
        if sys.platform != "win32":
            with (
                self._closing,
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, fileno=os.dup(self._connection.fileno())) as twin,
            ):
                twin.shutdown(socket.SHUT_RDWR)

    # In the reader's thread

    def _read(self) -> None:
        try:
            self._serve()
        finally:
            self._call(self._on_end, self)

    def _serve(self) -> None:
        try:
            patient = Patient(self._connection)
            deliver_challenge(patient, self._key)  # type: ignore[arg-type]
            answer_challenge(patient, self._key)  # type: ignore[arg-type]
        except (OSError, EOFError, AuthenticationError, AssertionError, ValueError) as error:
            self.reason = f"it did not prove that it may talk to this engine: {error or type(error).__name__}"
        else:
            self._writer.start()
            try:
                self._listen()
            finally:
                self._outgoing.put(None)
                self._writer.join(LAST_WORDS_S)
        finally:
            self._hang_up()
            if self._writer.is_alive():  # its client never read; on Windows only what follows can free it
                self._writer.join(_POLL_S)
            with self._closing:
                self._connection.close()

    def _listen(self) -> None:
        allowance = Allowance(at_s=time.monotonic())
        while not self._ending:
            try:
                if not self._connection.poll(_POLL_S):
                    continue
                data = self._connection.recv_bytes(FRAME_CAP_BYTES)
                message = decode_to_engine(data)
            except EOFError:
                return
            except OSError as error:
                self.end(
                    Rejected("BAD_FRAME", f"a frame of at most {FRAME_CAP_BYTES} bytes expected: {error}")
                )
                return
            except (msgspec.MsgspecError, RecursionError) as error:
                self.end(
                    Rejected("BAD_MESSAGE", f"a message of this protocol expected, update the app: {error}")
                )
                return
            self.heard_s = time.monotonic()
            allowance = allowance.after(self.heard_s)
            if allowance.left < 0:
                said = f"more than {MESSAGES_PER_S:.0f} messages a second"
                self.end(Rejected("TOO_MANY_MESSAGES", said))
                return
            while not self._places.acquire(timeout=_POLL_S):
                if self._ending:
                    return
            self._call(self._on_message, self, message)

    def _call(self, callback: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(callback, *arguments)

    # In the writer's thread

    def _write(self) -> None:
        try:
            while (message := self._outgoing.get()) is not None:
                if isinstance(message, Alive):
                    self._heartbeat_waits = False
                for frame in self._frames(message):
                    self._connection.send_bytes(frame)
                if isinstance(message, Reply):
                    self._places.release()
        except OSError:
            pass  # it hung up, or was cut off
        finally:
            self._ending = True
            self._hang_up()

    def _frames(self, message: ToClient) -> list[bytes]:
        """Return a message as it goes out. One above the cap is a refusal; of a batch so large its number stays."""
        try:
            return [encode(message)]
        except FrameTooLarge as error:
            if not isinstance(message, Reply | Changed):
                raise
            if not self._told_too_large:
                self._told_too_large = True
                _log.error("message_too_large", extra={"reason": str(error)})
            refused = (Refusal("TOO_LARGE", str(error)),)
            if isinstance(message, Reply):
                return [encode(Reply(message.request, refused))]
            rest = Changed(message.batch, initial=message.initial, more=message.more)
            return [encode(Reply(0, refused)), encode(rest)]


class Patient:
    """A connection during authentication, at either end: each answer has to come within a time, and is short."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send_bytes(self, data: bytes) -> None:
        """Send one frame."""
        self._connection.send_bytes(data)

    def recv_bytes(self, cap_bytes: int) -> bytes:
        """Receive one frame. Raises TimeoutError where none comes."""
        if not self._connection.poll(AUTHENTICATION_S):
            raise TimeoutError(f"no answer for {AUTHENTICATION_S:.0f} s")
        return self._connection.recv_bytes(cap_bytes)
