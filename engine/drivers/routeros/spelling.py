"""How RouterOS writes numbers, times, rates and channels. Counterpart: the menus beside this file.

One rule: what is not written that way is None (a rate: 0), never an error.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,6})?")
_DURATION = re.compile(r"(\d{1,6})(ms|[wdhms])")
_CLOCK = re.compile(r"(\d{1,3}):(\d\d):(\d\d)$")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}
_RATE = re.compile(r"(\d{1,13}(?:\.\d{1,3})?)\s*([KMGT]?)", re.IGNORECASE)
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000}
_CHANNEL = re.compile(r"(\d{3,6})(?:/(\d{1,3})(?:-([CeX]+))?)?(?:/(?:[a-z0-9.]+))?(?:/([CeX]+))?")
_RELEASE = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")
_HELD_MHZ = 20


def read_whole(said: str) -> int | None:
    """Return a count ("1234567"), None for anything else."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 20 else None


def read_number(said: str) -> float | None:
    """Return the number a text opens with ("-67dBm@HT40"), None where it does not."""
    found = _NUMBER.match(said)
    return float(found[0]) if found else None


def read_duration_s(said: str) -> float | None:
    """Return a duration ("1w2d3h4m5s", "3d12:05:33") in seconds, None where it is none."""
    parts = _DURATION.findall(said[:64])
    clock = _CLOCK.search(said[:64])
    if not parts and not clock:
        return None
    hours, minutes, seconds = map(int, clock.groups()) if clock else (0, 0, 0)
    return float(sum(int(n) * _SECONDS[unit] for n, unit in parts) + hours * 3600 + minutes * 60 + seconds)


def read_rate_bps(said: str) -> int:
    """Return a rate ("1Gbps", "10G-baseT-full", "866.6Mbps-80MHz/2S/SGI", "520000000") in bit/s, 0 where it is none."""
    found = _RATE.match(said)
    return round(float(found[1]) * _SCALE[found[2].lower()]) if found else 0


def read_channel(said: str) -> tuple[float | None, float | None]:
    """Return frequency and width in MHz of "5180/20-Ceee/ac/P" or "5500/ax/Ceee"; each letter stands for 20 MHz."""
    found = _CHANNEL.match(said)
    if not found:
        return None, None
    extension = found[3] or found[4]
    width = _HELD_MHZ * len(extension) if extension else float(found[2]) if found[2] else None
    return float(found[1]), width


def read_release(said: str) -> tuple[int, ...]:
    """Return the numbers of a version ("7.18.2 (stable)"), empty where there are none."""
    found = _RELEASE.match(said)
    return tuple(int(part) for part in found.groups() if part) if found else ()
