"""Alerts as rows: what explains what, and in which order; no Qt. Counterpart: `alerts_model.py`, the table made of them.

Theory: a cause stands above what it explains: the devices behind it, which alert for nothing, and whatever alerts of it, of them
and of their links besides. Who is behind a cause the faults say; a link is explained by an end that is down.
One rule: what nobody can work before the way to the network is back stands below that, and nothing above.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.panels.alert_words import fault_story, takes_short
from app.symbols import RANK
from app.team.rights import why_not
from app.words import isolated, name_of_link, subscribers, where
from domain.alerts import SEVERITY_RANK, Alert
from domain.fault import Fault
from domain.inventory import Device, Link

STATUS_OF_KIND: dict[str, str] = {
    "device_down": "down",
    "device_degraded": "degraded",
    "device_stale": "stale",
    "link_down": "down",
    "cut_off": "down",
}
"""What is not named is a fault of something that works: its symbol is that of its severity."""
CAUSES = ("cut_off", "device_down")
"""The kinds that explain others, the first one all."""
PORT_FLAPS = "flaps"
FROM_HERE = "from here"
"""Of an alert that this computer alone judged, while it was cut off from its team."""


class Row(NamedTuple):
    """One line. `device` is what a click selects, `link` where it is about one. Without an alert it is a device that is affected,
    or stands for so many more (`hides`)."""

    alert: Alert | None
    status: str
    what: str
    more: str = ""
    where: str = ""
    takes_down: str = ""
    device: UUID | None = None
    link: UUID | None = None
    since_us: int = 0
    marks: tuple[str, ...] = ()
    """Short words about the alert's past: "×4", "flaps"."""
    under: UUID | None = None
    """The cause that explains it: it is shown indented below that one's row."""
    hides: int = 0
    story: str = ""
    """Of a cause what is known of it; of a row without anything else it is the row itself, over all columns."""
    is_fixed: bool = False
    """Whether it is shown as it was, and nobody can do anything about it."""

    @property
    def key(self) -> tuple[UUID | None, UUID | None, bool, bool]:
        """What makes it the same row, however often it is made anew."""
        if self.alert is not None:
            return (self.alert.id, None, False, False)
        return (self.device, self.under, bool(self.hides), bool(self.story))

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is called by it: it is over, silenced, or not what broke."""
        return self.alert is None or not self.alert.is_open or bool(self.alert.silenced)

    @property
    def may_acknowledge(self) -> bool:
        """Whether it waits for somebody."""
        alert = self.alert
        return not self.is_fixed and not self.is_quiet and alert is not None and alert.acknowledged_us is None

    def holds(self, text: str) -> bool:
        """Whether a folded text is in its words."""
        alert = self.alert
        people = (alert.acknowledged_by, alert.assigned_to, alert.silenced) if alert is not None else ()
        said = (self.what, self.where, self.more, self.story, *self.marks, *people)
        return not text or any(text in words.casefold() for words in said)


class Causes(NamedTuple):
    """The open alerts that explain others, by what they are about, and which subjects flap."""

    of: dict[UUID, Alert]
    flapping: frozenset[tuple[UUID, str]]
    heads: frozenset[int] = frozenset()
    """Their ids as numbers, which are looked up by the thousand."""
    cut_off: UUID | None = None


def causes_of(still_open: Iterable[Alert]) -> Causes:
    """Return who explains whom; of several alerts of one device the gravest, then the oldest."""
    found: dict[UUID, Alert] = {}
    flapping = set()
    for alert in still_open:
        if alert.kind == "flapping":
            flapping.add((alert.subject, alert.instance))
        if alert.kind not in CAUSES:
            continue
        other = found.get(alert.subject)
        if other is None or _gravity(alert) < _gravity(other):
            found[alert.subject] = alert
    cut_off = next((id for id, alert in found.items() if alert.kind == "cut_off"), None)
    heads = frozenset(alert.id.int for alert in found.values())
    return Causes(found, frozenset(flapping), heads, cut_off)


def explained_by(model: Model, alert: Alert, causes: Causes) -> UUID | None:
    """Return the cause below which an alert belongs, or None where it stands for itself."""
    if alert.kind == "cut_off":
        return None
    if alert.silenced and causes.cut_off is not None:
        return causes.cut_off
    if not model.faults and alert.id.int in causes.heads:
        return None
    link = model.inventory.link(alert.subject)
    for subject in (link.a, link.b) if link is not None else (alert.subject,):
        fault = model.cause_of(subject)
        above = fault.subject if fault is not None else None
        if above not in causes.of and subject in causes.of:
            above = subject
        if above in causes.of and causes.of[above].id != alert.id:
            return above
    return None


def row_of(
    model: Model, alert: Alert, under: UUID | None, *, flaps: bool = False, from_here: bool = False
) -> Row:
    """Return an alert in words."""
    inventory = model.inventory
    marks = (f"×{alert.count}",) if alert.count > 1 else ()
    if flaps:
        marks = (*marks, PORT_FLAPS)
    if from_here:
        marks = (*marks, FROM_HERE)
    status = _status_of(alert, under)
    since_us = alert.since_us or alert.opened_us
    base = Row(alert, status, "", alert.reason, since_us=since_us, marks=marks, under=under)
    base = base._replace(is_fixed=bool(why_not(model, "alerts:write")))
    device, link = inventory.device(alert.subject), inventory.link(alert.subject)
    fault = model.faults.get(alert.subject) if alert.is_open else None
    if fault is not None and alert.kind in (*CAUSES, "link_down"):
        story = fault_story(model, fault)
        base = base._replace(since_us=fault.since_us or since_us, takes_down=takes_short(fault), story=story)
        base = base._replace(more="" if story else alert.reason)
    elif device is not None and alert.kind == "device_down":
        base = base._replace(takes_down=subscribers(device.subscribers))
    if device is not None:
        what = f"{isolated(device.name)}{_said_of_device(alert)}"
        return base._replace(what=what, where=where(inventory, device), device=device.id)
    if link is not None:
        return base._replace(
            what=_said_of_link(name_of_link(inventory, link), alert),
            where=_where_link(model, link),
            device=link.a,
            link=link.id,
        )
    if alert.kind == "cut_off":
        return base._replace(what="This computer is cut off from the network", story="")
    return base._replace(what=f"Something that was deleted: {alert.title}".removesuffix(": "))


def story_row(row: Row) -> Row:
    """Return the line below a cause that says what is known of it."""
    return Row(None, "", "", device=row.link or row.device, under=row.device, story=row.story)


def affected_rows(model: Model, fault: Fault, text: str, most: int | None) -> tuple[list[Row], int]:
    """Return the devices behind a fault that hold a text, those with most subscribers first and at most so many; and how many."""
    found = [device for device in _behind(model, fault) if not text or _holds(model, device, text)]
    way_in = frozenset(fault.beside) if fault.kind == "cut_off" else frozenset()

    def weight(device: Device) -> tuple[bool, int, str]:
        return (device.id not in way_in, -device.subscribers, device.name)

    ordered = sorted(found, key=weight) if most is None else nsmallest(most, found, key=weight)
    return [_affected(model, fault, device) for device in ordered], len(found)


def order_of(row: Row) -> tuple[bool, int, int, int, bool, int, int]:
    """Return what sorts rows that stand for themselves: what calls somebody, causes, the gravest, the newest first."""
    alert = row.alert
    if alert is None:
        return (True, 0, 0, 0, False, 0, 0)
    kind = CAUSES.index(alert.kind) if alert.kind in CAUSES else len(CAUSES)
    rank = RANK.get(row.status, RANK["degraded"])
    grave = 0 if alert.kind in CAUSES else SEVERITY_RANK[alert.severity]
    silent = bool(alert.silenced) and alert.kind != "cut_off"
    return (silent, kind, grave, rank, row.link is not None, -alert.opened_us, alert.id.int)


def touched_us(alert: Alert) -> int:
    """Return when an alert opened or ended last."""
    return max(alert.opened_us, alert.cleared_us or 0, alert.resolved_us or 0)


def _behind(model: Model, fault: Fault) -> Iterator[Device]:
    """Go over who is shown as affected by this fault, and by no other; of our own line first the way in."""
    ids = (*fault.beside, *fault.affected) if fault.kind == "cut_off" else fault.affected
    for id in ids:
        device = model.inventory.device(id)
        cause = model.cause_of(id)
        if device is not None and (cause is None or cause.subject == fault.subject):
            yield device


def _affected(model: Model, fault: Fault, device: Device) -> Row:
    health = model.health.get(device.id)
    since_us = health.last_answer_us if health is not None else None
    is_way_in = fault.kind == "cut_off" and device.id in fault.beside
    return Row(
        None,
        model.status_of(device.id) if not is_way_in else "down",
        isolated(device.name),
        "the way into the network" if is_way_in else "",
        where(model.inventory, device),
        subscribers(device.subscribers),
        device.id,
        since_us=since_us or fault.since_us,
        under=fault.subject,
    )


def _holds(model: Model, device: Device, text: str) -> bool:
    return text in device.name.casefold() or text in where(model.inventory, device).casefold()


def _gravity(alert: Alert) -> tuple[int, int, int, str]:
    return (CAUSES.index(alert.kind), SEVERITY_RANK[alert.severity], alert.opened_us, alert.rule)


def _status_of(alert: Alert, under: UUID | None) -> str:
    """Return the symbol of a row: a status, or the alert's severity."""
    if not alert.is_open:
        return "up"
    if alert.silenced:
        return "maintenance" if alert.silenced.startswith("planned work") else "affected"
    status = STATUS_OF_KIND.get(alert.kind, alert.severity)
    return "affected" if under is not None and status == "down" else status


def _where_link(model: Model, link: Link) -> str:
    a = model.inventory.device(link.a)
    return where(model.inventory, a) if a is not None else ""


def _said_of_link(name: str, alert: Alert) -> str:
    if alert.kind == "port_down":
        return f"{name}: {alert.instance}"
    return f"{name} is down" if alert.kind == "link_down" else f"{name}: {alert.title}"


def _said_of_device(alert: Alert) -> str:
    """Return what follows the name of a device."""
    match alert.kind:
        case "device_down":
            return " does not answer"
        case "device_degraded":
            return " answers in part"
        case "device_stale":
            return " is not polled"
        case "port_down":
            return f": {isolated(alert.instance)} is down"
        case _:
            about = f" ({isolated(alert.instance)})" if alert.instance else ""
            return f": {alert.title or alert.rule}{about}"
