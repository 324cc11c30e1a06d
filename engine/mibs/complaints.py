"""What is wrong with a MIB text, in words: what pysmi and its parser complain of. Counterpart: `reader.py`.

One rule: a complaint says which line, what was got and what was expected, as far as pysmi knows.
"""

from __future__ import annotations

import re
from typing import Any

from domain.text import clean_text

_NEAR_CAP = 40
_WORDS = re.compile(r"[A-Za-z][\w-]*")
_DASHES = re.compile(r"--.*")
_SEMANTICS = (
    (re.compile(r'no symbol "(.*)" in module "(.*)"'), "{1} has no {0}: another version of {1} expected"),
    (re.compile(r'no module "(.*)" in symbolTable'), "needs {0}, which could not be read itself"),
    (
        re.compile(r"Unknown parents? (?:for symbols|symbol): (.*)"),
        "these need a type or row that is neither defined nor imported: {0}",
    ),
    (re.compile(r"Duplicate symbol found: (.*)"), "{0} is defined twice"),
)
"""What pysmi says of names, and how we say it."""


def grammar_of(error: Any, text: str) -> tuple[str, int]:
    """Return what was got and what expected, and the line."""
    lark = error.__cause__
    line = error.lineno if isinstance(getattr(error, "lineno", None), int) else 0
    if isinstance(getattr(lark, "line", None), int) and lark.line > 0:
        line = lark.line
    token = getattr(lark, "token", None)
    place = getattr(lark, "pos_in_stream", None)
    expected = sorted(
        getattr(lark, "accepts", None)
        or getattr(lark, "expected", None)
        or getattr(lark, "allowed", None)
        or ()
    )
    if line == 0 and token is not None:
        return f"ends where more is expected: {_names_of(expected)}", text.count("\n") + 1
    if not expected:
        return clean_text(str(getattr(error, "msg", error)), 200), line
    near = (
        str(token) if token is not None else text[place : place + _NEAR_CAP] if isinstance(place, int) else ""
    )
    return f"{_names_of(expected)} expected, got {clean_text(near, _NEAR_CAP)!r}", line


def _names_of(terminals: list[str]) -> str:
    """Return lark's terminals as people know them, the first few."""
    known = {
        "UPPERCASE_IDENTIFIER": "a name in capitals",
        "LOWERCASE_IDENTIFIER": "a name",
        "NUMBER": "a number",
        "QUOTED_STRING": "a text in quotes",
        "COLON_COLON_EQUAL": "::=",
        "$END": "the end",
        "COMMA": ",",
        "SEMICOLON": ";",
        "LBRACE": "{",
        "RBRACE": "}",
        "LPAR": "(",
        "RPAR": ")",
    }
    if {"BITS", "INTEGER"} <= set(terminals):
        return "a type"
    words = [known.get(name, name.strip("_").replace("_", "-")) for name in terminals]
    return " or ".join(words[:4]) + (" or another word" if len(words) > 4 else "")


def semantics_of(said: str) -> tuple[str, list[str]]:
    """Return pysmi's words about a name as ours, and the names in them, by which the line is found."""
    for pattern, ours in _SEMANTICS:
        match = pattern.fullmatch(said)
        if match is not None:
            return clean_text(ours.format(*match.groups()), 300), _WORDS.findall(match.group(1))
    return clean_text(said, 300), _WORDS.findall(said.rpartition(":")[2])


def line_of(text: str, word: str) -> int:
    """Return the first line where a word stands outside of a comment, 0 where it does not."""
    if not word or word not in text:
        return 0
    whole = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    for number, line in enumerate(text.splitlines(), 1):
        if word in line and whole.search(_DASHES.sub("", line)):
            return number
    return 0
