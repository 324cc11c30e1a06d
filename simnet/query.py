"""Queries of the RouterOS API: which rows of a print are wanted (`?name=value`, `?>`, `?#|`).

Counterpart: `api.py`. One rule: a row is wanted when everything left on the stack at the end is true.
"""

from __future__ import annotations

from collections.abc import Sequence

Row = dict[str, str]


class QueryError(ValueError):
    """A query word that says nothing."""


def matches(row: Row, words: Sequence[str]) -> bool:
    """Tell whether a row passes the query words, given without their leading question mark."""
    stack: list[bool] = []
    for word in words:
        if word.startswith("#"):
            _operate(stack, word[1:])
        else:
            stack.append(_holds(row, word))
    return all(stack)


def _holds(row: Row, word: str) -> bool:
    if word.startswith("-"):
        return word[1:] not in row
    comparison, rest = (word[0], word[1:]) if word[:1] in ("=", ">", "<") else ("=", word)
    name, equals, wanted = rest.partition("=")
    if not equals:
        return name in row
    if name not in row:
        return False
    if comparison == "=":
        return row[name] == wanted
    got, limit = _comparable(row[name]), _comparable(wanted)
    return got > limit if comparison == ">" else got < limit


def _comparable(value: str) -> tuple[int, float, str]:
    """Numbers compare as numbers and come before texts."""
    try:
        return 0, float(value), ""
    except ValueError:
        return 1, 0.0, value


def _operate(stack: list[bool], operations: str) -> None:
    digits = ""
    previous = ""
    try:
        for sign in operations:
            if sign.isascii() and sign.isdigit():
                digits += sign
                continue
            if digits:
                stack.append(stack[-1 - int(digits)])
                digits = ""
                if sign == ".":
                    continue
            if sign == "!":
                stack.append(not stack.pop())
            elif sign in "&|":
                right, left = stack.pop(), stack.pop()
                stack.append(left and right if sign == "&" else left or right)
            elif sign == "." and previous:
                stack.append(stack[-1])
            else:
                raise QueryError(f"unknown operation {sign!r}")
            previous = sign
        if digits:
            stack[:] = [stack[-1 - int(digits)]]
    except IndexError:
        raise QueryError(f"#{operations}: the stack is empty") from None
