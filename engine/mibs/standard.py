"""The facts of standard MIB modules that come along: IETF, IANA, IEEE's LLDP, Net-SNMP. Counterpart: `tools/standard_mibs.py`.

One rule: the file is made by `./dev mibs` and never by hand; one line is one module.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from engine.mibs.facts import Module

MACRO_MODULES = frozenset(
    {
        "ASN1",
        "ASN1-ENUMERATION",
        "ASN1-REFINEMENT",
        "RFC-1212",
        "RFC-1215",
        "RFC1065-SMI",
        "RFC1155-SMI",
        "SNMPv2-CONF",
        "SNMPv2-SMI",
        "SNMPv2-TC",
    }
)
"""Modules that define the language itself: always ours, never read from a user's file."""


def load_standard() -> list[Module]:
    """Return all modules that come along."""
    data = files("engine.mibs").joinpath("standard.jsonl").read_bytes()
    decoder = msgspec.json.Decoder(Module)
    return [
        decoder.decode(line) for line in data.splitlines()
    ]  # line by line: others have their turn between two
