"""Ids of what the server itself makes. Counterpart: `domain/ids.py`.

One rule: made here, never taken from a request.
"""

from __future__ import annotations

import secrets
from uuid import UUID

from domain.ids import RANDOM_BYTES, uuid7
from sync_server.api.routes import Call


def new_id(call: Call) -> UUID:
    """Return a new id."""
    return uuid7(round(call.services.now_s() * 1_000_000), secrets.token_bytes(RANDOM_BYTES))
