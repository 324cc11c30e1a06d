"""`/events`: what happened. Counterpart: `domain/journal.py`, the record; alerts and edits are readings of it.

One rule: each kind of row has an index in the order of the clock, so a page is the newest rows of each, put together.
"""

from __future__ import annotations

from typing import Annotated, get_args
from uuid import UUID

from fastapi import Query

from domain.journal import JournalRow, RowKind
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("events")
_WHEN = Query(ge=0, le=2**62)
_COLUMNS = "j.origin, j.seq, j.at_us, j.kind, j.subject, j.body"
_BEFORE = (
    "($1::bigint IS NULL OR (j.at_us <= $1 AND (j.at_us, j.origin, j.seq) < ($1, $2::uuid, $3::bigint)))"
)
_BETWEEN = "($4::bigint IS NULL OR j.at_us >= $4) AND ($5::bigint IS NULL OR j.at_us < $5)"
_ORDER = "ORDER BY j.at_us DESC, j.origin DESC, j.seq DESC LIMIT $7"
_BY_KIND = f"""
    SELECT {_COLUMNS} FROM unnest($6::text[]) AS k (kind) CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM journal j WHERE j.kind = k.kind AND {_BEFORE} AND {_BETWEEN} {_ORDER}
    ) AS j {_ORDER}
"""
_BY_SUBJECT = f"""
    SELECT {_COLUMNS} FROM journal j WHERE j.subject = $8 AND j.kind = ANY ($6::text[]) AND {_BEFORE} AND {_BETWEEN} {_ORDER}
"""


@routes.route("GET", "/events", allow="events:read", gives=list[JournalRow], paged=True)
async def list_events(
    call: Call,
    *,
    kind: Annotated[list[RowKind] | None, Query(max_length=len(get_args(RowKind)))] = None,
    subject: UUID | None = None,
    since_us: Annotated[int | None, _WHEN] = None,
    until_us: Annotated[int | None, _WHEN] = None,
) -> list[JournalRow]:
    """List what happened, the newest first. `kind` may be given several times."""
    at_us, origin, seq = call.page.key(tuple[int, UUID, int]) or (None, None, None)
    kinds = list(dict.fromkeys(kind or get_args(RowKind)))
    arguments = [at_us, origin, seq, since_us, until_us, kinds, call.page.limit + 1]
    if subject is None:
        rows = await call.transaction.fetch(_BY_KIND, *arguments)
    else:
        rows = await call.transaction.fetch(_BY_SUBJECT, *arguments, subject)
    rows, call.shown = cut(rows, call.page, lambda row: (row["at_us"], row["origin"], row["seq"]))
    return [JournalRow(*row) for row in rows]
