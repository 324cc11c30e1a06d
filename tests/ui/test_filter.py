"""The one filter: what the top bar's counts and the tree's field leave is what the map keeps; one key brings all back."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from domain.health import Health
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE
from tests.ui.topology_bench import G1, G2, L1, tell


def kept(bench: Bench) -> set[UUID] | None:
    found = bench.map.sieve.sifted
    return None if found is None else set(found.kept)


def fall(bench: Bench, id: UUID, status: str = "down") -> None:
    tell(bench, health=(Health(id, VANTAGE, status, 1, 1),))  # type: ignore[arg-type]


def test_the_trees_words_and_the_counts_filter_the_map_too(bench: Bench) -> None:
    assert kept(bench) is None
    every = {device.id for device in bench.model.inventory.devices()}
    bench.window.tree.filter.setText("grünten")
    assert kept(bench) == {G1, G2}
    sifted = bench.map.sieve.sifted
    assert sifted is not None
    assert (sifted.said, sifted.counted) == ("“grünten”", f"2 of {len(every)} devices")
    fall(bench, G1)
    fall(bench, L1)
    QTest.mouseClick(bench.window.top.chips["down"], Qt.MouseButton.LeftButton)
    assert kept(bench) == {G1}
    assert bench.map.sieve.sifted is not None and bench.map.sieve.sifted.said == "down, “grünten”"
    fall(bench, G2)
    assert kept(bench) == {G1, G2}, "what turns is filtered anew"
    bench.window.tree.filter.setText("nobody has this")
    assert kept(bench) == set()
    assert bench.map.sieve.sifted is not None and bench.map.sieve.sifted.counted == "nothing matches"


def test_a_role_and_a_tag_are_words_of_the_filter(bench: Bench) -> None:
    device = bench.model.inventory.device(L1)
    assert device is not None
    tell(bench, devices=(replace(device, role="pop", tags=("Solar", "leased")),))
    bench.window.tree.filter.setText("solar")
    assert kept(bench) == {L1}
    bench.window.tree.filter.setText("pop")
    assert kept(bench) is not None and L1 in (kept(bench) or ())
    tell(bench, devices=(replace(device, role="access", tags=()),))
    bench.window.tree.filter.setText("solar")
    assert kept(bench) == set()


def test_escape_and_the_maps_label_bring_everything_back(bench: Bench) -> None:
    fall(bench, G1)
    for clear in (bench.window.step_back, bench.map.tools.filter_left.emit):
        bench.window.tree.filter.setText("grünten")
        bench.window.top.chips["down"].setChecked(True)
        assert kept(bench) == {G1}
        clear()
        assert kept(bench) is None
        assert not bench.window.tree.filter.text()
        assert not any(chip.isChecked() for chip in bench.window.top.chips.values())
