"""A GET that is asked again and again, read by the layout of its last replies. Counterpart: `snmp.py`, which reads any message.

Theory: an agent that is asked the same OIDs answers with the same bytes but for the request id and the values. Where all
values are as long as before, all else is compared in one go and the values are cut out in another: no varbind is looked at.
One rule: a layout may only take what `decode_message` would have read to the same message; a property test holds it.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TypeVar

from engine.protocols.ber import Memo, Value
from engine.protocols.snmp import Message, Pdu, Plain, around_id, four_bytes, plain_values

LAYOUTS_CAP = 3
"""Kept of one GET: lengths of values that change back and forth."""

VALUES_WORTH_IT = range(6, 65)
"""Fewer are read as fast without a layout; more are seldom asked for at a time."""

_numbers = int.from_bytes
T = TypeVar("T")


class Layout:
    """Where the values of a reply lie, and what all the bytes between them are."""

    __slots__ = ("_between", "_cut", "_oids", "_padded", "_signed", "_texts", "_version", "size")

    def __init__(self, data: bytes, message: Message, plain: Plain) -> None:
        """Take the layout of a reply that was read, with what `plain_values` says of it."""
        self.size = len(data)
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
        found = dict(zip(self._oids, values, strict=True))
        return Message(version, community, pdu, request_id, 0, 0, [], found)  # type: ignore[arg-type]


class Get:
    """One question to one agent: its bytes for a request id, and how its replies are laid out."""

    __slots__ = ("_head", "_layouts", "_missed", "_tail", "version")

    def __init__(self, community: bytes, oids: tuple[str, ...], version: int) -> None:
        self.version = version
        self._head, self._tail = around_id(Pdu.GET, version, community, oids)
        self._layouts: tuple[Layout, ...] = ()
        self._missed = 0

    def __call__(self, request_id: int) -> bytes:
        """Return the question; `encode_get` would return the same."""
        return self._head + four_bytes(request_id) + self._tail

    def read(self, data: bytes) -> Message | None:
        """Read a reply that is laid out as one before; None for any other."""
        size = len(data)
        for layout in self._layouts:
            if layout.size == size:
                message = layout.read(data)
                if message is not None:
                    return message
        return None

    def learn(self, data: bytes, message: Message) -> None:
        """Take the layout of a reply that had to be read the long way, if it is the second one of its length."""
        if len(message.varbinds) not in VALUES_WORTH_IT:
            return
        if self._missed != len(data):
            self._missed = len(data)
            return
        self._missed = 0
        plain = plain_values(data)
        if plain is not None:
            self._layouts = (Layout(data, message, plain), *self._layouts[: LAYOUTS_CAP - 1])


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
