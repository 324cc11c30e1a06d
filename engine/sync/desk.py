"""The team of one engine: its line, its ledger, what it tells, and how it all stands.

Counterparts: `domain/team.py`, the window's part; `engine/team.py`, which makes it where the folder is a team's.

Theory: what comes over the line goes to the ledger, to the watch over the lease, or is shown; what is to be said is asked for
when there is room. How it stands is one value, made anew when a part of it is another, and told four times a second at most.
One rule: everything here works without the server, but what is the server's to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from pathlib import Path
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.sync import (
    Alive,
    Entries,
    Kept,
    Lease,
    Live,
    Outcomes,
    Person,
    Present,
    Push,
    ToServer,
    Wanted,
    Welcome,
)
from domain.team import (
    TRAY_CAP,
    DropFromTray,
    LeaseState,
    LeaveTeam,
    LogInAgain,
    QueryTray,
    Reachability,
    SetPresence,
    TeamState,
    TrustServer,
)
from domain.wire import Reply
from engine.storage import StoreThread
from engine.storage.seen_series import SeenSeries
from engine.sync.calls import ServerCalls
from engine.sync.charts import Answer, TeamCharts
from engine.sync.client import TeamClient
from engine.sync.entrance import Entrance, keep_as_own
from engine.sync.leases import LeaseWatch
from engine.sync.ledger import TeamLedger
from engine.sync.line import Line
from engine.sync.login import Login
from engine.sync.membership import MEMBERSHIP, Membership
from engine.sync.polling import TeamPolling
from engine.sync.session import Change, Cursor
from engine.sync.steps import Steps
from engine.sync.tellers import Teller
from engine.sync.wiping import mark_to_wipe

_log = logging.getLogger("engine.sync")

TOLD_EVERY_S = 0.25
LOOK_EVERY_S = 0.5
"""How often it is looked who polls; each fourth time also whether there are numbers to tell."""
TELL_EVERY, KEEP_EVERY = 4, 120
PEOPLE_CAP = 1_000
DeskRequest = LogInAgain | TrustServer | LeaveTeam | QueryTray | DropFromTray | SetPresence


class TeamDesk:
    """Made by `compose.py`; `run` it. `on_lease` hears who polls and judges, `on_state` how it stands, `on_seen` what others saw
    just now, `on_synced` that all is here."""

    def __init__(  # noqa: PLR0917
        self,
        folder: Path,
        membership: Membership,
        ledger: TeamLedger,
        teller: Teller,
        calls: ServerCalls,
        login: Login,
        thread: StoreThread,
        seen: SeenSeries,
        polling: TeamPolling,
        *,
        on_lease: Callable[[LeaseState], object],
        on_state: Callable[[TeamState], None],
        on_seen: Callable[[Live], None],
        on_synced: Callable[[], object],
        local_alerts: Callable[[], tuple[UUID, ...]],
        stop: Callable[[], None],
        destroy_key: Callable[[], None],
        clock: Callable[[], float],
        now_us: Callable[[], int],
        chance: Callable[[], float],
        collectors: Callable[[], int | None],
    ) -> None:
        self.membership = membership
        self.ledger = ledger
        self._folder = folder
        self._teller = teller
        self._calls, self._entrance = calls, Entrance(calls, login)
        self._thread = thread
        self._polling = polling
        self._on_lease, self._on_state = on_lease, on_state
        self._on_seen = on_seen
        self._on_synced = on_synced
        self._local_alerts = local_alerts
        self._stop = stop
        self._destroy_key = destroy_key
        self._clock = clock
        self._now_us = now_us
        self._collectors = collectors
        self._watch = LeaseWatch(clock())
        self._lease: LeaseState = "elsewhere"
        self._reachability: Reachability = "connecting"
        self._why = ""
        self._retry_us = 0
        self._people: tuple[Person, ...] = ()
        self._steps = Steps()
        self._flush: asyncio.TimerHandle | None = None
        self._kept = membership
        self._has_left = False
        self.client = TeamClient(membership.install, login, self._connect, self, polling, chance=chance)
        self.charts = TeamCharts(thread, seen, self.client.say, now_us)

    async def run(self) -> None:
        """Keep the line to the server, for ever."""
        self.tell_state()
        await self.client.run()

    async def watch_lease(self) -> None:
        """Look who polls and judges now, and whether there is something to tell, for ever."""
        for turn in count():
            self._look_at_lease()
            if turn % TELL_EVERY == 0:
                self.client.wake()
            if turn % KEEP_EVERY == 0:
                await self._keep_membership()
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """Keep how far it got."""
        if self._flush is not None:
            self._flush.cancel()
        await self._keep_membership()

    # What compose asks

    @property
    def lease(self) -> LeaseState:
        """Who polls and judges."""
        return self._lease

    def on_edit(self) -> None:
        """An edit is pending, or what became of one is known."""
        self.client.wake()
        self.tell_state()

    def state(self) -> TeamState:
        """Return how it stands."""
        mine, session = self.membership, self.ledger.session
        return TeamState(
            str(mine.server),
            mine.tenant,
            mine.tenant_name,
            mine.account,
            mine.name,
            mine.role,
            mine.permissions,
            mine.is_everywhere,
            self._reachability,
            self._why,
            self._retry_us,
            mine.synced_us,
            pending=session.pending_count,
            pending_things=self.ledger.pending_things(),
            tray=len(session.tray),
            untold=self._teller.untold,
            lease=self._lease,
            holder=self._watch.holder,
            people=self._people,
            install=mine.install,
            collectors=self._collectors(),
            local_alerts=self._local_alerts(),
            pollers=self._polling.pollers,
            hears_pushes=self._polling.hears_pushes,
            is_synced=self._steps.is_synced,
            received=self._steps.received,
            to_come=self._steps.to_come,
            shown_certificate=self._entrance.shown_certificate if self._reachability == "refused" else "",
            trusted_certificate=mine.pin,
            login=mine.login,
            left_out=session.cursor.left_out,
        )

    def tell_state(self) -> None:
        """Tell how it stands, soon."""
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(TOLD_EVERY_S, self._tell_state)

    def _tell_state(self) -> None:
        self._flush = None
        self._on_state(self.state())

    # What windows ask

    async def answer(self, request: DeskRequest) -> Reply:
        """Return the one reply. Raises StorageFailed."""
        match request:
            case SetPresence():
                self.client.present(Present(request.looks_at, request.works_on))
            case DropFromTray():
                await self.ledger.drop(request.edit)
            case QueryTray():
                return Reply(request.request, result=self.ledger.told(TRAY_CAP))
            case LogInAgain():
                reply = await self._entrance.log_in(self.membership, request)
                if not reply.refusals:
                    login = reply.result["login"]
                    self.membership = msgspec.structs.replace(self.membership, login=login)
                    await self._keep_membership()
                    self.client.try_now()
                return reply
            case TrustServer():
                return await self._trust(request)
            case LeaveTeam():
                return await self._leave(request)
        return Reply(request.request)

    async def _trust(self, request: TrustServer) -> Reply:
        pin, refusals = await self._entrance.agree(request)
        self.tell_state()
        if refusals:
            return Reply(request.request, refusals)
        was, self.membership = self.membership.pin, msgspec.structs.replace(self.membership, pin=pin)
        await self._keep_membership()
        self._entrance.trust(pin)
        _log.warning("certificate_trusted", extra={"sha256": request.fingerprint, "pin": pin, "was": was})
        self.client.try_now()
        return Reply(request.request)

    async def _leave(self, request: LeaveTeam) -> Reply:
        pending = self.ledger.session.pending_count
        if pending and not request.lose_pending:
            said = f"{pending} edits were not confirmed: they would be lost"
            return Reply(request.request, (Refusal("PENDING_EDITS", said),))
        mine = self.membership
        await self._entrance.say_goodbye(mine.install)
        self._has_left = True
        if request.keep:
            await self._thread.run(self.ledger.forget_team)
            await keep_as_own(self._folder, mine)
        else:
            await asyncio.to_thread(mark_to_wipe, self._folder, self._destroy_key)
        _log.info("team_left", extra={"tenant": mine.tenant, "is_kept": request.keep})
        asyncio.get_running_loop().call_later(0.2, self._stop)
        return Reply(request.request)

    # What the client asks

    async def _connect(self) -> Line:
        return await Line.opened(await self._calls.connect(), self._calls.server)

    @property
    def cursor(self) -> Cursor:
        """What is here."""
        return self.ledger.session.cursor

    async def on_welcome(self, welcome: Welcome) -> None:
        """Take the server's first words."""
        self.membership = self.membership.welcomed(welcome)
        await self.ledger.welcome(welcome)
        self._teller.open(welcome.kept_seq)
        self._watch.begin(self._clock())
        self._entrance.shown_certificate = ""
        self._steps.begin(welcome, self.cursor.revision)
        self._note_synced(is_news=True)
        await self._keep_membership()

    async def on_entries(self, part: Entries, *, left_out: bool) -> Change | None:
        """Take a part of what the server tells."""
        change = await self.ledger.hear_entries(part, left_out=left_out)
        self._steps.on_entries(part, self.cursor.revision, is_whole=change is not None)
        self._note_synced(is_news=change is not None)
        return change

    async def on_outcomes(self, message: Outcomes) -> None:
        """Take what became of edits."""
        await self.ledger.hear_outcomes(message)

    def on_kept(self, kept: Kept) -> None:
        """The server has what it was told."""
        self._teller.on_kept(kept)
        self.membership = msgspec.structs.replace(
            self.membership, told_seq=self._teller.kept_seq, cycles_us=self._teller.cycles_us
        )
        self.tell_state()

    def untold(self) -> int:
        """Return how many rows of the journal the server has not kept yet."""
        return self._teller.untold

    def on_wanted(self, wanted: Wanted) -> None:
        """The server wants facts."""
        self._teller.want(wanted.devices)

    def on_series(self, series: Answer) -> None:
        """The server answered what was asked for a chart."""
        self.charts.on_series(series)

    def on_lease(self, lease: Lease) -> None:
        """The server says who polls."""
        self._watch.hear(lease, self._clock())
        self._look_at_lease()
        self.tell_state()

    def on_live(self, live: Live) -> None:
        """Who is there, what was heard by those who poll, and the numbers of devices that somebody looks at here."""
        self._on_seen(live)
        if live.people is not None:
            self._people, self._polling.pollers = live.people[:PEOPLE_CAP], live.pollers[:PEOPLE_CAP]
            self.tell_state()

    def on_alive(self, alive: Alive) -> None:
        """The server lives, says what its newest is, and whether it hears what is pushed."""
        self._polling.on_alive(alive)
        was_synced = self.is_synced
        self._steps.on_alive(alive, self.cursor.revision)
        self._note_synced(is_news=not was_synced)

    def on_lost(self, told_to_wait_s: float) -> None:
        """The line is over; the server may have said when to come again."""
        self.ledger.session.close()
        self._steps.end()
        self._watch.lose(self._clock(), told_to_wait_s)
        self._people = ()
        self._teller.close()
        self.charts.on_lost()

    def on_untrusted(self, shown: str) -> None:
        """The server shows another certificate than the one that is trusted; empty: it shows that one."""
        self._entrance.shown_certificate = shown

    def next_push(self) -> Push | None:
        """Return the edits to send now."""
        return self.ledger.session.next_push()

    async def next_tells(self) -> list[ToServer]:
        """Return what else is to be said now."""
        return await self._teller.next(self._watch.fence(self._clock()))

    def on_reachability(self, reachability: Reachability, why: str, retry_s: float) -> None:
        """The line stands, is made, or is cut."""
        if (reachability, why) != (self._reachability, self._why):
            _log.info("team_line", extra={"state": reachability, "reason": why})
        self._reachability, self._why = reachability, why
        self._retry_us = self._now_us() + round(retry_s * 1e6) if retry_s else 0
        self.tell_state()

    def _look_at_lease(self) -> None:
        lease = self._watch.state(self._clock())
        if lease != self._lease:
            _log.info("lease", extra={"state": lease, "was": self._lease, "holder": self._watch.holder})
            self._lease = lease
            self._on_lease(lease)
            self.client.wake()
            self.tell_state()
        self._polling.look(lease == "cut_off")

    @property
    def is_synced(self) -> bool:
        """Whether all that the server has is here."""
        return self._steps.is_synced

    def _note_synced(self, *, is_news: bool) -> None:
        if self._steps.is_in_step:
            self.membership = msgspec.structs.replace(self.membership, synced_us=self._now_us())
            if is_news:
                self._on_synced()
        self.tell_state()

    async def _keep_membership(self) -> None:
        if self.membership != self._kept and not self._has_left:
            mine = self.membership
            await self._teller.note_lost()
            await self._thread.run(self._teller.keep_setting, MEMBERSHIP, mine)
            self._kept = mine
