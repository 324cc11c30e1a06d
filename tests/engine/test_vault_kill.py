"""kill -9 at each step of making new keys: before one of them all secrets open with the old key, from then on with the new."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FEWEST_STEPS = 12


@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("file", "file"),
        ("file", "keyring"),
        ("file", "password"),
        ("keyring", "file"),
        ("keyring", "keyring"),
        ("keyring", "password"),
        ("password", "file"),
        ("password", "keyring"),
        ("password", "password"),
    ],
)
def test_every_secret_opens_wherever_the_making_of_new_keys_was_killed(
    tmp_path: Path, source: str, target: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.vault_kill", source, target, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= FEWEST_STEPS, "as many places to be killed at were found"
