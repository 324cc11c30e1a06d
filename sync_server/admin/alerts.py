"""Pages of alerts: what is wrong, and what people do about it. Counterpart: `api/alerts.py`.

One rule: a list that is worked through stays the same list: what is done in it is sent with its filter.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import urlencode
from uuid import UUID

from domain.alerts import PersonAct
from domain.errors import Refusal, RefusedByRule
from domain.watching import SEVERITIES, Severity
from sync_server.admin.forms import Form
from sync_server.admin.named import names_of
from sync_server.admin.pages import Pages, Said
from sync_server.api import alerts
from sync_server.api.routes import Call

pages = Pages()
State = Literal["open", "closed", "all"]
STATES: tuple[State, ...] = get_args(State)
TAKEN = {"": None, "no": False, "yes": True}


class Filter(NamedTuple):
    """Which alerts are asked for, as it stands in the address; what makes no sense there is left out."""

    state: State = "open"
    severity: Severity | None = None
    taken: str = ""
    subject: UUID | None = None

    def query(self) -> str:
        """Return it as it stands in an address."""
        said = {name: str(value) for name, value in self._asdict().items() if value}
        return urlencode({} if said == {"state": "open"} else said)


@pages.page("/admin/alerts", "alerts.html", allow="alerts:read")
async def show_alerts(call: Call) -> dict[str, Any]:
    """The tenant's alerts."""
    asked = _filter_of(call)
    counts = await alerts.count_alerts(call)
    found = await alerts.list_alerts(
        call,
        state=asked.state,
        severity=asked.severity,
        acknowledged=TAKEN[asked.taken],
        subject=asked.subject,
    )
    names = await names_of(call, (one.subject for one in found))
    here = [part for part in (asked.query(), _cursor_of(call)) if part]
    return {
        "alerts": found,
        "filter": asked,
        "here": "&".join(here),
        "counts": counts,
        "names": names,
        "severities": SEVERITIES,
    }


@pages.page("/admin/alerts/{id}", "alert.html", allow="alerts:read")
async def show_alert(call: Call, id: UUID) -> dict[str, Any]:
    """An alert, and what was done to it."""
    alert = await alerts.read_alert(call, id)
    return {"alert": alert, "named": (await names_of(call, [alert.subject])).get(alert.subject)}


@pages.act("/admin/alerts/{id}/take", allow="alerts:write", on=show_alerts)
async def take(call: Call, form: Form, id: UUID) -> Said:
    """Acknowledge an alert out of the list."""
    return await _act(call, form, id, "acknowledge", "{} is yours: you see to it.")


@pages.act("/admin/alerts/{id}/acknowledge", allow="alerts:write", on=show_alert)
async def acknowledge(call: Call, form: Form, id: UUID) -> Said:
    """Say that one has seen it and sees to it."""
    return await _act(call, form, id, "acknowledge", "{} is yours: you see to it.")


@pages.act("/admin/alerts/{id}/comment", allow="alerts:write", on=show_alert)
async def comment(call: Call, form: Form, id: UUID) -> Said:
    """Say something of it."""
    return await _act(call, form, id, "comment", "It stands in the history of {}.")


@pages.act("/admin/alerts/{id}/assign", allow="alerts:write", on=show_alert)
async def assign(call: Call, form: Form, id: UUID) -> Said:
    """Say who is to see to it."""
    return await _act(call, form, id, "assign", "Saved: who is to see to {}.")


@pages.act("/admin/alerts/{id}/resolve", allow="alerts:write", on=show_alert)
async def resolve(call: Call, form: Form, id: UUID) -> Said:
    """Say that it is over."""
    return await _act(call, form, id, "resolve", "{} is resolved; it opens again if it is still seen.")


@pages.act("/admin/alerts/{id}/reopen", allow="alerts:write", on=show_alert)
async def reopen(call: Call, form: Form, id: UUID) -> Said:
    """Say that it is not over after all."""
    return await _act(call, form, id, "reopen", "{} is open again.")


async def _act(call: Call, form: Form, id: UUID, act: PersonAct, said: str) -> Said:
    said_with = {"text": form.text("text").strip()} | (
        {"to": form.text("to").strip()} if act == "assign" else {}
    )
    call.body = form.body(alerts.TAKES[act], **said_with)
    try:
        done = await alerts.do_act(call, id, act)
    except RefusedByRule as error:
        raise RefusedByRule([_at_a_field(one) for one in error.refusals]) from None
    called = f"“{done.title or done.rule}”"
    if act == "acknowledge" and done.acknowledged_by != call.who.name:
        return Said(f"{called} was taken by {done.acknowledged_by} already.")
    return Said(said.format(called))


def _at_a_field(refusal: Refusal) -> Refusal:
    """Return a refusal as the page shows it: at a field where the form has it, else as a sentence."""
    if refusal.field in ("text", "to"):
        return refusal
    return Refusal(refusal.code, refusal.message)


def _cursor_of(call: Call) -> str:
    return urlencode({"cursor": call.page.after}) if call.page.after else ""


def _filter_of(call: Call) -> Filter:
    given = call.request.query_params
    state, severity, taken = (given.get(name, "") for name in ("state", "severity", "taken"))
    try:
        subject = UUID(given["subject"]) if given.get("subject") else None
    except ValueError:
        subject = None
    return Filter(
        state if state in STATES else "open",
        severity if severity in SEVERITIES else None,
        taken if taken in TAKEN else "",
        subject,
    )
