"""What each route takes, written down a second time: whoever loosens one has to say so here too. Counterpart: `test_matrix.py`.

One rule: a line is a permission, or who else, and the routes that it opens; "of" says where it is not a tenant's.
"""

from __future__ import annotations

API = """
alerts:read: GET /alerts, GET /alerts/counts, GET /alerts/{id}
alerts:write: POST /alerts, POST /alerts/{id}/acknowledge, POST /alerts/{id}/assign, POST /alerts/{id}/comment,
    POST /alerts/{id}/reopen, POST /alerts/{id}/resolve
anybody: POST /auth/founding, POST /auth/link, POST /auth/link/take, POST /auth/login, POST /auth/refresh,
    POST /hooks/{id}, POST /telemetry
audit:read of either: GET /audit, GET /audit/verify
credentials:read: GET /credentials/{id}/audience, GET /sharing, GET /sharing/credentials
credentials:write: POST+PUT /credentials/{id}/audience, GET /credentials/{id}/installs, PUT /credentials/{id}/secret,
    PUT /credentials/{id}/wraps, GET+POST /installs/{id}/owed
devices:read: GET /devices, GET /devices/{id}, GET /devices/{id}/shadow
devices:write: POST /devices, DELETE+PATCH /devices/{id}
edits:read: GET /edits, POST /installs, POST /installs/{id}/proof, POST /installs/{id}/wraps
edits:write: POST /edits, POST /edits/{id}/undo, PUT /maps/{id}, PUT /pictures/{id}
events:read: GET /events
installs:read: GET /installs, GET /installs/{id}/exposed
installs:write: DELETE+PATCH /installs/{id}
keys:read: GET /hooks, GET /keys, GET /keys/{id}, GET /push-keys, GET /push-keys/{id}
keys:write: POST /hooks, DELETE /hooks/{id}, POST /keys, DELETE+PATCH /keys/{id}, POST /push-keys,
    DELETE /push-keys/{id}
links:read: GET /links, GET /links/{id}
links:write: POST /links, DELETE+PATCH /links/{id}
metrics:read: GET /devices/{id}/metrics, GET /devices/{id}/series, GET /metrics, GET /metrics/latest
pollers:read: GET /pollers
quarantine:read: GET /quarantine, GET /quarantine/{id}
quarantine:write: DELETE /quarantine/{id}, POST /quarantine/{id}/replay
rules:read: GET /rules, GET /rules/{id}
rules:write: POST /rules, DELETE+PATCH /rules/{id}
settings:write of platform: POST /platform/users, DELETE+PATCH /platform/users/{id}, POST /platform/users/{id}/link,
    DELETE /platform/users/{id}/totp
signed in: POST /auth/logout, GET /auth/me, POST /auth/password, GET /auth/sessions, DELETE /auth/sessions/{id},
    POST /auth/stream-token, POST /auth/switch, POST /auth/totp, POST /auth/totp/confirm, POST /auth/totp/remove
sites:read: GET /sites, GET /sites/{id}, GET /maps, GET /maps/{id}, GET /pictures,
    GET /pictures/{id}
sites:write: POST /sites, DELETE+PATCH /sites/{id}
tags:read: GET /tags
tags:write: DELETE+PATCH /tags/{id}
tenant:read: GET /tenant
tenant:write: PATCH /tenant
tenants:read of platform: GET /platform/users, GET /platform/users/{id}, GET /tenants, GET /tenants/{id}
tenants:write of platform: POST /tenants, PATCH /tenants/{id}
users:read: GET /users, GET /users/{id}
users:write: POST /users, DELETE+PATCH /users/{id}, POST /users/{id}/link, DELETE /users/{id}/sessions,
    DELETE /users/{id}/totp
"""

PAGES = """
alerts:read: GET /admin/alerts, GET /admin/alerts/{id}
alerts:write: POST /admin/alerts/{id}/acknowledge, POST /admin/alerts/{id}/assign, POST /admin/alerts/{id}/comment,
    POST /admin/alerts/{id}/reopen, POST /admin/alerts/{id}/resolve, POST /admin/alerts/{id}/take
anybody: GET /, GET+POST /admin/login, GET /link, POST /link/found, POST /link/look, POST /link/take
audit:read: GET /admin/audit, GET /admin/audit/export, GET /admin/audit/verify
devices:read: GET /admin/devices, GET /admin/devices/{id}, GET /admin/map
installs:read: GET /admin/installs, GET /admin/installs/{id}, GET /admin/pollers
installs:write: POST /admin/installs/{id}, POST /admin/installs/{id}/revoke
keys:read: GET /admin/hooks, GET /admin/keys, GET /admin/push-keys
keys:write: POST /admin/hooks, POST /admin/hooks/{id}/end, POST /admin/keys, POST /admin/keys/{id}/end, POST /admin/push-keys,
    POST /admin/push-keys/{id}/end
quarantine:read: GET /admin/quarantine
quarantine:write: POST /admin/quarantine/{id}/drop, POST /admin/quarantine/{id}/replay
rules:read: GET /admin/rules, GET /admin/rules/{id}
rules:write: POST /admin/rules, POST /admin/rules/{id}, POST /admin/rules/{id}/delete, POST /admin/rules/{id}/off,
    POST /admin/rules/{id}/on
settings:read: GET /admin/settings
settings:write: POST /admin/operators, POST /admin/operators/{id}, POST /admin/operators/{id}/authenticator,
    POST /admin/operators/{id}/close, POST /admin/operators/{id}/link, POST /admin/operators/{id}/open,
    POST /admin/operators/{id}/remove
signed in: GET /admin, GET /admin/account, GET /admin/roles, POST /admin/account/authenticator,
    POST /admin/account/authenticator/confirm, POST /admin/account/authenticator/remove, POST /admin/account/password,
    POST /admin/account/sessions/{id}/end, POST /admin/logout, POST /admin/switch
sites:read: GET /admin/photos/{id}, GET /admin/sites, GET /admin/sites/{id}
tenant:read: GET /admin/usage
tenant:write: POST /admin/usage
tenants:read: GET /admin/all-devices, GET /admin/operators, GET /admin/operators/{id}, GET /admin/overview,
    GET /admin/tenants, GET /admin/tenants/{id}
tenants:write: POST /admin/tenants, POST /admin/tenants/{id}, POST /admin/tenants/{id}/close,
    POST /admin/tenants/{id}/open
users:read: GET /admin/users, GET /admin/users/{id}
users:write: POST /admin/users, POST /admin/users/{id}, POST /admin/users/{id}/authenticator,
    POST /admin/users/{id}/close, POST /admin/users/{id}/link, POST /admin/users/{id}/open,
    POST /admin/users/{id}/remove, POST /admin/users/{id}/sessions
"""


def allowed(table: str) -> dict[tuple[str, str], str]:
    """Return what is allowed by method and path."""
    found: dict[tuple[str, str], str] = {}
    for line in table.strip().replace("\n    ", " ").splitlines():
        allow, _, routes = line.partition(": ")
        for route in routes.split(", "):
            methods, path = route.split()
            found |= {(method, path): allow for method in methods.split("+")}
    return found
