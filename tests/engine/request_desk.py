"""Requests over a real database, for tests that ask and look at the replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from domain.alerts import Act, Alert
from domain.asking import NetworkRequest
from domain.edit import Edit
from domain.exchanging import ExchangeRequest
from domain.inventory import Inventory
from domain.journal import JournalRow
from domain.mib import MibRequest
from domain.topology import Topology
from domain.vault import Secret
from domain.wire import QueryJournal, SubmitEdit
from engine.drivers import Profiles
from engine.imports import Exchange
from engine.inquiries import Inquiries
from engine.journal import JournalPen
from engine.judge.alerts import Alerts
from engine.judge.network import Network
from engine.judge.outcome import Outcome
from engine.ledger import OwnLedger, Written
from engine.mibs.library import Mibs
from engine.mibs.walk import WalkSession
from engine.requests import Requests, rooms
from engine.state import State
from engine.storage import Store, StoreThread
from engine.storage.loads import PortLoads
from engine.vault import Keeper, Vault
from tests.engine.reception import receivers_for
from tests.unit.inventories import COMMUNITY

ONE = UUID(int=1)


async def _nobody_else(ports: object, at_us: int) -> PortLoads:
    return {}


def _no_walk(id: UUID) -> WalkSession:
    raise LookupError(f"there is no device {id}")


class Desk:
    """Requests over a store in a folder; what they set in motion is kept."""

    def __init__(self, folder: Path) -> None:
        ids = iter(range(5_000, 6_000))
        store = Store.open(folder / "t.db", now_us=1, new_id=lambda: UUID(int=next(ids)))
        self.store = StoreThread(store)
        self.vault = Vault.open(store, folder)
        self.state = State(store.loaded.inventory, store.loaded.origin)
        self.applied: list[tuple[list[tuple[str, UUID]], set[UUID]]] = []
        self.made = iter(UUID(int=number) for number in range(8_000, 9_000))
        self.stops = 0
        self.acted: list[Outcome] = []
        self.pen = JournalPen(store.loaded.origin, store.loaded.next_seq)
        self.receivers = receivers_for(self.state, self.pen, keep=self.store.set_receivers)
        self.ledger = OwnLedger(self.store, self.pen, lambda: 42)
        self.requests = Requests(
            state=self.state,
            ledger=self.ledger,
            store=self.store,
            vault=self.vault,
            on_applied=self._on_applied,
            act=self._act,
            on_acted=self.acted.append,
            probe_now=lambda id: id == ONE,
            set_retention=self.store.set_retention,
            profiles=Profiles(folder / "snmp-profiles"),
            receivers=self.receivers,
            rooms=rooms(
                (MibRequest, Mibs(folder, _no_walk).answer),
                (NetworkRequest, Inquiries(self.store, self._topology, self.state, _nobody_else).answer),
                (ExchangeRequest, Exchange(lambda: self.state.inventory, lambda: next(self.made)).answer),
            ),
            keeper=Keeper(
                self.vault,
                self.store,
                on_unlocked=lambda: None,
                on_locked=lambda: None,
                note=lambda kind, body: None,
                clock=lambda: 0.0,
                now_us=lambda: 42,
            ),
            stop=self._on_stop,
            now_us=lambda: 42,
            changing=asyncio.Lock(),
        )

    def _on_applied(
        self, before: Inventory, touched: list[tuple[str, UUID]], renewed: set[UUID], written: Written
    ) -> None:
        self.applied.append((touched, renewed))

    def _topology(self) -> Topology:
        network = Network(self.state.inventory)
        network.settle(self.state.inventory)
        return network.topology

    def _act(self, alert: Alert, act: Act) -> Outcome:
        outcome = Outcome()
        Alerts(self.state.alerts, self.pen).act(alert, act, outcome)
        return outcome

    def _on_stop(self) -> None:
        self.stops += 1

    async def submit(self, change: Edit, community: str | None = None) -> list[tuple[str, str]]:
        """Submit an edit and return its refusals as (field, code)."""
        by_id = {COMMUNITY.id: Secret(community)} if community is not None else {}
        reply = await self.requests.answer(SubmitEdit(1, change, by_id))
        return [(r.field, r.code) for r in reply.refusals]

    async def rows(self) -> list[JournalRow]:
        """Return the journal, oldest first."""
        reply = await self.requests.answer(QueryJournal(1))
        return [msgspec.convert(row, JournalRow) for row in reversed(reply.result["rows"])]


Run = Callable[[Callable[[Desk], Coroutine[Any, Any, None]]], Desk]


def runner(folder: Path) -> Run:
    """Return what runs a scenario with a desk in a folder, to its end."""

    def run(scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> Desk:
        async def main() -> Desk:
            desk = Desk(folder)
            await scenario(desk)
            await desk.store.close()
            return desk

        return asyncio.run(main())

    return run
