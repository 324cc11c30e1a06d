"""The commands of `./dev`. Counterpart: the shell script `dev`, which installs what is missing and then calls this.

One rule: a command here starts programs and reports how they ended; it holds no knowledge of the product.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TYPED = ["app", "domain", "engine", "simnet", "migrations", "basemap", "tools", "sync_server"]
SHIPPED = ["app", "domain", "engine"]
FOREIGN = {"win32": "Windows", "darwin": "macOS"}
"""Systems that the window runs on too: what a call lacks there, the types know."""
BENCHES = (
    "start",
    "poll",
    "paint",
    "map",
    "schematic",
    "walk",
    "fleet",
    "dead-fifth",
    "routeros",
    "icmp",
    "samples",
    "soak",
    "replay",
    "topology",
    "storm",
    "faults",
    "bbox",
    "chart",
    "ingest",
    "push",
    "recovery",
    "recovery-http",
    "team-faults",
    "team-cuts",
    "sync",
    "fanout",
    "lease",
    "across",
    "restore",
    "search",
    "http",
    "mutants",
)


def run(*command: str | Path, **env: str) -> int:
    """Run a program in the repository's root and return its exit code."""
    program = subprocess.Popen([str(c) for c in command], cwd=ROOT, env={**os.environ, **env})
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())  # whoever stops us means what we run
    while True:
        try:
            return program.wait()
        except KeyboardInterrupt:  # the program got it too, and ends in its own way
            continue


def run_demo(rest: list[str]) -> int:
    """The demo network in the window (or --headless): `heliograph demo`."""
    return run(sys.executable, "-m", "app", "demo", *rest)


def run_app(rest: list[str]) -> int:
    """The window on your own network: `heliograph`."""
    return run(sys.executable, "-m", "app", *rest)


def run_simnet(rest: list[str]) -> int:
    """The simulated network: kill R, revive R, cut LINK, mend LINK, load LINK 95, slow R 800, lose R 30, garble R."""
    return run(sys.executable, "-m", "simnet", *rest)


def run_tests(rest: list[str]) -> int:
    """All tests in parallel, with coverage held above 80 %; with arguments, those tests only."""
    workers = os.environ.get("HELIOGRAPH_TEST_WORKERS", str(min(4, max(2, os.cpu_count() or 2))))
    env = {"QT_QPA_PLATFORM": "offscreen", "HELIOGRAPH_NO_SKIP": "1"}
    if rest:
        return run(sys.executable, "-m", "pytest", *rest, **env)
    for stale in ROOT.glob(".coverage*"):
        stale.unlink()
    cover = ["--cov", "--cov-report=term:skip-covered", "--no-cov-on-fail"]
    return run(
        sys.executable, "-m", "pytest", "-n", workers, "--dist", "worksteal", *cover, "--durations=15", **env
    )


def run_aside(command: list[str | Path]) -> tuple[int, str]:
    """Run a program beside others: its exit code, and what it said."""
    done = subprocess.run(
        [str(c) for c in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def type_check(packages: list[str], platform: str = sys.platform) -> list[str | Path]:
    """Return the command that checks the types as a system sees them. Each has a cache of its own, or they would undo it."""
    cache = f"--cache-dir=.mypy_cache/{platform}"
    return [BIN / "mypy", f"--platform={platform}", cache, *(p for name in packages for p in ("-p", name))]


def run_check(rest: list[str]) -> int:
    """Format, lint, types, imports, the page's types, security patterns; every check runs, all failures are shown."""
    fix = "--fix" in rest
    typed = [name for name in TYPED if (ROOT / name).is_dir()]
    checks: list[tuple[str, list[str | Path]]] = [
        ("types", type_check(typed)),
        *((f"types on {name}", type_check(SHIPPED, key)) for key, name in FOREIGN.items()),
        ("imports", [BIN / "lint-imports", "--no-cache"]),
        ("page types", [sys.executable, "-m", "tools.tsc"]),
        ("security", [BIN / "bandit", "-q", "-r", *typed, "-c", "pyproject.toml", "-ll"]),
    ]
    failed = []
    if run(BIN / "ruff", "format", *([] if fix else ["--check"]), "."):
        failed.append("format")
    if run(BIN / "ruff", "check", "--output-format=concise", *(["--fix"] if fix else []), "."):
        failed.append("lint")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(run_aside, [command for _, command in checks])
        for (name, _), (code, said) in zip(checks, outcomes, strict=True):
            print(
                f"{name}: {'failed' if code else 'passed'}",
                *([said.rstrip()] if code else []),
                sep="\n",
                flush=True,
            )
            failed += [name] if code else []
    print("check: " + (f"failed: {', '.join(failed)}" if failed else "all passed"))
    return 1 if failed else 0


def run_audit(rest: list[str]) -> int:
    """Known holes in what we depend on. A service that cannot be reached is reported, not failed."""
    audits: list[tuple[str, list[str | Path]]] = [
        ("pip-audit", [BIN / "pip-audit", "--skip-editable", "--progress-spinner=off", *rest]),
        ("npm audit", [sys.executable, "-m", "tools.npm", "audit", "--prefix", "map_assets"]),
    ]
    found = 0
    for name, command in audits:
        done = subprocess.run(
            [str(c) for c in command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        said = (done.stdout + done.stderr).strip()
        unreachable = (
            "ConnectionError",
            "Max retries",
            "ENOTFOUND",
            "ECONNREFUSED",
            "timed out",
            "audit endpoint",
            "HTTPError",
        )
        if done.returncode and any(word in said for word in unreachable):
            print(
                f"{name}: the service could not be reached; nothing was checked\n  {said.splitlines()[-1][:200]}"
            )
        else:
            print(f"{name}: {'found holes' if done.returncode else 'nothing known'}\n{said[-4000:]}")
            found |= done.returncode
    return found


def run_bench(rest: list[str]) -> int:
    """Print a bench's figures: NAME [--json FILE]. No assertion; the load average stands beside them."""
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(rest)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    outcome = importlib.import_module(f"tests.bench.bench_{options.name.replace('-', '_')}").run()
    load = list(os.getloadavg()) if hasattr(os, "getloadavg") else []
    document = {"bench": options.name, "load_average": load, **outcome}
    text = json.dumps(document, indent=1, sort_keys=True)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 0


def run_basemap(rest: list[str]) -> int:
    """Build the world basemap anew from packages: [small|full] [--out FILE]."""
    return run(sys.executable, "-m", "basemap", *rest)


def run_fonts(rest: list[str]) -> int:
    """Make the map's fonts for Arabic and CJK anew from packages."""
    return run(sys.executable, "-m", "tools.map_fonts", *rest)


def run_mibs(rest: list[str]) -> int:
    """Gather the facts of the standard MIB modules anew from packages."""
    return run(sys.executable, "-m", "tools.standard_mibs", *rest)


def run_server(rest: list[str]) -> int:
    """A sync server with a PostGIS of its own: [--port N] [--data DIR]."""
    return run(sys.executable, "-m", "tools.server", *rest)


def run_setup(rest: list[str]) -> int:
    """Only install what is missing."""
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": run_demo,
    "app": run_app,
    "test": run_tests,
    "check": run_check,
    "audit": run_audit,
    "bench": run_bench,
    "simnet": run_simnet,
    "server": run_server,
    "basemap": run_basemap,
    "fonts": run_fonts,
    "mibs": run_mibs,
    "setup": run_setup,
}


def main() -> int:
    """Dispatch `./dev COMMAND ...`."""
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if name in COMMANDS:
        return COMMANDS[name](sys.argv[2:])
    print("usage: ./dev COMMAND [ARGUMENTS]; each knows --help where it takes arguments\n")
    for command, function in COMMANDS.items():
        print(f"  {command:8} {(function.__doc__ or '').strip()}")
    return 0 if name in ("help", "-h", "--help") else 2


if __name__ == "__main__":
    raise SystemExit(main())
