"""What an install asks that takes the database: edits merged, what it saw kept, facts compared. Counterpart: `line.py` asks it.

Theory: edits are merged one push after the other, as they follow one another. What is told is taken in its order, and so are
cycles, but their disk is waited for aside: an install that tells much has several commits under way, and each is answered by its
number.
One rule: who only listens tells nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit
from domain.errors import RefusedByRule
from domain.past_numbers import PORTS_CAP, AskPorts, AskSeries, PortsThen, Series
from domain.sync import EDITS_PER_PUSH, ROWS_PER_TELL, Cycles, Kept, Outcomes, Tell, Wanted, encode
from engine.storage.series import Points
from engine.tasks import end, spawn
from sync_server import charts
from sync_server.database import Transaction
from sync_server.ingest import IngestFull
from sync_server.live import intake
from sync_server.live.frames import HangUp
from sync_server.live.intake import IntakeFull
from sync_server.live.newer import not_understood
from sync_server.live.outgoing import Outgoing
from sync_server.live.pushing import merge_all
from sync_server.live.sifting import cycles_of, seen_devices, sift, wanted
from sync_server.live.works import AGAIN_S, AWAY, Works
from sync_server.past_loads import ports_then
from sync_server.security.principal import Principal

CYCLES_AT_ONCE, TELLS_AT_ONCE, SERIES_AT_ONCE = 8, 16, 4
DIGESTS_CAP = 50_000


class Doing:
    """What one line has under way. `out` takes the answers; `install` None: it only listens.

    `may_tell`: what it saw counts; `jumps`: its journal may begin anywhere, as it was told that all is to come anew.
    """

    def __init__(
        self,
        works: Works,
        who: Principal,
        install: UUID | None,
        out: Outgoing,
        *,
        may_tell: bool,
        jumps: bool,
    ) -> None:
        assert who.tenant is not None, "a line is in a tenant"
        self._works = works
        self._who = who
        self._tenant = who.tenant
        self._own = install
        self._out = out
        self._may_tell = may_tell
        self._jumps = jumps
        self._cycles = asyncio.Semaphore(CYCLES_AT_ONCE)
        self._tells = asyncio.Semaphore(TELLS_AT_ONCE)
        self._series = asyncio.Semaphore(SERIES_AT_ONCE)
        self._asides: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Wait for nothing more; what is on its way to the disk arrives there all the same."""
        await end(*self._asides)

    async def compare(self, facts: dict[UUID, bytes]) -> Wanted:
        """Return of which devices this install is to tell the facts. Raises HangUp, and as `Database.transaction` does."""
        if len(facts) > DIGESTS_CAP:
            raise HangUp("BAD_MESSAGE", f"at most {DIGESTS_CAP} digests expected, got {len(facts)}")
        return Wanted(await wanted(self._works.database, self._who, self._install(), facts))

    async def push(self, pushed: tuple[Edit | UUID, ...]) -> Outcomes:
        """Merge edits; of those that are not understood there is the id. Raises HangUp, and as `Database.transaction` does."""
        if not 1 <= len(pushed) <= EDITS_PER_PUSH:
            raise HangUp("BAD_MESSAGE", f"1 to {EDITS_PER_PUSH} edits expected, got {len(pushed)}")
        install = self._install()
        edits = tuple(one for one in pushed if isinstance(one, Edit))
        try:  # what a map of MessagePack may hold, and a row may not
            edits = msgspec.json.decode(msgspec.json.encode(edits), type=tuple[Edit, ...])
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise HangUp("BAD_MESSAGE", f"edits of plain values expected: {str(error)[:200]}") from None
        traces = self._works.traces
        ids = [str(edit.id) for edit in edits]
        with nullcontext() if traces is None else traces.of_message("push", edits=ids):
            merged = iter(
                await merge_all(self._works.database, self._who, install, edits, self._works.now_us())
            )
        return Outcomes(
            tuple(not_understood(one) if isinstance(one, UUID) else next(merged) for one in pushed)
        )

    async def tell(self, tell: Tell) -> None:
        """Take what is told, in its order; its disk is not waited for here."""
        if len(tell.journal) > ROWS_PER_TELL:
            raise HangUp("BAD_MESSAGE", f"at most {ROWS_PER_TELL} rows expected, got {len(tell.journal)}")
        install = self._install()
        await self._tells.acquire()
        try:
            told, refused = await sift(
                self._works.database, self._who, install, tell, may_tell=self._may_tell
            )
            told.jumps = self._jumps
            keeping = self._works.intake.put(self._tenant, told)
        except (IntakeFull, *AWAY):
            self._tells.release()
            await self._out.put(encode(Kept(tell.number, retry_after_s=AGAIN_S)))
            return
        self._aside("tell", self._answer(tell.number, keeping, refused, is_first=bool(told.journal)))

    async def _answer(
        self, number: int, keeping: asyncio.Future[intake.Kept], refused: int, *, is_first: bool
    ) -> None:
        """Say that what was told is kept, or is to be told again."""
        try:
            kept = await keeping
            answer = Kept(number, kept.seq, refused=refused + kept.refused)
            self._jumps = self._jumps and not is_first
        except AWAY:
            answer = Kept(number, retry_after_s=AGAIN_S)
        finally:
            self._tells.release()
        await self._out.put(encode(answer))

    def _aside(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, as long as the line is there."""
        aside = spawn(name, work)
        self._asides.add(aside)
        aside.add_done_callback(self._asides.discard)

    async def keep_cycles(self, message: Cycles) -> None:
        """Put cycles on their way; their disk is not waited for here."""
        install = self._install()
        await self._cycles.acquire()
        self._aside("cycles", self._keep_cycles(install, message))

    async def _keep_cycles(self, install: UUID, message: Cycles) -> None:
        try:
            if not self._may_tell:
                kept = Kept(message.number, refused=len(message.cycles))
            else:
                works = self._works
                cycles, sane = await cycles_of(works.database, works.samples, self._who, install, message)
                taken = await works.ingest.put(self._tenant, cycles, works.now_us())
                refused = len(message.cycles) - len(cycles) + taken.refused
                kept = Kept(message.number, refused=refused, lost=taken.refused)
                works.on_numbers(self._tenant, sane)
        except IngestFull as full:
            kept = Kept(message.number, retry_after_s=full.retry_after_s)
        except AWAY:
            kept = Kept(message.number, retry_after_s=AGAIN_S)
        finally:
            self._cycles.release()
        await self._out.put(encode(kept))

    async def read_series(self, ask: AskSeries | AskPorts) -> None:
        """Look up numbers of the past; it is answered when they are found. Raises HangUp."""
        if isinstance(ask, AskPorts) and len(ask.ports) > PORTS_CAP:
            raise HangUp("BAD_MESSAGE", f"at most {PORTS_CAP} ports expected, got {len(ask.ports)}")
        await self._series.acquire()
        self._aside("series", self._read_series(ask))

    async def _read_series(self, ask: AskSeries | AskPorts) -> None:
        none = PortsThen if isinstance(ask, AskPorts) else Series
        try:
            if self._who.may("metrics:read"):
                async with (
                    self._works.asking.place(self._tenant),
                    self._works.database.transaction(self._who) as transaction,
                ):
                    answer = await self._numbers(transaction, ask)
            else:
                answer = none(ask.number, refused="your role does not show numbers")
        except RefusedByRule as error:
            answer = none(ask.number, refused=error.refusals[0].message)
        except AWAY:
            answer = none(ask.number, refused="the server's database is away")
        finally:
            self._series.release()
        await self._out.put(encode(answer))  # whoever reads slowly holds neither a place nor a connection

    async def _numbers(self, transaction: Transaction, ask: AskSeries | AskPorts) -> Series | PortsThen:
        if isinstance(ask, AskPorts):
            seen = await seen_devices(transaction, {device for device, _ in ask.ports})
            wanted = [one for one in ask.ports if one[0] in seen]
            found = await ports_then(transaction, self._works.samples, wanted, ask.at_us)
            return PortsThen(ask.number, tuple(found))
        what, points = charts.Wanted(ask.device, ask.metric, ask.instance, ask.from_us, ask.to_us), Points()
        if await seen_devices(transaction, (ask.device,)):
            points = await self._works.charts.points(transaction, what, ask.points)
        numbers = tuple(points.value), tuple(points.low), tuple(points.high)
        return Series(ask.number, tuple(points.at_us), *numbers)

    def _install(self) -> UUID:
        if self._own is None:
            raise HangUp("BAD_MESSAGE", "who only listens tells nothing: an install is needed")
        return self._own
