"""One connection to a RouterOS API, logged in and kept. Counterpart: `protocols/routeros.py` for the words, `mikrotik.py`.

Commands go out together, each with its tag, and the answers come in any order; one that goes on is followed alone. One
rule: after anything unexpected the connection is closed: where a stream's meaning is lost, the next reading starts a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import NamedTuple, Protocol

from domain.errors import BadCredentials, BadReply, DeviceError, Refused, Unsupported
from engine.drivers.driver import Login
from engine.protocols import routeros
from engine.protocols.routeros_login import Login as StartOfSession
from engine.transport.addresses import name_endpoint
from engine.transport.tcp import Stream, TcpTransport, bounded

ANSWER_BUDGET_BYTES = 768 * 1024
"""Of all answers of one round: 1,500 interfaces with all that is asked of them, and 1,000 clients beside."""

LOGIN_BUDGET_BYTES = 16_384
SECOND_BUDGET_BYTES = 128 * 1024
"""Of a command that goes on, in each second."""

FAREWELL_S = 0.5
"""How long a router has to end a command that was cancelled."""

MAX_WORD_BYTES = 65_536

Row = dict[str, str]


class Endpoint(NamedTuple):
    """Where a router's API or REST is, and how it is trusted: over TLS by its `pin`, without one by the system's store."""

    address: str
    port: int
    tls: bool = False
    pin: str = ""
    rest: bool = False

    @property
    def name(self) -> str:
        """Address and port, for messages."""
        return name_endpoint(self.address, self.port)


class Printed(NamedTuple):
    """What one command brought: rows, or the words of the router's refusal. A number that it returned is the row {"ret": ...}."""

    rows: list[Row]
    refusal: str


class Round(NamedTuple):
    """The answers to several commands in their order, the round trip of the first byte, and when they were whole (monotonic)."""

    answers: list[Printed]
    rtt_us: int
    at_us: int


class Session(Protocol):
    """A router that answers commands, over its API or over REST."""

    @property
    def is_closed(self) -> bool: ...

    async def run(self, commands: Sequence[Sequence[str]], timeout_s: float) -> Round: ...

    def close(self) -> None: ...


class RouterOsSession:
    """A connection that is logged in."""

    def __init__(self, stream: Stream, conversation: routeros.Conversation) -> None:
        self._stream = stream
        self._conversation = conversation

    @classmethod
    async def open(
        cls, tcp: TcpTransport, endpoint: Endpoint, login: Login, timeout_s: float
    ) -> RouterOsSession:
        """Connect and log in, the way of RouterOS 6.43 and later or the older one. Raises DeviceError."""
        stream = await _connect(tcp, endpoint, timeout_s)
        try:
            reader = routeros.SentenceReader(MAX_WORD_BYTES)
            talk = StartOfSession(login.user, login.secret, reader)
            stream.budget_bytes = LOGIN_BUDGET_BYTES
            async with bounded(stream.where, "logging in", timeout_s):
                stream.write(talk.start())
                while not talk.done:
                    stream.write(talk.feed(await stream.read()))
        except BadCredentials as error:
            stream.close()
            raise BadCredentials(f"{stream.where} refuses the login of {login.user!r}: {error}") from None
        except DeviceError as error:
            stream.close()
            raise _named(stream.where, error) from None
        except BaseException:
            stream.close()
            raise
        return cls(stream, routeros.Conversation(reader))

    @property
    def where(self) -> str:
        """The router's address and port, for messages."""
        return self._stream.where

    @property
    def is_closed(self) -> bool:
        """Tell whether a new one is needed."""
        return self._stream.is_closed

    async def run(self, commands: Sequence[Sequence[str]], timeout_s: float) -> Round:
        """Send all commands at once and return what they brought, all of it within `timeout_s`."""
        with self._closed_by_errors():
            return await self._run(commands, timeout_s)

    async def follow(
        self, command: Sequence[str], on_rows: Callable[[list[Row]], None], *, for_s: float, silence_s: float
    ) -> None:
        """Hand on what a command that goes on brings, for so long, and cancel it; cancelling this cancels it as well.

        Raises DeviceError where the router ends it itself, or is silent for `silence_s`.
        """
        with self._closed_by_errors():
            stream, conversation = self._stream, self._conversation
            tag, data = conversation.start(command, stream=True)
            stream.write(data)
            now_s = monotonic()
            end_s, refill_s = now_s + for_s, now_s
            try:
                while now_s < end_s:
                    if now_s >= refill_s:
                        stream.budget_bytes, refill_s = SECOND_BUDGET_BYTES, now_s + 1.0
                    async with bounded(stream.where, "following a command", silence_s):
                        data = await stream.read()
                    _hand_on(stream.where, conversation.feed(data), on_rows)
                    now_s = monotonic()
            except asyncio.CancelledError:
                with suppress(DeviceError):
                    await self._cancel(tag)
                raise
            await self._cancel(tag)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    async def _cancel(self, tag: str) -> None:
        """Cancel a command and wait for its end."""
        stream, conversation = self._stream, self._conversation
        stream.budget_bytes = SECOND_BUDGET_BYTES
        stream.write(conversation.cancel(tag))
        async with bounded(stream.where, "ending a command", FAREWELL_S):
            while not any(
                isinstance(event, routeros.Done) for event in conversation.feed(await stream.read())
            ):
                pass

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        try:
            yield
        except DeviceError as error:
            self.close()
            raise _named(self.where, error) from None
        except BaseException:
            self.close()
            raise

    async def _run(self, commands: Sequence[Sequence[str]], timeout_s: float) -> Round:
        stream, conversation = self._stream, self._conversation
        open_tags: dict[str, Printed] = {}
        sent: list[bytes] = []
        for command in commands:
            tag, data = conversation.start(command)
            open_tags[tag] = Printed([], "")
            sent.append(data)
        printed = dict(open_tags)
        stream.budget_bytes = ANSWER_BUDGET_BYTES
        rtt_us = 0
        async with bounded(stream.where, f"answering {len(commands)} commands", timeout_s):
            sent_s = monotonic()
            stream.write(b"".join(sent))
            while open_tags:
                data = await stream.read()
                rtt_us = rtt_us or max(1, int((monotonic() - sent_s) * 1e6))
                for event in conversation.feed(data):
                    if isinstance(event, routeros.Record):
                        printed[event.tag].rows.append(event.attributes)
                    elif isinstance(event, routeros.Fatal):
                        raise _ended(stream.where, event)
                    elif isinstance(event, routeros.Trap):
                        printed[event.tag] = Printed(printed[event.tag].rows, event.message or "refused")
                    else:
                        del open_tags[event.tag]
                        if event.ret:
                            printed[event.tag].rows.append({"ret": event.ret})
        return Round(list(printed.values()), rtt_us, int(monotonic() * 1e6))


def _hand_on(where: str, events: Sequence[routeros.Event], on_rows: Callable[[list[Row]], None]) -> None:
    rows: list[Row] = []
    for event in events:
        if isinstance(event, routeros.Record):
            rows.append(event.attributes)
        elif isinstance(event, routeros.Fatal):
            raise _ended(where, event)
        elif isinstance(event, routeros.Trap):
            raise refused(where, event.message)
        else:
            raise Refused(f"{where} ended a command that was to go on")
    if rows:
        on_rows(rows)


def refused(where: str, message: str) -> DeviceError:
    """Return the error for what a router refuses: our user may not, or it is otherwise."""
    kind = BadCredentials if "permission" in message else Refused
    return kind(f"{where} refuses: {message}")


def _ended(where: str, event: routeros.Fatal) -> Refused:
    return Refused(f"{where} ended the connection: {event.message or 'without a reason'}")


async def _connect(tcp: TcpTransport, endpoint: Endpoint, timeout_s: float) -> Stream:
    if not endpoint.tls:
        return await tcp.connect(endpoint.address, endpoint.port, timeout_s)
    try:
        return await tcp.connect_tls(endpoint.address, endpoint.port, timeout_s, pin=endpoint.pin)
    except (Unsupported, Refused) as error:
        if not any(sign in str(error) for sign in _ANONYMOUS):
            raise
        raise type(error)(f"{error}. {_HOW_TO_CERTIFY}") from None


_ANONYMOUS = ("no TLS cipher in common", "in the TLS handshake")
_HOW_TO_CERTIFY = (
    "An api-ssl service without a certificate offers only anonymous TLS, which proves nothing. On the router: /certificate "
    "add name=api common-name=api days-valid=3650; /certificate sign api; /ip service set api-ssl certificate=api"
)


def _named(where: str, error: DeviceError) -> DeviceError:
    """Return the error with the router's address in its words; the codec does not know whom it reads."""
    if where in str(error):
        return error
    if isinstance(error, BadReply):
        return BadReply(f"{where}: {error.reason}", error.offset)
    return type(error)(f"{where}: {error}")
