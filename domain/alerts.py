"""The life of alerts. Counterpart: `engine/judge/` opens and clears them, people act on them; all of it is journal rows.

Theory: a fingerprint (rule, subject, instance) is one alert, and its `count` numbers its episodes. Every row names its episode
and says how that began, so that rows of several installs may come in any order and more than once:
    a row of a later episode begins that one; one of an earlier episode changes nothing
    of two beginnings of one episode the earlier holds, and of two endings by the judge too: what is cleared stays so
    what was done to it (acts) is a set; what follows from it is read from the set in the order of its times
A row that an episode was absorbed says of the team's episode that it began as early as one that a cut-off computer saw.
Resolving is a person's word: when the judge still sees the condition later, it opens the same episode again, and whoever had
acknowledged it has to do so anew. Silenced is open, but nobody is to be called: planned work, or what lies before it broke.
One rule: `next_alert` never looks at a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid5

import msgspec

from domain.errors import Refusal
from domain.journal import JournalRow
from domain.text import is_one_line, is_prose
from domain.watching import RuleKind, Severity

SEVERITY_RANK: dict[str, int] = {"critical": 0, "warning": 1, "info": 2}
AlertKind = RuleKind | Literal["external"]
"""What an alert's rule looks at; "external": a foreign monitor said so, and it is that one's to clear."""
PersonAct = Literal["acknowledge", "comment", "assign", "resolve", "reopen"]
"""What people do to an alert."""
What = Literal["acknowledged", "commented", "assigned", "resolved", "reopened", "silenced", "unsilenced"]
DONE: dict[PersonAct, What] = {
    "acknowledge": "acknowledged",
    "comment": "commented",
    "assign": "assigned",
    "resolve": "resolved",
    "reopen": "reopened",
}
ACTS_KEPT = 50
"""Newest comments, newest turns of silence, and newest other acts that an alert carries; the journal has all.

Each sort has its own room: nightly work that silences an alert does not push out who has taken it.
"""
TEXT_CAP = 2_000
NAME_CAP = 120
_SPACE = UUID("6f1d2f0e-7c39-4c5e-9d36-0f2f8a4f8a11")


class Act(msgspec.Struct, frozen=True, order=True):
    """One thing that was done to an alert: by a person, or by the judge (`by` is empty). `to` is who has it now."""

    at_us: int
    what: What
    by: str = ""
    text: str = ""
    to: str = ""


class Alert(msgspec.Struct, frozen=True):
    """One fingerprint's newest episode, the `count`th. Open until the judge clears it or a person resolves it.

    `rule` is the key of a built-in rule or the id of another; `instance` the port or sensor it is about, or empty. `title` is
    the rule's name and `reason` why, in words; `value` what was seen and `limit` what it is held against, where there are
    such. The condition began at `since_us`. Below `acts` stands what follows from them.
    """

    id: UUID
    rule: str
    subject: UUID
    severity: Severity
    opened_us: int
    reason: str = ""
    cleared_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str = ""
    count: int = 1
    kind: AlertKind = "device_down"
    instance: str = ""
    title: str = ""
    value: float | None = None
    limit: float | None = None
    since_us: int = 0
    cleared_why: str = ""
    acts: tuple[Act, ...] = ()
    assigned_to: str = ""
    resolved_us: int | None = None
    resolved_by: str = ""
    silenced: str = ""
    """Why nobody is to be called; empty where somebody is."""

    @property
    def is_open(self) -> bool:
        """Neither cleared by the judge nor resolved by a person."""
        return self.cleared_us is None and self.resolved_us is None

    @property
    def touched_us(self) -> int:
        """When the last thing happened to it that it carries."""
        acted_us = self.acts[-1].at_us if self.acts else 0
        return max(self.opened_us, acted_us, self.cleared_us or 0)


class Beginning(msgspec.Struct, frozen=True):
    """How an episode began: what every row about it says."""

    rule: str
    kind: AlertKind
    severity: Severity
    count: int
    opened_us: int
    since_us: int = 0
    instance: str = ""
    title: str = ""
    reason: str = ""
    value: float | None = None
    limit: float | None = None


class Counters(NamedTuple):
    """Open alerts: all that call for somebody, the critical ones of them, those nobody has taken; and the silenced ones apart."""

    total: int
    critical: int
    unacknowledged: int
    silenced: int


def fingerprint(rule: str, subject: UUID, instance: str = "") -> UUID:
    """Return the id that one rule about one subject, and one port or sensor of it, always has."""
    return uuid5(_SPACE, f"{rule}:{subject}:{instance}" if instance else f"{rule}:{subject}")


def counters(alerts: Iterable[Alert]) -> Counters:
    """Count the open alerts."""
    still_open = [alert for alert in alerts if alert.is_open]
    calling = [alert for alert in still_open if not alert.silenced]
    critical = sum(alert.severity == "critical" for alert in calling)
    untaken = sum(alert.acknowledged_us is None for alert in calling)
    return Counters(len(calling), critical, untaken, len(still_open) - len(calling))


# The fold


def body_of(begun: Beginning | Alert, **act: str) -> dict[str, Any]:
    """Return the body of a row about an episode: how it began, and what was done; what is empty is left out."""
    body = {name: getattr(begun, name) for name in Beginning.__struct_fields__}
    return {name: value for name, value in {**body, **act}.items() if value not in ("", None)}


def next_alert(old: Alert | None, row: JournalRow) -> Alert | None:
    """Return the alert after one more journal row about it; a row that is no alert's, or makes no sense, changes nothing."""
    if not row.kind.startswith("alert_") or row.subject is None:
        return old
    try:
        begun = _beginning(old, row)
        if begun is None or (old is not None and begun.count < old.count):
            return old
        if old is None or begun.count > old.count:
            return _with(_begun(begun, row.subject), row)
        mine = _beginning_of(old)
        if begun != mine and (begun.opened_us, repr(begun)) < (mine.opened_us, repr(mine)):
            old = msgspec.structs.replace(old, **_as_fields(begun))
        return _with(old, row)
    except msgspec.ValidationError:
        return old


def _beginning(old: Alert | None, row: JournalRow) -> Beginning | None:
    """Return which episode a row is about. Raises msgspec.ValidationError where it says so in no sane way."""
    if "count" in row.body:
        return msgspec.convert(row.body, Beginning)
    if row.kind != "alert_opened":  # a row from before episodes had numbers: about the one that is known
        return _beginning_of(old) if old is not None else None
    if old is not None and old.is_open:
        return _beginning_of(old)
    rule = row.body.get("rule")
    severity = "critical" if rule == "device_down" else "warning"
    count = old.count + 1 if old is not None else 1
    told = {"rule": rule, "kind": rule, "severity": severity, "count": count, "opened_us": row.at_us}
    return msgspec.convert({**told, "reason": str(row.body.get("reason", ""))}, Beginning)


def _beginning_of(alert: Alert) -> Beginning:
    return Beginning(**{name: getattr(alert, name) for name in Beginning.__struct_fields__})


def _as_fields(begun: Beginning) -> dict[str, Any]:
    return {name: getattr(begun, name) for name in Beginning.__struct_fields__}


def _begun(begun: Beginning, subject: UUID) -> Alert:
    id = fingerprint(begun.rule, subject, begun.instance)
    return Alert(id, subject=subject, **_as_fields(begun))


def _with(alert: Alert, row: JournalRow) -> Alert:
    if row.kind == "alert_cleared":
        why = row.body.get("why", "" if "count" in row.body else row.body.get("reason", ""))
        ended = (row.at_us, str(why))
        if alert.cleared_us is None or ended < (alert.cleared_us, alert.cleared_why):
            return msgspec.structs.replace(alert, cleared_us=ended[0], cleared_why=ended[1])
        return alert
    what = row.kind.removeprefix("alert_")
    if what not in get_args(What):
        return alert
    said = {name: str(row.body.get(name, "")) for name in ("by", "text", "to")}
    act = msgspec.convert({"at_us": row.at_us, "what": what, **said}, Act)
    if act in alert.acts:
        return alert
    before = alert.acts
    if not before and alert.acknowledged_us is not None:  # it was kept before acts were
        before = (Act(alert.acknowledged_us, "acknowledged", alert.acknowledged_by),)
    acts = _kept(sorted({*before, act}))
    return msgspec.structs.replace(alert, acts=acts, **_told_by(acts))


def _kept(acts: list[Act]) -> tuple[Act, ...]:
    """Return the newest of each sort: so many of any order of the same acts are the same."""
    if len(acts) <= ACTS_KEPT:
        return tuple(acts)
    sorts: dict[str, list[Act]] = {"commented": [], "silenced": [], "": []}
    for act in acts:
        sorts[act.what.removeprefix("un") if act.what.removeprefix("un") in sorts else ""].append(act)
    return tuple(sorted(act for some in sorts.values() for act in some[-ACTS_KEPT:]))


def _told_by(acts: Iterable[Act]) -> dict[str, Any]:
    """Return the fields of an alert that follow from its acts, in the order of their times."""
    told: dict[str, Any] = {
        "acknowledged_us": None,
        "acknowledged_by": "",
        "assigned_to": "",
        "resolved_us": None,
        "resolved_by": "",
        "silenced": "",
    }
    for act in acts:
        match act.what:
            case "acknowledged" if told["acknowledged_us"] is None:
                told |= {"acknowledged_us": act.at_us, "acknowledged_by": act.by}
            case "assigned":
                told["assigned_to"] = act.to
            case "resolved" if told["resolved_us"] is None:
                told |= {"resolved_us": act.at_us, "resolved_by": act.by}
            case "reopened":
                told |= {
                    "acknowledged_us": None,
                    "acknowledged_by": "",
                    "resolved_us": None,
                    "resolved_by": "",
                }
            case "silenced":
                told["silenced"] = act.text
            case "unsilenced":
                told["silenced"] = ""
    return told


# What is refused


def act_refusals(alert: Alert, act: PersonAct, by: str, text: str = "", to: str = "") -> list[Refusal]:
    """Return why somebody may not do this to an alert; an empty list where they may. What is done already is no reason."""
    found = []
    if not by.strip():
        found.append(Refusal("MISSING_REQUIRED_FIELD", "who does it is needed", "by", alert.id))
    found += [
        Refusal("INVALID_INPUT", f"1 to {NAME_CAP} plain characters expected", field, alert.id)
        for field, name in (("by", by), ("to", to))
        if len(name) > NAME_CAP or not is_one_line(name)
    ]
    if len(text) > TEXT_CAP:
        said = f"the text has {len(text)} characters, at most {TEXT_CAP}"
        found.append(Refusal("INVALID_INPUT", said, "text", alert.id))
    elif not is_prose(text):
        found.append(Refusal("INVALID_INPUT", "the text holds control characters", "text", alert.id))
    if act == "comment" and not text.strip():
        found.append(Refusal("MISSING_REQUIRED_FIELD", "a comment needs a text", "text", alert.id))
    if act in ("acknowledge", "assign") and not alert.is_open:
        found.append(Refusal("ALERT_CLOSED", "the alert is closed", "act", alert.id))
    if act in ("resolve", "reopen") and alert.cleared_us is not None:
        said = "the alert is cleared: what it was about is over"
        found.append(Refusal("ALERT_CLOSED", said, "act", alert.id))
    return found


def is_done(alert: Alert, act: Act) -> bool:
    """Tell whether an act would change nothing, because the alert is so already."""
    match act.what:
        case "acknowledged":
            return alert.acknowledged_us is not None
        case "assigned":
            return alert.assigned_to == act.to
        case "resolved":
            return alert.resolved_us is not None
        case "reopened":
            return alert.resolved_us is None
        case "silenced" | "unsilenced":
            return alert.silenced == act.text
        case _:
            return False
