"""With the network cable out the map does all that it can do, and nothing wants out: window, page and engine.

They run in a network of their own (`unshare`, as root or as a user whom the system lets) that has a loopback and nothing else, so
nothing can leave; what tries is counted by the kernel. Counterpart: `walk_cut_off.py`, who walks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.walk_cut_off import OUTSIDE, ZOOMS
from tests.e2e.window_process import ROOT

MOST_S = 900
"""Each step has its own bound; this is for a walk that hangs."""


def test_the_map_does_all_without_a_route_and_nothing_wants_out(tmp_path: Path) -> None:
    own_network = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    walk = [sys.executable, "-m", "tests.e2e.walk_cut_off", str(tmp_path)]
    said_to, errors_to = (
        tmp_path / "said",
        tmp_path / "errors",
    )  # files: who is killed leaves children with a pipe open
    with said_to.open("w") as out, errors_to.open("w") as errors:
        done = subprocess.run(
            [*own_network, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *walk],
            cwd=ROOT,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdout=out,
            stderr=errors,
            timeout=MOST_S,
            check=False,
        )
    assert done.returncode == 0, errors_to.read_text()[-3000:]
    said = json.loads(said_to.read_text().splitlines()[-1])
    assert said["trouble"] == "", said
    assert said["done"][1] == "live" and said["done"][-1] == "live at the end"
    assert len([step for step in said["done"] if step.startswith("zoom")]) == 2 * len(ZOOMS)
    assert said["external_requests"] == 0
    assert said["console_errors"] == 0
    assert said["no_route"] == 0, "something wanted out"
    assert said["no_route_after_attempts"] == len(OUTSIDE), "the kernel does not count what wants out"
