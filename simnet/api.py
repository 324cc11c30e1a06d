"""A RouterOS API server for one router: login, print with queries, monitors, listen, cancel.

Counterpart: `menus.py` says what is printed, `serving.py` accepts the connections. One rule: a router that is dead or
cut off neither reads nor writes; its connections hang, as the far end of a dead wire does.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from simnet.command import Command, read_command
from simnet.menus import Monitor, find_menu, find_monitor, has_directory
from simnet.menus_interface import interface_row, traffic_row
from simnet.menus_system import gps_row, update_row
from simnet.network import RouterOsCredential
from simnet.query import QueryError, Row, matches
from simnet.router import Interface, Router
from simnet.sentences import SentenceError, SentenceReader, encode_sentence
from simnet.spelling import read_interval_s

MISSING, BAD_VALUE, INTERRUPTED = "0", "1", "2"
"""Trap categories of the API manual."""

_FORBIDDEN = "not enough permissions (9)"
_NUMBERS = ("numbers", "number", ".id")
_RETRANSMIT_S = 1.0
"""What a lost segment costs on a TCP connection."""
_MAX_STREAMS = 64
_MAX_BUFFERED_BYTES = 256 * 1024
_SHORTEST_INTERVAL_S = 0.05
_WRITE_VERBS = frozenset({"add", "set", "remove", "enable", "disable", "move", "comment", "reset", "unset"})


class Trap(Exception):
    """What a router refuses: its words and their category."""

    def __init__(self, message: str, category: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.category = category


@dataclass(slots=True)
class Stream:
    """A command that goes on until it is cancelled."""

    stop: Callable[[], None]


class ApiSession(asyncio.Protocol):
    """One connection to a router's API."""

    def __init__(
        self,
        router: Router,
        credential: RouterOsCredential,
        clock: Callable[[], float],
        sessions: set[ApiSession],
    ) -> None:
        self._router = router
        self._credential = credential
        self._clock = clock
        self._sessions = sessions
        self._reader = SentenceReader()
        self._transport: asyncio.Transport | None = None
        self._challenge: bytes | None = None
        self._is_logged_in = False
        self._streams: dict[str | None, Stream] = {}
        self._dice = random.Random(router.name)  # noqa: S311 - which segment is lost, no secret
        self._due_s = 0.0
        self._out = bytearray()
        self._verbs: dict[str, Callable[[Command], None]] = {
            "/interface/monitor-traffic": self._monitor_traffic,
            "/system/package/update/check-for-updates": lambda command: self._finish(
                command, [update_row(self._router)]
            ),
            "/system/gps/monitor": self._look_at_sky,
            "/cancel": self._cancel,
            "/quit": lambda _command: self._close_with("session terminated on request"),
        }

    # -- what asyncio tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_streams()
        self._transport = None
        self._sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Read what came and answer every whole command."""
        if not self._router.answering:
            return
        try:
            sentences = self._reader.feed(data)
        except SentenceError:
            self.abort()
            return
        for words in sentences:
            self._answer_later(read_command(words))

    def pause_writing(self) -> None:
        """The client does not read: hear no further commands from it."""
        if self._transport:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport and self._router.answering:
            self._transport.resume_reading()

    # -- what the server asks of us

    @property
    def streams(self) -> int:
        """How many commands of this connection go on."""
        return len(self._streams)

    def freeze(self) -> None:
        """The router died: say and hear nothing more."""
        self._stop_streams()
        if self._transport:
            self._transport.pause_reading()

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport:
            self._transport.abort()

    # -- commands

    def _answer_later(self, command: Command) -> None:
        """Answer at once, or when a slow router or a lost segment lets it; never before an earlier answer."""
        loop = asyncio.get_running_loop()
        delay_s = self._router.slow_ms / 1000
        if self._dice.random() * 100 < self._router.loss_pct:
            delay_s += _RETRANSMIT_S
        now_s = loop.time()
        self._due_s = max(self._due_s, now_s + delay_s)
        if self._due_s <= now_s:
            self._answer(command)
        else:
            loop.call_at(self._due_s, self._answer, command)

    def _answer(self, command: Command) -> None:
        if self._transport is None or not self._router.answering:
            return
        if self._router.garbled:
            self._transport.write(b"\xf9\xff" + self._dice.randbytes(64))
            self._transport.close()
            return
        try:
            if command.path == "/login":
                self._login(command)
            elif not self._is_logged_in:
                self._close_with("not logged in")
            elif command.path in self._verbs:
                self._verbs[command.path](command)
            elif monitor := find_monitor(self._router, command.path):
                self._monitor(command, monitor)
            else:
                self._use_menu(command)
        except Trap as trap:
            self._trap(command.tag, trap)
            self._send(command.tag, "!done")
        except QueryError as error:
            self._trap(command.tag, Trap(str(error), BAD_VALUE))
            self._send(command.tag, "!done")

    def _login(self, command: Command) -> None:
        name, password = command.attributes.get("name"), command.attributes.get("password")
        is_new = self._router.is_at_least(6, 43)
        if is_new:
            is_right = (name, password) == (self._credential.username, self._credential.password)
        elif "response" not in command.attributes:
            self._challenge = secrets.token_bytes(16)
            self._send(command.tag, "!done", {"ret": self._challenge.hex()})
            return
        else:
            is_right = (
                name == self._credential.username and command.attributes["response"] == self._expected()
            )
            self._challenge = None
        if is_right and "api" not in self._credential.policies:
            raise Trap("not allowed (9)")
        if not is_right:
            raise Trap("invalid user name or password (6)" if is_new else "cannot log in")
        self._is_logged_in = True
        self._send(command.tag, "!done")

    def _expected(self) -> str | None:
        if self._challenge is None:
            return None
        digest = hashlib.md5(
            b"\0" + self._credential.password.encode() + self._challenge, usedforsecurity=False
        )
        return f"00{digest.hexdigest()}"

    def _use_menu(self, command: Command) -> None:
        path, _, verb = command.path.rpartition("/")
        menu = find_menu(self._router, path)
        if menu is None:
            known = has_directory(self._router, path)
            raise Trap("no such command" if known else "no such command prefix", MISSING)
        if verb in _WRITE_VERBS:
            raise Trap(_FORBIDDEN)
        if verb not in ("print", "getall", "listen"):
            raise Trap("no such command", MISSING)
        self._need("read")
        if verb == "listen" or command.wants("follow-only"):
            self._listen(command, path)
            return

        def rows() -> list[Row]:
            return [row for row in menu.print(self._router, self._clock()) if matches(row, command.queries)]

        if "count-only" in command.attributes:
            count = menu.count(self._router, self._clock()) if menu.count else len(rows())
            self._send(command.tag, "!done", {"ret": str(count)})
        elif "interval" in command.attributes:
            self._repeat(command, rows)
        else:
            self._finish(command, rows())

    def _monitor_traffic(self, command: Command) -> None:
        names = command.attributes.get("interface", "")
        ports = self._ports(names, "input does not match any value of interface")

        def rows() -> list[Row]:
            return [traffic_row(port, self._clock()) for port in ports]

        if command.wants("once"):
            self._finish(command, rows())
        else:
            self._repeat(command, rows)

    def _monitor(self, command: Command, monitor: Monitor) -> None:
        self._need("test")
        names = next((command.attributes[name] for name in _NUMBERS if name in command.attributes), "")
        ports = self._ports(names, "no such item")
        if any(port.family != monitor.family or not monitor.fits(port) for port in ports):
            raise Trap("no such item", MISSING)

        def rows() -> list[Row]:
            return [monitor.read(port, self._clock()) for port in ports]

        if command.wants("once"):
            self._finish(command, rows())
        else:
            self._repeat(command, rows)

    def _look_at_sky(self, command: Command) -> None:
        if not self._router.board.has_gps:
            raise Trap("no such command prefix", MISSING)
        self._need("test")
        self._finish(command, [gps_row(self._router)])

    def _need(self, policy: str) -> None:
        if policy not in self._credential.policies:
            raise Trap(_FORBIDDEN)

    def _ports(self, names: str, complaint: str) -> list[Interface]:
        ports = [self._router.interface(name) for name in names.split(",")]
        found = [port for port in ports if port is not None]
        if len(found) < len(ports):
            raise Trap(complaint, BAD_VALUE if "match" in complaint else MISSING)
        return found

    def _cancel(self, command: Command) -> None:
        tag = command.attributes.get("tag")
        tags = [tag] if tag is not None else list(self._streams)
        for name in tags:
            stream = self._streams.pop(name, None)
            if stream is not None:
                stream.stop()
                self._trap(name, Trap("interrupted", INTERRUPTED))
                self._send(name, "!done")
        self._send(command.tag, "!done")

    # -- commands that go on

    def _repeat(self, command: Command, rows: Callable[[], list[Row]]) -> None:
        """Send rows now and again each interval until cancelled."""
        interval_s = read_interval_s(command.attributes.get("interval", "1s"))
        if interval_s is None:
            raise Trap("invalid value for argument interval", BAD_VALUE)
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        section = 0

        def tick() -> None:
            nonlocal timer, section
            timer = loop.call_later(max(interval_s, _SHORTEST_INTERVAL_S), tick)
            if self._transport and self._transport.get_write_buffer_size() < _MAX_BUFFERED_BYTES:
                self._send_rows(command, rows(), {".section": str(section)})
                section += 1

        def stop() -> None:
            if timer:
                timer.cancel()

        self._start(command.tag, stop)
        tick()

    def _listen(self, command: Command, path: str) -> None:
        """Send an interface's row whenever it comes up or goes down; in other menus nothing ever changes."""

        def on_change(port: Interface) -> None:
            if path == "/interface" and self._router.answering:
                self._send_rows(command, [interface_row(port, self._clock())])

        self._router.listeners.add(on_change)
        self._start(command.tag, lambda: self._router.listeners.discard(on_change))

    def _start(self, tag: str | None, stop: Callable[[], None]) -> None:
        if tag in self._streams or len(self._streams) >= _MAX_STREAMS:
            stop()
            raise Trap("too many commands under way, or one with this tag", BAD_VALUE)
        self._streams[tag] = Stream(stop)

    def _stop_streams(self) -> None:
        for stream in self._streams.values():
            stream.stop()
        self._streams.clear()

    # -- replies

    def _finish(self, command: Command, rows: list[Row]) -> None:
        """Send rows and the end; routers since 7.18 say so when there were none."""
        self._send_rows(command, rows)
        if not rows and self._router.is_at_least(7, 18):
            self._send(command.tag, "!empty")
        self._send(command.tag, "!done")

    def _send_rows(self, command: Command, rows: Iterable[Row], extra: Row | None = None) -> None:
        wanted = command.properties
        for row in rows:
            shown = row if wanted is None else {name: row[name] for name in wanted if name in row}
            self._send(command.tag, "!re", shown | extra if extra else shown)

    def _trap(self, tag: str | None, trap: Trap) -> None:
        row = {} if trap.category is None else {"category": trap.category}
        self._send(tag, "!trap", row | {"message": trap.message})

    def _send(self, tag: str | None, reply: str, row: Row | None = None) -> None:
        words = [reply] if tag is None else [reply, f".tag={tag}"]
        words += [f"={name}={value}" for name, value in (row or {}).items()]
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out += encode_sentence(words)

    def _flush(self) -> None:
        """Write what gathered in this turn of the loop as one piece."""
        if self._transport and self._router.answering:
            self._transport.write(bytes(self._out))
        self._out.clear()

    def _close_with(self, farewell: str) -> None:
        self._out += encode_sentence(["!fatal", farewell])
        self._flush()
        if self._transport:
            self._transport.close()
