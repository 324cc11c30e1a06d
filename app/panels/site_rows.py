"""What stands at a site or in a region, as rows; no Qt. Counterpart: `domain/hierarchy.py` knows it, `site.py` shows it.

One rule: what fares worst stands first.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.panels.alert_rows import row_of
from app.panels.alert_words import name_of
from app.panels.facts import Line
from app.panels.rows_model import Column, count_column, natural
from app.placing import is_inherited
from app.symbols import RANK
from app.words import UNKNOWN, age, age_of, capitalized, count_of, counted, isolated, place
from domain.alerts import Alert
from domain.hierarchy import Hierarchy, Key
from domain.inventory import Site

CAUSES_SHOWN = 3


class DeviceRow(NamedTuple):
    """A device at or below the place; `where` is its site, where that is another; `stands` says whose place it has."""

    key: str
    device: UUID
    name: str
    where: str
    status: str
    stands: str
    subscribers: int


class SiteRow(NamedTuple):
    """A site under the place, with all that is below it."""

    key: str
    site: UUID
    name: str
    faring: str
    status: str
    devices: int
    subscribers: int


class AlertRow(NamedTuple):
    """An open alert of something at or below the place; its subject is what a click leads to."""

    key: str
    subject: UUID
    what: str
    status: str
    age: str
    since_us: int


_SUBSCRIBERS = count_column("Subs", "subscribers", 56)
DEVICES = (
    Column(
        "Device",
        lambda row: row.name,
        status=lambda row: row.status,
        quiet=lambda row: row.where,
        order=lambda row: (RANK[row.status], natural(row.name)),
    ),
    Column("Place", lambda row: row.stands, 58, 1, is_text=True),
    _SUBSCRIBERS,
)
SITES = (
    Column(
        "Site",
        lambda row: row.name,
        status=lambda row: row.status,
        quiet=lambda row: row.faring,
        order=lambda row: (RANK[row.status], natural(row.name)),
    ),
    count_column("Devices", "devices", 62, 1),
    _SUBSCRIBERS,
)
ALERTS = (
    Column("What", lambda row: row.what, status=lambda row: row.status),
    Column("Age", lambda row: row.age, 62, order=lambda row: -row.since_us),
)


def device_rows(model: Model, tree: Hierarchy, key: Key) -> list[DeviceRow]:
    """Return the devices at or below a place."""
    inventory = model.inventory
    found: list[tuple[bool, DeviceRow]] = []
    for id in tree.devices(key):
        device = inventory.device(id)
        if device is None:
            continue
        site = inventory.site(device.site)
        elsewhere = site is not None and site.id != key[1]
        stands = "site’s" if is_inherited(inventory, device) else UNKNOWN if device.lng is None else "its own"
        where = site.name if site is not None and elsewhere and site.name != device.name else ""
        status = model.status_of(id)
        row = DeviceRow(str(id), id, device.name, where, status, stands, device.subscribers)
        found.append((elsewhere, row))
    found.sort(key=lambda one: (RANK[one[1].status], one[0], natural(one[1].name), one[1].key))
    return [row for _, row in found]


def site_rows(model: Model, tree: Hierarchy, key: Key) -> list[SiteRow]:
    """Return the sites that stand in a region, or hang under a site, whatever their region."""
    here = {id for kind, id in tree.below(key) if kind == "site" and isinstance(id, UUID)}
    ids = tree.hung_under(key[1]) if isinstance(key[1], UUID) else here
    rows = []
    for id in ids:
        site = model.inventory.site(id)
        if site is not None:
            rollup = tree.rollup(("site", id))
            bad = {
                status: count for status, count in rollup.counts.items() if status not in ("up", "unknown")
            }
            said = counted(bad) if rollup.total > 1 else ""
            rows.append(SiteRow(str(id), id, site.name, said, rollup.worst, rollup.total, rollup.subscribers))
    return sorted(rows, key=lambda row: (RANK[row.status], natural(row.name), row.key))


def alerts_at(model: Model, tree: Hierarchy, key: Key) -> list[Alert]:
    """Return the open alerts of devices at or below a place, and of links that end at one."""
    there = set(tree.devices(key))
    found = []
    for alert in model.alerts.values():
        link = model.inventory.link(alert.subject) if alert.is_open else None
        ends = (link.a, link.b) if link is not None else (alert.subject,)
        if alert.is_open and not there.isdisjoint(ends):
            found.append(alert)
    return found


def alert_rows(model: Model, alerts: list[Alert], now_us: int) -> list[AlertRow]:
    """Return alerts, the newest first."""
    rows = []
    for alert in alerts:
        row = row_of(model, alert, None)
        said = age((now_us - row.since_us) / 1e6)
        rows.append(AlertRow(str(alert.id), alert.subject, row.what, row.status, said, row.since_us))
    return sorted(rows, key=lambda row: (RANK.get(row.status, len(RANK)), -row.since_us, row.key))


def sentence_of(tree: Hierarchy, key: Key) -> str:
    """Return how a place fares: "2 of 14 devices down", "All 14 devices up", "No devices"."""
    rollup = tree.rollup(key)
    if not rollup.total:
        return "No devices"
    first, count = next(iter(rollup.counts.items()))
    if count == rollup.total:
        whole = "Its one device is" if count == 1 else f"All {count:,} devices are"
        return f"{whole} {_WORDS.get(first, first)}"
    rest = {status: other for status, other in rollup.counts.items() if status != first}
    return f"{count:,} of {rollup.total:,} devices {_WORDS.get(first, first)}; {counted(rest)}"


_WORDS = {"unknown": "not known yet", "maintenance": "in maintenance"}


def causes_of(model: Model, tree: Hierarchy, key: Key, now_us: int) -> str:
    """Return what has failed there or before it, in words; empty where all answers."""
    rollup = tree.rollup(key)
    if rollup.worst not in ("down", "affected"):
        return ""
    there = set(tree.devices(key))
    causes = {}
    for id in there:
        status = model.status_of(id)
        if status == "down":
            health = model.health.get(id)
            causes[id] = health.since_us if health is not None else 0
        elif status == "affected" and (fault := model.cause_of(id)) is not None:
            causes[fault.subject] = fault.since_us
    said = []
    for id in sorted(causes, key=lambda id: (id not in there, causes[id], id))[:CAUSES_SHOWN]:
        beyond = "" if id in there else ", which is not here"
        said.append(f"{capitalized(name_of(model, id))}{beyond}: down for {age_of(causes[id], now_us)}.")
    if len(causes) > CAUSES_SHOWN:
        said.append(f"And {count_of(len(causes) - CAUSES_SHOWN, 'other', 'others')}.")
    return " ".join(said)


def site_lines(model: Model, tree: Hierarchy, site: Site) -> list[Line]:
    """Return what is known of a site; what it has of its POP says so."""
    inventory = model.inventory
    pop, region = inventory.site(site.pop), inventory.region_of(site)
    inherited = " (its POP’s)" if region and not site.region else ""
    stands = "No place yet" if site.lng is None or site.lat is None else place(site.lng, site.lat)
    here = [inventory.device(id) for id in tree.devices(("site", site.id))]
    own = sum(device is not None and device.site == site.id and device.lng is not None for device in here)
    lines = [
        Line("POP", isolated(pop.name) if pop is not None else ""),
        Line("Region", f"{isolated(region)}{inherited}" if region else ""),
        Line("Place", stands),
        Line("Elevation", f"{site.elevation_m:,.0f} m" if site.elevation_m is not None else ""),
        Line(
            "Elsewhere", f"{count_of(own, 'device has its', 'devices have their')} own place" if own else ""
        ),
        *_people(tree, ("site", site.id)),
        Line("Note", " ".join(site.note.split()), prose=True),
    ]
    return [line for line in lines if line.said]


def region_lines(tree: Hierarchy, name: str) -> list[Line]:
    """Return what is known of a region."""
    sites = sum(1 for _ in tree.sites(("region", name)))
    return [Line("Sites", f"{sites:,}"), *_people(tree, ("region", name))]


def _people(tree: Hierarchy, key: Key) -> list[Line]:
    count = tree.rollup(key).subscribers
    return [Line("Subscribers", f"{count:,} behind its devices")] if count else []
