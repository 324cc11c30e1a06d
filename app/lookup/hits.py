"""What a typed text finds, best first: things of the network, commands, places. Counterpart: `book.py` knows what there is.

One rule: how well it matches comes first, then whether it is the name that does, then what is at fault.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

from PySide6.QtGui import QAction, QKeySequence

from app.lookup.book import NAME_LINES, Book, Key
from app.lookup.text_index import BEGINS, EXACT, HOLDS, WORD_BEGINS, Match, fold
from app.model import Model
from app.panels.finder import Entry
from app.symbols import RANK
from app.words import capitalized, name_of_link, where
from domain.coordinates import place_words, read_places
from domain.geometry import LngLat

HITS_SHOWN = 12
FAULTS_SHOWN = 5
"""Before anything is typed: what is wrong now, then what can be done."""
_ORDER = {"site": 0, "device": 0, "link": 1, "alert": 2}


class Ways(NamedTuple):
    """What is done with what is taken."""

    to_subject: Callable[[UUID], None]
    to_site: Callable[[UUID], None]
    to_place: Callable[[LngLat], None]


def search(model: Model, book: Book, actions: Iterable[QAction], text: str, ways: Ways) -> list[Entry]:
    """Return what a text finds, at most `HITS_SHOWN`; for an empty one what is at fault, then what can be done."""
    if not text.strip():
        return [*_faults(model, ways), *(_command(action) for action in actions if action.isEnabled())][
            :HITS_SHOWN
        ]
    places = [
        Entry(place_words(place), lambda place=place: ways.to_place(place), "Fly there", icon="map-pin")  # type: ignore[misc]
        for place in read_places(text)
    ]
    found = [(_worth(model, key, match), key, match) for key, match in book.find(text).items()]
    best = heapq.nsmallest(HITS_SHOWN, found, key=lambda hit: hit[0])
    ranked = [
        ((how, weight), _entry(model, book, key, match, ways)) for (how, weight, *_), key, match in best
    ]
    typed = fold(text)
    for action in actions:
        how = _how(fold(action.iconText()), typed) if action.isEnabled() else None
        if how is not None:
            ranked.append(((how, -1), _command(action)))
    ranked.sort(key=lambda pair: pair[0])
    return [*places, *(entry for _, entry in ranked)][:HITS_SHOWN]


def _faults(model: Model, ways: Ways) -> list[Entry]:
    odd = [
        (RANK[status], device.name.casefold(), device.id)
        for device in model.inventory.devices()
        if RANK[status := model.status_of(device.id)] < RANK["stale"]
    ]
    return [_device_entry(model, id, "", ways) for *_, id in heapq.nsmallest(FAULTS_SHOWN, odd)]


def _worth(model: Model, key: Key, match: Match) -> tuple[int, int, int, int, str]:
    """Return what sorts a hit: how it matches, whether by its name, what it is, how it fares, its name."""
    weight = max(0, match.line - NAME_LINES + 1)
    match key.sort:
        case "device":
            device = model.inventory.device(key.id)
            name, rank = (device.name if device else ""), RANK[model.status_of(key.id)]
        case "link":
            name, rank = "", RANK[model.link_status_of(key.id)]
        case "site":
            site = model.inventory.site(key.id)
            name, rank = (site.name if site else ""), RANK["stale"]  # behind what is at fault there
        case "alert":
            name, rank = "", 0
    return match.how, min(weight, 2), _ORDER[key.sort], rank, name.casefold()


def _entry(model: Model, book: Book, key: Key, match: Match, ways: Ways) -> Entry:
    """Return how a hit is shown: beside its name what it was found by, where that is not the name."""
    line = book.line(key, match.line) if match.line >= NAME_LINES else None
    why = (
        f"{line.label} {line.said}".strip()
        if line is not None and line.label not in ("Address", "Site")
        else ""
    )
    inventory = model.inventory
    if key.sort == "device":
        return _device_entry(model, key.id, why, ways)
    if key.sort == "link" and (link := inventory.link(key.id)) is not None:
        quiet = why or f"{link.kind} link"
        title, status = name_of_link(inventory, link), model.link_status_of(link.id)
        return Entry(title, lambda: ways.to_subject(key.id), quiet, status=status)
    if key.sort == "site" and (site := inventory.site(key.id)) is not None:
        return Entry(
            site.name,
            lambda: ways.to_site(key.id),
            why or f"{inventory.region_of(site)}  site".strip(),
            icon="map-pin",
        )
    alert = model.alerts[key.id]
    title = capitalized(alert.title or alert.kind.replace("_", " "))
    subject = book.line(key, NAME_LINES).said
    return Entry(title, lambda: ways.to_subject(alert.subject), f"{subject}  alert".strip(), icon="bell")


def _device_entry(model: Model, id: UUID, why: str, ways: Ways) -> Entry:
    device = model.inventory.device(id)
    if device is None:
        return Entry("", None)
    place = where(model.inventory, device)
    quiet = why or (f"{place}  {device.address}" if place else device.address)
    return Entry(device.name, lambda: ways.to_subject(id), quiet, status=model.status_of(id))


def _command(action: QAction) -> Entry:
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return Entry(action.iconText(), action.trigger, keys)


def _how(said: str, typed: str) -> int | None:
    if said.startswith(typed):
        return EXACT if said == typed else BEGINS
    if typed not in said:
        return None
    return WORD_BEGINS if f" {typed}" in said else HOLDS
