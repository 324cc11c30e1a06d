"""What ports carried at a moment, of a whole network at once. Counterpart: `engine/storage/loads.py`, the same on a laptop.

Theory: of each vantage of a device its few newest rows before the moment are read in one statement, and a number is the
newest that any of them has. Where there is no such row any more the mean of the hour stands for it.
One rule: nothing is older than a laptop takes it, and what was not heard then is left out.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Collection
from math import isnan
from uuid import UUID

from asyncpg import Record

from domain.asking import LoadSource
from domain.metrics import CATALOGUE
from domain.past_numbers import PortThen
from engine.storage.hours import floor_hour, hour_in
from engine.storage.loads import POLL_REACH_US, ROWS_LOOKED_AT
from engine.storage.samples import Series
from sync_server.database import Transaction
from sync_server.samples import Samples

_FLOAT = struct.Struct("<f")
_IN, _OUT = CATALOGUE["if_in_bps"].key, CATALOGUE["if_out_bps"].key
_Found = dict[tuple[UUID, int, str], float]
"""By device, metric and port."""
_Row = tuple[UUID, dict[Series, int], bytes]


async def ports_then(
    transaction: Transaction, samples: Samples, wanted: Collection[tuple[UUID, str]], at_us: int
) -> list[PortThen]:
    """Return what ports of devices carried, within a transaction of the caller's, of its tenant."""
    ports: dict[UUID, set[str]] = {}
    for device, port in wanted:
        ports.setdefault(device, set()).add(port)
    rows = await transaction.fetch(_POLLED, list(ports), at_us - POLL_REACH_US, at_us, ROWS_LOOKED_AT)
    polled = _values(await _laid_out(transaction, samples, rows), ports)
    silent = [device for device in ports if not any((device, _IN, p) in polled for p in ports[device])]
    rows = await transaction.fetch(_HOURS, silent, floor_hour(at_us)) if silent else []
    laid_out = await _laid_out(transaction, samples, rows)
    hourly = await asyncio.to_thread(_means, laid_out, ports)
    found: list[PortThen] = []
    for device, port in dict.fromkeys(wanted):
        sources: tuple[tuple[_Found, LoadSource], ...] = (polled, "polls"), (hourly, "hours")
        for values, source in sources:
            took, sent = values.get((device, _IN, port)), values.get((device, _OUT, port))
            if took is not None or sent is not None:
                found.append((device, port, took, sent, source))
                break
    return found


async def _laid_out(transaction: Transaction, samples: Samples, rows: list[Record]) -> list[_Row]:
    return [(device, await samples.order_of(transaction, key), data) for device, key, data in rows]


def _values(rows: list[_Row], ports: dict[UUID, set[str]]) -> _Found:
    """Return the newest number of each; rows come newest first."""
    found: _Found = {}
    for device, order, data in rows:
        for port in ports[device]:
            for metric in (_IN, _OUT):
                place = order.get((metric, port))
                if place is None or (device, metric, port) in found or len(data) < 4 * (place + 1):
                    continue
                (value,) = _FLOAT.unpack_from(data, 4 * place)
                if not isnan(value):
                    found[device, metric, port] = value
    return found


def _means(rows: list[_Row], ports: dict[UUID, set[str]]) -> _Found:
    """Return the means of an hour. Runs on a thread: each row is unpacked."""
    found: _Found = {}
    for device, order, data in rows:
        plain = zlib.decompress(data)
        for port in ports[device]:
            for metric in (_IN, _OUT):
                place = order.get((metric, port))
                if place is not None and (hour := hour_in(plain, place)).values:
                    found.setdefault((device, metric, port), hour.mean)
    return found


_POLLED = """
    SELECT s.device_id, p.schema_key, p.data FROM sample_source s CROSS JOIN LATERAL (
        SELECT at_us, schema_key, data FROM sample
        WHERE source_key = s.key AND at_us BETWEEN $2 AND $3 ORDER BY at_us DESC LIMIT $4
    ) AS p WHERE s.device_id = ANY ($1::uuid[]) ORDER BY p.at_us DESC
"""
_HOURS = """
    SELECT s.device_id, h.schema_key, h.data FROM sample_source s JOIN sample_hour h ON h.source_key = s.key
    WHERE s.device_id = ANY ($1::uuid[]) AND h.hour_us = $2
"""
