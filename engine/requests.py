"""Answers what clients ask. Counterpart: `endpoint.py` brings the requests, `domain/rules.py` says what is refused.

Theory of an edit: refusals, the edit and its secrets on disk in one transaction, then the vault and the inventory, then
everybody hears of it, and only then the reply. So a reply is never ahead of the disk, and an edit that is sent again after a
lost reply is found by its id. One edit at a time; what it leads to is made in a thread, on a copy, because an import touches
thousands of things.
One rule: a request gets exactly one reply.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, get_args
from uuid import UUID

import msgspec

from domain.alerts import DONE, Act, Alert, act_refusals
from domain.edit import Edit, apply
from domain.errors import Refusal
from domain.inventory import Inventory, is_paused
from domain.metrics import CATALOGUE
from domain.receiving import (
    QUARANTINE_SENDERS_CAP,
    Listener,
    QuarantinedSender,
    ReceiverSettings,
    plain_address,
    receiver_refusals,
)
from domain.retention import Retention, retention_refusals
from domain.rules import STEPS_CAP, of_edit, refusals, told
from domain.text import clean_text
from domain.vault import Lock, RotateKeys, Secret, SetAutoLock, SetKeyPlace, Unlock, VaultRequest
from domain.wire import (
    ActOnAlert,
    ForgetSender,
    ProbeNow,
    QueryJournal,
    QueryProfiles,
    QueryQuarantine,
    QuerySeries,
    Reply,
    SetReceivers,
    SetRetention,
    Stop,
    SubmitEdit,
)
from engine.endpoint import Request
from engine.judge.outcome import Outcome
from engine.ledger import Ledger, Written
from engine.secret_rules import secret_refusals
from engine.state import State
from engine.storage import Batch, StorageFailed, StoreThread
from engine.storage.batch import SealedSecret

_log = logging.getLogger("engine.requests")

JOURNAL_ROWS_CAP = 1_000
POINTS_CAP = 500


class Applying(Protocol):
    """What an edit sets in motion once it is on disk."""

    def __call__(
        self, before: Inventory, touched: list[tuple[str, UUID]], renewed: set[UUID], written: Written
    ) -> None:
        """`renewed` names credentials with a new secret."""


class Sealing(Protocol):
    """What an edit's secrets need of the vault."""

    def seal(self, id: UUID, secret: str) -> SealedSecret:
        """Return a secret sealed; nothing is kept yet."""

    def keep(self, secrets: Mapping[UUID, SealedSecret]) -> None:
        """Give these from now on: they are on disk."""


class Keeping(Protocol):
    """Who may open the vault, and for how long."""

    def note_use(self) -> None:
        """A person entered a secret."""

    async def answer(self, request: VaultRequest) -> Reply:
        """Return the one reply to a request about the vault."""


class Receiving(Protocol):
    """What is listened for, and who sent without being a device."""

    @property
    def settings(self) -> ReceiverSettings: ...

    async def set_settings(self, settings: ReceiverSettings) -> tuple[Listener, ...]:
        """Keep settings and listen so from now on."""

    def quarantined(self, limit: int) -> list[QuarantinedSender]:
        """Return the latest senders."""

    def forget(self, address: str) -> bool:
        """Drop a sender; False where there is none."""


class Profiling(Protocol):
    """Which SNMP profiles there are."""

    @property
    def titles(self) -> dict[str, str]:
        """The title of each by its name."""

    @property
    def problems(self) -> tuple[Refusal, ...]:
        """What is wrong with the user's files."""


Answer = Callable[[Any], Reply | Awaitable[Reply]]


def rooms(*given: tuple[Any, Answer]) -> dict[type, Answer]:
    """Return who answers what: pairs of a type of requests, or a union of such, and the room that keeps its own."""
    return {asked: answer for kinds, answer in given for asked in (get_args(kinds) or (kinds,))}


class Requests:
    """Answers one request at a time that changes something, and any number that only asks."""

    def __init__(
        self,
        *,
        state: State,
        ledger: Ledger,
        store: StoreThread,
        vault: Sealing,
        on_applied: Applying,
        act: Callable[[Alert, Act], Outcome],
        on_acted: Callable[[Outcome], None],
        probe_now: Callable[[UUID], bool],
        set_retention: Callable[[Retention], Awaitable[None]],
        receivers: Receiving,
        profiles: Profiling,
        rooms: Mapping[type, Answer],
        keeper: Keeping,
        stop: Callable[[], None],
        now_us: Callable[[], int],
        changing: asyncio.Lock,
        is_local: Callable[[UUID], bool] = lambda _: False,
    ) -> None:
        """`is_local` tells whether an alert is only this computer's, so that it is not written as the team's."""
        self._state = state
        self._ledger = ledger
        self._store = store
        self._vault = vault
        self._on_applied = on_applied
        self._act = act
        self._on_acted = on_acted
        self._probe_now = probe_now
        self._set_retention = set_retention
        self._receivers = receivers
        self._profiles = profiles
        self._rooms = rooms
        self._keeper = keeper
        self._stop = stop
        self._now_us = now_us
        self._changing = changing
        self._is_local = is_local

    async def answer(self, request: Request) -> Reply:
        """Return the one reply to a request."""
        if (room := self._rooms.get(type(request))) is not None:
            answered = room(request)
            return answered if isinstance(answered, Reply) else await answered
        try:
            match request:
                case SubmitEdit():
                    async with self._changing:
                        found = await self._submit(request.edit, request.secrets)
                    return Reply(request.request, tuple(found))
                case ActOnAlert():
                    async with self._changing:
                        found = await self._act_on(request)
                    return Reply(request.request, tuple(found))
                case QuerySeries():
                    return await self._series(request)
                case QueryJournal():
                    limit = min(max(request.limit, 1), JOURNAL_ROWS_CAP)
                    rows = await self._store.journal(request.subject, limit)
                    return Reply(request.request, result={"rows": msgspec.to_builtins(rows)})
                case ProbeNow():
                    return Reply(request.request, tuple(self._probe(request.device)))
                case QueryProfiles():
                    told = {"titles": self._profiles.titles, "problems": self._profiles.problems}
                    return Reply(request.request, result=msgspec.to_builtins(told))
                case SetRetention():
                    found = list(retention_refusals(request.retention))
                    if not found:
                        await self._set_retention(request.retention)
                    return Reply(request.request, tuple(found))
                case SetReceivers():
                    return await self._set_receivers(request)
                case QueryQuarantine():
                    limit = min(max(request.limit, 1), QUARANTINE_SENDERS_CAP)
                    senders = self._receivers.quarantined(limit)
                    return Reply(request.request, result={"senders": msgspec.to_builtins(senders)})
                case ForgetSender():
                    async with self._changing:
                        found = await self._forget(request.address, request.ignore)
                    return Reply(request.request, tuple(found))
                case Unlock() | Lock() | SetAutoLock():
                    return await self._keeper.answer(request)
                case SetKeyPlace() | RotateKeys():
                    async with self._changing:  # no edit brings a secret under the old key meanwhile
                        return await self._keeper.answer(request)
                case Stop():
                    _log.info("stop_requested")
                    self._stop()
                    return Reply(request.request)
        except StorageFailed as error:
            return Reply(
                request.request, (Refusal("STORAGE_FAILED", f"not written to disk: {error.message}"),)
            )
        raise TypeError(f"nobody answers a {type(request).__name__}")

    async def _submit(self, edit: Edit, secrets: dict[UUID, Secret]) -> list[Refusal]:
        if await self._ledger.has(edit.id):
            return []
        before = self._state.inventory
        after, touched, found = await asyncio.to_thread(_outcome_of, before, edit, secrets)
        found = found or self._ledger.refusals(edit)
        if found:
            self._note_refusal(edit, found)
            return found
        sealed = await asyncio.to_thread(self._sealed, secrets)
        written = await self._ledger.keep(edit, after, touched, sealed)
        if written is not None:
            self._vault.keep(sealed)
            if sealed:
                self._keeper.note_use()
            self._state.inventory = after
            self._on_applied(before, touched, set(secrets), written)
            told = {"edit_id": edit.id, "title": edit.title, "author": edit.author, "steps": len(edit.steps)}
            _log.info("edit_applied", extra=told)
        return []

    def _sealed(self, secrets: dict[UUID, Secret]) -> dict[UUID, SealedSecret]:
        return {id: self._vault.seal(id, secret.value) for id, secret in secrets.items()}

    def _note_refusal(self, edit: Edit, found: Iterable[Refusal]) -> None:
        told = {
            "edit_id": edit.id,
            "title": edit.title,
            "reason": "; ".join(f"{r.code} {r.field}" for r in found),
        }
        _log.info("edit_refused", extra=told)

    async def _act_on(self, request: ActOnAlert) -> list[Refusal]:
        alert = self._state.alerts.get(request.alert)
        if alert is None:
            said = f"there is no alert {request.alert}"
            return [Refusal("ALERT_NOT_FOUND", said, subject=request.alert)]
        by, text, to = request.by.strip(), request.text.strip(), request.to.strip()
        found = act_refusals(alert, request.act, by, text, to)
        if found:
            return found
        outcome = self._act(alert, Act(self._now_us(), DONE[request.act], by, text, to))
        try:  # even with nothing new: an earlier word that is not on disk yet is waited for
            alerts = [one for one in outcome.alerts if not self._is_local(one.id)]
            await self._store.write(Batch(journal=outcome.journal, alerts=alerts))
        finally:
            if outcome:
                self._on_acted(outcome)
        return []

    async def _series(self, request: QuerySeries) -> Reply:
        if request.metric not in CATALOGUE:
            said = f"a metric of the catalogue expected, got {clean_text(request.metric, 60)!r}"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "metric"),))
        points = min(max(request.points, 2), POINTS_CAP)
        found = await self._store.series(
            request.device, request.metric, request.instance, request.from_us, request.to_us, points
        )
        return Reply(request.request, result=msgspec.structs.asdict(found))

    async def _set_receivers(self, request: SetReceivers) -> Reply:
        async with self._changing:
            found = tuple(receiver_refusals(request.settings))
            if found:
                return Reply(request.request, found)
            listeners = await self._receivers.set_settings(request.settings)
        return Reply(request.request, result={"listeners": msgspec.to_builtins(listeners)})

    async def _forget(self, address: str, ignore: bool) -> list[Refusal]:
        settings, plain = self._receivers.settings, plain_address(address)
        if ignore and plain not in settings.ignored:
            ignoring = msgspec.structs.replace(settings, ignored=(*settings.ignored, plain))
            found = list(receiver_refusals(ignoring))
            if found:
                return found
            await self._receivers.set_settings(ignoring)
        if not self._receivers.forget(plain) and not ignore:
            said = f"nobody at {clean_text(address, 60)} is in the quarantine"
            return [Refusal("SENDER_NOT_FOUND", said, "address")]
        return []

    def _probe(self, id: UUID) -> list[Refusal]:
        device = self._state.inventory.device(id)
        if device is None:
            return [Refusal("DEVICE_NOT_FOUND", f"there is no device {id}", subject=id)]
        if not self._probe_now(id):
            said = "is paused" if is_paused(device, self._now_us()) else "has no probes"
            return [Refusal("INVALID_INPUT", f"{device.name} {said}", subject=id)]
        return []


def _outcome_of(
    before: Inventory, edit: Edit, secrets: dict[UUID, Secret]
) -> tuple[Inventory, list[tuple[str, UUID]], list[Refusal]]:
    """Return the inventory after an edit and what it touched, or why it is refused. An edit that only carries new
    secrets has no steps."""
    only_secrets = bool(secrets) and not edit.steps
    found = list(of_edit(edit)) if only_secrets else refusals(before, edit)
    after = Inventory(before.tables)
    touched = [] if found else [(str(kind), id) for kind, id in apply(after, edit)]
    if len(secrets) > STEPS_CAP:
        said = f"the edit has {len(secrets)} secrets, at most {STEPS_CAP} go in one"
        return after, touched, [*found, Refusal("INVALID_INPUT", said, "secret")]
    unfit: list[Refusal] = []
    for id, secret in secrets.items():
        credential = after.credential(id)
        if credential is not None:
            unfit += secret_refusals(credential, secret.value)
        elif not found:
            unfit.append(Refusal("CREDENTIAL_NOT_FOUND", f"there is no credential {id}", "credential", id))
    return after, touched, found + told(unfit)
