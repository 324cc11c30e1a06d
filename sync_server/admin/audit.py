"""Pages of the audit: what was done, filtered, verified, as a file. Counterpart: `api/audit.py`, which reads the rows.

One rule: the file holds the rows that the page's filter finds, the newest first, and no cell of it is a formula.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from domain.errors import RefusedByRule
from sync_server.admin.forms import text_in
from sync_server.admin.frame import when
from sync_server.admin.pages import SAFETY, Pages
from sync_server.api import audit
from sync_server.api.errors import refused
from sync_server.api.pages import LIMIT_RANGE, Page
from sync_server.api.routes import Call

pages = Pages()
EXPORT_CAP_ROWS = 20_000
TEXT_CAP = 256
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "seq",
    "time_utc",
    "by",
    "name",
    "id",
    "act",
    "of",
    "subject",
    "detail",
    "address",
    "agent",
    "request",
    "hash",
)


class Filter(NamedTuple):
    """What rows are wanted; the texts as they were typed."""

    act: str
    actor: str
    subject: str
    since: str
    until: str

    def wanted(self) -> dict[str, Any]:
        """Return what the API's list takes. Raises RefusedByRule."""
        try:
            actor = UUID(self.actor) if self.actor else None
        except ValueError:
            raise refused("INVALID_INPUT", "an id of a person or key expected", "actor") from None
        until = _day(self.until, "until")
        return {
            "act": self.act,
            "actor": actor,
            "subject": self.subject,
            "since_us": _us(_day(self.since, "since")),
            "until_us": _us(None if until is None else until + timedelta(days=1)),
        }

    def query(self) -> str:
        """Return it as it stands in an address."""
        return urlencode({name: text for name, text in self._asdict().items() if text})


@pages.page("/admin/audit", "audit.html", allow="audit:read", of="either")
async def show_audit(call: Call) -> dict[str, Any]:
    """What was done."""
    asked = _filter_of(call)
    try:
        wanted = asked.wanted()
    except RefusedByRule as error:
        return {"rows": [], "filter": asked, "problem": str(error), "people": []}
    rows = await audit.list_audit(call, **wanted)
    people = await call.transaction.fetch(
        "SELECT account_id, name FROM identity.membership ORDER BY name, account_id LIMIT 200"
    )
    return {"rows": rows, "filter": asked, "people": [(str(row[0]), row[1]) for row in people]}


@pages.page("/admin/audit/verify", "verdict.html", allow="audit:read", of="either", limit="bulk")
async def verify(call: Call) -> dict[str, Any]:
    """Whether the chain is whole."""
    return {"verdict": await audit.verify_audit(call)}


@pages.page("/admin/audit/export", allow="audit:read", of="either", limit="bulk")
async def export(call: Call) -> Response:
    """The rows as a file."""
    wanted = _filter_of(call).wanted()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    written, cursor = 0, None
    while written < EXPORT_CAP_ROWS:
        call.page = Page(LIMIT_RANGE[1], cursor)
        rows = await audit.list_audit(call, **wanted)
        writer.writerows([_plain(cell) for cell in _cells(row)] for row in rows)
        written += len(rows)
        cursor = call.shown.next if call.shown is not None else ""
        if not cursor:
            break
    name = f"audit-{datetime.fromtimestamp(call.services.now_s(), UTC):%Y-%m-%d}.csv"
    headers = {**SAFETY, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), headers=headers, media_type="text/csv")


def _filter_of(call: Call) -> Filter:
    asked = call.request.query_params
    return Filter(*(text_in(asked, name, TEXT_CAP) for name in Filter._fields))


def _day(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise refused("INVALID_INPUT", "a day as 2026-11-22 expected", field) from None


def _us(day: date | None) -> int | None:
    if day is None:
        return None
    return max(0, round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000_000))


def _cells(row: audit.AuditRow) -> list[object]:
    detail = json.dumps(row.detail, ensure_ascii=False, sort_keys=True)
    return [
        *(row.seq, when(row.at_us), row.actor_kind, row.actor_name, row.actor or "", row.act),
        *(row.subject_kind, row.subject, detail, row.address, row.agent, row.request, row.hash),
    ]


def _plain(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
