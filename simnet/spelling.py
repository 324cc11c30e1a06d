"""How RouterOS writes values: times, rates, signals, MAC addresses.

Counterpart: `menus.py`. One rule: nothing here knows a router.
"""

from __future__ import annotations

from datetime import UTC, datetime


def write_duration(seconds: float) -> str:
    """Write "3d12h5m7s", with weeks before days; "0s" for nothing."""
    left = int(seconds)
    text = ""
    for letter, size in (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            text += f"{count}{letter}"
    return text or "0s"


def write_bool(value: bool) -> str:
    """Write "true" or "false"."""
    return "true" if value else "false"


def write_mac(mac: bytes) -> str:
    """Write "48:8F:5A:01:02:03"."""
    return ":".join(f"{octet:02X}" for octet in mac)


def write_date(at_s: float, iso: bool) -> str:
    """Write a moment as RouterOS 7.10 and later do ("2024-08-02 10:12:13"), or as before ("aug/02/2024 10:12:13")."""
    moment = datetime.fromtimestamp(at_s, UTC)
    if iso:
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    month = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")[
        moment.month - 1
    ]
    return f"{month}/{moment:%d/%Y %H:%M:%S}"


def write_rate(bps: float) -> str:
    """Write a port's rate: "10Gbps", "2.5Gbps", "100Mbps"."""
    if bps >= 1e9:
        return f"{bps / 1e9:g}Gbps"
    return f"{bps / 1e6:g}Mbps"


def read_interval_s(text: str) -> float | None:
    """Read a time a client asks for: "1", "2s", "500ms", "1m", "00:00:02"; None where it is none of these."""
    try:
        if ":" in text:
            hours, minutes, seconds = (float(part) for part in text.split(":"))
            return hours * 3600 + minutes * 60 + seconds
        for unit, size in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
            if text.endswith(unit):
                return float(text[: -len(unit)]) * size
        return float(text)
    except ValueError:
        return None
