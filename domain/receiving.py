"""What devices send unasked, SNMP notifications and syslog. Counterpart: `engine/receivers` listens, the window shows.

A journal row of kind "trap" has the body {severity, text, name, oid, version, address, varbinds: [[oid, text], ...]} and, where
there is one, `user`, `agent` (the device a v1 trap is about) and `confirmed` (an inform). One of kind "syslog" has {severity,
facility, text, address} and, where there is one, `host` and `app`. One of kind "messages_dropped" has {count, senders:
[[address, count], ...], more}. One rule: text is the sender's own, cleaned and capped; a community is never in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.text import clean_text

TRAPS_PORT, SYSLOG_PORT = 162, 514
"""The ports that devices send to unless they are told otherwise; below 1024, so often only an administrator's."""

SENDER_RATE_RANGE_PER_S = (0.1, 1_000.0)
SENDER_BURST_RANGE = (1, 10_000)
IGNORED_CAP = 500
QUARANTINE_SENDERS_CAP = 500
QUARANTINE_MESSAGES_CAP = 20
"""Newest messages kept of a sender that is no device."""

Severity = Literal["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Of RFC 5424, the gravest first; traps are given one of them too."""

ReceivedKind = Literal["trap", "syslog"]
ListenerKind = Literal["traps", "syslog_udp", "syslog_tcp"]


class ReceiverSettings(msgspec.Struct, frozen=True):
    """Which ports are listened on, None is off. `address` "" is every address of this computer.

    A sender may send `sender_per_s` messages a second for ever and `sender_burst` at once; `ignored` are addresses of which
    nothing is taken.
    """

    traps_port: int | None = None
    syslog_udp_port: int | None = None
    syslog_tcp_port: int | None = None
    address: str = ""
    sender_per_s: float = 20.0
    sender_burst: int = 100
    ignored: tuple[str, ...] = ()


class Listener(msgspec.Struct, frozen=True):
    """One port that is to be listened on; `trouble` says why it is not, and what to do about it."""

    kind: ListenerKind
    port: int
    trouble: str = ""


class ReceiverState(msgspec.Struct, frozen=True):
    """What is received. Counted since the engine's start: `received` by kind, `dropped` above what a sender may send,
    `malformed` that could not be read, `locked` of SNMPv3 that came while the vault was locked; `quarantined` senders there
    are now."""

    settings: ReceiverSettings = ReceiverSettings()
    listeners: tuple[Listener, ...] = ()
    received: dict[str, int] = {}
    dropped: int = 0
    malformed: int = 0
    quarantined: int = 0
    locked: int = 0


class QuarantinedMessage(msgspec.Struct, frozen=True):
    """One message of a sender that is no device. `host` is what a syslog message calls its sender."""

    at_us: int
    kind: ReceivedKind
    severity: Severity
    text: str
    host: str = ""


class QuarantinedSender(msgspec.Struct, frozen=True):
    """Somebody who sends and whose messages are in no journal; `why` is a sentence. Newest message first.

    `device` is set where the sender is known but its message could not be opened (a user of SNMPv3 that is not known here).
    """

    address: str
    why: str
    first_us: int
    last_us: int
    count: int
    messages: tuple[QuarantinedMessage, ...]
    device: UUID | None = None


def plain_address(address: str) -> str:
    """Return an address as a sender's is compared: without its zone, IPv4 inside IPv6 as IPv4, "" for what is none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def receiver_refusals(settings: ReceiverSettings) -> Iterator[Refusal]:
    """Yield what is wrong with settings."""
    for field in ("traps_port", "syslog_udp_port", "syslog_tcp_port"):
        port = getattr(settings, field)
        if port is not None and not 1 <= port <= 65_535:
            yield Refusal("INVALID_INPUT", f"a port from 1 to 65535 expected, got {port}", field)
    if settings.traps_port is not None and settings.traps_port == settings.syslog_udp_port:
        said = f"traps and syslog cannot both be received on UDP port {settings.traps_port}"
        yield Refusal("INVALID_INPUT", said, "syslog_udp_port")
    if settings.address and not plain_address(settings.address):
        said = f"an IPv4 or IPv6 address of this computer expected, got {clean_text(settings.address, 80)!r}"
        yield Refusal("INVALID_INPUT", said, "address")
    for field, value, (low, high) in (
        ("sender_per_s", settings.sender_per_s, SENDER_RATE_RANGE_PER_S),
        ("sender_burst", settings.sender_burst, SENDER_BURST_RANGE),
    ):
        if not low <= value <= high:
            yield Refusal("INVALID_INPUT", f"{low:g} to {high:g} expected, got {value:g}", field)
    if len(settings.ignored) > IGNORED_CAP:
        said = f"at most {IGNORED_CAP} senders are ignored, got {len(settings.ignored)}"
        yield Refusal("INVALID_INPUT", said, "ignored")
    for address in settings.ignored[:IGNORED_CAP]:
        if not address or plain_address(address) != address:
            yield Refusal("INVALID_INPUT", f"an address expected, got {clean_text(address, 80)!r}", "ignored")
