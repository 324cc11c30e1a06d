"""What one make of device can be asked, and what its answers mean. Counterpart: `monitor/` asks, `transport/` carries.

Only here are OIDs and RouterOS menus known. One rule: a driver raises DeviceError for what the world does, and a bug for
nothing else.
"""

from __future__ import annotations

from domain.errors import BadCredentials
from domain.inventory import DEFAULT_PORT, REST, Credential, Device, Probe, port_of, probe_names
from engine.drivers.dns import DnsDriver
from engine.drivers.driver import Answer, Driver, Login
from engine.drivers.http import HttpDriver
from engine.drivers.mikrotik import RouterOsDriver
from engine.drivers.ping import PingDriver, TcpPingDriver
from engine.drivers.profiles import Profiles
from engine.drivers.routeros_live import RateStream
from engine.drivers.routeros_session import Endpoint
from engine.drivers.snmp import SnmpDriver
from engine.drivers.snmp_login import snmp_login
from engine.drivers.snmp_session import SnmpSession
from engine.drivers.ssh import SshDriver
from engine.drivers.tcp import TcpDriver
from engine.transport import Transports
from engine.transport.ssh import Identity

__all__ = [
    "Answer",
    "Driver",
    "Login",
    "Profiles",
    "RateStream",
    "make_driver",
    "make_stream",
    "streamed_probe",
]

_LIMIT_TRIES = 5
"""A reading may take as long as this many unanswered questions, and no less than `_LIMIT_S`."""

_LIMIT_S = 10.0


_NO_ROUTEROS_LOGIN = "no RouterOS login is known here: choose one for this device"


class LockedDriver:
    """Stands in for a driver whose login is missing."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def read(self) -> Answer:
        """Say what is missing."""
        raise BadCredentials(self._why)

    async def close(self) -> None:
        """Nothing is held."""


def make_driver(
    transports: Transports,
    device: Device,
    probe: Probe,
    credential: Credential | None,
    secret: str | None,
    *,
    profiles: Profiles,
    timeout_s: float = 2.0,
    retries: int = 1,
) -> Driver:
    """Return the driver of one probe; whatever is wrong with it is told by its first `read`.

    `credential` and `secret` are those of the probe, None where it has none; `profiles` say how SNMP devices are read.
    """
    login = Login(credential.user, secret) if credential is not None and secret is not None else None
    endpoint = (device.address, probe.port or DEFAULT_PORT[probe.kind])
    phase = device.id.int
    if probe.kind == "snmp":
        try:
            who = snmp_login(credential, secret)
        except BadCredentials as error:
            return LockedDriver(str(error))
        session = SnmpSession(transports.udp, endpoint, who, timeout_s=timeout_s, retries=retries)
        limit_s = max(_LIMIT_S, _LIMIT_TRIES * timeout_s * (1 + retries))
        return SnmpDriver(session, profiles=profiles, profile=device.profile, limit_s=limit_s, phase=phase)
    if probe.kind == "routeros":
        if login is None:
            return LockedDriver(_NO_ROUTEROS_LOGIN)
        answer_s = timeout_s * (1 + retries)
        return RouterOsDriver(
            transports.tcp,
            _routeros_endpoint(device, probe),
            login,
            timeout_s=timeout_s,
            answer_s=answer_s,
            phase=phase,
        )
    if probe.kind == "tcp":
        return TcpDriver(transports.tcp, endpoint, timeout_s=timeout_s, retries=retries)
    name = next((name for name, one in probe_names(device).items() if one == probe), probe.kind)
    if probe.kind == "http":
        return HttpDriver(transports.tcp, device.address, probe, name, timeout_s=timeout_s, retries=retries)
    if probe.kind == "dns":
        return DnsDriver(transports.dns, device.address, probe, name, timeout_s=timeout_s, retries=retries)
    if probe.kind == "ssh":
        if credential is None or secret is None:
            return LockedDriver("no SSH login is known here: choose one for this device")
        identity = Identity(credential.user, secret, credential.kind == "ssh_key")
        answer_s = timeout_s * (1 + retries)
        return SshDriver(
            transports.tcp, device.address, probe, identity, name, timeout_s=timeout_s, answer_s=answer_s
        )
    if transports.icmp.can_ping(device.address):
        return PingDriver(transports.icmp, device.address, timeout_s=timeout_s, retries=retries)
    ports = [
        other.port or DEFAULT_PORT[other.kind] for other in device.probes if other.kind in ("tcp", "routeros")
    ]
    return TcpPingDriver(transports.tcp, device.address, ports, timeout_s=timeout_s, retries=retries)


def streamed_probe(device: Device) -> Probe | None:
    """Return the probe over which a device can be streamed while it is watched: RouterOS' API has streams, no other has."""
    return next((probe for probe in device.probes if probe.kind == "routeros" and probe.target != REST), None)


def make_stream(
    transports: Transports,
    device: Device,
    probe: Probe,
    credential: Credential | None,
    secret: str | None,
    *,
    timeout_s: float = 2.0,
) -> RateStream:
    """Return the stream of a device over its `streamed_probe`. Raises BadCredentials where its login is missing."""
    if credential is None or secret is None:
        raise BadCredentials(_NO_ROUTEROS_LOGIN)
    login = Login(credential.user, secret)
    return RateStream(transports.tcp, _routeros_endpoint(device, probe), login, timeout_s=timeout_s)


def _routeros_endpoint(device: Device, probe: Probe) -> Endpoint:
    return Endpoint(device.address, port_of(probe), probe.tls, probe.pin, probe.target == REST)
