"""A keyframe as it is kept: what a moment shows, packed in pieces. Counterpart: `past.py` folds the rows that came after it.

One rule: nothing is made or read that takes long in one go, for nothing else of the process runs meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import msgspec

from domain.alerts import Alert
from domain.health import Health
from domain.load import LinkState
from engine.storage.batch import DeviceThen, Keyframe, LinkThen

PIECE_THINGS = 1_000
"""Most things of a keyframe that are made or read in one go: nothing else of the process runs meanwhile."""
SHOWN_US = 86_400_000_000
"""For how long an alert that ended is still among those of a moment."""
_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_pieces_of = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_keyframe_of = msgspec.msgpack.Decoder(Keyframe).decode


def encode_keyframe(
    at_us: int, health: Iterable[Health], alerts: Iterable[Alert], link_states: Iterable[LinkState]
) -> bytes:
    """Return a keyframe as it is kept: what a moment shows, in pieces."""
    devices = [DeviceThen(h.device, h.status, h.since_us, h.reason) for h in health]
    links = [LinkThen(state.link, state.status, state.since_us) for state in link_states]
    shown: list[Alert] = []
    closed: list[Alert] = []
    for alert in alerts:
        (shown if is_shown(alert, at_us) else closed).append(alert)
    pieces = chain(
        (Keyframe(health=piece) for piece in _pieces(devices)),
        (Keyframe(link_states=piece) for piece in _pieces(links)),
        (Keyframe(alerts=piece) for piece in _pieces(shown)),
        (Keyframe(closed=msgspec.Raw(_encode(piece))) for piece in _pieces(closed)),
    )
    return zlib.compress(_encode([msgspec.Raw(_encode(piece)) for piece in pieces]), 1)


def decode_keyframe(body: bytes) -> Iterator[Keyframe]:
    """Go over the pieces of a keyframe. Raises zlib.error or msgspec.DecodeError where it is none that is known."""
    data = zlib.decompress(body)
    if data[:1] and data[0] & 0xF0 == 0x80:  # a map: kept whole, as the first release did
        yield _keyframe_of(data)
    else:
        for piece in _pieces_of(data):
            yield _keyframe_of(piece)


def is_shown(alert: Alert, at_us: int) -> bool:
    """Tell whether an alert is among those of a moment."""
    return alert.is_open or alert.touched_us >= at_us - SHOWN_US


def _pieces(things: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(things)
    return iter(lambda: list(islice(rest, PIECE_THINGS)), [])
