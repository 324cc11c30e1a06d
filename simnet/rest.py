"""A RouterOS REST server for one router: a POST to /rest/<command> is done as the API would do it, and answered in JSON.

Counterpart: `api.py`, whose session this is with other words; `serving.py` puts TLS under it. One rule: a command that does
not end is refused here: a question has one answer.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable

import h11

from simnet.api import ApiSession, Trap
from simnet.command import Command, read_command
from simnet.query import Row

_BODY_CAP_BYTES = 64 * 1024
_FIRST_VERSION = (7, 1)


class RestSession(ApiSession):
    """One connection to a router's REST."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._http = h11.Connection(h11.SERVER)
        self._body = bytearray()
        self._request: h11.Request | None = None
        self._rows: list[Row] = []
        self._trapped: str | None = None

    def data_received(self, data: bytes) -> None:
        """Read what came and do what is whole."""
        if not self._router.answering:
            return
        try:
            self._http.receive_data(data)
            self._hear()
        except (h11.RemoteProtocolError, ValueError, AttributeError):
            self.abort()

    def _hear(self) -> None:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > _BODY_CAP_BYTES:
                    raise ValueError("a question that does not end")
            elif isinstance(event, h11.EndOfMessage):
                self._answer_later(self._read_command())
            else:
                return

    def _read_command(self) -> Command:
        asked = json.loads(self._body or "{}")
        queries = asked.pop(".query", [])
        if isinstance(listed := asked.get(".proplist"), list):
            asked[".proplist"] = ",".join(listed)
        words = [self._path(), *(f"={name}={value}" for name, value in asked.items())]
        return read_command(words + [f"?{query}" for query in queries])

    def _path(self) -> str:
        return self._request.target.decode().removeprefix("/rest") if self._request else ""

    def _answer(self, command: Command) -> None:
        self._rows, self._trapped = [], None
        if self._transport is None or not self._router.answering:
            return
        target, method = (self._request.target, self._request.method) if self._request else (b"", b"")
        if not self._router.is_at_least(*_FIRST_VERSION) or not target.startswith(b"/rest/"):
            self._respond(404, b"<h1>Error 404: Not Found</h1>")
        elif not self._is_let_in():
            self._refuse(401, "Unauthorized", "")
        elif method != b"POST":
            self._refuse(405, "Method Not Allowed", "the simulator knows POST alone")
        else:
            self._is_logged_in = True
            super()._answer(command)

    def _is_let_in(self) -> bool:
        known = f"{self._credential.username}:{self._credential.password}".encode()
        wanted = b"Basic " + base64.b64encode(known)
        headers = dict(self._request.headers) if self._request else {}
        return "rest-api" in self._credential.policies and headers.get(b"authorization") == wanted

    def _start(self, tag: str | None, stop: Callable[[], None]) -> None:
        stop()
        raise Trap("the command does not end: say once")

    def _send(self, tag: str | None, reply: str, row: Row | None = None) -> None:
        if reply == "!re":
            self._rows.append(row or {})
        elif reply == "!trap":
            self._trapped = (row or {}).get("message", "")
        elif reply == "!done" and self._trapped is not None:
            is_missing = self._trapped.startswith("no such command")
            said = f"no such command or directory ({self._path()[1:]})" if is_missing else self._trapped
            self._refuse(400, "Bad Request", said)
        elif reply == "!done":
            self._respond(200, json.dumps(row if row else self._rows).encode())

    def _refuse(self, status: int, message: str, detail: str) -> None:
        said = {"error": status, "message": message} | ({"detail": detail} if detail else {})
        self._respond(status, json.dumps(said).encode())

    def _respond(self, status: int, body: bytes) -> None:
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        events = (h11.Response(status_code=status, headers=headers), h11.Data(body), h11.EndOfMessage())
        data = b"".join(self._http.send(event) or b"" for event in events)
        if self._transport is None:
            return
        self._transport.write(data)
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
            self._hear()
        else:
            self._transport.close()
