"""What is refused of a device's probes and of credentials. Counterpart: `rules.py`, which asks here; `engine/drivers` trust it.

One rule: what a driver would have to refuse at each poll is refused here once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.errors import Refusal
from domain.inventory import NEEDS, TLS_PORT, Credential, Device, Inventory, Probe
from domain.text import clean_text

PROBES_CAP = 8
TARGET_CAP = 1_000
EXPECT_CAP = 200
DNS_TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
_MANY = ("tcp", "http", "dns", "ssh")
"""Kinds of which a device may have several; they differ in their port."""

_PIN = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_USM_NAME_CAP = 32


def probe_refusals(inventory: Inventory, device: Device) -> Iterator[Refusal]:
    """Yield what is wrong with the probes of one device."""
    if len(device.probes) > PROBES_CAP:
        yield _no(device, f"{len(device.probes)} probes, at most {PROBES_CAP}")
        return
    kinds = [probe.kind for probe in device.probes]
    for kind in dict.fromkeys(kinds):
        ports = [probe.port for probe in device.probes if probe.kind == kind]
        if kind not in _MANY and len(ports) > 1:
            yield _no(device, f"more than one {kind} probe")
        elif len(set(ports)) < len(ports):
            yield _no(device, f"more than one {kind} probe on the same port")
    for probe in device.probes:
        yield from _asked(device, probe)
        yield from _logged_in(inventory, device, probe)


def credential_refusals(credential: Credential) -> Iterator[Refusal]:
    """Yield what is wrong with what a credential says beside its secret."""
    id = credential.id
    if credential.kind == "snmp_v3":
        if not 1 <= len(credential.user.encode()) <= _USM_NAME_CAP:
            said = f"a user name of 1 to {_USM_NAME_CAP} bytes expected, got {len(credential.user.encode())}"
            yield Refusal("INVALID_INPUT", said, "user", id)
        if credential.privacy and not credential.auth:
            yield Refusal("INVALID_INPUT", "SNMPv3 has no privacy without authentication", "privacy", id)
        if len(credential.context.encode()) > _USM_NAME_CAP:
            said = f"a context of at most {_USM_NAME_CAP} bytes expected"
            yield Refusal("INVALID_INPUT", said, "context", id)
    elif credential.auth or credential.privacy or credential.context:
        yield Refusal("INVALID_INPUT", f"a {credential.kind} has no SNMPv3 settings", "auth", id)


def _asked(device: Device, probe: Probe) -> Iterator[Refusal]:
    if probe.kind == "icmp":
        if probe.port != 0:
            yield _no(device, f"icmp has no port, got {probe.port}")
    elif not 1 <= probe.port <= 65535:
        yield _no(device, f"{probe.kind}: a port 1 to 65535 expected, got {probe.port}")
    if probe.tls and probe.kind not in TLS_PORT:
        yield _no(device, f"{probe.kind} is not asked over TLS")
    if probe.pin and not _PIN.fullmatch(probe.pin):
        yield _no(device, f"{probe.kind}: a SHA-256 fingerprint of 64 hex digits expected as the pin")
    for name, text, cap in (
        ("target", probe.target, TARGET_CAP),
        ("expected text", probe.expect, EXPECT_CAP),
    ):
        if text and probe.kind not in ("http", "dns", "ssh"):
            yield _no(device, f"{probe.kind} has no {name}")
        elif len(text) > cap or clean_text(text, cap) != text:
            yield _no(device, f"{probe.kind}: a {name} of at most {cap} plain characters expected")
    if probe.kind == "http" and probe.target and not probe.target.startswith("/"):
        yield _no(device, f'http: a path that begins with "/" expected, got {probe.target[:60]!r}')
    if probe.kind == "dns":
        name, _, type = probe.target.partition(" ")
        if not _HOST.fullmatch(name) or type not in DNS_TYPES:
            said = f"a name and one of {', '.join(DNS_TYPES)}"
            yield _no(device, f'dns: {said} expected ("example.com A"), got {probe.target[:60]!r}')


def _logged_in(inventory: Inventory, device: Device, probe: Probe) -> Iterator[Refusal]:
    wanted = NEEDS.get(probe.kind)
    if wanted is None:
        return
    credential = inventory.credential(probe.credential)
    if credential is None:
        yield _no(device, f"{probe.kind} needs a credential", "credential", "MISSING_REQUIRED_FIELD")
    elif credential.kind not in wanted:
        said = f"{probe.kind} needs a {' or '.join(wanted)}, {credential.name!r} is a {credential.kind}"
        yield _no(device, said, "credential")


def _no(device: Device, said: str, field: str = "probes", code: str = "INVALID_INPUT") -> Refusal:
    return Refusal(code, said, field, device.id)
