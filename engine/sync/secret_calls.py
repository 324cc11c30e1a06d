"""What an install asks of its team's server about secrets, over HTTPS. Counterpart: `sync_server/api/secrets.py`, `wraps.py`,
`sharing.py`.

One rule: what comes back is a stranger's: its counts and lengths are capped before it is looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.errors import BadReply
from domain.rules import NAME_CAP
from domain.sharing import PEOPLE_CAP, Audience, AudienceKind, Lost, Member, SharedCredential
from domain.text import clean_text
from engine.storage.batch import SealedSecret
from engine.sync.calls import ServerCalls
from engine.sync.login import Login

PAGES_CAP = 200
PAGE_ROWS = 200
HOLDERS_CAP = 500
NAMES_CAP = 50
SEALED_BYTES = (28, 20_000)
WRAP_BYTES = (48, 512)
_KEY_BYTES = (32, 32)


class Given(NamedTuple):
    """A secret that the server gave to this install."""

    credential: UUID
    secret: SealedSecret
    version: int
    epoch: int
    until_us: int


class Missing(NamedTuple):
    """A wrap that is missing: of a secret of this version, for an install's public key."""

    credential: UUID
    version: int
    install: UUID
    public: bytes


class Owed(NamedTuple):
    """The epoch of the team's keys, and wraps that this install could leave."""

    epoch: int
    missing: list[Missing]
    more: bool
    renew: tuple[UUID, ...] = ()


class _OwnWrap(msgspec.Struct, frozen=True):
    credential: UUID
    sealed: str
    wrapped: str
    version: int
    epoch: int
    until_us: int


class _Shown(msgspec.Struct, frozen=True):
    next: str = ""


class _Meta(msgspec.Struct, frozen=True):
    page: _Shown = _Shown()


class _Page(msgspec.Struct, frozen=True):
    data: tuple[_OwnWrap, ...]
    meta: _Meta


class _Missing(msgspec.Struct, frozen=True):
    credential: UUID
    version: int
    install: UUID
    public_key: str


class _Owed(msgspec.Struct, frozen=True):
    epoch: int
    missing: tuple[_Missing, ...]
    more: bool
    renew: tuple[UUID, ...] = ()


class _Holder(msgspec.Struct, frozen=True):
    id: UUID
    public_key: str


class _Told(msgspec.Struct, frozen=True):
    version: int


class _Sharing(msgspec.Struct, frozen=True):
    collectors: tuple[str, ...]
    people: tuple[Member, ...]


class _Shared(msgspec.Struct, frozen=True):
    credential: UUID
    has_secret: bool
    kind: AudienceKind
    sites: tuple[UUID, ...] | None
    people: tuple[UUID, ...]
    holders: tuple[str, ...]
    lost: tuple[Lost, ...]


class _SharedPage(msgspec.Struct, frozen=True):
    data: tuple[_Shared, ...]
    meta: _Meta


class SecretCalls:
    """Calls as one install, in its session. Each raises SessionOver, RefusedByRule, DeviceError."""

    def __init__(self, calls: ServerCalls, login: Login, install: UUID) -> None:
        self._calls = calls
        self._login = login
        self._install = install

    async def owed(self) -> Owed:
        """Return what this install could leave for others."""
        path = f"/installs/{self._install}/owed"
        said = await self._calls.call("GET", path, _Owed, None, await self._login.access())
        missing = [
            Missing(one.credential, one.version, one.install, _bytes(one.public_key, _KEY_BYTES))
            for one in said.missing[:HOLDERS_CAP]
        ]
        return Owed(said.epoch, missing, said.more, said.renew[:HOLDERS_CAP])

    async def leave(self, epoch: int, wraps: Sequence[tuple[Missing, bytes]]) -> None:
        """Leave wraps that were missing."""
        told = [
            {
                "credential": one.credential,
                "version": one.version,
                "install": one.install,
                "wrapped": _text(data),
            }
            for one, data in wraps
        ]
        body = {"epoch": epoch, "wraps": told}
        path = f"/installs/{self._install}/owed"
        await self._calls.call("POST", path, None, body, await self._login.access())

    async def holders(self, credential: UUID) -> dict[UUID, bytes]:
        """Return the installs that may hold a credential's secret, and their public keys."""
        path = f"/credentials/{credential}/installs"
        said = await self._calls.call("GET", path, tuple[_Holder, ...], None, await self._login.access())
        return {one.id: _bytes(one.public_key, _KEY_BYTES) for one in said[:HOLDERS_CAP]}

    async def tell(
        self, credential: UUID, sealed: bytes, epoch: int, wraps: Mapping[UUID, bytes], after: int = 0
    ) -> int:
        """Tell a secret, `after`: the same as that one, under another key; return its number."""
        body = {"sealed": _text(sealed), "epoch": epoch, "wraps": _wraps(wraps), "after": after}
        path = f"/credentials/{credential}/secret"
        return (await self._calls.call("PUT", path, _Told, body, await self._login.access())).version

    async def would_hold(self, credential: UUID, audience: Audience) -> dict[UUID, bytes]:
        """Return the installs that could hold a credential's secret with another audience, and their public keys."""
        path = f"/credentials/{credential}/audience"
        body = msgspec.to_builtins(audience)
        said = await self._calls.call("POST", path, tuple[_Holder, ...], body, await self._login.access())
        return {one.id: _bytes(one.public_key, _KEY_BYTES) for one in said[:HOLDERS_CAP]}

    async def set_audience(
        self,
        credential: UUID,
        audience: Audience,
        epoch: int = 0,
        version: int = 0,
        wraps: Mapping[UUID, bytes] | None = None,
        *,
        is_left: bool = False,
    ) -> None:
        """Say who may open a credential; `wraps` are for those who come, `is_left`: another secret follows."""
        more = {"epoch": epoch, "version": version, "wraps": _wraps(wraps or {}), "is_left": is_left}
        path = f"/credentials/{credential}/audience"
        body = msgspec.to_builtins(audience) | more
        await self._calls.call("PUT", path, None, body, await self._login.access())

    async def sharing(self) -> tuple[tuple[str, ...], tuple[Member, ...]]:
        """Return the names of the team's collectors, and its people."""
        said = await self._calls.call("GET", "/sharing", _Sharing, None, await self._login.access())
        people = tuple(
            Member(one.account, _name(one.name), _name(one.role)) for one in said.people[:PEOPLE_CAP]
        )
        return tuple(map(_name, said.collectors[:PEOPLE_CAP])), people

    async def shared(self) -> AsyncIterator[SharedCredential]:
        """Go over all credentials: who may open each, who holds it, who has lost it."""
        cursor = ""
        for _ in range(PAGES_CAP):
            access = await self._login.access()
            path = f"/sharing/credentials?limit={PAGE_ROWS}{cursor}"
            page = await self._calls.call("GET", path, _SharedPage, None, access, whole=True)
            for one in page.data[:PAGE_ROWS]:
                sites = None if one.sites is None else frozenset(one.sites)
                audience = Audience(one.kind, sites, frozenset(one.people))
                lost = tuple(Lost(was.install, _name(was.name), was.ended_us) for was in one.lost[:NAMES_CAP])
                holders = tuple(map(_name, one.holders[:NAMES_CAP]))
                yield SharedCredential(one.credential, audience, one.has_secret, holders, lost)
            if not page.meta.page.next:
                return
            cursor = f"&cursor={_cursor(page.meta.page.next)}"
        raise BadReply(f"{self._calls.server} tells of credentials without an end")

    async def given(self) -> AsyncIterator[Given]:
        """Go over all secrets that this install is given."""
        path = f"/installs/{self._install}/wraps?limit={PAGE_ROWS}"
        cursor = ""
        for _ in range(PAGES_CAP):
            access = await self._login.access()
            page = await self._calls.call("POST", f"{path}{cursor}", _Page, None, access, whole=True)
            for one in page.data[:PAGE_ROWS]:
                secret = SealedSecret(_bytes(one.sealed, SEALED_BYTES), _bytes(one.wrapped, WRAP_BYTES))
                yield Given(one.credential, secret, one.version, one.epoch, one.until_us)
            if not page.meta.page.next:
                return
            cursor = f"&cursor={_cursor(page.meta.page.next)}"
        raise BadReply(f"{self._calls.server} tells of secrets without an end")


def _wraps(wraps: Mapping[UUID, bytes]) -> list[dict[str, object]]:
    return [{"install": install, "wrapped": _text(data)} for install, data in wraps.items()]


def _name(text: str) -> str:
    return clean_text(text, NAME_CAP)


def _cursor(text: str) -> str:
    if len(text) > 512 or not text.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        raise BadReply("the server's cursor is none")
    return text


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, size: tuple[int, int]) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if len(text) <= 2 * size[1] else b""
    except (binascii.Error, ValueError):
        data = b""
    if not size[0] <= len(data) <= size[1]:
        raise BadReply(f"{size[0]} to {size[1]} bytes in base64 expected of the server")
    return data
