"""Every way a request can fail, and what is answered: turns exceptions into failures, alone. Counterpart: `envelope.py`.

The world, the rules and bugs, as everywhere in the house: a database that is away is 503, a Refusal has its code's status, and
what nobody foresaw is logged with the request's id and answered 500 with nothing but that id (`headers.py`, the outermost).
One rule: what row-level security refuses is 403, what it hides is 404.
"""

from __future__ import annotations

import logging
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.errors import Refusal, RefusedByRule
from sync_server.api.envelope import Detail, failure
from sync_server.database import DatabaseBusy
from sync_server.ingest import IngestFull
from sync_server.security.limits import LimitExceeded
from sync_server.security.passwords import TooBusy
from sync_server.security.tokens import TokenExpired, TokenInvalid

_log = logging.getLogger("sync_server.api")

STATUS: dict[str, int] = {
    "INVALID_CREDENTIALS": 401,
    "TOTP_REQUIRED": 401,
    "TOKEN_EXPIRED": 401,
    "INSUFFICIENT_PERMISSIONS": 403,
    "CSRF_REFUSED": 403,
    "METHOD_NOT_ALLOWED": 405,
    "BODY_CUT": 400,
    "BODY_TOO_SLOW": 408,
    "CLASH": 409,
    "IN_USE": 409,
    "ALERT_CLOSED": 409,
    "VERSION_STALE": 412,
    "BODY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "VERSION_REQUIRED": 428,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "EXTERNAL_SERVICE_ERROR": 502,
    "DATABASE_ERROR": 503,
    "SERVER_BUSY": 503,
    "STORAGE_FULL": 507,
}
"""The status of each code; `..._NOT_FOUND` is 404, `..._ALREADY_EXISTS` and `..._CONFLICT` 409, any other 422."""

FULL = "the disk of the server's database is full: nothing was changed; it can be read, and changed when there is room"
FULL_WAIT_S = 30
"""When to come again to a disk that is full: somebody has to make room."""
_OF_STATUS = {405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}


def status_of(code: str) -> int:
    """Return the HTTP status of an error code."""
    if code.endswith("_NOT_FOUND"):
        return 404
    return STATUS.get(code, 409 if code.endswith(("_ALREADY_EXISTS", "_CONFLICT")) else 422)


def refused(code: str, message: str, field: str = "") -> RefusedByRule:
    """Return what a route raises."""
    return RefusedByRule([Refusal(code, message, field)])


def request_id_of(request: Request) -> str:
    """Return the id that `headers.py` gave a request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def handle_errors(app: FastAPI) -> None:
    """Answer every exception as a failure."""

    def say(request: Request, code: str, message: str, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if status_of(code) == 401:
            named["WWW-Authenticate"] = "Bearer"
        return failure(status_of(code), code, message, request_id_of(request), headers=named)

    async def on_refusal(request: Request, error: Any) -> Response:
        first: Refusal = error.refusals[0]
        details = tuple(
            Detail(r.code, r.message, r.field, "" if r.subject is None else str(r.subject))
            for r in error.refusals
        )
        headers = {"WWW-Authenticate": "Bearer"} if status_of(first.code) == 401 else None
        return failure(
            status_of(first.code),
            first.code,
            first.message,
            request_id_of(request),
            details=details,
            headers=headers,
        )

    async def on_expired(request: Request, _: Any) -> Response:
        return say(request, "TOKEN_EXPIRED", "the token is too old: take a new one")

    async def on_invalid(request: Request, _: Any) -> Response:
        return say(request, "INVALID_CREDENTIALS", "a token or an API key of this server is needed")

    async def on_limit(request: Request, error: Any) -> Response:
        return say(request, "RATE_LIMIT_EXCEEDED", str(error), Retry_After=str(error.wait_s))

    async def on_busy(request: Request, _: Any) -> Response:
        return say(request, "SERVER_BUSY", "too much at once: try again in a moment", Retry_After="2")

    async def on_full(request: Request, error: Any) -> Response:
        wait_s = str(max(1, round(error.retry_after_s)))
        return say(request, "SERVER_BUSY", str(error), Retry_After=wait_s)

    async def on_privilege(request: Request, error: Any) -> Response:
        _log.warning(
            "refused_by_database", extra={"reason": str(error), "request_id": request_id_of(request)}
        )
        return say(
            request, "INSUFFICIENT_PERMISSIONS", "that belongs to another tenant, or may not be changed"
        )

    async def on_twice(request: Request, _: Any) -> Response:
        return say(request, "WRITE_CONFLICT", "somebody else did the same at this moment: look again")

    async def on_content(request: Request, error: Any) -> Response:
        _log.warning(
            "refused_by_database", extra={"reason": str(error), "request_id": request_id_of(request)}
        )
        return say(request, "INVALID_INPUT", "the database refuses this: a value is out of what may be")

    async def on_database(request: Request, error: Any) -> Response:
        _log.error("database_failed", extra={"reason": str(error), "request_id": request_id_of(request)})
        return say(request, "DATABASE_ERROR", "the database cannot be used now: try again", Retry_After="2")

    async def on_no_room(request: Request, _: Any) -> Response:
        return say(request, "STORAGE_FULL", FULL, Retry_After=str(FULL_WAIT_S))

    async def on_validation(request: Request, error: Any) -> Response:
        details = tuple(
            Detail("INVALID_INPUT", str(one["msg"]), ".".join(str(part) for part in one["loc"][1:]))
            for one in error.errors()
        )
        said = details[0].message if details else "the request is not as expected"
        return failure(422, "INVALID_INPUT", said, request_id_of(request), details=details)

    async def on_http(request: Request, error: Any) -> Response:
        code = _OF_STATUS.get(error.status_code, "NOT_FOUND" if error.status_code == 404 else "INVALID_INPUT")
        return failure(
            error.status_code, code, str(error.detail), request_id_of(request), headers=error.headers
        )

    for kind, handler in (
        (RefusedByRule, on_refusal),
        (TokenExpired, on_expired),
        (TokenInvalid, on_invalid),
        (LimitExceeded, on_limit),
        (TooBusy, on_busy),
        (DatabaseBusy, on_busy),
        (IngestFull, on_full),
        (asyncpg.InsufficientPrivilegeError, on_privilege),
        (asyncpg.UniqueViolationError, on_twice),
        (asyncpg.IntegrityConstraintViolationError, on_content),
        (asyncpg.DataError, on_content),
        (asyncpg.DiskFullError, on_no_room),
        (asyncpg.PostgresError, on_database),
        (OSError, on_database),
        (RequestValidationError, on_validation),
        (HTTPException, on_http),
    ):
        app.add_exception_handler(kind, handler)
