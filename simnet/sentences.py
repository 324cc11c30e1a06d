"""RouterOS API sentences: words with a length before each, an empty word at the end (MikroTik's API page).

Counterpart: `api.py`. One rule: a client that announces more than a command can hold is told nothing and let go.
"""

from __future__ import annotations

from collections.abc import Iterable

_MAX_WORD_BYTES = 64 * 1024
_MAX_WORDS = 1024
_MAX_SENTENCE_BYTES = 256 * 1024


class SentenceError(ValueError):
    """Bytes that no client of ours would send."""


def encode_length(length: int) -> bytes:
    """Encode the length of a word: one octet, or up to five with the high bits saying how many."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x4000:
        return (length | 0x8000).to_bytes(2, "big")
    if length < 0x20_0000:
        return (length | 0xC0_0000).to_bytes(3, "big")
    if length < 0x1000_0000:
        return (length | 0xE000_0000).to_bytes(4, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def encode_sentence(words: Iterable[str]) -> bytes:
    """Encode words, in UTF-8, and the empty word after them."""
    out = bytearray()
    for word in words:
        data = word.encode("utf-8", "surrogateescape")
        out += encode_length(len(data)) + data
    out.append(0)
    return bytes(out)


class SentenceReader:
    """Turns a stream of octets, cut anywhere, into sentences."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._words: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[list[str]]:
        """Add octets; returns the sentences that are now whole.

        Raises:
            SentenceError: a word, or the number of words, is beyond what any command needs.
        """
        self._data += data
        sentences: list[list[str]] = []
        while (head := self._read_length()) is not None:
            begin, length = head
            if len(self._data) < begin + length:
                break
            word = bytes(self._data[begin : begin + length])
            del self._data[: begin + length]
            if length == 0:
                if self._words:
                    sentences.append(self._words)
                self._words = []
                self._size = 0
                continue
            self._words.append(word.decode("utf-8", "surrogateescape"))
            self._size += length
            if len(self._words) > _MAX_WORDS or self._size > _MAX_SENTENCE_BYTES:
                raise SentenceError("a sentence that does not end")
        return sentences

    def _read_length(self) -> tuple[int, int] | None:
        """Return where the next word begins and how long it is, or None while that is not known."""
        if not self._data:
            return None
        first = self._data[0]
        if first < 0x80:
            return 1, first
        if first < 0xC0:
            size, mask = 2, 0x3FFF
        elif first < 0xE0:
            size, mask = 3, 0x1F_FFFF
        elif first < 0xF0:
            size, mask = 4, 0x0FFF_FFFF
        elif first == 0xF0:
            size, mask = 5, 0xFFFF_FFFF
        else:
            raise SentenceError(f"a length that begins with {first:#x}")
        if len(self._data) < size:
            return None
        length = int.from_bytes(self._data[:size], "big") & mask
        if length > _MAX_WORD_BYTES:
            raise SentenceError(f"a word of {length} octets")
        return size, length
