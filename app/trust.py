"""What a device shows that nobody has trusted: certificates and host keys, as people compare them. No Qt.

Counterpart: `domain/observation.Failure.seen` brings the fingerprint, `dialogs/trust.py` asks. One rule: what is trusted is
what a person saw, never what came later.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

import msgspec

from domain.health import Health
from domain.inventory import Device, Probe, probe_names

_HEX = re.compile(r"[0-9a-f]{64}")
_OPENSSH = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")


class Shown(NamedTuple):
    """A probe that was not trusted, by its name among the device's, and the SHA-256 fingerprint that it was shown."""

    name: str
    probe: Probe
    seen: str

    @property
    def what(self) -> str:
        """What was shown, in words."""
        return what_it_shows(self.probe)

    @property
    def is_change(self) -> bool:
        """Whether something else was trusted before."""
        return bool(self.probe.pin) and self.probe.pin != self.seen


def what_it_shows(probe: Probe) -> str:
    """Return in words what the other end of a probe proves itself with."""
    return "host key" if probe.kind == "ssh" else "certificate"


def trusting(device: Device, probe: Probe, fingerprint: str) -> Device:
    """Return a device of which one probe trusts a fingerprint from now on, and no other."""
    pinned = msgspec.structs.replace(probe, pin=fingerprint)
    return msgspec.structs.replace(
        device, probes=tuple(pinned if each is probe else each for each in device.probes)
    )


def untrusted(device: Device, health: Health | None) -> list[Shown]:
    """Return the probes of a device that fail because what they were shown is not trusted."""
    found = []
    for name, probe in probe_names(device).items():
        state = health.probes.get(name) if health is not None else None
        failure = state.failure if state is not None else None
        if failure is not None and failure.kind == "untrusted" and failure.seen:
            found.append(Shown(name, probe, failure.seen))
    return found


def grouped_hex(fingerprint: str) -> str:
    """Return a fingerprint in pairs: AB:CD:EF."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()


def openssh(fingerprint: str) -> str:
    """Return a fingerprint as ssh-keygen -l says it: SHA256:…; of what is no hex nothing."""
    try:
        digest = binascii.unhexlify(fingerprint)
    except (binascii.Error, ValueError):
        return ""
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def read_fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as it is kept (64 hex digits) of any form in which people have it; of what is none nothing."""
    found = _OPENSSH.fullmatch(text.strip())
    if found is not None:
        return binascii.a2b_base64(f"{found[1]}=").hex()
    plain = re.sub(r"[:\s]", "", text).lower().removeprefix("sha256")
    return plain if _HEX.fullmatch(plain) else ""
