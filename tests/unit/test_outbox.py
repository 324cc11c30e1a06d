"""What a client has yet to hear: snapshot, credit, latest wins, bounds."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain import wire
from domain.alerts import Alert
from domain.fact import Fact
from domain.health import Health
from domain.inventory import Link
from domain.journal import JournalRow
from domain.wire import Changed, LatestValues
from engine.outbox import JOURNAL_CAP, Outbox
from engine.state import State, Subject
from tests.unit.inventories import device, inventory

VANTAGE = UUID(int=77)


def state_of(count: int) -> State:
    """Return a state of so many devices, each with health and two facts."""
    state = State(inventory(*(device(n) for n in range(1, count + 1))), VANTAGE)
    for n in range(1, count + 1):
        id = UUID(int=n)
        state.health[id] = Health(id, VANTAGE, "up")
        state.facts[id] = {
            (name, "snmp"): Fact(id, name, "snmp", VANTAGE, 1, value)
            for name, value in (("identity", f"R{n}"), ("gone", None))
        }
    return state


def drain(outbox: Outbox) -> list[Changed]:
    """Take all batches, giving each one's credit."""
    found = []
    while (batch := outbox.next_batch()) is not None:
        found.append(batch)
        assert outbox.credit(batch.batch)
    return found


def test_an_empty_network_is_one_initial_batch() -> None:
    (batch,) = drain(Outbox(State(inventory(), VANTAGE)))
    assert (batch.initial, batch.more, batch.devices) == (True, False, ())


def test_a_large_snapshot_comes_in_pieces_and_only_the_last_has_no_more() -> None:
    batches = drain(Outbox(state_of(2_500)))
    assert [b.more for b in batches] == [True] * (len(batches) - 1) + [False]
    assert all(b.initial for b in batches)
    assert len({d.id for b in batches for d in b.devices}) == 2_500
    assert len({h.device for b in batches for h in b.health}) == 2_500
    assert {f.field for b in batches for f in b.facts} == {"identity"}
    sizes = [len(b.devices) + len(b.health) + len(b.facts) for b in batches]
    assert max(sizes) <= wire.SUBJECTS_PER_BATCH + 1


def test_one_batch_is_outstanding_until_its_credit_and_the_latest_of_a_subject_wins() -> None:
    state = state_of(1)
    outbox = Outbox(state)
    first = outbox.next_batch()
    assert first is not None
    for status in ("degraded", "down", "up", "down"):
        state.health[UUID(int=1)] = Health(UUID(int=1), VANTAGE, status)  # type: ignore[arg-type]
        outbox.touch([Subject("health", UUID(int=1))])
        assert outbox.next_batch() is None
    assert not outbox.credit(99)
    assert outbox.credit(first.batch)
    second = outbox.next_batch()
    assert second is not None and [h.status for h in second.health] == ["down"]
    assert not second.initial and outbox.credit(second.batch) and not outbox.credit(second.batch)


def test_what_is_gone_when_the_batch_is_made_is_removed() -> None:
    state = state_of(2)
    outbox = Outbox(state)
    drain(outbox)
    outbox.touch([Subject("device", UUID(int=1)), Subject("health", UUID(int=1))])
    del state.inventory.tables["device"][UUID(int=1)]
    del state.health[UUID(int=1)]
    (batch,) = drain(outbox)
    assert batch.removed == (wire.Removed("device", UUID(int=1)),) and batch.health == ()


def test_a_fact_that_is_gone_is_told_as_gone() -> None:
    state = state_of(1)
    outbox = Outbox(state)
    drain(outbox)
    outbox.touch([Subject("fact", fact.address) for fact in state.facts[UUID(int=1)].values()])
    (batch,) = drain(outbox)
    assert {f.field: f.value for f in batch.facts} == {"identity": "R1", "gone": None}


def test_values_come_only_of_watched_devices_and_at_once() -> None:
    state = state_of(2)
    one, two = UUID(int=1), UUID(int=2)
    for id in (one, two):
        state.values[id] = LatestValues(id, 5, (("cpu_load_pct", "", 7.0),))
    outbox = Outbox(state)
    drain(outbox)
    outbox.touch([Subject("values", one)])
    assert drain(outbox) == []
    outbox.watch((one,))
    (batch,) = drain(outbox)
    assert [v.device for v in batch.values] == [one]
    outbox.touch([Subject("values", one), Subject("values", two)])
    outbox.watch((two,))
    (batch,) = drain(outbox)
    assert [v.device for v in batch.values] == [two]


def test_a_client_that_never_reads_costs_a_name_a_subject_and_the_newest_rows() -> None:
    outbox = Outbox(state_of(3))
    outbox.next_batch()
    for n in range(5_000):
        outbox.touch(Subject("health", UUID(int=k)) for k in (1, 2, 3))
        outbox.note([JournalRow(VANTAGE, n, n, "status", None)])
    assert len(outbox._changed) == 3 and len(outbox._journal) == JOURNAL_CAP
    outbox.credit(1)
    batch = outbox.next_batch()
    assert batch is not None and batch.journal[-1].seq == 4_999


@pytest.mark.parametrize("note", ["", "n" * 4_000])
def test_no_batch_is_near_the_frame_cap_even_with_the_longest_notes_and_paths(note: str) -> None:
    path = tuple((float(k), 47.123456) for k in range(180)) * 2
    things = [device(n, note=note) for n in range(1, 3_001)]
    links = [Link(UUID(int=50_000 + n), UUID(int=1), UUID(int=2), path=path, note=note) for n in range(2_000)]
    state = State(inventory(*things, *links), VANTAGE)
    values = tuple(("if_in_bps", f"a long interface name {k}", 1e9) for k in range(2_000))
    ids = [UUID(int=n) for n in range(1, 101)]
    for id in ids:
        state.values[id] = LatestValues(id, 1, values)
    outbox = Outbox(state)
    outbox.watch(ids)
    assert max(len(wire.encode(batch)) for batch in drain(outbox)) < wire.FRAME_CAP_BYTES / 8


def test_alerts_of_things_that_are_gone_are_no_part_of_a_snapshot() -> None:
    state = state_of(1)
    for n in (1, 9):
        state.alerts[UUID(int=100 + n)] = Alert(UUID(int=100 + n), "device_down", UUID(int=n), "critical", 1)
    (batch,) = drain(Outbox(state))
    assert [a.subject for a in batch.alerts] == [UUID(int=1)]


def test_streamed_values_stand_beside_the_polled_ones_while_they_stream() -> None:
    state = state_of(1)
    id = UUID(int=1)
    polled = (("if_in_bps", "e1", 1.0), ("cpu_load_pct", "", 7.0))
    state.values[id] = LatestValues(id, 5, polled)
    outbox = Outbox(state)
    outbox.watch([id])
    drain(outbox)
    state.live[id] = (9, (("if_in_bps", "e1", 2.0),))
    outbox.touch([Subject("values", id)])
    (batch,) = drain(outbox)
    assert batch.values == (LatestValues(id, 5, polled, (("if_in_bps", "e1", 2.0),), 9),)
    assert state.values[id] == LatestValues(id, 5, polled), (
        "what is stored and judged does not know of streams"
    )
    del state.live[id]
    outbox.touch([Subject("values", id)])
    (batch,) = drain(outbox)
    assert batch.values == (LatestValues(id, 5, polled),)


def test_a_device_that_streams_before_its_first_poll_is_shown() -> None:
    state = state_of(1)
    id = UUID(int=1)
    state.live[id] = (9, (("if_in_bps", "e1", 2.0),))
    assert state.latest(Subject("values", id)) == LatestValues(id, 0, (), (("if_in_bps", "e1", 2.0),), 9)
