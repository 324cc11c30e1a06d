"""What an SNMP agent is asked with: a community, or a user of v3. Counterpart: `domain/inventory.Credential` and the vault.

One rule: what is missing is named; nothing of the secret is ever in a message.
"""

from __future__ import annotations

import msgspec

from domain.errors import BadCredentials
from domain.inventory import Credential
from engine.protocols.usm import SnmpUser


class Passphrases(msgspec.Struct, frozen=True):
    """The secret of a user, as `Credential` says."""

    auth: str = ""
    privacy: str = ""


def snmp_login(credential: Credential | None, secret: str | None) -> str | SnmpUser:
    """Return the community or the user of a credential. Raises BadCredentials where something is missing."""
    if credential is None or secret is None:
        raise BadCredentials("no SNMP community or user is known here: choose one for this device")
    if credential.kind != "snmp_v3":
        return secret
    try:
        passphrases = msgspec.json.decode(secret, type=Passphrases)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise _missing(credential, "passwords, as they were kept, cannot be read") from None
    if credential.auth and not passphrases.auth:
        raise _missing(credential, "authentication password is not known")
    if credential.privacy and not (credential.auth and passphrases.privacy):
        raise _missing(credential, "privacy password, or its authentication, is not known")
    return SnmpUser(
        name=credential.user,
        auth=credential.auth,
        auth_passphrase=passphrases.auth,
        privacy=credential.privacy,
        privacy_passphrase=passphrases.privacy,
        context=credential.context,
    )


def _missing(credential: Credential, what: str) -> BadCredentials:
    return BadCredentials(f"{credential.name}: the SNMPv3 user's {what}; enter it again")
