"""Listens: TLS by a certificate or plain, a port that only points to it, caps, the end in peace. Counterpart: `main.py`, the app.

Theory: connections are accepted here and not by uvicorn, so that one that is at its handshake counts too; who comes when all
places are taken is closed at once, and the places come free again since nobody keeps one without asking (`connections.py`).
One rule: a certificate that is wrong ends the start before the database is touched.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from domain.sync import FRAME_CAP_BYTES
from engine.tasks import end, keep, spawn
from sync_server.certificate import Certificate
from sync_server.connections import Connection
from sync_server.live.frames import Protocol
from sync_server.live.hub import Hub
from sync_server.main import opened
from sync_server.settings import Settings

_log = logging.getLogger("sync_server")

BACKLOG = 2048
PAUSE_S = 0.5
"""How long is waited where the system gives no more files."""
SWEEPS = 20_000, 20, 50
"""When the collector looks for rings. A page makes a thousand things that go with the answer: after 700, as is usual, it finds
them all in use."""
STOPS = (signal.SIGINT, signal.SIGTERM)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises what `opened` does, SettingRefused, and OSError where the address cannot be
    listened on."""
    certificate = Certificate.of(settings)
    async with opened(settings, certificate) as app:
        listening = _listen(settings.listen_host, settings.listen_port)
        host, port = listening.getsockname()[:2]
        scheme = "https" if certificate else "http"
        address = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        pointing = _listen(settings.listen_host, settings.redirect_port) if settings.redirect_port else None
        server = Server(configured(app, settings, certificate), app.state.hub, settings, pointing)
        renewing = [keep("certificate", certificate.run)] if certificate else []
        settle()
        _log.info("serving", extra={"address": address})
        try:
            await server.serve([listening])
        finally:
            await end(*renewing)
        _log.info("stopping")
    _log.info("stopped")


def settle() -> None:
    """Take what the start has made out of the collector's walks, each of which holds up every request."""
    gc.set_threshold(*SWEEPS)
    gc.collect()
    gc.freeze()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def configured(
    app: FastAPI | Pointing, settings: Settings, certificate: Certificate | None = None
) -> uvicorn.Config:
    """Return how uvicorn serves an application."""
    config = uvicorn.Config(
        app,
        http=Connection,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=round(settings.silent_s),
        timeout_graceful_shutdown=round(settings.stop_s),
        ws=Protocol,
        ws_max_size=FRAME_CAP_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_ping_timeout=None,
    )
    if certificate is not None:
        config.ssl_context_factory = lambda *_: certificate.context
    return config


class Pointing:
    """ASGI application of the plain port: whoever reads is sent to the server's own address, whoever sends is refused.

    A request that brings something has shown it in plain text already: it is to fail, or nobody would notice.
    """

    def __init__(self, public_url: str) -> None:
        self._url = public_url.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a WebSocket is refused."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        is_reading = scope["method"] in ("GET", "HEAD")
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        if is_reading:
            headers.append((b"location", self._url + scope["raw_path"] + query))
        await send({"type": "http.response.start", "status": 308 if is_reading else 403, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class Server(uvicorn.Server):
    """A server that accepts by itself, and returns when it was stopped: uvicorn's own way is to raise the signal once more.

    `pointing`: a socket whose connections are only told where the server is.
    """

    def __init__(
        self, config: uvicorn.Config, hub: Hub, settings: Settings, pointing: socket.socket | None = None
    ) -> None:
        super().__init__(config)
        self._hub = hub
        self._settings = settings
        self._pointing = pointing
        self._greeting: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._is_full = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup([])
        listeners = [(sock, self.config) for sock in sockets or []]
        if self._pointing is not None:
            config = configured(Pointing(self._settings.public_url), self._settings)
            config.load()
            listeners.append((self._pointing, config))
        for sock, config in listeners:
            sock.setblocking(False)
            self._accepting.append(keep("accepting", partial(self._accept, sock, config)))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, tell those who are connected why, and answer what is under way."""
        await end(*self._accepting)
        for sock in (*(sockets or ()), *((self._pointing,) if self._pointing else ())):
            sock.close()
        await end(*self._greeting)
        await self._hub.close()
        await super().shutdown([])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in peace at the first signal; at the second SIGINT at once."""
        before = {number: signal.signal(number, self.handle_exit) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _accept(self, listening: socket.socket, config: uvicorn.Config) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listening)
            except ConnectionError:  # gone before it was taken
                continue
            except OSError as error:
                _log.error("accepting_paused", extra={"reason": str(error)})
                await asyncio.sleep(PAUSE_S)
                continue
            if self._has_room():
                task = spawn("greeting", self._greet(sock, config))
                self._greeting.add(task)
                task.add_done_callback(self._greeting.discard)
            else:
                sock.close()

    def _has_room(self) -> bool:
        taken = len(self.server_state.connections) + len(self._greeting)
        is_full = taken >= self._settings.connections
        if is_full != self._is_full:
            self._is_full = is_full
            _log.log(
                logging.WARNING if is_full else logging.INFO,
                "connections_full" if is_full else "connections_free",
                extra={"connections": taken},
            )
        return not is_full

    async def _greet(self, sock: socket.socket, config: uvicorn.Config) -> None:
        """Make a connection of a socket; by TLS where there is a certificate, within the time that a request's head has."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.connect_accepted_socket(
                lambda: Connection(config=config, server_state=self.server_state, app_state={}, _loop=loop),
                sock,
                ssl=config.ssl,
                ssl_handshake_timeout=self._settings.silent_s if config.ssl else None,
            )
        except OSError as error:  # TLS went wrong or took too long: what strangers do is no news
            sock.close()
            _log.debug("greeting_failed", extra={"reason": str(error)})
        except asyncio.CancelledError:
            sock.close()
            raise
