"""An engine that is only its endpoint: real rules, real wire, no devices. Counterpart: `app/endpoint_client.py`.

One rule: it speaks exactly what `domain/wire.py` says, so that what passes here passes with the real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.edit import Edit, apply
from domain.errors import Refusal
from domain.health import Health
from domain.inventory import Credential, Device, Inventory, Link, Probe, Site, Tenant
from domain.rules import refusals
from domain.vault import Secret
from domain.wire import (
    ROWS_OF,
    ActOnAlert,
    Alive,
    Changed,
    Credit,
    EngineState,
    Hello,
    Removed,
    Reply,
    SubmitEdit,
    ToClient,
    ToEngine,
    Watch,
    Welcome,
    decode_to_engine,
    encode,
)

SPACE = UUID("018f0000-0000-7000-8000-000000000001")
VANTAGE = uuid5(SPACE, "vantage")


def id_of(name: str) -> UUID:
    """Return the id that a name has here."""
    return uuid5(SPACE, name)


def small_network() -> Inventory:
    """Return two sites in two regions, three devices, a link, a community."""
    inventory = Inventory()
    community = Credential(id_of("community"), "Field community", "snmp_community")
    probes = (Probe("icmp"), Probe("snmp", 161, community.id))
    rows: list[tuple[str, Any]] = [
        ("credential", community),
        ("site", Site(id_of("Grünten"), "Grünten", "Oberallgäu", 10.3, 47.55)),
        ("site", Site(id_of("Lindau"), "Lindau", "Bodensee", 9.68, 47.54)),
        ("device", Device(id_of("g1"), "Grünten R1", "10.0.0.1", probes, "relay", id_of("Grünten"), 12)),
        ("device", Device(id_of("g2"), "Grünten AP", "10.0.0.2", probes[:1], "access", id_of("Grünten"), 30)),
        ("device", Device(id_of("l1"), "Lindau R1", "10.0.1.1", probes, "pop", id_of("Lindau"))),
        ("link", Link(id_of("link"), id_of("g1"), id_of("l1"), "sfp1", "sfp2", "fibre", 10**9)),
    ]
    for kind, row in rows:
        inventory.tables[kind][row.id] = row
    return inventory


class FakeEngine:
    """Listens at a profile. With `mute` it takes connections and says nothing; `drop_edits` are heard and forgotten."""

    def __init__(self, profile: Path, inventory: Inventory | None = None) -> None:
        profile.mkdir(parents=True, exist_ok=True)
        self.profile = profile
        self.inventory = inventory if inventory is not None else small_network()
        self.tenant = Tenant(id_of("tenant"), "Test net")
        self.edits: list[Edit] = []
        self.secrets: dict[UUID, Secret] = {}
        self.watched: tuple[UUID, ...] = ()
        self.credits: list[int] = []
        self.heard: list[ToEngine] = []
        self.answers: dict[type, Reply | Callable[[Any], Reply]] = {}
        """What requests of a kind are answered with; ok without a result where nothing is said."""
        self.state: EngineState | None = None
        """What a snapshot says of the engine."""
        self.health: tuple[Health, ...] = ()
        """And how devices fare."""
        self.drop_edits = 0
        self.hello_count = 0
        self.mute = False
        self._batch = 0
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        key = secrets.token_bytes(32)
        (profile / "endpoint.key").write_bytes(key)
        family = "AF_UNIX" if hasattr(socket, "AF_UNIX") else "AF_PIPE"
        self._listener = Listener(family=family, authkey=key)
        told = {"address": self._listener.address, "family": family, "pid": os.getpid()}
        (profile / "endpoint.json").write_text(json.dumps(told))
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening and hang up."""
        if not self._open:
            return
        self._open = False
        (self.profile / "endpoint.json").unlink(missing_ok=True)
        self.hang_up()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as last:
            last.connect(self._listener.address)
        self._listener.close()

    def hang_up(self) -> None:
        """End every connection, as a killed engine does."""
        for connection in self._connections:
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, fileno=os.dup(connection.fileno())) as twin,
            ):
                twin.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def tell(self, make: Callable[[int], Changed]) -> None:
        """Send a batch to everybody."""
        with self._lock:
            self._batch += 1
            for connection in self._connections:
                with contextlib.suppress(OSError):  # who has left hears nothing
                    _send(connection, make(self._batch))

    def say(self, message: ToClient) -> None:
        """Send a message to everybody."""
        with self._lock:
            for connection in self._connections:
                _send(connection, message)

    def _accept(self) -> None:
        while self._open:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        threading.Thread(target=self._beat, args=(connection,), daemon=True).start()
        try:
            while True:
                self._take(connection, decode_to_engine(connection.recv_bytes()))
        except (EOFError, OSError):
            connection.close()

    def _beat(self, connection: Connection) -> None:
        while self._open and not connection.closed:
            time.sleep(0.5)
            if connection in self._connections:
                try:
                    _send(connection, Alive(time.time_ns() // 1000))
                except OSError:
                    return

    def _take(self, connection: Connection, message: ToEngine) -> None:
        self.heard.append(message)
        match message:
            case Hello():
                if self.mute:
                    return
                self.hello_count += 1
                _send(connection, Welcome(1, "test", self.tenant, VANTAGE, os.getpid(), 0))
                with self._lock:
                    self._batch += 1
                    _send(connection, self._snapshot())
                    self._connections.append(connection)
            case Credit():
                self.credits.append(message.batch)
            case Watch():
                self.watched = message.devices
            case SubmitEdit():
                if self.drop_edits:
                    self.drop_edits -= 1
                    return
                self._submit(connection, message)
            case Alive():
                pass
            case _:
                told = self.answers.get(type(message), Reply(0))
                told = told(message) if callable(told) else told
                _send(connection, msgspec.structs.replace(told, request=message.request))

    def _snapshot(self) -> Changed:
        tables = self.inventory.tables
        return msgspec.convert(
            {
                "batch": self._batch,
                "initial": True,
                "engine": self.state,
                "health": self.health,
                **{ROWS_OF[kind]: tuple(rows.values()) for kind, rows in tables.items()},
            },
            Changed,
            from_attributes=True,
        )

    def _submit(self, connection: Connection, message: SubmitEdit) -> None:
        known = any(edit.id == message.edit.id for edit in self.edits)
        only_secrets = bool(message.secrets) and not message.edit.steps
        found: list[Refusal] = [] if known or only_secrets else refusals(self.inventory, message.edit)
        if not found and not known:
            self.secrets.update(message.secrets)
            touched = apply(self.inventory, message.edit)
            self.edits.append(message.edit)
            rows: dict[str, list[Any]] = {name: [] for name in ROWS_OF.values()}
            gone = []
            for kind, id in touched:
                row = self.inventory.get(kind, id)
                if row is None:
                    gone.append(Removed(kind, id))
                else:
                    rows[ROWS_OF[kind]].append(row)
            self.tell(
                lambda batch: Changed(batch, removed=tuple(gone), **{k: tuple(v) for k, v in rows.items()})
            )
        _send(connection, Reply(message.request, tuple(found)))


def _send(connection: Connection, message: ToClient) -> None:
    connection.send_bytes(encode(message))


__all__ = ["VANTAGE", "ActOnAlert", "FakeEngine", "id_of", "small_network"]
