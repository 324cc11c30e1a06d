"""Lists in parts: a limit, and a cursor that says after which row to go on. Counterpart: every route that gives a list.

Theory: a cursor holds the key of the last row that was given, so that a page costs the same however far down it is and rows that
come or go meanwhile shift nothing. It is no secret and proves nothing: what it points at is asked for under the same guards.
One rule: a query orders by the columns of its key and asks for one row more than the limit.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from domain.errors import Refusal, RefusedByRule

LIMIT_RANGE = (1, 200)
DEFAULT_LIMIT = 50
CURSOR_CAP = 512
_T = TypeVar("_T")


class Page(msgspec.Struct, frozen=True):
    """What part of a list is asked for: `limit` rows after the row with this key, from the first where it is None."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None

    def key(self, type: type[_T]) -> _T | None:
        """Return the key to go on after. Raises RefusedByRule where the cursor is not of this list."""
        if self.after is None:
            return None
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(self.after + "==="), type=type)
        except (binascii.Error, ValueError):
            raise RefusedByRule(
                [Refusal("INVALID_INPUT", "the cursor of a former page expected", "cursor")]
            ) from None


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """What part of a list was given. `next` is the cursor of the next page, empty after the last."""

    limit: int
    next: str = ""


def cut(rows: Sequence[_T], page: Page, key: Callable[[_T], Any]) -> tuple[list[_T], Shown]:
    """Return the rows of a page, out of one row more than the limit, and where the next one begins."""
    if len(rows) <= page.limit:
        return list(rows), Shown(page.limit)
    given = list(rows[: page.limit])
    return given, Shown(page.limit, cursor_of(key(given[-1])))


def cursor_of(key: Any) -> str:
    """Return the cursor of the page that begins behind a key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")
