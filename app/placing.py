"""What puts sites and devices somewhere, as steps of an edit; no Qt. Counterpart: `places.py`, which asks and sends them.

Theory: a device without a place of its own stands where its site does; to move a site is one step, and whoever stands there
only because of it goes along. One rule: nothing loses its place by itself: what stood at a site that goes stays where it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from uuid import UUID

from msgspec.structs import replace

from domain.edit import Step, change, deletion
from domain.geometry import LngLat
from domain.inventory import Device, Inventory, Kind, Site

REACH_PX = 18.0
"""How near a drop has to come to a site to be at it."""
WORLD_PX = 512


def is_inherited(inventory: Inventory, device: Device) -> bool:
    """Tell whether a device stands where it does because its site does."""
    return device.lng is None and inventory.place_of(device) is not None


def rounded(place: LngLat) -> LngLat:
    """Return a place as precise as a hand is: 11 cm."""
    return LngLat(round(place.lng, 6), round(place.lat, 6))


def moved_site(site: Site, place: LngLat) -> list[Step]:
    """Return the step that puts a site elsewhere; what it stands in and what it is called stays."""
    return _changes("site", [(site, replace(site, lng=place.lng, lat=place.lat))])


def dissolved_site(inventory: Inventory, site: Site) -> list[Step]:
    """Return the steps that delete a site and its photographs: its devices stay where they stand, sites under it go to its
    POP, in their region."""
    devices = [device for device in inventory.devices() if device.site == site.id]
    places = [inventory.place_of(device) or (None, None) for device in devices]
    left = [
        (device, replace(device, site=None, lng=place[0], lat=place[1]))
        for device, place in zip(devices, places, strict=True)
    ]
    pop = inventory.site(site.pop)
    region = "" if pop is not None and inventory.region_of(pop) == site.region else site.region
    hung = [
        (below, replace(below, pop=site.pop, region=below.region or region))
        for below in inventory.sites()
        if below.pop == site.id
    ]
    photos = [deletion("photo", photo) for photo in inventory.photos(site.id)]
    return [*_changes("device", left), *_changes("site", hung), *photos, deletion("site", site)]


def placed(inventory: Inventory, ids: Iterable[UUID], place: LngLat, site: Site | None) -> list[Step]:
    """Return the steps that put devices at a place; at a `site` they are its devices, and stand where it does."""
    devices = [device for id in ids if (device := inventory.device(id)) is not None]
    if site is not None:
        return _changes("device", [(d, replace(d, site=site.id, lng=None, lat=None)) for d in devices])
    return _changes("device", [(d, replace(d, lng=place.lng, lat=place.lat)) for d in devices])


def back_at_site(inventory: Inventory, ids: Iterable[UUID]) -> list[Step]:
    """Return the steps that take devices' own places away, where their site has one."""
    devices = [device for id in ids if (device := inventory.device(id)) is not None]
    with_site = [d for d in devices if d.lng is not None and has_place(inventory.site(d.site))]
    return _changes("device", [(d, replace(d, lng=None, lat=None)) for d in with_site])


def has_place(site: Site | None) -> bool:
    """Tell whether a site stands somewhere."""
    return site is not None and site.lng is not None and site.lat is not None


def site_near(inventory: Inventory, place: LngLat, zoom: float, reach_px: float = REACH_PX) -> Site | None:
    """Return the nearest site that is within reach of a place on a map of that zoom."""
    px_per_deg = WORLD_PX * 2.0**zoom / 360
    shrink = max(0.01, math.cos(math.radians(place.lat)))
    nearest, least_px = None, reach_px
    for site in inventory.sites():
        if site.lng is None or site.lat is None:
            continue
        right = ((site.lng - place.lng + 180) % 360 - 180) * px_per_deg
        away_px = math.hypot(right, (site.lat - place.lat) * px_per_deg / shrink)
        if away_px <= least_px:
            nearest, least_px = site, away_px
    return nearest


def box_of(places: Iterable[LngLat]) -> tuple[float, float, float, float] | None:
    """Return west, south, east and north of some places, the shortest way around the Earth: it may cross the antimeridian,
    and its west is beyond its east then. None where there are none."""
    found = list(places)
    if not found:
        return None
    lngs, lats = sorted(place.lng for place in found), [place.lat for place in found]
    gaps = [east - west for west, east in pairwise(lngs)]
    widest = max(range(len(gaps)), key=gaps.__getitem__, default=0)
    crosses = bool(gaps) and gaps[widest] > 360 + lngs[0] - lngs[-1]
    west, east = (lngs[widest + 1], lngs[widest]) if crosses else (lngs[0], lngs[-1])
    return (west, min(lats), east, max(lats))


def _changes(kind: Kind, pairs: Iterable[tuple[Site, Site]] | Iterable[tuple[Device, Device]]) -> list[Step]:
    steps = (change(kind, old, new) for old, new in pairs)
    return [step for step in steps if step is not None]
