"""How a body is read: of its kind, within its cap, in time; an error says what was expected and what came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from starlette.requests import Request

from domain.errors import RefusedByRule
from sync_server.api.bodies import field_in, read_body
from sync_server.api.errors import status_of


def request(
    pieces: Iterable[bytes], *, kind: str = "text/plain", ends: bool = True, hangs_up: bool = False
) -> Request:
    """Return a request whose body comes in pieces, and then ends, leaves one waiting or hangs up."""
    waiting = iter(pieces)

    async def receive() -> Any:
        piece = next(waiting, None)
        if piece is None and hangs_up:
            return {"type": "http.disconnect"}
        if piece is None and not ends:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    received: Callable[[], Awaitable[Any]] = receive
    return Request({"type": "http", "headers": [(b"content-type", kind.encode())]}, received)


async def test_a_body_is_whole_whatever_pieces_it_comes_in() -> None:
    assert await read_body(request([b"a", b"", b"bc"]), "text/plain", 3) == b"abc"
    assert await read_body(request([b"a"], kind="Text/Plain; charset=utf-8"), "text/plain", 3) == b"a"


@pytest.mark.parametrize(
    ("made", "code", "status", "words"),
    [
        (lambda: request([b"ab", b"cd"]), "BODY_TOO_LARGE", 413, "at most 3 bytes"),
        (lambda: request([b"a"], kind="a/b"), "UNSUPPORTED_MEDIA_TYPE", 415, "text/plain expected, got a/b"),
        (lambda: request([b"a"], hangs_up=True), "BODY_CUT", 400, "hung up after 1 bytes"),
        (lambda: request([b"a"], ends=False), "BODY_TOO_SLOW", 408, "within 0.05 s expected, got 1 bytes"),
    ],
)
async def test_a_body_that_is_too_large_of_another_kind_never_comes_or_is_cut_is_refused(
    made: Callable[[], Request], code: str, status: int, words: str
) -> None:
    with pytest.raises(RefusedByRule) as caught:
        await read_body(made(), "text/plain", 3, wait_s=0.05)
    (refusal,) = caught.value.refusals
    assert (refusal.code, status_of(refusal.code)) == (code, status)
    assert words in refusal.message


def test_the_field_of_an_error_is_found_in_its_words() -> None:
    assert field_in("Expected `int`, got `str` - at `$.sites[0]`") == "sites[0]"
    assert field_in("Object missing required field `name`") == ""
