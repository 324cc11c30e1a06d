"""`/quarantine`: pushed messages that were not stored, looked at, dropped, tried again. Counterpart: `push/held.py`.

One rule: what is tried again and stored is gone from here in the same moment; what is refused again stays, with the new reason.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query

from sync_server.api.errors import refused
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes
from sync_server.push.held import Message, Way
from sync_server.push.intake import Intake
from sync_server.push.messages import Kind, Wrong, parse_packet

routes = Routes("quarantine")


class HeldMessage(msgspec.Struct, frozen=True):
    """A message that was not stored. `kind` "dead": a valid one, after `deliveries` tries; `at_us` is when it was heard."""

    id: UUID
    kind: Literal["invalid", "dead"]
    reason: str
    said: str
    way: Way
    topic: Kind
    key: UUID | None
    device: UUID | None
    at_us: int
    deliveries: int
    body: str


class Replayed(msgspec.Struct, frozen=True):
    """What became of a message that was tried again: stored and gone from here, or why not."""

    stored: bool
    reason: str = ""
    said: str = ""


_SELECT = (
    "SELECT tenant_id, id, kind, reason, said, way, topic, key_id, device_id, at_us, deliveries, body"
    " FROM identity.held_message"
)
_KINDS = Query(pattern="^(invalid|dead)?$", description="`invalid` or `dead`; else both")


@routes.route("GET", "/quarantine", allow="quarantine:read", gives=list[HeldMessage], paged=True)
async def list_held(call: Call, *, kind: Annotated[str, _KINDS] = "") -> list[HeldMessage]:
    """List the tenant's messages that were not stored, the newest first."""
    rows = await call.transaction.fetch(
        f"{_SELECT} WHERE ($1::uuid IS NULL OR id < $1) AND ($2 = '' OR kind = $2) ORDER BY id DESC LIMIT $3",
        call.page.key(UUID),
        kind,
        call.page.limit + 1,
    )
    rows, call.shown = cut(rows, call.page, lambda row: row["id"])
    return [_held(row) for row in rows]


@routes.route("GET", "/quarantine/{id}", allow="quarantine:read", gives=HeldMessage)
async def read_held(call: Call, id: UUID) -> HeldMessage:
    """Return a message that was not stored."""
    return _held(await _row(call, id))


@routes.route("POST", "/quarantine/{id}/replay", allow="quarantine:write", gives=Replayed)
async def replay_held(call: Call, id: UUID) -> Replayed:
    """Try again to store a message, as of the time when it was heard."""
    row = await _row(call, id, " FOR UPDATE")
    intake: Intake = call.request.app.state.intake
    code, said = "", ""
    try:
        _, bodies = parse_packet(row["body"])
    except Wrong as error:
        bodies, code, said = [], error.code, str(error)
    for number, body in enumerate(bodies):
        names = row["tenant_id"], row["key_id"], row["device_id"], row["topic"], row["way"]
        outcome = await intake.replay(Message(*names, body, row["at_us"] + number))
        if outcome.code:
            code, said = outcome.code, outcome.said
            break
    detail = {
        "kind": row["kind"],
        "reason": code,
        "device": None if row["device_id"] is None else str(row["device_id"]),
    }
    await call.record("quarantine.replayed", ("message", id), detail)
    if code:
        await call.transaction.execute(
            "UPDATE identity.held_message SET reason = $2, said = $3, deliveries = least(deliveries + 1, 30000) WHERE id = $1",
            id,
            code,
            said[:500],
        )
        return Replayed(False, code, said)
    await call.transaction.execute("DELETE FROM identity.held_message WHERE id = $1", id)
    return Replayed(True)


@routes.route("DELETE", "/quarantine/{id}", allow="quarantine:write", status=204)
async def drop_held(call: Call, id: UUID) -> None:
    """Drop a message."""
    row = await _row(call, id)
    await call.transaction.execute("DELETE FROM identity.held_message WHERE id = $1", id)
    await call.record("quarantine.dropped", ("message", id), {"kind": row["kind"], "reason": row["reason"]})


async def _row(call: Call, id: UUID, lock: str = "") -> Any:
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE id = $1{lock}", id)
    if row is None:
        raise refused("MESSAGE_NOT_FOUND", "there is no such message")
    return row


def _held(row: Any) -> HeldMessage:
    fields = {
        name: row[name] for name in ("id", "kind", "reason", "said", "way", "topic", "at_us", "deliveries")
    }
    body = row["body"].decode("utf-8", "replace")
    return HeldMessage(**fields, key=row["key_id"], device=row["device_id"], body=body)
