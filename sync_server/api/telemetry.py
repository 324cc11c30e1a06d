"""`/telemetry`: numbers that devices and other systems push over HTTP. Counterparts: `push/intake.py`; `push/mqtt.py` over MQTT.

A device key goes along as `Authorization: Bearer hgd_...`. The answer comes when what was taken is on disk; each message that
was not taken is told with its reason, and those that were too many at once are to be sent again.
One rule: whose the numbers are, the key says; a message names a device only where the key is for many.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Header

from sync_server.api.errors import refused
from sync_server.api.routes import Body, Call, Routes
from sync_server.push.held import Message
from sync_server.push.intake import Intake, Outcome
from sync_server.push.messages import MESSAGES_CAP, Kind
from sync_server.security.limits import LimitExceeded
from sync_server.security.tokens import TOKEN_CAP, TokenInvalid

routes = Routes("telemetry")


class Telemetry(Body, frozen=True):
    """Messages, 1 to 1,000.

    Each is `{"values": {"name": number or boolean, ...}}`, with `at_us` (microseconds since 1970 UTC, when it was measured;
    without it: now) and, where the key is for any device, `device`. Or `{"reported": {...}}`, what a device says of itself.
    """

    messages: tuple[dict[str, Any], ...]


class NotTaken(msgspec.Struct, frozen=True):
    """A message that was not stored: its place in the body, and why. RATE_LIMIT_EXCEEDED: send it again after `retry_after_s`."""

    place: int
    code: str
    message: str
    retry_after_s: float = 0.0


class Taken(msgspec.Struct, frozen=True):
    """What became of the messages: how many are stored, and what of the others."""

    stored: int
    refused: tuple[NotTaken, ...] = ()


@routes.route("POST", "/telemetry", allow="anybody", takes=Telemetry, gives=Taken)
async def take_telemetry(
    call: Call, *, authorization: Annotated[str, Header(max_length=TOKEN_CAP)] = ""
) -> Taken:
    """Store messages of a device, or of many."""
    bodies = call.body.messages
    if not 0 < len(bodies) <= MESSAGES_CAP:
        raise refused(
            "INVALID_INPUT", f"1 to {MESSAGES_CAP} messages expected, got {len(bodies)}", "messages"
        )
    intake: Intake = call.request.app.state.intake
    secret = authorization.removeprefix("Bearer ").strip()
    key = (await intake.keys_of([secret])).get(secret)
    if key is None:
        intake.count_stranger("http")
        await call.services.admission.spend("api", "telemetry", call.origin.address)
        raise TokenInvalid("no device key of this server, or it is over")
    call.request.state.tenant_id = key.tenant  # for the log
    messages = []
    for body in bodies:
        kind: Kind = "shadow" if "reported" in body else "telemetry"
        device = key.device or _device_in(body)
        messages.append(Message(key.tenant, key.id, device, kind, "http", body, intake.next_us()))
    outcomes = await intake.take(messages)
    wait_s = min(outcome.wait_s for outcome in outcomes)
    if wait_s:
        raise LimitExceeded(round(wait_s * 1e6))
    not_taken = [(place, one) for place, one in enumerate(outcomes) if one.code]
    return Taken(len(messages) - len(not_taken), tuple(_told(place, one) for place, one in not_taken))


def _device_in(body: dict[str, Any]) -> UUID | None:
    try:
        return UUID(body.get("device"))
    except (TypeError, ValueError, AttributeError):
        return None


def _told(place: int, outcome: Outcome) -> NotTaken:
    return NotTaken(place, outcome.code, outcome.said, round(outcome.wait_s, 1))
