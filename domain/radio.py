"""What people say of radios: where an antenna looks, how strong it is.

Counterpart: `inventory.py`, whose devices and links hold it.

One rule: a number that nobody has given is None, never a guess that looks like a measurement.
"""

from __future__ import annotations

import msgspec

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
