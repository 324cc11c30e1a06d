"""Who holds which devices, with time as an argument: one at a time, whatever comes, goes, is late or is lost."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.polling import HOLD_S, SLOTS, LetGo, Share, slot_of
from engine.sync.shares import ShareWatch
from sync_server.live.polling import (
    BACK_AT_ONCE,
    BACK_US,
    HOLD_US,
    Hold,
    Holding,
    Run,
    next_holding,
    shared_out,
)

NOW_US = 1_000_000_000
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


def run_of(install: UUID, left_s: float = HOLD_S, number: int = 0, **more: bool) -> Run:
    """Return a run of an install that holds for so long; one that shares where it is not said otherwise."""
    told = {"shares": True, "owns": True} | more
    return Run(UUID(int=install.int * 100 + number), install, NOW_US + round(left_s * 1e6), **told)


def asks(watch: ShareWatch, slot: int, now_s: float) -> bool:
    """Tell whether an engine asks the devices of a slot at a time."""
    return slot in watch.slots and now_s < watch.until_s


def asks_own(watch: ShareWatch, now_s: float) -> bool:
    """Tell whether an engine asks what is assigned to its install at a time."""
    return watch.own and now_s < watch.until_s


def holders(holding: Holding) -> Counter[UUID | None]:
    """Return how many shared slots each run holds."""
    return Counter(hold.run for hold in holding.shared)


def test_one_alone_holds_all_and_nobody_nothing() -> None:
    assert holders(next_holding(Holding(), [], NOW_US)) == {None: SLOTS}
    assert holders(next_holding(Holding(), [run_of(A)], NOW_US)) == {run_of(A).run: SLOTS}


def test_who_comes_later_is_given_what_others_have_let_go_some_at_a_time() -> None:
    held = next_holding(Holding(), [run_of(A)], NOW_US)
    both = next_holding(held, [run_of(A), run_of(B)], NOW_US)
    assert holders(both) == {run_of(A).run: SLOTS}, "what somebody holds is taken from nobody"
    assert len(both.back) == BACK_AT_ONCE
    for _ in range(SLOTS // BACK_AT_ONCE):
        freed = [
            hold._replace(run=None) if slot in both.back else hold for slot, hold in enumerate(both.shared)
        ]
        both = next_holding(both._replace(shared=tuple(freed)), [run_of(A), run_of(B)], NOW_US)
    assert holders(both) == {run_of(A).run: SLOTS // 2, run_of(B).run: SLOTS // 2} and not both.back


def test_what_is_asked_back_and_not_let_go_is_taken_when_no_grant_can_name_it_any_more() -> None:
    runs = [run_of(A, 1e6), run_of(B, 1e6)]
    held = next_holding(Holding(), runs[:1], NOW_US)
    asked = next_holding(held, runs, NOW_US)
    before = next_holding(asked, runs, NOW_US + BACK_US - 1)
    assert (holders(before), before.back) == ({run_of(A).run: SLOTS}, asked.back)
    after = next_holding(before, runs, NOW_US + BACK_US)
    taken = {slot for slot, hold in enumerate(after.shared) if hold.run == run_of(B).run}
    assert taken == asked.back and {after.shared[slot].fence for slot in taken} == {2}
    assert len(after.back) == BACK_AT_ONCE and not after.back & taken, "the next are asked for"
    assert BACK_US > HOLD_US


def test_what_was_asked_back_for_a_while_and_then_not_is_asked_for_anew() -> None:
    runs = [run_of(A, 1e6), run_of(B, 1e6)]
    held = next_holding(next_holding(Holding(), runs[:1], NOW_US), runs, NOW_US)
    alone = next_holding(held, runs[:1], NOW_US + 1)
    again = next_holding(alone, runs, NOW_US + BACK_US)
    assert not alone.back and len(again.back) == BACK_AT_ONCE
    assert holders(again) == {run_of(A).run: SLOTS}


def test_what_a_dead_one_held_is_waited_for_and_then_shared_with_another_fence() -> None:
    both = next_holding(Holding(), [run_of(A), run_of(B)], NOW_US)
    gone = run_of(A, 3, shares=False, owns=False)
    assert holders(next_holding(both, [gone, run_of(B)], NOW_US)) == holders(both)
    after = next_holding(both, [gone._replace(until_us=NOW_US), run_of(B)], NOW_US)
    assert holders(after) == {run_of(B).run: SLOTS}
    fences = {
        (was.run == run_of(A).run, new.fence - was.fence)
        for was, new in zip(both.shared, after.shared, strict=True)
    }
    assert fences == {(True, 1), (False, 0)}


def test_another_engine_of_the_same_install_waits_until_the_first_is_over() -> None:
    first, copy = run_of(A), run_of(A, number=1)
    held = next_holding(Holding(), [first], NOW_US)
    silent = first._replace(shares=False, owns=False)
    beside = next_holding(held, [silent, copy], NOW_US)
    assert holders(beside) == {first.run: SLOTS}
    assert (beside.own_fence(A, first.run), beside.own_fence(A, copy.run)) == (1, 0)
    after = next_holding(beside, [silent._replace(until_us=NOW_US), copy], NOW_US)
    assert (after.own_fence(A, first.run), after.own_fence(A, copy.run)) == (0, 2)
    assert holders(after) == {copy.run: SLOTS}


def test_what_is_an_installs_own_is_held_by_no_other_also_when_it_is_gone() -> None:
    held = next_holding(Holding(), [run_of(A), run_of(B, shares=False)], NOW_US)
    assert held.own_fence(B, run_of(B).run) == 1 and run_of(B).run not in holders(held)
    gone = next_holding(held, [run_of(A)], NOW_US)
    assert gone.own[B] == Hold(None, 1, NOW_US) and gone.own_fence(B, run_of(A).run) == 0
    assert next_holding(gone, [run_of(A), run_of(B)], NOW_US).own_fence(B, run_of(B).run) == 2


@given(st.sets(st.uuids(), min_size=1, max_size=12))
def test_slots_are_shared_evenly(installs: set[UUID]) -> None:
    counts = Counter(shared_out(installs))
    assert sum(counts.values()) == SLOTS
    assert max(counts.values()) <= -(-SLOTS // len(installs))


def test_where_one_of_many_goes_most_slots_stay() -> None:
    many = [UUID(int=number) for number in range(1, 9)]
    before, after = shared_out(many), shared_out(many[1:])
    stayed = sum(was == new for was, new in zip(before, after, strict=True) if was != many[0])
    assert stayed > SLOTS * 0.6


def test_devices_fall_evenly_into_slots() -> None:
    counts = Counter(slot_of(UUID(int=number << 64)) for number in range(20_000))
    assert len(counts) == SLOTS and max(counts.values()) < 2 * 20_000 / SLOTS


@pytest.mark.parametrize(("after_s", "polls"), [(0.0, True), (7.4, True), (7.6, False), (30.0, False)])
def test_a_grant_holds_since_its_beat_was_sent_not_since_it_was_heard(after_s: float, polls: bool) -> None:
    watch = ShareWatch()
    beat = watch.beat(100.0)
    assert watch.hear(Share(beat, HOLD_S, ((3, 1),), own=2)) is None
    assert (asks(watch, 3, 100.0 + after_s), asks_own(watch, 100.0 + after_s)) == (polls, polls)


def test_what_was_let_go_is_not_polled_again_under_the_same_fence() -> None:
    watch = ShareWatch()
    beat = watch.beat(0.0)
    assert watch.hear(Share(beat, HOLD_S, ((3, 1), (4, 1)))) is None
    assert watch.hear(Share(beat, HOLD_S, ((4, 1),), back=((3, 1),))) == LetGo(((3, 1),))
    assert not asks(watch, 3, 0.3) and asks(watch, 4, 0.3)
    assert watch.hear(Share(beat, HOLD_S, ((3, 1), (4, 1)))) == LetGo(((3, 1),)), "it was lost: again"
    assert not asks(watch, 3, 0.5)
    assert watch.hear(Share(beat, HOLD_S, ((3, 3), (4, 1)))) is None
    assert asks(watch, 3, 0.7)


def test_an_answer_to_a_beat_that_is_not_known_grants_nothing() -> None:
    watch = ShareWatch()
    watch.hear(Share(7, HOLD_S, ((3, 1),)))
    assert not asks(watch, 3, 0.1)


class Team(RuleBasedStateMachine):
    """Three installs, one of them copied, and a server that reaches them late, twice or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.holding = Holding()
        self.until_us: dict[UUID, int] = {}
        self.watches: dict[tuple[UUID, int], ShareWatch] = {}
        self.line: dict[UUID, int] = {}
        """Which engine of an install is connected."""
        self.heard: dict[tuple[UUID, int], tuple[float, int]] = {}
        """When an engine was heard by the server, and its last beat there."""
        self.up: dict[tuple[UUID, int], list[object]] = {}
        self.down: dict[tuple[UUID, int], list[Share]] = {}
        for install in (A, B, C):
            for number in range(2 if install == A else 1):
                self.watches[install, number] = ShareWatch()

    engines = st.sampled_from([(A, 0), (A, 1), (B, 0), (C, 0)])

    @rule(seconds=st.floats(0.05, 4.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(engine=engines)
    def connect(self, engine: tuple[UUID, int]) -> None:
        if (old := self.line.get(engine[0])) is not None:
            self._cut((engine[0], old))
        self.line[engine[0]] = engine[1]
        self.up[engine], self.down[engine] = [], []
        self.heard[engine] = self.now_s, 0

    @rule(engine=engines)
    def break_off(self, engine: tuple[UUID, int]) -> None:
        if self.line.get(engine[0]) == engine[1]:
            self._cut(engine)
            del self.line[engine[0]]

    @rule(engine=engines)
    def beat(self, engine: tuple[UUID, int]) -> None:
        if engine in self.up:
            self.up[engine].append(self.watches[engine].beat(self.now_s))

    @rule(engine=engines)
    def arrive_up(self, engine: tuple[UUID, int]) -> None:
        if not self.up.get(engine):
            return
        said = self.up[engine].pop(0)
        self.heard[engine] = self.now_s, said if isinstance(said, int) else self.heard[engine][1]
        if isinstance(said, LetGo):
            run = self._run(engine)
            gone = dict(said.slots or ())
            self.holding = self.holding._replace(
                shared=tuple(
                    hold._replace(run=None) if hold.run == run and gone.get(slot) == hold.fence else hold
                    for slot, hold in enumerate(self.holding.shared)
                )
            )

    @rule(engine=engines)
    def arrive_down(self, engine: tuple[UUID, int]) -> None:
        if not self.down.get(engine):
            return
        answer = self.watches[engine].hear(self.down[engine].pop(0))
        if answer is not None:
            self.up[engine].append(answer)

    @rule()
    def tick(self) -> None:
        now_us = round(self.now_s * 1e6)
        runs = []
        for install, number in self.watches:
            run, until_us = self._run((install, number)), self.until_us.get(self._run((install, number)), 0)
            is_here = self.line.get(install) == number
            if is_here:
                until_us = max(until_us, round(self.heard[install, number][0] * 1e6) + HOLD_US)
            runs.append(Run(run, install, until_us, shares=is_here, owns=is_here))
            self.until_us[run] = until_us
        self.holding = next_holding(self.holding, runs, now_us)
        for engine, (_, beat) in self.heard.items():
            if beat and self.line.get(engine[0]) == engine[1]:
                run = self._run(engine)
                slots = self.holding.slots_of(run)
                back = tuple(one for one in slots if one[0] in self.holding.back)
                kept = tuple(one for one in slots if one[0] not in self.holding.back)
                own = self.holding.own_fence(engine[0], run)
                self.down[engine].append(Share(beat, HOLD_S, kept, own, back))

    @precondition(lambda self: self.holding.own)
    @invariant()
    def nobody_polls_what_another_polls(self) -> None:
        for slot in range(0, SLOTS, 7):
            polling = [engine for engine, watch in self.watches.items() if asks(watch, slot, self.now_s)]
            assert len(polling) <= 1, (slot, polling)
        own = [engine for engine in ((A, 0), (A, 1)) if asks_own(self.watches[engine], self.now_s)]
        assert len(own) <= 1, own

    def _run(self, engine: tuple[UUID, int]) -> UUID:
        return UUID(int=engine[0].int * 100 + engine[1])

    def _cut(self, engine: tuple[UUID, int]) -> None:
        self.up[engine], self.down[engine] = [], []


TestTeam = Team.TestCase
TestTeam.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
