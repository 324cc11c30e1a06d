"""What processes tell each other by NATS. Counterparts: `bus.py`; a nats-server with JetStream, 2.9 or later.

Theory: news are kept by a stream of JetStream, of each subject (channel and id) the last one only: whoever lost his connection
goes on behind the last that he heard, and hears each tenant once, however often it moved. JetStream acknowledges before it
syncs, so that a server that was killed may have lost some: after another server's greeting everybody asks the database besides.
What is momentary is a plain subject. The client's own reconnecting is off: one connection, one consumer, one end.
One rule: a password crosses no network in plain text, and an address that says tls:// is never spoken to without it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.errors import NotFoundError

from sync_server.live.bus import PAYLOAD_CAP_BYTES, Bus, News
from sync_server.live.nkey import NKey, credentials_in
from sync_server.settings import PREFIX, SettingRefused, Settings

_log = logging.getLogger("sync_server.live")

RECONNECT_S = (0.5, 1.0, 2.0, 4.0, 8.0)
CONNECT_S = 5.0
CLOSE_S = 1.0
ACK_S = 5.0
LOOK_S = 5.0
"""How often it is asked whether the consumer is still there, and whether something did not arrive."""
PING_S = 5
KEPT_S = 3_600.0
"""How long news are kept for who is away; who was away for longer asks the database anyway."""
FRAME_LEAST_BYTES = 4_096
PENDING_BYTES = 32 * 1024 * 1024


class Server(NamedTuple):
    """One address of NATS. `user` is a token where there is no password."""

    url: str
    user: str
    password: str
    is_tls: bool


class Place(NamedTuple):
    """Up to where news were heard: of which server, which stream (when it was made), the last one's number."""

    server: str
    made: datetime | None
    seq: int


class _Lost(Exception):
    """The connection is of no use any more."""


def servers_of(settings: Settings) -> list[Server]:
    """Return the addresses of the setting. Raises SettingRefused, which repeats nothing of them."""
    found = []
    for text in settings.nats_url.value.split(","):
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname or "", parts.port or 4222
        except ValueError:
            raise SettingRefused(f"{PREFIX}NATS_URL: a host and a port expected") from None
        if parts.scheme not in ("nats", "tls") or not host or parts.path.strip("/") or parts.query:
            raise SettingRefused(f"{PREFIX}NATS_URL: nats://host:port or tls://host:port expected")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        is_tls = parts.scheme == "tls"
        if user and not is_tls and not _is_here(host):
            raise SettingRefused(
                f"{PREFIX}NATS_URL: tls:// expected where a name or a token goes to another computer"
            )
        written = f"[{host}]" if ":" in host else host
        found.append(Server(f"{parts.scheme}://{written}:{port}", user, password, is_tls))
    return found


def context_of(settings: Settings) -> ssl.SSLContext:
    """Return what certificates are held against. Raises SettingRefused."""
    try:
        return ssl.create_default_context(cafile=settings.nats_ca or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingRefused(f"{PREFIX}NATS_CA: certificates in PEM expected: {error}") from None


def key_of(settings: Settings) -> tuple[str, NKey | None]:
    """Return the token and the key by which NATS knows this server; each may be missing. Raises SettingRefused."""
    creds, seed = settings.nats_creds, settings.nats_nkey
    if creds.value and seed.value:
        raise SettingRefused(
            f"{PREFIX}NATS_CREDS and {PREFIX}NATS_NKEY are both set: only one of them expected"
        )
    try:
        if creds.value:
            return credentials_in(creds)
        return "", NKey(seed) if seed.value else None
    except ValueError as error:
        raise SettingRefused(f"{PREFIX}NATS_{'CREDS' if creds.value else 'NKEY'}: {error}") from None


class Stream:
    """One connection to NATS. Raises SettingRefused where the settings are wrong."""

    name = "nats"
    why = ""

    def __init__(self, settings: Settings) -> None:
        self.is_up = False
        self.frame_bytes = PAYLOAD_CAP_BYTES
        self._servers = servers_of(settings)
        self._context = context_of(settings)
        self._token, self._key = key_of(settings)
        self._prefix = settings.nats_prefix
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._place: Place | None = None

    async def run(self, bus: Bus) -> None:
        """Connect, hear, and connect again, until cancelled."""
        failures = 0
        for number in count():
            server = self._servers[number % len(self._servers)]
            try:
                await self._serve(server, bus)
            except (_Lost, OSError, nats.errors.Error, TimeoutError, ssl.SSLError) as error:
                why = f"{type(error).__name__}: {error}"[:300]
            if self.is_up:
                failures = 0
            self.is_up, self._client, self._stream = False, None, None
            if not failures:
                _log.warning("nats_lost", extra={"reason": why})
            pause_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
            failures += 1
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - nobody gains by guessing it

    async def carry(self, frames: Sequence[bytes]) -> None:
        """Publish frames. Raises OSError."""
        try:
            for frame in frames:
                if self._client is None:
                    raise ConnectionError("NATS is not connected")
                await self._client.publish(f"{self._prefix}.live", frame)
        except nats.errors.Error as error:
            raise ConnectionError(str(error)) from error

    async def tell(self, news: News, frame: bytes) -> None:
        """Have the stream take news. Raises OSError where it did not say that it has."""
        if self._stream is None:
            raise ConnectionError("NATS is not connected")
        try:
            await self._stream.publish(f"{self._prefix}.said.{news.channel}.{news.id}", frame, timeout=ACK_S)
        except (nats.errors.Error, TimeoutError) as error:
            raise ConnectionError(str(error)) from error

    # One connection

    async def _serve(self, server: Server, bus: Bus) -> None:
        lost = asyncio.Event()
        client = _Client(self._key, is_tls=server.is_tls)
        token = self._token

        async def on_closed() -> None:
            lost.set()

        async def on_error(error: Exception) -> None:
            if isinstance(error, nats.errors.SlowConsumerError):
                lost.set()  # something was dropped: go on behind what was heard

        try:
            await client.connect(
                [server.url],
                name=f"heliograph {bus.process}",
                allow_reconnect=False,
                no_echo=True,
                connect_timeout=CONNECT_S,  # type: ignore[arg-type]
                ping_interval=PING_S,
                max_outstanding_pings=2,
                closed_cb=on_closed,
                error_cb=on_error,
                tls=self._context if server.is_tls else None,
                user=server.user if server.password else None,
                password=server.password or None,
                token=server.user if server.user and not server.password else None,
                signature_cb=self._key.signed if self._key is not None else None,
                user_jwt_cb=token.encode if token else None,
            )
            await self._hear(client, bus, lost)
        finally:
            with suppress(TimeoutError, OSError, nats.errors.Error):  # it waits for who does not answer
                async with asyncio.timeout(CLOSE_S):
                    await client.close()

    async def _hear(self, client: _Client, bus: Bus, lost: asyncio.Event) -> None:
        async def on_frame(message: Msg) -> None:
            bus.hear(message.data)

        async def on_news(message: Msg) -> None:
            bus.hear_news(message.data)
            if self._place is not None:
                self._place = self._place._replace(seq=message.metadata.sequence.stream)

        self.frame_bytes = max(FRAME_LEAST_BYTES, min(client.max_payload, PAYLOAD_CAP_BYTES))
        await client.subscribe(f"{self._prefix}.live", cb=on_frame, pending_bytes_limit=PENDING_BYTES)
        stream = client.jetstream(timeout=ACK_S)
        before = self._place
        self._place, is_same = await self._begin(client, stream)
        seq = self._place.seq
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=seq + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60.0,
        )
        heard = await stream.subscribe(
            f"{self._prefix}.said.>",
            stream=self._prefix,
            cb=on_news,
            config=config,
            pending_bytes_limit=PENDING_BYTES,
        )
        self._client, self._stream = client, stream
        self.is_up = True
        if before is None or not is_same or before.server != self._place.server:
            bus.gap()
        _log.info("nats_connected", extra={"resumed": is_same})
        behind = 0
        while not lost.is_set():
            try:
                await asyncio.wait_for(lost.wait(), LOOK_S)
            except TimeoutError:
                info = await heard.consumer_info()  # NotFoundError: JetStream began anew
                told = info.delivered.stream_seq if info.delivered is not None else 0
                if behind > self._place.seq:
                    raise _Lost("news that were sent did not arrive") from None
                behind = told
        raise _Lost("the connection ended")

    async def _begin(self, client: _Client, stream: JetStreamContext) -> tuple[Place, bool]:
        """Return where the stream stands, made where it is missing, and whether it goes on from where this process was."""
        try:
            info = await stream.stream_info(self._prefix)
        except NotFoundError:
            info = await stream.add_stream(
                StreamConfig(
                    name=self._prefix,
                    subjects=[f"{self._prefix}.said.>"],
                    max_msgs_per_subject=1,
                    max_age=KEPT_S,
                )
            )
        place, before = Place(client.server_id, info.created, info.state.last_seq), self._place
        if before is not None and before.made == place.made and before.seq <= place.seq:
            return place._replace(seq=before.seq), True
        return place, False


class _Client(Client):
    """The library's: it goes on in no plain text where TLS was asked for, knows its key, and says which server greeted it."""

    def __init__(self, key: NKey | None, *, is_tls: bool) -> None:
        super().__init__()
        self._is_tls = is_tls
        self._public_nkey = key.public if key is not None else None

    @property
    def server_id(self) -> str:
        """The id that a server takes when it starts."""
        return str(self._server_info.get("server_id", ""))

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and self._is_tls and not info.get("tls_required"):
            raise ConnectionError("TLS expected, and the server at the address of NATS offers none")
        await super()._process_info(info, initial_connection)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
