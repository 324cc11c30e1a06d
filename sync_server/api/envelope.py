"""What every answer is wrapped in. Counterpart: `errors.py` fills the failures, the OpenAPI document says both.

    {"success": true, "data": ..., "meta": {"request_id": "...", "page": {"limit": 50, "next": "..."}}}
    {"success": false, "error": {"code": "...", "message": "...", "details": [...], "request_id": "..."}}

One rule: a failure's message may be shown to a user as it is, and tells nothing of other tenants or of our insides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from sync_server.api.pages import Shown

API_VERSION = "1"


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes with an answer. `page` only where a list was asked for."""

    request_id: str
    page: Shown | None = None


class Success(msgspec.Struct, frozen=True):
    """An answer."""

    success: bool
    data: Any
    meta: Meta


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was wrong, and the field that it is about, if any."""

    code: str
    message: str
    field: str = ""
    subject: str = ""


class Error(msgspec.Struct, frozen=True):
    """Why something was not done; `code` is for programs, `message` for people."""

    code: str
    message: str
    details: tuple[Detail, ...]
    request_id: str


class Failure(msgspec.Struct, frozen=True):
    """A failure."""

    success: bool
    error: Error


def answer(data: Any, request_id: str, *, status: int = 200, page: Shown | None = None) -> Response:
    """Return an answer."""
    body = msgspec.json.encode(Success(True, data, Meta(request_id, page)))
    return Response(body, status, media_type="application/json")


def failure(
    status: int,
    code: str,
    message: str,
    request_id: str,
    *,
    details: tuple[Detail, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a failure."""
    body = msgspec.json.encode(Failure(False, Error(code, message, details, request_id)))
    return Response(body, status, dict(headers or {}), media_type="application/json")
