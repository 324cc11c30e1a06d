"""Messages that were not stored, kept for whoever looks: invalid ones, and dead letters. Counterpart: `api/quarantine.py`.

Theory: an invalid message tells of a sender that is set up wrongly, and a few of them say as much as many: the newest of each
device are kept, and of a tenant as many as the setting says; with 0 nothing of them is stored. A dead letter is a valid one that
could not be stored in three tries; it waits for a replay, and where there are too many the oldest goes and is said.
One rule: no key is in what is kept.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.ids import RANDOM_BYTES, uuid7
from sync_server.database import Database, Work
from sync_server.push.messages import Kind
from sync_server.settings import Settings

_log = logging.getLogger("sync_server.push")

Way = Literal["http", "mqtt"]
HeldKind = Literal["invalid", "dead"]
OF_DEVICE = 50
"""Invalid messages that are kept of one device."""
BODY_CAP_BYTES = 16_384
"""Most that is kept of a message that is invalid; a valid one is no longer."""
SAID_CAP, REASON_CAP = 500, 60
_KEY = re.compile(rb"hgd_[A-Za-z0-9_-]{4,}")


class Message(NamedTuple):
    """A message of a sender that is known. `key` None and bytes as the body: what could not be read, or whose key is none."""

    tenant: UUID
    key: UUID | None
    device: UUID | None
    kind: Kind
    way: Way
    body: dict[str, Any] | bytes
    heard_us: int


class Held(NamedTuple):
    """A message and why it is held."""

    message: Message
    kind: HeldKind
    reason: str
    said: str
    deliveries: int = 1


class HeldMessages:
    """Writes them. One a server."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._caps: dict[HeldKind, int] = {"invalid": settings.quarantine_rows, "dead": settings.dead_rows}

    async def keep(self, held: Sequence[Held]) -> None:
        """Keep messages, on disk when it returns, and drop the oldest beyond the caps. Raises as `Database.transaction` does."""
        by_tenant: dict[UUID, list[Held]] = {}
        for one in held:
            if self._caps[one.kind]:
                by_tenant.setdefault(one.message.tenant, []).append(one)
        for tenant, some in by_tenant.items():
            async with self._database.transaction(Work(tenant)) as transaction:
                await transaction.executemany(_INSERT, [_row(one) for one in some])
                for kind in {one.kind for one in some}:
                    of_device = OF_DEVICE if kind == "invalid" else self._caps[kind]
                    dropped = await transaction.fetch(_DROP, kind, of_device, self._caps[kind])
                    if dropped and kind == "dead":
                        said = {"tenant_id": str(tenant), "messages": len(dropped)}
                        _log.error("dead_letters_dropped", extra=said)


_INSERT = """
    INSERT INTO identity.held_message
        (tenant_id, id, kind, reason, said, way, topic, key_id, device_id, at_us, deliveries, body)
    VALUES (current_tenant(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_DROP = """
    DELETE FROM identity.held_message WHERE kind = $1 AND id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY device_id ORDER BY id DESC) AS of_device,
                row_number() OVER (ORDER BY id DESC) AS of_all
            FROM identity.held_message WHERE kind = $1
        ) AS counted WHERE of_device > $2 OR of_all > $3
    ) RETURNING id
"""


def _row(held: Held) -> tuple[Any, ...]:
    message = held.message
    body = message.body if isinstance(message.body, bytes) else msgspec.json.encode(message.body)
    id = uuid7(message.heard_us, secrets.token_bytes(RANDOM_BYTES))
    return (
        id,
        held.kind,
        held.reason[:REASON_CAP],
        held.said.replace("\0", "")[:SAID_CAP],
        message.way,
        message.kind,
        message.key,
        message.device,
        message.heard_us,
        held.deliveries,
        _KEY.sub(b"hgd_***", body)[: BODY_CAP_BYTES if held.kind == "invalid" else None],
    )
