"""Syslog as devices send it: RFC 5424, RFC 3164, and what came before there were any. Counterpart: `receivers/` files it.

Theory: nearly nothing about syslog holds in the wild, so each part is taken where it looks like one, and what is left is the
text. RouterOS sends "topics message", with or without a priority and the head of RFC 3164 before it; Cisco puts a number
and a starred time first. The time a message claims is dropped: when it came is known better.
`SyslogFrames` cuts a TCP stream into messages, counted or ended by a line feed (RFC 6587), told apart by their first byte.
One rule: whatever the bytes, reading ends, in time that grows with their number only.
"""

from __future__ import annotations

import re

import msgspec

from domain.errors import BadReply
from domain.receiving import SEVERITIES, Severity
from domain.text import clean_text, text_from_bytes

MESSAGE_CAP_BYTES = 8_192
"""What is read of a message; RFC 5424 asks for 2,048."""

TEXT_CAP = 1_000
_HOST_CAP = 255
_APP_CAP = 64
_STRUCTURED_CAP = 500
_NO_PRIORITY = 13
"""user.notice, where a message has none (RFC 3164, 4.3.3)."""

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{n}" for n in range(8))),
)

_PRIORITY = re.compile(r"<(\d{1,3})> ?")
_HEAD_5424 = re.compile(r"1 (?:-|\d{4}-\d\d-\d\dT\S{8,40}) (\S{1,255}) (\S{1,255}) (\S{1,255}) (\S{1,255}) ?")
_ELEMENT = re.compile(r'\[[^\s=\]"]{1,64}(?: [^\s=\]"]{1,64}="(?:[^"\\]|\\.)*")*\]')
_ELEMENTS_CAP = 20
_NUMBER = re.compile(r"\d{1,12}: (?:[\w.-]{1,64}: )?(?=[*.]?[A-Z][a-z]{2} )")
"""Cisco's count of messages, and its origin-id."""

_TIME = re.compile(
    r"[*.]?(?:[A-Z][a-z]{2} \d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,6})?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,16}?)"
    r"(?: [A-Z]{2,5}(?=:))?(:? |:?$)"
)
_TAG = re.compile(r"([\w%./@-]{1,64})(?:\[([^\]\s]{1,64})\])?: ?")
_TOPICS = re.compile(r"([a-z][a-z0-9-]{1,24}(?:,!?[a-z][a-z0-9-]{1,24}){1,8}):? ")
_HOST = re.compile(r"([\w.:@-]{1,255}) ")
_SEVERITY_OF_TOPIC: dict[str, Severity] = {
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "info": "info",
    "debug": "debug",
}


class SyslogMessage(msgspec.Struct, frozen=True):
    """What a message says, cleaned and capped; "" is not said. `app` is a program's name, or RouterOS' topics."""

    severity: Severity
    facility: str
    text: str
    host: str = ""
    app: str = ""
    structured: str = ""


def parse_syslog(data: bytes) -> SyslogMessage:
    """Read one message. Raises BadReply for one that says nothing."""
    text = text_from_bytes(data[:MESSAGE_CAP_BYTES], MESSAGE_CAP_BYTES)
    priority, at = None, 0
    if (found := _PRIORITY.match(text)) is not None and int(found[1]) < 8 * len(FACILITIES):
        priority, at = int(found[1]), found.end()
    if (head := _HEAD_5424.match(text, at)) is not None:
        host, app, _, _ = head.groups()
        structured, rest = _structured(text, head.end())
    else:
        structured = ""
        host, app, rest = _old(text, at)
    if not rest and not structured:
        raise BadReply("a syslog message that says nothing")
    severity: Severity = SEVERITIES[(_NO_PRIORITY if priority is None else priority) & 7]
    if priority is None:
        told = [_SEVERITY_OF_TOPIC[topic] for topic in app.split(",") if topic in _SEVERITY_OF_TOPIC]
        severity = told[0] if told else severity
    return SyslogMessage(
        severity,
        FACILITIES[(_NO_PRIORITY if priority is None else priority) >> 3],
        clean_text(rest, TEXT_CAP),
        _said(host, _HOST_CAP),
        _said(app, _APP_CAP),
        clean_text(structured, _STRUCTURED_CAP),
    )


def _said(text: str, cap: int) -> str:
    return "" if text == "-" else text[:cap]


def _structured(text: str, at: int) -> tuple[str, str]:
    """Return (structured data, the text after it) of RFC 5424, section 6.3."""
    if text[at : at + 1] == "-":
        return "", text[at + 1 :].strip()
    start = at
    for _ in range(_ELEMENTS_CAP):
        element = _ELEMENT.match(text, at)
        if element is None:
            break
        at = element.end()
    return text[start:at], text[at:].strip()


def _old(text: str, at: int) -> tuple[str, str, str]:
    """Return (host, app, text) of what came before RFC 5424."""
    host = app = ""
    if (number := _NUMBER.match(text, at)) is not None:
        at = number.end()
    time = _TIME.match(text, at)
    if time is not None:
        at = time.end()
        names_host = not time[1].startswith(":") and _TOPICS.match(text, at) is None
        if names_host and (found := _HOST.match(text, at)) is not None and not found[1].endswith(":"):
            host, at = found[1], found.end()
    if (topics := _TOPICS.match(text, at)) is not None:
        app, at = topics[1], topics.end()
    elif time is not None and (tag := _TAG.match(text, at)) is not None:
        app, at = tag[1], tag.end()
    return host, app, text[at:].strip()


_COUNT = re.compile(rb"([1-9]\d{0,6}) ")
_COUNT_CAP_BYTES = 8
_ENDS = re.compile(rb"[\n\x00]")
_BETWEEN = re.compile(rb"[\r\n\x00 ]*")


class SyslogFrames:
    """One TCP connection's bytes on their way to messages; of one above the cap the beginning is given, the rest skipped."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._skipping = 0
        self._skipping_line = False

    def feed(self, data: bytes) -> None:
        """Add what came."""
        self._held += data

    def take(self, limit: int) -> list[bytes]:
        """Return the next whole messages, at most `limit`."""
        found: list[bytes] = []
        held, at = self._held, 0
        while len(found) < limit:
            at = self._skip(at)
            start = _BETWEEN.match(held, at)
            at = start.end() if start is not None else at
            if at >= len(held) or self._skipping or self._skipping_line:
                break
            count = _COUNT.match(held, at)
            if count is not None:
                size = int(count[1])
                end = count.end() + min(size, MESSAGE_CAP_BYTES)
                if end > len(held):
                    break
                found.append(bytes(held[count.end() : end]))
                self._skipping = max(0, size - MESSAGE_CAP_BYTES)
            elif len(held) - at < _COUNT_CAP_BYTES and held[at:].isdigit():
                break
            else:
                stop = _ENDS.search(held, at)
                if stop is None and len(held) - at < MESSAGE_CAP_BYTES:
                    break
                end = min(stop.start() if stop is not None else len(held), at + MESSAGE_CAP_BYTES)
                found.append(bytes(held[at:end]))
                self._skipping_line = True
            at = end
        del held[:at]
        return found

    def _skip(self, at: int) -> int:
        """Return where the bytes begin that are not to be skipped."""
        if self._skipping:
            step = min(self._skipping, len(self._held) - at)
            self._skipping -= step
            at += step
        if self._skipping_line:
            stop = _ENDS.search(self._held, at)
            self._skipping_line = stop is None
            at = len(self._held) if stop is None else stop.end()
        return at
