"""Which texts hold what was typed, and how well. Pure. Counterpart: `book.py`, which says what the texts are.

Theory: the folded lines of some hundred things stand in one long text, each between line breaks, so that one `str.find`
looks through them all at the speed of memory. A thing that changes spoils its own text only.
One rule: the better kinds of match are looked for first; what is looked at for one key stroke has a cap.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Generic, NamedTuple, TypeVar

EXACT, BEGINS, WORD_BEGINS, HOLDS, WORDS_APART = range(5)
"""How a line matches, best first; `WORDS_APART`: all typed words are there, in any line and order."""
THINGS_A_TEXT = 256
LINES_CAP = 200
"""Most lines of one thing."""
LINE_CHARS = 200
HITS_CAP = 4_000
"""Most things looked at for one key stroke and kind of match."""
ENOUGH = 40
"""So many things that begin with what was typed, and nothing less good is looked for."""
WORDS_CAP = 6

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u0652\u0670]+")

Key = TypeVar("Key", bound=Hashable)


class Match(NamedTuple):
    """How well a thing matches, and the number of its line that does."""

    how: int
    line: int


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return a text as it is compared: small letters without their marks, one space between words."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    return " ".join(_MARKS.sub("", bare).split())


@lru_cache(maxsize=8192)
def spellings(text: str) -> tuple[str, ...]:
    """Return a name folded, and where it has umlauts as people type them without: grunten, gruenten."""
    folded = fold(text)
    if text.isascii():
        return (folded,)
    other = fold(unicodedata.normalize("NFC", text.casefold()).translate(_UMLAUTS))
    return (folded,) if other == folded else (folded, other)


class _Shelf(Generic[Key]):
    """The lines of some things as one text."""

    def __init__(self) -> None:
        self.things: dict[Key, str] = {}
        self.text = "\n"
        self.spoilt = False
        self._starts: list[int] = []
        self._keys: list[Key] = []

    def write(self) -> None:
        """Write the text anew, if something has changed."""
        if not self.spoilt:
            return
        self.spoilt = False
        self.text = "\n" + "".join(self.things.values())
        self._keys = list(self.things)
        self._starts, at = [], 1
        for lines in self.things.values():
            self._starts.append(at)
            at += len(lines)

    def hits(self, wanted: str, skips: int) -> Iterator[tuple[Key, Match]]:
        """Go over the things that hold a text, each once; `skips` of its characters stand before what was typed."""
        text, starts = self.text, self._starts
        at = text.find(wanted)
        while at >= 0:
            first = at + skips
            number = bisect_right(starts, first) - 1
            begins = starts[number]
            line = text.count("\n", begins, first)
            yield self._keys[number], Match(_how(text, first, at + len(wanted)), line)
            if number + 1 == len(starts):
                return
            at = text.find(wanted, starts[number + 1] - 1)


class TextIndex(Generic[Key]):
    """Things by key, each with folded lines, best line first."""

    def __init__(self) -> None:
        self._shelf_of: dict[Key, _Shelf[Key]] = {}
        self._shelves: list[_Shelf[Key]] = []

    def __len__(self) -> int:
        return len(self._shelf_of)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._shelf_of)

    def put(self, key: Key, lines: Sequence[str]) -> None:
        """Take a thing in, or what it says now."""
        kept = "".join(f"{line[:LINE_CHARS]}\n" for line in lines[:LINES_CAP])
        shelf = self._shelf_of.get(key)
        if shelf is None:
            if not self._shelves or len(self._shelves[-1].things) >= THINGS_A_TEXT:
                self._shelves.append(_Shelf())
            shelf = self._shelf_of[key] = self._shelves[-1]
        elif shelf.things[key] == kept:
            return
        shelf.things[key] = kept
        shelf.spoilt = True

    def drop(self, key: Key) -> None:
        """Forget a thing; one that is not there is no error."""
        shelf = self._shelf_of.pop(key, None)
        if shelf is None:
            return
        del shelf.things[key]
        shelf.spoilt = True
        if not shelf.things:
            self._shelves.remove(shelf)

    def find(self, text: str) -> dict[Key, Match]:
        """Return what matches a text, folded here; nothing for an empty one."""
        typed = fold(text)
        if not typed:
            return {}
        for shelf in self._shelves:
            shelf.write()
        found = self._look(f"\n{typed}\n", 1)
        found = self._look(f"\n{typed}", 1) | found
        if len(found) < ENOUGH:
            found = self._look(typed, 0) | found
        words = typed.split(" ")[:WORDS_CAP]
        if len(words) > 1 and len(found) < ENOUGH:
            found = self._all_of(words) | found
        return found

    def _look(self, wanted: str, skips: int) -> dict[Key, Match]:
        hits = chain.from_iterable(shelf.hits(wanted, skips) for shelf in self._shelves)
        return dict(islice(hits, HITS_CAP))

    def _all_of(self, words: list[str]) -> dict[Key, Match]:
        """Return the things that hold every word, with the line of the longest."""
        longest, *others = sorted(words, key=len, reverse=True)
        held = self._look(longest, 0)
        return {
            key: Match(WORDS_APART, match.line)
            for key, match in held.items()
            if all(word in self._shelf_of[key].things[key] for word in others)
        }


def _how(text: str, first: int, end: int) -> int:
    if text[first - 1] == "\n":
        return EXACT if text[end - 1] == "\n" or text[end] == "\n" else BEGINS
    return HOLDS if text[first - 1].isalnum() else WORD_BEGINS
