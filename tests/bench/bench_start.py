"""How long from process start to the live map, and what the process tree weighs without the simulator.

Figures: `live_map_s` (median of the runs after the first, which fills the profile), `first_live_map_s` (the first), `tree_pss_mb`
and `engine_pss_mb` (proportional set size, so that shared pages count once).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS = 4
SECONDS = 12


def _pss_mb(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0.0)


def _tree(root: int) -> dict[int, str]:
    children: dict[int, list[int]] = {}
    words: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            words[int(entry.name)] = (
                (entry / "cmdline").read_bytes().replace(b"\x00", b" ").decode("utf-8", "replace")
            )
        except OSError:
            continue
        children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        found[pid] = words.get(pid, "")
        waiting += children.get(pid, [])
    return found


def _one_run(profile: Path, report: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "app", "demo", "--headless", "--profile", str(profile)]
    process = subprocess.Popen(
        [*command, "--seconds", str(SECONDS), "--report", str(report)], stderr=subprocess.DEVNULL
    )
    tree_mb = engine_mb = 0.0
    ends_at = time.monotonic() + SECONDS + 60
    while process.poll() is None and time.monotonic() < ends_at:
        ours = {pid: words for pid, words in _tree(process.pid).items() if "simnet" not in words}
        tree_mb = max(tree_mb, sum(map(_pss_mb, ours)))
        engine_mb = max(
            engine_mb, max((_pss_mb(pid) for pid, words in ours.items() if "-m engine" in words), default=0.0)
        )
        time.sleep(1.0)
    if process.wait(timeout=30):
        raise RuntimeError(f"the demo ended with {process.returncode}, expected 0")
    return {
        "live_map_s": json.loads(report.read_text())["start_to_live_map_s"],
        "tree": tree_mb,
        "engine": engine_mb,
    }


def run() -> dict[str, Any]:
    """Run the bench and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [_one_run(Path(folder) / "profile", Path(folder) / "report.json") for _ in range(RUNS)]
    later = runs[1:]
    figures = {
        "live_map_s": statistics.median(r["live_map_s"] for r in later),
        "first_live_map_s": runs[0]["live_map_s"],
        "tree_pss_mb": statistics.median(r["tree"] for r in later),
        "engine_pss_mb": statistics.median(r["engine"] for r in later),
    }
    return {"figures": {name: round(value, 2) for name, value in figures.items()}, "peers": {}}
