"""SSH: a log-in to a host whose key is trusted, and commands on it. Counterpart: `drivers/ssh.py`; asyncssh does the talking.

Theory: asyncssh keeps whatever comes until it can read it and slices its buffer for each packet, so what comes is counted
before it gets there and handed on in small pieces. No agent, no known_hosts, no files of the user, no forwarding, no
compression. The order of host keys is ours and fixed: another order would show another key of the same host.
One rule: the host key is compared before anything secret is sent, and nobody but the pin vouches for it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from domain.errors import BadCredentials, BadReply, Refused, Unsupported, Untrusted
from domain.text import clean_text
from engine.transport.addresses import name_endpoint
from engine.transport.tcp import TcpTransport, bounded

if TYPE_CHECKING:
    import asyncssh

LOGIN_BYTES = 64 * 1024
"""What a host may send until we are logged in: three times what the longest key exchange and a banner take."""

OUTPUT_CAP_BYTES = 64 * 1024
WINDOW_BYTES = OUTPUT_CAP_BYTES // 2
COMMAND_BYTES = 4 * OUTPUT_CAP_BYTES
"""What a host may send for one command: the output, what is under way when it is cut, packets and all."""

PIECE_BYTES = 4096
REASON_CHARS = 120

_HOST_KEYS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa"
_EXCHANGES = (
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,diffie-hellman-group14-sha1"
)
"""No group exchange: there the host chooses the numbers, and 8,192 bits cost half a second."""

_CIPHERS = (
    "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
    "aes128-ctr,aes256-ctr,aes128-cbc,aes256-cbc"
)
"""CBC last: all that some RouterOS 6 and radios offer."""

_STUMBLES = (ValueError, LookupError, ArithmeticError)
"""What asyncssh hands to who waits, beside its own errors, where its readers stumble over what a host sends."""


class Identity(NamedTuple):
    """Who logs in: `secret` is a password, or a private key in OpenSSH's format. It never shows itself."""

    user: str
    secret: str
    is_key: bool

    def __repr__(self) -> str:
        return f"Identity(user={self.user!r}, secret=***, is_key={self.is_key})"


class Output(NamedTuple):
    """What a command printed, on both of its outputs, up to `OUTPUT_CAP_BYTES`; `status` is 0 where it ended well."""

    said: bytes
    is_cut: bool
    status: int


class SshSession:
    """A connection that is logged in. `software` is what the host says it runs."""

    def __init__(self, where: str, connection: asyncssh.SSHClientConnection, meter: _Meter) -> None:
        self.where = where
        self.software = clean_text(str(connection.get_extra_info("server_version", "")), REASON_CHARS)
        self._connection = connection
        self._meter = meter

    @classmethod
    async def open(
        cls,
        tcp: TcpTransport,
        endpoint: tuple[str, int],
        identity: Identity,
        *,
        pin: str,
        timeout_s: float,
        login_s: float,
    ) -> SshSession:
        """Connect within `timeout_s`, log in within `login_s`. Raises Untrusted unless `pin` is the host key's SHA-256."""
        where = name_endpoint(*endpoint)
        asyncssh = await asyncio.to_thread(_load)
        key = _read_key(asyncssh, where, identity)
        meter = _Meter(await tcp.connect_socket(*endpoint, timeout_s), LOGIN_BYTES)
        gate = _make_gate(asyncssh, where, pin)
        try:
            with _named(asyncssh, where, meter, "logging in"):
                async with bounded(where, "logging in", login_s):
                    connection = await asyncssh.connect(
                        *endpoint,
                        tunnel=cast(Any, meter),
                        client_factory=lambda: gate,
                        username=identity.user,
                        password=None if identity.is_key else identity.secret,
                        client_keys=[key] if key is not None else None,
                        preferred_auth="publickey" if identity.is_key else "password,keyboard-interactive",
                        **_SETTINGS,
                    )
        except asyncssh.HostKeyNotVerifiable:
            if not gate.seen:
                raise BadReply(f"{where} shows a host key that cannot be read") from None
            raise Untrusted(_say_untrusted(where, gate.seen, pin), gate.seen) from None
        except asyncssh.PermissionDenied:
            raise BadCredentials(f"{where} refuses the login of {identity.user!r}") from None
        finally:
            meter.drop()
        return cls(where, connection, meter)

    @property
    def is_closed(self) -> bool:
        """Tell whether a new one is needed."""
        return self._meter.is_closed

    async def run(self, command: str, timeout_s: float) -> Output:
        """Run one command and return what it printed. Unsupported where the host runs no commands."""
        asyncssh = _load()
        self._meter.budget_bytes = COMMAND_BYTES
        said = bytearray()
        try:
            with _named(asyncssh, self.where, self._meter, "running a command"):
                async with bounded(self.where, "running a command", timeout_s):
                    process = await self._connection.create_process(
                        command, encoding=None, stderr=asyncssh.STDOUT, window=WINDOW_BYTES
                    )
                    while len(said) <= OUTPUT_CAP_BYTES and (data := await process.stdout.read(PIECE_BYTES)):
                        said += data
                    is_cut = len(said) > OUTPUT_CAP_BYTES
                    if not is_cut:
                        await process.wait_closed()
        except BaseException:
            self.close()
            raise
        if is_cut:
            self.close()
        status = process.exit_status
        return Output(bytes(said[:OUTPUT_CAP_BYTES]), is_cut, 0 if status is None else status)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _Meter:
    """Stands between the socket and asyncssh, as what it calls a tunnel, and counts what comes."""

    def __init__(self, sock: socket.socket, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.is_over = False
        self._sock: socket.socket | None = sock
        self._transport: asyncio.Transport | None = None
        self._inner: Any = None

    async def create_connection(self, make: Callable[[], Any], _host: str, _port: int) -> tuple[Any, Any]:
        """Give the socket to the protocol that asyncssh makes."""
        self._inner = make()
        sock, self._sock = self._sock, None
        await asyncio.get_running_loop().create_connection(lambda: _Metered(self), sock=sock)
        return self._transport, self._inner

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing comes any more."""
        return self._transport is None or self._transport.is_closing()

    def drop(self) -> None:
        """Close the socket where asyncssh has not taken it."""
        if self._sock is not None:
            self._sock.close()

    def on_made(self, transport: asyncio.Transport) -> None:
        """The connection is asyncssh's."""
        self._transport = transport
        self._inner.connection_made(transport)

    def on_data(self, data: bytes) -> None:
        """Hand on what came, or end the connection."""
        assert self._transport is not None
        self.budget_bytes -= len(data)
        if self.budget_bytes < 0:
            self.is_over = True
            self._transport.abort()
            return
        for at in range(0, len(data), PIECE_BYTES):
            if not self._transport.is_closing():
                self._inner.data_received(data[at : at + PIECE_BYTES])

    def on_end(self, error: Exception | None) -> None:
        """The connection is over."""
        self._transport = None
        self._inner.connection_lost(error)


class _Metered(asyncio.Protocol):
    """The meter's side towards asyncio."""

    def __init__(self, meter: _Meter) -> None:
        self._meter = meter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._meter.on_made(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._meter.on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._meter.on_end(exc)


def _load() -> Any:
    """Load asyncssh, which takes 0.3 s, when it is first needed; it tells the log nothing."""
    module = import_module("asyncssh")
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    return module


_SETTINGS: dict[str, Any] = {
    "config": None,
    "known_hosts": ([], [], []),
    "server_host_key_algs": _HOST_KEYS,
    "kex_algs": _EXCHANGES,
    "encryption_algs": _CIPHERS,
    "compression_algs": ["none"],
    "agent_path": None,
    "agent_forwarding": False,
    "x11_forwarding": False,
    "gss_host": None,
    "gss_kex": False,
    "gss_auth": False,
    "host_based_auth": False,
    "pkcs11_provider": None,
    "x509_trusted_certs": None,
    "env": (),
    "send_env": None,
    "request_pty": False,
    "keepalive_interval": 0,
}


def _make_gate(asyncssh: Any, where: str, pin: str) -> Any:
    """Return who is asked about the host key: `seen` holds its fingerprint afterwards."""

    class Gate(asyncssh.SSHClient):  # type: ignore[misc]
        seen = ""

        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            self.seen = hashlib.sha256(key.public_data).hexdigest()
            return self.seen == pin

    return Gate()


def _say_untrusted(where: str, seen: str, pin: str) -> str:
    if not pin:
        return f"{where} shows a host key that nobody has trusted: SHA-256 {seen} ({show_fingerprint(seen)})"
    return (
        f"{where} shows another host key than the trusted one: SHA-256 {seen} ({show_fingerprint(seen)}) seen, "
        f"{pin} ({show_fingerprint(pin)}) trusted"
    )


def show_fingerprint(sha256: str) -> str:
    """Return a fingerprint of hex digits as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def _read_key(asyncssh: Any, where: str, identity: Identity) -> Any:
    if not identity.is_key:
        return None
    try:
        return asyncssh.import_private_key(identity.secret)
    except ValueError:
        said = f"the private key of {identity.user!r} cannot be read"
        raise BadCredentials(
            f"{where} was not asked: {said}; one in OpenSSH's format without a passphrase is expected"
        ) from None


@contextmanager
def _named(asyncssh: Any, where: str, meter: _Meter, doing: str) -> Iterator[None]:
    """Turn what asyncssh raises into a DeviceError, but for what the login alone can explain."""
    try:
        yield
    except (asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied):
        raise
    except (asyncssh.Error, *_STUMBLES) as error:
        if meter.is_over:
            raise BadReply(f"{where} sends more than it was asked for, and was cut off") from None
        said = clean_text(getattr(error, "reason", "") or str(error), REASON_CHARS)
        if isinstance(error, asyncssh.KeyExchangeFailed):
            raise Unsupported(f"{where} has no SSH algorithms in common with us: {said}") from None
        if isinstance(error, asyncssh.ConnectionLost):
            raise Refused(f"{where} closed the connection ({doing})") from None
        if isinstance(error, asyncssh.ChannelOpenError):
            if meter.is_closed:
                raise Refused(f"{where} closed the connection ({doing})") from None
            raise Unsupported(f"{where} runs no commands for us: {said}") from None
        if isinstance(error, asyncssh.ServiceNotAvailable | asyncssh.IllegalUserName):
            raise Refused(f"{where} ended the connection: {said}") from None
        raise BadReply(f"{where} breaks the rules of SSH: {said}") from None
