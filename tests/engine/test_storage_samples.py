"""Samples: packed and read back, thinned with their spikes, never more than what is believable, and not for ever."""

from __future__ import annotations

import gc
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from domain.edit import apply, deletion
from domain.inventory import Inventory
from domain.metrics import CATALOGUE
from domain.observation import Value
from domain.retention import Retention
from engine.storage import Batch, CycleRow, Store, tables
from engine.storage.samples import ORDERS_CACHED, VALUES_CAP, _Layout
from engine.storage.series import merged
from tests.engine.stores import DAY_US, DEVICES, NOW_US, THINGS, applied, edit, filled, open_store

A, B = DEVICES[0].id, DEVICES[1].id


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "net.sqlite")
    filled(store)
    yield store
    store.close()


def cycle(device: UUID, second: float, *values: Value) -> CycleRow:
    return CycleRow(device, NOW_US + int(second * 1e6), values)


def write(kept: Store, *cycles: CycleRow) -> None:
    kept.write(Batch(samples=list(cycles)))


def whole(kept: Store, device: UUID, metric: str, instance: str = "") -> list[float]:
    return kept.series(device, metric, instance, 0, 1 << 62, 100_000).value


def inventory_of_all() -> Inventory:
    after = Inventory()
    apply(after, edit(1, *THINGS))
    return after


def counted(kept: Store, table: object) -> int:
    with kept._transaction() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_values_come_back_under_their_metric_and_instance(kept: Store) -> None:
    write(
        kept,
        cycle(A, 0, ("if_in_bps", "ether1", 1e9), ("if_in_bps", "ether2", 2.5), ("rtt_ms", "", 0.25)),
        cycle(B, 0, ("if_in_bps", "ether1", 7.0)),
    )
    assert whole(kept, A, "if_in_bps", "ether1") == [1e9]
    assert whole(kept, A, "if_in_bps", "ether2") == [2.5]
    assert whole(kept, A, "rtt_ms") == [0.25]
    assert whole(kept, B, "if_in_bps", "ether1") == [7.0]
    assert (
        whole(kept, B, "rtt_ms") == whole(kept, A, "if_in_bps", "ether3") == whole(kept, A, "no_such") == []
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CATALOGUE)), st.sampled_from(["", "ether1", "<b>ü"]), st.floats())
    )
)
def test_any_values_come_back_as_float32_or_are_counted(
    tmp_path_factory: pytest.TempPathFactory, values: list[Value]
) -> None:
    store = open_store(tmp_path_factory.mktemp("any") / "net.sqlite")
    filled(store)
    write(store, cycle(A, 0, *values))
    believed = [(m, i, v) for m, i, v in values if CATALOGUE[m].low <= v <= CATALOGUE[m].high]
    assert store.refused_values == len(values) - len(believed)
    for (metric, instance), value in {(m, i): v for m, i, v in believed}.items():
        assert whole(store, A, metric, instance) == [struct.unpack("<f", struct.pack("<f", value))[0]]
    store.close()


def test_what_is_not_believable_is_counted_and_not_stored(kept: Store) -> None:
    write(
        kept,
        cycle(A, 0, ("cpu_load_pct", "", 101.0), ("cpu_load_pct", "", math.nan), ("rtt_ms", "", math.inf)),
        cycle(A, 1, ("blood_pressure", "", 1.0), ("rtt_ms", "x" * 300, 1.0), ("temperature_c", "", -300.0)),
        cycle(UUID(int=404), 2, ("rtt_ms", "", 1.0), ("cpu_load_pct", "", 1.0)),
    )
    assert kept.refused_values == 8
    assert counted(kept, tables.sample) == counted(kept, tables.sample_schema) == 0


def test_a_cycle_of_endless_values_is_cut(kept: Store) -> None:
    write(kept, cycle(A, 0, *(("if_in_bps", f"ether{n}", 1.0) for n in range(VALUES_CAP + 3))))
    assert kept.refused_values == 3
    assert whole(kept, A, "if_in_bps", f"ether{VALUES_CAP - 1}") == [1.0]
    assert whole(kept, A, "if_in_bps", f"ether{VALUES_CAP}") == []


def test_the_range_includes_both_ends(kept: Store) -> None:
    write(kept, *(cycle(A, n, ("rtt_ms", "", float(n))) for n in range(10)))
    found = kept.series(A, "rtt_ms", "", NOW_US + 3_000_000, NOW_US + 5_000_000, 500)
    assert found.value == found.low == found.high == [3.0, 4.0, 5.0]
    assert found.at_us == [NOW_US + n * 1_000_000 for n in (3, 4, 5)]


def test_devices_that_tell_the_same_share_one_schema(kept: Store) -> None:
    for n in range(3):
        write(kept, *(cycle(d.id, n, ("rtt_ms", "", 1.0), ("cpu_load_pct", "", 2.0)) for d in DEVICES))
    assert counted(kept, tables.sample_schema) == 1
    assert counted(kept, tables.sample) == 18


def test_a_cycle_with_gaps_uses_the_schema_at_hand_and_leaves_holes(kept: Store) -> None:
    full = [("if_in_bps", f"ether{n}", float(n)) for n in range(8)]
    write(
        kept, cycle(A, 0, *full[:4]), cycle(A, 1, *full), cycle(A, 2, *full[2:]), cycle(A, 3, *reversed(full))
    )
    assert counted(kept, tables.sample_schema) == 2
    assert whole(kept, A, "if_in_bps", "ether0") == [0.0, 0.0, 0.0]
    assert whole(kept, A, "if_in_bps", "ether3") == [3.0, 3.0, 3.0, 3.0]
    assert whole(kept, A, "if_in_bps", "ether7") == [7.0, 7.0, 7.0]


def test_two_probes_may_answer_in_the_same_microsecond(kept: Store) -> None:
    many = [("if_in_bps", f"ether{n}", float(n)) for n in range(8)]
    write(kept, cycle(A, 0, *many), cycle(A, 0, ("rtt_ms", "", 1.0)))
    assert (whole(kept, A, "rtt_ms"), whole(kept, A, "if_in_bps", "ether7")) == ([1.0], [7.0])


def test_a_cycle_that_is_written_twice_stays_as_it_was(kept: Store) -> None:
    write(kept, cycle(A, 0, ("rtt_ms", "", 1.0)))
    write(kept, cycle(A, 0, ("rtt_ms", "", 2.0)), cycle(A, 1, ("rtt_ms", "", 3.0)))
    assert whole(kept, A, "rtt_ms") == [1.0, 3.0]


def test_samples_of_a_former_run_are_read_and_their_schemas_used_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "net.sqlite")
    filled(store)
    write(store, cycle(A, 0, ("rtt_ms", "", 1.0), ("cpu_load_pct", "", 5.0)))
    store.close()
    again = open_store(tmp_path / "net.sqlite")
    write(again, cycle(A, 1, ("cpu_load_pct", "", 6.0), ("rtt_ms", "", 2.0)))
    assert (whole(again, A, "rtt_ms"), whole(again, A, "cpu_load_pct")) == ([1.0, 2.0], [5.0, 6.0])
    assert counted(again, tables.sample_schema) == counted(again, tables.sample_source) == 1
    again.close()


def test_after_a_failed_write_no_key_of_it_is_used(kept: Store) -> None:
    class Pulled(Exception):
        pass

    values = (("rtt_ms", "", 1.0),)
    with pytest.raises(Pulled), kept._transaction() as connection:
        kept._samples.write(connection, [cycle(A, 0, *values)])
        raise Pulled
    write(kept, cycle(B, 0, ("cpu_load_pct", "", 9.0)), cycle(A, 0, *values))
    assert (whole(kept, A, "rtt_ms"), whole(kept, B, "cpu_load_pct")) == ([1.0], [9.0])


def test_raw_samples_go_after_seven_days_and_their_hours_stay(kept: Store) -> None:
    write(kept, *(cycle(d, n * 43_200, ("rtt_ms", "", float(n))) for n in range(20) for d in (A, B)))
    kept.prune(NOW_US + int(9.6 * DAY_US))
    assert counted(kept, tables.sample) == 2 * 14
    assert whole(kept, A, "rtt_ms") == whole(kept, B, "rtt_ms") == [float(n) for n in range(20)]


def test_above_the_cap_the_oldest_go_first(kept: Store) -> None:
    values = tuple(("if_in_bps", f"ether{n}", float(n)) for n in range(500))
    write(kept, *(cycle(d, n, *values) for n in range(300) for d in (A, B)))
    kept.retention = Retention(raw_cap_bytes=700_000)
    kept.prune(NOW_US + 300_000_000)
    times = kept.series(A, "if_in_bps", "ether0", 0, 1 << 62, 1000).at_us
    assert 0 < len(times) < 200
    assert times == [NOW_US + n * 1_000_000 for n in range(300 - len(times), 300)]
    write(kept, cycle(A, 301, *values))
    assert len(whole(kept, A, "if_in_bps", "ether0")) == len(times) + 1


def test_a_cap_that_no_pruning_can_meet_is_no_endless_loop(kept: Store) -> None:
    write(kept, *(cycle(A, n, ("rtt_ms", "", 1.0)) for n in range(10)))
    kept.retention = Retention(raw_cap_bytes=1)
    kept.prune(NOW_US)
    assert counted(kept, tables.sample) == 0


def test_schemas_and_sources_go_when_nothing_needs_them(kept: Store) -> None:
    after = inventory_of_all()
    write(kept, cycle(A, 0, ("rtt_ms", "", 1.0)), cycle(B, 0, ("cpu_load_pct", "", 1.0)))
    applied(kept, after, 2, deletion("device", DEVICES[5]))
    kept.prune(NOW_US + 9 * DAY_US)
    assert (counted(kept, tables.sample_schema), counted(kept, tables.sample_source)) == (2, 2)
    write(kept, cycle(B, 370 * 86_400, ("cpu_load_pct", "", 2.0)))
    kept.prune(NOW_US + 740 * DAY_US)
    assert counted(kept, tables.sample_schema) == 1
    assert whole(kept, B, "cpu_load_pct") == []


def test_a_deleted_devices_source_goes_with_its_last_sample(kept: Store) -> None:
    write(kept, cycle(DEVICES[5].id, 0, ("rtt_ms", "", 1.0)))
    applied(kept, inventory_of_all(), 2, deletion("device", DEVICES[5]))
    write(kept, cycle(DEVICES[5].id, 1, ("rtt_ms", "", 1.0)))
    assert kept.refused_values == 1
    kept.prune(NOW_US)
    assert counted(kept, tables.sample_source) == 1
    kept.prune(NOW_US + 370 * DAY_US)
    assert counted(kept, tables.sample_source) == 0


# Thinning


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(-50, 50)),
        min_size=1,
        max_size=300,
        unique_by=lambda p: p[0],
    ),
    st.integers(2, 60),
)
def test_merging_keeps_at_most_the_points_asked_for_the_extremes_and_the_mean(
    pairs: list[tuple[int, int]], points: int
) -> None:
    pairs.sort()
    found = merged([(at, v, v, v, 1) for at, v in pairs], 0, 10_000, points)
    assert len(found.at_us) == len(found.value) == len(found.low) == len(found.high) <= points
    assert found.at_us == sorted(set(found.at_us))
    assert (min(found.low), max(found.high)) == (min(v for _, v in pairs), max(v for _, v in pairs))
    assert all(
        low <= mean <= high for low, mean, high in zip(found.low, found.value, found.high, strict=True)
    )


def test_a_single_spike_among_many_values_survives(kept: Store) -> None:
    spike = random.Random(7).randrange(2880)
    write(kept, *(cycle(A, n * 30, ("rtt_ms", "", 900.0 if n == spike else 5.0)) for n in range(2880)))
    found = kept.series(A, "rtt_ms", "", NOW_US, NOW_US + DAY_US, 500)
    assert len(found.value) <= 500
    at_us = found.at_us[found.high.index(900.0)]
    assert abs(at_us - (NOW_US + spike * 30_000_000)) <= DAY_US / 500


def test_fewer_points_than_two_are_two(kept: Store) -> None:
    write(kept, *(cycle(A, n, ("rtt_ms", "", float(n))) for n in range(50)))
    found = kept.series(A, "rtt_ms", "", NOW_US, NOW_US + 49_000_000, 0)
    assert (len(found.value), min(found.low), max(found.high)) == (2, 0.0, 49.0)


def test_a_device_whose_probes_answer_in_ever_another_order_fills_no_memory(kept: Store) -> None:
    full = [("if_in_bps", f"ether{n}", float(n)) for n in range(8)]
    chance = random.Random(5)
    gc.collect()
    before = sum(isinstance(held, _Layout) for held in gc.get_objects())
    for second in range(50):
        write(kept, cycle(A, second, *chance.sample(full, 8)))
    gc.collect()
    assert sum(isinstance(held, _Layout) for held in gc.get_objects()) - before <= 2
    assert whole(kept, A, "if_in_bps", "ether7") == [7.0] * 50


def test_reading_what_many_devices_told_fills_no_memory(kept: Store) -> None:
    samples = kept._samples
    with kept._transaction() as connection:
        keys = [
            samples.schema_of(connection, [(1, f"port{n}"), (2, "")], NOW_US).key
            for n in range(ORDERS_CACHED + 50)
        ]
        orders = [samples.series_in(connection, key) for key in keys]
        assert orders[7] == samples.series_in(connection, keys[7]) == [(1, "port7"), (2, "")]
    assert len(samples._orders) <= ORDERS_CACHED
    assert orders[0][1] is orders[1][1]
