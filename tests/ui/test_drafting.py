"""A paper that nobody has kept: a sketch at once, then laid out, and the next time as it looked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.draft import edit_of
from app.schematic import arranging, drafting, kept, paper
from app.schematic.kept import KeptLayouts, marks_of
from domain.edit import Step, creation
from domain.inventory import Device, Link, Tenant
from domain.layout import arrange, sketch
from domain.wire import Changed
from tests.ui.conftest import Bench, WaitFor
from tests.ui.fake_engine import FakeEngine, id_of

G1, G2, L1 = map(id_of, ("g1", "g2", "l1"))
TENANT, PAPER = UUID(int=1), UUID(int=2)


class Layouts:
    """Counts the layouts that were begun, and holds them up where a test wants to look meanwhile."""

    def __init__(self) -> None:
        self.begun = 0
        self.given_up = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def arrange(self, things: Any, links: Any, fixed: Any, tell: Callable[[float], bool]) -> Any:
        """Be the layout."""
        self.begun += 1
        while not self.may_end.wait(0.01):
            if not tell(0.4):
                self.given_up.set()
                raise arranging.Cancelled
        return arrange(things, links, fixed, tell)


@pytest.fixture
def layouts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Layouts]:
    """Three things are many."""
    made = Layouts()
    monkeypatch.setattr(arranging, "arrange", made.arrange)
    monkeypatch.setattr(paper, "LAID_OUT_AT_ONCE", 2)
    yield made
    made.may_end.set()


def said(bench: Bench) -> tuple[str, str]:
    """Return the hint and its verb."""
    bar = bench.window.schematic.bar
    return bar.hint.text(), bar.verb.text()


def laid_out(bench: Bench) -> dict[UUID, tuple[float, float]]:
    """Open the schematic, wait until it is laid out, return what stands where."""
    desk = bench.window.schematic
    desk.show(on=True)
    bench.wait_for(lambda: not desk.arranging.is_busy and not desk.paper.waiting and not desk.paper.is_sketch)
    return dict(desk.paper.places)


def file_of(bench: Bench) -> Path:
    """Wait for the file that remembers the one layout, and return it."""
    folder = bench.engine.profile / "layouts"
    bench.wait_for(lambda: list(folder.glob("*.layout")) and not list(folder.glob("*.part")))
    [file] = folder.glob("*.layout")
    return file


def test_a_sketch_is_shown_at_once_cancel_keeps_it_and_lay_out_goes_on(
    bench: Bench, layouts: Layouts
) -> None:
    layouts.may_end.clear()
    desk = bench.window.schematic
    desk.show(on=True)
    bench.wait_for(lambda: "40" in said(bench)[0])
    assert said(bench) == ("A sketch for now. Laying out 3 things: 40%", "Cancel")
    sketched = dict(desk.paper.places)
    assert sketched.keys() == {G1, G2, L1}
    assert {row["id"] for row in bench.map.paper_told[-1]["devices"]} == {G1, G2, L1}
    assert len(bench.map.paper_told[-1]["links"]) == 1
    desk.bar.hint_taken.emit()
    bench.wait_for(layouts.given_up.is_set)
    assert said(bench) == ("This is a sketch of 3 things.", "Lay out")
    assert desk.paper.places == sketched
    layouts.may_end.set()
    desk.bar.hint_taken.emit()
    bench.wait_for(lambda: said(bench)[1] == "Keep it so")
    assert layouts.begun == 2
    assert bench.engine.edits == []


def test_what_was_cancelled_before_its_sketch_is_left_alone_by_changes_until_somebody_asks(
    bench: Bench, layouts: Layouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    sketched, may_sketch = threading.Event(), threading.Event()

    def sketch_later(things: Any, links: Any, tell: Callable[[float], bool]) -> Any:
        sketched.set()
        while not may_sketch.wait(0.01):
            if not tell(0.4):
                raise arranging.Cancelled
        return sketch(things, links, tell)

    monkeypatch.setattr(arranging, "sketch", sketch_later)
    desk = bench.window.schematic
    desk.show(on=True)
    bench.wait_for(sketched.is_set)
    desk.bar.hint_taken.emit()
    assert said(bench) == ("3 things have no place yet.", "Lay out")
    sketched.clear()
    desk.take_tool("box")
    shown = bench.map.paper
    bench.map.paper_told.clear()
    step = creation("device", Device(id_of("g3"), "Grünten R3", "10.0.0.3"))
    bench.commands.submit(edit_of("Add", "tester", [step]), {}, lambda refusals: None)
    bench.settle()
    assert (desk.arranging.is_busy, desk.tool, bench.map.paper) == (False, "box", shown)
    assert not any(told.get("reset") for told in bench.map.paper_told)
    desk.take_tool("hand")
    assert said(bench) == ("4 things have no place yet.", "Lay out")
    desk.bar.hint_taken.emit()
    bench.wait_for(sketched.is_set)
    desk.bar.hint_taken.emit()
    desk.show(on=False)
    may_sketch.set()
    assert laid_out(bench).keys() == {G1, G2, L1, id_of("g3")}


def test_leaving_the_schematic_ends_the_layout(bench: Bench, layouts: Layouts) -> None:
    layouts.may_end.clear()
    desk = bench.window.schematic
    desk.show(on=True)
    bench.wait_for(lambda: desk.paper.is_sketch)
    desk.show(on=False)
    bench.wait_for(layouts.given_up.is_set)
    assert bench.map.paper is None


def test_who_moves_something_on_a_sketch_keeps_it_and_nothing_is_laid_out_over_it(
    bench: Bench, layouts: Layouts
) -> None:
    layouts.may_end.clear()
    desk = bench.window.schematic
    desk.show(on=True)
    bench.wait_for(lambda: desk.paper.is_sketch)
    sketched = dict(desk.paper.places)
    desk.acts.move([G1], 30.0, 0.0)
    bench.settle()
    bench.wait_for(layouts.given_up.is_set)
    assert not desk.arranging.is_busy
    assert desk.paper.places[L1] == sketched[L1]
    assert said(bench) == ("", "")


def test_another_network_is_laid_out_though_the_one_before_was_not_done_yet(
    bench: Bench, layouts: Layouts
) -> None:
    layouts.may_end.clear()
    desk, model = bench.window.schematic, bench.model
    desk.show(on=True)
    bench.wait_for(lambda: desk.paper.is_sketch)
    others = tuple(Device(id_of(f"other {n}"), f"O{n}", f"10.9.0.{n}") for n in range(3))
    model.leave()
    bench.wait_for(layouts.given_up.is_set)
    layouts.may_end.set()
    model.begin(Tenant(UUID(int=9), "Other net"))
    model.merge(Changed(1, initial=True, devices=others))
    model.flush()
    bench.wait_for(lambda: not desk.arranging.is_busy and not desk.paper.waiting and not desk.paper.is_sketch)
    assert desk.paper.places.keys() == {one.id for one in others}


def test_after_a_restart_the_paper_opens_as_it_looked(
    engine: FakeEngine, bench: Bench, layouts: Layouts, wait_for: WaitFor
) -> None:
    first = laid_out(bench)
    file_of(bench)
    again = Bench(engine, wait_for)
    again.window.schematic.show(on=True)
    assert again.window.schematic.paper.places == first
    assert {row["id"] for row in again.map.paper_told[0]["devices"]} == {G1, G2, L1}
    assert layouts.begun == 1
    again.close()


@pytest.mark.parametrize("harm", ["cut", "turned", "foreign", "empty"])
def test_a_file_that_cannot_be_relied_on_is_as_if_it_was_not_there(
    engine: FakeEngine, bench: Bench, layouts: Layouts, wait_for: WaitFor, harm: str
) -> None:
    first = laid_out(bench)
    file = file_of(bench)
    data = file.read_bytes()
    at = len(data) - 5
    KeptLayouts(engine.profile / "other").keep(TENANT, PAPER, {G1: (1.0, 2.0)}, {G1: 0})
    [foreign] = (engine.profile / "other" / "layouts").glob("*.layout")
    harmed = {
        "cut": data[:at],
        "turned": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
        "foreign": foreign.read_bytes(),
        "empty": b"",
    }
    file.write_bytes(harmed[harm])
    again = Bench(engine, wait_for)
    assert laid_out(again) == first
    assert layouts.begun == 2
    wait_for(lambda: file.read_bytes() == data)
    again.close()


def test_what_was_added_meanwhile_comes_beside_and_where_links_are_others_the_old_drawing_is_shown_until_it_is_laid_out(
    engine: FakeEngine, bench: Bench, layouts: Layouts, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = laid_out(bench)
    file = file_of(bench)
    size = len(file.read_bytes())
    bench.window.schematic.show(on=False)
    fresh = Device(id_of("g3"), "Grünten R3", "10.0.0.3")

    def add(*steps: Step) -> None:
        bench.commands.submit(edit_of("Add", "tester", steps), {}, lambda refusals: None)
        bench.settle()

    add(creation("device", fresh), creation("link", Link(id_of("link 2"), G2, fresh.id)))
    monkeypatch.setattr(drafting, "OTHER_MOST", 0.5)
    again = Bench(engine, wait_for)
    again.window.schematic.show(on=True)
    second = dict(again.window.schematic.paper.places)
    assert second.keys() == {*first, fresh.id}
    assert {id: second[id] for id in first} == first
    assert layouts.begun == 1
    wait_for(lambda: len(file.read_bytes()) > size)
    again.close()
    add(
        creation("link", Link(id_of("link 3"), L1, fresh.id)), creation("link", Link(id_of("link 4"), L1, G2))
    )
    monkeypatch.setattr(drafting, "OTHER_MOST", 0.25)
    layouts.may_end.clear()
    other = Bench(engine, wait_for)
    desk = other.window.schematic
    desk.show(on=True)
    wait_for(lambda: layouts.begun == 2)
    assert desk.paper.places == second
    assert desk.paper.is_sketch
    layouts.may_end.set()
    wait_for(lambda: not desk.paper.is_sketch)
    assert desk.paper.places != second
    other.close()


def test_a_mark_is_of_the_neighbours_and_not_of_their_order() -> None:
    a, b, c = (UUID(int=i) for i in (1, 2, 3))
    one = marks_of([a, b, c], [(a, b), (b, c)])
    assert one == marks_of([c, b, a], [(c, b), (b, a), (a, b)])
    other = marks_of([a, b, c], [(a, b)])
    assert [id for id in one if one[id] != other[id]] == [b, c]


def test_only_so_many_layouts_are_kept_and_none_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FILES_MOST", 2)
    monkeypatch.setattr(kept, "THINGS_MOST", 1)
    layouts = KeptLayouts(tmp_path)
    for number in range(4):
        layouts.keep(TENANT, UUID(int=number), {G1: (1.0, 2.0)}, {G1: 7})
    assert len(list((tmp_path / "layouts").iterdir())) == 2
    assert layouts.find(TENANT, UUID(int=3)) == {G1: ((1.0, 2.0), 7)}
    layouts.keep(TENANT, PAPER, {G1: (1.0, 2.0), G2: (1.0, 2.0)}, {G1: 7, G2: 7})
    layouts.keep(TENANT, TENANT, {G1: (float("nan"), 2.0)}, {G1: 7})
    assert layouts.find(TENANT, PAPER) == layouts.find(TENANT, TENANT) == {}


def test_two_windows_that_keep_one_paper_do_not_write_one_file_and_what_was_never_finished_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = KeptLayouts(tmp_path), KeptLayouts(tmp_path)
    folder = tmp_path / "layouts"
    folder.mkdir()
    lost, fresh = folder / "lost.part", folder / "fresh.part"
    lost.write_bytes(b"half")
    fresh.write_bytes(b"of a third window")
    os.utime(lost, (1, 1))

    to_disk = os.fsync

    def write_in_between(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", to_disk)
        other.keep(TENANT, PAPER, {G1: (3.0, 4.0), G2: (5.0, 6.0)}, {G1: 7, G2: 7})
        assert other.find(TENANT, PAPER).keys() == {G1, G2}
        to_disk(handle)

    monkeypatch.setattr(os, "fsync", write_in_between)
    one.keep(TENANT, PAPER, {G1: (1.0, 2.0)}, {G1: 7})
    assert one.find(TENANT, PAPER) == {G1: ((1.0, 2.0), 7)}
    assert list(folder.glob("*.part")) == [fresh]


def test_a_layout_that_the_disk_does_not_take_leaves_the_old_one_and_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layouts = KeptLayouts(tmp_path)
    layouts.keep(TENANT, PAPER, {G1: (1.0, 2.0)}, {G1: 7})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    layouts.keep(TENANT, PAPER, {G1: (3.0, 4.0)}, {G1: 7})
    assert layouts.find(TENANT, PAPER) == {G1: ((1.0, 2.0), 7)}
    assert len(list((tmp_path / "layouts").iterdir())) == 1
