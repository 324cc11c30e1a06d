"""Foreign bytes become text here and nowhere else. Counterpart: every protocol and every boundary that shows a name.

One rule: what comes out holds no control, escape, bidi-override or surrogate character and is at most `cap` long.
Right-to-left names stay whole (letters are letters); only the invisible characters that reorder other text go.
"""

from __future__ import annotations

import re

TEXT_CAP = 256
"""Longest name, comment or description kept of a device, in characters."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile(r"[\s]+")


def clean_text(text: str, cap: int = TEXT_CAP) -> str:
    """Return `text` without terminal escapes, control and bidi characters, white space folded, cut to `cap`."""
    if (
        len(text) <= cap
        and text.isascii()
        and text.isprintable()
        and "  " not in text
        and text == text.strip()
    ):
        return text  # what nearly every name is, at a tenth of the cost
    text = text[: cap * 8]
    text = _UNSAFE.sub("", _ANSI.sub("", text.replace("\r", " ").replace("\n", " ").replace("\t", " ")))
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= cap else text[: cap - 1] + "…"


def is_one_line(text: str) -> bool:
    """Tell whether a text that people typed holds nothing that breaks a line, reorders it or cannot be seen."""
    return _UNSAFE.search(text) is None and not any(breaking in text for breaking in "\t\n\r")


def is_prose(text: str) -> bool:
    """Tell whether a text of several lines holds no control characters but tabs and line breaks."""
    return _CONTROL.search(text) is None


def text_from_bytes(data: bytes, cap: int = TEXT_CAP) -> str:
    """Return bytes of a device as clean text: UTF-8 where it is, else Latin-1 letter by letter.

    RouterOS stores names in whatever code page WinBox had, so bytes that are not UTF-8 are common and not an error.
    """
    data = data[: cap * 8].rstrip(b"\x00")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "ignore") if len(data) == cap * 8 else data.decode("latin-1")
    return clean_text(text, cap)
