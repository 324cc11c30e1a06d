"""A server on a real socket in the test's own loop, and installs on its live line by a foreign WebSocket client.

Counterpart: `sync_server/live/`. One rule: what a replica knows it was told in a frame.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import websockets
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from domain.edit import Edit, Step
from domain.journal import JournalRow
from domain.sync import (
    SYNC_PROTOCOL,
    Alive,
    Entries,
    Hello,
    Kept,
    Lease,
    Outcome,
    Outcomes,
    Push,
    Refused,
    Taken,
    Tell,
    ToInstall,
    ToServer,
    Welcome,
    decode_to_install,
    encode,
)
from engine.tasks import end
from sync_server.api.installs import _SUITE, CHALLENGE
from sync_server.certificate import Certificate
from sync_server.serving import Server as Listener
from sync_server.serving import configured
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

AT_US = 1_700_000_000_000_000
PATIENCE_S = 60.0
M = TypeVar("M")


class _Quiet(Listener):
    """A server that leaves the signals of the test's process alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@dataclass
class Live:
    """A server that listens, `url` of its live line."""

    server: Server
    url: str

    async def install(self, person: Person, kind: str = "window", name: str = "Laptop") -> UUID:
        """Return a new install of somebody, proven."""
        key = X25519PrivateKey.generate()
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        made = await person.post("/installs", {"name": name, "kind": kind, "public_key": public}, expect=201)
        id = UUID(made["install"]["id"])
        held = _SUITE.decrypt(base64.b64decode(made["challenge"]), key, CHALLENGE + id.bytes)
        await person.post(f"/installs/{id}/proof", {"answer": base64.b64encode(held).decode()})
        return id

    async def open(self, install: UUID | None = None) -> Replica:
        """Return a replica that has said nothing yet."""
        options = {"max_size": None, "compression": None, "ping_interval": None, "open_timeout": PATIENCE_S}
        return Replica(await websockets.connect(self.url, **options), install)  # type: ignore[arg-type]

    async def connect(
        self, person: Person, install: UUID | None, *, token: str | None = None, **more: Any
    ) -> Replica:
        """Return a replica that has said Hello."""
        given = token or (await person.post("/auth/stream-token"))["token"]
        replica = await self.open(install)
        with contextlib.suppress(websockets.ConnectionClosed):  # who is refused at once hears why
            await replica.say(Hello(SYNC_PROTOCOL, given, install, **more))
        return replica

    async def join(self, person: Person, install: UUID | None = None, **more: Any) -> Replica:
        """Return a replica that has been welcomed and has a snapshot."""
        if install is None:
            install = await self.install(person)
        replica = await self.connect(person, install, **more)
        replica.welcome = await replica.hear(Welcome)
        await replica.hear_all()
        return replica


@dataclass(eq=False)
class Replica:
    """An install: what it was told, by kind and id. `messages` are all that came, in order."""

    line: websockets.ClientConnection
    install: UUID | None
    revision: int = 0
    things: dict[tuple[str, UUID], Any] = field(default_factory=dict)
    journal: list[JournalRow] = field(default_factory=list)
    edits: list[Any] = field(default_factory=list)
    messages: list[ToInstall] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    lease: Lease = field(default_factory=lambda: Lease(0, 0.0))
    welcome: Welcome | None = None
    takes: bool = True

    async def say(self, message: ToServer) -> None:
        """Send a message."""
        await self.line.send(encode(message))

    async def next(self) -> ToInstall:
        """Return the next message; entries are taken."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.line.recv()
        assert isinstance(data, bytes)
        message = decode_to_install(data)
        self.frames.append(data)
        self.messages.append(message)
        if isinstance(message, Entries):
            self._merge(message)
            if self.takes:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await self.say(Taken(message.revision))
        elif isinstance(message, Lease):
            self.lease = message
        return message

    async def hear(self, type: type[M]) -> M:
        """Return the next message of a type."""
        while True:
            message = await self.next()
            if isinstance(message, type):
                return message
            assert not isinstance(message, Refused), message

    async def hear_all(self) -> Entries:
        """Return the last part of the next batch."""
        while True:
            entries = await self.hear(Entries)
            if entries.complete:
                return entries

    async def until(self, kind: str, id: UUID) -> Any:
        """Return a thing once it is told."""
        while (kind, id) not in self.things:
            await self.hear_all()
        return self.things[kind, id]

    async def push(self, *edits: Edit) -> tuple[Outcome, ...]:
        """Push edits; return what became of them."""
        await self.say(Push(edits))
        return (await self.hear(Outcomes)).outcomes

    async def tell(self, **told: Any) -> Kept:
        """Tell what is seen; return what is kept."""
        await self.say(Tell(1, **told))
        return await self.hear(Kept)

    async def led(self) -> Lease:
        """Return the lease once this install has it."""
        while not self.lease.fence:
            await self.next()
            await self.say(Alive(0))  # whoever says nothing is hung up before one that died is given up
        return self.lease

    async def refused(self) -> Refused:
        """Return why the server hangs up."""
        while True:
            message = await self.next()
            if isinstance(message, Refused):
                return message

    def row(self, seq: int, kind: str, subject: UUID | None = None, /, **body: Any) -> JournalRow:
        """Return a row of this install's journal."""
        assert self.install is not None
        return JournalRow(self.install, seq, AT_US + seq, kind, subject, body)  # type: ignore[arg-type]

    def _merge(self, entries: Entries) -> None:
        if not entries.since:
            self.things = {} if not self._is_within else self.things
        self._is_within = not entries.complete
        for field_name, kind in _KINDS.items():
            for thing in getattr(entries, field_name):
                self.things[kind, _id_of(kind, thing)] = thing
        for gone in entries.gone:
            self.things.pop((gone.kind, gone.id), None)
        self.journal += entries.journal
        self.edits += entries.edits
        if entries.complete:
            self.revision = entries.revision

    _is_within: bool = False


@asynccontextmanager
async def living(database: ServerDatabase, **settings: Any) -> AsyncIterator[Live]:
    """Yield a server that listens on a port of its own."""
    async with serving(database, **settings) as server:
        listening = socket.create_server(("127.0.0.1", 0))
        chosen = server.services.settings
        uvicorn = _Quiet(configured(server.app, chosen, Certificate.of(chosen)), server.app.state.hub, chosen)
        task = asyncio.ensure_future(uvicorn.serve([listening]))
        try:
            yield Live(server, f"ws://127.0.0.1:{listening.getsockname()[1]}/api/v1/live")
        finally:
            uvicorn.should_exit = True
            await task
            await end()


def making(kind: Any, id: UUID | None = None, /, **fields: Any) -> Step:
    """Return a step that makes a thing."""
    return Step(kind, id or uuid4(), None, fields)


def an_edit(*steps: Step, title: str = "Work", **more: Any) -> Edit:
    """Return an edit."""
    return Edit(uuid4(), AT_US, "whoever", title, steps, **more)


def _id_of(kind: str, thing: Any) -> UUID:
    names = {"health": "device", "link_state": "link", "fact": "subject"}
    id: UUID = getattr(thing, names.get(kind, "id"))
    return id


_KINDS = {
    "sites": "site",
    "credentials": "credential",
    "devices": "device",
    "links": "link",
    "rules": "rule",
    "maintenances": "maintenance",
    "ignored": "ignored",
    "diagrams": "diagram",
    "spots": "spot",
    "drawings": "drawing",
    "photos": "photo",
    "team_maps": "team_map",
    "alerts": "alert",
    "health": "health",
    "link_states": "link_state",
    "facts": "fact",
}
