"""Five installs and a server come to agree, whatever is lost, comes twice or late, dies or is restored; no edit disappears."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.sync.world import REPLICAS, DiskFull, Killed, Replica, World

numbers = st.integers(0, REPLICAS - 1)
dices = st.randoms(use_true_random=False)


class Replicas(RuleBasedStateMachine):
    """Any acts in any order; in the end all arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Random(0))

    def replica(self, number: int) -> Replica:
        return self.world.replicas[number]

    @rule(number=numbers, dice=dices)
    def edit(self, number: int, dice: Random) -> None:
        self.world.edit(self.replica(number), dice)

    @rule(number=numbers, dice=dices)
    def undo(self, number: int, dice: Random) -> None:
        self.world.undo(self.replica(number), dice)

    @rule(number=numbers, dice=dices)
    def resend(self, number: int, dice: Random) -> None:
        self.world.resend(self.replica(number), dice)

    @rule(number=numbers)
    def connect_and_push(self, number: int) -> None:
        self.world.connect(self.replica(number))
        self.world.push(self.replica(number))

    @rule(number=numbers, dice=dices)
    def serve(self, number: int, dice: Random) -> None:
        self.world.serve(self.replica(number), dice)

    @rule(number=numbers, dice=dices)
    def hear(self, number: int, dice: Random) -> None:
        self.world.hear(self.replica(number), dice)

    @rule(number=numbers, dice=dices)
    def exchange(self, number: int, dice: Random) -> None:
        replica = self.replica(number)
        self.connect_and_push(number)
        for _ in range(4):
            self.world.serve(replica, dice, faulty=False)
            self.world.hear(replica, dice, faulty=False)

    @rule(number=numbers, is_killed=st.booleans())
    def cut(self, number: int, is_killed: bool) -> None:
        (self.replica(number).restart if is_killed else self.replica(number).hang_up)()

    @rule(number=numbers, is_killed=st.booleans())
    def fail(self, number: int, is_killed: bool) -> None:
        self.replica(number).fault = Killed() if is_killed else DiskFull()

    @rule()
    def back_up(self) -> None:
        self.world.server.back_up()

    @rule()
    def restore(self) -> None:
        self.world.restore()

    @invariant()
    def memory_is_as_the_disk(self) -> None:
        for replica in self.world.replicas:
            self.world.check(replica)
        self.world_is_right()

    def teardown(self) -> None:
        self.world.settle()
        self.world_is_right()

    def world_is_right(self) -> None:
        assert (self.world.divergences, self.world.lost_edits, self.world.server.broken) == (0, 0, [])


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=25, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("seed", range(3))
def test_by_dice_too_they_agree(seed: int) -> None:
    dice = Random(seed)
    world = World(dice)
    for _ in range(6):
        for _ in range(250):
            world.step(dice)
        world.settle()
        assert (world.divergences, world.lost_edits, world.server.broken) == (0, 0, [])
    assert world.edits > 100
    assert world.server.merged > 100
    assert world.server.refused > 5
    assert any(entry.clashes for replica in world.replicas for entry in replica.disk.tray.values())
