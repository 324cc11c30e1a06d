"""The map of a tenant as one person sees it: read whole, and told as what differs. Counterpart: `map_assets/src/network.js`.

Theory: what the map shows follows from much: places of devices and of their sites, statuses, causes, plans, time, who may see
what. So it is read whole and held against what was told before: what differs is told, whatever it came from. The messages are
those of the window (`app/map/feed.py`), so there is one page for both.
One rule: it is read as whom it is shown to; of a cause that is not in sight nothing is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Record

from domain.alerts import SEVERITY_RANK
from domain.fact import Fact
from domain.lag import lag_told
from domain.load import load_class, load_pct
from domain.map_parts import Row, parts
from engine.storage.wkb import decode_bends
from sync_server.database import Database
from sync_server.live.map_fates import Fates
from sync_server.security.principal import Principal

REASON_CAP = 200
BADGES_CAP = 2_000
"""Most subjects with a badge."""
_BADGES = {"critical": "down", "warning": "degraded", "info": "unknown"}
_SEVERITIES = tuple(SEVERITY_RANK)
_DEVICES = """
    SELECT d.id, d.name, d.role, ST_X(p.place) AS lng, ST_Y(p.place) AS lat, h.status, h.since_us, h.reason, h.heard_us
    FROM device d LEFT JOIN site s ON s.id = d.site_id
    CROSS JOIN LATERAL (SELECT coalesce(d.place, s.place) AS place) p
    LEFT JOIN (SELECT DISTINCT ON (device_id) * FROM health ORDER BY device_id, heard_us DESC) h ON h.device_id = d.id
"""
_SITES = "SELECT id, name, ST_X(place), ST_Y(place) FROM site WHERE place IS NOT NULL"
_LINKS = """
    SELECT l.id, l.a_id, l.b_id, l.kind, l.capacity_bps, ST_AsEWKB(l.path) AS path, s.status, s.ab_bps, s.ba_bps,
        l.a_interface, l.b_interface
    FROM link l LEFT JOIN link_state s ON s.link_id = l.id
"""
_AGGREGATES = "{bond,virtual}"
"""What kinds a port may be of that has members (`engine/drivers/snmp_bonds.py`)."""
_MEMBERS = f"""
    SELECT f.subject, f.field, f.source, f.at_us, f.value FROM fact f WHERE (f.subject, f.field) IN (
        SELECT m.subject, m.field
        FROM (SELECT a_id, a_interface FROM link UNION SELECT b_id, b_interface FROM link) AS l (device, port)
        JOIN fact m ON m.subject = l.device AND m.value ->> 'bond' = l.port
        WHERE l.port <> '' AND EXISTS (
            SELECT FROM fact o WHERE o.subject = l.device AND o.field = 'interface/' || l.port
                AND o.value ->> 'kind' = ANY ('{_AGGREGATES}'::text[])))
    ORDER BY f.at_us
"""
"""What the ports tell that are members of the aggregates of links."""
_ALERTS = f"""
    SELECT subject, count(*), min(array_position('{{{",".join(_SEVERITIES)}}}'::text[], severity)) FROM alert
    WHERE cleared_us IS NULL AND resolved_us IS NULL AND silenced = '' GROUP BY subject ORDER BY 3, 2 DESC, 1 LIMIT {BADGES_CAP}
"""


class Place(NamedTuple):
    """Where a device is drawn."""

    name: str
    role: str
    lng: float
    lat: float


class Fare(NamedTuple):
    """How a device fares."""

    status: str
    since_us: int
    reason: str
    cause: UUID | None


class Load(NamedTuple):
    """What a link carries, bit/s and load class each way; of one of several ports how many they are, and how many are down."""

    status: str
    ab_bps: float | None
    ba_bps: float | None
    ab_class: int | None
    ba_class: int | None
    lag: tuple[int, int] | None = None


class MapState(NamedTuple):
    """A map: what stands where, and how it fares. `unplaced`: devices that have no place; `heard_us`: the newest observation."""

    devices: dict[UUID, Place]
    health: dict[UUID, Fare]
    sites: dict[UUID, tuple[str, float, float]]
    links: dict[UUID, tuple[UUID, UUID, str, int, bytes | None]]
    loads: dict[UUID, Load]
    badges: tuple[tuple[UUID, int, str], ...]
    unplaced: int
    heard_us: int


EMPTY = MapState({}, {}, {}, {}, {}, (), 0, 0)


async def read_map(database: Database, who: Principal, fates: Fates) -> MapState:
    """Return the map as somebody sees it, made beside the loop. Raises as `Database.transaction` does."""
    async with database.transaction(who, is_snapshot=True) as transaction:
        devices = await transaction.fetch(_DEVICES)
        sites = await transaction.fetch(_SITES) if who.may("sites:read") else []
        links = await transaction.fetch(_LINKS) if who.may("links:read") else []
        members = await transaction.fetch(_MEMBERS) if links else []
        alerts = await transaction.fetch(_ALERTS) if who.may("alerts:read") else []
    return await asyncio.to_thread(_state_of, devices, sites, links, members, alerts, fates)


def _state_of(  # noqa: PLR0917
    devices: list[Record],
    sites: list[Record],
    links: list[Record],
    members: list[Record],
    alerts: list[Record],
    fates: Fates,
) -> MapState:
    places: dict[UUID, Place] = {}
    health: dict[UUID, Fare] = {}
    unplaced, newest_us = 0, 0
    seen = {UUID(int=row[0].int) for row in devices}
    for row, id in zip(devices, (UUID(int=row[0].int) for row in devices), strict=True):
        _, name, role, lng, lat, status, since_us, reason, heard_us = row
        newest_us = max(newest_us, heard_us or 0)
        if lng is None:
            unplaced += 1
            continue
        places[id] = Place(name, role, lng, lat)
        cause = None
        if id in fates.planned:
            status, reason = "maintenance", ""
        elif id in fates.behind:
            status, reason, cause = "affected", "", fates.behind[id]
        elif status in ("up", None):
            reason = ""
        health[id] = Fare(
            status or "unknown", since_us or 0, (reason or "")[:REASON_CAP], cause if cause in seen else None
        )
    lines: dict[UUID, tuple[UUID, UUID, str, int, bytes | None]] = {}
    loads: dict[UUID, Load] = {}
    facts = _facts_of(members)
    for one, a_id, b_id, kind, capacity_bps, path, status, ab_bps, ba_bps, *ports in links:
        id, a, b = UUID(int=one.int), UUID(int=a_id.int), UUID(int=b_id.int)
        if a not in seen or b not in seen:
            continue
        lines[id] = (a, b, kind, capacity_bps, path)
        lag = lag_told((a, ports[0]), (b, ports[1]), facts) if a in facts or b in facts else None
        can_bps = lag.capacity_bps(capacity_bps) if lag is not None else capacity_bps
        ab_class, ba_class = (load_class(load_pct(bps, can_bps)) for bps in (ab_bps, ba_bps))
        width = (lag.width, lag.down) if lag is not None else None
        loads[id] = Load(status or "unknown", ab_bps, ba_bps, ab_class, ba_class, width)
    badges = [(UUID(int=row[0].int), row[1], _BADGES[_SEVERITIES[row[2] - 1]]) for row in alerts]
    return MapState(
        places,
        health,
        {UUID(int=row[0].int): (row[1], row[2], row[3]) for row in sites},
        lines,
        loads,
        tuple(one for one in badges if one[0] in seen or one[0] in lines),
        unplaced,
        newest_us,
    )


def told(before: MapState | None, now: MapState) -> Iterator[Row]:
    """Go over the parts of the message that tells a page what is otherwise than before; None: it knows nothing."""
    old = EMPTY if before is None else before
    message: Row = {} if before is not None else {"reset": True}
    gone = [
        id
        for was, is_now in ((old.devices, now.devices), (old.links, now.links), (old.sites, now.sites))
        for id in was.keys() - is_now.keys()
    ]
    rows = {
        "devices": [{"id": id, **row._asdict()} for id, row in _others(old.devices, now.devices)],
        "links": [_link_row(id, row) for id, row in _others(old.links, now.links)],
        "sites": [
            {"id": id, "name": n, "lng": x, "lat": y} for id, (n, x, y) in _others(old.sites, now.sites)
        ],
        "gone": gone,
        "health": [_health_row(id, row) for id, row in _others(old.health, now.health)],
        "loads": [_load_row(id, row) for id, row in _others(old.loads, now.loads)],
    }
    message |= {key: found for key, found in rows.items() if found}
    if before is None or old.badges != now.badges:
        badges = [{"id": id, "count": count, "status": status} for id, count, status in now.badges]
        message["readings"] = {"alerts": badges}
    if not message and old.unplaced == now.unplaced:
        return
    reasons = {id: row.reason for id, row in _others(old.health, now.health) if row.reason}
    if reasons:
        message["reasons"] = reasons
    message |= {"unplaced": now.unplaced, "heard_us": now.heard_us}
    yield from parts(message)


def _others(old: dict[UUID, Any], now: dict[UUID, Any]) -> Iterator[tuple[UUID, Any]]:
    return ((id, row) for id, row in now.items() if old.get(id) != row)


def _facts_of(members: list[Record]) -> dict[UUID, dict[tuple[str, str], Fact]]:
    """Return what ports tell, the latest of all vantages."""
    found: dict[UUID, dict[tuple[str, str], Fact]] = {}
    for subject, field, source, at_us, value in members:
        id = UUID(int=subject.int)
        found.setdefault(id, {})[field, source] = Fact(id, field, source, id, at_us, value)
    return found


def _load_row(id: UUID, row: Load) -> Row:
    told: Row = {"id": id, **row._asdict()}
    if row.lag is None:
        del told["lag"]
    return told


def _health_row(id: UUID, row: Fare) -> Row:
    told: Row = {"id": id, "status": row.status, "since_us": row.since_us}
    return told | {"cause": row.cause} if row.cause is not None else told


def _link_row(id: UUID, row: tuple[UUID, UUID, str, int, bytes | None]) -> Row:
    a, b, kind, capacity_bps, path = row
    bends = decode_bends(path) if path else ()
    return {"id": id, "a": a, "b": b, "kind": kind, "capacity_bps": capacity_bps, "path": bends}
