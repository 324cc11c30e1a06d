"""What the ids in a list are called. Counterpart: the inventory, as whoever asks sees it.

One rule: what is not within reach has no name here, and its page is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sync_server.api.routes import Call

_NAMES = """
    SELECT d.id, d.name, d.id AS device FROM device d WHERE d.id = ANY ($1::uuid[])
    UNION ALL
    SELECT l.id, a.name || ' – ' || b.name, a.id FROM link l JOIN device a ON a.id = l.a_id JOIN device b ON b.id = l.b_id
    WHERE l.id = ANY ($1::uuid[])
    UNION ALL
    SELECT i.id, i.name, NULL FROM identity.install i WHERE $2 AND i.id = ANY ($1::uuid[])
"""


class Named(NamedTuple):
    """A name, and the device whose page tells more, None where none does."""

    name: str
    device: UUID | None


async def names_of(call: Call, ids: Iterable[UUID | None]) -> dict[UUID, Named]:
    """Return what devices and links (by their ends) are called, by id, and installs for who is limited to no sites."""
    wanted = list({id for id in ids if id is not None})
    rows = await call.transaction.fetch(_NAMES, wanted, call.who.reach.sites is None)
    return {row["id"]: Named(row["name"], row["device"]) for row in rows}
