"""Builds what an engine has of a team: the way into one, and where its folder is one's, the line to the server.

Counterpart: `compose.py`, which has the rest. One rule: as there: nothing here decides, it puts together.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec

from domain.inventory import Inventory
from domain.sharing import SharingRequest
from domain.sync import Entries
from domain.team import JoinTeam, LeaseState, LookAtServer, TeamState
from domain.team_map import FetchMap
from domain.wire import QuerySeries
from engine.blobs import Blobs
from engine.journal import JournalPen
from engine.judge.from_here import FromHere
from engine.judge.outcome import Outcome
from engine.ledger import Ledger, OwnLedger, Written
from engine.maps.library import MapLibrary
from engine.maps.team_files import TeamMapFiles
from engine.profile import Profile
from engine.requests import Answer
from engine.state import State
from engine.storage import Batch, StorageFailed, Store, StoreThread
from engine.storage.loads import PortLoads
from engine.storage.seen_series import SeenSeries
from engine.storage.team import TeamStore
from engine.storage.team_secrets import SharedSecrets
from engine.switchboard import Switchboard, Way
from engine.sync.audiences import Audiences
from engine.sync.calls import ServerCalls
from engine.sync.content_calls import ContentCalls
from engine.sync.contents import ContentSharing, Ware, may_share
from engine.sync.contents import Store as ContentStore
from engine.sync.desk import DeskRequest, TeamDesk
from engine.sync.joining import Joining
from engine.sync.ledger import TeamLedger
from engine.sync.login import Login
from engine.sync.maps import MAPS, MAPS_PATH, MapSharing, maps_in
from engine.sync.membership import Membership
from engine.sync.pictures import PICTURES, PICTURES_PATH, shown_in
from engine.sync.polling import TeamPolling
from engine.sync.secret_calls import SecretCalls
from engine.sync.secrets import SecretSharing
from engine.sync.session import Session
from engine.sync.tellers import Teller
from engine.tasks import keep, spawn
from engine.transport.tcp import TcpTransport
from engine.vault import Vault

_log = logging.getLogger("engine.sync")
_WAYS: dict[LeaseState, Way] = {"here": "judging", "cut_off": "local", "elsewhere": "looking"}


class TeamPart:
    """What an engine has of a team. `membership` None: it has none, and can join one. Lays this computer's own edits over what is
    confirmed before anybody looks at it."""

    def __init__(  # noqa: PLR0917
        self,
        profile: Profile,
        state: State,
        store: Store,
        thread: StoreThread,
        vault: Vault,
        tcp: TcpTransport,
        pen: JournalPen,
        membership: Membership | None,
        *,
        blobs: Blobs,
        tell: Callable[[TeamState], None],
        stop: Callable[[], None],
        new_id: Callable[[], Any],
        now_us: Callable[[], int],
    ) -> None:
        self.changing = asyncio.Lock()
        self.ledger: Ledger = OwnLedger(thread, pen, now_us)
        self.desk: TeamDesk | None = None
        self.sharing: SecretSharing | None = None
        self.pictures: ContentSharing | None = None
        self.maps: MapSharing | None = None
        self._blobs = blobs
        self.audiences: Audiences | None = None
        self._state, self._store, self._thread, self._vault = state, store, thread, vault
        self._tcp, self._pen, self._profile = tcp, pen, profile
        self._membership = membership
        self._tell, self._stop, self._now_us = tell, stop, now_us
        self._kept = TeamStore(store)
        self._session: Session | None = None
        self._polling: TeamPolling
        self.calls: ServerCalls
        self.login: Login
        """How the server is reached, where there is one."""
        if membership is not None:
            self._kept.make()
            held = self._kept.read()
            self._session = Session(Inventory(state.inventory.tables), held.cursor, held.edits, held.tray)
            state.inventory = seen = Inventory(self._session.visible.tables)
            store.follow({("device", id): one for id, one in seen.tables["device"].items()})
        self._joining = Joining(
            profile.folder,
            tcp,
            lambda: state.inventory,
            new_place="auto" if vault.record.place == "keyring" else "file",
            new_id=new_id,
            now_us=now_us,
        )

    @property
    def way(self) -> Way:
        """How it is judged at the start."""
        return "judging" if self._membership is None else "looking"

    @property
    def is_collector(self) -> bool:
        """Whether this install is a collector of a team."""
        return self._membership is not None and self._membership.kind == "collector"

    @property
    def notices(self) -> tuple[str, ...]:
        """What people are to know of it."""
        shared = () if self.pictures is None else self.pictures.notices
        if self.maps is not None:
            shared += self.maps.notices
        return () if self.pictures is None else (*shared, *self._lost_notices())

    def _lost_notices(self) -> Iterator[str]:
        lost = self._thread.lost_polls
        if not lost.is_news(self._now_us()):
            return
        if lost.dropped:
            yield (
                f"{lost.dropped:,} polls were dropped here before the team's server was heard: what waited for it had no more "
                "room. The team's graphs have a gap there."
            )
        if lost.refused:
            yield (
                f"{lost.refused:,} polls of this computer were not taken by the team's server: they are older or "
                "more than what it keeps. The team's graphs have a gap there."
            )

    async def loads_at(self, ports: Collection[tuple[UUID, str]], at_us: int) -> PortLoads:
        """Return what others of the team measured that ports carried at a moment; nothing without a team."""
        return {} if self.desk is None else await self.desk.charts.loads_at(ports, at_us)

    def why_no_tunnels(self) -> str:
        """Return why whoever works here may open no tunnels; empty where he may."""
        if self.desk is None or "tunnels:write" in self.desk.membership.permissions:
            return ""
        return "what you may do in this team does not include tunnels"

    def rooms(self) -> list[tuple[Any, Answer]]:
        """Return who answers what."""
        found: list[tuple[Any, Answer]] = [(LookAtServer | JoinTeam, self._joining.answer)]
        if self.desk is not None and self.audiences is not None:
            found += [(DeskRequest, self.desk.answer), (SharingRequest, self.audiences.answer)]
            found.append((QuerySeries, self.desk.charts.answer))
        if self.maps is not None:
            found.append((FetchMap, self.maps.answer))
        return found

    def open(self, board: Switchboard) -> None:
        """Make what keeps step with the server."""
        if self._membership is None or self._session is None:
            return
        mine, state, kept, session = self._membership, self._state, self._kept, self._session

        def on_news(parts: tuple[Entries, ...]) -> None:
            board.on_news(parts)
            if any(part.credentials for part in parts):
                sharing.wake()
            if any(part.diagrams or part.photos for part in parts):
                pictures.wake()
            if self.maps is not None and any(part.team_maps or part.gone for part in parts):
                self.maps.wake()

        def on_edit() -> None:
            desk.on_edit()
            sharing.wake()

        def on_state(told: TeamState) -> None:
            if told.reachability == "online" and (state.team is None or state.team.reachability != "online"):
                sharing.wake()
                pictures.wake(anew=True)
                if self.maps is not None:
                    self.maps.wake(anew=True)
            if told.reachability == "online" and told.lease == "elsewhere" and not told.holder:
                board.forget_loads()
            maps = () if self.maps is None else self.maps.ways
            self._tell(msgspec.structs.replace(told, pictures=pictures.ways, maps=maps))

        self.ledger = ledger = TeamLedger(
            session,
            state,
            self._thread,
            kept,
            changing=self.changing,
            may=lambda: desk.membership.permissions,
            publish=board.on_applied,
            on_news=on_news,
            on_edit=on_edit,
            on_logins=lambda ids: audiences.suggest(ids),  # noqa: PLW0108 it is made below
            now_us=self._now_us,
        )
        board.from_here = from_here = FromHere(state, self._pen, lambda: desk.tell_state())  # noqa: PLW0108 made below
        teller = Teller(state, self._thread, self._store, kept, mine, self._pen, now_us=self._now_us)
        self.calls = calls = ServerCalls(self._tcp, mine.server, mine.pin)
        self.login = login = Login(calls, self._vault, self._thread, kept, mine.install, time.monotonic)
        polling = TeamPolling(
            mine.install,
            self.is_collector,
            board,
            lambda id: state.inventory.device(id),  # noqa: PLW0108 another by then
            time.monotonic,
            self._now_us,
        )
        self._polling = polling
        self.desk = desk = TeamDesk(
            self._profile.folder,
            mine,
            ledger,
            teller,
            calls,
            login,
            self._thread,
            SeenSeries(self._store),
            polling,
            on_lease=lambda lease: spawn("lease", self._judge_as(board, kept, teller)),
            on_state=on_state,
            on_seen=board.on_live,
            on_synced=lambda: spawn("absorbing", self._absorb(board)),
            local_alerts=lambda: from_here.marked,
            stop=self._stop,
            destroy_key=self._vault.destroy_key,
            clock=time.monotonic,
            now_us=self._now_us,
            chance=random.random,
            collectors=lambda: audiences.collectors,
        )
        secret_calls = SecretCalls(calls, login, mine.install)

        def is_confirmed(id: UUID) -> bool:
            return id in session.confirmed.tables["credential"] and not session.is_pending("credential", id)

        self.audiences = audiences = Audiences(
            secret_calls,
            self._vault,
            self._thread,
            self._store,
            is_online=lambda: desk.state().reachability == "online",
            may=lambda: desk.membership.permissions,
            is_confirmed=is_confirmed,
            is_here=lambda id: id in state.inventory.tables["credential"],
            on_told=lambda: sharing.wake(),  # noqa: PLW0108 it is made below
        )
        self.sharing = sharing = SecretSharing(
            secret_calls,
            self._vault,
            self._thread,
            SharedSecrets(self._store),
            audiences,
            self.changing,
            is_online=lambda: desk.state().reachability == "online",
            may=lambda: desk.membership.permissions,
            is_confirmed=is_confirmed,
            is_here=lambda id: id in state.inventory.tables["credential"],
            on_renewed=lambda ids: board.on_applied(state.inventory, [], ids, Written(self._now_us())),
            note=lambda id, what: self._note_secret(board, id, what),
            now_us=self._now_us,
            chance=random.random,
        )

        self.pictures = pictures = self._shared(PICTURES, PICTURES_PATH, self._blobs, shown_in)

        def on_judged(outcome: Outcome) -> None:
            teller.note(outcome)
            if outcome.journal or outcome.turned or outcome.facts:
                desk.client.wake()

        board.note = on_judged
        board.on_watched = desk.client.watch
        state.team = desk.state()

    def share_maps(self, library: MapLibrary) -> None:
        """Share the team's maps, whose files a library has, where there is a team."""
        session, files = self._session, TeamMapFiles(library)
        desk = self.desk
        if session is None or desk is None or self.is_collector:
            files.keep_only(())  # what came of maps of a team that was left
            return
        sharing = self._shared(MAPS, MAPS_PATH, files, maps_in)
        self.maps = maps = MapSharing(
            sharing,
            files,
            confirmed=lambda: {one.id: one for one in session.confirmed.team_maps()},
            tell=desk.tell_state,
        )
        library.on_turned = maps.wake

    def _shared(
        self, ware: Ware, path: str, store: ContentStore, shown: Callable[[Inventory], Mapping[str, str]]
    ) -> ContentSharing:
        """Return what shares one kind of content, of which `shown` says where it is in the inventory."""
        desk, session = self.desk, self._session
        assert desk is not None and session is not None
        return ContentSharing(
            ContentCalls(self.calls, self.login, path),
            store,
            ware,
            shown=lambda: shown(session.confirmed),
            is_online=lambda: desk.state().reachability == "online",
            may=lambda: may_share(
                ware, desk.membership.permissions, is_everywhere=desk.membership.is_everywhere
            ),
            fetches=not self.is_collector,
            on_way=desk.tell_state,
            chance=random.random,
        )

    def services(self) -> list[asyncio.Task[None]]:
        """Return what runs for ever."""
        if self.desk is None:
            return []
        shares = [] if self.sharing is None else [keep("secrets", self.sharing.run)]
        shares += [] if self.pictures is None else [keep("pictures", self.pictures.run)]
        shares += [] if self.maps is None else [keep("team maps", self.maps.run)]
        return [
            keep("team", self.desk.run),
            keep("lease", self.desk.watch_lease),
            keep("reports", self._polling.hearing.run),
            *shares,
        ]

    async def close(self) -> None:
        """Keep how far it got."""
        if self.desk is not None:
            try:
                await self.desk.close()
            except StorageFailed as error:
                _log.error("storage_failed", extra={"reason": error.message})

    @property
    def lost_reports(self) -> int:
        """Reports of others that found no room before the judge here."""
        return 0 if self._membership is None else self._polling.hearing.lost

    def on_acted(self) -> None:
        """A person did something that the team is to hear of."""
        if self.desk is not None:
            self.desk.client.wake()

    def on_unlocked(self) -> None:
        """Secrets can be opened again, the session's too."""
        if self.desk is not None and self.desk.state().reachability == "refused":
            self.desk.client.try_now()
        if self.sharing is not None:
            self.sharing.wake()

    def _note_secret(self, board: Switchboard, id: UUID, what: str) -> None:
        name = credential.name if (credential := self._state.inventory.credential(id)) is not None else ""
        row = self._pen.row(self._now_us(), "secret_changed", id, what=what, name=name)
        board.carry(Outcome(journal=[row]))

    async def _judge_as(self, board: Switchboard, kept: TeamStore, teller: Teller) -> None:
        """Judge as the lease says by now."""
        assert self.desk is not None
        heard, known = board.heard, await self._thread.run(kept.states)
        while heard != board.heard:  # what came while it was read is in the state, and would be taken back
            heard, known = board.heard, await self._thread.run(kept.states)
        way = _WAYS[self.desk.lease]
        if way != board.way:
            board.recall(known)
            if way == "judging":
                teller.begin_judging()
            board.judge_as(way)
        await self._absorb(board)

    async def _absorb(self, board: Switchboard) -> None:
        """Hold what was seen from here against the team's word, once that is here."""
        from_here = board.from_here
        if from_here is None or self.desk is None or not self.desk.is_synced:
            return
        async with self.changing:
            outcome = from_here.absorb(board.act, self._now_us())
            if outcome:  # put, not awaited: a full disk is tried again, and what was absorbed is absorbed
                self._thread.put(Batch(journal=outcome.journal, alerts=outcome.alerts))
                board.tell(outcome)
                self.on_acted()
