"""What a notification is called and says, as a journal row shows it. Counterpart: `protocols/notifications.py` reads it.

The names are those of the MIBs (SNMPv2, IF, BGP4, OSPF-TRAP, BRIDGE, ENTITY, UPS, LLDP, RMON, VRRP, DISMAN-EVENT, MikroTik,
net-snmp, Cisco); what is not among them goes by its OID. One rule: a value becomes text here, cleaned and capped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from domain.receiving import Severity
from domain.text import clean_text, text_from_bytes
from engine.protocols.ber import Absent, Value
from engine.protocols.notifications import Notification

VALUE_CAP = 200
TEXT_CAP = 300
_VALUES_IN_TEXT = 4

COLD_START, WARM_START, LINK_DOWN, LINK_UP = (f"1.3.6.1.6.3.1.1.5.{n}" for n in range(1, 5))
ACTING = frozenset((COLD_START, WARM_START, LINK_DOWN, LINK_UP))
"""Notifications after which the device is asked at once."""

_NAMES = {
    COLD_START: "coldStart",
    WARM_START: "warmStart",
    LINK_DOWN: "linkDown",
    LINK_UP: "linkUp",
    "1.3.6.1.6.3.1.1.5.5": "authenticationFailure",
    "1.3.6.1.6.3.1.1.5.6": "egpNeighborLoss",
    "1.3.6.1.2.1.15.0.1": "bgpEstablished",
    "1.3.6.1.2.1.15.0.2": "bgpBackwardTransition",
    "1.3.6.1.2.1.15.7.1": "bgpEstablished",
    "1.3.6.1.2.1.15.7.2": "bgpBackwardTransition",
    "1.3.6.1.2.1.15.7.0.1": "bgpEstablished",
    "1.3.6.1.2.1.15.7.0.2": "bgpBackwardTransition",
    "1.3.6.1.2.1.14.16.2.1": "ospfVirtIfStateChange",
    "1.3.6.1.2.1.14.16.2.2": "ospfNbrStateChange",
    "1.3.6.1.2.1.14.16.2.3": "ospfVirtNbrStateChange",
    "1.3.6.1.2.1.14.16.2.4": "ospfIfConfigError",
    "1.3.6.1.2.1.14.16.2.6": "ospfIfAuthFailure",
    "1.3.6.1.2.1.14.16.2.16": "ospfIfStateChange",
    "1.3.6.1.2.1.16.0.1": "risingAlarm",
    "1.3.6.1.2.1.16.0.2": "fallingAlarm",
    "1.3.6.1.2.1.17.0.1": "newRoot",
    "1.3.6.1.2.1.17.0.2": "topologyChange",
    "1.3.6.1.2.1.33.2.1": "upsTrapOnBattery",
    "1.3.6.1.2.1.33.2.2": "upsTrapTestCompleted",
    "1.3.6.1.2.1.33.2.3": "upsTrapAlarmEntryAdded",
    "1.3.6.1.2.1.33.2.4": "upsTrapAlarmEntryRemoved",
    "1.3.6.1.2.1.47.2.0.1": "entConfigChange",
    "1.3.6.1.2.1.68.0.1": "vrrpTrapNewMaster",
    "1.3.6.1.2.1.68.0.2": "vrrpTrapAuthFailure",
    "1.3.6.1.2.1.88.2.0.1": "mteTriggerFired",
    "1.3.6.1.2.1.88.2.0.2": "mteTriggerRising",
    "1.3.6.1.2.1.88.2.0.3": "mteTriggerFalling",
    "1.3.6.1.2.1.88.2.0.4": "mteTriggerFailure",
    "1.0.8802.1.1.2.0.0.1": "lldpRemTablesChange",
    "1.3.6.1.4.1.14988.1.1.9.0.1": "mtxrTrap",
    "1.3.6.1.4.1.14988.1.1.9.0.2": "mtxrTemperatureException",
    "1.3.6.1.4.1.8072.4.0.1": "nsNotifyStart",
    "1.3.6.1.4.1.8072.4.0.2": "nsNotifyShutdown",
    "1.3.6.1.4.1.8072.4.0.3": "nsNotifyRestart",
    "1.3.6.1.4.1.9.9.41.2.0.1": "clogMessageGenerated",
    "1.3.6.1.4.1.9.9.43.2.0.1": "ciscoConfigManEvent",
}
_GRAVE = frozenset(
    (
        *("coldStart", "linkDown", "authenticationFailure", "egpNeighborLoss", "bgpBackwardTransition"),
        *("ospfIfConfigError", "ospfIfAuthFailure", "risingAlarm", "upsTrapOnBattery"),
        *("upsTrapAlarmEntryAdded", "vrrpTrapAuthFailure", "mteTriggerFired", "mteTriggerFailure"),
        *("mtxrTemperatureException", "nsNotifyShutdown"),
    )
)
"""What is a warning; the rest is a notice: an agent does not say how grave it is."""

_IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
_INTERFACE_NAMES = ("1.3.6.1.2.1.31.1.1.1.1.", "1.3.6.1.2.1.2.2.1.2.")
"""ifName, ifDescr."""


class Told(NamedTuple):
    """How grave a notification is, what it says in a line, and the rest of its journal row."""

    severity: Severity
    text: str
    body: dict[str, Any]


def tell(notification: Notification, interface_of: Callable[[int], str] = lambda index: "") -> Told:
    """Say in words what a notification tells; `interface_of` names a device's port by its index, "" where it is not known."""
    name = _NAMES.get(notification.oid, "")
    severity: Severity = "warning" if name in _GRAVE else "notice"
    varbinds = [[oid, text_of(value)] for oid, value in notification.varbinds]
    if notification.oid in (LINK_DOWN, LINK_UP):
        said = _port(notification, interface_of)
    else:
        said = "; ".join(text for _, text in varbinds[:_VALUES_IN_TEXT] if text)
    text = clean_text(f"{name or notification.oid}: {said}" if said else name or notification.oid, TEXT_CAP)
    body: dict[str, Any] = {
        "name": name,
        "oid": notification.oid,
        "version": notification.version,
        "varbinds": varbinds,
    }
    if notification.confirmed:
        body["confirmed"] = True
    if notification.agent:
        body["agent"] = notification.agent
    if notification.user:
        body["user"] = clean_text(notification.user, 40)
    return Told(severity, text, body)


def text_of(value: Value) -> str:
    """Return a value as text: octets that are no text as hexadecimal digits."""
    if value is None or isinstance(value, Absent):
        return ""
    if not isinstance(value, bytes):
        return str(value)[:VALUE_CAP]
    try:
        is_text = value.rstrip(b"\0").decode("utf-8").replace("\r", "").replace("\n", "").isprintable()
    except UnicodeDecodeError:
        is_text = False
    return text_from_bytes(value, VALUE_CAP) if is_text else value[: VALUE_CAP // 3].hex(":")


def _port(notification: Notification, interface_of: Callable[[int], str]) -> str:
    """Return which port a link notification is about: as it says, as is known of its index, or the index."""
    for prefix in _INTERFACE_NAMES:
        for oid, value in notification.varbinds:
            if oid.startswith(prefix) and isinstance(value, bytes) and value:
                return text_of(value)
    for oid, value in notification.varbinds:
        if oid.startswith(_IF_INDEX) and isinstance(value, int):
            return interface_of(value) or f"port {value}"
    return ""
