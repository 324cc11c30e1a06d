"""What holds for every test: a skip is a failure where the run says so, hypothesis tries the same each time.

Coverage is of the tests' own processes, and not of what hypothesis tries: to follow the same lines hundreds of times costs as
much again as to try, and a program that is followed starts slower, and leaves half a file where it is killed.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ["HELIOGRAPH_KEY_PLACE"] = "file"
"""No test, and no program that one starts, asks the keyring of whoever runs the tests."""

settings.register_profile(
    "suite",
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

_skipped: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests that try many examples out of the coverage."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what was skipped (runs on the controller under xdist)."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped, when HELIOGRAPH_NO_SKIP is set: a missing part is a failure, not a gap."""
    if _skipped and os.environ.get("HELIOGRAPH_NO_SKIP") and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were skipped, and that this fails the run."""
    if _skipped and os.environ.get("HELIOGRAPH_NO_SKIP"):
        terminalreporter.section("skipped tests fail this run")
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
