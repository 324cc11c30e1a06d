"""By what a device is known again: serial, MACs, SNMP engine id, addresses. Counterpart: `finding.py` merges and matches by them.

Theory: keys go from strong to weak: serial, MAC, engine id, address. A weaker key makes two things one only where no stronger
one that both have tells them apart. Much that looks like a key is not one, and is dropped here:
    serial     what vendors print before they know better ("0", "123456789", "Default string", one letter again and again)
    MAC        zero, broadcast, multicast; locally administered (what software makes up: VMs, bridges, randomised phones);
               shared by design: VRRP, HSRP and GLBP virtual routers
    engine id  without a part of its own (RouterOS' bare 80003a8c04), made of an IP address (every router at 192.168.88.1 has
               the same), or of a MAC that is none of one device
    address    unspecified, multicast, link-local: another one behind each port
A neighbour tells one MAC, and LLDP's is often the chassis', which is no port's: so where MACs differ, the same name at the
same address still makes one, unless it is the name that every new device has.
One rule: pure text in, one spelling out: "" for what is no key.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from domain.receiving import plain_address

SERIAL_CAP = 64
MACS_CAP = 512
ADDRESSES_CAP = 256
"""Most that are kept of one device; a concentrator has more than anybody needs."""

_NOT_SERIALS = frozenset(
    (
        "0123456789",
        "1234567890",
        "123456789",
        "12345678",
        "none",
        "null",
        "unknown",
        "notspecified",
        "notapplicable",
        "notavailable",
        "default",
        "defaultstring",
        "serial",
        "serialnumber",
        "systemserialnumber",
        "tobefilledbyoem",
        "invalid",
        "empty",
        "undefined",
    )
)
_SERIAL_LEAST = 4
_SHARED_MACS = ("00005e0001", "00005e0002", "00000c07ac", "00000c9ff", "0007b400")
"""VRRP for IPv4 and IPv6 (RFC 9568), HSRP 1 and 2, GLBP: their last digits are the group."""

_FORMAT_IPV4, _FORMAT_IPV6, _FORMAT_MAC = 1, 2, 3
_NOT_NAMES = frozenset(
    ("mikrotik", "routeros", "router", "switch", "ubnt", "localhost", "localhost.localdomain")
)
_ENGINE_OWN_BYTES = 4
"""What an engine id needs behind its maker and format."""


class Keys(msgspec.Struct, frozen=True):
    """What one thing is known by, in the one spelling. `addresses` are those that it has, not only the one it is asked at;
    `name` is no key, it only vouches for one."""

    serial: str = ""
    macs: frozenset[str] = frozenset()
    engine_id: str = ""
    addresses: frozenset[str] = frozenset()
    name: str = ""

    @property
    def texts(self) -> list[str]:
        """All keys as texts, the strongest first: "serial:...", "mac:...", "engine:...", "address:..."."""
        found = [f"serial:{self.serial}"] if self.serial else []
        found += [f"mac:{mac}" for mac in sorted(self.macs)]
        found += [f"engine:{self.engine_id}"] if self.engine_id else []
        return found + [f"address:{address}" for address in sorted(self.addresses)]


def make_keys(
    serial: str, macs: Iterable[str], engine_id: str, addresses: Iterable[str], name: str = ""
) -> Keys:
    """Return the keys that are in what a device tells."""
    return Keys(
        plain_serial(serial),
        frozenset(plain for mac in macs if (plain := own_mac(mac))),
        own_engine_id(engine_id),
        frozenset(plain for address in addresses if (plain := own_address(address))),
        own_name(name),
    )


def shared_key(a: Keys, b: Keys) -> str:
    """Return the strongest key that makes two things one ("serial:..."), "" where they are two or nobody can tell."""
    if a.serial and b.serial:
        return f"serial:{a.serial}" if a.serial == b.serial else ""
    if common := a.macs & b.macs:
        return f"mac:{min(common)}"
    addresses = a.addresses & b.addresses
    if a.macs and b.macs:  # one is a copy of the other's software, or has its address now
        return f"address:{min(addresses)}" if addresses and a.name and a.name == b.name else ""
    if a.engine_id and b.engine_id:
        return f"engine:{a.engine_id}" if a.engine_id == b.engine_id else ""
    return f"address:{min(addresses)}" if addresses else ""


def are_apart(a: Keys, b: Keys) -> bool:
    """Tell whether two things are surely not one: a key that both have differs."""
    both = (a.serial and b.serial) or (a.macs and b.macs) or (a.engine_id and b.engine_id)
    return bool(both) and not shared_key(a, b)


def plain_serial(serial: str) -> str:
    """Return a serial number in one spelling, "" for none or a vendor's stand-in."""
    plain = "".join(serial.split()).upper()[:SERIAL_CAP]
    bare = re.sub(r"[^0-9A-Z]", "", plain)
    if len(bare) < _SERIAL_LEAST or len(set(bare)) == 1 or bare.casefold() in _NOT_SERIALS:
        return ""
    return plain


@lru_cache(maxsize=65_536)
def plain_mac(mac: str) -> str:
    """Return a MAC as "AA:BB:CC:DD:EE:FF", "" for what is none."""
    digits = re.sub(r"[^0-9a-fA-F]", "", mac) if len(mac) <= 20 else ""
    if len(digits) != 12:
        return ""
    digits = digits.upper()
    return ":".join(digits[n : n + 2] for n in range(0, 12, 2))


@lru_cache(maxsize=65_536)
def own_mac(mac: str) -> str:
    """Return a MAC in one spelling if it can be one device's alone, else ""."""
    plain = plain_mac(mac)
    if not plain:
        return ""
    digits = plain.replace(":", "").lower()
    if int(digits[:2], 16) & 0b11 or not int(digits, 16) or digits.startswith(_SHARED_MACS):
        return ""
    return plain


def own_engine_id(engine_id: str) -> str:
    """Return an SNMP engine id (hex) in one spelling if it can be one device's alone, else "" (RFC 3411, section 5)."""
    try:
        data = bytes.fromhex(engine_id)
    except ValueError:
        return ""
    if not 5 <= len(data) <= 32:
        return ""
    if not data[0] & 0x80:  # the old form: the maker, and eight bytes as it likes
        own = data[4:]
    else:
        own = data[5:]
        if data[4] in (_FORMAT_IPV4, _FORMAT_IPV6) or (data[4] == _FORMAT_MAC and not own_mac(own.hex())):
            return ""
    if len(own) < _ENGINE_OWN_BYTES or len(set(own)) == 1:
        return ""
    return data.hex()


@lru_cache(maxsize=65_536)
def own_address(address: str) -> str:
    """Return an address in one spelling if a device can be told by it, else ""."""
    plain = plain_address(address)
    if not plain:
        return ""
    parsed = ipaddress.ip_address(plain)
    if parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local or plain == "255.255.255.255":
        return ""
    return plain


def own_name(name: str) -> str:
    """Return a name as names are compared if it can be one device's alone, else ""."""
    plain = name.strip().casefold()
    return "" if plain in _NOT_NAMES else plain
