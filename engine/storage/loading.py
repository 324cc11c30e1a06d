"""What a database holds when it is opened; one that is new gets its tenant and its origin. Counterpart: `store.py`.

One rule: of what was observed only that is loaded whose owner is still there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, func, insert, select

from domain.inventory import Tenant
from domain.receiving import ReceiverSettings
from domain.retention import Retention
from engine.storage import rows, tables
from engine.storage.batch import Loaded


class Born(NamedTuple):
    """Whose a new database is, and what its install is called: a team's by its server, or one that is made here."""

    tenant: Tenant
    origin: UUID

    @classmethod
    def alone(cls, new_id: Callable[[], UUID], name: str) -> Born:
        """Return a network of one's own."""
        return cls(Tenant(new_id(), name), new_id())


def load(connection: Connection, now_us: int, born: Born) -> tuple[int, Loaded]:
    """Return the tenant's key and all that the engine starts with; a database that is new is as `born`."""
    if connection.execute(select(tables.tenant.c.id)).first() is None:
        connection.execute(insert(tables.tenant), {"id": born.tenant.id, "name": born.tenant.name})
        origin_row = {"name": "origin", "value": born.origin}
        connection.execute(insert(tables.meta), [origin_row, {"name": "made_us", "value": now_us}])
    mine = tables.tenant.c
    key, id, name = connection.execute(select(mine.key, mine.id, mine.name)).one()
    origin = connection.execute(
        select(tables.meta.c.value).where(tables.meta.c.name == "origin")
    ).scalar_one()
    names = ("retention", "receivers")
    query = select(tables.meta.c.name, tables.meta.c.value).where(tables.meta.c.name.in_(names))
    kept = {row.name: row.value for row in connection.execute(query)}
    inventory = rows.read_inventory(connection, id)
    devices, links = inventory.tables["device"], inventory.tables["link"]
    loaded = Loaded(
        tenant=Tenant(id, name),
        origin=UUID(origin),
        inventory=inventory,
        facts=[fact for fact in rows.read(connection, rows.FACT, id) if fact.subject in devices],
        health=[row for row in rows.read(connection, rows.HEALTH, id) if row.device in devices],
        alerts=rows.read(connection, rows.ALERT, id),
        link_states=[row for row in rows.read(connection, rows.LINK_STATE, id) if row.link in links],
        retention=msgspec.convert(kept.get("retention", {}), Retention),
        receivers=msgspec.convert(kept.get("receivers", {}), ReceiverSettings),
        finds=rows.read_finds(connection, id),
        next_seq=_last_seq(connection, id, UUID(origin)) + 1,
    )
    return key, loaded


def has_edit(connection: Connection, tenant: UUID, id: UUID) -> bool:
    """Tell whether an edit was kept before."""
    here = (tables.edit.c.tenant_id == tenant) & (tables.edit.c.id == id)
    return connection.execute(select(tables.edit.c.id).where(here)).first() is not None


def _last_seq(connection: Connection, tenant: UUID, origin: UUID) -> int:
    here = (tables.journal.c.tenant_id == tenant) & (tables.journal.c.origin == origin)
    return int(
        connection.execute(select(func.coalesce(func.max(tables.journal.c.seq), 0)).where(here)).scalar_one()
    )
