"""Many points become few: the quick way of single values says what the thorough one does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.storage.series import merged
from sync_server.charts import folded

FROM_US, TO_US = 1_000, 9_000
SERIES = st.lists(st.tuples(st.integers(FROM_US, TO_US), st.integers(-1_000, 1_000)), max_size=60)


@given(SERIES, st.integers(2, 50))
def test_folding_single_values_is_merging_them(series: list[tuple[int, int]], points: int) -> None:
    series.sort()
    thorough = merged([(at, v, v, v, 1) for at, v in series], FROM_US, TO_US, points)
    times_us, numbers = [at for at, _ in series], [float(v) for _, v in series]
    assert folded(times_us, numbers, FROM_US, TO_US, points) == thorough
