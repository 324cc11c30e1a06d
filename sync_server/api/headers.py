"""What every request is given and every answer carries: an id, the API's version, browsers' rules. Counterpart: `errors.py`.

A bug ends here: it is logged with the request's id and answered 500.
One rule: a request's id is the client's own where it is a plain word, so that one id runs through its log and ours.
"""

from __future__ import annotations

import logging
import re
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync_server.api.envelope import API_VERSION, failure

_log = logging.getLogger("sync_server.api")
STRICT = f"max-age={365 * 86_400}"
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""What a browser may do with an answer that is no page: pages say it themselves."""
_ALWAYS = ((b"x-api-version", API_VERSION.encode()), (b"x-content-type-options", b"nosniff"))
_SECURE = ((b"strict-transport-security", STRICT.encode()),)
_OURS = {b"x-request-id", *(name for name, _ in (*_ALWAYS, *_SECURE))}
"""What nobody else says."""
_UNSAID = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", NOTHING.encode()),
)
"""What is said where whoever answers has not."""
_WORD = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Headers:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, and the answer its headers."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if _WORD.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "websocket":  # whoever serves the line says what is wrong with it, by this id
            await self._app(scope, receive, send)
            return

        began = False

        async def send_with_headers(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                answered = [header for header in message["headers"] if header[0] not in _OURS]
                names = {name for name, _ in answered}
                message["headers"] = [
                    *answered,
                    (b"x-request-id", request_id.encode()),
                    *_ALWAYS,
                    *(_SECURE if scope["scheme"] == "https" else ()),  # ours, or a trusted proxy's word
                    *(header for header in _UNSAID if header[0] not in names),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.exception("bug", extra={"request_id": request_id, "path": scope["path"]})
            if began:
                raise
            said = "something is wrong with the server; its log has this request's id"
            await failure(500, "INTERNAL_ERROR", said, request_id)(scope, receive, send_with_headers)
