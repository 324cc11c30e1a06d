"""`/pollers`: who asks a tenant's devices, and whether it still does. Counterpart: `live/presence.py`, which hears them.

Who reaches some sites only sees those that ask what he sees, and how much of that.
One rule: what is known of a line only (its clock, what it has not told) is known while it is connected.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.sharing import InstallKind
from sync_server.api.routes import Call, Routes
from sync_server.live.presence import JUDGE, MATTERS

routes = Routes("pollers")
LISTED_CAP = 200
_LIST = f"""
    SELECT i.id, i.name, i.kind, i.version, coalesce(h.devices, 0) AS devices, h.heard_us, i.seen_us,
        l.since_us AS connected_us, l.computer, l.ahead_us, l.untold, j.install_id IS NOT NULL AS is_judge
    FROM identity.install i
    LEFT JOIN sync.line l ON l.install_id = i.id
    LEFT JOIN sync.lease j ON j.install_id = i.id AND j.name = '{JUDGE}' AND j.until_us > identity.now_us()
    LEFT JOIN (SELECT vantage, count(*) AS devices, max(heard_us) AS heard_us FROM health
        WHERE (SELECT reached_sites()) IS NULL OR device_id IN (SELECT id FROM device) GROUP BY vantage) h
        ON h.vantage = i.id
    WHERE i.ended_us IS NULL AND (i.kind = 'collector' OR h.vantage IS NOT NULL) AND {MATTERS}
    ORDER BY i.name, i.id LIMIT {LISTED_CAP}
"""


class Poller(msgspec.Struct, frozen=True):
    """An install that devices are heard through: how many, and when one was last; `version`: that it last connected with.

    While it is connected: since when, its computer, how far its clock is ahead of the server's, and how many rows of its journal
    it has not told yet. `is_judge`: it holds the team's lease.
    """

    id: UUID
    name: str
    kind: InstallKind
    version: str
    devices: int
    heard_us: int | None
    seen_us: int | None
    connected_us: int | None
    computer: str | None
    ahead_us: int | None
    untold: int | None
    is_judge: bool


@routes.route("GET", "/pollers", allow="pollers:read", gives=list[Poller])
async def list_pollers(call: Call) -> list[Poller]:
    """List who asks devices, by name."""
    return [Poller(**dict(row)) for row in await call.transaction.fetch(_LIST)]
