"""What the page is told of the network: rows of plain data, made from the mirror. Counterpart: `map_assets/src/network.js`.

One rule: the page learns what it draws and no more; addresses and facts go only into the card that is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from app import words
from app.lags import capacity_bps, member_lines, members_of, members_reason
from app.model import Delta, Model
from app.panels.alert_words import why
from app.team.words import FROM_HERE_NOTE, LOADS_ELSEWHERE, asides, is_unheard
from app.topology.told import name_of_told, ports_words, score_words
from domain.evidence import DerivedLink
from domain.fact import best
from domain.fault import Fault, fault_words
from domain.hierarchy import FAULT_ORDER
from domain.inventory import Device, Link, Site
from domain.load import load_class, load_pct
from domain.topology import LinkThen

Row = dict[str, Any]
MEMBERS_ON_CARD = 4
"""Most members of a link that its card names."""
NOTE_CAP = 300
"""Longest note and reason on a card, in characters."""
NO_WHAT_IF: Row = {"on": False, "failed": [], "lost": [], "weakened": [], "rerouted": [], "loads": []}
"""What leaves a what-if."""
NO_PAST: Row = {"on": False, "at_us": 0, "label": "", "notes": [], "ghosts": []}
"""What leaves the past."""


def whole(model: Model) -> dict[str, Any]:
    """Return the message that tells a fresh page everything."""
    return {
        "reset": True,
        "devices": [row for d in model.inventory.devices() if (row := device_row(model, d))],
        "links": [link_row(link) for link in model.inventory.links()],
        "sites": [row for site in model.inventory.sites() if (row := site_row(site))],
        "health": health_rows(model, model.inventory.tables["device"]),
        "loads": load_rows(model, model.link_states),
    }


def tick(model: Model, delta: Delta) -> dict[str, Any]:
    """Return what the page needs to know of one delta; an empty message where that is nothing."""
    if delta.initial:
        return whole(model)
    inventory = model.inventory
    ids = set(delta.devices)
    if delta.sites:
        ids.update(d.id for d in inventory.devices() if d.site in delta.sites)
    devices = {id: device_row(model, d) for id in ids if (d := inventory.device(id))}
    links = [link_row(link) for id in delta.links if (link := inventory.link(id))]
    sites = {id: site_row(site) for id in delta.sites if (site := inventory.site(id))}
    gone = [id for id, row in (*devices.items(), *sites.items()) if row is None]
    gone += [r.id for r in delta.removed if inventory.get(r.kind, r.id) is None]
    loads = delta.link_states | delta.links
    message: dict[str, Any] = {
        "devices": [row for row in devices.values() if row],
        "links": links,
        "sites": [row for row in sites.values() if row],
        "gone": gone,
        "health": health_rows(model, delta.health | ids),
        "loads": load_rows(model, loads),
    }
    message = {key: rows for key, rows in message.items() if rows}
    if delta.health and (stamp_us := oldest_observation_us(model, delta.health)):
        message["stamp_us"] = stamp_us
    return message


def what_if(
    failed: Iterable[UUID],
    lost: Iterable[UUID],
    weakened: Iterable[UUID],
    rerouted: Iterable[Sequence[UUID]],
    loads: Iterable[Row] = (),
) -> Row:
    """Return the message that shows what would be; each of `rerouted` is the devices that traffic would pass, in their order,
    `loads` are rows of `then_rows`."""
    return {
        "on": True,
        "failed": list(failed),
        "lost": list(lost),
        "weakened": list(weakened),
        "rerouted": [{"path": list(path)} for path in rerouted],
        "loads": list(loads),
    }


def past(at_us: int, label: str, notes: Sequence[str], ghosts: Mapping[UUID, str]) -> Row:
    """Return the message that puts the map into the past; `ghosts` are the statuses of now, where they are others."""
    rows = [{"id": id, "status": status} for id, status in ghosts.items()]
    return {"on": True, "at_us": at_us, "label": label, "notes": list(notes), "ghosts": rows}


def device_row(model: Model, device: Device) -> Row | None:
    """Return where a device is drawn and how it is called, or None where it has no place."""
    place = model.inventory.place_of(device)
    if place is None:
        return None
    return {"id": device.id, "name": device.name, "role": device.role, "lng": place.lng, "lat": place.lat}


def site_row(site: Site) -> Row | None:
    """Return where a site stands and how it is called, or None where it has no place."""
    if site.lng is None or site.lat is None:
        return None
    return {"id": site.id, "name": site.name, "lng": site.lng, "lat": site.lat}


def away_from_site(model: Model, id: UUID | None) -> list[UUID]:
    """Return the devices of a site that have a place of their own; none for what is no site."""
    if model.inventory.site(id) is None:
        return []
    return [device.id for device in model.inventory.devices() if device.site == id and device.lng is not None]


def link_row(link: Link) -> Row:
    """Return how a link runs."""
    return {
        "id": link.id,
        "a": link.a,
        "b": link.b,
        "kind": link.kind,
        "capacity_bps": link.capacity_bps,
        "path": link.path,
    }


def health_rows(model: Model, ids: Iterable[UUID], *, everywhere: bool = False) -> list[Row]:
    """Return the status of the devices that have a place (`everywhere`: of all), and since when; of what is affected its
    cause."""
    rows: list[Row] = []
    for id in ids:
        device = model.inventory.device(id)
        if device is not None and (everywhere or model.inventory.place_of(device) is not None):
            status = model.status_of(id)
            rows.append({"id": id, "status": status, "since_us": model.since_us_of(id)})
            if status == "affected" and (cause := model.cause_of(id)) is not None:
                rows[-1]["cause"] = cause.subject
    return rows


def load_rows(model: Model, ids: Iterable[UUID]) -> list[Row]:
    """Return the status of links, bit/s and load class each way; of those of several members how many they are and how many
    of them are down."""
    rows: list[Row] = []
    for id in ids:
        link, state = model.inventory.link(id), model.link_states.get(id)
        if link is None or state is None:
            continue
        lag, can_bps = members_of(model, link), capacity_bps(model, link)
        classes = [load_class(load_pct(bps, can_bps)) for bps in (state.ab_bps, state.ba_bps)]
        rows.append(
            {
                "id": id,
                "status": state.status,
                "ab_bps": state.ab_bps,
                "ba_bps": state.ba_bps,
                "ab_class": classes[0],
                "ba_class": classes[1],
            }
        )
        if lag is not None:
            rows[-1]["lag"] = (lag.width, lag.down)
    return rows


def then_rows(model: Model, loads: Iterable[LinkThen]) -> list[Row]:
    """Return what links would carry: bit/s and load class each way, and whether that is more than now."""
    rows = []
    for then in loads:
        link = model.inventory.link(then.link)
        if link is None:
            continue
        can_bps = capacity_bps(model, link)
        ab, ba = (load_class(load_pct(bps, can_bps)) for bps in (then.ab_bps, then.ba_bps))
        row = {"id": link.id, "ab_bps": then.ab_bps, "ba_bps": then.ba_bps, "ab_class": ab, "ba_class": ba}
        rows.append({**row, "more": max(then.ab_more_bps, then.ba_more_bps) > 0})
    return rows


def card(model: Model, id: UUID, now_us: int) -> Row | None:
    """Return what the hover card says of a device, link, site or candidate: title, status and lines of (label, value)."""
    device, link, site = model.inventory.device(id), model.inventory.link(id), model.inventory.site(id)
    if device is not None:
        return _device_card(model, device, now_us)
    if site is not None:
        return _site_card(model, site)
    if link is not None:
        return _link_card(model, link, now_us)
    told = model.derived_links.get(id)
    return _candidate_card(model, told, now_us) if told is not None else None


def _device_card(model: Model, device: Device, now_us: int) -> Row:
    health = model.health.get(device.id)
    facts = best(list(model.facts.get(device.id, {}).values()))
    lines = [("Address", device.address)]
    if "model" in facts:
        lines.append(("Model", str(facts["model"].value)))
    if device.subscribers:
        lines.append(("Subscribers", f"{device.subscribers:,}"))
    status = model.status_of(device.id)
    said = _said(status, model.since_us_of(device.id), now_us)
    if status == "maintenance":
        sentence = why(model, device, status, now_us).sentence
        said = sentence[:1].lower() + sentence[1:]
    if health is not None:
        if health.rtt_us is not None:
            lines.append(("Round trip", words.round_trip(health.rtt_us / 1000)))
        if health.last_answer_us:
            lines.append(("Last answer", f"{words.age_of(health.last_answer_us, now_us)} ago"))
    reason = health.reason if health is not None and status not in ("up", "maintenance", "affected") else ""
    return {
        "id": device.id,
        "title": device.name,
        "status": status,
        "said": said,
        "notes": _notes(model, device.id, status, now_us),
        "reason": reason[:NOTE_CAP],
        "lines": lines,
    }


def _site_card(model: Model, site: Site) -> Row:
    counts = Counter(model.status_of(d.id) for d in model.inventory.devices() if d.site == site.id)
    ordered = {status: counts[status] for status in FAULT_ORDER if counts[status]}
    region = model.inventory.region_of(site)
    return {
        "id": site.id,
        "title": site.name,
        "status": next(iter(ordered), "unknown"),
        "said": words.counted(ordered) or "no devices",
        "notes": _of_team(model, site.id),
        "reason": "",
        "lines": [("Region", region)] if region else [],
    }


def _link_card(model: Model, link: Link, now_us: int) -> Row:
    state = model.link_states.get(link.id)
    a, b = model.inventory.device(link.a), model.inventory.device(link.b)
    lines = []
    status, lag = model.link_status_of(link.id), members_of(model, link)
    capacity = capacity_bps(model, link)
    said = _said(status, state.since_us if state is not None and status == state.status else 0, now_us)
    if state is not None:
        for end, bps in ((b, state.ab_bps), (a, state.ba_bps)):
            pct = load_pct(bps, capacity)
            load = words.rate(bps) + (f", {pct:.0f} %" if pct is not None else "")
            lines.append((f"To {end.name if end else '?'}", load))
    if capacity:
        lines.append(("Capacity", words.rate(capacity)))
    lines.append(("Kind", link.kind))
    if lag is not None:
        lines += member_lines(model, lag, MEMBERS_ON_CARD)
    title = words.name_of_link(model.inventory, link)
    notes = _notes(model, link.id, status, now_us)
    is_unknown = state is None or (state.ab_bps, state.ba_bps) == (None, None)
    if is_unknown and model.today is not None and is_unheard(model.today.team):
        notes.append(LOADS_ELSEWHERE)
    return {
        "id": link.id,
        "title": title,
        "status": status,
        "said": said,
        "notes": notes,
        "reason": members_reason(model, lag)[:NOTE_CAP] if lag is not None else "",
        "lines": lines,
    }


def _candidate_card(model: Model, told: DerivedLink, now_us: int) -> Row:
    return {
        "id": told.id,
        "title": name_of_told(model, told),
        "status": "unknown",
        "said": "a candidate: nobody has drawn it",
        "notes": [score_words(model, told, now_us)[:NOTE_CAP], "Click to adopt it"],
        "reason": "",
        "lines": [("Ports", ports)] if (ports := ports_words(told.a_interface, told.b_interface)) else [],
    }


def _notes(model: Model, id: UUID, status: str, now_us: int) -> list[str]:
    """Return what a fault means for a thing: what is before it, what it takes with it, what it has lost."""
    own = model.faults.get(id)
    if status == "affected" and (cause := model.cause_of(id)) is not None:
        return [_behind_words(model, cause, now_us), *_of_team(model, id)]
    notes = []
    if own is not None and status != "maintenance":
        seen = own.last_seen and model.inventory.link(own.last_seen.link)
        notes.append(
            words.capitalized(fault_words(own, words.name_of_link(model.inventory, seen) if seen else ""))
        )
    notes += [
        f"Has one way left: {_name_of(model, fault.subject)} has been down for {words.age_of(fault.since_us, now_us)}"
        for fault in model.faults.values()
        if id in fault.weakened
    ]
    return [note[:NOTE_CAP] for note in notes if note] + _of_team(model, id)


def _of_team(model: Model, id: UUID) -> list[str]:
    """Return what the team adds: what is not confirmed yet, and who else is there."""
    team = (model.today or model).team
    local = map(model.alerts.get, team.local_alerts if team is not None else ())
    is_alerted = any(alert is not None and alert.is_open and alert.subject == id for alert in local)
    found = asides(team, model.inventory, id)
    return [note[:NOTE_CAP] for note in ([FROM_HERE_NOTE, *found] if is_alerted else found)]


def _behind_words(model: Model, cause: Fault, now_us: int) -> str:
    if cause.kind == "cut_off":
        return words.capitalized(fault_words(cause))
    age = words.age_of(cause.since_us, now_us)
    return f"Behind {_name_of(model, cause.subject)}, which has been down for {age}"


def _name_of(model: Model, id: UUID) -> str:
    device, link = model.inventory.device(id), model.inventory.link(id)
    if device is not None:
        return words.isolated(device.name)
    return words.name_of_link(model.inventory, link) if link is not None else "something deleted"


def _said(status: str, since_us: int, now_us: int) -> str:
    """Return the sentence as it stands beside its symbol, where a line does not begin."""
    sentence = words.sentence(status, since_us, now_us)
    return sentence[:1].lower() + sentence[1:]


def oldest_observation_us(model: Model, ids: Iterable[UUID]) -> int | None:
    heard = [h.heard_us for id in ids if (h := model.health.get(id)) and h.status != "stale"]
    return min(heard, default=0) or None
