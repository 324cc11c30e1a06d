"""What a device shows that nobody has trusted: certificates and host keys, as people compare them. No Qt.

Counterpart: `domain/observation.Failure.seen` brings the fingerprint, `dialogs/trust.py` asks. One rule: what is trusted is
what a person saw, never what came later.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from domain.health import Health
from domain.inventory import Device, Probe, probe_names


class Shown(NamedTuple):
    """A probe that was not trusted, by its name among the device's, and the SHA-256 fingerprint that it was shown."""

    name: str
    probe: Probe
    seen: str

    @property
    def what(self) -> str:
        """What was shown, in words."""
        return "host key" if self.probe.kind == "ssh" else "certificate"

    @property
    def is_change(self) -> bool:
        """Whether something else was trusted before."""
        return bool(self.probe.pin) and self.probe.pin != self.seen


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
