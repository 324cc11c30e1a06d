"""A RouterOS router asked over REST instead of its API, from 7.1 on. Counterpart: `routeros_session.py`, which it stands in for.

The words of a command become a POST to /rest and a JSON object, rows come back as JSON (help.mikrotik.com, page "REST API").
HTTP knows no session: the connection is kept where the router keeps it, and made anew where it does not. Questions go one
after another, and there are no streams. One rule: the login is in every question, so there is none without TLS.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from domain.errors import BadCredentials, BadReply, Unsupported
from domain.text import clean_text, text_from_bytes
from engine.drivers.driver import Login
from engine.drivers.routeros_session import Endpoint, Printed, Round, Row
from engine.protocols.routeros import MAX_RECORDS, MAX_VALUE_CHARS
from engine.transport.addresses import name_endpoint
from engine.transport.http import Response, ask
from engine.transport.tcp import Stream, TcpTransport, bounded

if TYPE_CHECKING:
    import h11

JSON_CAP_BYTES = 2 * 1024 * 1024
"""Of all answers of one round."""

PIECES_CAP = 16_384
"""Pieces of one answer that are looked at."""

_NAME_CHARS = 128
_Scalar = str | int | float | bool | None
_Body = list[dict[str, _Scalar]] | dict[str, _Scalar]
_rows = msgspec.json.Decoder(_Body)


class _Error(msgspec.Struct):
    """What a router says when it refuses."""

    message: str = ""
    detail: str = ""


_error = msgspec.json.Decoder(_Error)


class RestSession:
    """One router, asked over HTTPS. As with the API, an error ends it."""

    def __init__(self, tcp: TcpTransport, endpoint: Endpoint, login: Login, timeout_s: float) -> None:
        self._tcp = tcp
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._user = login.user
        self._said = b64encode(f"{login.user}:{login.secret}".encode()).decode()
        self._open: tuple[Stream, h11.Connection] | None = None
        self._left_bytes = 0
        self.is_closed = False

    @classmethod
    async def open(cls, tcp: TcpTransport, endpoint: Endpoint, login: Login, timeout_s: float) -> RestSession:
        """Connect; whether the login is right turns out with the first question. Raises DeviceError."""
        if not endpoint.tls:
            raise Unsupported(
                f"{endpoint.name}: REST is asked over TLS alone, for the password would go in clear"
            )
        session = cls(tcp, endpoint, login, timeout_s)
        await session._ready()
        return session

    @property
    def where(self) -> str:
        """The router's address and port, for messages."""
        return self._endpoint.name

    async def run(self, commands: Sequence[Sequence[str]], timeout_s: float) -> Round:
        """Ask one after another and return what they brought, all of it within `timeout_s`."""
        self._left_bytes = JSON_CAP_BYTES
        answers: list[Printed] = []
        first_us = 0
        try:
            async with bounded(self.where, f"answering {len(commands)} questions", timeout_s):
                for command in commands:
                    printed, rtt_us = await self._ask(command)
                    answers.append(printed)
                    first_us = first_us or rtt_us
        except BaseException:
            self.close()
            raise
        return Round(answers, first_us, int(monotonic() * 1e6))

    def close(self) -> None:
        """Close the connection."""
        self.is_closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None

    async def _ready(self) -> tuple[Stream, h11.Connection]:
        """Return a connection that takes a question."""
        import h11  # noqa: PLC0415 loads with the first router that is asked so

        if self._open is not None:
            stream, connection = self._open
            if (
                not stream.is_closed
                and connection.our_state is h11.DONE
                and connection.their_state is h11.DONE
            ):
                connection.start_next_cycle()
            if not stream.is_closed and connection.our_state is h11.IDLE:
                return self._open
            self._hang_up()
        endpoint = self._endpoint
        stream = await self._tcp.connect_tls(
            endpoint.address, endpoint.port, self._timeout_s, pin=endpoint.pin
        )
        self._open = stream, h11.Connection(h11.CLIENT)
        return self._open

    async def _ask(self, command: Sequence[str]) -> tuple[Printed, int]:
        import h11  # noqa: PLC0415

        stream, connection = await self._ready()
        stream.budget_bytes = self._left_bytes
        target, question = encode_question(command)
        headers = [
            ("Host", name_endpoint(self._endpoint.address.partition("%")[0], self._endpoint.port)),
            ("Authorization", f"Basic {self._said}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(question))),
            ("Accept-Encoding", "identity"),
        ]
        response = await ask(
            stream,
            connection,
            h11.Request(method="POST", target=target, headers=headers),
            question,
            pieces_cap=PIECES_CAP,
        )
        if not response.is_whole:
            raise BadReply(f"{self.where} answers in more than {PIECES_CAP} pieces")
        self._left_bytes = stream.budget_bytes
        return self._read(response), response.rtt_us

    def _read(self, response: Response) -> Printed:
        status = response.head.status_code
        if status == HTTPStatus.OK:
            try:
                return Printed(decode_rows(response.body), "")
            except BadReply as error:
                raise BadReply(f"{self.where}: {error.reason}", error.offset) from None
        if status == HTTPStatus.UNAUTHORIZED:
            raise BadCredentials(f"{self.where} refuses the login of {self._user!r}")
        return Printed([], _refusal(status, response.head.reason, response.body))


def encode_question(command: Sequence[str]) -> tuple[str, bytes]:
    """Return the target and body of a POST that asks what the words of an API command ask."""
    asked: dict[str, str | list[str]] = {}
    queries: list[str] = []
    for word in command[1:]:
        if word.startswith("?"):
            queries.append(word[1:])
        else:
            name, _, value = word[1:].partition("=")
            asked[name] = value.split(",") if name == ".proplist" else value
    if queries:
        asked[".query"] = queries
    return f"/rest{quote(command[0])}", msgspec.json.encode(asked)


def decode_rows(body: bytes) -> list[Row]:
    """Return the rows of an answer, as the API would tell them; BadReply for anything that is none."""
    if body.count(b"{") > MAX_RECORDS:
        raise BadReply(f"an answer of more than {MAX_RECORDS} records")
    try:
        said = _rows.decode(_text(body)) if body.strip() else []
    except msgspec.DecodeError as error:
        raise BadReply(f"an answer that is not rows in JSON: {clean_text(str(error), 80)}") from None
    return [
        {clean_text(name, _NAME_CHARS): _spell(value) for name, value in row.items()}
        for row in (said if isinstance(said, list) else [said])
    ]


def _text(body: bytes) -> str:
    """Return JSON as text: what is no UTF-8 in it, letter by letter, is Latin-1, as `domain/text.py` has it of the API."""
    return body.decode("utf-8", "surrogateescape").translate(_LATIN_1)


_LATIN_1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}


def _spell(value: _Scalar) -> str:
    if isinstance(value, str):
        return clean_text(value, MAX_VALUE_CHARS)
    return "" if value is None else str(value).lower()


def _refusal(status: int, reason: bytes, body: bytes) -> str:
    """Return what a router says in its error, else what HTTP says."""
    try:
        error = _error.decode(_text(body))
    except msgspec.DecodeError:
        error = _Error()
    said = clean_text(error.detail or error.message)
    if said:
        return said
    said = f"HTTP {status} {text_from_bytes(reason, 80)}".rstrip()
    return f"{said}: REST begins with RouterOS 7.1" if status == HTTPStatus.NOT_FOUND else said
