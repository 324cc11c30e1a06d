"""Where a server is, from what a person pastes: its address, or an invitation. Counterpart: `calls.py`, which asks it.

One rule: what stands behind the `#` is a secret: it is in no address, no message and no repr.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec

from domain.errors import Refusal, RefusedByRule
from domain.text import clean_text
from domain.vault import Secret

LINK_CAP = 2_000
_LINK_PAGE = "/link"
_PORTS = {"https": 443, "http": 80}


class ServerAddress(msgspec.Struct, frozen=True):
    """A server: `path` is what stands before `/api/v1`, without a slash at its end."""

    host: str
    port: int
    is_tls: bool = True
    path: str = ""

    @property
    def authority(self) -> str:
        """Return host and port as a Host header has them, the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.is_tls else "http"]
        return host if self.port == usual else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.authority}{self.path}"


class Pasted(msgspec.Struct, frozen=True):
    """What a person pasted: a server, and the token of an invitation where it was one."""

    server: ServerAddress
    token: Secret = Secret("")


def read_link(text: str) -> Pasted:
    """Return what a pasted text names. Raises RefusedByRule with INVALID_INPUT at "link"."""
    text = text.strip()
    if not text or len(text) > LINK_CAP or any(ord(letter) < 33 or ord(letter) > 126 for letter in text):
        raise _refused("an address such as https://noc.example.org, or an invitation, expected")
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(f"{_shown(text)} is no address") from None
    if parts.scheme not in _PORTS:
        raise _refused(f"https:// expected, got {clean_text(parts.scheme, 20)}://")
    if not host or parts.username is not None or parts.query or port == 0:
        raise _refused(f"{_shown(text)} is no address of a server")
    if parts.scheme == "http" and not may_be_plain(host):
        raise _refused("https:// expected: without it a password goes to this computer alone")
    path = parts.path.rstrip("/").removesuffix(_LINK_PAGE).rstrip("/")
    server = ServerAddress(host, port or _PORTS[parts.scheme], parts.scheme == "https", path)
    return Pasted(server, Secret(parts.fragment))


def may_be_plain(host: str) -> bool:
    """Tell whether a host is this computer by its name: only it is spoken to without TLS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(text: str) -> str:
    return clean_text(text.partition("#")[0], 80)


def _refused(message: str) -> RefusedByRule:
    return RefusedByRule([Refusal("INVALID_INPUT", message, "link")])
