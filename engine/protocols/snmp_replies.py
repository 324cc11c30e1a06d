"""Replies that come again and again, read by the layout of the last one. Counterpart: `snmp.py`, which reads any message.

Theory: an agent that is asked the same OIDs answers with the same bytes but for the request id and the values. Where all
values are as long as before, all else is compared in one go and the values are cut out in another: no varbind is looked at.
One rule: a layout may only take what `decode_message` would have read to the same message; a property test holds it.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TypeVar

from engine.protocols.ber import Memo, Value
from engine.protocols.sealed import Sealed
from engine.protocols.snmp import Message, Plain, decode_message, plain_values

LAYOUTS_CAP = 8
"""Kept of one agent; a cycle is seldom more than four GETs."""

VALUES_WORTH_IT = range(6, 65)
"""Fewer are read as fast without a layout; more are the answer to a walk, which is seldom the same twice."""

_numbers = int.from_bytes
T = TypeVar("T")


class Layout:
    """Where the values of a reply lie, and what all the bytes between them are."""

    __slots__ = ("_between", "_cut", "_oids", "_padded", "_signed", "_texts", "_version")

    def __init__(self, data: bytes, message: Message, plain: Plain) -> None:
        """Take the layout of a reply that was read, with what `plain_values` says of it."""
        stops = [plain.id_at, plain.id_at + 4]
        for start, stop in plain.spans:
            stops += (start, stop)
        stops.append(len(data))
        sizes = [stop - start for start, stop in zip([0, *stops], stops, strict=False)]
        self._cut = _struct("".join(f"{size}s" for size in sizes))
        self._between = tuple(map(_SAME.__getitem__, self._cut.unpack(data)[::2]))
        self._version = message.version, message.community, message.pdu
        self._oids = _same(tuple(oid for oid, _ in message.varbinds))
        self._signed, self._texts, self._padded = map(_same, ((0, *plain.signed), plain.texts, plain.padded))

    def read(self, data: bytes) -> Message | None:
        """Read a message of the very length that the layout has; None where it is laid out in another way."""
        cut = self._cut.unpack(data)
        if cut[::2] != self._between:
            return None
        raw = cut[1::2]
        values: list[Value] = list(map(_numbers, raw))
        request_id = values[0]
        for place in self._signed:
            if raw[place][0] > 0x7F:
                values[place] = _numbers(raw[place], "big", signed=True)
        for place in self._texts:
            values[place] = raw[place]
        for place in self._padded:
            if raw[place][0]:
                return None
        version, community, pdu = self._version
        del values[0]
        return Message(version, community, pdu, request_id, 0, 0, list(zip(self._oids, values, strict=True)))  # type: ignore[arg-type]


class ReplyReader:
    """Reads what one agent sends, and remembers how its last replies were laid out."""

    __slots__ = ("_count", "_layouts", "_seen")

    def __init__(self) -> None:
        self._layouts: dict[int, list[Layout]] = {}
        self._count = 0
        self._seen: set[int] = set()

    def read(self, data: bytes) -> Message | Sealed:
        """Read one datagram as `decode_message` does."""
        size = len(data)
        for layout in self._layouts.get(size, ()):
            message = layout.read(data)
            if message is not None:
                return message
        decoded = decode_message(data)
        if size not in self._seen:  # worth a layout is what comes twice
            if len(self._seen) >= LAYOUTS_CAP:
                self._seen.clear()
            self._seen.add(size)
        elif isinstance(decoded, Message) and len(decoded.varbinds) in VALUES_WORTH_IT:
            self._learn(data, decoded)
        return decoded

    def _learn(self, data: bytes, message: Message) -> None:
        plain = plain_values(data)
        if plain is None:
            return
        if self._count >= LAYOUTS_CAP:
            self._layouts.clear()
            self._count = 0
        self._seen.discard(len(data))
        self._layouts.setdefault(len(data), []).append(Layout(data, message, plain))
        self._count += 1


def _as_it_is(data: bytes) -> bytes:
    return data


_SAME = Memo(_as_it_is)
"""One object for the same bytes of all agents: a fleet asks for few OIDs."""


@lru_cache(maxsize=4096)
def _same(said: T) -> T:
    return said


@lru_cache(maxsize=1024)
def _struct(form: str) -> Struct:
    return Struct(form)
