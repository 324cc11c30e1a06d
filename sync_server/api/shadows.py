"""`/devices/{id}/shadow`: what a device reported of itself last. Counterpart: `push/intake.py`, which keeps it.

One rule: it is what the device said, not what is believed of it: facts are what was read.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from sync_server.api.errors import refused
from sync_server.api.routes import Call, Routes

routes = Routes("telemetry")


class Shadow(msgspec.Struct, frozen=True):
    """What a device reported, and when, in microseconds since 1970 UTC."""

    device: UUID
    at_us: int
    reported: dict[str, Any]


@routes.route("GET", "/devices/{id}/shadow", allow="devices:read", gives=Shadow)
async def read_shadow(call: Call, id: UUID) -> Shadow:
    """Return what a device reported of itself last."""
    row = await call.transaction.fetchrow(
        "SELECT s.device_id, s.at_us, s.reported FROM device d JOIN identity.shadow s ON s.device_id = d.id WHERE d.id = $1",
        id,
    )
    if row is None:
        raise refused("SHADOW_NOT_FOUND", "there is no such device, or it has reported nothing")
    return Shadow(*row)
