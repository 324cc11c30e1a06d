"""Checks of the server that no test misses: each is taken away in turn, and the tests that should notice are run.

Figures: `checks` there are, `tried` (as many as fit `HELIOGRAPH_BENCH_SECONDS`, those on who may do what first), `killed`, and
`survivors`, each with its file, line, code and words.
Theory: what guards a `raise refused(...)`, a HangUp or a token's refusal holds never in the server's rooms. The tests that run
are those whose names share a word with the file, those that name the refusal's code, and for what is not there the foreign ids'.
One rule: a survivor is a check without a test, or one that stands twice; which, a person says.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests import postgres
from tests.bench.mutant import CHOSEN, Check, checks_in

SECONDS = float(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "600"))
SEED = os.environ.get("HELIOGRAPH_BENCH_SEED", "1")
SKIPPED = int(os.environ.get("HELIOGRAPH_BENCH_FROM", "0"))
"""How many of the order are left out: those that were tried already."""
ROOMS = ("sync_server/api", "sync_server/security", "sync_server/live")
FILES_CAP = 4
FOREIGN = ("tests/server/test_foreign_ids.py", "tests/server/test_foreign_refs.py")
GRAVE = ("INSUFFICIENT_PERMISSIONS", "INVALID_CREDENTIALS", "CSRF_REFUSED", "NOT_A_MEMBER", "INSTALL_REVOKED")
"""Codes of who may do what, beside those of things that are not there."""


def run() -> dict[str, Any]:
    """Return the figures."""
    checks = [one for room in ROOMS for path in sorted(Path(room).glob("*.py")) for one in checks_in(path)]
    tests = {path: path.read_text("utf-8") for path in sorted(Path("tests/server").glob("test_*.py"))}
    order = sorted(random.Random(SEED).sample(checks, len(checks)), key=lambda one: not is_grave(one))
    until_s = time.monotonic() + SECONDS
    survivors: list[dict[str, Any]] = []
    tried = 0
    with (
        tempfile.TemporaryDirectory(prefix="heliograph-mutants-") as meeting,
        postgres.shared_cluster(Path(meeting)),
    ):
        for check in order[SKIPPED:]:
            if time.monotonic() > until_s:
                break
            tried += 1
            if not is_missed(check, tests_of(check, tests), Path(meeting)):
                survivors.append(check._asdict())
    grave = sum(map(is_grave, checks))
    figures = {"checks": len(checks), "of_who_may_what": grave, "from": SKIPPED, "tried": tried}
    return {**figures, "killed": tried - len(survivors), "survivors": survivors}


def is_grave(check: Check) -> bool:
    """Tell whether a check is about who may do what, of whose things."""
    is_token = " " in check.code
    return check.code in GRAVE or check.code.endswith("_NOT_FOUND") or is_token or "security" in check.path


def tests_of(check: Check, tests: dict[Path, str]) -> list[str]:
    """Return the files of tests that should notice, those first that name the most of a check."""
    stem, room = Path(check.path).stem.rstrip("s"), Path(check.path).parent.name
    weights = {
        path: 4 * (stem in path.stem)
        + 2 * (room in path.stem)
        + 2 * (bool(check.code) and check.code in words)
        + (stem in words)
        for path, words in tests.items()
    }
    named = sorted((path for path in tests if weights[path] > 1), key=lambda path: -weights[path])
    return [*map(str, named[:FILES_CAP]), *(FOREIGN if check.code.endswith("_NOT_FOUND") else ())]


def is_missed(check: Check, tests: list[str], meeting: Path) -> bool:
    """Tell whether some test fails without a check. `meeting`: the folder of a run whose PostgreSQL is shared."""
    command = ["-m", "pytest", "-x", "-q", "-p", "tests.bench.mutant", "-p", "no:cacheprovider"]
    named = {CHOSEN: f"{check.path}:{check.line}", "PYTEST_XDIST_WORKER": "mutant"}
    done = subprocess.run(
        [sys.executable, *command, f"--basetemp={meeting / uuid4().hex}", *dict.fromkeys(tests)],
        env={**os.environ, **named},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout.decode("utf-8", "replace")[-2000:]
    return done.returncode == 1
