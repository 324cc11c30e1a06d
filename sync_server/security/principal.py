"""Who is asking: made of a verified token, session or key and of nothing else. Counterpart: `admission.py` makes it.

One rule: the tenant of a request is the principal's; no header, body or path can name another.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from domain.roles import EVERYWHERE, PLATFORM_ROLES, Permission, Reach, Role
from sync_server.database import Standing

Kind = Literal["user", "key", "install"]


class Origin(msgspec.Struct, frozen=True):
    """Where a request came from, for the audit: the client's address, its agent, the request's id."""

    address: str = ""
    agent: str = ""
    request: str = ""


class Principal(msgspec.Struct, frozen=True):
    """Who is asking, in which tenant, and what they may do there.

    `id` is the user's, the key's or the install's. `tenant` None: a platform role that works in no tenant. `is_guest`: a
    platform role in a tenant that it is no member of, or a key that such a one made; what it reads there is written down.
    `session` and `jti` are of the token, None for a key. `standing` is the database's word that he was made of; `is_assumed`: it
    was not asked again for this request, and has to be before anything is answered.
    """

    kind: Kind
    id: UUID
    name: str
    tenant: UUID | None
    role: Role | None
    permissions: frozenset[Permission]
    reach: Reach = EVERYWHERE
    is_guest: bool = False
    session: UUID | None = None
    jti: UUID | None = None
    origin: Origin = Origin()
    standing: Standing | None = None
    is_assumed: bool = False

    @property
    def is_platform(self) -> bool:
        """Whether this is a platform role, which may see what belongs to no tenant."""
        return self.role in PLATFORM_ROLES

    def may(self, permission: Permission) -> bool:
        """Tell whether the principal has a permission."""
        return permission in self.permissions
