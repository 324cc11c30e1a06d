"""What a cause is called and what is known of it, as sentences; no Qt. Counterpart: `domain/fault.py`, whose words need names.

One rule: a cause is told with its evidence, and by the name that the map shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.planned import planned_of, time_words, works_on
from app.words import BETWEEN, age, age_of, capitalized, clock, count_of, isolated, name_of_link
from domain.fault import Fault, fault_words
from domain.inventory import Device, is_paused

NAMES_SHOWN = 3
FOLLOWED_SHOWN = 8
GONE = "something that was deleted"
OUR_LINE = "this computer's own line"


class Why(NamedTuple):
    """Why a device is as it is. `cause` is what a click leads to; `quiet` what is no fault yet."""

    sentence: str = ""
    reason: str = ""
    cause: UUID | None = None
    quiet: str = ""


def name_of(model: Model, id: UUID) -> str:
    """Return what a device, a link or our own vantage is called within a sentence."""
    inventory = model.inventory
    device, link = inventory.device(id), inventory.link(id)
    if device is not None:
        return isolated(device.name)
    if link is not None:
        return name_of_link(inventory, link)
    derived = model.derived_links.get(id)
    if derived is not None:
        return BETWEEN.join(name_of(model, end) for end in (derived.a, derived.b))
    fault = model.faults.get(id)
    return OUR_LINE if fault is not None and fault.kind == "cut_off" else GONE


def names_of(model: Model, ids: Iterable[UUID]) -> str:
    """Return some names: "A, B and C", "A, B, C and 4 more"."""
    given = list(ids)
    said = [name_of(model, id) for id in given[:NAMES_SHOWN]]
    if len(given) > NAMES_SHOWN:
        said.append(f"{len(given) - NAMES_SHOWN:,} more")
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)


def fault_story(model: Model, fault: Fault) -> str:
    """Return what a fault takes with it, how it was heard last, and who is to blame with it."""
    if fault.kind == "link":
        return weakened_words(model, fault)
    if fault.kind == "cut_off":
        return fault_words(fault)
    seen = fault.last_seen
    said = [fault_words(fault, name_of(model, seen.link) if seen is not None else "")]
    if fault.beside:
        said.append(f"together with {names_of(model, fault.beside)}")
    return "; ".join(filter(None, said))


def weakened_words(model: Model, fault: Fault) -> str:
    """Return who has no second way since a fault: "Lindau R1 and Bregenz R1 have no second way now"."""
    if not fault.weakened:
        return ""
    return (
        f"{names_of(model, fault.weakened)} {'has' if len(fault.weakened) == 1 else 'have'} no second way now"
    )


def followed_words(model: Model, fault: Fault) -> list[str]:
    """Return what living neighbours complain of by a fault: "OSPF neighbour lost at Lindau R1: OSPF full went from 3 to 2"."""
    said = [
        f"{one.title} at {name_of(model, one.subject)}: {isolated(one.reason)}"
        for one in fault.consequences[:FOLLOWED_SHOWN]
    ]
    more = len(fault.consequences) - len(said)
    return [*said, f"and {more:,} more"] if more else said


def takes_short(fault: Fault) -> str:
    """Return what a fault takes down as a column has it: "11 sites, 214 subs"."""
    sites = count_of(fault.sites, "site", "sites") if fault.sites else ""
    if not sites and fault.behind:
        sites = count_of(fault.behind, "device", "devices")
    people = count_of(fault.subscribers, "sub", "subs") if fault.subscribers else ""
    return ", ".join(filter(None, (sites, people)))


def way_in(model: Model, fault: Fault) -> str:
    """Return what somebody who is cut off should look at."""
    devices = [device for id in fault.beside if (device := model.inventory.device(id)) is not None]
    said = "Check this computer's cable, Wi-Fi and VPN."
    if devices:
        first = devices[0]
        many = f" and {count_of(len(devices) - 1, 'other', 'others')}" if len(devices) > 1 else ""
        said += f" The way into the network is {isolated(first.name)} ({first.address}){many}."
    return f"{said} Of the rest nobody knows: nothing alerts of it until the way is back."


# Of one device


def why(model: Model, device: Device, status: str, now_us: int) -> Why:
    """Return why a device is as it is, as far as its surroundings or a plan explain it."""
    if status == "maintenance":
        return _planned(model, device, now_us)
    fault = model.cause_of(device.id)
    if status == "affected" and fault is not None:
        return _behind(model, device, fault, now_us)
    if fault is not None and fault.subject == device.id and status not in ("up", "degraded"):
        return Why(reason=_sentence(fault_story(model, fault)))
    weak = next((fault for fault in model.faults.values() if device.id in fault.weakened), None)
    if weak is None or status == "down":
        return Why()
    name = name_of(model, weak.subject)
    quiet = f"No second way since {clock(weak.since_us, now_us)}: {name} is down"
    return Why(quiet=quiet, cause=weak.subject)


def _behind(model: Model, device: Device, fault: Fault, now_us: int) -> Why:
    down_for = age_of(fault.since_us, now_us)
    health = model.health.get(device.id)
    last = health.last_answer_us if health is not None else None
    heard = f"Its last answer came at {clock(last, now_us)}, {age_of(last, now_us)} ago." if last else ""
    if fault.kind == "cut_off":
        said = f"{_sentence(fault_story(model, fault))} {way_in(model, fault)} {heard}"
        return Why(f"Out of reach for {down_for}", said.strip())
    name = name_of(model, fault.subject)
    roots = [fault.subject, *fault.beside]
    sentence = f"Behind {names_of(model, roots)}, down for {down_for}"
    story = fault_story(model, fault)
    said = f"{capitalized(name)} does not answer since {clock(fault.since_us, now_us)}"
    said = f"{said}: {story}." if story else f"{said}."
    return Why(sentence, f"{said} {heard}".strip(), fault.subject)


def _planned(model: Model, device: Device, now_us: int) -> Why:
    if is_paused(device, now_us):
        until_us = None if device.paused else device.paused_until_us
        until = f"Until {time_words(until_us, now_us)}." if until_us else ""
        return Why("Polling is paused", until)
    work = next(works_on(model.inventory, device, now_us), None)
    if work is None:
        return Why("In maintenance")
    window = planned_of(work, now_us).window
    left = age((window.ends_us - now_us) / 1e6)
    said = f"Until {time_words(window.ends_us, now_us)}, {left} left. It is polled, and alerts of nothing."
    health = model.health.get(device.id)
    if health is not None and health.status in ("down", "degraded", "stale"):
        how = {"down": "It does not answer", "degraded": "It answers in part", "stale": "It is not polled"}
        said += f" {how[health.status]}, for {age_of(health.since_us, now_us)}."
    note = f" Note: {work.note}" if work.note else ""
    return Why(f"Planned work: {isolated(work.name)}", f"{said}{note}")


def _sentence(text: str) -> str:
    return f"{capitalized(text)}." if text else ""
