"""`./dev` on systems that are not as it wishes: what is missing is named, and what to do about it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "id": "echo 0",
    "dpkg-query": "exit 1",
    "apt-cache": '[ "$2" != gone ] && [ "$2" != gone-too ]',
    "apt-get": 'echo "$@" >> "$0.log"',
}
"""Stand-ins for the system's: nothing is installed, the archive has all but two packages, root may do everything."""


@pytest.mark.skipif(sys.platform == "win32", reason="the one door is for Debian and Ubuntu")
def test_a_package_that_apt_does_not_know_is_named_and_nothing_is_installed(tmp_path: Path) -> None:
    for name, does in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    script = (ROOT / "dev").read_text("utf-8")
    asked = script.replace(
        'case "$command" in\n', "need_packages here 'gone|gone-too' 'gone-too|there'\nexit\n", 1
    )
    assert asked != script
    (tmp_path / "dev").write_text(asked)
    done = subprocess.run(
        [shutil.which("bash") or "", str(tmp_path / "dev"), "setup"],
        env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "apt knows no package of these names:\n  gone or gone-too\n" in done.stderr
    assert "after a | in the lists at the top of ./dev" in done.stderr
    assert (tmp_path / "bin" / "apt-get.log").read_text() == "update -q\n"
