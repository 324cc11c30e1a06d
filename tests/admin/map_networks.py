"""Networks in a tenant of a server, for its map. Counterpart: `tests/map/networks.py`, which makes them for the window's.

One rule: what stands here goes in as the superuser; whatever a test is about goes over the API.
"""

from __future__ import annotations

from uuid import UUID

import psycopg

from domain.inventory import Device, Site
from domain.wire import Changed
from tests.server.conftest import ServerDatabase

_SITE = (
    "INSERT INTO site (tenant_id, id, name, region, place, note)"
    " VALUES (%s, %s, %s, %s, ST_SetSRID(ST_MakePoint(%s, %s), 4326), '')"
)
_DEVICE = (
    "INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, site_id, place)"
    " VALUES (%s, %s, %s, %s, '[]', %s, 0, 60, false, '', %s, ST_SetSRID(ST_MakePoint(%s, %s), 4326))"
)
_LINK = (
    "INSERT INTO link (tenant_id, id, a_id, b_id, a_interface, b_interface, kind, capacity_bps, path, note)"
    " VALUES (%s, %s, %s, %s, '', '', %s, %s, ST_GeomFromEWKT(%s), '')"
)
_HEALTH = (
    "INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)"
    " VALUES (%s, %s, %s, %s, %s, %s, '{}', %s)"
)
_LINK_STATE = (
    "INSERT INTO link_state (tenant_id, link_id, status, since_us, at_us, ab_bps, ba_bps)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_ALERT = (
    "INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, reason, acknowledged_by, count, title)"
    " VALUES (%s, gen_random_uuid(), 'device_down', %s, 'critical', %s, %s, '', 1, 'Device down')"
)


def fill(database: ServerDatabase, tenant: str | UUID, network: Changed) -> None:
    """Put a network into a tenant: sites, devices, links, how they fare; what is down has an alert where it is a cause."""
    id = str(tenant)
    behind = {device for fault in network.faults for device in fault.affected}
    with psycopg.connect(database.admin, autocommit=False) as connection, connection.cursor() as cursor:
        sites, devices = _of(network, Site), _of(network, Device)
        cursor.executemany(_SITE, [(id, s.id, s.name, s.region, s.lng, s.lat) for s in sites])
        cursor.executemany(
            _DEVICE, [(id, d.id, d.name, d.address, d.role, d.site, d.lng, d.lat) for d in devices]
        )
        cursor.executemany(
            _LINK,
            [(id, k.id, k.a, k.b, k.kind, k.capacity_bps, _bends(k.path)) for k in network.links],
        )
        cursor.executemany(
            _HEALTH,
            [
                (id, h.device, h.vantage, h.status, h.since_us, h.heard_us, h.reason or _why(h.status))
                for h in network.health
            ],
        )
        cursor.executemany(
            _LINK_STATE,
            [(id, s.link, s.status, s.since_us, s.at_us, s.ab_bps, s.ba_bps) for s in network.link_states],
        )
        down = [h for h in network.health if h.status == "down" and h.device not in behind]
        cursor.executemany(_ALERT, [(id, h.device, h.since_us, _why("down")) for h in down])


def _why(status: str) -> str:
    return {
        "down": "icmp: no answer for 3 polls",
        "degraded": "snmp: no answer for 3 polls; icmp answers",
    }.get(status, "")


def _bends(path: tuple[tuple[float, float], ...]) -> str | None:
    return f"SRID=4326;MULTIPOINT({', '.join(f'({x} {y})' for x, y in path)})" if path else None


def _of(network: Changed, kind: type) -> list[Device] | list[Site]:
    return list(network.devices if kind is Device else network.sites)
