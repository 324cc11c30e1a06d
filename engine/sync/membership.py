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
from domain.rules import NAME_CAP
from domain.sharing import InstallKind
from domain.sync import Welcome
from domain.text import clean_text
from engine.storage import StorageRefused, Store
from engine.sync.address import ServerAddress

MEMBERSHIP = "team"
LOGIN_CAP = 254


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

    def welcomed(self, welcome: Welcome) -> Membership:
        """Return it as the server says that it is by now."""
        return msgspec.structs.replace(
            self,
            tenant_name=clean_text(welcome.tenant.name, NAME_CAP) or self.tenant_name,
            login=clean_text(welcome.login, LOGIN_CAP) or self.login,
            name=clean_text(welcome.name, NAME_CAP),
            role=welcome.role,
            permissions=welcome.permissions,
            is_everywhere=welcome.is_everywhere,
            told_seq=welcome.kept_seq,
        )


def read_membership(store: Store) -> Membership | None:
    """Return the membership of a folder, None where it is no team's. Raises StorageRefused where it is damaged."""
    try:
        return msgspec.convert(store.setting(MEMBERSHIP), Membership | None)
    except msgspec.ValidationError as error:
        raise StorageRefused(f"{store.path}: what it says of the team cannot be read: {error}") from None
