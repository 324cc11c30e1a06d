"""Numbers and times as people read them: one place, so that every panel says the same. No Qt, no clock.

Counterpart: the panels. One rule: what is not known is an en dash, never a zero and never blank.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from domain.inventory import Device, Inventory, Link

UNKNOWN = "–"
ISOLATE, ISOLATE_END = "\u2068", "\u2069"
BETWEEN = " – "
"""What stands between the two ends of a link."""
DAY_S = 86_400
_SENTENCES = {
    "up": "Up for {age}",
    "down": "Down for {age}",
    "degraded": "Degraded for {age}",
    "affected": "Affected for {age}",
    "stale": "No data for {age}",
    "unknown": "Not known yet",
    "maintenance": "Polling is paused",
}
_BITS = ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s"))
_BYTES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def age(seconds: float) -> str:
    """Return a time span as 12 s, 4 min, 3 h or 2 d; it never says more than it knows."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 2 * DAY_S:
        return f"{whole // 3600} h"
    return f"{whole // DAY_S} d"


def age_of(at_us: int | None, now_us: int) -> str:
    """Return how long ago an instant was, or an en dash."""
    return age((now_us - at_us) / 1e6) if at_us else UNKNOWN


def sentence(status: str, since_us: int, now_us: int) -> str:
    """Return a status as a sentence without its full stop: Down for 4 min."""
    if not since_us and "{age}" in _SENTENCES[status]:
        return status.capitalize()
    return _SENTENCES[status].format(age=age_of(since_us, now_us))


def capitalized(text: str) -> str:
    """Return a text that begins with a capital; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def clock(at_us: int, now_us: int) -> str:
    """Return local time: 02:11:04 for the last 20 hours, else with the day."""
    at = datetime.fromtimestamp(at_us / 1e6)
    if 0 <= now_us - at_us < 20 * 3600 * 1e6:
        return at.strftime("%H:%M:%S")
    return f"{at.day} {at:%b %H:%M}"


def midnight_us(now_us: int) -> int:
    """Return when the local day began."""
    now = datetime.fromtimestamp(now_us / 1e6)
    return int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1e6)


def rate(bps: float | None) -> str:
    """Return a rate with its unit: 1.2 Gb/s, 38 Mb/s, <1 kb/s."""
    if bps is None:
        return UNKNOWN
    for size, unit in _BITS:
        if bps >= size:
            return f"{figure(bps / size)} {unit}"
    return "<1 kb/s" if bps > 0 else "0 kb/s"


def in_mbps(bps: float | None) -> str:
    """Return a rate in Mb/s without the unit, for a column whose heading has it."""
    if bps is None:
        return UNKNOWN
    if 0 < bps < 1e6:
        return "<1"
    return f"{bps / 1e6:,.0f}"


def amount(count: float | None) -> str:
    """Return an amount of bytes: 512 MiB."""
    if count is None:
        return UNKNOWN
    for size, unit in _BYTES:
        if count >= size:
            return f"{figure(count / size)} {unit}"
    return f"{count:.0f} B"


def length(metres: float) -> str:
    """Return a length over ground: 850 m, 12.4 km."""
    return f"{metres:,.0f} m" if metres < 1000 else f"{metres / 1000:,.1f} km"


def figure(number: float) -> str:
    """Return a number with at most three digits that matter, thousands apart."""
    if abs(number) >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}"


def size(count: int) -> str:
    """Return bytes as people say them: 812 B, 4.2 kB, 13 MB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.{0 if count >= 10 * factor else 1}f} {unit}"
    return f"{count} B"


def round_trip(ms: float | None) -> str:
    """Return a round trip: 0.8 ms, 24 ms."""
    if ms is None:
        return UNKNOWN
    if ms < 0.1:
        return "<0.1 ms"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"


def count_of(number: int, one: str, many: str) -> str:
    """Return a number with its noun: 1 device, 1,204 devices."""
    return f"{number:,} {one if number == 1 else many}"


def place(lng: float, lat: float) -> str:
    """Return a place as people paste it, longitude first."""
    return f"{lng:.5f}, {lat:.5f}"


def isolated(name: str) -> str:
    """Return a name as it stands inside a line: one written from right to left leaves the words around it in their order."""
    if name.isascii() or not any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in name):
        return name
    return f"{ISOLATE}{name}{ISOLATE_END}"


def subscribers(count: int) -> str:
    """Return how many depend on something: 214 subs; empty where nobody does."""
    return count_of(count, "sub", "subs") if count else ""


def counted(counts: Mapping[str, int]) -> str:
    """Return how many fare how, in the order given: 1 down, 3 affected, 41 up."""
    return ", ".join(f"{count:,} {status}" for status, count in counts.items())


def ends_of_link(inventory: Inventory, link: Link) -> tuple[str, str]:
    """Return the names of a link's two ends, as they are."""
    a, b = inventory.device(link.a), inventory.device(link.b)
    return (a.name if a else "?", b.name if b else "?")


def name_of_link(inventory: Inventory, link: Link) -> str:
    """Return what a link is called on the screen: its two ends."""
    return BETWEEN.join(map(isolated, ends_of_link(inventory, link)))


def where(inventory: Inventory, device: Device) -> str:
    """Return region and site of a device: Oberallgäu › Grünten; empty where it has none."""
    site = inventory.site(device.site)
    return " › ".join(part for part in (inventory.region_of(site), site.name) if part) if site else ""
