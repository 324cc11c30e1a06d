"""The append-only record of what happened. Counterpart: `storage/` keeps it, alerts and the time machine are readings of it.

One rule: (origin, seq) is gap-free per origin and never reused; a row is never changed.
"""

from __future__ import annotations

from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

RowKind = Literal[
    "status",
    "link_status",
    "device_restarted",
    "device_upgraded",
    "alert_opened",
    "alert_acknowledged",
    "alert_commented",
    "alert_assigned",
    "alert_resolved",
    "alert_reopened",
    "alert_silenced",
    "alert_unsilenced",
    "alert_cleared",
    "alert_absorbed",
    "edit_applied",
    "edit_refused",
    "engine_started",
    "judgement_suspended",
    "trap",
    "syslog",
    "messages_dropped",
    "vault_locked",
    "vault_unlocked",
    "keys_rotated",
    "secret_changed",
    "operation_started",
    "operation_ended",
    "tunnel_opened",
    "tunnel_closed",
]
RECEIVED_KINDS = frozenset({"trap", "syslog", "messages_dropped"})
"""What devices sent unasked: it changes no state, so a keyframe need not follow it. Bodies: `receiving.py`."""

SUBJECT_KINDS = frozenset(
    {"status", "link_status", "device_restarted", "device_upgraded", "operation_started", "operation_ended"}
    | {"tunnel_opened", "tunnel_closed"}
    | {kind for kind in get_args(RowKind) if kind.startswith("alert_")}
)
"""What happened to something: a row of these without a subject says nothing, and is refused."""

KEYFRAME_EVERY_S = 600
KEYFRAME_EVERY_ROWS = 5000


class JournalRow(msgspec.Struct, frozen=True):
    """One thing that happened. `body` is plain data, its keys given by `kind`; `subject` a device, link or other id."""

    origin: UUID
    seq: int
    at_us: int
    kind: RowKind
    subject: UUID | None
    body: dict[str, Any] = {}
