"""A drag with a real pointer: from the tray onto the real map, under a real X server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300


@pytest.mark.skipif(sys.platform != "linux", reason="the pointer is moved through an X server")
def test_what_is_selected_in_the_tray_is_dragged_onto_the_map_by_hand() -> None:
    assert shutil.which("xvfb-run"), "xvfb is missing: ./dev installs it"
    command = ["xvfb-run", "-a", sys.executable, "-m", "tests.map.real_drag"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr[-2000:]
    told = json.loads(lines[-1])
    [drop] = told["dropped"]
    assert drop["ids"] == [1, 2]
    lng, lat = drop["place"]
    assert -180 <= lng <= 180
    assert -85 <= lat <= 85
    assert told["said"] == ["Drop where it stands"]
