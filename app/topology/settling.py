"""What settles a contradiction: the changes to what is drawn that would make it agree with what is told. No Qt.

Counterpart: `domain/evidence_doubts.py`. One rule: every choice is one edit that can be undone, or it only leads to a device.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.model import Model
from app.topology.told import at_port, name_of_device, pct_words, ports_words, sides
from app.topology.told_index import ToldIndex
from app.words import BETWEEN, isolated
from domain.evidence import Contradiction, DerivedLink
from domain.inventory import Link

CHANGES_OFFERED = 4
DEVICES_OFFERED = 4
KIND_WORDS = {
    "other_neighbour": "Another neighbour",
    "elsewhere": "Leads elsewhere",
    "two_neighbours": "Two at one port",
    "mac_twice": "MAC twice",
    "address_twice": "Address twice",
}


class Choice(NamedTuple):
    """One way out: a link as it would be (`new`), a link to delete (`gone`), or a device to look at (`device`)."""

    words: str
    story: str = ""
    new: Link | None = None
    gone: UUID | None = None
    device: UUID | None = None


def choices_of(model: Model, index: ToldIndex, doubt: Contradiction) -> list[Choice]:
    """Return what settles a contradiction, the likeliest first. Leaving it needs no choice."""
    found: list[Choice] = []
    for id in doubt.links:
        link = model.inventory.link(id)
        if link is not None:
            found += _changes(model, index, link)
            found.append(Choice("Delete the drawn link…", "Its two ends stay", gone=id))
    if not found:
        there = [id for id in doubt.devices if model.inventory.device(id) is not None]
        found = [Choice(f"Show {name_of_device(model, id)}", device=id) for id in there[:DEVICES_OFFERED]]
    return found


def _changes(model: Model, index: ToldIndex, link: Link) -> list[Choice]:
    """Return the drawn link as what is told would have it, the surest first."""
    told = [one for one in index.at(link.a, link.b) if one.link is None]
    found = [(one.score, changed, words) for one in told for changed, words in _changed(model, link, one)]
    found.sort(key=lambda each: (-each[0], each[2]))
    return [
        Choice(words, f"As it is told, {pct_words(score)} sure", new=changed)
        for score, changed, words in found[:CHANGES_OFFERED]
    ]


def _changed(model: Model, link: Link, told: DerivedLink) -> Iterator[tuple[Link, str]]:
    """Go over the ways in which one link that is told would be the drawn one: with its ports, or with one of its ends."""
    for side in sides(told):
        if (side.device, side.far) == (link.a, link.b):
            ports = (side.port or link.a_interface, side.far_port or link.b_interface)
            if ports != (link.a_interface, link.b_interface):
                new = msgspec.structs.replace(link, a_interface=ports[0], b_interface=ports[1])
                yield new, f"Change its ports to {ports_words(*ports)}"
            return
    for side in sides(told):
        far = at_port(side.far_port, name_of_device(model, side.far))
        if link.a_interface and (side.device, side.port) == (link.a, link.a_interface):
            new = msgspec.structs.replace(link, b=side.far, b_interface=side.far_port, path=())
            yield new, f"Let it end at {far}"
        if link.b_interface and (side.device, side.port) == (link.b, link.b_interface):
            new = msgspec.structs.replace(link, a=side.far, a_interface=side.far_port, path=())
            yield new, f"Let it begin at {far}"


def about(model: Model, doubt: Contradiction) -> str:
    """Return what a contradiction is about, in few words: the drawn link, or the first device."""
    for id in doubt.links:
        link = model.inventory.link(id)
        if link is not None:
            return BETWEEN.join((name_of_device(model, link.a), name_of_device(model, link.b)))
    return name_of_device(model, doubt.devices[0]) if doubt.devices else ""


def sentence_of(model: Model, doubt: Contradiction) -> str:
    """Return a contradiction as a sentence, in which a name from right to left leaves the rest in its order."""
    said = doubt.words
    for id in doubt.devices:
        device = model.inventory.device(id)
        if device is not None and isolated(device.name) != device.name:
            said = said.replace(device.name, isolated(device.name))
    return f"{said}."
