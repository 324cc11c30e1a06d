"""All menus in the order of their turns, where several are due as much. Counterpart: `drivers/mikrotik.py`.

One rule: what a person looks at first stands first: it is in the first reading of a router.
"""

from __future__ import annotations

from engine.drivers.routeros import interfaces, routing, services, sightings, system, wireless

MENUS = (
    system.RESOURCE,
    interfaces.INTERFACE,
    *wireless.TABLES,
    system.HEALTH,
    *system.RARE[:2],
    *interfaces.RARE,
    *interfaces.OFTEN,
    *routing.SESSIONS,
    services.NEIGHBOURS,
    services.ADDRESSES,
    *services.OFTEN,
    *wireless.MONITORS,
    *system.RARE[2:],
    routing.ROUTES,
    *sightings.RARE,
)
