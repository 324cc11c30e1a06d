"""What was written on a paper, and laid under it, is taken back one act at a time. Counterpart: `app/schematic/acts.py`."""

from __future__ import annotations

from app.map import bridge_paper as said
from app.schematic.forms import DrawingForm
from tests.ui.conftest import Bench
from tests.ui.test_schematic import hear


def test_a_changed_text_and_a_background_are_undone_one_by_one(bench: Bench) -> None:
    desk = bench.window.schematic
    desk.show(on=True)
    hear(bench, said.DrawingMade("box", 10.0, 20.0, 100.0, 50.0))
    [drawing] = bench.engine.inventory.drawings()
    form = DrawingForm(drawing, "Save", desk.acts.draw, bench.window)
    form.text.setPlainText("Core room")
    form.submit()
    bench.settle()
    desk.acts.set_background("ab" * 32, 1600.0)
    bench.settle()
    assert [d.background for d in bench.engine.inventory.diagrams()] == ["ab" * 32]
    bench.commands.undo()
    bench.settle()
    assert not any(d.background for d in bench.engine.inventory.diagrams())
    assert [d.text for d in bench.engine.inventory.drawings()] == ["Core room"]
    bench.commands.undo()
    bench.settle()
    assert [d.text for d in bench.engine.inventory.drawings()] == [drawing.text]
