"""What a pushed message says: topics, times, values under foreign names. Counterpart: `intake.py`, which stores it.

Theory: a name of the catalogue, with what it is of after a slash ("if_in_bps/ether1"), is that metric, in its unit and range. Any
other name is an instance of the one metric `pushed`: so whatever somebody measures is a series like every other, in charts and
in rules, and no table and no catalogue changes for it. Booleans are 0 and 1; numbers are kept as float32.
One rule: what a stranger wrote is refused with what is wrong with it, and is never made fit.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.metrics import CATALOGUE
from domain.text import is_one_line
from engine.storage.samples import Series

Kind = Literal["telemetry", "shadow"]
VALUES_CAP = 256
"""Names of one message."""
NAME_CAP = 128
MESSAGES_CAP = 1_000
"""Messages of one body."""
REPORTED_CAP_BYTES = 8_192
LAYOUTS_CACHED = 10_000
PUSHED = CATALOGUE["pushed"]
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TOPIC = re.compile(f"tenant/({_UUID})/device/({_UUID})/(telemetry|shadow)")


class Wrong(ValueError):
    """A message is none. `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Topic(NamedTuple):
    """Where a message was published: whose it says that it is."""

    tenant: UUID
    device: UUID
    kind: Kind


class Layout(NamedTuple):
    """How the values of messages with the same names are packed."""

    series: tuple[Series, ...]
    names: tuple[str, ...]
    packing: struct.Struct


_layouts: dict[tuple[str, ...], Layout] = {}


def parse_topic(topic: str) -> Topic | None:
    """Return what `tenant/{t}/device/{d}/{type}` says; None where it is no such topic."""
    found = _TOPIC.fullmatch(topic)
    if found is None:
        return None
    tenant, device, kind = found.groups()
    return Topic(UUID(tenant), UUID(device), "shadow" if kind == "shadow" else "telemetry")


def parse_packet(payload: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Return the key that a payload carries and its messages, one or many, without the key. Raises Wrong."""
    try:
        packet = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Wrong("NOT_JSON", f"JSON expected: {str(error)[:200]}") from None
    if not isinstance(packet, dict):
        raise Wrong("NOT_JSON", "a JSON object expected")
    key = packet.pop("key", "")
    if not isinstance(key, str):
        raise Wrong("INVALID_INPUT", "key: a text expected")
    if "messages" not in packet:
        return key, [packet]
    messages = packet.pop("messages")
    is_list = isinstance(messages, list) and all(isinstance(one, dict) for one in messages)
    if packet or not is_list or not 0 < len(messages) <= MESSAGES_CAP:
        raise Wrong("INVALID_INPUT", f"messages: 1 to {MESSAGES_CAP} objects expected, and nothing beside")
    return key, messages


def time_of(body: Mapping[str, Any], heard_us: int, span_us: tuple[int, int]) -> int:
    """Return when a message's values were measured: what it says, else when it was heard. Raises Wrong."""
    at_us = body.get("at_us")
    if at_us is None:
        return heard_us
    if type(at_us) is not int:
        raise Wrong("INVALID_INPUT", "at_us: whole microseconds since 1970 UTC expected")
    if not span_us[0] <= at_us <= span_us[1]:
        raise Wrong(
            "TIME_OUT_OF_RANGE", f"at_us: {span_us[0]} to {span_us[1]} expected, got {str(at_us)[:30]}"
        )
    return at_us


def layout_of(body: Mapping[str, Any]) -> Layout:
    """Return how the values of a message are packed. Raises Wrong."""
    values = body.get("values")
    if not isinstance(values, dict) or not 0 < len(values) <= VALUES_CAP:
        raise Wrong("INVALID_INPUT", f"values: 1 to {VALUES_CAP} numbers by their names expected")
    unknown = body.keys() - {"values", "at_us", "device"}
    if unknown:
        raise Wrong("INVALID_INPUT", f"{min(unknown)[:60]}: no field of a message")
    names = tuple(values)
    found = _layouts.get(names)
    if found is None:
        if len(_layouts) >= LAYOUTS_CACHED:
            _layouts.clear()
        found = _layouts[names] = _made(names)
    return found


def pack_values(layout: Layout, body: Mapping[str, Any]) -> bytes:
    """Return a message's values as rows keep them. Raises Wrong."""
    values = body["values"]
    try:
        return layout.packing.pack(*[values[name] for name in layout.names])
    except (struct.error, OverflowError, TypeError):
        odd = next(name for name in layout.names if not _is_number(values[name]))
        raise Wrong("NOT_A_NUMBER", f"{odd}: a number or a boolean expected, as large as float32") from None


@lru_cache(LAYOUTS_CACHED)
def series_of(name: str) -> tuple[str, str]:
    """Return the metric and the instance that a name means."""
    metric, _, instance = name.partition("/")
    known = CATALOGUE.get(metric)
    return (PUSHED.name, name) if known is None or known is PUSHED else (known.name, instance)


def reported_of(body: Mapping[str, Any]) -> str:
    """Return, as JSON, what a device reports of itself. Raises Wrong."""
    reported = body.get("reported")
    if not isinstance(reported, dict) or body.keys() - {"reported", "at_us", "device"}:
        raise Wrong("INVALID_INPUT", "reported: an object expected, and no field beside but at_us")
    text = msgspec.json.encode(reported)
    if len(text) > REPORTED_CAP_BYTES or b"\\u0000" in text:
        raise Wrong("INVALID_INPUT", f"reported: at most {REPORTED_CAP_BYTES} bytes without NUL expected")
    return text.decode()


def _made(names: tuple[str, ...]) -> Layout:
    named: dict[Series, str] = {}
    for name in names:
        if not 0 < len(name) <= NAME_CAP or not is_one_line(name) or name != name.strip():
            raise Wrong("INVALID_INPUT", f"{name[:60]!r}: a name of 1 to {NAME_CAP} characters expected")
        metric, instance = series_of(name)
        series = CATALOGUE[metric].key, instance
        if series in named:
            raise Wrong("INVALID_INPUT", f"{name} and {named[series]} name the same")
        named[series] = name
    ordered = tuple(sorted(named))
    return Layout(ordered, tuple(named[series] for series in ordered), struct.Struct(f"<{len(ordered)}f"))


def _is_number(value: object) -> bool:
    try:
        struct.pack("<f", value)
    except (struct.error, OverflowError, TypeError):
        return False
    return True
