"""What is asked of the network as a whole and of its past: what if, single points of failure, a moment, a timeline.

Counterpart: `engine/inquiries.py` answers. One rule: a question changes nothing, and its answer is capped.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

WHAT_IF_CAP = 1_000
"""Most devices and links that are imagined to fail at once."""
POINTS_OF_FAILURE_CAP = 1_000
TIMELINE_CAP = 500


class WhatIf(msgspec.Struct, tag="what_if", frozen=True):
    """Ask what would be lost if these failed. Reply.result: {"impact": Impact as plain data} (`domain/topology/impact.py`).

    DEVICE_NOT_FOUND and LINK_NOT_FOUND for what is not in the graph; a derived link is one of it.
    """

    request: int
    devices: tuple[UUID, ...] = ()
    links: tuple[UUID, ...] = ()


class QuerySinglePoints(msgspec.Struct, tag="query_single_points", frozen=True):
    """Ask whose loss alone takes others along. Reply.result: {"points": [SinglePoint as plain data], "more": bool}, the dearest
    first, at most `limit` (<= POINTS_OF_FAILURE_CAP)."""

    request: int
    limit: int = 200


class QueryPast(msgspec.Struct, tag="query_past", frozen=True):
    """Ask what held at a moment. Reply.result: {"at_us", "seq", "from_us", "devices": [{"device", "status", "since_us",
    "reason"}], "links": [{"link", "status", "since_us"}], "alerts": [Alert], "events": [JournalRow]}."""

    request: int
    at_us: int


class RowMark(msgspec.Struct, frozen=True):
    """Where a journal row stands on the timeline."""

    at_us: int
    origin: UUID
    seq: int


class QueryTimeline(msgspec.Struct, tag="query_timeline", frozen=True):
    """Ask what happened between two moments. Reply.result: {"rows": [JournalRow as plain data]}, at most `limit`, newest first.

    Of `subjects`, or of anything; of `kinds`, or all. `before` a mark: the newest that are older than it; `after`: the oldest
    that are newer.
    """

    request: int
    from_us: int
    to_us: int
    subjects: tuple[UUID, ...] | None = None
    kinds: tuple[str, ...] | None = None
    limit: int = 200
    before: RowMark | None = None
    after: RowMark | None = None


NetworkRequest = WhatIf | QuerySinglePoints | QueryPast | QueryTimeline
