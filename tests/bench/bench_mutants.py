"""Checks of the server that no test misses: each is taken away in turn, and the tests that should notice are run.

Figures: `checks` there are, `of_who_may_what` among them, `untouched` (nobody is refused by them in any test: no test can miss
them), `tried` (as many as fit `HELIOGRAPH_BENCH_SECONDS`, those on who may do what first), `killed`, and `survivors`; these and
the untouched with file, line, code and words.
Theory: what guards a `raise refused(...)`, a HangUp or a token's refusal holds never in the server's rooms. All tests of the
server run once, and it is noted which are refused by which check; of those the shortest run without it.
One rule: a survivor is a check without a test, or one that stands twice; which, a person says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests import postgres
from tests.bench.mutant import CHOSEN, NOTED, ROOMS, Check, checks_in

SECONDS = float(os.environ.get("HELIOGRAPH_BENCH_SECONDS", "3600"))
TESTS = ("tests/server", "tests/admin")
TESTS_CAP = 12
AT_ONCE = 2
TESTS_S = 300.0
"""Longest that the tests of one check may take."""
GRAVE = ("INSUFFICIENT_PERMISSIONS", "INVALID_CREDENTIALS", "CSRF_REFUSED", "NOT_A_MEMBER", "INSTALL_REVOKED")
"""Codes of who may do what, beside those of things that are not there."""


def run() -> dict[str, Any]:
    """Return the figures."""
    checks = [one for room in ROOMS for path in sorted(Path(room).glob("*.py")) for one in checks_in(path)]
    checks.sort(key=lambda one: not is_grave(one))
    with (
        tempfile.TemporaryDirectory(prefix="heliograph-mutants-") as meeting,
        postgres.shared_cluster(Path(meeting)),
    ):
        refused = who_is_refused(Path(meeting))
        until_s = time.monotonic() + SECONDS

        def tried(check: Check) -> bool | None:
            tests = refused.get(f"{check.path}:{check.line}", [])
            if not tests or time.monotonic() > until_s:
                return None
            return is_missed(check, tests, Path(meeting))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(tried, checks))
    untouched = [one._asdict() for one in checks if f"{one.path}:{one.line}" not in refused]
    return {
        "checks": len(checks),
        "of_who_may_what": sum(map(is_grave, checks)),
        "tried": sum(one is not None for one in found),
        "killed": sum(one is True for one in found),
        "survivors": [check._asdict() for check, one in zip(checks, found, strict=True) if one is False],
        "untouched": untouched,
    }


def is_grave(check: Check) -> bool:
    """Tell whether a check is about who may do what, of whose things."""
    is_token = " " in check.code
    return check.code in GRAVE or check.code.endswith("_NOT_FOUND") or is_token or "security" in check.path


def who_is_refused(meeting: Path) -> dict[str, list[str]]:
    """Run all tests of the server; return by check the tests that are refused by it, the shortest first."""
    noted = meeting / "hits"
    noted.mkdir()
    _pytest(meeting, ["-n", str(AT_ONCE), "-q", *TESTS], {NOTED: str(noted)})
    took_s: dict[str, float] = {}
    tests: dict[str, set[str]] = {}
    for file in noted.glob("*.json"):
        one = json.loads(file.read_text())
        took_s |= one["took_s"]
        for check, some in one["tests"].items():
            tests.setdefault(check, set()).update(some)
    return {
        check: sorted(some, key=lambda test: took_s.get(test, 0.0))[:TESTS_CAP]
        for check, some in tests.items()
    }


def is_missed(check: Check, tests: list[str], meeting: Path) -> bool:
    """Tell whether some test fails without a check. `meeting`: the folder of a run whose PostgreSQL is shared."""
    named = {CHOSEN: f"{check.path}:{check.line}", "PYTEST_XDIST_WORKER": f"gw{uuid4().int % 10**4}"}
    return _pytest(meeting, ["-x", "-q", *tests], named) == 1


def _pytest(meeting: Path, arguments: list[str], named: dict[str, str]) -> int:
    """Run tests with the plugin of `mutant.py`; return how they ended: 0 well, 1 not."""
    plugins = ["-p", "tests.bench.mutant", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, f"--basetemp={meeting / uuid4().hex}", *arguments],
            env={**os.environ, **named},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TESTS_S if CHOSEN in named else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1  # a test that hangs is one that fails
    assert done.returncode in (0, 1), done.stdout.decode("utf-8", "replace")[-2000:]
    return done.returncode
