"""What a request brings, read whole or not at all. Counterpart: `routes.py` and the admin's `forms.py`, which know what it means.

One rule: nobody is waited for longer, and nothing longer is kept, than the route says.
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from sync_server.api.errors import refused

WAIT_S = 15.0
"""How long a body may take to come."""
LENGTH_DIGITS = 15
"""Of a length that is said, as many are looked at."""


async def read_body(request: Request, kind: str, cap_bytes: int, wait_s: float | None = None) -> bytes:
    """Return a body of a media type that comes within `wait_s`, `WAIT_S` where that is None; one that says to be too large is not
    read at all.

    Raises RefusedByRule (UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BODY_TOO_SLOW, BODY_CUT).
    """
    wait_s = WAIT_S if wait_s is None else wait_s
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got != kind:
        raise refused("UNSUPPORTED_MEDIA_TYPE", f"{kind} expected, got {got[:60] or 'nothing'}")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:LENGTH_DIGITS]) > cap_bytes:
        raise refused("BODY_TOO_LARGE", f"at most {cap_bytes} bytes are taken")
    data = bytearray()
    try:
        async with asyncio.timeout(wait_s):
            async for chunk in request.stream():
                data += chunk
                if len(data) > cap_bytes:
                    raise refused("BODY_TOO_LARGE", f"at most {cap_bytes} bytes are taken")
    except TimeoutError:
        raise refused(
            "BODY_TOO_SLOW", f"a whole body within {wait_s:g} s expected, got {len(data)} bytes"
        ) from None
    except ClientDisconnect:  # nobody hears it: it is for the log, where it is no fault of ours
        raise refused("BODY_CUT", f"whoever sent it hung up after {len(data)} bytes") from None
    return bytes(data)


def field_in(said: str) -> str:
    """Return the field of which msgspec speaks in an error's text, empty where it names none."""
    return said.rpartition("`$.")[2].rstrip("`") if "`$." in said else ""
