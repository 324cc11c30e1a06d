"""The RouterOS API: words, sentences and commands by tag. Counterpart: `routeros_login.py`, the start; `drivers/` ask.

A sentence is a list of words ended by an empty one; each word follows its length in one to five bytes. A command is
answered by any number of `!re`, perhaps `!trap` or (since 7.18) `!empty`, and at last `!done`, each with the command's
`.tag` (help.mikrotik.com, page "API").

One rule: a length is held against the caps when it is announced, before a byte of what it announces is kept. After a
BadReply the stream has no meaning any more: close it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

import msgspec

from domain.errors import BadReply
from domain.text import clean_text, text_from_bytes
from engine.protocols.routeros_plain import KIND, MAX_PLAIN_BYTES, TAG, Row, join_plain, read_plain

MAX_WORD_BYTES = 1 << 20
MAX_SENTENCE_BYTES = 2 << 20
MAX_SENTENCE_WORDS = 1024
MAX_RECORDS = 50_000
MAX_ANSWER_BYTES = 16 << 20
"""Of all replies to one command together; neither this nor MAX_RECORDS holds for a stream such as `/log/listen`."""

MAX_VALUE_CHARS = 4096
_MAX_NAME_CHARS = 128
_MAX_TAG_CHARS = 32

Sentence = list[bytes]
"""The words without the empty one at the end; never empty itself."""


# ---- words and sentences


def encode_length(size: int) -> bytes:
    """Return the length before a word of `size` bytes."""
    if size < 0x80:
        return bytes((size,))
    if size < 0x4000:
        return (size | 0x8000).to_bytes(2, "big")
    if size < 0x20_0000:
        return (size | 0xC0_0000).to_bytes(3, "big")
    if size < 0x1000_0000:
        return (size | 0xE000_0000).to_bytes(4, "big")
    return b"\xf0" + size.to_bytes(4, "big")


def encode_word(word: str) -> bytes:
    """Return a word with its length."""
    body = word.encode()
    return encode_length(len(body)) + body


def encode_sentence(words: Iterable[str]) -> bytes:
    """Return a whole sentence; ValueError for an empty word, which would end it early."""
    return _encode_words(tuple(words)) + b"\x00"


def _encode_words(words: tuple[str, ...]) -> bytes:
    if not all(words):
        raise ValueError("an empty word would end the sentence")
    return b"".join(map(encode_word, words))


_encode_command = lru_cache(maxsize=256)(_encode_words)
"""Most commands are the same for all routers: each is put into bytes once. A login is none, and is not remembered."""


class SentenceReader:
    """Cuts a stream into sentences, in whatever pieces it arrives; holds at most the caps and what was fed last."""

    def __init__(
        self,
        max_word_bytes: int = MAX_WORD_BYTES,
        max_sentence_bytes: int = MAX_SENTENCE_BYTES,
        max_sentence_words: int = MAX_SENTENCE_WORDS,
    ) -> None:
        self._max_word_bytes = max_word_bytes
        self._max_sentence_bytes = max_sentence_bytes
        self._max_sentence_words = max_sentence_words
        # what is shorter breaks no cap: a word takes a character and a line feed at the least
        self._plain_cap = (
            min(max_sentence_bytes, 2 * max_sentence_words) if max_word_bytes > MAX_PLAIN_BYTES else 0
        )
        self._pending = bytearray()
        self._needed = 1  # pending bytes below which another look is useless
        self._words: Sentence = []
        self._words_bytes = 0
        self._offset = 0  # in the stream, of the first pending byte
        self._broken: BadReply | None = None

    @property
    def held_bytes(self) -> int:
        """What is kept of a sentence that has not ended."""
        return len(self._pending) + self._words_bytes

    def feed(self, data: bytes, most: int = 0) -> list[Sentence]:
        """Return the sentences that `data` completes, at `most` so many, 0 for all; BadReply, now and ever after, for what breaks
        a cap.
        """
        if self._broken is not None:
            raise self._broken
        self._pending += data
        if len(self._pending) < self._needed:
            return []
        block = bytes(self._pending)
        self._pending.clear()
        try:
            return self._cut(block, most)
        except BadReply as error:
            self._broken = error
            self._words, self._words_bytes = [], 0
            raise

    def feed_mixed(self, data: bytes) -> list[Sentence | Row]:
        """Return the same; plain sentences, as nearly all are, as rows, at a third of the cost."""
        found: list[Sentence | Row] = []
        if self._words or self._pending or self._broken:
            found += self.feed(data, 1)  # what was begun
            if not found:
                return found  # and is not over: looking at it anew with each byte would cost its square
            data, self._pending = bytes(self._pending), bytearray()
        size, rows = read_plain(data, self._plain_cap)
        self._offset += size
        found += rows
        found += self.feed(data[size:])
        return found

    def _cut(self, block: bytes, most: int) -> list[Sentence]:
        sentences: list[Sentence] = []
        words, words_bytes = self._words, self._words_bytes
        max_bytes, max_words = self._max_sentence_bytes, self._max_sentence_words
        at, end = 0, len(block)
        self._needed = 1
        while at < end:
            size, start = block[at], at + 1
            if size >= 0x80:
                start = at + _length_bytes(size, self._offset + at)
                if start > end:
                    self._needed = start - at
                    break
                size = _read_length(block, at, start)
                self._refuse_word(size, self._offset + at)
            stop = start + size
            if stop > end:
                self._needed = stop - at
                break
            if size:
                words.append(block[start:stop])
                words_bytes += size
                if words_bytes > max_bytes or len(words) > max_words:
                    self._refuse_sentence(words_bytes, self._offset + at)
            elif words:
                sentences.append(words)
                words, words_bytes = [], 0
                if len(sentences) == most:
                    at = stop
                    break
            at = stop
        self._words, self._words_bytes = words, words_bytes
        self._pending += block[at:]
        self._offset += at
        return sentences

    def _refuse_word(self, size: int, offset: int) -> None:
        if size > self._max_word_bytes:
            raise BadReply(f"a word of {size} bytes is announced, the cap is {self._max_word_bytes}", offset)

    def _refuse_sentence(self, words_bytes: int, offset: int) -> None:
        if words_bytes > self._max_sentence_bytes:
            raise BadReply(f"a sentence of more than {self._max_sentence_bytes} bytes", offset)
        raise BadReply(f"a sentence of more than {self._max_sentence_words} words", offset)


def _length_bytes(first: int, offset: int) -> int:
    """Return how many bytes a length takes that starts with `first`, of 0x80 and up."""
    for above, count in ((0xC0, 2), (0xE0, 3), (0xF0, 4), (0xF8, 5)):
        if first < above:
            return count
    raise BadReply(f"length byte {first:#04x} is reserved", offset)


def _read_length(block: bytes, at: int, stop: int) -> int:
    count = stop - at
    if count == 5:
        return int.from_bytes(block[at + 1 : stop], "big")
    return int.from_bytes(block[at:stop], "big") & (1 << 7 * count) - 1


# ---- replies


class Kind(Enum):
    """What a reply is; `UNKNOWN` is for words of a later RouterOS, to be skipped."""

    RECORD = b"!re"
    DONE = b"!done"
    TRAP = b"!trap"
    FATAL = b"!fatal"
    EMPTY = b"!empty"
    UNKNOWN = b""


_KINDS = {kind.value: kind for kind in Kind}


class Reply(msgspec.Struct, frozen=True):
    """One sentence of a router. All text is clean and cut to length: fit to show, not to be written back."""

    kind: Kind
    tag: str
    attributes: dict[str, str]


def decode_reply(sentence: Sentence) -> Reply:
    """Read `!kind`, `.tag=` and `=name=value` words; the bare words of `!fatal` become its "message"."""
    head = sentence[0]
    if not head.startswith(b"!"):
        raise BadReply(f"expected a reply such as !done, got {text_from_bytes(head, 32)!r}")
    kind = _KINDS.get(head, Kind.UNKNOWN)
    tag = ""
    attributes: dict[str, str] = {}
    for word in sentence[1:]:
        if word.startswith(b"="):
            name, _, value = word[1:].partition(b"=")
            attributes[text_from_bytes(name, _MAX_NAME_CHARS)] = text_from_bytes(value, MAX_VALUE_CHARS)
        elif word.startswith(b".tag="):
            tag = text_from_bytes(word[5:], _MAX_TAG_CHARS)
        elif kind is Kind.FATAL:
            attributes.setdefault("message", text_from_bytes(word))
    return Reply(kind, tag, attributes)


def decode_mixed(sentence: Sentence | Row) -> Reply:
    """Read a sentence in either form; plain words at a fifth of the cost."""
    if isinstance(sentence, dict):
        kind, tag = _KINDS_TOLD.get(sentence.pop(KIND), _UNKNOWN), sentence.pop(TAG, "")
        return Reply(kind, tag if len(tag) <= _MAX_TAG_CHARS else clean_text(tag, _MAX_TAG_CHARS), sentence)
    text = join_plain(sentence)
    return (_decode_plain(text) if text else None) or decode_reply(sentence)


def _decode_plain(text: str) -> Reply | None:
    tag = ""
    at = text.find("\n.tag=")
    if at >= 0:
        start = at + len("\n.tag=")
        stop = text.find("\n", start)
        tag, text = (text[start:stop], text[:at] + text[stop:]) if stop >= 0 else (text[start:], text[:at])
    head, *words = text.split("\n=")
    kind = _KINDS_SPELT.get(head)
    if kind is None or len(tag) > _MAX_TAG_CHARS or text.count("\n") != len(words):
        return None
    attributes: dict[str, str] = {}
    for word in words:
        name, _, attributes[name] = word.partition("=")
    return Reply(kind, tag, attributes)


_KINDS_TOLD = {kind.value[1:].decode(): kind for kind in Kind}
_KINDS_SPELT = {kind.value.decode(): kind for kind in (Kind.RECORD, Kind.DONE, Kind.TRAP, Kind.EMPTY)}


# ---- commands


class Record(msgspec.Struct, frozen=True):
    """One row of an answer or a stream."""

    tag: str
    attributes: dict[str, str]


class Done(msgspec.Struct, frozen=True):
    """The command is over; `ret` is what it returned, an id or a count, or empty."""

    tag: str
    ret: str


class Trap(msgspec.Struct, frozen=True):
    """The command failed; `Done` follows. `category` is 0 to 7 as in the API's documentation, None where none was told."""

    tag: str
    message: str
    category: int | None


class Fatal(msgspec.Struct, frozen=True):
    """The router ends the connection, and with it all commands."""

    message: str


Event = Record | Done | Trap | Fatal


class _Command:
    """One command in flight and the size of its answer so far; a stream may go on for ever, until it is cancelled."""

    def __init__(self, stream: bool) -> None:
        self.stream = stream
        self.cancelled = False
        self.records = 0
        self.bytes = 0

    def cancel(self) -> None:
        self.stream, self.cancelled = False, True
        self.records = self.bytes = 0

    def count(self, size_bytes: int) -> None:
        if self.stream:
            return
        self.records += 1
        self.bytes += size_bytes
        if self.records > MAX_RECORDS:
            raise BadReply(f"an answer of more than {MAX_RECORDS} records")
        if self.bytes > MAX_ANSWER_BYTES:
            raise BadReply(f"an answer of more than {MAX_ANSWER_BYTES} bytes")


class Conversation:
    """Many commands at a time on one logged-in connection, told apart by their tags."""

    def __init__(self, reader: SentenceReader) -> None:
        self._reader = reader
        self._commands: dict[str, _Command] = {}
        self._last_tag = 0
        self.unmatched = 0
        """Replies to no command of ours, skipped."""

    def start(self, words: Sequence[str], *, stream: bool = False) -> tuple[str, bytes]:
        """Return the tag under which the command's events come, and what to send. A `stream` may go on for ever."""
        self._last_tag += 1
        tag = str(self._last_tag)
        to_send = _encode_command(tuple(words)) + encode_word(f".tag={tag}") + b"\x00"
        self._commands[tag] = _Command(stream)
        return tag, to_send

    def cancel(self, tag: str) -> bytes:
        """Return what to send to stop a command; from now on its only event is `Done`. Nothing if it is over already."""
        command = self._commands.get(tag)
        if command is None:
            return b""
        command.cancel()
        return encode_sentence(("/cancel", f"=tag={tag}", f".tag={_CANCEL_TAG}"))

    def feed(self, data: bytes) -> list[Event]:
        """Return what happened; BadReply when the stream, or one answer in it, breaks a cap."""
        events: list[Event] = []
        fed_bytes = self._reader.held_bytes + len(data)
        sentences = self._reader.feed_mixed(data)
        size = (fed_bytes - self._reader.held_bytes) // len(sentences) + 1 if sentences else 0
        for sentence in sentences:
            reply = decode_mixed(sentence)
            kind, tag, attributes = reply.kind, reply.tag, reply.attributes
            if kind is _FATAL:
                self._commands.clear()
                events.append(Fatal(attributes.get("message", "")))
                continue
            command = self._commands.get(tag)
            if command is None:
                self.unmatched += tag != _CANCEL_TAG
                continue
            command.count(size)
            if kind is _DONE:
                del self._commands[tag]
                events.append(Done(tag, attributes.get("ret", "")))
            elif command.cancelled:
                continue
            elif kind is _RECORD:
                events.append(Record(tag, attributes))
            elif kind is _TRAP:
                category = attributes.get("category", "")
                events.append(
                    Trap(
                        tag,
                        attributes.get("message", ""),
                        int(category) if category in _CATEGORIES else None,
                    )
                )
        return events


_RECORD, _DONE, _TRAP, _FATAL, _UNKNOWN = Kind.RECORD, Kind.DONE, Kind.TRAP, Kind.FATAL, Kind.UNKNOWN
"""An enum's members cost a look each."""
_CANCEL_TAG = "cancel"
_CATEGORIES = frozenset("01234567")
