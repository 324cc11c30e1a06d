"""A cut that runs, on the board of maps."""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.operation import Operation
from domain.searching import SteerOperation
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.discovery_finds import sent


def test_a_cut_is_paused_and_cancelled_on_the_board_and_says_so(bench: Bench) -> None:
    board = bench.window.maps.open()
    cutting = Operation(UUID(int=6), "map_cut", "Cut Lake", "copying tiles", 30, 120)
    bench.model.merge(Changed(9, operations=(cutting,)))
    bench.model.flush()
    row = board.operations.rows[cutting.id]
    row.pause_button.click()
    row.cancel_button.click()
    bench.wait_for(lambda: len(sent(bench, SteerOperation)) == 2)
    assert [(one.operation, one.act) for one in sent(bench, SteerOperation)] == [
        (cutting.id, "pause"),
        (cutting.id, "cancel"),
    ]
    over = msgspec.structs.replace(cutting, state="cancelled", ended_us=7)
    bench.model.merge(Changed(10, operations=(over,)))
    bench.model.flush()
    assert row.said.text().startswith("Cancelled") and not row.cancel_button.isVisible()
