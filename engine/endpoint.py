"""Where windows, command lines and tests meet the engine. Counterpart: `app/engine_link.py`; messages: `domain/wire.py`.

Theory: an accepting thread, and two threads a client (`client_line.py`); everything else happens on the loop and never
waits for a client: its outbox holds names of what changed, its line holds one batch. Each second everybody gets a
heartbeat, and who was silent for three is dropped; a frozen window comes back by connecting again. One rule: what a client
does can cost that client its line, and the engine nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.asking import NetworkRequest
from domain.blobs import BlobRequest
from domain.errors import Refusal
from domain.exchanging import ExchangeRequest
from domain.journal import JournalRow
from domain.maps import MapRequest
from domain.mib import MibRequest
from domain.searching import DiscoveryRequest
from domain.team import TeamRequest
from domain.terrain import TerrainRequest
from domain.tunnels import TunnelRequest
from domain.vault import Lock, RotateKeys, SetAutoLock, SetKeyPlace, Unlock
from domain.wire import (
    DEAD_AFTER_MISSED,
    HEARTBEAT_S,
    PROTOCOL,
    ActOnAlert,
    Alive,
    Credit,
    ForgetSender,
    Hello,
    ProbeNow,
    QueryJournal,
    QueryProfiles,
    QueryQuarantine,
    QuerySeries,
    Rejected,
    Reply,
    SetReceivers,
    SetRetention,
    Stop,
    SubmitEdit,
    ToEngine,
    Watch,
    Welcome,
)
from engine.client_line import ClientLine
from engine.outbox import Outbox
from engine.state import State, Subject
from engine.tasks import end, keep, spawn

_log = logging.getLogger("engine.endpoint")

CLIENTS_CAP = 16
MERGE_S = 0.025
"""How far apart batches of changes are; the first after a while of none leaves in the next turn of the loop."""
LAST_WORD_S = 0.5
"""How long a dropped client has to take its last message."""

Request = (
    SubmitEdit
    | ActOnAlert
    | QuerySeries
    | QueryJournal
    | QueryProfiles
    | MibRequest
    | NetworkRequest
    | DiscoveryRequest
    | TerrainRequest
    | ExchangeRequest
    | BlobRequest
    | MapRequest
    | ProbeNow
    | SetRetention
    | SetReceivers
    | QueryQuarantine
    | ForgetSender
    | Unlock
    | Lock
    | SetAutoLock
    | SetKeyPlace
    | RotateKeys
    | TeamRequest
    | TunnelRequest
    | Stop
)


class _Client:
    """One client on the loop's side; before its Hello it has no outbox."""

    def __init__(self, line: ClientLine) -> None:
        self.line = line
        self.name = ""
        self.outbox: Outbox | None = None
        self.dropped = False


class Endpoint:
    """Listens at `address` until it is closed. `answer` gets each request and returns its one reply; `on_watched` what all
    clients watch together, when that changes."""

    def __init__(
        self,
        address: str,
        key: bytes,
        *,
        state: State,
        welcome: Callable[[], Welcome],
        answer: Callable[[Request], Awaitable[Reply]],
        now_us: Callable[[], int],
        on_watched: Callable[[frozenset[UUID]], None] = lambda _: None,
        on_discovery_watched: Callable[[bool], None] = lambda _: None,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._address = address
        self._key = key
        self._state = state
        self._welcome = welcome
        self._answer = answer
        self._now_us = now_us
        self._on_watched = on_watched
        self._watched: frozenset[UUID] = frozenset()
        self._on_discovery_watched = on_discovery_watched
        self._discovery_watched = False
        self._heartbeat_s = heartbeat_s
        self._clients: dict[ClientLine, _Client] = {}
        self._loop = asyncio.get_running_loop()
        self._flush: asyncio.TimerHandle | None = None
        self._sent_s = -math.inf
        self._closing = False

    def open(self) -> None:
        """Begin to listen. Raises OSError where the address cannot be had."""
        self._listener = Listener(self._address, backlog=CLIENTS_CAP)
        if sys.platform != "win32":
            Path(self._address).chmod(0o600)
        self._accepter = threading.Thread(target=self._accept, name="endpoint", daemon=True)
        self._accepter.start()
        self._heart = keep("heartbeat", self._beat)

    async def close(self) -> None:
        """Let the clients have what waits for them, then hang up."""
        self._closing = True
        await end(self._heart)
        if self._flush is not None:
            self._flush.cancel()
        lines = list(self._clients)
        for line in lines:
            line.end()
        deadline_s = time.monotonic() + LAST_WORD_S
        for line in lines:
            await asyncio.to_thread(line.join, max(deadline_s - time.monotonic(), 0.0))
            line.cut()
        with contextlib.suppress(OSError):
            Client(self._address).close()  # a blocking accept ends by nothing else
        await asyncio.to_thread(self._accepter.join, LAST_WORD_S)
        self._listener.close()

    def touch(
        self, subjects: Iterable[Subject], rows: Iterable[JournalRow] = (), at_once: bool = False
    ) -> None:
        """Tell every client that these subjects have a new state, and what happened; within MERGE_S, or before this returns."""
        subjects, rows = list(subjects), list(rows)
        for client in self._clients.values():
            if client.outbox is not None:
                client.outbox.touch(subjects)
                client.outbox.note(rows)
        if at_once:
            self._send_batches()
        elif self._clients:
            self._flush_soon()

    # In the accepting thread

    def _accept(self) -> None:
        while not self._closing:
            try:
                while len(self._clients) > 2 * CLIENTS_CAP and not self._closing:
                    time.sleep(0.05)  # dropped ones have to be gone first: each has threads
                connection: Any = self._listener.accept()  # a pipe's on Windows, a socket's elsewhere
            except OSError:
                if self._closing:
                    return
                time.sleep(0.1)  # too many open files; or who connected has gone again
                continue
            if self._closing:
                connection.close()
                return
            line = ClientLine(connection, self._key, self._loop, self._on_message, self._on_end)
            self._loop.call_soon_threadsafe(self._on_accepted, line)

    # On the loop

    def _on_accepted(self, line: ClientLine) -> None:
        client = self._clients[line] = _Client(line)
        line.start()
        if len(self._clients) > CLIENTS_CAP:
            self._drop(client, "TOO_MANY_CLIENTS", f"at most {CLIENTS_CAP} programs may talk to one engine")

    def _on_end(self, line: ClientLine) -> None:
        client = self._clients.pop(line, None)
        if client is not None:
            _log.info("client_left", extra={"client": client.name, "reason": line.reason})
            self._tell_watched()

    def _drop(self, client: _Client, code: str, message: str) -> None:
        if not client.dropped:
            client.dropped = True
            client.outbox = None
            client.line.end(Rejected(code, message))
            self._loop.call_later(LAST_WORD_S, client.line.cut)
            self._tell_watched()

    def _on_message(self, line: ClientLine, message: ToEngine) -> None:
        client = self._clients.get(line)
        if client is None or client.dropped:
            return
        if isinstance(message, Request):
            if client.outbox is None:
                self._drop(client, "NO_HELLO", f"Hello expected first, got {type(message).__name__}")
            else:
                spawn("request", self._reply(line, message), request=type(message).__name__)
            return
        self._hear(client, message)
        line.handled()

    def _hear(self, client: _Client, message: Hello | Credit | Alive | Watch) -> None:
        if isinstance(message, Alive):
            return
        if isinstance(message, Hello):
            self._greet(client, message)
        elif client.outbox is None:
            self._drop(client, "NO_HELLO", f"Hello expected first, got {type(message).__name__}")
        elif isinstance(message, Watch):
            client.outbox.watch(message.devices)
            client.outbox.watches_discovery = message.discovery
            self._tell_watched()
            self._flush_soon()
        elif client.outbox.credit(message.batch):
            self._flush_soon()
        else:
            self._drop(client, "BAD_CREDIT", f"batch {message.batch} is not outstanding")

    def _tell_watched(self) -> None:
        """Tell which devices somebody watches, and whether discovery, if that is another than before."""
        outboxes = [client.outbox for client in self._clients.values() if client.outbox is not None]
        watched = frozenset[UUID]().union(*(outbox.watched for outbox in outboxes))
        if watched != self._watched:
            self._watched = watched
            self._on_watched(watched)
        discovery = any(outbox.watches_discovery for outbox in outboxes)
        if discovery != self._discovery_watched:
            self._discovery_watched = discovery
            self._on_discovery_watched(discovery)

    def _greet(self, client: _Client, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            said = (
                f"the engine speaks protocol {PROTOCOL}, this program {hello.protocol}: update the older one"
            )
            self._drop(client, "PROTOCOL", said)
        elif client.outbox is None:
            client.name = hello.client[:32]
            client.line.send(self._welcome())
            client.outbox = Outbox(self._state)
            self._send_batch(client)
            _log.info("client_joined", extra={"client": client.name})
        else:
            self._drop(client, "SECOND_HELLO", "Hello is said once")

    async def _reply(self, line: ClientLine, request: Request) -> None:
        bug = Refusal("BUG", "the engine failed at this request: its log says where")
        reply = Reply(request.request, (bug,))
        try:
            reply = await self._answer(request)
        finally:
            line.send(reply)

    def _flush_soon(self) -> None:
        if self._flush is None and not self._closing:
            wait_s = max(0.0, self._sent_s + MERGE_S - self._loop.time())
            self._flush = self._loop.call_later(wait_s, self._send_batches)

    def _send_batches(self) -> None:
        self._sent_s = self._loop.time()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        for client in self._clients.values():
            self._send_batch(client)

    def _send_batch(self, client: _Client) -> None:
        batch = client.outbox.next_batch() if client.outbox is not None else None
        if batch is not None:
            client.line.send(batch)

    async def _beat(self) -> None:
        last_s = time.monotonic()
        while True:
            await asyncio.sleep(self._heartbeat_s)
            now_s = time.monotonic()
            stopped = now_s - last_s > 2 * self._heartbeat_s  # it was we who were silent
            last_s = now_s
            for client in list(self._clients.values()):
                line = client.line
                if stopped:
                    line.heard_s = now_s
                elif now_s - line.heard_s > DEAD_AFTER_MISSED * self._heartbeat_s:
                    self._drop(client, "SILENT", f"nothing was heard for {now_s - line.heard_s:.1f} s")
                if client.outbox is not None:
                    line.send_heartbeat(self._now_us())
