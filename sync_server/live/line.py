"""One connection: what it says is done in its order, what it is told waits in little room. Counterpart: `engine/sync/client.py`.

Theory: three tasks a line. One reads frames, within a budget, and answers at once what costs nothing; one does what takes the
database, in the order in which it came; one writes what could not leave at once (`outgoing.py`). Where a place is full the
one before it waits, up to the socket that is not read. Entries need credit: two parts are out until the first is `Taken`, so that
who takes the one while the next is made misses no round; who does not take is left behind, costs nobody anything, and reads on
from its cursor when it takes again (`follow`). A side that says nothing for `DEAD_AFTER_S` is hung up.
One rule: whatever ends a line ends it here, and says why if it can.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from uuid import UUID

import msgspec

from domain.past_numbers import AskPorts, AskSeries
from domain.polling import REPORT_CAP_BYTES, SLOTS, AskNow, LetGo, Seen
from domain.sync import (
    DEAD_AFTER_S,
    DEVICES_WATCHED,
    Alive,
    Cycles,
    Digests,
    Hello,
    Lease,
    Loads,
    Person,
    Present,
    Push,
    Subscribe,
    Taken,
    Tell,
    Topic,
    ToServer,
    encode,
)
from domain.tunnels import TakeOver, TellTunnels
from sync_server.database import Work
from sync_server.live import presence
from sync_server.live.budget import Budget
from sync_server.live.doing import Doing
from sync_server.live.follows import Follows
from sync_server.live.frames import HangUp, Peer, decode, first_of
from sync_server.live.newer import PushInPart
from sync_server.live.outgoing import OUT, Outgoing
from sync_server.live.polling import UNFIT, let_go
from sync_server.live.reading import Cursor, Part, begun
from sync_server.live.shelf import View, view_of
from sync_server.live.sifting import seen_devices
from sync_server.live.works import AWAY, Works, hang_up_of
from sync_server.security.principal import Principal

MESSAGES_PER_S = 200
BYTES_PER_S = 8 * 1024 * 1024
REPORTS_PER_S, QUESTIONS_PER_S = 20, 4
"""One a second is usual, more after a pause; reports beyond wait, as does all that comes after, and questions are not carried."""
PARTS_OUT = 2
"""Parts that are sent and not taken yet."""
WAITING = 8
"""Messages that wait for the database; then the line is not read."""
RELAYED = 8
"""What others say waits only behind so much: who judges and who polls what is told whatever waits."""
ELSEWHERE_S = 0.5  # how long it waits who stands elsewhere than it was told from
CLOCK_CAP_US, UNTOLD_CAP = 10**16, 2_000_000_000  # what is said beyond these is no clock and no count


class _Gone(Exception):
    """The other side is not there any more."""


class Line:
    """A connection of somebody who was admitted. `id` is its own; `install` None: it only listens."""

    def __init__(
        self,
        id: UUID,
        peer: Peer,
        works: Works,
        who: Principal,
        *,
        person: Person | None,
        fitness: int,
        run_id: UUID | None,
        may_tell: bool,
        jumps: bool,
        cursor: int,
        told_by: int,
        topics: frozenset[Topic],
        protocol: int,
    ) -> None:
        self.id = id
        self.who = who
        self.person = person
        self.fitness = fitness
        self.run_id = run_id
        """The engine that it is of, from its start to its end."""
        self.beat = 0
        """The last one that it has said."""
        self.holds = False
        """Whether it was told that it polls anything."""
        self.cursor = cursor
        """The revision by which it has all."""
        self.sent = cursor
        """The one by which it will, once it has taken what is out."""
        self.told_by = told_by
        """The newest revision that it has heard of: what it is told reaches as far."""
        self.topics, self.protocol = topics, protocol
        self.devices: frozenset[UUID] = frozenset()
        """Whose numbers it wants."""
        self.heard_s = time.monotonic()
        self.room: Follows | None = None
        self.ahead_us: int | None = None
        """How far its clock is ahead of ours, by what it said last; and how many rows it has not told."""
        self.untold: int | None = None
        self.sees_nothing = False
        self.fence = 0
        """The one that it was told last."""
        self.ended = asyncio.Event()
        self.is_told = False
        """Whether it was told who judges."""
        self._peer = peer
        self._works = works
        self._out = Outgoing(peer)
        self._work: asyncio.Queue[ToServer | PushInPart] = asyncio.Queue(WAITING)
        self._doing = Doing(works, who, self.install, self._out, may_tell=may_tell, jumps=jumps)
        self._outstanding: deque[Part] = deque(maxlen=PARTS_OUT)
        self._taken = asyncio.Event()
        self._behind = asyncio.Event()
        self._is_elsewhere = self._is_anew = False
        self._ending: asyncio.Future[HangUp] = asyncio.get_running_loop().create_future()

    # What the room asks and does

    @property
    def install(self) -> UUID | None:
        """Whose journal it tells."""
        return None if self.person is None else self.person.install

    @property
    def wants_entries(self) -> bool:
        """Whether it is told what was touched."""
        return self.person is not None or bool(self.topics & {"device_status", "alert_fired"})

    @property
    def view(self) -> View:
        """What decides what it is told: who listens to one of the two alone hears of nothing else."""
        seen, is_alerts = view_of(self.who), "alert_fired" in self.topics
        if self.person is not None or is_alerts == ("device_status" in self.topics):
            return seen
        return seen._replace(only="alert_fired" if is_alerts else "device_status")

    @property
    def is_ready(self) -> bool:
        """Whether the room may send it a part: it has credit, and is not catching up by itself."""
        return (
            self.wants_entries
            and len(self._outstanding) < PARTS_OUT
            and not self._behind.is_set()
            and self._out.waiting < OUT
        )

    def deliver(self, part: Part) -> None:
        """Send a part that others get too; only to a line that is ready."""
        self._outstanding.append(part)
        self.sent = part.revision
        self._out.put_now(part.data)

    def fall_behind(self) -> None:
        """Have it read by itself from its cursor on."""
        self._behind.set()

    def tell(self, data: bytes, within: int = OUT // 2) -> bool:
        """Send what nobody keeps, if no more than so much waits already."""
        if self._out.waiting >= within:
            return False
        self._out.put_now(data)
        return True

    def tell_lease(self, lease: Lease) -> None:
        """Tell who judges; one for whom there is no room hears it the next time."""
        if self.tell(encode(lease), OUT):
            self.fence, self.is_told = lease.fence, True

    def hang_up(self, why: HangUp) -> None:
        """End it; it is told why."""
        if not self._ending.done():
            self._ending.set_result(why)

    # Its own life

    async def run(self, first: bytes) -> bool:
        """Serve it until it ends; `first` is sent first. Return whether the other side left in peace."""
        self._out.put_now(first)
        in_peace, why = False, None
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._out.run(), self._do(), self._follow(), self._await_end()):
                    group.create_task(work)
                in_peace = await self._read()
                raise _Gone
        except* _Gone:
            pass
        except* HangUp as ended:
            why = first_of(ended)
        except* AWAY as ended:
            why = why or hang_up_of(ended)
        finally:
            await self._doing.end()
        if why is not None:
            await self._peer.refuse(why)
        return in_peace and why is None

    async def _await_end(self) -> None:
        raise await self._ending

    async def _read(self) -> bool:
        """Take what it says; return, once it is gone, whether it left in peace."""
        messages, data_bytes = Budget(MESSAGES_PER_S), Budget(BYTES_PER_S)
        reports, questions = Budget(REPORTS_PER_S), Budget(QUESTIONS_PER_S)
        while True:
            try:
                async with asyncio.timeout(DEAD_AFTER_S):
                    data = await self._peer.receive()
            except TimeoutError:
                self._peer.abort()
                return False
            if data is None:
                return self._peer.left_in_peace
            self.heard_s = now_s = time.monotonic()
            message = decode(data)
            report_s = reports.spend(1, now_s) if isinstance(message, Seen) else 0.0
            wait_s = max(messages.spend(1, now_s), data_bytes.spend(len(data), now_s), report_s)
            match message:
                case Alive(at_us, untold, beat, sees_nothing=sees_nothing):
                    self.sees_nothing = sees_nothing
                    self.ahead_us = max(-CLOCK_CAP_US, min(CLOCK_CAP_US, at_us - self._works.now_us()))
                    self.untold = max(0, min(UNTOLD_CAP, untold))
                    self._on_beat(beat)
                case AskNow() if not questions.affords(1, now_s):
                    self._works.dropped["question"] += 1
                case Seen(report):
                    self._on_seen(report)
                case Loads() if self.room is not None:
                    self.room.on_loads(self, message)
                case Taken(revision):
                    self._on_taken(revision)
                case Cycles():
                    await self._doing.keep_cycles(message)
                case AskSeries() | AskPorts():
                    await self._doing.read_series(message)
                case Hello():
                    raise HangUp("BAD_MESSAGE", "Hello comes once")
                case _:
                    await self._work.put(message)
            if wait_s:
                await asyncio.sleep(wait_s)

    async def _do(self) -> None:
        while True:
            match await self._work.get():
                case Push(edits) | PushInPart(edits):
                    await self._out.put(encode(await self._doing.push(edits)))
                case Digests(facts):
                    await self._out.put(encode(await self._doing.compare(facts)))
                case Tell() as tell:
                    await self._doing.tell(tell)
                case AskNow(devices):
                    await self._ask(devices)
                case Subscribe(topics, devices):
                    await self._subscribe(topics, devices)
                case Present(looks_at, works_on):
                    await self._move(looks_at, works_on)
                case LetGo(slots):
                    await self._let_go(slots)
                case TellTunnels() | TakeOver() as said if self.room is not None:
                    await self.room.on_tunnels(self, said)
                case other:
                    raise AssertionError(f"{type(other).__name__} takes no database")

    async def _follow(self) -> None:
        """Read on by itself whenever the room has gone on without it."""
        while True:
            await self._behind.wait()
            await self._credit()
            cursor: Cursor | None = self._begun()
            while self.room is not None and cursor is not None:
                page = await self.room.page(self, cursor)
                if await self._give_all(page.parts) and not self._is_anew:
                    cursor = page.rest
                else:
                    await asyncio.sleep(ELSEWHERE_S)
                    cursor = self._begun()
            self.sent = self.cursor
            self._behind.clear()
            if self.room is not None:
                self.room.on_ready(self)

    def _begun(self) -> Cursor:
        self.cursor, self._is_anew = 0 if self._is_anew else self.cursor, False
        return begun(self.cursor)

    async def _give_all(self, parts: Sequence[Part]) -> bool:
        """Send parts, each once the one before is taken; return whether they were what it could take."""
        self._is_elsewhere = False
        for part in parts:
            await self._credit()
            self._outstanding.append(part)
            await self._out.put(part.data)
            await self._credit()
            if self._is_elsewhere:
                return False
        return True

    async def _credit(self) -> None:
        while self._outstanding:
            self._taken.clear()
            await self._taken.wait()

    # What it says

    def _on_taken(self, revision: int) -> None:
        if not self._outstanding:
            return  # a word about what is not out: said twice, or made up
        part = self._outstanding.popleft()
        self._taken.set()
        if revision == part.revision:
            if part.is_complete:
                self.cursor = max(self.cursor, revision)
        elif 0 <= revision < part.revision:  # it stands there, and could not take what follows on another
            self.cursor, self._is_elsewhere = revision, True
            self.told_by = part.revision
            self._behind.set()
        if not self._behind.is_set() and self.room is not None:
            self.room.on_ready(self)

    def _on_beat(self, beat: int) -> None:
        is_first = not self.beat and beat > 0
        self.beat = max(self.beat, beat)
        if is_first and self.room is not None:
            self.room.on_beat()

    def _on_seen(self, report: bytes) -> None:
        if len(report) > REPORT_CAP_BYTES:
            raise HangUp("BAD_MESSAGE", f"a report of {len(report)} bytes, at most {REPORT_CAP_BYTES}")
        if self.room is not None and self.run_id is not None:
            self.room.on_seen(self, report)

    async def _ask(self, devices: Sequence[tuple[UUID, UUID | None]]) -> None:
        if len(devices) > DEVICES_WATCHED:
            raise HangUp("BAD_MESSAGE", f"at most {DEVICES_WATCHED} devices expected, got {len(devices)}")
        if self.room is not None and self.fitness > UNFIT:
            async with self._works.database.transaction(self.who) as transaction:
                seen = set(await seen_devices(transaction, [id for id, _ in devices]))
            self.room.on_ask([one for one in devices if one[0] in seen])

    async def _let_go(self, slots: tuple[tuple[int, int], ...] | None) -> None:
        is_sane = all(0 <= one < SLOTS and 0 < fence < 2**62 for one, fence in slots or ())
        if self.run_id is None or not is_sane or len(slots or ()) > SLOTS:
            raise HangUp("BAD_MESSAGE", f"a run that lets go of some of {SLOTS} slots expected")
        async with self._works.database.transaction(Work(self._tenant())) as transaction:
            await let_go(transaction, self.run_id, slots)
        if self.room is not None:
            self.room.on_beat()

    async def _move(self, looks_at: UUID | None, works_on: UUID | None) -> None:
        if self.person is not None and (self.person.looks_at, self.person.works_on) != (looks_at, works_on):
            self.person = msgspec.structs.replace(self.person, looks_at=looks_at, works_on=works_on)
            await presence.move(self._works.database, self._tenant(), self.id, self.person)

    async def _subscribe(self, topics: tuple[Topic, ...], devices: tuple[UUID, ...]) -> None:
        if len(devices) > DEVICES_WATCHED:
            raise HangUp("BAD_MESSAGE", f"at most {DEVICES_WATCHED} devices expected, got {len(devices)}")
        if self.person is None and (frozenset(topics) - self.topics) & {"device_status", "alert_fired"}:
            self._is_anew = True  # from the beginning
            self._behind.set()
        self.topics = frozenset(topics)
        await self.look_again(frozenset(devices))
        if self.room is not None:
            self.room.on_moved(self)
            self.room.on_ready(self)

    async def look_again(self, devices: frozenset[UUID]) -> None:
        """Watch those of some devices that its person sees."""
        if devices and self.who.may("metrics:read"):
            async with self._works.database.transaction(self.who) as transaction:
                self.devices = frozenset(await seen_devices(transaction, devices))
        else:
            self.devices = frozenset()

    def _tenant(self) -> UUID:
        assert self.who.tenant is not None, "a line is in a tenant"
        return self.who.tenant
