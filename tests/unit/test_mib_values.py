"""Values in words: enumerations, bits, display hints with pysnmp as oracle, what is not what its type says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysnmp.smi import builder

from engine.mibs.tree import oid_of
from engine.mibs.values import VALUE_CAP, Meaning, raw_of, words_of, words_of_index
from engine.protocols.ber import Absent, Value

OCTETS, NUMBER = "OCTET STRING", "Integer32"
STATE = Meaning("INTEGER", enum={1: "up", 2: "down"})


def name(oid: tuple[int, ...]) -> str:
    return "oid" + "".join(f".{arc}" for arc in oid)


@pytest.mark.parametrize(
    ("meaning", "value", "words"),
    [
        (STATE, 1, "up"),
        (STATE, 7, "7"),
        (Meaning(NUMBER, "d-1"), 137, "13.7"),
        (Meaning(NUMBER, "d-2"), -5, "-0.05"),
        (Meaning(NUMBER, "d"), 5, "5"),
        (Meaning(NUMBER, "x"), 255, "ff"),
        (Meaning(NUMBER, "nonsense"), 255, "255"),
        (Meaning("TimeTicks"), 9_006_101, "1 d 01:01:01.01"),
        (Meaning("BITS", enum={0: "cold", 2: "new"}), b"\xa0", "cold, new"),
        (Meaning("BITS", enum={0: "cold"}), b"\x40", "1"),
        (Meaning("OBJECT IDENTIFIER"), "1.3.6", "oid.1.3.6"),
        (Meaning("IpAddress"), "10.0.0.1", "10.0.0.1"),
        (Meaning(""), "1.3.6.1.4", "oid.1.3.6.1.4"),
        (Meaning(OCTETS, "255a"), b"Attic\x00", "Attic"),
        (Meaning(OCTETS, "255t"), "Grünten".encode(), "Grünten"),
        (Meaning(OCTETS, "255a"), b"\x00\x0c\x42", "00:0c:42"),
        (Meaning(OCTETS, "1x:"), bytes(range(6)), "00:01:02:03:04:05"),
        (
            Meaning(OCTETS, "2d-1d-1d,1d:1d:1d.1d,1a1d:1d"),
            bytes([7, 234, 11, 21, 14, 5, 9, 0]) + b"+\x01\x00",
            "2026-11-21,14:5:9.0,+1:0",
        ),
        (Meaning(OCTETS, "*1x:/1x:"), b"\x02\xaa\xbb\x03", "aa:bb/03"),
        (Meaning(OCTETS, "not a hint"), b"\xff\xfe", "ff:fe"),
        (Meaning(OCTETS), b"", ""),
        (Meaning(""), 2.5, "2.5"),
        (Meaning(""), None, ""),
        (Meaning(""), Absent.NO_SUCH_OBJECT, ""),
        (STATE, b"not a number", "not a number"),
    ],
)
def test_a_value_is_told_as_its_type_says(meaning: Meaning, value: Value, words: str) -> None:
    assert words_of(meaning, value, name) == words


@pytest.mark.parametrize(
    "module_and_type", ["SNMPv2-TC MacAddress", "SNMPv2-TC DateAndTime", "INET-ADDRESS-MIB InetAddressIPv4"]
)
@given(data=st.binary(min_size=8, max_size=8))
def test_pysnmp_reads_the_same_display_hints(module_and_type: str, data: bytes) -> None:
    module, kind = module_and_type.split()
    (convention,) = builder.MibBuilder().import_symbols(module, kind)
    data = data[: {"MacAddress": 6, "InetAddressIPv4": 4}.get(kind, 8)]
    theirs = convention(data).prettyPrint()
    assert words_of(Meaning(OCTETS, convention.displayHint), data, name) == theirs


@given(st.text("0123456789xdoat*-:., %", max_size=24), st.binary(max_size=300))
def test_no_hint_and_no_octets_make_it_fail_or_go_on_for_ever(hint: str, data: bytes) -> None:
    assert len(words_of(Meaning(OCTETS, hint), data, name)) <= VALUE_CAP


def test_what_a_device_says_reorders_nothing_and_ends() -> None:
    assert words_of(Meaning(OCTETS, "255t"), "a\u202eb".encode(), name) == "ab"
    assert len(words_of(Meaning(OCTETS, "255a"), b"x" * 5_000, name)) <= VALUE_CAP
    assert len(raw_of(b"\xff" * 5_000)) < 600
    assert (raw_of(3), raw_of(b"\x00\xff"), raw_of(b"ok"), raw_of(None)) == ("3", "00 ff", "ok", "")


ROW = [
    ("port", Meaning(NUMBER)),
    ("mac", Meaning(OCTETS, "1x:", limits=((6, 6),))),
    ("label", Meaning(OCTETS, "255a")),
]


@pytest.mark.parametrize(
    ("oid", "implied", "words"),
    [
        ("3.0.12.66.1.2.3.2.97.98", False, "port 3, mac 00:0c:42:01:02:03, label ab"),
        ("3.0.12.66.1.2.3.97.98", True, "port 3, mac 00:0c:42:01:02:03, label ab"),
        ("3.0.12.66.1.2.3.9.97", False, ""),
        ("3.0.12.66.1.2.3.2.97.98.99", False, ""),
        ("3", False, ""),
    ],
)
def test_an_index_is_taken_apart_as_rfc_2578_puts_it_together(oid: str, implied: bool, words: str) -> None:
    assert words_of_index(ROW, oid_of(oid) or (), implied=implied, name=name) == words


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20).map(tuple), st.booleans())
def test_no_index_makes_it_fail(arcs: tuple[int, ...], implied: bool) -> None:
    assert len(words_of_index(ROW, arcs, implied=implied, name=name)) <= VALUE_CAP
