"""Checks of who may do what are taken away one by one: a test fails. Counterpart: `tests/bench/bench_mutants.py`, all of them.

One rule: a check is named by its words, and is found once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bench_mutants import is_missed
from tests.bench.mutant import checks_in
from tests.server.conftest import meeting_of

KEYS = "tests/server/test_keys.py::test_a_key_reaches_nothing_beyond_an_engineer"
FOREIGN_PAGE = "tests/server/test_bad_input.py::test_a_foreign_page_changes_nothing_with_a_browsers_cookies"


@pytest.mark.parametrize(
    ("path", "words", "test"),
    [
        ("sync_server/api/routes.py", "allow not in who.permissions", KEYS),
        ("sync_server/api/access.py", "not expected or not hmac.compare_digest", FOREIGN_PAGE),
    ],
)
def test_a_check_that_is_taken_away_is_missed(
    tmp_path_factory: pytest.TempPathFactory, server_template: str, path: str, words: str, test: str
) -> None:
    assert server_template, "the tests within share this run's database"
    (check,) = [one for one in checks_in(Path(path)) if one.words.startswith(words)]
    assert is_missed(check, [test], meeting_of(tmp_path_factory))


def test_checks_are_found_by_what_they_refuse() -> None:
    found = [one for path in Path("sync_server/api").glob("*.py") for one in checks_in(path)]
    assert len(found) > 80
    assert {"INSUFFICIENT_PERMISSIONS", "CSRF_REFUSED", "DEVICE_NOT_FOUND"} <= {one.code for one in found}
