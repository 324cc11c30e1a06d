"""`/alerts`: what is wrong, and what people do about it. Counterpart: `domain/alerts.py`, their life; `../ledger.py`, the acts.

One rule: who did it is who asks; what is done already is answered as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query

from domain.alerts import DONE, Alert, PersonAct
from domain.watching import Severity
from sync_server.api.errors import refused
from sync_server.api.lookup import Where
from sync_server.api.pages import cut
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.things import open_ledger
from sync_server.ledger import ALERT_COLUMNS, alert_of

routes = Routes("alerts")
_TEXT = Query(max_length=256)
_OPEN = "t.cleared_us IS NULL AND t.resolved_us IS NULL"


class Said(Body, frozen=True):
    """What is said with an act; may be left out."""

    text: str = ""


class Comment(Body, frozen=True):
    """What somebody says of an alert."""

    text: str


class Assignment(Body, frozen=True):
    """Who is to see to an alert, by name; empty is nobody."""

    to: str
    text: str = ""


class Counts(msgspec.Struct, frozen=True):
    """Open alerts: all that call for somebody, the critical ones of them, those nobody has taken; and the silenced ones apart."""

    total: int
    critical: int
    unacknowledged: int
    silenced: int


@routes.route("GET", "/alerts", allow="alerts:read", gives=list[Alert], paged=True)
async def list_alerts(
    call: Call,
    *,
    state: Literal["open", "closed", "all"] = "open",
    severity: Severity | None = None,
    acknowledged: bool | None = None,
    silenced: bool | None = None,
    subject: UUID | None = None,
    rule: Annotated[str, _TEXT] = "",
    since_us: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> list[Alert]:
    """List alerts, those that were opened last first. `since_us`: opened since then."""
    where = Where()
    if state != "all":
        where.add(_OPEN if state == "open" else f"NOT ({_OPEN})")
    after = call.page.key(tuple[int, UUID])
    if after is not None:
        where.add("(t.opened_us, t.id) < ({0}, {1})", *after)
    where.add_given("t.severity = {0}", severity)
    where.add_given("(t.acknowledged_us IS NOT NULL) = {0}", acknowledged)
    where.add_given("(t.silenced <> '') = {0}", silenced)
    where.add_given("t.subject = {0}", subject)
    where.add_given("t.rule = {0}", rule)
    where.add_given("t.opened_us >= {0}", since_us)
    rows = await call.transaction.fetch(
        f"SELECT {ALERT_COLUMNS} FROM alert t WHERE {where} ORDER BY t.opened_us DESC, t.id DESC"
        f" LIMIT {call.page.limit + 1}",
        *where.arguments,
    )
    rows, call.shown = cut(rows, call.page, lambda row: (row["opened_us"], row["id"]))
    return [alert_of(row) for row in rows]


@routes.route("GET", "/alerts/counts", allow="alerts:read", gives=Counts)
async def count_alerts(call: Call) -> Counts:
    """Count the open alerts."""
    row = await call.transaction.fetchrow(
        "SELECT count(*) FILTER (WHERE silenced = ''), count(*) FILTER (WHERE silenced = '' AND severity = 'critical'),"
        " count(*) FILTER (WHERE silenced = '' AND acknowledged_us IS NULL), count(*) FILTER (WHERE silenced <> '')"
        f" FROM alert t WHERE {_OPEN}"
    )
    assert row is not None
    return Counts(*row)


@routes.route("GET", "/alerts/{id}", allow="alerts:read", gives=Alert)
async def read_alert(call: Call, id: UUID) -> Alert:
    """Return an alert with what was done to it."""
    row = await call.transaction.fetchrow(f"SELECT {ALERT_COLUMNS} FROM alert t WHERE t.id = $1", id)
    if row is None:
        raise refused("ALERT_NOT_FOUND", "there is no such alert")
    return alert_of(row)


async def do_act(call: Call, id: UUID, act: PersonAct) -> Alert:
    """Do what the request's body, of the type in `TAKES`, says of an alert. Raises RefusedByRule."""
    said: Any = call.body
    text, to = said.text.strip(), getattr(said, "to", "").strip()
    ledger = await open_ledger(call)
    alert = await ledger.act(id, act, text, to)
    await call.record(f"alert.{DONE[act]}", ("alert", id), {"text": text, "to": to} if to else {"text": text})
    return alert


TAKES: Mapping[PersonAct, type[Body]] = {
    "acknowledge": Said,
    "comment": Comment,
    "assign": Assignment,
    "resolve": Said,
    "reopen": Said,
}
"""The body of each act."""


def _add_act(act: PersonAct, doc: str) -> None:
    """Declare the route of an act."""

    async def do(call: Call, id: UUID) -> Alert:
        return await do_act(call, id, act)

    do.__name__, do.__doc__ = f"{act}_alert", doc
    routes.route("POST", f"/alerts/{{id}}/{act}", allow="alerts:write", takes=TAKES[act], gives=Alert)(do)


_add_act("acknowledge", "Say that one has seen it and sees to it.")
_add_act("comment", "Say something of it.")
_add_act("assign", "Say who is to see to it.")
_add_act("resolve", "Say that it is over.")
_add_act("reopen", "Say that it is not over after all.")
