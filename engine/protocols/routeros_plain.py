"""The quick way through a RouterOS stream: short words of printable ASCII, as nearly all are. Counterpart: `routeros.py`.

In such a block a byte below 32 is a length and nothing else, so one pass turns all lengths into line breaks, and that each line
is as long as its length said proves the cut. A few replacements then make JSON of it, which msgspec reads at once: every word
must be one `=name=value`, or the JSON is wrong. One rule: what is not so, down to a doubled space that cleaning would fold, is
left to the thorough way; the two never disagree.
"""

from __future__ import annotations

import msgspec

MAX_PLAIN_BYTES = 0x7E
"""Of a plain word: its length is one printable byte, or less than that."""

KIND, TAG = "§", "¶"
"""Names of what is no attribute in a plain row, and which no attribute of one has: they are not ASCII."""

Row = dict[str, str]

_PRINTABLE = bytes(range(0x20, 0x7F))
_LENGTHS = bytes(range(0x20))
_LINES = bytes(0x0A if byte < 0x20 else byte for byte in range(256))
_EDGES = frozenset((b"", b"=", b"\n"))
_TO_JSON = (
    (b"\\", b"\\\\"),
    (b'"', b'\\"'),
    (b"\n\n!", b'"},{"%b":"' % KIND.encode()),
    (b"\n.tag=", b"\n=%b=" % TAG.encode()),
    (b"\n=", b'","'),
    (b"=", b'":"'),
)
_JSON = msgspec.json.Decoder(list[Row])
_NOTHING: tuple[int, list[Row]] = (0, [])


def read_plain(block: bytes, max_sentence_bytes: int) -> tuple[int, list[Row]]:
    """Return how many bytes the whole sentences at the start of a block take, and each one's attributes, KIND and TAG.

    Nothing where one of them is not plain, or longer.
    """
    end = block.rfind(b"\0") + 1
    body = block[:end]
    sizes = b"\0" + body.translate(None, _PRINTABLE)
    text = body.translate(_LINES)
    if sizes.translate(None, _LENGTHS) or not text.startswith(b"\n!"):
        return _NOTHING
    words = text.split(b"\n")
    if [*map(len, words)] != [*sizes]:
        words = _part_long_words(words, sizes)
        text = b"\n".join(words)
    if not words or b"\0\0" in sizes or _is_loose(text):
        return _NOTHING
    text = text[2:-1]
    if end > max_sentence_bytes and max(map(len, text.split(b"\n\n!"))) > max_sentence_bytes:
        return _NOTHING
    for plain, json in _TO_JSON:
        text = text.replace(plain, json)
    try:
        return end, _JSON.decode(b'[{"%b":"%b"}]' % (KIND.encode(), text))
    except msgspec.DecodeError:
        return _NOTHING


def join_plain(sentence: list[bytes]) -> str:
    """Return the words of a sentence that was cut thoroughly, joined by line feeds; nothing where they are not plain."""
    joined = b"\n".join(sentence)
    is_plain = (
        joined.count(b"\n") < len(sentence)
        and not joined.translate(None, _PRINTABLE).strip(b"\n")
        and max(map(len, sentence)) <= MAX_PLAIN_BYTES
    )
    return joined.decode("ascii") if is_plain and not _is_loose(b"\n%b\n" % joined) else ""


def _is_loose(text: bytes) -> bool:
    """Tell whether there are spaces that cleaning would take away: doubled, or at either end of a word, a name or a value."""
    parts = text.split(b" ")
    return not _EDGES.isdisjoint([part[-1:] for part in parts[:-1]] + [part[:1] for part in parts[1:]])


def _part_long_words(lines: list[bytes], sizes: bytes) -> list[bytes]:
    """Cut lines where a word's length is a printable byte and so no line break; nothing where the lengths do not fit."""
    words: list[bytes] = []
    for line, first_size in zip(lines, sizes, strict=True):
        size, rest = first_size, line
        while len(rest) > size > 0:
            words.append(rest[:size])
            size, rest = rest[size], rest[size + 1 :]
        if len(rest) != size:
            return []
        words.append(rest)
    return words
