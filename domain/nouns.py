"""What people call the kinds of things: in refusals, whoever says them, and wherever a kind would stand by its name of the code.

Counterparts: `inventory.py`, whose kinds these are, and `probe_word`, what probes are called. One rule: a name of the code
reaches nobody who reads a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from domain.inventory import CredentialKind, Kind


class Noun(NamedTuple):
    """What one is called, and many."""

    one: str
    many: str


NOUNS: Mapping[Kind, Noun] = {
    "site": Noun("site", "sites"),
    "device": Noun("device", "devices"),
    "link": Noun("link", "links"),
    "credential": Noun("login", "logins"),
    "rule": Noun("alert rule", "alert rules"),
    "maintenance": Noun("maintenance window", "maintenance windows"),
    "ignored": Noun("find that is ignored", "finds that are ignored"),
    "diagram": Noun("schematic", "schematics"),
    "spot": Noun("place in a schematic", "places in schematics"),
    "drawing": Noun("drawing in a schematic", "drawings in schematics"),
    "photo": Noun("photograph", "photographs"),
    "team_map": Noun("map of the team", "maps of the team"),
}
LOGIN_NOUNS: Mapping[CredentialKind, Noun] = {
    "snmp_community": Noun("SNMP community", "SNMP communities"),
    "snmp_v3": Noun("SNMPv3 user", "SNMPv3 users"),
    "routeros_login": Noun("RouterOS login", "RouterOS logins"),
    "ssh_login": Noun("SSH login", "SSH logins"),
    "ssh_key": Noun("SSH key", "SSH keys"),
}
_OTHER = Noun("thing of a newer version", "things of a newer version")


def noun_of(kind: str) -> Noun:
    """Return what things of a kind are called, also of one that nobody here knows."""
    return {str(known): noun for known, noun in NOUNS.items()}.get(kind, _OTHER)


def with_article(noun: str) -> str:
    """Return "a site", "an alert rule", "an SNMP community"."""
    is_vowel = noun[:1] in "aeio" or noun.startswith(("SNMP", "SSH"))
    return f"{'an' if is_vowel else 'a'} {noun}"
