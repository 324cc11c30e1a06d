"""`./dev server`: says where it is and who founds it, keeps its data, tells whose database runs, ends in peace."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.ports import free_port
from tests.server.test_serving import asked, until_answered

ROOT = Path(__file__).resolve().parents[2]


def command(data: Path, port: int) -> tuple[list[str], dict[str, str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    return [sys.executable, "-m", "tools.server", "--data", str(data), "--port", str(port)], env


@contextmanager
def started(data: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield it once it serves, and what it said until then."""
    program, env = command(data, port)
    server = subprocess.Popen(
        program, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: queue.Queue[str] = queue.Queue()

    def read(stream: IO[str]) -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    assert server.stdout is not None
    threading.Thread(target=read, args=(server.stdout,), daemon=True).start()
    said = ""
    try:
        while '"event":"serving"' not in said:
            line = lines.get(timeout=300)
            assert line, f"it ended: {said}"
            said += line
        yield server, said
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait(120)


def links(said: str) -> list[str]:
    return re.findall(r"The first administrator, once, within a day: (\S+)", said)


def test_it_says_all_that_is_needed_starts_again_on_its_data_and_ends_in_peace() -> None:
    data = Path(tempfile.mkdtemp(prefix="heliograph-dev-"))  # where another user, who runs PostgreSQL, can go
    data.chmod(0o755)
    folder, port = data / "server", free_port()
    try:
        with started(folder, port) as (server, said):
            address = next(json.loads(line)["address"] for line in said.splitlines() if '"serving"' in line)
            assert address == f"http://127.0.0.1:{port}"
            until_answered(address, "/ready", 200)
            (link,) = links(said)
            assert link.startswith(f"{address}/link#")
            program, env = command(folder, free_port())
            second = subprocess.run(
                program, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
            )
            owner = (folder / "data" / "postmaster.pid").read_text().split()[0]
            assert second.returncode == 1
            assert f"PostgreSQL runs on {folder} already, as process {owner}" in second.stderr
            assert asked(address, "/alive")[0] == 200
            server.send_signal(signal.SIGTERM)
            assert server.wait(120) == 0
        assert not (folder / "data" / "postmaster.pid").exists(), "the database ended too"
        made, secret = (folder / "data" / "PG_VERSION").stat().st_mtime_ns, (folder / "secret").read_text()
        with started(folder, port) as (server, said):
            (other,) = links(said)
            assert other != link, "nobody has founded it yet: there is a new link, and the one before is over"
            assert (folder / "data" / "PG_VERSION").stat().st_mtime_ns == made
            assert (folder / "secret").read_text() == secret
            server.send_signal(signal.SIGTERM)
            assert server.wait(120) == 0
    finally:
        shutil.rmtree(data, ignore_errors=True)
