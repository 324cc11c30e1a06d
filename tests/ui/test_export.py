"""Exporting the network: what is asked of the engine, what is told before saving, and that a file is written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from app.exchange.export_dialog import ExportDialog
from app.exchange.files import FileTrouble, write_file
from domain.errors import Refusal
from domain.exchanging import ExportNetwork
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of


def asked(bench: Bench) -> list[ExportNetwork]:
    return [message for message in bench.engine.heard if isinstance(message, ExportNetwork)]


def opened(bench: Bench) -> ExportDialog:
    told = {"data": b"<kml/>", "things": 6, "left_out": ["1 thing without a place"]}
    bench.engine.answers[ExportNetwork] = Reply(0, result=told)
    dialog = bench.window.exchange.open_export()
    assert dialog is not None
    bench.wait_for(dialog.submit_button.isEnabled)
    return dialog


def test_it_is_told_what_a_file_holds_and_leaves_out_before_it_is_saved(bench: Bench, tmp_path: Path) -> None:
    said: list[Any] = []
    bench.commands.said.connect(said.append)
    dialog = opened(bench)
    assert dialog.told.text() == "It holds 6 things in 6 B.\nLeft out: 1 thing without a place."
    assert any("never in a file" in label.text() for label in dialog.findChildren(QLabel))
    dialog.submit()
    assert dialog.dialog is not None and dialog.dialog.selectedFiles()[0].endswith("Test net.geojson")
    dialog.save_to(tmp_path / "net.kml")
    assert (tmp_path / "net.kml").read_bytes() == b"<kml/>"
    assert said[0].text == f"Saved 6 things to {tmp_path / 'net.kml'}"


def test_format_and_devices_are_asked_for_anew(bench: Bench) -> None:
    bench.window.select(id_of("g1"))
    bench.window.tree.filter.setText("Lindau")
    dialog = opened(bench)
    titles = [dialog.scope.itemText(n) for n in range(dialog.scope.count())]
    assert titles == [
        "Everything: 3 devices",
        "Selected: Grünten R1",
        "As the tree is filtered: 1 device",
    ]
    dialog.format.setCurrentIndex(2)
    dialog.scope.setCurrentIndex(1)
    assert not dialog.submit_button.isEnabled()
    bench.wait_for(dialog.submit_button.isEnabled)
    assert (asked(bench)[-1].format, asked(bench)[-1].devices) == ("kmz", (id_of("g1"),))
    dialog.scope.setCurrentIndex(2)
    bench.wait_for(dialog.submit_button.isEnabled)
    assert asked(bench)[-1].devices == (id_of("l1"),)


def test_nothing_to_save_and_a_refusal_are_said(bench: Bench) -> None:
    bench.engine.answers[ExportNetwork] = Reply(0, result={"data": b"", "things": 0, "left_out": []})
    dialog = bench.window.exchange.open_export()
    assert dialog is not None
    bench.wait_for(lambda: "hold nothing" in dialog.told.text())
    assert not dialog.submit_button.isEnabled()
    bench.engine.answers[ExportNetwork] = Reply(0, (Refusal("CANNOT_READ", "choose fewer devices"),))
    dialog.format.setCurrentIndex(1)
    bench.wait_for(lambda: dialog.fields.rest.text() == "Choose fewer devices")
    assert not dialog.submit_button.isEnabled()


def test_what_cannot_be_written_leaves_the_old_file_and_the_dialog(bench: Bench, tmp_path: Path) -> None:
    dialog = opened(bench)
    dialog.save_to(tmp_path / "no" / "net.kml")
    assert "net.kml could not be saved" in dialog.fields.rest.text() and dialog.isVisible()


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.csv"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileTrouble, match="No space left"):
        write_file(path, b"newer")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]
