"""Builds the engine: every long-lived object once, in order, closed in reverse. Counterpart: `__main__.py`, the process.

Theory: storage and its vault first, then what is known from them (state), then who judges, who asks, who listens. Monitor,
judge, requests and endpoint do not know each other: what one has for the others passes through the callbacks here.
One rule: nothing here decides; it carries.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import AsyncExitStack, suppress
from uuid import UUID

from domain.asking import NetworkRequest
from domain.blobs import BlobRequest
from domain.exchanging import ExchangeRequest
from domain.ids import RANDOM_BYTES, uuid7
from domain.maps import MapRequest
from domain.mib import MibRequest
from domain.searching import DiscoveryRequest
from domain.team import TeamState
from domain.terrain import TerrainRequest
from domain.topology import Topology
from domain.wire import PROTOCOL, EngineState, LatestValues, Welcome
from engine import VERSION
from engine.blobs import PICTURES_FOLDER, Blobs
from engine.discovery.desk import DiscoveryDesk
from engine.drivers import Profiles
from engine.drivers.profiles import FOLDER as SNMP_PROFILES
from engine.endpoint import Endpoint
from engine.figures import Figures
from engine.heap import keep_settled, settle
from engine.imports import Exchange
from engine.inquiries import Inquiries
from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.judge.last_words import LastWordsReader
from engine.judge.outcome import Outcome
from engine.judge.rule_history import PastReader
from engine.judge.turns import turn_clocks, turn_evidence, turn_faults
from engine.logins import Logins
from engine.maps.library import MapLibrary
from engine.mibs.library import Mibs
from engine.monitor.live import Live
from engine.monitor.poller import Monitor
from engine.operations import end_interrupted
from engine.profile import Profile
from engine.protocols.snmp import around_id
from engine.protocols.usm import master_key
from engine.receivers import Receivers
from engine.requests import Requests, rooms
from engine.state import Subject, state_from
from engine.storage import Batch, StorageFailed, Store, StoreThread
from engine.switchboard import Switchboard
from engine.sync.membership import read_membership
from engine.tasks import end, keep
from engine.team import TeamPart
from engine.terrain.desk import TerrainDesk
from engine.transport import Transports
from engine.transport.addresses import has_way
from engine.tunnels import TunnelPart
from engine.upkeep import Upkeep
from engine.vault import Keeper, NewPlace, Vault
from engine.vault.orphans import forget_orphans

_log = logging.getLogger("engine")

KEY_IS_FIXED = "in a team the server knows this computer by its key: for another key or place, leave the team and join again"


def now_us() -> int:
    """Return the wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def new_id() -> UUID:
    """Return a fresh id."""
    return uuid7(now_us(), os.urandom(RANDOM_BYTES))


class Engine:
    """A running engine; `state` is what it knows. It sets `stopped` when a client asks it to end; whoever opened it closes it."""

    def __init__(self, profile: Profile, stopped: asyncio.Event) -> None:
        self._stopped = stopped
        self._profile = profile
        self._stack = AsyncExitStack()
        self._started_us = now_us()
        self._is_judged = True

    @classmethod
    async def open(
        cls, profile: Profile, stopped: asyncio.Event, name: str, new_place: NewPlace = "auto"
    ) -> Engine:
        """Build an engine and let clients in; a new network is called `name`, its install key goes to `new_place`.

        Raises StorageRefused, StorageFailed or OSError; what was built by then is closed.
        """
        engine = cls(profile, stopped)
        async with engine._stack:
            await engine._build(name, new_place)
            engine._stack = engine._stack.pop_all()
        return engine

    @property
    def broken(self) -> bool:
        """Whether a bug in the storage has stopped it: nothing was recorded any more."""
        return self._store.broken

    @property
    def tenant(self) -> UUID:
        """Whose network this is."""
        return self._loaded.tenant.id

    @property
    def is_collector(self) -> bool:
        """Whether it polls for a team as one of its collectors."""
        return self._team.is_collector

    async def close(self) -> None:
        """Take leave of the clients, ask no more, write what waits."""
        await self._stack.aclose()

    async def _build(self, name: str, new_place: NewPlace) -> None:
        folder, stack = self._profile.folder, self._stack
        store = Store.open(self._profile.database, now_us=now_us(), new_id=new_id, tenant_name=name)
        self._loop = asyncio.get_running_loop()
        self._store = StoreThread(store, on_bug=self._stop_from_thread)
        self._loaded = store.loaded
        self.state = state_from(self._loaded)
        stack.push_async_callback(self._close_store)
        pen = JournalPen(self._loaded.origin, self._loaded.next_seq)
        self._vault = Vault.open(store, folder, new_place=new_place)
        self._keeper = Keeper(
            self._vault,
            self._store,
            on_unlocked=self._on_unlocked,
            why_fixed=KEY_IS_FIXED if read_membership(store) is not None else "",
            on_locked=self._on_locked,
            note=lambda kind, body: self._board.carry(
                Outcome(journal=[pen.row(now_us(), kind, None, **body)])
            ),
            clock=time.monotonic,
            now_us=now_us,
        )
        self._transports = await Transports.open()
        stack.push_async_callback(self._transports.close)
        profiles = Profiles(folder / SNMP_PROFILES)
        self._logins = Logins(self.state, self._vault, self._transports, profiles, now_us)
        for id, (at_us, values) in store.latest().items():
            if id in self.state.inventory.tables["device"]:
                self.state.values[id] = LatestValues(id, at_us, tuple(values))
        blobs = Blobs(folder / PICTURES_FOLDER, lambda: self.state.inventory)
        self._upkeep = Upkeep(self._store, self.state, now_us, blobs.held_bytes)
        self._team = team = TeamPart(
            self._profile,
            self.state,
            store,
            self._store,
            self._vault,
            self._transports.tcp,
            pen,
            read_membership(store),
            blobs=blobs,
            tell=self._tell_team,
            stop=self._stopped.set,
            new_id=new_id,
            now_us=now_us,
        )
        held = {
            *self.state.inventory.tables["credential"],
            self._loaded.origin,
        }  # that is the session at a server
        forget_orphans(store, self._vault, held, now_us())

        def make_judge(is_looking: bool) -> Judge:
            return Judge(
                self.state,
                pen,
                lambda outcome: board.carry(outcome),  # noqa: PLW0108 made below
                now_us(),
                time.monotonic(),
                ask=lambda device: board.probe_now(device),  # noqa: PLW0108
                has_way=has_way,
                is_looking=is_looking,
            )

        board = Switchboard(self.state, self._store, self._upkeep, make_judge, now_us, team.way)
        self._board = board
        stack.callback(self._note_way)
        team.open(board)
        stack.push_async_callback(team.close)
        board.logins = self._logins
        board.last_words = LastWordsReader(
            self.state,
            self._store.series,
            lambda id, words: board.judge.tell_last_words(id, words),  # noqa: PLW0108 another by then
        )
        self._monitor = board.monitor = Monitor(
            self._loaded.origin,
            make_driver=self._logins.make_driver,
            on_observation=board.observe,
            on_visit_over=board.end_visit,
            clock=time.monotonic,
            now_us=now_us,
        )
        stack.push_async_callback(self._monitor.close)
        board.live = Live(make_stream=self._logins.make_stream, on_rates=board.on_rates)
        stack.push_async_callback(board.live.close)
        self._receivers = board.receivers = Receivers(
            self.state,
            pen,
            carry=board.hear,
            probe_now=board.probe_now,
            users=self._logins.snmp_users,
            keep=self._store.set_receivers,
            clock=time.monotonic,
            now_us=now_us,
            salt=int.from_bytes(os.urandom(8)),
        )
        mibs = Mibs(folder, self._logins.open_walk)
        stack.push_async_callback(mibs.close)
        self._discovery = board.discovery = DiscoveryDesk(
            self.state,
            self._transports,
            profiles,
            pen,
            open_credential=self._logins.open_credential,
            put=self._store.put,
            touch=board.touch,
            new_id=new_id,
            now_us=now_us,
        )
        terrain = TerrainDesk(folder, self._discovery.operations, now_us)
        stack.callback(terrain.close)
        stack.push_async_callback(self._discovery.close)
        self._tunnels = tunnels = TunnelPart(
            self.state, store, self._store, self._transports.tcp, pen, board, team, new_id, now_us
        )
        stack.push_async_callback(tunnels.close)
        self._maps = MapLibrary(folder, self.state, self._discovery.operations, board.touch, now_us)
        team.share_maps(self._maps)
        requests = Requests(
            state=self.state,
            ledger=team.ledger,
            store=self._store,
            vault=self._vault,
            on_applied=board.on_applied,
            act=board.act,
            on_acted=self._on_acted,
            probe_now=board.probe_now,
            set_retention=self._upkeep.set_retention,
            receivers=self._receivers,
            profiles=profiles,
            rooms=rooms(
                (MibRequest, mibs.answer),
                (NetworkRequest, Inquiries(self._store, self._topology, self.state, team.loads_at).answer),
                (DiscoveryRequest, self._discovery.answer),
                (TerrainRequest, terrain.answer),
                (MapRequest, self._maps.answer),
                (ExchangeRequest, Exchange(lambda: self.state.inventory, new_id).answer),
                (BlobRequest, blobs.answer),
                tunnels.room(),
                *team.rooms(),
            ),
            keeper=self._keeper,
            stop=self._stopped.set,
            now_us=now_us,
            changing=team.changing,
            is_local=board.is_local,
        )
        await self._let_in(requests, store, pen)

    async def _let_in(self, requests: Requests, store: Store, pen: JournalPen) -> None:
        """Ask all devices, listen, run what runs for ever, and let clients in."""
        stack, board = self._stack, self._board
        address = self._profile.new_address()
        self._endpoint = board.endpoint = Endpoint(
            address,
            self._profile.endpoint_key(),
            state=self.state,
            welcome=self._welcome,
            answer=requests.answer,
            now_us=now_us,
            on_watched=board.watch,
            on_discovery_watched=self._discovery.watch,
        )
        devices = board.ask_all()
        begun = pen.row(now_us(), "engine_started", None, pid=os.getpid(), version=VERSION)
        board.carry(Outcome(journal=[begun, *end_interrupted(store.unended_operations(), pen, now_us())]))
        await self._receivers.apply(self._loaded.receivers)
        stack.push_async_callback(self._receivers.close)
        services = self._services(board, devices)
        stack.push_async_callback(end, *services)
        settle()
        self._endpoint.open()
        stack.push_async_callback(self._endpoint.close)
        self._profile.announce(address)
        _log.info("endpoint_open", extra={"address": address, "pid": os.getpid()})
        for notice in self._transports.notices:
            _log.warning("notice", extra={"message_for_user": notice})

    def _services(self, board: Switchboard, devices: int) -> list[asyncio.Task[None]]:
        """Start what runs for ever; `devices` is how many there are now."""
        figures = Figures(
            self._monitor,
            lambda: board.judge,
            self._store,
            self._transports,
            self._upkeep,
            self._receivers,
            self._keeper,
            self._notices,
            lambda: self._team.lost_reports,
            self._tell_figures,
            now_us,
        )
        return [
            keep("monitor", self._monitor.run),
            keep("receivers", self._receivers.run),
            keep("judge", lambda: turn_clocks(lambda: board.judge, now_us)),
            keep("faults", lambda: turn_faults(lambda: board.judge, board.fell, now_us)),
            keep("evidence", lambda: turn_evidence(lambda: board.judge, now_us)),
            keep("past", PastReader(self.state, lambda: board.judge, self._store.hourly, now_us).run),
            keep("discovery", self._discovery.run),
            keep("maps", self._maps.watch),
            keep("figures", figures.run),
            keep("keyframes", self._upkeep.keep_keyframes),
            keep("hours", self._upkeep.roll_up),
            keep("pruning", self._upkeep.prune),
            keep("disk", self._upkeep.watch_disk),
            keep("vault", self._keeper.watch),
            keep("heap", lambda: keep_settled(devices)),
            self._tunnels.service(),
            *self._team.services(),
        ]

    def _on_acted(self, outcome: Outcome) -> None:
        self._board.tell(outcome)
        self._team.on_acted()

    def _on_unlocked(self) -> None:
        self._board.on_unlocked()
        self._team.on_unlocked()

    def _on_locked(self) -> None:
        """Drop what was made of secrets: the keys of SNMPv3, questions with a community, log-ins of sweeps, users of traps."""
        master_key.cache_clear()
        around_id.cache_clear()
        self._discovery.lock()
        self._receivers.change_users()

    def _topology(self) -> Topology:
        return self._board.judge.faults.network.topology

    def _stop_from_thread(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: stopped it is
            self._loop.call_soon_threadsafe(self._stopped.set)

    def _note_way(self) -> None:
        """Remember whether what is known at the end is this network's word, or the team's, or only seen from here."""
        self._is_judged = self._board.way == "judging"

    async def _close_store(self) -> None:
        try:
            if not self._store.broken and self._is_judged:
                self._store.put(Batch(health=list(self.state.health.values())))
            await self._store.close()
        except StorageFailed as error:
            _log.error("storage_failed", extra={"reason": error.message})

    def _welcome(self) -> Welcome:
        return Welcome(
            PROTOCOL,
            VERSION,
            self._loaded.tenant,
            self._loaded.origin,
            os.getpid(),
            self._started_us,
            self._notices(),
        )

    def _notices(self) -> tuple[str, ...]:
        trouble = self._store.trouble
        held = (self._transports, self._receivers, self._upkeep, self._discovery, self._maps, self._team)
        told = tuple(notice for room in held for notice in room.notices)
        return (*told, trouble) if trouble else told

    def _tell_team(self, team: TeamState) -> None:
        self.state.team = team
        self._endpoint.touch([Subject("team", None)])

    def _tell_figures(self, state: EngineState) -> None:
        self.state.engine = state
        self._endpoint.touch([Subject("engine", None)])
