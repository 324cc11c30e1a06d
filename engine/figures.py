"""How the engine itself fares, told each second. Counterpart: `domain.wire.EngineState`, which the window shows.

One rule: it only reads; what it tells is counted where it happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.wire import EngineState
from engine.judge.judge import Judge
from engine.monitor.poller import Monitor
from engine.receivers import Receivers
from engine.storage import StoreThread
from engine.transport import Transports
from engine.upkeep import Upkeep
from engine.vault import Keeper

EVERY_S = 1.0
_NEWEST_SHARE = 0.3


@dataclass(frozen=True)
class Figures:
    """The parts of an engine that are counted; `tell` takes the state each second."""

    monitor: Monitor
    judge: Callable[[], Judge]
    store: StoreThread
    transports: Transports
    upkeep: Upkeep
    receivers: Receivers
    keeper: Keeper
    notices: Callable[[], tuple[str, ...]]
    lost_reports: Callable[[], int]
    tell: Callable[[EngineState], None]
    now_us: Callable[[], int]

    async def run(self) -> None:
        """Tell, for ever."""
        polled = self.monitor.figures
        counted, counted_s, per_s = sum(polled.polls.values()), time.monotonic(), 0.0
        while True:
            await asyncio.sleep(EVERY_S)
            polls, now_s = sum(polled.polls.values()), time.monotonic()
            newest_per_s = (polls - counted) / (now_s - counted_s)
            per_s += _NEWEST_SHARE * (newest_per_s - per_s)
            counted, counted_s = polls, now_s
            self.tell(self._state(per_s))

    def _state(self, per_s: float) -> EngineState:
        polled = self.monitor.figures
        lag_s, lag_p99_s = polled.take_lags_s()
        return EngineState(
            self.now_us(),
            polls_per_s=round(per_s, 2),
            polls=dict(polled.polls),
            poll_failures=polled.failures,
            schedule_lag_ms=round(lag_s * 1000, 2),
            schedule_lag_p99_ms=round(lag_p99_s * 1000, 2),
            in_flight=polled.in_flight,
            waiting_rows=self.store.waiting_rows,
            dropped_datagrams=self.transports.dropped_datagrams,
            notices=self.notices(),
            disk=self.upkeep.disk,
            retention=self.store.retention,
            receivers=self.receivers.state,
            vault=self.keeper.state,
            unbelievable_values=self.judge().unbelievable,
            refused_values=self.store.refused_values,
            dropped_samples=self.store.dropped_samples,
            lost_reports=self.lost_reports(),
            lost_polls=self.store.lost_polls.dropped + self.store.lost_polls.refused,
        )
