"""Asks every device when it is due and tells what came. Counterpart: `drivers/` below, `judge/` behind the callbacks.

Theory: one task waits for the next due device. Each probe has its own time, so that a slow one delays no other; as all
times of a device fall on its phase, a visit asks them together, each in its lane and its own task. What was gathered is one
visit's when nothing of the device is under way any more, or when the next visit begins. One rule: a DeviceError ends here
and becomes an observation; any other exception is a bug of one driver: it is logged with its device, becomes no
observation, and rests.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Protocol
from uuid import UUID

from domain.errors import DeviceError, NoAnswer
from domain.inventory import Device, Probe, ProbeKind, is_paused, probe_names
from domain.observation import Failure, Observation, Reading
from engine.monitor.breaker import Breaker, slowed_s
from engine.monitor.lanes import Lane, lanes
from engine.monitor.schedule import FIRST_SWEEP_PER_S, Schedule, next_due, phase_of
from engine.tasks import end, spawn

PROBE_LIMIT_S = 60.0
"""No driver may take longer; one that does has a bug."""
TOGETHER_S = 0.1
"""Who falls due within it is asked together: each waking of an idle processor costs as much as a poll."""
_OVERDUE = "overdue"
_ON_THE_AIR = "wireless_client/"
_CHEAPEST_FIRST = ("icmp", "tcp", "dns", "snmp", "routeros", "http", "ssh")


class Answer(Protocol):
    """What the monitor reads of a driver's answer."""

    @property
    def rtt_us(self) -> int: ...

    @property
    def reading(self) -> Reading: ...


class Driver(Protocol):
    """One probe of one device; `engine/drivers` has the real ones."""

    async def read(self) -> Answer: ...

    async def close(self) -> None: ...


@dataclass
class Figures:
    """How the monitor fares. `lags_s`: how late polls of probes that answer began, since it was last read."""

    polls: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    in_flight: int = 0
    lags_s: list[float] = field(default_factory=list)

    def take_lags_s(self) -> tuple[float, float]:
        """Return the worst lag, and what 99 of 100 stay below; begin anew."""
        lags_s, self.lags_s = sorted(self.lags_s), []
        return (lags_s[-1], lags_s[(len(lags_s) - 1) * 99 // 100]) if lags_s else (0.0, 0.0)


@dataclass(eq=False, slots=True)
class _Visited:
    """A device that is asked: by probe its driver, how it fares, when it is due; absent while it is being asked."""

    device: Device
    probes: dict[str, Probe]
    due_s: dict[str, float]
    drivers: dict[str, Driver] = field(default_factory=dict)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    gathered: bool = False
    retired: bool = False

    def scout(self) -> str:
        """Return the probe that never rests: the cheapest that ever answered, else the cheapest."""
        return min(
            self.probes,
            key=lambda n: (not self.breaker(n).answered_ever, _CHEAPEST_FIRST.index(self.probes[n].kind)),
        )

    def breaker(self, name: str) -> Breaker:
        """Return how a probe fares."""
        return self.breakers.get(name, _FRESH)


_FRESH = Breaker()


class Monitor:
    """Devices come and go by `set_device` and `remove_device`; `run` asks them until it is cancelled.

    `make_driver` may raise DeviceError (no secret); `clock` is monotonic seconds, `now_us` the wall clock.
    """

    def __init__(
        self,
        vantage: UUID,
        *,
        make_driver: Callable[[Device, Probe], Driver],
        on_observation: Callable[[Observation], None],
        on_visit_over: Callable[[UUID], None],
        clock: Callable[[], float],
        now_us: Callable[[], int],
        lanes_by_kind: dict[tuple[ProbeKind, bool], Lane] | None = None,
    ) -> None:
        self.figures = Figures()
        self._vantage = vantage
        self._make_driver = make_driver
        self._on_observation = on_observation
        self._on_visit_over = on_visit_over
        self._clock = clock
        self._now_us = now_us
        self._lanes = lanes_by_kind if lanes_by_kind is not None else lanes()
        self._visited: dict[UUID, _Visited] = {}
        self._schedule = Schedule()
        self._sweep_s = 0.0
        self._wake = asyncio.Event()
        self._woken_before_s = math.inf
        self._until_s = math.inf
        self._began_s: dict[asyncio.Task[None], float] = {}  # in the order in which they began

    async def run(self) -> None:
        """Ask who is due, for ever."""
        while True:
            self._wake.clear()
            now_s = self._clock()
            # the clock anew each time: what is begun looks at it too, and puts back whom there is no time left for
            while self._clock() < self._until_s and (due := self._schedule.pop_due(now_s)) is not None:
                self._begin(self._visited[due[0]], now_s)
            self._end_overdue(now_s)
            next_s = self._schedule.next_due_s() if now_s < self._until_s else None
            if self._began_s:  # one look for all that is under way: a timer for each costs as much as asking
                limit_s = now_s + PROBE_LIMIT_S / 4
                next_s = limit_s if next_s is None else min(next_s, limit_s)
            self._woken_before_s = math.inf if next_s is None else next_s
            wait_s = None if next_s is None else max(next_s - self._clock(), TOGETHER_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Forget all devices and wait until their connections are closed."""
        retiring = [self._forget(id) for id in list(self._visited)]
        await asyncio.gather(*(task for task in retiring if task is not None))

    def ask_until(self, until_s: float) -> None:
        """Ask nobody any more from then on, by the clock, until another time is said."""
        self._until_s = until_s
        self._wake.set()

    def set_device(self, device: Device, renew: bool = False, after_s: float = 0.0) -> bool:
        """Take up a device or a change of it; `renew` where its secrets changed. What is asked anew is asked at once, or
        `after_s`.

        Tell whether it is asked anew.
        """
        old = self._visited.get(device.id)
        if old is not None and not renew and _asks_the_same(old.device, device):
            old.device = device
            return False
        self._forget(device.id)
        probes = probe_names(device)
        if device.paused or not probes:
            return True
        if is_paused(device, self._now_us()):
            first_s = self._clock() + ((device.paused_until_us or 0) - self._now_us()) / 1e6
        else:
            began_s = self._sweep_s + 1 / FIRST_SWEEP_PER_S if self._visited else 0.0
            self._sweep_s = max(self._clock(), began_s)
            first_s = self._sweep_s + after_s
        visited = _Visited(device, probes, dict.fromkeys(probes, first_s))
        self._visited[device.id] = visited
        self._put(visited)
        return True

    def remove_device(self, id: UUID) -> None:
        """Drop a device."""
        self._forget(id)

    def probe_now(self, id: UUID) -> bool:
        """Ask all of a device's probes at once; False where it is not asked at all (paused, without probes, unknown)."""
        visited = self._visited.get(id)
        if visited is None or is_paused(visited.device, self._now_us()):
            return False
        self._ask_again(visited, visited.probes)
        return True

    def _forget(self, id: UUID) -> asyncio.Task[None] | None:
        visited = self._visited.pop(id, None)
        self._schedule.drop(id)
        if visited is None:
            return None
        visited.retired = True
        return spawn("retire device", _retire(visited), device_id=id)

    def _put(self, visited: _Visited) -> None:
        if visited.due_s:
            due_s = min(visited.due_s.values())
            self._schedule.put(visited.device.id, due_s)
            if due_s < self._woken_before_s:
                self._wake.set()

    def _ask_again(self, visited: _Visited, names: Iterable[str]) -> None:
        """Have probes asked at once; one that is being asked, again when that is over."""
        now_s = self._clock()
        for name in names:
            visited.breakers[name] = visited.breaker(name).woken()
            if name in visited.due_s:
                visited.due_s[name] = now_s
            else:
                visited.again.add(name)
        self._put(visited)

    def _begin(self, visited: _Visited, now_s: float) -> None:
        due = {name: due_s for name, due_s in visited.due_s.items() if due_s <= now_s}
        for name in due:
            del visited.due_s[name]
        self._put(visited)
        for name, due_s in due.items():
            doubtful = visited.breaker(name).misses > 0
            lane = self._lanes[visited.probes[name].kind, doubtful]
            lane.enter(partial(self._start, visited, name, lane, None if doubtful else due_s, now_s))
        self._end_visit(
            visited
        )  # last: a bug behind it leaves the device in the schedule; no answer is older than this

    def _start(
        self, visited: _Visited, name: str, lane: Lane, /, due_s: float | None, asked_s: float
    ) -> bool:
        if visited.retired:
            return False
        if self._clock() >= self._until_s:  # it stood in line while that went by: as if it had never been due
            visited.due_s[name] = asked_s
            self._put(visited)
            return False
        if due_s is not None:
            self.figures.lags_s.append(self._clock() - due_s)
        self.figures.in_flight += 1
        task = spawn("probe", self._ask(visited, name), device_id=visited.device.id, probe=name)
        visited.running[name] = task
        self._began_s[task] = self._clock()
        task.add_done_callback(lambda done: self._on_done(done, visited, name, lane, asked_s))
        return True

    def _end_overdue(self, now_s: float) -> None:
        for task, _ in takewhile(lambda begun: begun[1] <= now_s - PROBE_LIMIT_S, self._began_s.items()):
            if not task.cancelling():  # once: a second time would end its clean-up
                task.cancel(_OVERDUE)

    async def _ask(self, visited: _Visited, name: str) -> None:
        before = visited.breaker(name)
        missed = before.misses > 0
        visited.breakers[name] = before.missed()  # until it answers; a bug is a miss as well
        probe = visited.probes[name]
        rtt_us = reading = failure = None
        is_bug = True
        try:
            driver = visited.drivers.get(name)
            if driver is None:
                driver = visited.drivers[name] = self._make_driver(visited.device, probe)
            answer = await driver.read()
            rtt_us, reading, is_bug = answer.rtt_us, answer.reading, False
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (_OVERDUE,):
                raise
            raise TimeoutError(f"no driver may take longer than {PROBE_LIMIT_S:g} s") from None
        except DeviceError as error:
            failure, is_bug = Failure(error.kind, str(error), getattr(error, "seen", "")), False
        finally:
            driver = visited.drivers.pop(name, None) if is_bug and not visited.retired else None
            if driver is not None:  # what it remembers may be broken: the next poll has a new one
                spawn("close driver", driver.close(), device_id=visited.device.id, probe=name)
        if visited.retired:
            return
        self.figures.polls[probe.kind] = self.figures.polls.get(probe.kind, 0) + 1
        if failure is not None:
            self.figures.failures += 1
            self._note_silence(visited, name, failure)
        else:
            visited.silent.discard(name)
            visited.breakers[name] = before.answered(news=reading is not None and _is_news(reading))
            if missed:
                self._ask_again(visited, [n for n, b in visited.breakers.items() if b.failed])
        visited.gathered = True
        self._on_observation(
            Observation(visited.device.id, name, self._vantage, self._now_us(), rtt_us, reading, failure)
        )

    def _note_silence(self, visited: _Visited, name: str, failure: Failure) -> None:
        """Where a probe falls silent for good, ask those that rest because they answered nonsense: it may be over."""
        if failure.kind != NoAnswer.kind:
            visited.silent.discard(name)
        elif visited.breaker(name).failed and name not in visited.silent:
            visited.silent.add(name)
            resting = [n for n, b in visited.breakers.items() if b.failed and n not in visited.silent]
            self._ask_again(visited, resting)

    def _on_done(
        self, task: asyncio.Task[None], visited: _Visited, name: str, lane: Lane, asked_s: float
    ) -> None:
        del self._began_s[task]
        self.figures.in_flight -= 1
        visited.running.pop(name, None)
        lane.leave()
        if visited.retired:
            return
        now_s, device = self._clock(), visited.device
        if name in visited.again:
            visited.again.discard(name)
            visited.due_s[name] = now_s
        else:
            breaker, is_scout = visited.breaker(name), name == visited.scout()
            interval_s = slowed_s(device.interval_s, breaker.quiet) if device.may_slow else device.interval_s
            visited.due_s[name] = next_due(
                asked_s, now_s, interval_s, phase_of(device.id), breaker, is_scout=is_scout
            )
        self._put(visited)
        if not visited.running:
            self._end_visit(visited)

    def _end_visit(self, visited: _Visited) -> None:
        if visited.gathered:
            visited.gathered = False
            self._on_visit_over(visited.device.id)


def _is_news(reading: Reading) -> bool:
    """Tell whether a reading says that something changed; who is on the air, and how well, changes all the time."""
    return any(not field.startswith(_ON_THE_AIR) for field, _ in reading.facts)


def _asks_the_same(old: Device, new: Device) -> bool:
    return _asked_by(old) == _asked_by(new)


def _asked_by(device: Device) -> tuple[object, ...]:
    """Return what of a device says whether, when and how it is asked."""
    paused = device.paused, device.paused_until_us
    return device.address, device.probes, device.profile, device.interval_s, device.may_slow, paused


async def _retire(visited: _Visited) -> None:
    await end(*visited.running.values())
    for driver in visited.drivers.values():
        await driver.close()
