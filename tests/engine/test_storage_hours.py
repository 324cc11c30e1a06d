"""Hours against what the raw rows say: nothing missing, nothing twice, spikes and means right, killed anywhere."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from domain.metrics import CATALOGUE
from domain.retention import Retention
from engine.storage import Batch, CycleRow, Store, tables
from engine.storage.hours import HOUR_US, floor_hour
from tests.engine.stores import DAY_US, DEVICES, NOW_US, filled, open_store

A, B = DEVICES[0].id, DEVICES[1].id
START_US = floor_hour(NOW_US)
LATER_US = START_US + 400 * DAY_US


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "net.sqlite")
    filled(store)
    yield store
    store.close()


def write(kept: Store, *values: tuple[int, float], metric: str = "rtt_ms") -> None:
    """Write values of one series at microseconds after the start."""
    rows = [CycleRow(A, START_US + at_us, ((metric, "", value),)) for at_us, value in values]
    kept.write(Batch(samples=rows))


def roll_all(kept: Store, now_us: int = LATER_US) -> int:
    """Roll up all there is; return in how many turns."""
    turns = 0
    while kept.roll_up(now_us):
        turns += 1
    return turns


def hours_of(kept: Store) -> list[tuple[int, float, float, float, int]]:
    with kept._transaction() as connection:
        source = kept._samples.source_of(connection, A)
        assert source is not None
        read = kept._hours.read(connection, source[0], (CATALOGUE["rtt_ms"].key, ""), 0, 1 << 62)
        return [(at_us, *hour) for at_us, hour in read]


def float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(0, 6 * HOUR_US), st.floats(0, 1000, width=32), min_size=1, max_size=60),
)
def test_an_hour_has_the_lowest_highest_mean_and_number_of_its_values(
    tmp_path_factory: pytest.TempPathFactory, values: dict[int, float]
) -> None:
    store = open_store(tmp_path_factory.mktemp("hours") / "net.sqlite")
    filled(store)
    write(store, *values.items())
    roll_all(store)
    expected = []
    for hour in sorted({at // HOUR_US for at in values}):
        held = [value for at, value in values.items() if at // HOUR_US == hour]
        expected.append(
            (START_US + hour * HOUR_US, min(held), max(held), pytest.approx(fmean(held), rel=1e-5), len(held))
        )
    assert hours_of(store) == expected
    store.close()


def test_an_hour_that_is_not_over_yet_is_left(kept: Store) -> None:
    write(kept, (0, 1.0), (HOUR_US, 2.0))
    roll_all(kept, START_US + 2 * HOUR_US + 1)
    assert [hour[0] for hour in hours_of(kept)] == [START_US]


def test_rolling_up_again_changes_nothing(kept: Store) -> None:
    write(kept, (0, 1.0), (5_000_000, 3.0), (3 * HOUR_US, 2.0))
    assert roll_all(kept) > 0
    before = hours_of(kept)
    assert roll_all(kept) == 0
    assert hours_of(kept) == before


def test_a_roll_up_that_fails_half_way_did_not_happen(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(kept, (0, 1.0), (HOUR_US, 2.0))

    def fail(*_: object) -> None:
        raise RuntimeError("pulled")

    with monkeypatch.context() as patch:
        patch.setattr("engine.storage.hours.upsert", fail)
        with pytest.raises(RuntimeError, match="pulled"):
            kept.roll_up(LATER_US)
    roll_all(kept)
    assert [hour[1:] for hour in hours_of(kept)] == [(1.0, 1.0, 1.0, 1), (2.0, 2.0, 2.0, 1)]


def test_a_cycle_with_holes_and_two_schemas_in_one_hour_add_up(kept: Store) -> None:
    many = tuple(("if_in_bps", f"ether{n}", float(n)) for n in range(3))
    at = [CycleRow(A, START_US + n, (*many, ("rtt_ms", "", float(n)))) for n in range(4)]
    bare = [CycleRow(A, START_US + 10 + n, (("rtt_ms", "", 10.0),)) for n in range(2)]
    holed = CycleRow(A, START_US + 20, many)
    kept.write(Batch(samples=[*at, *bare, holed]))
    roll_all(kept)
    assert hours_of(kept) == [(START_US, 0.0, 10.0, pytest.approx(26 / 6), 6)]


def test_history_and_polls_meet_without_a_gap_or_a_double(kept: Store) -> None:
    minutes = 3 * 24 * 60
    write(kept, *((n * 60_000_000, float(n % 97)) for n in range(minutes)))
    whole = kept.series(A, "rtt_ms", "", START_US, START_US + 3 * DAY_US, 100_000)
    assert len(whole.at_us) == minutes
    now_us = START_US + 3 * DAY_US + 60_000_000 * 7
    kept.retention = Retention(raw_days=1.3)
    kept.prune(now_us)
    found = kept.series(A, "rtt_ms", "", START_US, START_US + 3 * DAY_US, 100_000)
    raw = [at for at in found.at_us if at % HOUR_US or at in set(whole.at_us)]
    assert found.at_us == sorted(set(found.at_us))
    hours = sum(low != high for low, high in zip(found.low, found.high, strict=True))
    meet_us = found.at_us[hours]
    assert found.at_us[:hours] == [START_US + n * HOUR_US for n in range(hours)]
    assert meet_us == START_US + hours * HOUR_US
    assert found.at_us[hours:] == [at for at in whole.at_us if at >= meet_us]
    assert 0 < hours < 48
    assert len(raw) > 1000


def test_a_spike_of_long_ago_is_still_to_be_seen_in_few_points(kept: Store) -> None:
    write(kept, *((n * HOUR_US, 900.0 if n == 77 else 5.0) for n in range(24 * 8)))
    kept.prune(START_US + 60 * DAY_US)
    found = kept.series(A, "rtt_ms", "", START_US, START_US + 8 * DAY_US, 50)
    assert len(found.at_us) <= 50
    assert max(found.high) == 900.0
    assert max(found.value) < 900.0


def test_hours_go_after_a_year(kept: Store) -> None:
    write(kept, (0, 1.0), (40 * 24 * HOUR_US, 2.0))
    kept.prune(START_US + 380 * DAY_US)
    assert [hour[1] for hour in hours_of(kept)] == [2.0]


def test_what_is_pruned_was_rolled_up_before(kept: Store) -> None:
    write(kept, *((n * HOUR_US, float(n)) for n in range(100)))
    kept.prune(START_US + 30 * DAY_US)
    with kept._transaction() as connection:
        assert connection.execute(select(func.count()).select_from(tables.sample)).scalar_one() == 0
    assert [hour[1] for hour in hours_of(kept)] == [float(n) for n in range(100)]


def test_pruning_that_is_broken_off_after_any_piece_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("hours", "pruning"):
        monkeypatch.setattr(f"engine.storage.{module}.PIECE_S", 0.0)
    pieces = 0
    while True:
        store = open_store(tmp_path / f"{pieces}.sqlite")
        filled(store)
        write(store, *((n * HOUR_US // 2, float(n)) for n in range(8)))
        done = len(list(islice(store.prune_in_pieces(START_US + 30 * DAY_US), pieces)))
        store.close()
        again = open_store(tmp_path / f"{pieces}.sqlite")
        again.prune(START_US + 30 * DAY_US)
        assert [hour[1:] for hour in hours_of(again)] == [
            (2.0 * n, 2.0 * n + 1, 2.0 * n + 0.5, 2) for n in range(4)
        ]
        again.close()
        if done < pieces:
            break
        pieces += 1
    assert pieces > 6


def test_the_latest_of_every_device_come_in_one_read(kept: Store) -> None:
    write(kept, (0, 1.0), (5, 2.0))
    kept.write(Batch(samples=[CycleRow(B, START_US + 7, (("cpu_load_pct", "", 9.0), ("rtt_ms", "", 1.5)))]))
    assert kept.latest() == {
        A: (START_US + 5, [("rtt_ms", "", 2.0)]),
        B: (START_US + 7, [("rtt_ms", "", 1.5), ("cpu_load_pct", "", 9.0)]),
    }


def test_the_forecast_is_what_will_be_held_in_the_end(kept: Store) -> None:
    assert kept.disk().forecast_bytes == 0
    many = tuple(("if_in_bps", f"ether{n}", float(n)) for n in range(100))
    kept.write(Batch(samples=[CycleRow(A, START_US + n * 30_000_000, many) for n in range(2880)]))
    roll_all(kept)
    disk = kept.disk()
    assert disk.raw_bytes_per_day == pytest.approx(2880 * 424, rel=0.01)
    assert 24 * 300 < disk.hourly_bytes_per_day < 24 * 1500
    expected = disk.raw_bytes_per_day * 7 + disk.hourly_bytes_per_day * 365
    assert disk.forecast_bytes == pytest.approx(expected, rel=0.01)
    assert disk.free_bytes > 0
    kept.set_retention(Retention(raw_days=30, raw_cap_bytes=2_000_000, hourly_days=365))
    expected = 2_000_000 + disk.hourly_bytes_per_day * 365
    assert kept.disk().forecast_bytes == pytest.approx(expected, rel=0.01)


def test_for_how_long_numbers_are_kept_survives_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path / "net.sqlite")
    store.set_retention(Retention(raw_days=30, raw_cap_bytes=10**10, hourly_days=800))
    store.close()
    again = open_store(tmp_path / "net.sqlite")
    assert again.retention == Retention(raw_days=30, raw_cap_bytes=10**10, hourly_days=800)
    again.close()
