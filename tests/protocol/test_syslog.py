"""Syslog as the RFCs show it and as devices send it; frames of a stream; anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from domain.receiving import SEVERITIES
from engine.protocols.syslog import (
    FACILITIES,
    MESSAGE_CAP_BYTES,
    TEXT_CAP,
    SyslogFrames,
    SyslogMessage,
    parse_syslog,
)

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - " + BOM + b"'su root' failed",
            SyslogMessage("critical", "auth", "'su root' failed", "mymachine.example.com", "su"),
            id="RFC 5424, 6.5, example 1",
        ),
        pytest.param(
            b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
            SyslogMessage("notice", "local4", "%% It's time.", "192.0.2.1", "myproc"),
            id="RFC 5424, 6.5, example 2",
        ),
        pytest.param(
            b'<165>1 2003-10-11T22:14:15.003Z m e - ID47 [a@32473 iut="3" s="App\\"]\\]"][b@1 x="y"] An event',
            SyslogMessage(
                "notice", "local4", "An event", "m", "e", '[a@32473 iut="3" s="App\\"]\\]"][b@1 x="y"]'
            ),
            id="RFC 5424, structured",
        ),
        pytest.param(
            b'<165>1 2003-10-11T22:14:15.003Z m e - ID47 [a@32473 iut="3"]',
            SyslogMessage("notice", "local4", "", "m", "e", '[a@32473 iut="3"]'),
            id="RFC 5424, structured and no text",
        ),
        pytest.param(
            b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            SyslogMessage(
                "critical", "auth", "'su root' failed for lonvick on /dev/pts/8", "mymachine", "su"
            ),
            id="RFC 3164, 5.4, example 1",
        ),
        pytest.param(
            b"Use the BFG!",
            SyslogMessage("notice", "user", "Use the BFG!"),
            id="RFC 3164, 5.4, example 2",
        ),
        pytest.param(
            b"<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org",
            SyslogMessage("emergency", "kern", "1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org"),
            id="a time that is none",
        ),
        pytest.param(
            b"<86>Feb  5 17:32:18 gate sshd[4711]: Accepted publickey for mara",
            SyslogMessage("info", "authpriv", "Accepted publickey for mara", "gate", "sshd"),
            id="a process with its number",
        ),
        pytest.param(
            b"<13>2024-05-06T07:08:09.123456+02:00 gate app: hello",
            SyslogMessage("notice", "user", "hello", "gate", "app"),
            id="an ISO time in an old head",
        ),
        pytest.param(
            b"system,info,account user admin logged in from 10.0.0.1 via winbox",
            SyslogMessage(
                "info", "user", "user admin logged in from 10.0.0.1 via winbox", "", "system,info,account"
            ),
            id="RouterOS without a head",
        ),
        pytest.param(
            b"<28>interface,warning ether1 link down",
            SyslogMessage("warning", "daemon", "ether1 link down", "", "interface,warning"),
            id="RouterOS with a priority",
        ),
        pytest.param(
            b"<30>Jan  2 03:04:05 Hilltop-1 dhcp,info: lan assigned 10.0.0.7",
            SyslogMessage("info", "daemon", "lan assigned 10.0.0.7", "Hilltop-1", "dhcp,info"),
            id="RouterOS with the head of RFC 3164",
        ),
        pytest.param(
            b"<30>Jan  2 03:04:05 wireless,critical,!debug no key",
            SyslogMessage("info", "daemon", "no key", "", "wireless,critical,!debug"),
            id="RouterOS with a time and no name",
        ),
        pytest.param(
            b"<189>123: rt1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console",
            SyslogMessage("notice", "local7", "Configured from console", "", "%SYS-5-CONFIG_I"),
            id="Cisco, numbered and starred",
        ),
        pytest.param(
            b"<999>kernel panic",
            SyslogMessage("notice", "user", "<999>kernel panic"),
            id="a priority that there is none of",
        ),
        pytest.param(
            b"<14>Tsch\xfcss \x1b[31mred\x1b[0m\x00\n \xe2\x80\xae!",
            SyslogMessage("info", "user", "Tschüss red â\u0080®!".replace("\u0080", "")),
            id="Latin-1 with escapes",
        ),
    ],
)
def test_a_message_says(data: bytes, expected: SyslogMessage) -> None:
    assert parse_syslog(data) == expected


@pytest.mark.parametrize("data", [b"", b"<13>", b"\n\x00", b"<13>1 - - - - - -", b"<13>1 - - - - - - "])
def test_a_message_that_says_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(BadReply):
        parse_syslog(data)


@pytest.mark.parametrize("facility", range(24))
@pytest.mark.parametrize("severity", range(8))
def test_every_priority_is_a_facility_and_a_severity(facility: int, severity: int) -> None:
    message = parse_syslog(f"<{facility * 8 + severity}>x".encode())
    assert (message.facility, message.severity) == (FACILITIES[facility], SEVERITIES[severity])


heads = st.sampled_from(
    [
        b"",
        b"<13>",
        b"<34>1 ",
        b"<34>1 - h a - - ",
        b"<34>1 - h a - - [x",
        b"<30>Jan  2 03:04:05 ",
        b"1: *Mar ",
    ]
)
parts = st.lists(
    st.sampled_from([b"a", b" ", b"[", b"]", b'"', b"\\", b"=", b",", b":", b"<", b"\xff", b"\n", b"1", b"-"])
    | st.binary(max_size=5),
    max_size=60,
).map(b"".join)


@given(heads, parts, st.integers(1, 400))
def test_whatever_comes_is_read_or_refused_and_stays_within_the_caps(
    head: bytes, part: bytes, times: int
) -> None:
    try:
        message = parse_syslog(head + part * times)
    except BadReply:
        return
    assert len(message.text) <= TEXT_CAP and message.text.isprintable()
    assert len(message.host) <= 255 and len(message.app) <= 64 and len(message.structured) <= 500


# ---- frames


def frames_of(stream: bytes, sizes: list[int], limit: int = 7) -> list[bytes]:
    """Cut a stream that comes in pieces of these sizes, then the rest."""
    frames, found, at = SyslogFrames(), [], 0
    for size in [*sizes, len(stream)]:
        frames.feed(stream[at : at + size])
        at += size
        while taken := frames.take(limit):
            found += taken
    assert len(frames._held) <= MESSAGE_CAP_BYTES + 9
    return found


counted = st.binary(min_size=1, max_size=40).map(lambda m: (str(len(m)).encode() + b" " + m, m))
texts = st.text(alphabet="abc <>1:é", min_size=1, max_size=40).map(lambda t: ("<13>" + t).encode())
lines = st.tuples(texts, st.sampled_from([b"\n", b"\x00", b"\n\n", b"\n \r\n"])).map(
    lambda p: (p[0] + p[1], p[0])
)


@given(st.lists(counted | lines, max_size=12), st.lists(st.integers(0, 30), max_size=40))
def test_a_stream_is_cut_the_same_however_it_comes(sent: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    assert frames_of(b"".join(framed for framed, _ in sent), sizes) == [message for _, message in sent]


@pytest.mark.parametrize("pieces", [[], [1] * 30_000, [5_000, 5_000]])
def test_of_a_message_above_the_cap_the_beginning_is_taken_and_the_rest_skipped(pieces: list[int]) -> None:
    long = b"x" * 20_000
    cut = long[:MESSAGE_CAP_BYTES]
    assert frames_of(b"20000 " + long + b"3 end", pieces) == [cut, b"end"]
    assert frames_of(b"<13>" + long + b"\nend\n", pieces) == [(b"<13>" + long)[:MESSAGE_CAP_BYTES], b"end"]


def test_what_begins_with_a_digit_and_is_no_count_is_a_line() -> None:
    assert frames_of(b"2024-01-01T00:00:00Z up\n12345678 bottles\n", []) == [
        b"2024-01-01T00:00:00Z up",
        b"12345678 bottles",
    ]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_stream_is_cut_without_end_or_growth(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    assert sum(map(len, frames_of(stream, [len(piece) for piece in pieces]))) <= len(stream)
