"""One HTTP question over a `Stream`. Counterpart: the drivers that make the question and judge the answer; h11 knows the bytes.

One rule: an answer has caps on its bytes and its pieces beside the stream's budget; where they are reached, `is_whole` is False.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from domain.errors import BadReply, Refused
from domain.text import clean_text
from engine.transport.tcp import Stream

if TYPE_CHECKING:
    import h11

_SHOWN_CHARS = 80
"""How much of what is wrong a message says."""


class Response(NamedTuple):
    """What a question brought. `body` is what was read of it, `rtt_us` is until the first byte."""

    head: h11.Response
    body: bytes
    rtt_us: int
    is_whole: bool


async def ask(
    stream: Stream,
    connection: h11.Connection,
    request: h11.Request,
    content: bytes = b"",
    *,
    pieces_cap: int,
    read_cap_bytes: int | None = None,
    wants_body: bool = True,
) -> Response:
    """Send a request and read the response, no further than the caps and, unless it is wanted, without the body.

    A server that closes after it began to answer may end a body so. BadReply for what is not HTTP, or has no end of its head.
    """
    import h11  # noqa: PLC0415 loads with the first question

    events = (request, h11.Data(content), h11.EndOfMessage())
    sent_s = monotonic()
    stream.write(b"".join(connection.send(event) or b"" for event in events))
    head: h11.Response | None = None
    body = bytearray()
    received_bytes = rtt_us = 0
    is_whole = False
    try:
        for _ in range(pieces_cap):
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if read_cap_bytes is not None and received_bytes >= read_cap_bytes:
                    break
                data = await _read_or_end(stream, received_bytes > 0)
                received_bytes += len(data)
                rtt_us = rtt_us or max(1, int((monotonic() - sent_s) * 1e6))
                connection.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
                if not wants_body:
                    break
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                is_whole = True
                break
    except h11.RemoteProtocolError as error:
        said = clean_text(str(error), _SHOWN_CHARS)
        raise BadReply(f"{stream.where} does not answer as HTTP should: {said}") from None
    if head is None:
        raise BadReply(f"{stream.where} answers with headers that do not end")
    return Response(head, bytes(body), rtt_us, is_whole)


async def _read_or_end(stream: Stream, has_begun: bool) -> bytes:
    """Return what came, b"" where the server closed after it began to answer: that is how some end a body."""
    try:
        return await stream.read()
    except Refused:
        if has_begun:
            return b""
        raise
