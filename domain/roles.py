"""Who may do what: roles, permissions, API-key scopes, sites. Counterpart: `sync_server/security/` asks it, the window shows it.

Theory: a permission is "resource:read" or "resource:write"; a role is a set of them, and so is the scope of an API key. Roles
are nested like this, every arrow "has less than":

    wall -> viewer -> manager  -> tenant_admin -> platform_admin
                   -> engineer ->
                   -> platform_operator ------->

A platform role holds in every tenant and what it does in a foreign one is written down; all others hold in one tenant, and
there at all sites or at some. A key has what its scopes give and whoever made it may do, never more than an engineer.
One rule: nothing else in the house compares the name of a role; it asks for a permission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.inventory import Kind

Role = Literal["platform_admin", "platform_operator", "tenant_admin", "manager", "engineer", "viewer", "wall"]
Scope = Literal["read", "metrics", "write_device", "write_alert", "write_config"]
Permission = Literal[
    "devices:read",
    "devices:write",
    "sites:read",
    "sites:write",
    "links:read",
    "links:write",
    "tags:read",
    "tags:write",
    "metrics:read",
    "alerts:read",
    "alerts:write",
    "events:read",
    "rules:read",
    "rules:write",
    "maintenance:read",
    "maintenance:write",
    "edits:read",
    "edits:write",
    "reports:read",
    "reports:write",
    "credentials:read",
    "credentials:write",
    "config:read",
    "config:write",
    "tunnels:write",
    "pollers:read",
    "quarantine:read",
    "quarantine:write",
    "users:read",
    "users:write",
    "keys:read",
    "keys:write",
    "installs:read",
    "installs:write",
    "audit:read",
    "tenant:read",
    "tenant:write",
    "tenants:read",
    "tenants:write",
    "settings:read",
    "settings:write",
]

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
EVERYTHING: frozenset[Permission] = frozenset(get_args(Permission))
PLATFORM_ROLES: frozenset[Role] = frozenset(("platform_admin", "platform_operator"))
TENANT_ROLES: tuple[Role, ...] = tuple(role for role in ROLES if role not in PLATFORM_ROLES)
SITES_CAP = 500
"""Sites that one membership or key may name."""

_WALL: frozenset[Permission] = frozenset(
    ("devices:read", "sites:read", "links:read", "tags:read", "metrics:read", "alerts:read", "events:read")
)
_VIEWER: frozenset[Permission] = _WALL | {
    "rules:read",
    "maintenance:read",
    "edits:read",
    "reports:read",
    "tenant:read",
}
_MANAGER: frozenset[Permission] = _VIEWER | {"reports:write", "maintenance:write", "users:read"}
_ENGINEER: frozenset[Permission] = _VIEWER | {
    "devices:write",
    "sites:write",
    "links:write",
    "tags:write",
    "alerts:write",
    "rules:write",
    "maintenance:write",
    "edits:write",
    "credentials:read",
    "credentials:write",
    "config:read",
    "config:write",
    "tunnels:write",
    "pollers:read",
}
_OPERATOR: frozenset[Permission] = _VIEWER | {
    "users:read",
    "installs:read",
    "pollers:read",
    "quarantine:read",
    "tenants:read",
}
_OF_THE_PLATFORM: frozenset[Permission] = frozenset(
    ("tenants:read", "tenants:write", "settings:read", "settings:write", "quarantine:write")
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "platform_admin": EVERYTHING,
    "platform_operator": _OPERATOR,
    "tenant_admin": EVERYTHING - _OF_THE_PLATFORM,
    "manager": _MANAGER,
    "engineer": _ENGINEER,
    "viewer": _VIEWER,
    "wall": _WALL,
}
"""What each role may do where it holds."""

_KEY_READ: frozenset[Permission] = _VIEWER - {"tenant:read"}
SCOPE_PERMISSIONS: Mapping[Scope, frozenset[Permission]] = {
    "read": _KEY_READ,
    "metrics": frozenset(("devices:read", "metrics:read")),
    "write_device": frozenset(
        (
            *("devices:read", "sites:read", "links:read", "tags:read", "edits:read"),
            *("devices:write", "sites:write", "links:write", "tags:write", "edits:write"),
        )
    ),
    "write_alert": frozenset(("alerts:read", "alerts:write")),
    "write_config": frozenset(("config:read", "config:write", "devices:read")),
}
"""What each scope of an API key gives."""

_KIND_PERMISSION: Mapping[str, Permission] = {
    "device": "devices:write",
    "site": "sites:write",
    "link": "links:write",
    "rule": "rules:write",
    "maintenance": "maintenance:write",
    "credential": "credentials:write",
}


def key_permissions(scopes: Iterable[Scope], maker: frozenset[Permission]) -> frozenset[Permission]:
    """Return what a key may do: what its scopes give, of that what its maker may do, never more than an engineer."""
    given: frozenset[Permission] = frozenset().union(*(SCOPE_PERMISSIONS[scope] for scope in scopes))
    return given & maker & PERMISSIONS["engineer"]


def permission_to_edit(kind: Kind) -> Permission:
    """Return what a step of an edit takes; what is no resource of its own (diagrams, photographs, finds) goes with edits."""
    return _KIND_PERMISSION.get(kind, "edits:write")


def may_give(giver: Role, role: Role) -> bool:
    """Tell whether one role may make another member: never a role that can do what the giver cannot."""
    return "users:write" in PERMISSIONS[giver] and PERMISSIONS[role] <= PERMISSIONS[giver]


class Reach(msgspec.Struct, frozen=True):
    """Where a role holds within a tenant: at all sites (`sites` None), or at some of them and what stands there.

    One that is limited to sites does not reach what stands at no site.
    """

    sites: frozenset[UUID] | None = None

    def covers(self, site: UUID | None) -> bool:
        """Tell whether a thing at this site is within reach."""
        return self.sites is None or site in self.sites

    def spans(self, inner: Reach) -> bool:
        """Tell whether everything that `inner` reaches is within reach."""
        return self.sites is None or (inner.sites is not None and inner.sites <= self.sites)

    def within(self, outer: Reach) -> Reach:
        """Return what both reach."""
        if self.sites is None or outer.sites is None:
            return outer if self.sites is None else self
        return Reach(self.sites & outer.sites)

    def widened(self, pops: Mapping[UUID, UUID | None]) -> Reach:
        """Return the reach with every site beneath a named one; `pops` is the site that each hangs under."""
        if self.sites is None:
            return self
        found = set(self.sites)
        for site in pops:
            path: list[UUID] = []
            above: UUID | None = site
            while above is not None and above not in found and above not in path:
                path.append(above)
                above = pops.get(above)
            if above in found:
                found.update(path)
        return Reach(frozenset(found))


EVERYWHERE = Reach()
