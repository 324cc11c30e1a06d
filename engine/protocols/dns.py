"""DNS messages (RFC 1035): one question out, the answers to it in. Counterpart: `transport/dns.py`, `drivers/dns.py`.

Our own because of what a hostile reply may cost: names point to names, and dnspython, which the tests hold it against, takes
5 ms a record where they have 127 parts. One rule: pointers lead only backwards, and a message has at most `LABELS_CAP` labels.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from domain.errors import BadReply
from domain.text import text_from_bytes

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
HEADER_BYTES = 12
ANSWERS_CAP = 500
TEXT_CAP_CHARS = 1_000
LABELS_CAP = 10_000
NAME_CAP_BYTES = 255
LABEL_CAP_BYTES = 63

_HEADER = struct.Struct(">6H")
_QUESTION = struct.Struct(">2H")
_RECORD = struct.Struct(">2HIH")
_INTERNET = 1
_RECURSION_DESIRED = 0x0100
_RESPONSE = 0x8000
_RCODE = 0x000F
_POINTER = 0xC0


class Reply(NamedTuple):
    """What a message says: how it went ("NOERROR"), and the records of the asked type as text, sorted, each once."""

    rcode: str
    records: tuple[str, ...]


def encode_question(number: int, name: str, type: str) -> bytes:
    """Return a message with one question that asks for recursion; ValueError for what is no name.

    No EDNS: old gear answers it with an error.
    """
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")] if name.strip(".") else []
    if any(not 1 <= len(label) <= LABEL_CAP_BYTES for label in labels):
        raise ValueError(f"a part of {name[:80]!r} is empty or longer than {LABEL_CAP_BYTES} bytes")
    wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(wire) > NAME_CAP_BYTES:
        raise ValueError(f"a name of {len(wire)} bytes, at most {NAME_CAP_BYTES}")
    header = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + wire + _QUESTION.pack(TYPES[type], _INTERNET)


def decode_reply(question: bytes, data: bytes) -> Reply:
    """Read the reply to a message of `encode_question`; BadReply for one that is none, or breaks the rules."""
    if len(data) < HEADER_BYTES:
        raise BadReply(f"a DNS message of {len(data)} bytes")
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if number != int.from_bytes(question[:2], "big") or not flags & _RESPONSE:
        raise BadReply("a DNS message that is no reply to ours")
    reader = _Reader(data)
    rcode = flags & _RCODE
    said = RCODES[rcode] if rcode < len(RCODES) else f"error {rcode}"
    if questions:
        name, asked = reader.read_name(), reader.take(_QUESTION.size)
        if questions > 1 or (name, asked) != (_Reader(question).read_name(), question[-_QUESTION.size :]):
            raise BadReply("a DNS reply to another question")
    elif not rcode:
        raise BadReply("a DNS reply that does not repeat the question")
    if answers > ANSWERS_CAP:
        raise BadReply(f"a DNS reply of {answers} records, at most {ANSWERS_CAP} are read")
    wanted = _QUESTION.unpack(question[-_QUESTION.size :])
    found = {text for _ in range(answers) if (text := reader.read_record(wanted)) is not None}
    return Reply(said, tuple(sorted(found)))


class _Reader:
    """Goes over a message; BadReply where it ends too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = HEADER_BYTES
        self._labels = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise BadReply("a DNS message that ends too soon", self._at)
        self._at += size
        return found

    def read_name(self) -> str:
        """Return the name that stands here, in small letters, with a dot at its end."""
        data, at, size = self._data, self._at, 0
        labels: list[str] = []
        after = lowest = 0
        while True:
            if at >= len(data):
                raise BadReply("a DNS name that ends too soon", at)
            length = data[at]
            if length >= _POINTER:
                target = int.from_bytes(data[at : at + 2], "big") & 0x3FFF
                if len(data) < at + 2 or target >= (lowest or at):
                    raise BadReply("a DNS name that points forward", at)
                after = after or at + 2
                at = lowest = target
            elif length > LABEL_CAP_BYTES:
                raise BadReply("a DNS label of an unknown kind", at)
            elif not length:
                self._at = after or at + 1
                return ".".join(labels) + "."
            else:
                label = data[at + 1 : at + 1 + length]
                labels.append(text_from_bytes(label).replace(".", "\\.").lower())
                size += length + 1
                at += length + 1
                self._labels += 1
            if size > NAME_CAP_BYTES or self._labels > LABELS_CAP:
                raise BadReply("a DNS name that does not end", at)

    def read_record(self, wanted: tuple[int, int]) -> str | None:
        """Pass over one record; return what it says if it is of the wanted (type, class)."""
        self.read_name()
        type, of_class, _, length = _RECORD.unpack(self.take(_RECORD.size))
        end = self._at + length
        if (type, of_class) != wanted:
            self.take(length)
            return None
        text = self._read_data(type, length)
        if self._at != end:
            raise BadReply(f"a DNS record of type {type} that has not {length} bytes", self._at)
        return text

    def _read_data(self, type: int, length: int) -> str:
        if type == TYPES["A"] and length == 4:
            return str(IPv4Address(self.take(4)))
        if type == TYPES["AAAA"] and length == 16:
            return str(IPv6Address(self.take(16)))
        if type == TYPES["MX"]:
            return f"{self._read_number(2)} {self.read_name()}"
        if type == TYPES["SRV"]:
            numbers = [self._read_number(2) for _ in range(3)]
            return " ".join((*map(str, numbers), self.read_name()))
        if type == TYPES["SOA"]:
            names = self.read_name(), self.read_name()
            return " ".join((*names, *(str(self._read_number(4)) for _ in range(5))))
        if type == TYPES["TXT"]:
            end, said = self._at + length, b""
            while self._at < end:
                said += self.take(self._read_number(1))
            return text_from_bytes(said, TEXT_CAP_CHARS)
        if type in (TYPES["CNAME"], TYPES["NS"], TYPES["PTR"]):
            return self.read_name()
        raise BadReply(f"a DNS record of type {type} with {length} bytes", self._at)

    def _read_number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")
