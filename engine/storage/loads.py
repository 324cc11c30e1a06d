"""What ports carried at a moment: from the last poll before it, else as the mean of its hour. Counterpart: `engine/moments.py`.

Whether it ran only polls tell: the mean of an hour is neither.
One rule: a number is never older than `POLL_REACH_US` and never of another hour: what was not heard then is not known.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from domain.asking import LoadSource
from domain.metrics import CATALOGUE
from engine.storage.hours import HOUR_US, Hours, floor_hour
from engine.storage.samples import Samples
from engine.storage.tables import sample

POLL_REACH_US = 600_000_000
"""How old a poll may be to tell what was: two of a device that is asked as rarely as can be."""
ROWS_LOOKED_AT = 4
"""The first poll after a pause has no rates: some before it are looked at too."""
_FLOAT = struct.Struct("<f")
_RATES = "if_in_bps", "if_out_bps"
_RUNS = "if_oper_up"


class PortLoad(NamedTuple):
    """What a port took in and sent out, bit/s, and whether it ran (None: not known)."""

    in_bps: float | None
    out_bps: float | None
    source: LoadSource
    runs: bool | None = None


PortLoads = dict[tuple[UUID, str], PortLoad]
"""By device and port."""


def loads_at(
    connection: Connection, samples: Samples, hours: Hours, ports: Mapping[UUID, Collection[str]], at_us: int
) -> PortLoads:
    """Return what ports of devices carried; what is not known is left out."""
    found: PortLoads = {}
    for device, names in ports.items():
        source = samples.source_of(connection, device)
        if source is None:
            continue
        wanted = [(CATALOGUE[metric].key, name) for name in names for metric in _RATES]
        told: LoadSource = "polls"
        running = [(CATALOGUE[_RUNS].key, name) for name in names]
        values = _polled(connection, samples, source[0], [*wanted, *running], at_us)
        runs = {name: values[key, name] > 0 for key, name in running if (key, name) in values}
        if values.keys().isdisjoint(wanted):
            told, hour_us = "hours", floor_hour(at_us)
            means = hours.means(connection, source[0], wanted, [(hour_us, hour_us + HOUR_US)])
            values = {series: by_hour[hour_us] for series, by_hour in means.items() if hour_us in by_hour}
        for name in names:
            took, sent = (values.get((CATALOGUE[metric].key, name)) for metric in _RATES)
            if took is not None or sent is not None:
                found[device, name] = PortLoad(took, sent, told, runs.get(name))
            elif name in runs:
                found[device, name] = PortLoad(None, None, "none", runs[name])
    return found


def _polled(
    connection: Connection, samples: Samples, source_key: int, wanted: list[tuple[int, str]], at_us: int
) -> dict[tuple[int, str], float]:
    columns = sample.c.schema_key, sample.c.data
    here = (sample.c.source_key == source_key) & sample.c.at_us.between(at_us - POLL_REACH_US, at_us)
    query = select(*columns).where(here).order_by(sample.c.at_us.desc()).limit(ROWS_LOOKED_AT)
    found: dict[tuple[int, str], float] = {}
    for schema_key, data in connection.execute(query):
        for series in wanted:
            place = samples.place_in(connection, schema_key, series) if series not in found else None
            if place is not None and len(data) >= (place + 1) * _FLOAT.size:
                (value,) = _FLOAT.unpack_from(data, place * _FLOAT.size)
                if not math.isnan(value):
                    found[series] = value
        if len(found) == len(wanted):
            break
    return found
