"""What a team's folder knows of its team without asking: which server, who this is, what they may do. Counterpart:
`joining.py` writes it.

Theory: the session at the server lives by a refresh token, which is sealed like a credential's secret, under the id of the
install.
One rule: nothing here is secret; what is lies in the vault.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.roles import Permission
from domain.sharing import InstallKind
from engine.storage import StorageRefused, Store
from engine.sync.address import ServerAddress

MEMBERSHIP = "team"


class Membership(msgspec.Struct, frozen=True):
    """Who this install is in its team. `pin`: the certificate that a person agreed to, empty where the system vouches for it.

    `synced_us`: when all that the server has was here last; `told_seq`: the last row of the own journal that the server has;
    `cycles_us`: up to when poll cycles were told.
    """

    server: ServerAddress
    pin: str
    tenant: UUID
    tenant_name: str
    account: UUID
    login: str
    name: str
    role: str
    permissions: tuple[Permission, ...]
    is_everywhere: bool
    install: UUID
    kind: InstallKind = "window"
    computer: str = ""
    synced_us: int = 0
    told_seq: int = 0
    cycles_us: int = 0


def read_membership(store: Store) -> Membership | None:
    """Return the membership of a folder, None where it is no team's. Raises StorageRefused where it is damaged."""
    try:
        return msgspec.convert(store.setting(MEMBERSHIP), Membership | None)
    except msgspec.ValidationError as error:
        raise StorageRefused(f"{store.path}: what it says of the team cannot be read: {error}") from None
