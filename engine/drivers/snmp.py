"""The SNMP driver: system and interfaces of any agent, and what its profile says. Counterpart: `snmp_session.py`, `profiles/`.

Theory: the device is looked at slowly (what interfaces, disks, sensors are there) and then read fast: all meters that the
looks found are packed into GETs of known OIDs, so that a cycle costs few datagrams. Each GET opens with sysUpTime, which
ages its counters. The look at the system tells the make, which chooses the profile; its looks follow. A look is repeated
every 20 cycles or as its profile says, spread so that seldom a cycle has two, and at once after a reboot or when what it
watches (ifNumber, ifTableLastChange) changes.
One rule: a device that answers the fast GETs is alive; a look that got no answer is tried again in the next cycles and
becomes the device's failure only when it fails three times in a row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from domain.errors import BadReply, NoAnswer
from domain.metrics import gap_s
from domain.observation import Reading, Sighting
from domain.observation import Value as Sample
from engine.drivers.driver import Answer
from engine.drivers.meters import Draft, Known, Learned, Look, Meter, text
from engine.drivers.profiles import Profile, Profiles
from engine.drivers.profiles.language import LOOK_EVERY_CYCLES as USUAL_EVERY_CYCLES
from engine.drivers.profiles.look import looks_of
from engine.drivers.snmp_interfaces import InterfaceLook
from engine.drivers.snmp_neighbours import FIRST_SIGHTINGS_CYCLES, SIGHTINGS_EVERY_CYCLES, SightingsLook
from engine.drivers.snmp_session import GET_BYTES, VARBINDS_PER_GET, Got, SnmpSession, answer_bytes
from engine.protocols.ber import Absent, Value

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
HR_UPTIME = "1.3.6.1.2.1.25.1.1.0"
_SYS_DESCR, _SYS_OBJECT_ID, _SYS_CONTACT, _SYS_NAME, _SYS_LOCATION = (
    f"1.3.6.1.2.1.1.{n}.0" for n in (1, 2, 4, 5, 6)
)
LOOK_EVERY_CYCLES = USUAL_EVERY_CYCLES
LOOK_AGAIN_CYCLES = 4
"""What is watched makes a look due at most this often: a concentrator's ifNumber changes with every subscriber."""

FAILURES_BEFORE_TOLD = 3


class _Task:
    """One look: how often it is taken, when it is due, and what it found last."""

    def __init__(self, look: Look, every_cycles: int, first_cycle: int = 0) -> None:
        self.look = look
        self.every_cycles = every_cycles
        self.due_cycle = first_cycle
        self.looked_cycle: int | None = None
        self.failures = 0
        self.learned = Learned()
        self.is_doubted = False
        """Whether its meters may mean something else by now: they are read again after the next look that is answered."""


class _Batch:
    """The OIDs of one GET, and about how long its answer will be."""

    def __init__(self, oids: list[str]) -> None:
        self.oids = oids
        self._bytes = sum(map(answer_bytes, oids))

    def has_room(self, more: Sequence[str], cap: int) -> bool:
        """Tell whether these fit as well."""
        return len(self.oids) + len(more) <= cap and self._bytes + sum(map(answer_bytes, more)) <= GET_BYTES

    def add(self, oid: str) -> None:
        """Take one more."""
        self.oids.append(oid)
        self._bytes += answer_bytes(oid)


class _Plan:
    """The GETs of a cycle, and from which answer each meter reads its time. The first GET holds all that is watched."""

    def __init__(
        self, watched: Sequence[str], meters: Sequence[Meter], absent: Collection[str], cap: int
    ) -> None:
        """Pack the OIDs, at most `cap` a GET; those of one meter stay together where they fit, those in `absent` are left out."""
        self.watched = tuple(watched)
        self.cap = cap
        self.meters: list[tuple[Meter, int]] = []
        batches = [_Batch([oid for oid in (SYS_UPTIME, HR_UPTIME, *watched) if oid not in absent])]
        for meter in meters:
            oids = [oid for oid in meter.oids if oid not in absent]
            if not batches[-1].has_room(oids, cap) and len(batches[-1].oids) > 1:
                batches.append(_Batch([SYS_UPTIME]))
            self.meters.append((meter, len(batches) - 1))
            for oid in oids:
                if not batches[-1].has_room([oid], cap):
                    batches.append(_Batch([SYS_UPTIME]))
                batches[-1].add(oid)
        self.batches = [tuple(batch.oids) for batch in batches]

    def asks_as(self, watched: tuple[str, ...], meters: list[Meter]) -> bool:
        """Tell whether a plan for these would be this one."""
        return watched == self.watched and meters == [meter for meter, _ in self.meters]


class SnmpDriver:
    """Asks one agent. `profile` names what it is read with, "" is what matches it best of `profiles`.

    `phase` spreads the looks of many devices that were added at one time.
    """

    def __init__(
        self, session: SnmpSession, *, profiles: Profiles, profile: str = "", limit_s: float, phase: int = 0
    ) -> None:
        self._session = session
        self._profiles = profiles
        self._profile_name = profile
        self._profile: Profile | None = None
        self._limit_s = limit_s
        self._cycle = 0
        self._due_cycle = 0
        self._phase = phase
        first_sightings = FIRST_SIGHTINGS_CYCLES[phase % len(FIRST_SIGHTINGS_CYCLES)]
        self._known = Known({})
        self._tasks = [
            _Task(self._look_at_system, LOOK_EVERY_CYCLES),
            _Task(InterfaceLook(), LOOK_EVERY_CYCLES),
            _Task(SightingsLook(), SIGHTINGS_EVERY_CYCLES, first_sightings),
        ]
        self._untold: dict[str, Any] = {}
        self._untold_whole: set[str] = set()
        self._sightings: tuple[Sighting, ...] = ()
        self._uptime_s: float | None = None
        self._at_us = 0
        self._seen: list[Value] | None = None
        self._plan = _Plan((), (), (), VARBINDS_PER_GET)
        self._absent: set[str] = set()
        self._is_proven = False

    async def read(self) -> Answer:
        """Read all meters; then look where a look is due, and read what it found anew."""
        self._session.limit(self._limit_s)
        plan = self._plan
        answers = await self._session.get(plan.batches, often=True)
        first = answers[0].values
        draft = Draft([], self._untold)
        is_as_known = self._is_as_known(first, answers[0].at_us)
        if is_as_known:
            _read_meters(plan, answers, draft)
        if self._cycle >= self._due_cycle:
            await self._read_after_looks(is_as_known, draft)
        elif not self._is_proven or plan.cap != self._session.varbinds_cap:
            self._prove(answers)
        ticks = first.get(HR_UPTIME)  # the host's own where it tells one, else its agent's
        ticks = ticks if type(ticks) is int else first.get(SYS_UPTIME)
        if type(ticks) is int:
            draft.values.append(("uptime_s", "", ticks / 100))
        self._cycle += 1
        return Answer(answers[0].rtt_us, self._tell(draft.values))

    async def close(self) -> None:
        """Give the peer back, and let go of what holds this in a ring: what is frozen (`heap.py`) no collector would find."""
        self._session.close()
        self._tasks.clear()

    def _tell(self, values: list[Sample]) -> Reading:
        """Return the reading, with the facts that were not told yet; most cycles have none."""
        if not self._untold and not self._untold_whole and not self._sightings:
            return Reading(tuple(values))
        whole = tuple(sorted(self._untold_whole))
        reading = Reading(tuple(values), tuple(self._untold.items()), whole, self._sightings)
        self._untold = {}
        self._untold_whole = set()
        self._sightings = ()
        return reading

    async def _read_after_looks(self, is_read: bool, draft: Draft) -> None:
        """Take the looks that are due, and read those meters that were not read in this cycle."""
        before, absent_before = self._plan, len(self._absent)
        if not await self._look() and is_read:
            return
        if len(self._absent) != absent_before or not before.asks_as(self._watched(), self._meters()):
            self._plan = self._make_plan(self._absent)
            self._is_proven = False
            self._seen = None
        elif is_read:
            return
        read = {meter for meter, _ in before.meters} if is_read else set()
        new = [meter for meter, _ in self._plan.meters if meter not in read]
        if new:
            plan = _Plan((), new, (), self._session.varbinds_cap)
            fresh = Draft([], self._untold)
            _read_meters(plan, await self._session.get(plan.batches), fresh)
            told = {(metric, instance) for metric, instance, _ in draft.values}
            draft.values += [value for value in fresh.values if value[:2] not in told]

    def _watched(self) -> tuple[str, ...]:
        return tuple(oid for task in self._tasks for oid in task.learned.watched)

    def _meters(self) -> list[Meter]:
        return [meter for task in self._tasks if not task.is_doubted for meter in task.learned.meters]

    def _make_plan(self, absent: Collection[str]) -> _Plan:
        return _Plan(self._watched(), self._meters(), absent, self._session.varbinds_cap)

    def _prove(self, answers: list[Got]) -> None:
        """Ask no more for what the agent does not have: in v1 each costs a GET of its own."""
        got = _merge(answers)
        asked = {oid for batch in self._plan.batches for oid in batch}
        self._absent |= {oid for oid in asked if isinstance(got.get(oid), Absent | None)} - {SYS_UPTIME}
        self._plan = self._make_plan(self._absent)
        self._is_proven = True
        self._seen = None

    def _is_as_known(self, values: dict[str, Value], at_us: int) -> bool:
        """Tell whether indexes still mean what they meant; make looks due where they may not."""
        uptime_s, before_s = _uptime_s(values), self._uptime_s
        seen, seen_before = [values.get(oid) for oid in self._plan.watched], self._seen
        has_restarted = uptime_s is not None and before_s is not None and uptime_s < before_s
        if uptime_s != before_s and at_us > self._at_us:  # an agent whose clock stands still has not
            has_restarted |= gap_s(self._at_us, at_us, before_s, uptime_s) is None
        self._uptime_s, self._at_us, self._seen = uptime_s, at_us, seen
        if has_restarted:
            for task in self._tasks:
                task.due_cycle = self._cycle
            self._due_cycle = self._cycle
            return self._doubt(self._tasks)
        if seen_before is None or seen == seen_before:
            return True
        changed = {
            oid for oid, now, was in zip(self._plan.watched, seen, seen_before, strict=True) if now != was
        }
        doubted: list[_Task] = []
        for task in self._tasks:
            if changed.intersection(task.learned.watched) and task.looked_cycle is not None:
                task.due_cycle = min(task.due_cycle, max(self._cycle, task.looked_cycle + LOOK_AGAIN_CYCLES))
                self._due_cycle = min(self._due_cycle, task.due_cycle)
                if task.due_cycle <= self._cycle:
                    doubted.append(task)
        return not doubted or self._doubt(doubted)

    def _doubt(self, tasks: Sequence[_Task]) -> Literal[False]:
        """Read nothing more of what these found until they have looked again, however often that fails."""
        for task in tasks:
            task.is_doubted = True
        self._plan, self._seen = self._make_plan(self._absent), None
        return False

    async def _look(self) -> bool:
        """Take the looks that are due; tell whether any was taken."""
        taken = False
        self._due_cycle = self._cycle  # until all went well
        for place, task in enumerate(self._tasks):
            if task.due_cycle > self._cycle:
                continue
            before = task.learned.meters
            try:
                task.learned = await task.look(self._session, self._known)
            except NoAnswer as error:
                task.failures += 1
                if task.failures >= FAILURES_BEFORE_TOLD:
                    raise BadReply(f"answers, but not to all that it is asked: {error}") from None
                continue
            taken = True
            task.failures, task.is_doubted = 0, False
            if task.every_cycles >= LOOK_EVERY_CYCLES or task.learned.meters != before:
                self._absent.difference_update(
                    task.learned.watched, *(meter.oids for meter in task.learned.meters)
                )
            spread = (self._phase + 3 * place) % task.every_cycles if task.looked_cycle is None else 0
            task.looked_cycle = self._cycle
            task.due_cycle = self._cycle + task.every_cycles + spread
            for prefix in task.learned.whole:
                self._untold = {
                    field: said for field, said in self._untold.items() if not field.startswith(prefix)
                }
            self._sightings += task.learned.sightings
            self._untold.update(task.learned.facts)
            self._untold_whole.update(task.learned.whole)
        self._due_cycle = min(task.due_cycle for task in self._tasks)
        return taken

    async def _look_at_system(self, session: SnmpSession, known: Known) -> Learned:
        oids = (_SYS_DESCR, _SYS_OBJECT_ID, _SYS_CONTACT, _SYS_NAME, _SYS_LOCATION)
        got = (await session.get([oids]))[0].values
        object_id = got.get(_SYS_OBJECT_ID)
        object_id = object_id if isinstance(object_id, str) else ""
        described = text(got.get(_SYS_DESCR))
        self._absent.discard(HR_UPTIME)
        self._take_profile(self._profiles.choose(self._profile_name, object_id, described))
        facts = [("description", described), ("object_id", object_id)]
        for field, oid in (("identity", _SYS_NAME), ("contact", _SYS_CONTACT), ("location", _SYS_LOCATION)):
            facts.append((field, text(got.get(oid))))
        return Learned((), [(field, said or None) for field, said in facts])

    def _take_profile(self, profile: Profile) -> None:
        """Let the looks of a profile follow those at system and interfaces, if it is another one than before."""
        if profile is not self._profile:
            self._profile = profile
            looks = [
                _Task(look, max(1, look.every * LOOK_EVERY_CYCLES // USUAL_EVERY_CYCLES))
                for look in looks_of(profile)
            ]
            self._tasks[3:] = looks


def _read_meters(plan: _Plan, answers: list[Got], draft: Draft) -> None:
    got = _merge(answers)
    batch, at_us, uptime_s = -1, 0, None
    for meter, of_batch in plan.meters:
        if of_batch != batch:
            batch = of_batch
            at_us, uptime_s = answers[batch].at_us, _uptime_s(answers[batch].values)
        meter.read(got, at_us, uptime_s, draft)


def _merge(answers: list[Got]) -> dict[str, Value]:
    if len(answers) == 1:
        return answers[0].values
    merged: dict[str, Value] = {}
    for answer in answers:
        merged |= answer.values
    return merged


def _uptime_s(values: dict[str, Value]) -> float | None:
    ticks = values.get(SYS_UPTIME)
    return ticks / 100 if type(ticks) is int else None
