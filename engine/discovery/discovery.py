"""Discovery as the rest of the engine sees it: begin a sweep or a walk, listen on the LAN, the queue. Counterpart: `requests.py`.

One rule: the credentials that an operation needs are opened before it begins; one that cannot be had is a refusal, not a find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID
from weakref import WeakSet

from domain.device_facts import Neighbour
from domain.discovering import Asking, SweepSettings, WalkSettings, sweep_refusals, walk_refusals
from domain.errors import BadCredentials, Refusal
from domain.fact import Fact
from domain.finding import Find, KnownDevice, Match, known_device
from domain.operation import Operation
from domain.receiving import plain_address
from domain.text import clean_text
from engine.discovery.lan import LanWatch, OpenListener
from engine.discovery.prober import LoginTries, Met, Opened, Prober, read_neighbours
from engine.discovery.queue import Changed, ReviewQueue
from engine.discovery.sweep import Sweep
from engine.discovery.walk import Walk
from engine.drivers import Profiles
from engine.operations import Control, Operations, TooManyOperations, Work
from engine.state import State
from engine.transport import Transports
from engine.transport.mndp import MndpListener

REFRESH_EVERY_S = 1.0
COMPARED_AT_ONCE, REST_S = 50, 0.02
"""Devices or finds that are compared in one go, in some 20 ms, and the rest where there are more."""
TITLE_CAP = 120
LOCKED_WORDS = "the vault was locked meanwhile, and the rest asked without log-ins"

Begun = Operation | list[Refusal]
"""What came of the wish to begin an operation."""


class Discovery:
    """Everything that discovery does. `open_credential` gives a credential with its secret, or raises BadCredentials."""

    def __init__(
        self,
        state: State,
        transports: Transports,
        profiles: Profiles,
        operations: Operations,
        *,
        open_credential: Callable[[UUID], Opened],
        changed: Changed,
        now_us: Callable[[], int],
        open_listener: OpenListener = MndpListener,
    ) -> None:
        self._state = state
        self._transports = transports
        self._profiles = profiles
        self._operations = operations
        self._open_credential = open_credential
        self._now_us = now_us
        self._tries = LoginTries()
        self._probers: WeakSet[Prober] = WeakSet()
        self.queue = ReviewQueue(known_of=self._known_of, changed=changed, now_us=now_us)
        self.lan = LanWatch(self._take, now_us=now_us, open_listener=open_listener)

    def load(self, finds: Iterable[Find], ignored: Iterable[str]) -> None:
        """Begin with the finds that were kept."""
        self.queue.load(finds, [device.id for device in self._state.inventory.devices()], ignored)

    async def run(self) -> None:
        """Compare finds anew, as the inventory and what devices tell change."""
        while True:
            self.queue.refresh(COMPARED_AT_ONCE)
            await asyncio.sleep(REST_S if self.queue.is_behind else REFRESH_EVERY_S)

    async def close(self) -> None:
        """Listen no more. Its operations end with `Operations.close`."""
        await self.lan.stop()

    async def watch(self, is_watched: bool) -> None:
        """Listen on the LAN while somebody looks at discovery."""
        if is_watched:
            self.lan.start()
        else:
            await self.lan.stop()

    def start_sweep(self, settings: SweepSettings) -> Begun:
        """Begin a sweep."""
        wrong = list(sweep_refusals(self._state.inventory, settings))
        prober = self._prober(settings.asking, wrong)
        if wrong:
            return wrong
        sweep = Sweep(settings, prober, self._take)
        return self._start("sweep", f"Sweep of {settings.ranges}", sweep, prober, sweep.total)

    def start_walk(self, settings: WalkSettings) -> Begun:
        """Begin a walk."""
        wrong = list(walk_refusals(self._state.inventory, settings))
        prober = self._prober(settings.asking, wrong)
        if wrong:
            return wrong
        by_address = {plain_address(device.address): device.id for device in self._state.inventory.devices()}
        walk = Walk(
            settings,
            prober,
            self._take,
            neighbours_of=self._neighbours_of,
            device_at=by_address.get,
            now_us=self._now_us,
        )
        seeds = [device.name for id in settings.devices if (device := self._state.inventory.device(id))]
        return self._start("walk", f"Neighbours of {', '.join([*seeds, *settings.addresses])}", walk, prober)

    def change_devices(self, devices: Iterable[UUID]) -> None:
        """Follow the inventory, and whether devices answer, where these changed, came or went."""
        self.queue.change_devices(devices)

    def learn(self, facts: Iterable[Fact]) -> None:
        """Follow what devices tell of themselves."""
        self.queue.learn(facts)

    def lock(self) -> None:
        """Give up the opened log-ins of what runs: the vault was locked."""
        for prober in self._probers:
            prober.give_up_logins()

    def _start(self, kind: str, title: str, work: Work, prober: Prober, total: int = 0) -> Begun:
        had_logins = prober.has_logins
        self._probers.add(prober)

        async def tell_of_lock(control: Control) -> str:
            words = await work(control)
            return words if prober.has_logins == had_logins else f"{words}; {LOCKED_WORDS}"

        try:
            return self._operations.start(kind, clean_text(title, TITLE_CAP), tell_of_lock, total)
        except TooManyOperations as error:
            return [Refusal("TRY_LATER", str(error))]

    def _prober(self, asking: Asking, wrong: list[Refusal]) -> Prober:
        logins: list[Opened] = []
        for id in asking.credentials if not wrong else ():
            try:
                logins.append(self._open_credential(id))
            except BadCredentials as error:
                wrong.append(Refusal("CREDENTIAL_NOT_HERE", str(error), "credentials", id))
        return Prober(self._transports, self._profiles, logins, asking, self._tries, now_us=self._now_us)

    def _take(self, met: Met) -> Match | None:
        return self.queue.take(met.find)

    def _known_of(self, id: UUID) -> KnownDevice | None:
        device = self._state.inventory.device(id)
        if device is None:
            return None
        health = self._state.health.get(id)
        is_answering = health is not None and health.status in ("up", "degraded")
        return known_device(device, self._state.facts.get(id, {}), is_answering)

    def _neighbours_of(self, id: UUID) -> tuple[Neighbour, ...]:
        told = self._state.facts.get(id, {}).values()
        return read_neighbours(fact.value for fact in told if fact.field.startswith("neighbour/"))
