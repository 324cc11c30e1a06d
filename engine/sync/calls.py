"""A team's server over HTTPS: log-in, invitations, the register of installs. Counterpart: `sync_server/api/`; `line.py`, the
stream.

Theory: these are few and rare, so each has a connection of its own, over the transport that devices are asked with: it trusts
the certificate that is pinned, or without a pin what the system vouches for. A name is looked up by the system, in a thread.
One rule: nothing is sent before the certificate is trusted, and plain HTTP goes to this computer alone, whatever a name
resolves to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_args
from uuid import UUID

import msgspec

from domain.errors import BadReply, DeviceError, NoAnswer, Refusal, RefusedByRule, Untrusted
from domain.roles import Permission
from domain.text import clean_text
from domain.vault import Secret
from engine import VERSION
from engine.sync.address import ServerAddress
from engine.sync.call_id import CallId
from engine.transport.http import ask
from engine.transport.tcp import Stream, TcpTransport, bounded

_log = logging.getLogger("engine.sync")

T = TypeVar("T")
API = "/api/v1"
CALL_S = 15.0
"""How long one call may take, with everything."""
CONNECT_S = 6.0
TOO_MANY, FAULT = 429, 500
"""A status from `FAULT` on is the server's own fault, and its log tells of it."""
BUSY_S = 60.0
"""How long is waited for a turn, twice at most, where the server has answered too many questions from here."""
ADDRESSES_CAP = 4
"""Addresses of a name that are tried."""
ANSWER_CAP_BYTES = 1_048_576
RETRY_DIGITS = 6
_PIECES_CAP = 20_000
_MESSAGE_CAP = 300


class Choice(msgspec.Struct, frozen=True):
    """A tenant that somebody may work in."""

    id: UUID
    name: str
    role: str


class Opened(msgspec.Struct, frozen=True):
    """A session as the server opened it. `refresh_token` empty: the one so far goes on."""

    access_token: str
    refresh_token: str
    tenant: UUID | None = None
    expires_s: float = 0.0
    tenants: tuple[Choice, ...] = ()

    def __repr__(self) -> str:
        return f"Opened(tenant={self.tenant})"


class Invitation(msgspec.Struct, frozen=True):
    """What a link is for, to whom it was sent, and where it leads; `has_password`: it takes the one that the account has."""

    purpose: str
    has_password: bool
    login: str = ""
    tenant: UUID | None = None
    tenant_name: str = ""


class Me(msgspec.Struct, frozen=True):
    """Who is logged in. `sites` None: all of the tenant's."""

    id: UUID
    name: str
    tenant: UUID | None = None
    role: str | None = None
    permissions: tuple[str, ...] = ()
    sites: tuple[UUID, ...] | None = None
    tenants: tuple[Choice, ...] = ()
    login: str = ""

    @property
    def known_permissions(self) -> tuple[Permission, ...]:
        """Return those permissions that this program knows."""
        return tuple(p for p in _PERMISSIONS if p in self.permissions)


class Registered(msgspec.Struct, frozen=True):
    """An install's id, and the challenge to open with its private key, in base64."""

    id: UUID
    challenge: str


class _Detail(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""
    field: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str = ""
    details: tuple[_Detail, ...] = ()


class _Failure(msgspec.Struct, frozen=True):
    error: _Error


class _Install(msgspec.Struct, frozen=True):
    id: UUID


class _Register(msgspec.Struct, frozen=True):
    install: _Install
    challenge: str


class _StreamToken(msgspec.Struct, frozen=True):
    token: str


_PERMISSIONS: tuple[Permission, ...] = get_args(Permission)


class ServerCalls:
    """One server. `pin`: the SHA-256 of its certificate that a person agreed to; empty: what the system trusts."""

    def __init__(
        self,
        tcp: TcpTransport,
        server: ServerAddress,
        pin: str = "",
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.server = server
        self._wait = wait
        self.pin = pin
        self._tcp = tcp

    def without_pin(self) -> ServerCalls:
        """Return what asks the same server and trusts what the system trusts."""
        return ServerCalls(self._tcp, self.server)

    async def connect(self) -> Stream:
        """Return a connection to the server, trusted. Raises DeviceError (Untrusted with what was seen)."""
        server = self.server
        failure: DeviceError = NoAnswer(f"{server.host} has no address")
        for address in await self._addresses():
            try:
                if not server.is_tls:
                    return await self._tcp.connect(address, server.port, CONNECT_S)
                return await self._tcp.connect_tls(
                    address, server.port, CONNECT_S, pin=self.pin, server_name=server.host
                )
            except Untrusted:
                raise
            except DeviceError as error:
                failure = error
        raise failure

    # People

    async def look(self, token: Secret) -> Invitation:
        """Return what a link is for. Raises RefusedByRule, DeviceError."""
        return await self._post("/auth/link", Invitation, {"token": token.value})

    async def take(self, token: Secret, password: Secret) -> None:
        """Accept an invitation with a new password, or with the one that the account has."""
        await self._post("/auth/link/take", None, {"token": token.value, "password": password.value})

    async def log_in(self, login: str, password: Secret, code: str, tenant: UUID | None) -> Opened:
        """Open a session."""
        asked = {"login": login, "password": password.value, "code": code, "tenant": tenant}
        return await self._post("/auth/login", Opened, asked)

    async def refresh(self, token: Secret) -> Opened:
        """Take a refresh token for new tokens."""
        return await self._post("/auth/refresh", Opened, {"refresh_token": token.value})

    async def switch(self, access: str, tenant: UUID) -> Opened:
        """Work in another tenant from now on."""
        return await self._post("/auth/switch", Opened, {"tenant": tenant}, access)

    async def log_out(self, access: str) -> None:
        """End a session."""
        await self._post("/auth/logout", None, None, access)

    async def me(self, access: str) -> Me:
        """Return who is logged in."""
        return await self.call("GET", "/auth/me", Me, None, access)

    async def stream_token(self, access: str) -> str:
        """Return a token that opens one stream, once."""
        return (await self._post("/auth/stream-token", _StreamToken, None, access)).token

    # Installs

    async def register(self, access: str, name: str, kind: str, public_key: str) -> Registered:
        """Register an install."""
        asked = {"name": name, "kind": kind, "public_key": public_key}
        made = await self._post("/installs", _Register, asked, access)
        return Registered(made.install.id, made.challenge)

    async def prove(self, access: str, install: UUID, answer: str) -> None:
        """Prove that an install holds its private key."""
        await self._post(f"/installs/{install}/proof", None, {"answer": answer}, access)

    async def revoke(self, access: str, install: UUID) -> None:
        """Revoke an install."""
        await self.call("DELETE", f"/installs/{install}", None, None, access)

    # How

    async def _post(self, path: str, gives: type[T] | None, body: Any, access: str = "") -> T:
        return await self.call("POST", path, gives, body, access)

    async def call(
        self,
        method: str,
        path: str,
        gives: type[T] | None,
        body: Any,
        access: str = "",
        *,
        whole: bool = False,
    ) -> T:
        """Return the data of an answer, or the `whole` of it. Raises RefusedByRule, DeviceError."""
        call = CallId()
        for patience_s in (BUSY_S, BUSY_S, 0.0):
            call = call.again()
            async with bounded(str(self.server), "answering", CALL_S):
                stream = await self.connect()
                try:
                    status, content, wait_s = await self._exchange(stream, method, path, body, access, call)
                finally:
                    stream.close()
            if status != TOO_MANY or wait_s > patience_s:
                break
            await self._wait(wait_s)  # an office joins at once, from one address: each in his turn
        if not 200 <= status < 300:
            raise _failure(self.server, status, content, call)
        if gives is None:
            return None  # type: ignore[return-value]
        try:
            answer = msgspec.json.decode(content)
            return msgspec.convert(answer if whole else answer["data"], gives)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise BadReply(f"{self.server} does not answer as a Heliograph server: {error}") from None

    async def _exchange(  # noqa: PLR0917
        self, stream: Stream, method: str, path: str, body: Any, access: str, call: CallId
    ) -> tuple[int, bytes, float]:
        """Return status, body, and how long the server asks to wait."""
        import h11  # noqa: PLC0415 loads with the first call

        content = b"" if body is None else msgspec.json.encode(body)
        stream.budget_bytes = 2 * ANSWER_CAP_BYTES
        headers = [
            ("Host", self.server.authority),
            ("User-Agent", f"Heliograph/{VERSION}"),
            ("Accept", "application/json"),
            ("Connection", "close"),
            ("Content-Length", str(len(content))),
            *call.headers,
        ]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        if access:
            headers.append(("Authorization", f"Bearer {access}"))
        request = h11.Request(method=method, target=f"{self.server.path}{API}{path}", headers=headers)
        began_s = time.monotonic()
        response = await ask(
            stream,
            h11.Connection(h11.CLIENT),
            request,
            content,
            pieces_cap=_PIECES_CAP,
            read_cap_bytes=ANSWER_CAP_BYTES,
        )
        status = response.head.status_code
        _log.log(
            logging.WARNING if status >= FAULT else logging.DEBUG,
            "server_call",
            extra={
                **call.told,
                "method": method,
                "path": path.partition("?")[0],
                "status": status,
                "took_ms": round((time.monotonic() - began_s) * 1e3, 1),
            },
        )
        told = dict(response.head.headers).get(b"retry-after", b"")
        wait_s = int(told) if told.isdigit() and len(told) < RETRY_DIGITS else 0
        return status, response.body, float(max(1, wait_s))

    async def _addresses(self) -> list[str]:
        host, port = self.server.host, self.server.port
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise NoAnswer(f"no name server says what {host} is") from None
        except (OSError, UnicodeError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise NoAnswer(f"there is no server called {host}: {said}") from None
        addresses = list(dict.fromkeys(str(row[4][0]) for row in found))[:ADDRESSES_CAP]
        if not self.server.is_tls:
            addresses = [one for one in addresses if ipaddress.ip_address(one.partition("%")[0]).is_loopback]
        return addresses


def _failure(server: ServerAddress, status: int, content: bytes, call: CallId) -> Exception:
    """Return what a failed answer raises: what the server says, or that it is none of ours. A fault is told with the call's id,
    which is the one in the server's log."""
    try:
        error = msgspec.json.decode(content, type=_Failure).error
    except msgspec.MsgspecError:
        return BadReply(f"{server} answers {status}, and not as a Heliograph server does")
    field = next((one.field for one in error.details if one.field), "")
    code, message = clean_text(error.code, 60), clean_text(error.message, _MESSAGE_CAP)
    message = message or f"the server refuses ({status})"
    return RefusedByRule(
        [Refusal(code, f"{message} (request {call.span})" if status >= FAULT else message, field)]
    )
