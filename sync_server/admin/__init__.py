"""The admin in the browser: pages made here, sent whole, with one small script. Counterpart: `sync_server/api/`.

One rule: a page is declared with `pages.Pages` and by nothing else, which asks for the same permissions as the API.
"""

from __future__ import annotations

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """Return the pages of every subject, and what they are dressed in."""
    from sync_server.admin import (  # noqa: PLC0415 they import this package
        account,
        across,
        alerts,
        audit,
        entry,
        files,
        hooks,
        installs,
        inventory,
        keys,
        live_map,
        people,
        photos,
        platform,
        pushed,
        roles,
        rules,
        tenant,
    )

    watched = (live_map, alerts, inventory, tenant, photos, rules)
    known = (people, keys, pushed, hooks, installs, audit)
    pages = (entry, *watched, *known, across, platform, account, roles)
    return [files.router, live_map.router, *(one.pages.router for one in pages)]
