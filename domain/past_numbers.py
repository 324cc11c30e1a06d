"""Numbers of the past, asked of the server by an install that may not have measured them: one series, or many ports at a moment.

Counterparts: `sync.py`, whose messages these are; `sync_server/live/doing.py`, `engine/sync/charts.py`.
One rule: what ports carried is of the last poll before the moment, or the mean of its hour, and says which.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.asking import Int64, LoadSource

PORTS_CAP = 1_000
"""Most ports that are asked for at once: both ends of `asking.LOADS_CAP` links."""
PortThen = tuple[UUID, str, float | None, float | None, LoadSource]
"""What a port of a device took in and sent out, bit/s (None: not known), and what says so."""


class AskSeries(msgspec.Struct, tag="ask_series", frozen=True):
    """Ask for one series of a device, from whatever vantage it was measured, both ends included, in at most `points` (2 to 500).
    Answer: Series of that number. Questions are answered in no order; a few at a time."""

    number: int
    device: UUID
    metric: str
    instance: str
    from_us: Int64
    to_us: Int64
    points: int = 500


class AskPorts(msgspec.Struct, tag="ask_ports", frozen=True):
    """Ask what ports, (device, name), carried at a moment, from whatever vantage it was measured. Answer: PortsThen of that
    number."""

    number: int
    at_us: Int64
    ports: tuple[tuple[UUID, str], ...]


class PortsThen(msgspec.Struct, tag="ports_then", frozen=True):
    """Answer to AskPorts; ports of which nothing is known are left out. `refused`: why there is none, in words."""

    number: int
    ports: tuple[PortThen, ...] = ()
    refused: str = ""


class Series(msgspec.Struct, tag="series", frozen=True):
    """Answer to AskSeries, lists of one length: times, mean values, lowest and highest around them. `refused`: why there is none,
    in words; a device out of reach has no numbers, which is no refusal."""

    number: int
    at_us: tuple[int, ...] = ()
    value: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    refused: str = ""
