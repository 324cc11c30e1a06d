"""What happened, as lines of a timeline: words, a group, a symbol. Counterpart: `timeline.py` shows it, `journal.py` says most.

Theory: a line is a journal row in words that stand alone.
One rule: what people do, what restarts and other software are what changes a network, and so it stands out before a fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.panels.alert_words import GONE, name_of
from app.panels.journal import words_of
from app.words import capitalized
from domain.alerts import Alert
from domain.asking import SUBJECTS_CAP
from domain.journal import JournalRow, RowKind

GROUPS: dict[str, tuple[str, tuple[RowKind, ...]]] = {
    "alerts": (
        "Alerts",
        (
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
        ),
    ),
    "status": ("Status", ("status", "link_status")),
    "edits": ("Edits", ("edit_applied", "edit_refused")),
    "restarts": ("Restarts", ("device_restarted", "device_upgraded")),
    "traps": ("Traps", ("trap",)),
    "syslog": ("Syslog", ("syslog", "messages_dropped")),
}
"""What can be left out, by its title and the kinds of rows."""
CHANGES: frozenset[RowKind] = frozenset({"edit_applied", "device_restarted", "device_upgraded"})
"""What stands out."""
GROUP_OF: dict[str, str] = {kind: group for group, (_, kinds) in GROUPS.items() for kind in kinds}
OTHER_ICON = "info"
ICONS = {
    "alerts": "bell",
    "edits": "pencil",
    "restarts": "rotate-ccw",
    "traps": "radio",
    "syslog": "message-square",
}
BEFORE_US = 30 * 60 * 1_000_000
SITE_CAP = 60
"""Most devices of a site that are looked at for what changed before."""


class Event(NamedTuple):
    """One line. `symbol` is a status, or empty: then the icon of the group."""

    key: tuple[UUID, int]
    at_us: int
    group: str
    subject: UUID | None
    words: str
    name: str = ""
    symbol: str = ""
    is_change: bool = False

    @property
    def order(self) -> tuple[int, bytes, int]:
        """Where it stands: the newest first."""
        return (-self.at_us, self.key[0].bytes, -self.key[1])


def event_of(model: Model, row: JournalRow) -> Event | None:
    """Return a journal row as a line; None where it says nothing."""
    words = _words(row)
    if not words:
        return None
    group = GROUP_OF.get(row.kind, "")
    symbol = str(row.body.get("status", "")) if group == "status" else ""
    return Event(
        (row.origin, row.seq),
        row.at_us,
        group,
        row.subject,
        words,
        _name(model, row),
        symbol,
        row.kind in CHANGES,
    )


def kinds_of(groups: Iterable[str]) -> tuple[RowKind, ...]:
    """Return the kinds of rows of some groups."""
    return tuple(kind for group in groups for kind in GROUPS[group][1])


def is_about(row: JournalRow, subjects: frozenset[UUID]) -> bool:
    """Tell whether a row is about any of these: an edit is about all that it names."""
    if row.subject is not None:
        return row.subject in subjects
    touched = row.body.get("touched", ()) if row.kind == "edit_applied" else ()
    named = {pair[1] for pair in touched if isinstance(pair, list | tuple) and len(pair) == 2}
    return any(str(id) in named for id in subjects) if named else False


def around(model: Model, subject: UUID) -> tuple[UUID, ...]:
    """Return what an alert's own timeline is about: its subject, and of a link its ends."""
    link = model.inventory.link(subject)
    return (subject, link.a, link.b) if link is not None else (subject,)


def suspects(model: Model, alert: Alert) -> tuple[UUID, ...]:
    """Return whose changes may have brought an alert about: its subject, its site's devices, its cause, and their links."""
    inventory = model.inventory
    found = dict.fromkeys(around(model, alert.subject))
    for id in list(found):
        fault = model.cause_of(id)
        if fault is not None and fault.kind != "cut_off":
            found |= dict.fromkeys((fault.subject, *fault.beside, *fault.links))
    sites = {device.site for id in found if (device := inventory.device(id)) is not None and device.site}
    beside = [device.id for device in inventory.devices() if device.site in sites]
    found |= dict.fromkeys(beside[:SITE_CAP])
    return tuple(found)[:SUBJECTS_CAP]


def _words(row: JournalRow) -> str:
    body = row.body
    title = str(body.get("title", "") or body.get("rule", "") or "Alert")
    match row.kind:
        case "alert_opened":
            reason = str(body.get("reason", ""))
            return f"{title}: {reason}" if reason else title
        case "alert_cleared":
            why = str(body.get("why", ""))
            return f"Over: {title}, {why}" if why else f"Over: {title}"
        case "edit_applied":
            by = str(body.get("author", ""))
            return f"{words_of(row)}, by {by}" if by else words_of(row)
        case "status" | "link_status":
            return words_of(row)
        case _:
            said = words_of(row)
            return (
                f"{title}: {said[:1].lower()}{said[1:]}" if row.kind.startswith("alert_") and said else said
            )


def _name(model: Model, row: JournalRow) -> str:
    if row.subject is None:
        return ""
    name = name_of(model, row.subject)
    return capitalized(name) if name != GONE else ""
