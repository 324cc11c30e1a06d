"""The HTTP API, `/api/v1`: one file a resource. Counterpart: programs with an API key, the admin pages, curl.

One rule: a route is declared with `routes.Routes` and by nothing else, which checks token, permission, limit, CSRF and body.
"""

from __future__ import annotations

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """Return the routes of every resource."""
    from sync_server.api import (  # noqa: PLC0415 they import this package
        account,
        alerts,
        audit,
        auth,
        devices,
        edits,
        events,
        hooks,
        installs,
        keys,
        links,
        maps,
        metrics,
        operators,
        pictures,
        pollers,
        push_keys,
        quarantine,
        rules,
        secrets,
        shadows,
        sharing,
        sites,
        tags,
        telemetry,
        tenants,
        users,
        wraps,
    )

    identity = (
        auth,
        account,
        users,
        tenants,
        operators,
        keys,
        audit,
        installs,
        pollers,
        sharing,
        wraps,
        secrets,
    )
    network = (devices, sites, links, tags, edits, alerts, rules, metrics, events, hooks, pictures, maps)
    pushed = (telemetry, shadows, push_keys, quarantine)
    return [one.routes.router for one in (*network, *pushed, *identity)]  # what is asked most is found first
