"""Which devices and links somebody reaches who reaches some sites only, kept until it changes. Counterpart: `room.py`.

Theory: what decides it is who asks (`View`) and where devices and sites stand, and each change of those is in `sync.touched`. So
once a heartbeat one look into its index says whether anything of the kind was touched; only then reaches are read again.
One rule: reads are of a view, however many lines have it, and of no line.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sync_server.database import Database, Work
from sync_server.live.shelf import View, view_of
from sync_server.security.principal import Principal


class Reached:
    """The reaches of a tenant's views."""

    def __init__(self, database: Database, tenant: UUID) -> None:
        self._database = database
        self._tenant = tenant
        self._kept: dict[View, frozenset[UUID]] = {}
        self._as_of = 0

    async def by_view(self, people: Iterable[Principal]) -> dict[View, frozenset[UUID]]:
        """Return the devices and links that each view of some people reaches. Raises as `Database.transaction` does."""
        wanted = {view_of(who): who for who in people}
        if not wanted:
            return {}
        async with self._database.transaction(Work(self._tenant)) as transaction:
            moved: int | None = await transaction.fetchval(_MOVED, self._as_of)
        if moved is not None:
            self._kept, self._as_of = {}, moved
        self._kept = {view: devices for view, devices in self._kept.items() if view in wanted}
        for view in wanted.keys() - self._kept.keys():
            async with self._database.transaction(wanted[view]) as transaction:
                rows = await transaction.fetch("SELECT id FROM device UNION ALL SELECT id FROM link")
            self._kept[view] = frozenset(UUID(int=row["id"].int) for row in rows)
        return dict(self._kept)


_MOVED = "SELECT max(revision) FROM sync.touched WHERE revision > $1 AND kind IN ('device', 'link', 'site')"
