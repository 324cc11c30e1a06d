"""Radios: where an antenna looks, how strong it is, and what becomes of it on the way.

Theory: in free space a signal weakens with distance and frequency alone. The first Fresnel zone is the ellipsoid around the
line of sight in which an obstacle is felt; with six tenths of its radius free, a path counts as clear. The air bends rays down,
so that the Earth under them looks flatter than it is: by `EARTH_K` (ITU-R P.530, median).
Counterpart: `inventory.py`, whose devices and links hold sectors and paths; `radio_budget.py` puts both together.
One rule: a number that nobody has given is None, never a guess that looks like a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from domain.geometry import EARTH_RADIUS_M, LngLat, place_towards

SECTORS_CAP = 24
"""Most sectors of one device."""


class Sector(msgspec.Struct, frozen=True):
    """Where one antenna of an access point looks: `azimuth_deg` clockwise from true north, `beam_deg` wide, as far as `range_m`.

    `interface` is the radio that feeds it, "" where the device has one. `height_m` is above the ground.
    """

    azimuth_deg: float
    beam_deg: float = 90.0
    range_m: float = 5_000.0
    interface: str = ""
    frequency_mhz: float | None = None
    height_m: float | None = None
    gain_dbi: float | None = None
    tx_power_dbm: float | None = None
    tilt_deg: float | None = None


class RadioPath(msgspec.Struct, frozen=True):
    """The radios at both ends of a link; heights are above the ground."""

    frequency_mhz: float | None = None
    a_height_m: float | None = None
    b_height_m: float | None = None
    a_gain_dbi: float | None = None
    b_gain_dbi: float | None = None
    a_tx_power_dbm: float | None = None
    b_tx_power_dbm: float | None = None


EARTH_K = 4 / 3
"""How many times larger the Earth looks to a radio than it is."""
CLEAR_SHARE = 0.6
"""Of the first Fresnel zone's radius, what has to be free."""
_LIGHT_M_PER_S = 299_792_458.0
_LOSS_AT_1_KM_1_MHZ_DB = 32.44
"""As the field has it, rounded; 32.448 exactly."""
_ARC_STEP_DEG = 6.0

PathState = Literal["clear", "grazed", "blocked"]


class Profile(NamedTuple):
    """The ground along a path: from `a` on, how far and how high in metres (None: nobody knows). Both ends are in it."""

    distances_m: Sequence[float]
    grounds_m: Sequence[float | None]


class Worst(NamedTuple):
    """Where a path is nearest to the ground, as a share of the first Fresnel zone: how far on, and how much is free there.

    `clearance_m` is from the line of sight down to the ground with the Earth's bulge; below 0 the ground stands in it.
    """

    distance_m: float
    clearance_m: float
    fresnel_share: float

    @property
    def state(self) -> PathState:
        """Whether the path is clear, grazed (less than six tenths free) or blocked."""
        if self.clearance_m < 0:
            return "blocked"
        return "clear" if self.fresnel_share >= CLEAR_SHARE else "grazed"


def free_space_loss_db(distance_m: float, frequency_mhz: float) -> float:
    """Return what a signal loses in free space, both above 0. At 33.3 km and 915 MHz it is 122.117 dB (ITU-R P.525)."""
    return _LOSS_AT_1_KM_1_MHZ_DB + 20.0 * math.log10(distance_m / 1_000.0) + 20.0 * math.log10(frequency_mhz)


def received_dbm(tx_power_dbm: float, tx_gain_dbi: float, rx_gain_dbi: float, loss_db: float) -> float:
    """Return the level at a receiver: what is sent, both antennas, less what the way costs."""
    return tx_power_dbm + tx_gain_dbi + rx_gain_dbi - loss_db


def fresnel_radius_m(from_a_m: float, from_b_m: float, frequency_mhz: float) -> float:
    """Return the first Fresnel zone's radius so far from both ends: 28.6 m in the middle of 10 km at 915 MHz (ITU-R P.526)."""
    whole_m = from_a_m + from_b_m
    if whole_m <= 0:
        return 0.0
    return math.sqrt(
        _LIGHT_M_PER_S / (frequency_mhz * 1e6) * max(0.0, from_a_m) * max(0.0, from_b_m) / whole_m
    )


def earth_bulge_m(from_a_m: float, from_b_m: float, k: float = EARTH_K) -> float:
    """Return by how much the Earth rises over the chord between two ends, so far from both."""
    return from_a_m * from_b_m / (2.0 * k * EARTH_RADIUS_M)


def ray_m(profile: Profile, a_height_m: float, b_height_m: float) -> list[float] | None:
    """Return how high the line of sight is at each point, antennas so high above the ground; None where an end's is not known."""
    start, end = profile.grounds_m[0], profile.grounds_m[-1]
    if start is None or end is None:
        return None
    low, high, whole_m = start + a_height_m, end + b_height_m, profile.distances_m[-1]
    return [low + (high - low) * (at_m / whole_m if whole_m else 0.0) for at_m in profile.distances_m]


def worst_of(profile: Profile, a_height_m: float, b_height_m: float, frequency_mhz: float) -> Worst | None:
    """Return where a path has the least of its Fresnel zone free; None where nothing between its ends is known."""
    ray = ray_m(profile, a_height_m, b_height_m)
    whole_m = profile.distances_m[-1]
    found: Worst | None = None
    for at_m, ground_m, line_m in zip(profile.distances_m, profile.grounds_m, ray or (), strict=bool(ray)):
        radius_m = fresnel_radius_m(at_m, whole_m - at_m, frequency_mhz)
        if ground_m is None or radius_m <= 0:
            continue
        clearance_m = line_m - ground_m - earth_bulge_m(at_m, whole_m - at_m)
        if found is None or clearance_m / radius_m < found.fresnel_share:
            found = Worst(at_m, clearance_m, clearance_m / radius_m)
    return found


def unknown_m(profile: Profile) -> float:
    """Return over how much of a path nobody knows the ground, in metres."""
    whole_m, grounds_m = profile.distances_m[-1], profile.grounds_m
    return whole_m * sum(ground is None for ground in grounds_m) / max(1, len(grounds_m))


def sector_outline(place: LngLat, sector: Sector) -> list[LngLat]:
    """Return the wedge that a sector covers on the map, closed; of an omni the circle. Longitudes go on beyond 180 degrees."""
    arc = [
        place_towards(place, bearing, sector.range_m)
        for bearing in _bearings(sector.azimuth_deg, min(sector.beam_deg, 360.0))
    ]
    ring = arc if sector.beam_deg >= 360.0 else [place, *arc]
    around = [LngLat(place.lng + (p.lng - place.lng + 180.0) % 360.0 - 180.0, p.lat) for p in ring]
    return [*around, around[0]]


def _bearings(azimuth_deg: float, beam_deg: float) -> Iterator[float]:
    steps = max(2, math.ceil(beam_deg / _ARC_STEP_DEG))
    last = steps if beam_deg < 360.0 else steps - 1
    for i in range(last + 1):
        yield azimuth_deg - beam_deg / 2.0 + beam_deg * i / steps
