"""What is refused of a device's probes and of credentials. Counterpart: `rules.py`, which asks here; `engine/drivers` trust it.

One rule: what a driver would have to refuse at each poll is refused here once. A refusal's field names the probe by its place
and what of it: "probes.0.port"; "probes" alone is about several of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.errors import Refusal
from domain.inventory import NEEDS, REST, TLS_PORT, Credential, Device, Inventory, Probe, probe_word
from domain.nouns import LOGIN_NOUNS, with_article
from domain.text import clean_text

PROBES_CAP = 8
TARGET_CAP = 1_000
EXPECT_CAP = 200
DNS_TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
MANY = ("tcp", "http", "dns", "ssh")
"""Kinds of which a device may have several; they differ in their port."""

_PIN = re.compile(r"[0-9a-f]{64}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_USM_NAME_CAP = 32


def probe_refusals(inventory: Inventory, device: Device) -> Iterator[Refusal]:
    """Yield what is wrong with the probes of one device."""
    if len(device.probes) > PROBES_CAP:
        yield _no(device, f"{len(device.probes)} probes, at most {PROBES_CAP}")
        return
    kinds = [probe.kind for probe in device.probes]
    for kind in dict.fromkeys(kinds):
        ports = [probe.port for probe in device.probes if probe.kind == kind]
        if kind not in MANY and len(ports) > 1:
            yield _no(device, f"more than one probe by {probe_word(kind)}")
        elif len(set(ports)) < len(ports):
            yield _no(device, f"more than one probe by {probe_word(kind)} on the same port")
    for place, probe in enumerate(device.probes):
        for field, said in _asked(probe):
            yield _no(device, said, f"probes.{place}.{field}")
        for code, said in _logged_in(inventory, probe):
            yield _no(device, said, f"probes.{place}.credential", code)


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
        yield Refusal(
            "INVALID_INPUT",
            f"{with_article(LOGIN_NOUNS[credential.kind].one)} has no SNMPv3 settings",
            "auth",
            id,
        )


def _asked(probe: Probe) -> Iterator[tuple[str, str]]:
    """Yield (field, what is wrong) of what a probe says itself."""
    word = probe_word(probe.kind)
    if probe.kind == "icmp":
        if probe.port != 0:
            yield "port", f"{word} has no port, got {probe.port}"
    elif not 1 <= probe.port <= 65535:
        yield "port", f"{word}: a port 1 to 65535 expected, got {probe.port}"
    if probe.tls and probe.kind not in TLS_PORT:
        yield "tls", f"{word} is not asked over TLS"
    if probe.kind == "routeros" and probe.target == REST and not probe.tls:
        yield "tls", f"{word}: REST is asked over TLS alone, for the password would go in clear"
    if probe.pin and not _PIN.fullmatch(probe.pin):
        yield "pin", f"{word}: a SHA-256 fingerprint of 64 hex digits expected as the pin"
    for field, name, text, cap in (
        ("target", "target", probe.target, TARGET_CAP),
        ("expect", "expected text", probe.expect, EXPECT_CAP),
    ):
        if probe.kind == "routeros" and field == "target":
            if text not in ("", REST):
                yield field, f'{word}: "{REST}" or nothing expected as the target, got {text[:60]!r}'
        elif text and probe.kind not in ("http", "dns", "ssh"):
            yield field, f"{word} has no {name}"
        elif len(text) > cap or clean_text(text, cap) != text:
            yield field, f"{word}: a {name} of at most {cap} plain characters expected"
    if probe.kind == "http" and probe.target and not probe.target.startswith("/"):
        yield "target", f'{word}: a path that begins with "/" expected, got {probe.target[:60]!r}'
    if probe.kind == "dns":
        name, _, type = probe.target.partition(" ")
        if not _HOST.fullmatch(name) or type not in DNS_TYPES:
            said = f"a name and one of {', '.join(DNS_TYPES)}"
            yield "target", f'{word}: {said} expected ("example.com A"), got {probe.target[:60]!r}'


def _logged_in(inventory: Inventory, probe: Probe) -> Iterator[tuple[str, str]]:
    """Yield (code, what is wrong) of what a probe logs in with."""
    wanted = NEEDS.get(probe.kind)
    if wanted is None:
        return
    credential = inventory.credential(probe.credential)
    if credential is None:
        yield "MISSING_REQUIRED_FIELD", f"{probe_word(probe.kind)} needs a login"
    elif credential.kind not in wanted:
        will_do = " or ".join(with_article(LOGIN_NOUNS[kind].one) for kind in wanted)
        got = with_article(LOGIN_NOUNS[credential.kind].one)
        said = f"{probe_word(probe.kind)} needs {will_do}, {credential.name!r} is {got}"
        yield "INVALID_INPUT", said


def _no(device: Device, said: str, field: str = "probes", code: str = "INVALID_INPUT") -> Refusal:
    return Refusal(code, said, field, device.id)
