"""What is asked of the network as a whole and of its past: what if, single points of failure, moments, a timeline.

Counterpart: `engine/inquiries.py` answers. One rule: a question changes nothing, and its answer is capped.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.lag import Lag

WHAT_IF_CAP = 1_000
"""Most devices and links that are imagined to fail at once."""
POINTS_OF_FAILURE_CAP = 1_000
TIMELINE_CAP = 500
LOADS_CAP = 500
"""Most links whose load then is told in one answer."""
BUCKETS_CAP = 500
SUBJECTS_CAP = 1_000
"""Most subjects whose timeline is asked for at once."""
Int64 = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""What a database can hold, and reckon with: moments in microseconds since 1970 UTC, numbers of rows."""


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
    at_us: Int64


class RowMark(msgspec.Struct, frozen=True):
    """Where a journal row stands on the timeline."""

    at_us: Int64
    origin: UUID
    seq: Int64


class QueryTimeline(msgspec.Struct, tag="query_timeline", frozen=True):
    """Ask what happened between two moments. Reply.result: {"rows": [JournalRow as plain data]}, at most `limit`, newest first.

    Of `subjects` (<= SUBJECTS_CAP), or of anything; of `kinds`, or all. `before` a mark: the newest that are older than it;
    `after`: the oldest that are newer.
    """

    request: int
    from_us: Int64
    to_us: Int64
    subjects: tuple[UUID, ...] | None = None
    kinds: tuple[str, ...] | None = None
    limit: int = 200
    before: RowMark | None = None
    after: RowMark | None = None


class QueryMoment(msgspec.Struct, tag="query_moment", frozen=True):
    """Ask for all that a window shows, as it was. Result: {"moment": Moment, "changed": Changed (`domain/wire.py`), "part"}.

    `changed` is what is other than at the moment `base`, as a batch is; with `initial` all of it, because `base` is 0 or was
    forgotten. What is more than one batch comes in parts: while `changed.more`, ask for `part` 1, 2, ... of `number`.
    MOMENT_GONE where that was forgotten: ask anew.
    """

    request: int
    at_us: Int64
    base: int = 0
    number: int = 0
    part: int = 0


class Moment(msgspec.Struct, frozen=True):
    """A moment by its `number`: `seq` is the last journal row that counts, `from_us` when the keyframe before it was kept.

    `from_us` is None where there was none: what is shown then began with nothing known.
    """

    number: int
    at_us: Int64
    seq: Int64
    from_us: int | None


LoadSource = Literal["polls", "hours", "none"]


class LoadThen(msgspec.Struct, frozen=True):
    """What a link carried, bit/s each way (None: not known), and whether a poll tells it or the mean of an hour.

    `lag`: its members and how each was, where it has several; which ports those are is as of today."""

    link: UUID
    ab_bps: float | None = None
    ba_bps: float | None = None
    source: LoadSource = "none"
    lag: Lag | None = None


class QueryLoads(msgspec.Struct, tag="query_loads", frozen=True):
    """Ask what links carried at a moment. Reply.result: {"loads": [LoadThen]}, of at most LOADS_CAP links, as they are drawn
    at the moment `number`, or now where that was forgotten."""

    request: int
    at_us: Int64
    links: tuple[UUID, ...]
    number: int = 0


class Density(msgspec.Struct, frozen=True):
    """What happened in a span, in buckets of one length: how many rows of each kind, and how many devices had which status.

    `events` by kind of row. `most` by status: the most devices that may have had it in the bucket, `last` those at its end. What
    is affected counts as down here.
    """

    from_us: Int64
    to_us: Int64
    events: dict[str, list[int]] = {}
    most: dict[str, list[int]] = {}
    last: dict[str, list[int]] = {}


class QueryDensity(msgspec.Struct, tag="query_density", frozen=True):
    """Ask what happened between two moments, counted. Reply.result: {"density": Density}, of at most BUCKETS_CAP buckets;
    INVALID_INPUT where the span is empty."""

    request: int
    from_us: Int64
    to_us: Int64
    buckets: int = 240


NetworkRequest = (
    WhatIf | QuerySinglePoints | QueryPast | QueryTimeline | QueryMoment | QueryLoads | QueryDensity
)
