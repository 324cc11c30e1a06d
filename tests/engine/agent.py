"""An SNMP agent that answers from a dictionary which the test changes at will; speaks v1, v2c or both."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

from engine.protocols import ber, snmp
from engine.protocols.snmp import Message, Pdu, Version
from tests.engine.peers import encode_reply, octets

SYS, IF, IFX = "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
NO_SUCH, END = b"\x80\x00", b"\x82\x00"
TOO_BIG, NO_SUCH_NAME = 1, 2


class ScriptedAgent:
    """`objects` maps OID to TLV. `most_varbinds` more than that are tooBig; `versions` are heard, others are not."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.versions = {Version.V1, Version.V2C}
        self.most_varbinds = 1_000
        self.bulk_rows = 1_000
        self.asked: list[Message] = []
        self._order: list[str] = []

    def __call__(self, data: bytes) -> bytes | None:
        request = snmp.decode_message(data)
        if request.version not in self.versions:
            return None
        self.asked.append(request)
        if request.pdu == Pdu.GET_BULK:
            return self._bulk(request)
        if len(request.varbinds) > self.most_varbinds:
            return encode_reply(request, [], TOO_BIG)
        found = [self._find(request.pdu, oid) for oid, _ in request.varbinds]
        if request.version == Version.V1:
            for place, (_, value) in enumerate(found):
                if value in (NO_SUCH, END):
                    asked = [(oid, b"\x05\x00") for oid, _ in request.varbinds]
                    return encode_reply(request, asked, NO_SUCH_NAME, place + 1)
        return encode_reply(request, found)

    def counts(self, pdu: Pdu) -> int:
        """How many requests of a kind came."""
        return sum(message.pdu == pdu for message in self.asked)

    def _bulk(self, request: Message) -> bytes:
        found: list[tuple[str, bytes]] = []
        names = [oid for oid, _ in request.varbinds]
        for _ in range(min(request.error_index, self.bulk_rows)):
            row = [self._find(Pdu.GET_NEXT, oid) for oid in names]
            found += row
            names = [oid for oid, _ in row]
        if len(found) > self.most_varbinds:
            return encode_reply(request, [], TOO_BIG)
        return encode_reply(request, found)

    def _find(self, pdu: int, oid: str) -> tuple[str, bytes]:
        if pdu == Pdu.GET:
            return oid, self.objects.get(oid, NO_SUCH)
        if len(self._order) != len(self.objects):
            self._order = sorted(self.objects, key=sort_key)
        place = bisect_right(self._order, sort_key(oid), key=sort_key)
        return (
            (oid, END)
            if place == len(self._order)
            else (self._order[place], self.objects[self._order[place]])
        )


@cache
def sort_key(oid: str) -> tuple[int, ...]:
    """The order of a MIB."""
    return tuple(map(int, oid.split(".")))


def counter32(value: int) -> bytes:
    """A Counter32, which wraps."""
    return ber.encode_integer(value & 0xFFFF_FFFF, ber.COUNTER32)


def counter64(value: int) -> bytes:
    """A Counter64."""
    return ber.encode_integer(value, ber.COUNTER64)


def switch(ports: int = 2, *, wide: bool = True) -> dict[str, bytes]:
    """The objects of a switch with some ports, named as its ifDescr or (`wide`) its ifName says."""
    objects = {
        f"{SYS}.1.0": octets("A switch"),
        f"{SYS}.2.0": ber.encode_oid("1.3.6.1.4.1.9.1.1"),
        f"{SYS}.3.0": ber.encode_integer(360_000, ber.TIME_TICKS),
        f"{SYS}.4.0": octets("anna"),
        f"{SYS}.5.0": octets("sw1"),
        f"{SYS}.6.0": octets("attic"),
        "1.3.6.1.2.1.2.1.0": ber.encode_integer(ports),
    }
    for n in range(1, ports + 1):
        objects |= {
            f"{IF}.2.{n}": octets(f"Port {n}"),
            f"{IF}.3.{n}": ber.encode_integer(6),
            f"{IF}.5.{n}": ber.encode_integer(100_000_000, ber.GAUGE32),
            f"{IF}.6.{n}": octets(bytes((2, 0, 0, 0, 0, n % 256))),
            f"{IF}.7.{n}": ber.encode_integer(1),
            f"{IF}.8.{n}": ber.encode_integer(1),
            f"{IF}.10.{n}": counter32(1000 * n),
            f"{IF}.14.{n}": counter32(0),
            f"{IF}.16.{n}": counter32(0),
            f"{IF}.20.{n}": counter32(0),
        }
        if wide:
            objects |= {
                f"{IFX}.1.{n}": octets(f"ge{n}"),
                f"{IFX}.6.{n}": counter64(1000 * n),
                f"{IFX}.10.{n}": counter64(0),
                f"{IFX}.15.{n}": ber.encode_integer(1000, ber.GAUGE32),
                f"{IFX}.18.{n}": octets(f"room {n}"),
            }
    return objects
