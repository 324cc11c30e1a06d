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

_number = int.from_bytes
T = TypeVar("T")


_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""How `struct` cuts out unsigned numbers of these sizes, of others their bytes; signed ones have the same letters, small."""


class Layout:
    """Where the values of a reply lie, and what all the bytes between them are."""

    __slots__ = ("_between", "_cut", "_oids", "_padded", "_signed", "_unsigned", "_version", "size")

    def __init__(self, data: bytes, message: Message, plain: Plain) -> None:
        """Take the layout of a reply that was read, with what `plain_values` says of it; each OID is in it but once."""
        self.size = len(data)
        form, at = [f">{plain.id_at}si"], plain.id_at + 4
        signed, texts = set(plain.signed), set(plain.texts)
        odd: dict[bool, list[str]] = {True: [], False: []}
        for place, (start, stop) in enumerate(plain.spans, 1):
            code = _CODES.get(stop - start)
            is_signed = place in signed
            if code is None and place not in texts:
                odd[is_signed].append(message.varbinds[place - 1][0])
            if code is None or place in texts:
                code = f"{stop - start}s"
            form.append(f"{start - at}s{code.lower() if is_signed else code}")
            at = stop
        self._cut = _struct("".join([*form, "0s"]))
        self._between = tuple(map(_SAME.__getitem__, self._cut.unpack(data)[::2]))
        self._version = message.version, message.community, message.pdu
        self._oids = _same(tuple(oid for oid, _ in message.varbinds))
        self._unsigned, self._signed = _same(tuple(odd[False])), _same(tuple(odd[True]))
        self._padded = _same(tuple(message.varbinds[place - 1][0] for place in plain.padded))

    def read(self, data: bytes) -> Message | None:
        """Read a message of the very length that the layout has; None where it is laid out in another way."""
        cut = self._cut.unpack(data)
        if cut[::2] != self._between:
            return None
        found: dict[str, Value] = dict(zip(self._oids, cut[3::2], strict=True))
        for oid in self._padded:
            if found[oid][0]:  # type: ignore[index]
                return None
        for oid in self._unsigned:
            found[oid] = _number(found[oid])  # type: ignore[arg-type]
        for oid in self._signed:
            found[oid] = _number(found[oid], "big", signed=True)  # type: ignore[arg-type]
        version, community, pdu = self._version
        return Message(version, community, pdu, cut[1], 0, 0, [], found)


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
        if plain is not None and len(dict(message.varbinds)) == len(message.varbinds):
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
