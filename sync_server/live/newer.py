"""What a newer app pushes that this server does not know. Counterparts: `domain/newer.py`, the other way round; `frames.py` asks.

One rule: an edit that is not understood is refused alone and by its id, with the reason; the others of its push are merged.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit
from domain.errors import Refusal
from domain.sync import Outcome

SAID = (
    "the server is older than the app that made this, and does not know what it changes: "
    "update the server, then do it again"
)


class PushInPart(msgspec.Struct, frozen=True):
    """A `Push` with edits that are not understood: of those there is the id alone."""

    edits: tuple[Edit | UUID, ...]


class _Raw(msgspec.Struct):
    type: str
    edits: tuple[dict[str, Any], ...]


def in_part(data: bytes) -> PushInPart | None:
    """Return what is understood of a push, None where it is none, or holds what has no id."""
    try:
        raw = msgspec.msgpack.decode(data, type=_Raw)
        if raw.type != "push":
            return None
        return PushInPart(tuple(_edit(one) for one in raw.edits))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def not_understood(id: UUID) -> Outcome:
    """Return what becomes of an edit that is not understood."""
    return Outcome(id, 0, refusals=(Refusal("UNKNOWN_VERSION", SAID, "version"),))


def _edit(raw: dict[str, Any]) -> Edit | UUID:
    try:
        return msgspec.convert(raw, Edit)
    except (msgspec.ValidationError, RecursionError):
        return msgspec.convert(raw.get("id"), UUID)
