"""Drivers and streams with their logins, as the vault opens them. Counterpart: `vault/` below; `compose.py` hands them on.

A secret is opened when a driver is made, and stays in it. One rule: a login that cannot be had is a BadCredentials of the
probe that needs it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from domain.errors import BadCredentials
from domain.inventory import Credential, Device, Probe, is_paused, port_of
from engine.drivers import Driver, Profiles, RateStream, make_driver, make_stream, streamed_probe
from engine.drivers.snmp_login import snmp_login
from engine.mibs.walk import WalkSession
from engine.monitor.schedule import RETRIES, timeout_s
from engine.protocols.usm import SnmpUser
from engine.state import State
from engine.transport import Transports
from engine.vault import SecretNotHere, Vault, VaultLocked


class Logins:
    """Makes what asks devices; remembers which had to wait because the vault was locked."""

    def __init__(
        self,
        state: State,
        vault: Vault,
        transports: Transports,
        profiles: Profiles,
        now_us: Callable[[], int],
    ) -> None:
        self._state = state
        self._vault = vault
        self._transports = transports
        self._profiles = profiles
        self._now_us = now_us
        self._locked_out: set[UUID] = set()

    def make_driver(self, device: Device, probe: Probe) -> Driver:
        """Return the driver of a probe. Raises BadCredentials."""
        credential, secret = self._login_of(device, probe)
        return make_driver(
            self._transports,
            device,
            probe,
            credential,
            secret,
            profiles=self._profiles,
            timeout_s=timeout_s(device.interval_s),
            retries=RETRIES,
        )

    def make_stream(self, id: UUID) -> RateStream | None:
        """Return what is streamed of a device, None where that is nothing, or it is paused. Raises BadCredentials."""
        device = self._state.inventory.device(id)
        if device is None or is_paused(device, self._now_us()):
            return None
        probe = streamed_probe(device)
        if probe is None:
            return None
        login, limit_s = self._login_of(device, probe), timeout_s(device.interval_s)
        return make_stream(self._transports, device, probe, *login, timeout_s=limit_s)

    def open_walk(self, id: UUID) -> WalkSession:
        """Return a session with a device over its first SNMP probe. Raises BadCredentials; LookupError where it has none."""
        device = self._state.inventory.device(id)
        if device is None:
            raise LookupError(f"there is no device {id}")
        probe = next((probe for probe in device.probes if probe.kind == "snmp"), None)
        if probe is None:
            raise LookupError(f"{device.name} is not asked over SNMP: give it a probe of that kind")
        who = snmp_login(*self._login_of(device, probe))
        endpoint = (device.address, port_of(probe))
        limit_s = timeout_s(device.interval_s)
        return WalkSession(self._transports.udp, endpoint, who, timeout_s=limit_s, retries=RETRIES)

    def open_credential(self, id: UUID) -> tuple[Credential, str]:
        """Return a credential and its secret. Raises BadCredentials where it is not to be had."""
        credential = self._state.inventory.credential(id)
        if credential is None:
            raise BadCredentials(f"there is no credential {id}")
        try:
            return credential, self._vault.get(id)
        except (VaultLocked, SecretNotHere) as error:
            raise BadCredentials(f"{credential.name}: {error}") from None

    def snmp_users(self) -> list[SnmpUser] | None:
        """Return the users of SNMPv3 whose secrets are here, None where they are behind a lock."""
        users = []
        for credential in self._state.inventory.credentials():
            if credential.kind != "snmp_v3":
                continue
            try:
                user = snmp_login(credential, self._vault.get(credential.id))
            except VaultLocked:
                return None
            except (SecretNotHere, BadCredentials):  # its devices' probes say so
                continue
            users += [user] if isinstance(user, SnmpUser) else []
        return users

    def take_locked_out(self) -> list[Device]:
        """Return the devices that had to wait for the vault, once."""
        waiting, self._locked_out = self._locked_out, set()
        return [device for id in waiting if (device := self._state.inventory.device(id)) is not None]

    def _login_of(self, device: Device, probe: Probe) -> tuple[Credential | None, str | None]:
        credential = self._state.inventory.credential(probe.credential)
        if credential is None:
            return None, None
        try:
            return credential, self._vault.get(credential.id)
        except VaultLocked as error:
            self._locked_out.add(device.id)
            raise BadCredentials(str(error)) from None
        except SecretNotHere as error:
            raise BadCredentials(f"{credential.name}: {error}") from None
