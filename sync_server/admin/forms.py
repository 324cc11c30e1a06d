"""What a form brings: named texts, each a list. Counterpart: the macros of `templates/parts.html`.

One rule: a form becomes the API's own type before anything is done with it, so that both are held to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request

from sync_server.api.bodies import field_in, read_body
from sync_server.api.errors import refused

CAP_BYTES = 131_072
FIELDS_CAP = 1_000
_KIND = "application/x-www-form-urlencoded"
_T = TypeVar("_T")


class Form:
    """The fields of a form, as they were typed."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """Return a field, empty where it is not there."""
        return self._fields.get(name, [""])[-1]

    def many(self, name: str) -> list[str]:
        """Return all values of a field."""
        return list(self._fields.get(name, []))

    def has(self, name: str) -> bool:
        """Tell whether a field was sent: a box that is checked, an answer that was typed."""
        return name in self._fields

    def body(self, kind: type[_T], /, **fields: Any) -> _T:
        """Return these fields as a type of the API. Raises RefusedByRule."""
        try:
            return msgspec.convert(fields, kind, strict=False)
        except msgspec.ValidationError as error:
            said = str(error)
            field = field_in(said).partition("[")[0]
            raise refused("INVALID_INPUT", said.partition(" - at ")[0][:300], field) from None

    def sites(self) -> list[str] | None:
        """Return the sites that were chosen, None for all. Raises RefusedByRule where "some" are none."""
        if self.text("reach") != "some":
            return None
        chosen = self.many("sites")
        if not chosen:
            raise refused("MISSING_REQUIRED_FIELD", "choose at least one site, or all of them", "sites")
        return chosen


def text_in(given: Mapping[str, str], name: str, cap: int) -> str:
    """Return what an address asks for under a name, at most so long and without what a database takes for no text."""
    return given.get(name, "").strip()[:cap].replace("\x00", "")


async def read_form(request: Request) -> Form:
    """Return what a request brings. Raises RefusedByRule."""
    data = await read_body(request, _KIND, CAP_BYTES)
    try:
        return Form(parse_qs(data.decode(), keep_blank_values=True, max_num_fields=FIELDS_CAP))
    except (ValueError, UnicodeDecodeError):
        raise refused("INVALID_INPUT", "this is no form") from None
