"""What a value means: its enumeration's name, its display hint, its index in words. Counterpart: `tree.py`, which knows its type.

Display hints are RFC 2579, section 3.1; how an index is written in an OID is RFC 2578, section 7.7.
One rule: a value that is not what its type says is shown as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address

import msgspec

from domain.text import clean_text, text_from_bytes
from engine.protocols.ber import Absent, Value

VALUE_CAP = 512
"""Longest value in words, in characters."""
_BYTES_SHOWN = 160
_OCTETS = re.compile(r"(\*?)(\d{1,5})([xdoat])([^\d*])?([^\d*])?")
_INTEGER = re.compile(r"([xob])|d(?:-(\d{1,2}))?")
_NUMBERS = frozenset({"INTEGER", "Integer32", "Unsigned32", "Counter32", "Counter64", "Gauge32", "TimeTicks"})
_BASES = {"x": "x", "o": "o", "b": "b"}

Oid = tuple[int, ...]


class Meaning(msgspec.Struct, frozen=True):
    """What a value is in the end: SMI's own type ("" where it is not known), and what its conventions say of it."""

    base: str
    hint: str = ""
    enum: Mapping[int, str] = {}
    limits: tuple[tuple[int, int], ...] = ()

    @property
    def fixed_octets(self) -> int | None:
        """The length that all its values have."""
        if len(self.limits) == 1 and self.limits[0][0] == self.limits[0][1]:
            return self.limits[0][0]
        return None


def words_of(meaning: Meaning, value: Value, name: Callable[[Oid], str]) -> str:
    """Return a value in words; `name` names the OIDs that are values."""
    match value:
        case bool() | None | Absent():
            return ""
        case int():
            return _words_of_number(meaning, value)
        case float():
            return f"{value:g}"
        case bytes():
            return _words_of_octets(meaning, value)
        case str():
            arcs = value.split(".")
            if meaning.base == "OBJECT IDENTIFIER" or (not meaning.base and len(arcs) != 4):
                return (
                    clean_text(name(tuple(map(int, arcs))), VALUE_CAP)
                    if all(a.isdigit() for a in arcs)
                    else value
                )
            return clean_text(value, VALUE_CAP)


def raw_of(value: Value) -> str:
    """Return a value as it was sent: a number, an OID in numbers, bytes as the text they are or in hexadecimal."""
    if isinstance(value, bytes):
        if value.isascii() and value.decode("ascii").isprintable():
            return clean_text(value.decode("ascii"), VALUE_CAP)
        return value[:_BYTES_SHOWN].hex(" ") + (" …" if len(value) > _BYTES_SHOWN else "")
    return "" if value is None or isinstance(value, Absent) else str(value)


def words_of_index(
    parts: Sequence[tuple[str, Meaning]], arcs: Oid, *, implied: bool, name: Callable[[Oid], str]
) -> str:
    """Return the end of an OID as the parts of its row's index, "ifIndex 3, address 10.0.0.1"; "" where it is not that."""
    told: list[str] = []
    for number, (column, meaning) in enumerate(parts):
        last = number == len(parts) - 1
        taken = _take(meaning, arcs, whole=last and implied)
        if taken is None:
            return ""
        value, arcs = taken
        words = _address_of(told[-1] if told else "", value) or words_of(meaning, value, name)
        told.append(f"{column} {words}")
    return "" if arcs else clean_text(", ".join(told), VALUE_CAP)


def _address_of(before: str, value: Value) -> str:
    """Return an InetAddress in words: which kind it is stands before it (RFC 4001)."""
    length = {"ipv4": 4, "ipv6": 16}.get(before.rpartition(" ")[2])
    return str(ip_address(value)) if isinstance(value, bytes) and len(value) == length else ""


def _take(meaning: Meaning, arcs: Oid, *, whole: bool) -> tuple[Value, Oid] | None:
    """Return the first part of an index and what is left of it."""
    if meaning.base in _NUMBERS:
        return (arcs[0], arcs[1:]) if arcs else None
    if meaning.base == "IpAddress":
        return (".".join(map(str, arcs[:4])), arcs[4:]) if len(arcs) >= 4 and max(arcs[:4]) < 256 else None
    if meaning.base not in ("OCTET STRING", "BITS", "OBJECT IDENTIFIER", "Opaque"):
        return None
    fixed = meaning.fixed_octets if meaning.base != "OBJECT IDENTIFIER" else None
    if whole:
        length = len(arcs)
    elif fixed is not None:
        length = fixed
    elif arcs:
        length, arcs = arcs[0], arcs[1:]
    else:
        return None
    part, rest = arcs[:length], arcs[length:]
    if len(part) != length:
        return None
    if meaning.base == "OBJECT IDENTIFIER":
        return ".".join(map(str, part)), rest
    return (bytes(part), rest) if not part or max(part) < 256 else None


def _words_of_number(meaning: Meaning, value: int) -> str:
    named = meaning.enum.get(value)
    if named is not None and meaning.base != "BITS":
        return named
    if meaning.base == "TimeTicks":
        return _words_of_ticks(value)
    match = _INTEGER.fullmatch(meaning.hint)
    if match is None:
        return str(value)
    letter, decimals = match.groups()
    if letter:
        return ("-" if value < 0 else "") + format(abs(value), _BASES[letter])
    places = int(decimals or 0)
    if not places:
        return str(value)
    whole, part = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{places}d}"


def _words_of_ticks(ticks: int) -> str:
    seconds, hundredths = divmod(ticks, 100)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}.{hundredths:02d}"


def _words_of_octets(meaning: Meaning, data: bytes) -> str:
    if meaning.base == "BITS":
        bits = [8 * at + bit for at, octet in enumerate(data) for bit in range(8) if octet & 0x80 >> bit]
        return clean_text(", ".join(meaning.enum.get(bit, str(bit)) for bit in bits), VALUE_CAP)
    if meaning.hint and data:
        hinted = _hinted(meaning.hint, data)
        if hinted is not None:
            return clean_text(hinted, VALUE_CAP)
    return plain_octets(data)


def plain_octets(data: bytes) -> str:
    """Return octets of which nothing is known: text where they are one, else hexadecimal with colons."""
    shown = data.rstrip(b"\x00")
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if shown and text and all(letter.isprintable() or letter in "\r\n\t" for letter in text):
        return text_from_bytes(shown, VALUE_CAP)
    return data[:_BYTES_SHOWN].hex(":") + (" …" if len(data) > _BYTES_SHOWN else "")


def _hinted(hint: str, data: bytes) -> str | None:
    """Return octets as their hint says; None where it is no hint, or says text of what is none."""
    rules = []
    at = 0
    while at < len(hint):
        match = _OCTETS.match(hint, at)
        if match is None:
            return None
        repeats, length, letter, separator, terminator = match.groups()
        if (
            terminator is not None and not repeats
        ):  # only a repeated part has a terminator: it is the next part's, and wrong
            return None
        rules.append((bool(repeats), int(length), letter, separator or "", terminator or ""))
        at = match.end()
    if len(rules) == 1 and rules[0][2] in "at" and not rules[0][0]:
        return _text(data[: rules[0][1]] if len(data) > rules[0][1] else data, rules[0][2])
    told, place, rule = "", 0, 0
    while place < len(data) and len(told) < VALUE_CAP * 2:
        repeats, length, letter, separator, terminator = rules[min(rule, len(rules) - 1)]
        rule += 1
        times = 1
        if repeats:
            times, place = data[place], place + 1
        for time in range(times):
            piece = data[place : place + length]
            place += length
            said = _piece(piece, letter)
            if said is None:
                return None
            told += said
            more = place < len(data)
            if separator and more and not (repeats and terminator and time == times - 1):
                told += separator
            if not more:
                break
        if repeats and terminator and place < len(data):
            told += terminator
        if length == 0 and not repeats and rule >= len(rules):
            return None  # a last part of no octets would never come to an end
    return told


def _piece(piece: bytes, letter: str) -> str | None:
    if letter in "at":
        return _text(piece, letter)
    if not piece:
        return ""
    number = int.from_bytes(piece, "big")
    return {"x": f"{number:0{2 * len(piece)}x}", "d": str(number), "o": f"{number:o}"}[letter]


def _text(data: bytes, letter: str) -> str | None:
    """Return octets as text, None where they hold what no text has: then they are better shown in hexadecimal."""
    data = data.rstrip(b"\x00")
    if any(octet < 32 and octet not in b"\r\n\t" for octet in data):
        return None
    return text_from_bytes(data, VALUE_CAP) if data else ""
