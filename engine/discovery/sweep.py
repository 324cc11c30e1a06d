"""Asks many addresses, so many a second. Counterpart: `prober.py` asks each; `walk.py` asks the same way, whom neighbours name.

Theory: addresses come so that those of one /24 are far apart, and one is begun each time the clock allows it; what is slow does
not hold up the next, as long as not too many are on their way. A pause begins nothing more; what is on its way ends.
One rule: the pace is that of beginnings, and after a rest nothing is made up for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

from domain.discovering import SweepSettings, count_addresses, read_spans, spread_addresses
from domain.finding import Match
from engine.discovery.prober import Met, Prober
from engine.operations import Control

AT_ONCE_CAP = 2_500
"""Addresses on their way: most are dead, and hold nothing but a ping for 2 s."""

CATCH_UP_S = 0.1

Take = Callable[[Met], Match | None]
"""Has a find queued; None where it is left out: ignored, or one too many."""


class Tally:
    """What became of an operation, for its last words."""

    def __init__(self) -> None:
        self.asked = 0
        self.answered = 0
        self.kinds: Counter[str] = Counter()
        self.let_nobody_in = 0

    def add(self, met: Met | None, found: Match | None) -> None:
        """Count one address."""
        self.asked += 1
        if met is None:
            return
        self.answered += 1
        self.kinds[found.kind if found is not None else "left out"] += 1
        self.let_nobody_in += met.let_nobody_in

    @property
    def words(self) -> str:
        """Say it."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.kinds.items()))
        said = f"{count_of(self.asked, 'address', 'addresses')} asked, {self.answered:,} answered"
        said += f": {kinds}" if kinds else ""
        return said + (f"; {self.let_nobody_in:,} let nobody in" if self.let_nobody_in else "")


def count_of(count: int, one: str, many: str) -> str:
    """Return "1 address", "2,000 addresses"."""
    return f"{count:,} {one if count == 1 else many}"


class Pace:
    """Lets one begin each `1 / per_s` seconds. `clock` is monotonic, `rest` waits."""

    def __init__(
        self,
        per_s: float,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap_s = 1 / per_s
        self._clock = clock
        self._rest = rest
        self._next_s = clock()

    async def turn(self) -> None:
        """Wait for the next beginning. Who comes late catches up a little, so that a coarse clock costs no pace."""
        now_s = self._clock()
        if self._next_s > now_s:
            await self._rest(self._next_s - now_s)
        self._next_s = max(self._next_s, now_s - CATCH_UP_S) + self._gap_s


class Round:
    """Asks addresses at a pace, for one operation."""

    def __init__(self, prober: Prober, per_s: float) -> None:
        self._prober = prober
        self._pace = Pace(per_s)
        self._room = asyncio.Semaphore(AT_ONCE_CAP)

    async def ask(
        self, addresses: Iterable[str], control: Control, on_asked: Callable[[str, Met | None], None]
    ) -> None:
        """Ask all of them; `on_asked` hears of each when it is over."""

        async def one(address: str) -> None:
            try:
                on_asked(address, await self._prober.ask(address))
            finally:
                self._room.release()

        async with asyncio.TaskGroup() as group:
            for address in addresses:
                await self._room.acquire()
                await self._pace.turn()
                await control.gate()
                group.create_task(one(address), name="discovery of an address")


class Sweep:
    """One sweep: call it with its operation's control."""

    def __init__(self, settings: SweepSettings, prober: Prober, take: Take) -> None:
        self._spans, _ = read_spans(settings.ranges)
        self._round = Round(prober, settings.asking.rate_per_s)
        self._take = take
        self.total = count_addresses(self._spans)

    async def __call__(self, control: Control) -> str:
        """Ask every address, and say what came of it."""
        tally = Tally()
        control.tell(total=self.total, phase="asking")

        def on_asked(address: str, met: Met | None) -> None:
            tally.add(met, self._take(met) if met is not None else None)
            control.words = tally.words
            control.tell(tally.asked, phase=f"asking, lately {address}")

        await self._round.ask(spread_addresses(self._spans), control, on_asked)
        return tally.words
