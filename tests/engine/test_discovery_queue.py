"""The review queue: what is one find, what vanishes when it is known, what never comes back, and that it stays bounded."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.fact import Fact
from domain.finding import Find, KnownDevice, Seen, known_device, settled
from domain.identity import are_apart
from domain.inventory import Device
from engine.discovery import queue as module
from engine.discovery.queue import KEPT_US, TOLD_AGAIN_US, ReviewQueue

A, B = UUID(int=1), UUID(int=2)
MAC, OTHER_MAC = "48:8F:5A:00:00:01", "48:8F:5A:00:00:02"


def find(*addresses: str, at_us: int = 1, **said: object) -> Find:
    made = settled(Find(UUID(int=0), addresses, first_us=at_us, last_us=at_us, **said))  # type: ignore[arg-type]
    assert made is not None
    return made


class Engine:
    """Devices and facts as an engine has them, and a queue that follows."""

    def __init__(self) -> None:
        self.devices: dict[UUID, Device] = {}
        self.facts: dict[UUID, dict[tuple[str, str], Fact]] = {}
        self.answering: set[UUID] = set()
        self.kept: dict[UUID, Find] = {}
        self.batches: list[tuple[list[Find], list[UUID]]] = []
        self.now_us = 1_000
        self.queue = ReviewQueue(known_of=self.known_of, changed=self.on_changed, now_us=lambda: self.now_us)

    def known_of(self, id: UUID) -> KnownDevice | None:
        device = self.devices.get(id)
        return None if device is None else known_device(device, self.facts.get(id, {}), id in self.answering)

    def on_changed(self, put: object, gone: object) -> None:
        put, gone = list(put), list(gone)  # type: ignore[call-overload]
        self.batches.append((put, gone))
        for id in gone:
            self.kept.pop(id, None)
        self.kept |= {one.id: one for one in put}

    def set_device(self, id: UUID, name: str, address: str, **told: object) -> None:
        self.devices[id] = Device(id, name, address)
        facts = {(field, "snmp"): Fact(id, field, "snmp", B, 1, value) for field, value in told.items()}
        self.facts[id] = facts
        self.queue.change_devices([id])
        self.queue.learn(facts.values())
        self.queue.refresh()

    def names(self) -> list[str]:
        return sorted(one.name for one in self.queue)


def test_what_shares_a_key_is_one_find_however_often_it_comes() -> None:
    engine = Engine()
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        assert engine.queue.take(find(address, serial="S-100")) is not None
    assert [set(one.addresses) for one in engine.queue] == [{"10.0.0.1", "10.0.0.2"}]


def test_a_find_that_gains_a_stronger_key_replaces_its_row() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1"))
    engine.queue.take(find("10.0.0.1", serial="S-100", at_us=2))
    assert list(engine.kept) == [one.id for one in engine.queue] == [find("10.9.9.9", serial="S-100").id]
    assert engine.batches[-1][1] == [find("10.0.0.1").id]


def test_one_that_joins_two_makes_them_one() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.queue.take(find("10.0.0.2", macs=(MAC,)))
    assert len(engine.queue) == 2
    engine.queue.take(find("10.0.0.3", serial="S-100", macs=(MAC,), at_us=3))
    assert [len(one.addresses) for one in engine.queue] == [3]


def test_a_weaker_key_does_not_join_what_a_stronger_tells_apart() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.queue.take(find("10.0.0.1", serial="S-200", at_us=2))
    engine.queue.take(find("10.0.0.1", identity="who", at_us=3))
    assert sorted((one.serial, one.identity) for one in engine.queue) == [("S-100", ""), ("S-200", "who")]


def test_a_find_that_was_added_by_hand_vanishes_and_comes_not_back() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.queue.take(find("10.0.0.2", serial="S-200"))
    engine.set_device(A, "r1", "10.0.0.1")
    assert engine.names() == ["10.0.0.2"]
    found = engine.queue.take(find("10.0.0.1", serial="S-100", at_us=5))
    assert found is not None
    assert found.kind == "known"
    assert list(engine.kept) == [one.id for one in engine.queue]


def test_a_find_vanishes_when_its_device_is_moved_to_where_it_is_now() -> None:
    engine = Engine()
    engine.set_device(A, "r1", "10.0.0.1", serial="S-100")
    engine.queue.take(find("10.0.9.1", serial="S-100"))
    assert [one.match.kind for one in engine.queue] == ["moved"]
    engine.set_device(A, "r1", "10.0.9.1", serial="S-100")
    assert len(engine.queue) == len(engine.kept) == 0


def test_a_find_follows_what_a_device_tells_of_itself_later() -> None:
    engine = Engine()
    engine.set_device(A, "r1", "10.0.0.1")
    engine.queue.take(find("10.0.9.1", serial="S-100"))
    assert [one.match.kind for one in engine.queue] == ["new"]
    engine.set_device(A, "r1", "10.0.0.1", serial="S-100")
    assert [one.match.kind for one in engine.queue] == ["moved"]
    assert engine.kept[next(iter(engine.queue)).id].match.kind == "moved"
    engine.answering.add(A)
    engine.queue.change_devices([A])
    engine.queue.refresh()
    assert len(engine.queue) == 0


def test_a_device_that_is_deleted_may_be_found_again() -> None:
    engine = Engine()
    engine.set_device(A, "r1", "10.0.0.1")
    del engine.devices[A]
    engine.queue.change_devices([A])
    engine.queue.refresh()
    found = engine.queue.take(find("10.0.0.1"))
    assert found is not None
    assert found.kind == "new"


def test_refreshing_compares_nothing_where_nothing_changed() -> None:
    engine = Engine()
    engine.set_device(A, "r1", "10.0.0.1", serial="S-100")
    engine.queue.take(find("10.0.9.1", serial="S-100"))
    told = len(engine.batches)
    engine.queue.change_devices([A])
    engine.queue.learn([Fact(A, "serial", "snmp", B, 2, "S-100"), Fact(A, "uptime", "snmp", B, 2, 5)])
    engine.queue.refresh()
    assert len(engine.batches) == told


def test_ten_thousand_that_change_at_once_are_compared_some_at_a_time_and_no_find_before_all_of_them() -> (
    None
):
    engine = Engine()
    two = [UUID(int=n) for n in (1, 90)]
    for n in range(1, 101):
        engine.devices[UUID(int=n)] = Device(UUID(int=n), f"r{n}", f"10.0.1.{n}")
    for id in two:  # the same router, taken up twice
        engine.facts[id] = {("serial", "snmp"): Fact(id, "serial", "snmp", B, 1, "S-100")}
    engine.queue.take(find("10.0.9.1", serial="S-100"))
    engine.queue.change_devices(engine.devices)
    refreshes = 0
    while engine.queue.is_behind:
        engine.queue.refresh(20)
        refreshes += 1
    assert refreshes == 5
    (one,) = engine.queue
    assert (one.match.kind, set(one.match.devices)) == ("duplicate", set(two))
    assert engine.kept == {one.id: one}


def test_a_find_that_nobody_saw_for_long_is_forgotten_while_the_engine_runs() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1"))
    engine.queue.take(find("10.0.0.2", at_us=KEPT_US))
    engine.queue.refresh()
    assert len(engine.queue) == 2
    engine.now_us = KEPT_US + 10
    engine.queue.refresh()
    assert engine.names() == ["10.0.0.2"]
    assert len(engine.kept) == 1


@pytest.mark.parametrize("key", ["serial:S-100", f"mac:{MAC}", "address:10.0.0.1"])
def test_what_is_ignored_goes_and_never_comes_back(key: str) -> None:
    engine = Engine()
    one = find("10.0.0.1", serial="S-100", macs=(MAC,))
    engine.queue.take(one)
    engine.queue.take(find("10.0.0.2"))
    engine.queue.set_ignored([key])
    assert engine.names() == ["10.0.0.2"]
    assert engine.queue.take(one) is None
    assert engine.names() == ["10.0.0.2"]
    engine.queue.set_ignored([])
    assert engine.queue.take(one) is not None


def test_what_turns_out_to_be_ignored_takes_its_parts_with_it() -> None:
    engine = Engine()
    engine.queue.set_ignored(["serial:S-100"])
    engine.queue.take(find("10.0.0.1", macs=(MAC,)))
    assert engine.queue.take(find("10.0.0.1", macs=(MAC,), serial="S-100", at_us=2)) is None
    assert len(engine.queue) == len(engine.kept) == 0


def test_a_full_queue_takes_no_more_but_knows_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FINDS_CAP", 3)
    engine = Engine()
    for n in range(9):
        engine.queue.take(find(f"10.0.0.{n}"))
    assert (len(engine.queue), engine.queue.left_out) == (3, 6)
    assert engine.queue.take(find("10.0.0.1", serial="S-100", at_us=2)) is not None
    assert len(engine.queue) == 3


def test_that_a_find_was_merely_seen_again_is_told_once_a_minute() -> None:
    engine = Engine()
    for at_us in range(1, 5 * TOLD_AGAIN_US, TOLD_AGAIN_US // 10):
        engine.queue.take(find("10.0.0.1", at_us=at_us, sources=(Seen("mndp", at_us),)))
    assert 5 <= len(engine.batches) <= 6
    engine.queue.take(find("10.0.0.1", identity="new", at_us=9 * TOLD_AGAIN_US))
    assert engine.batches[-1][0][0].identity == "new"


def test_a_queue_begins_with_what_was_kept_and_still_holds() -> None:
    engine = Engine()
    engine.now_us = KEPT_US + 10
    engine.devices[A] = Device(A, "r1", "10.0.0.1")
    old, taken, ignored, good = (
        find("10.0.0.9", at_us=9), find("10.0.0.1", at_us=20), find("10.0.0.2", at_us=20), find("10.0.0.3", at_us=20),
    )  # fmt: skip
    engine.kept = {one.id: one for one in (old, taken, ignored, good)}
    engine.queue.load([old, taken, ignored, good], [A], ["address:10.0.0.2"])
    engine.queue.refresh()
    assert [one.id for one in engine.queue] == list(engine.kept) == [good.id]


def test_a_find_can_be_forgotten_and_two_can_be_joined_by_hand() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", macs=(MAC,)))
    engine.queue.take(find("10.0.0.2", macs=(OTHER_MAC,), at_us=2))
    found = engine.queue.join([one.id for one in engine.queue])
    assert found is not None
    assert found.kind == "new"
    (joined,) = engine.queue
    assert list(engine.kept) == [joined.id]
    assert engine.queue.take(find("10.0.0.2", macs=(OTHER_MAC,), at_us=3)) is not None
    assert len(engine.queue) == 1
    assert engine.queue.join([joined.id, joined.id]) is None
    assert engine.queue.forget(joined.id)
    assert not engine.queue.forget(joined.id)
    assert engine.kept == {}


def test_finds_that_are_a_device_once_they_are_joined_vanish() -> None:
    engine = Engine()
    engine.set_device(A, "r1", "10.0.0.1", serial="S-200")
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.queue.take(find("10.0.0.2", serial="S-200", at_us=2))
    assert sorted(one.match.kind for one in engine.queue) == ["moved", "new"]
    found = engine.queue.join([one.id for one in engine.queue])
    assert found is not None
    assert found.kind == "known"
    assert len(engine.queue) == len(engine.kept) == 0


_said = st.fixed_dictionaries(
    {
        "serial": st.sampled_from(["", "", "S-100", "S-200"]),
        "macs": st.lists(st.sampled_from([MAC, OTHER_MAC]), max_size=2).map(tuple),
        "identity": st.sampled_from(["", "r1", "r2"]),
    }
)
_addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])


@given(st.lists(st.tuples(_addresses, _said), max_size=8), st.randoms(use_true_random=False))
def test_two_passes_over_one_network_give_the_same_finds(
    seen: list[tuple[str, dict[str, object]]], dice: object
) -> None:
    engine = Engine()
    for at_us, (address, said) in enumerate(seen, 1):
        engine.queue.take(find(address, at_us=at_us, **said))
    ids = {one.id for one in engine.queue}
    for at_us, (address, said) in enumerate(seen, 100):
        engine.queue.take(find(address, at_us=at_us, **said))
    again = {one.id for one in engine.queue}
    assert len(again) <= len(ids)
    for at_us, (address, said) in enumerate(seen, 200):
        engine.queue.take(find(address, at_us=at_us, **said))
    assert {one.id for one in engine.queue} == again


class QueueMachine(RuleBasedStateMachine):
    """Whatever comes, the queue and what is kept of it are one, and its index holds what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.at_us = 0

    @rule(address=_addresses, said=_said)
    def take(self, address: str, said: dict[str, object]) -> None:
        self.at_us += 1
        self.engine.queue.take(find(address, at_us=self.at_us, **said))

    @rule(id=st.sampled_from([A, B]), address=_addresses, serial=st.sampled_from(["", "S-100", "S-200"]))
    def change_device(self, id: UUID, address: str, serial: str) -> None:
        self.engine.set_device(id, f"d{id.int}", address, **({"serial": serial} if serial else {}))

    @rule(id=st.sampled_from([A, B]))
    def delete_device(self, id: UUID) -> None:
        self.engine.devices.pop(id, None)
        self.engine.queue.change_devices([id])
        self.engine.queue.refresh()

    @rule(keys=st.lists(st.sampled_from(["serial:S-100", f"mac:{MAC}", "address:10.0.0.2"]), max_size=2))
    def ignore(self, keys: list[str]) -> None:
        self.engine.queue.set_ignored(keys)

    @precondition(lambda self: len(self.engine.queue) >= 2)
    @rule()
    def join(self) -> None:
        self.engine.queue.join([one.id for one in self.engine.queue][:2])

    @precondition(lambda self: len(self.engine.queue))
    @rule()
    def forget(self) -> None:
        self.engine.queue.forget(next(iter(self.engine.queue)).id)

    @invariant()
    def what_is_kept_is_what_is_there(self) -> None:
        queue = self.engine.queue
        timeless = [msgspec.structs.replace(one, last_us=0, sources=()) for one in queue]
        kept = [msgspec.structs.replace(one, last_us=0, sources=()) for one in self.engine.kept.values()]
        assert sorted(timeless, key=lambda one: one.id.int) == sorted(kept, key=lambda one: one.id.int)

    @invariant()
    def the_index_is_that_of_the_finds(self) -> None:
        queue = self.engine.queue
        expected: dict[str, set[UUID]] = {}
        for one in queue:
            assert queue.get(one.id) == one
            for text in one.keys.texts:
                expected.setdefault(text, set()).add(one.id)
        assert queue._by_key == expected
        assert queue._told_us.keys() == {one.id for one in queue}

    @invariant()
    def nothing_known_or_ignored_is_shown(self) -> None:
        queue = self.engine.queue
        for one in queue:
            assert one.match.kind != "known"
            assert queue._ignored.isdisjoint(one.keys.texts)
            for other in queue:
                same = one.id != other.id and one.serial and one.serial == other.serial
                assert not same
                assert (
                    one.id == other.id
                    or not one.serial
                    or are_apart(one.keys, other.keys)
                    or not other.serial
                )


TestQueueMachine = QueueMachine.TestCase
