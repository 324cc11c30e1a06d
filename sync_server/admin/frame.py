"""What stands around every page, and how a page becomes text. Counterpart: `templates/frame.html`.

One rule: what somebody may not do has no entry in the navigation; that it is refused too, `pages.py` sees to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from domain.alert_rules import amount, span
from domain.roles import Permission
from engine import VERSION
from sync_server.admin.files import STAMP
from sync_server.api.routes import Call, Of
from sync_server.services import Services


class Entry(NamedTuple):
    """A line of the navigation. `needs` None: for everybody who is signed in."""

    path: str
    label: str
    needs: Permission | None
    of: Of


NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Tenant",
        (
            Entry("/admin/map", "Map", "devices:read", "tenant"),
            Entry("/admin/alerts", "Alerts", "alerts:read", "tenant"),
            Entry("/admin/devices", "Devices", "devices:read", "tenant"),
            Entry("/admin/sites", "Sites", "sites:read", "tenant"),
            Entry("/admin/rules", "Alert rules", "rules:read", "tenant"),
            Entry("/admin/users", "People", "users:read", "tenant"),
            Entry("/admin/keys", "API keys", "keys:read", "tenant"),
            Entry("/admin/push-keys", "Device keys", "keys:read", "tenant"),
            Entry("/admin/hooks", "Integrations", "keys:read", "tenant"),
            Entry("/admin/quarantine", "Quarantine", "quarantine:read", "tenant"),
            Entry("/admin/installs", "Installs", "installs:read", "tenant"),
            Entry("/admin/pollers", "Pollers", "installs:read", "tenant"),
            Entry("/admin/usage", "Usage", "tenant:read", "tenant"),
            Entry("/admin/audit", "Audit", "audit:read", "tenant"),
        ),
    ),
    (
        "Platform",
        (
            Entry("/admin/overview", "Overview", "tenants:read", "platform"),
            Entry("/admin/all-devices", "All devices", "tenants:read", "platform"),
            Entry("/admin/tenants", "Tenants", "tenants:read", "platform"),
            Entry("/admin/operators", "Operators", "tenants:read", "platform"),
            Entry("/admin/settings", "Settings", "settings:read", "platform"),
            Entry("/admin/audit", "Platform audit", "audit:read", "either"),
        ),
    ),
    (
        "You",
        (
            Entry("/admin/account", "Your account", None, "either"),
            Entry("/admin/roles", "Who may what", None, "either"),
        ),
    ),
)

_ROLE_NAMES = {
    "platform_admin": "platform administrator",
    "platform_operator": "platform operator",
    "tenant_admin": "administrator",
    "manager": "manager",
    "engineer": "engineer",
    "viewer": "viewer",
    "wall": "wall",
}
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    *(("Windows", "Windows"), ("iPhone", "iPhone"), ("Mac OS", "macOS")),
    *(("Android", "Android"), ("Linux", "Linux")),
)


def entries_for(call: Call) -> list[tuple[str, list[Entry]]]:
    """Return the navigation of who asks."""
    who, found = call.who, []
    for title, entries in NAVIGATION:
        kept = [
            entry
            for entry in entries
            if (entry.needs is None or who.may(entry.needs))
            and (entry.of != "tenant" or who.tenant is not None)
            and (entry.of != "platform" or who.is_platform)
            and (entry.label != "Platform audit" or who.tenant is None)
        ]
        if kept:
            found.append((title, kept))
    return found


async def frame_of(call: Call) -> dict[str, Any]:
    """Return what the frame shows: who asks, where they work, where they could."""
    who = call.who
    rows = await call.transaction.fetch("SELECT id, name FROM identity.tenants_of($1)", who.id)
    name = await call.transaction.fetchval("SELECT name FROM tenant WHERE id = $1", who.tenant)
    return {
        "who": who,
        "tenant_name": name or "",
        "choices": [(row["id"], row["name"]) for row in rows],
        "navigation": entries_for(call),
        "path": call.request.url.path,
    }


def rendered(
    services: Services, template: str, context: Mapping[str, Any], status: int, headers: Mapping[str, str]
) -> Response:
    """Return a page."""
    now_s = services.now_s()
    said = {"who": None, "choices": [], "age": lambda us: age_of(us, now_s), **context}
    text = _templates.get_template(template).render(said)
    return Response(text, status, dict(headers), media_type="text/html")


def age_of(us: int | None, now_s: float) -> str:
    """Return how long ago something was, or in how long it will be, in one unit."""
    if us is None:
        return "never"
    span_s = now_s - us / 1_000_000
    size_s = abs(span_s)
    for unit, of_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size_s >= of_s:
            said = f"{int(size_s // of_s)} {unit}"
            return f"{said} ago" if span_s > 0 else f"in {said}"
    return "now"


def browser_of(agent: str) -> str:
    """Return what a person calls the program that an agent's text tells of."""
    name = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return " on ".join(filter(None, (name, system))) or agent or "unknown"


def size_of(count_bytes: int) -> str:
    """Return a size in one unit."""
    size = float(count_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def when(us: int | None) -> str:
    """Return a time as UTC."""
    return "" if us is None else f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


_templates = Environment(
    loader=PackageLoader("sync_server.admin"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["when"] = when
_templates.filters["size"] = size_of
_templates.filters["browser"] = browser_of
_templates.filters["amount"] = lambda value, metric="": amount(metric, value)
_templates.filters["span"] = span
_templates.filters["role"] = lambda role: _ROLE_NAMES.get(role, role or "API key")
_templates.globals.update(version=VERSION, stamp=STAMP)
