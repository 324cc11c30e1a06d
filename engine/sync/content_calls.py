"""What an install asks of its team's server about large content, over HTTPS. Counterpart: `sync_server/api/pieces.py`.

One rule: what comes back is a stranger's: its counts and lengths are capped before it is looked at.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from domain.blobs import LISTED_AT_ONCE, PIECE_BYTES, is_digest
from domain.errors import BadReply
from engine.sync.calls import ServerCalls
from engine.sync.login import Login

CONTENTS_CAP = 100_000
"""Most that one install asks for."""


class There(msgspec.Struct, frozen=True):
    """Content that the server has, or of which so many bytes came."""

    digest: str
    size: int
    have: int
    is_whole: bool


class _Piece(msgspec.Struct, frozen=True):
    size: int
    data: str


class Have(msgspec.Struct, frozen=True):
    """How many bytes the server has by now; `is_whole`: they are all, and what their name says. A server that does not say so
    answers when it has looked."""

    have: int
    is_whole: bool = True


class ContentCalls:
    """Calls in an install's session about one kind of content, at `path`. Each raises SessionOver, RefusedByRule, DeviceError."""

    def __init__(self, calls: ServerCalls, login: Login, path: str) -> None:
        self._calls = calls
        self._path = path
        self._login = login

    async def there(self) -> dict[str, There]:
        """Return what the server has of what is shown in sight."""
        found: dict[str, There] = {}
        after = ""
        while len(found) < CONTENTS_CAP:
            access = await self._login.access()
            asked = f"{self._path}?after={after}"
            some = await self._calls.call("GET", asked, tuple[There, ...], None, access)
            found.update((one.digest, one) for one in some)
            if len(some) < LISTED_AT_ONCE or not after < some[-1].digest or not is_digest(some[-1].digest):
                break
            after = some[-1].digest
        return found

    async def put(self, digest: str, size: int, offset: int, data: bytes) -> Have:
        """Bring bytes of content of this size; return what the server has now."""
        body = {"size": size, "offset": offset, "data": base64.b64encode(data).decode()}
        access = await self._login.access()
        found = await self._calls.call("PUT", f"{self._path}/{digest}", Have, body, access)
        if not 0 <= found.have <= size:
            raise BadReply(f"{self._calls.server} has {found.have} bytes of something of {size}")
        return found

    async def get(self, digest: str, size: int, offset: int, length: int) -> bytes:
        """Return bytes of content of this size, from `offset` on, at most `length`."""
        path = f"{self._path}/{digest}?offset={offset}&length={length}"
        piece = await self._calls.call("GET", path, _Piece, None, await self._login.access())
        try:
            data = base64.b64decode(piece.data, validate=True) if len(piece.data) <= 2 * PIECE_BYTES else b""
        except (binascii.Error, ValueError):
            data = b""
        if piece.size != size or not 0 < len(data) <= length:
            raise BadReply(f"{self._calls.server} gives a piece of something else")
        return data
