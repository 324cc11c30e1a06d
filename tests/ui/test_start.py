"""What can go wrong before there is a window: a profile folder that is none, a demo that says nonsense, a child that shouts."""

from __future__ import annotations

import sys
import threading
import time
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.__main__ import main
from app.demo import FILE_NAME, Demo, Typed, edit_from
from app.profile import replace_file
from app.programs import Child
from domain.edit import apply
from domain.inventory import Inventory
from domain.rules import refusals


@pytest.mark.parametrize("mode", [[], ["--headless"], ["demo"], ["demo", "--headless"]], ids=" ".join)
def test_a_profile_that_cannot_be_a_folder_is_one_sentence_and_exit_code_2(
    mode: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for profile in (file, file / "below"):
        assert main([*mode, "--profile", str(profile)]) == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        assert str(profile) in sentence
        assert "Errno" not in sentence
    for option in ("--screenshot", "--report"):
        assert main([*mode, "--profile", str(tmp_path / "p"), option, str(file / "x")]) == 2
        assert str(file / "x") in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is where even root may not write")
def test_a_profile_that_is_read_only_is_one_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    for profile in ("/proc", "/proc/heliograph"):
        assert main(["--headless", "--profile", profile]) == 2
        assert capsys.readouterr().err.startswith(f"The folder {profile} cannot hold a network: ")


def test_what_the_window_remembers_is_whole_however_it_ends_while_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write = tmp_path / "window.json", Path.write_bytes
    replace_file(file, b'{"network": "north"}')

    def broken_off(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", broken_off)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, b'{"network": "south"}')
    assert file.read_bytes() == b'{"network": "north"}'
    monkeypatch.undo()
    replace_file(file, b'{"network": "south"}')
    assert file.read_bytes() == b'{"network": "south"}'


def child(tmp_path: Path, code: str, on_event: Any = lambda event: None) -> Child:
    done = threading.Event()
    made = Child([sys.executable, "-c", code], tmp_path / "child.log", on_event, lambda code: done.set())
    assert done.wait(120)
    return made


def test_two_pipes_of_a_child_never_write_the_log_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, overlaps, emit = threading.Lock(), [], RotatingFileHandler.emit

    def slow_emit(self: RotatingFileHandler, record: LogRecord) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(record)
            return
        emit(self, record)
        time.sleep(0.001)
        inside.release()

    monkeypatch.setattr(RotatingFileHandler, "emit", slow_emit)
    shout = (
        "import sys\nfor n in range(60):\n for p in (sys.stdout, sys.stderr): print(n, file=p, flush=True)"
    )
    child(tmp_path, shout)
    assert overlaps == []
    assert len((tmp_path / "child.log").read_text().split()) == 120


def test_a_simulator_that_writes_nonsense_is_a_demo_that_failed_and_is_still_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late"
    code = (
        'import sys, pathlib; print(\'{"event": "ready"}\', flush=True)\n'
        "print('x' * 200_000, flush=True); print('heard', flush=True)\n"
        f"pathlib.Path({str(late)!r}).touch(); sys.stdin.read()"
    )
    monkeypatch.setattr("app.demo.command_of", lambda program: [sys.executable, "-c", code])
    (tmp_path / FILE_NAME).write_text("{ this is no inventory")
    told: list[tuple[Typed | None, str]] = []
    settled = threading.Event()
    demo = Demo(tmp_path, None, lambda typed, said: (told.append((typed, said)), settled.set()))  # type: ignore[func-returns-value]
    try:
        assert settled.wait(120)
        ends_s = time.monotonic() + 120
        while not late.exists():
            assert time.monotonic() < ends_s, "the simulator is stuck: nobody reads what it says"
            time.sleep(0.01)
    finally:
        demo.stop()
    ((typed, said),) = told
    assert typed is None
    assert "inventory" in said


def test_a_demo_whose_devices_were_all_deleted_stays_empty() -> None:
    typed = msgspec.convert(
        {
            "name": "Demo",
            "credentials": [{"name": "c", "kind": "snmp_community", "user": "", "secret": "public"}],
            "sites": [
                {"name": "Under", "lng": 10.1, "lat": 47.0, "pop": "S"},
                {"name": "S", "lng": 10.0, "lat": 47.0},
            ],
            "devices": [{"name": "A", "site": "S", "address": "127.44.0.1", "role": "pop", "probes": []}],
            "links": [],
        },
        Typed,
    )
    inventory = Inventory()
    made = edit_from(typed, inventory, "tester")
    assert made is not None
    apply(inventory, made[0])
    assert refusals(Inventory(), made[0]) == []
    sites = {site.name: site for site in inventory.sites()}
    assert (sites["Under"].pop, sites["S"].pop) == (sites["S"].id, None)
    inventory.tables["device"].clear()
    assert edit_from(typed, inventory, "tester") is None
    inventory.tables["site"].clear()
    inventory.tables["credential"].clear()
    assert edit_from(typed, inventory, "tester") is not None, "an untouched profile gets the demo"
