"""The window's tie to its engine: finds one or starts one, mirrors it, restarts it. Counterpart: `engine/endpoint.py`.

Theory: whoever listens at the profile is the engine, whether we started it or not. Finding and starting happen in a thread of
their own and come back as one outcome; every message carries the number of its connection, so that a late word of a dead one
is nothing. Requests stay pending until their reply and are sent again after a restart: edits are idempotent by their id.
One rule: a request is never lost and never answered twice; one of a network that the window left is answered with a refusal.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal

from app.endpoint_client import SILENT, EndpointClient, NoEngine, RejectedByEngine
from app.model import Model
from app.programs import Child, start_engine
from app.team.rights import refused_by_role
from domain.errors import Refusal
from domain.wire import (
    ActOnAlert,
    Changed,
    Credit,
    Rejected,
    Reply,
    SubmitEdit,
    ToClient,
    ToEngine,
    Watch,
    Welcome,
)

BACK_OFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before each restart of an engine that keeps dying young."""
YOUNG_S = 10.0
STOP_S = 5.0
"""How long a thread may take to end."""
NEWER_OR_OLDER = "PROTOCOL"
"""The one rejection that trying again cannot mend."""
DEATHS_TO_SAY_SO = 3
LEFT_WHY = "the window went to another network before this was answered"


class Status(NamedTuple):
    """How the tie is. `text` is a sentence for the user; `details` more of it, such as the engine's last words."""

    kind: Literal["starting", "ready", "lost", "failing", "refused", "stopped"]
    text: str = ""
    details: str = ""


class _Outcome(NamedTuple):
    """What an attempt came to: a connection, a refusal for good, or why not this time."""

    attempt: int
    client: EndpointClient | None = None
    refused: str = ""
    reason: str = ""


class EngineLink(QObject):
    """One engine as the window sees it. `start` once, `stop` at the end; everything else is signals."""

    status_changed = Signal(object)
    welcomed = Signal(object)
    complained = Signal(str)
    """What could not be sent by either side, and nobody waits for."""
    _heard = Signal(int, object)
    _lost = Signal(int, str)
    _tried = Signal(object)

    def __init__(
        self,
        profile: Path,
        model: Model,
        command: Sequence[str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.status = Status("stopped")
        self.welcome: Welcome | None = None
        self.restarts = 0
        self.refused_why = ""
        """Why nothing can be changed now, as a sentence; empty where all can be."""
        self._profile = profile
        self._model = model
        self._command = command
        self._child: Child | None = None
        self._client: EndpointClient | None = None
        self._attempt = 0
        self._numbers = itertools.count(1)
        self._pending: dict[int, tuple[ToEngine, Callable[[Reply], None]]] = {}
        self._watched = Watch()
        self._young_deaths = 0
        self._connected_s = 0.0
        self._hung = False
        self._stopping = threading.Event()
        self._finder: threading.Thread | None = None
        self._leaving: tuple[EndpointClient | None, threading.Thread | None] = (None, None)
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.timeout.connect(self._try)
        self._heard.connect(self._on_heard)
        self._lost.connect(self._on_lost)
        self._tried.connect(self._on_tried)

    def start(self) -> None:
        """Find the profile's engine, or start one; also the user's "try again"."""
        self._profile.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._stopping.clear()
        self._young_deaths = 0
        self._set(Status("starting", "The engine is starting"))
        self._try()

    def attach(self, profile: Path, command: Sequence[str] | None = None) -> None:
        """Leave this network, whose engine ends if it is ours, and mirror the one of another profile.

        What still waits for a reply is refused: it never reaches the other network.
        """
        self._retry.stop()
        client, self._client = self._client, None
        self._leaving = (client, self._finder)
        self._profile, self._command = profile, command
        self._watched, self._hung, self.welcome = Watch(), False, None
        self._attempt += 1
        pending, self._pending = self._pending, {}
        for number, (_, then) in pending.items():
            then(Reply(number, (Refusal("NOT_NOW", LEFT_WHY),)))
        self._model.leave()
        self.start()

    def stop(self) -> None:
        """Hang up, and end the engine if it is ours. Blocks until it has ended.

        No thread of ours outlives this: one that dropped the last reference would take down Qt's timers from outside.
        """
        self._stopping.set()
        self._retry.stop()
        self._attempt += 1
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._child is not None:
            self._child.stop()
        if client is not None:
            client.join(STOP_S)
        if self._finder is not None:
            self._finder.join(STOP_S)
        self._set(Status("stopped"))

    @property
    def profile(self) -> Path:
        """The folder of the network that it is tied to."""
        return self._profile

    @property
    def connected(self) -> bool:
        """Whether an engine answers now."""
        return self._client is not None

    @property
    def engine_pid(self) -> int:
        """The process that answered last, or 0."""
        return self.welcome.pid if self.welcome is not None else 0

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Ask; `then` gets the one reply, after a restart of the engine if need be."""
        number = next(self._numbers)
        message = make(number)
        why = self.refused_why if isinstance(message, SubmitEdit | ActOnAlert) else ""
        if refusal := Refusal("NOT_NOW", why) if why else refused_by_role(self._model.team, message):
            then(Reply(number, (refusal,)))
            return
        self._pending[number] = (message, then)
        if self._client is not None:
            self._client.send(message)

    def feed(self, model: Model) -> None:
        """Let what comes from now on go into another mirror, which holds what the former one held."""
        self._model = model

    def watch(self, devices: Sequence[UUID]) -> None:
        """Ask for the latest values of these devices, in place of the former ones."""
        self._watch(Watch(tuple(devices), self._watched.discovery))

    def watch_discovery(self, is_watched: bool) -> None:
        """Have the engine listen for who announces itself on the LAN, or no more."""
        self._watch(Watch(self._watched.devices, is_watched))

    def _watch(self, watched: Watch) -> None:
        if watched != self._watched:
            self._watched = watched
            if self._client is not None:
                self._client.send(watched)

    # What an attempt does, in its own thread

    def _try(self) -> None:
        self._retry.stop()
        self._attempt += 1
        hung, self._hung = self._hung, False
        leaving, self._leaving = self._leaving, (None, None)

        def find(attempt: int, profile: Path) -> None:
            self._leave(*leaving)
            self._tried.emit(self._outcome_of(attempt, profile, hung))

        self._finder = threading.Thread(
            target=find,
            args=(self._attempt, self._profile),
            daemon=True,
            name=f"find the engine, attempt {self._attempt}",
        )
        self._finder.start()

    def _leave(self, client: EndpointClient | None, finder: threading.Thread | None) -> None:
        """End what belongs to a network that was left, in the order in which it began."""
        if client is None and finder is None:
            return
        if client is not None:
            client.close()
        if finder is not None:
            finder.join()
        child, self._child = self._child, None
        if child is not None:
            child.stop()
        if client is not None:
            client.join(STOP_S)

    def _outcome_of(self, attempt: int, profile: Path, hung: bool) -> _Outcome:
        if attempt != self._attempt:
            return _Outcome(attempt)
        if hung and self._child is not None:
            self._child.kill()
            self._child.stop()
        try:
            return _Outcome(attempt, self._connect(attempt, profile))
        except RejectedByEngine as error:
            return _Outcome(attempt, refused=str(error))
        except NoEngine as error:
            absent = error
        if self._stopping.is_set() or attempt != self._attempt:
            return _Outcome(attempt, reason="the window is closing")
        self._end_child()
        try:
            started = start_engine(profile, self._command, on_child=self._take_child)
        except OSError as error:
            return _Outcome(attempt, refused=f"The engine could not be started: {error}")
        if started.refused and not started.in_use:
            return _Outcome(attempt, refused=started.refused)
        try:
            return _Outcome(attempt, self._connect(attempt, profile))
        except RejectedByEngine as error:
            return _Outcome(attempt, refused=str(error))
        except NoEngine as error:
            return _Outcome(attempt, reason=started.refused or started.ended or f"{absent}; {error}")

    def _end_child(self) -> None:
        if self._child is not None:
            self.restarts += 1
            if self._child.running:
                self._child.kill()
            self._child.stop()

    def _take_child(self, child: Child) -> None:
        self._child = child

    def _connect(self, attempt: int, profile: Path) -> EndpointClient:
        return EndpointClient.connect(
            profile,
            "window",
            lambda message: self._heard.emit(attempt, message),
            lambda reason: self._lost.emit(attempt, reason),
        )

    # What comes back, in the window's thread

    def _on_tried(self, outcome: _Outcome) -> None:
        if outcome.attempt != self._attempt or self._stopping.is_set():
            if outcome.client is not None:
                outcome.client.close()
            return
        if outcome.refused:
            self._set(Status("refused", outcome.refused))
        elif outcome.client is None:
            self._try_later(outcome.reason)
        else:
            self._begin(outcome.client)

    def _begin(self, client: EndpointClient) -> None:
        if self._client is not None:
            self._client.close()
        self._client = client
        self._connected_s = time.monotonic()
        self.welcome = client.welcome
        self._model.begin(client.welcome.tenant)
        client.start()
        if self._watched != Watch():
            client.send(self._watched)
        for message, _ in self._pending.values():
            client.send(message)
        self._set(Status("ready"))
        self.welcomed.emit(client.welcome)

    def _on_heard(self, attempt: int, message: ToClient) -> None:
        if attempt != self._attempt or self._client is None:
            return
        if isinstance(message, Changed):
            self._model.merge(message)
            self._client.send(Credit(message.batch))
        elif isinstance(message, Reply):
            pending = self._pending.pop(message.request, None)
            if pending is not None:
                pending[1](message)
            elif not message.request and message.refusals:
                self.complained.emit("; ".join(refusal.message for refusal in message.refusals))
        elif isinstance(message, Rejected):
            self._client.close()
            self._client = None
            if message.code == NEWER_OR_OLDER:
                self._set(Status("refused", message.message))
            else:  # such as SILENT, after a window that was frozen: come back
                self._try_later(message.message)

    def _on_lost(self, attempt: int, reason: str) -> None:
        if attempt != self._attempt or self._client is None or self._stopping.is_set():
            return
        self._client = None
        self._hung = reason == SILENT
        self._try_later(reason)

    def _try_later(self, reason: str) -> None:
        lived_s = time.monotonic() - self._connected_s if self._connected_s else 0.0
        self._connected_s = 0.0
        self._young_deaths = self._young_deaths + 1 if lived_s < YOUNG_S else 0
        wait_s = BACK_OFF_S[min(self._young_deaths, len(BACK_OFF_S) - 1)]
        if self._young_deaths >= DEATHS_TO_SAY_SO:
            last = self._child.last_lines if self._child is not None else [reason]
            said = f"The engine keeps stopping. Next try in {wait_s:g} s."
            self._set(Status("failing", said, "\n".join(last) or reason))
        else:
            self._set(Status("lost", "The engine stopped and is being started again", reason))
        self._retry.start(round(wait_s * 1000))

    def _set(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.status_changed.emit(status)
