"""The page of who may do what: roles and scopes of API keys. Counterpart: `domain/roles.py`, of which it is made.

One rule: nothing here says what somebody may do; it is read off the tables that the server itself asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.roles import EVERYTHING, PERMISSIONS, ROLES, SCOPE_PERMISSIONS, SCOPES, Permission
from sync_server.admin.keys import SAID_OF_SCOPES
from sync_server.admin.pages import Pages
from sync_server.api.routes import Call

pages = Pages()
SAID_OF_ROLES = {
    "platform_admin": "runs the server: every tenant, and all that is in it",
    "platform_operator": "looks after the server: reads in every tenant, which is written into its audit",
    "tenant_admin": "runs one tenant: its people, keys, installs and audit, and all that an engineer does",
    "manager": "sees the network, its people and reports, and plans maintenance",
    "engineer": "works on the network: devices, links, rules, alerts, credentials, configurations",
    "viewer": "sees the network, its alerts, rules, edits and reports",
    "wall": "a screen on the wall: sees the network and its alerts",
}
WORDS = {
    "devices": "Devices",
    "sites": "Sites",
    "links": "Links",
    "tags": "Tags",
    "metrics": "Numbers",
    "alerts": "Alerts",
    "events": "Events",
    "rules": "Alert rules",
    "maintenance": "Maintenance",
    "edits": "Edits",
    "reports": "Reports",
    "credentials": "Credentials",
    "config": "Configurations",
    "tunnels": "Tunnels to devices",
    "pollers": "Pollers",
    "quarantine": "Quarantine",
    "users": "People",
    "keys": "Keys and hooks",
    "installs": "Installs",
    "audit": "Audit",
    "tenant": "The tenant's own name and usage",
    "tenants": "Tenants",
    "settings": "Settings of the server",
}
"""What people call the first half of a permission."""


def resources() -> list[str]:
    """Return the first halves of all permissions, in the order of the words for them."""
    found = {one.partition(":")[0] for one in EVERYTHING}
    return sorted(found, key=lambda resource: list(WORDS).index(resource))


def said_of(resource: str, held: Iterable[Permission]) -> str:
    """Return what of a resource somebody with these permissions may do: "read", "change", both, or nothing."""
    may = {one.partition(":")[2] for one in held if one.partition(":")[0] == resource}
    return " and ".join(word for way, word in (("read", "see"), ("write", "change")) if way in may)


@pages.page("/admin/roles", "roles.html", allow="signed in", of="either")
async def show_roles(call: Call) -> dict[str, Any]:
    """Who may do what."""
    return {
        "roles": [(role, SAID_OF_ROLES[role]) for role in ROLES],
        "scopes": [(scope, SAID_OF_SCOPES[scope]) for scope in SCOPES],
        "by_role": [(WORDS[of], [said_of(of, PERMISSIONS[role]) for role in ROLES]) for of in resources()],
        "by_scope": [
            (WORDS[of], said)
            for of in resources()
            if any(said := [said_of(of, SCOPE_PERMISSIONS[scope]) for scope in SCOPES])
        ],
    }
