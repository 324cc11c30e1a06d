"""Files of the past: pictures, clips and lists; what was left or failed leaves none behind, and none is lost for one."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from app.past.words import stamp_of
from domain.asking import QueryTimeline
from domain.journal import JournalRow
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE
from tests.ui.past_bench import G1, answer_each_moment, asked, enter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


@pytest.fixture
def then(bench: Bench) -> Bench:
    """A window in the past, whose engine knows of one event."""
    enter(bench)
    row = JournalRow(
        VANTAGE,
        7,
        bench.window.past.machine.at_us,
        "status",
        G1,
        {"was": "up", "status": "down", "reason": "=1+1"},
    )
    bench.engine.answers[QueryTimeline] = Reply(0, result={"rows": [row]})
    return bench


def test_a_clip_and_a_list_are_saved_and_one_is_back_where_one_was(then: Bench, folder: Path) -> None:
    desk = then.window.past
    at_us = desk.machine.at_us
    moments = answer_each_moment(then)
    desk.save_clip(folder / "clip.apng", frames=4)
    assert not desk.bar.export.isEnabled()
    then.wait_for(lambda: desk.shooting is None and (folder / "clip.csv").exists())
    assert (folder / "clip.apng").read_bytes().startswith(b"\x89PNG")
    assert len(set(moments)) >= 4
    table = list(csv.reader((folder / "clip.csv").read_text("utf-8-sig").splitlines()))
    assert table[0] == ["time (UTC)", "kind", "what", "event"] and table[1][1:3] == ["status", "Grünten R1"]
    then.wait_for(lambda: desk.machine.at_us == at_us)


def test_pictures_of_marked_moments_are_saved_one_by_one(then: Bench, folder: Path) -> None:
    desk = then.window.past
    desk.bar.mark.click()
    answer_each_moment(then)
    desk.machine.seek(desk.machine.at_us + 60_000_000)
    desk.bar.mark.click()
    desk.save_pictures(folder / "post mortem.png", desk.marks_us)
    then.wait_for(lambda: desk.shooting is None)
    assert len(list(folder.glob("post mortem *.png"))) == 2


def test_leaving_the_past_leaves_the_export_and_no_file(then: Bench, folder: Path) -> None:
    desk = then.window.past
    desk.save_clip(folder / "clip.apng", frames=50)
    then.window.step_back()
    assert desk.shooting is None and not list(folder.glob("clip.apng*"))


def test_the_list_of_a_clip_takes_the_place_of_no_other_and_comes_with_a_whole_clip_alone(
    then: Bench, folder: Path
) -> None:
    desk, mine = then.window.past, folder / "report.csv"
    mine.write_text("mine", "utf-8")
    answer_each_moment(then)
    then.wait_for(lambda: not then.link._pending)  # what was asked before is heard by now
    lists = len(asked(then, QueryTimeline))
    desk.save_clip(folder / "report.apng", frames=50)
    assert desk.shooting is not None
    desk.shooting.cancel()
    assert list(folder.iterdir()) == [mine] and len(asked(then, QueryTimeline)) == lists
    desk.save_clip(folder / "report.apng", frames=2)
    then.wait_for((folder / "report (2).csv").exists)
    assert mine.read_text("utf-8") == "mine"


def test_one_picture_has_the_name_that_was_chosen(then: Bench, folder: Path) -> None:
    then.window.past.save_pictures(folder / "mine.png")
    then.wait_for(lambda: then.window.past.shooting is None)
    assert [file.name for file in folder.iterdir()] == ["mine.png"]


def test_two_moments_of_one_second_are_two_pictures_beside_one_that_was_there(
    then: Bench, folder: Path
) -> None:
    desk = then.window.past
    at_us = desk.machine.at_us // 1_000_000 * 1_000_000
    answer_each_moment(then)
    there = folder / f"x {stamp_of(at_us)}.png"
    there.write_text("mine", "utf-8")
    desk.save_pictures(folder / "x.png", [at_us, at_us + 1000])
    then.wait_for(lambda: desk.shooting is None)
    assert len(list(folder.iterdir())) == 3 and there.read_text("utf-8") == "mine"


def test_a_series_that_is_left_midway_leaves_no_picture(then: Bench, folder: Path) -> None:
    desk = then.window.past
    answer_each_moment(then)
    desk.save_pictures(folder / "x.png", [desk.machine.at_us - number for number in range(40)])
    then.wait_for(lambda: len(list(folder.iterdir())) > 1)
    assert desk.shooting is not None
    desk.shooting.cancel()
    assert not list(folder.iterdir())


def test_a_clip_that_a_full_disk_does_not_take_leaves_nothing_and_it_is_said(
    then: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, said = then.window.past, list[str]()
    then.window.toasts.say = said.append  # type: ignore[method-assign, assignment]
    answer_each_moment(then)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    desk.save_clip(folder / "clip.apng", frames=2)
    then.wait_for(lambda: desk.shooting is None)
    assert said == ["Nothing was saved: No space left on device"] and not list(folder.iterdir())
