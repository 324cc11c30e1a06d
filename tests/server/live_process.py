"""A server as a process, to be killed. Counterpart: `live_clients.py`, who talks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from domain.vault import Secret
from tests.server.clients import ROOMY


@dataclass
class Process:
    """A server that serves at `address`."""

    program: subprocess.Popen[bytes]
    address: str

    @property
    def live(self) -> str:
        """The address of its live line."""
        return self.address.replace("http", "ws", 1) + "/api/v1/live"

    def kill(self) -> None:
        """Kill it where it stands."""
        self.program.kill()
        self.program.wait()


def environment(database_url: str, **more: object) -> dict[str, str]:
    """Return the environment of a server with the settings of the tests' own."""
    chosen: Mapping[str, object] = {**ROOMY, "listen_port": 0, **more, "database_url": database_url}
    env = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    for name, value in chosen.items():
        env[f"HELIOGRAPH_{name.upper()}"] = value.value if isinstance(value, Secret) else str(value)
    return env


@contextmanager
def process(database_url: str, **more: object) -> Iterator[Process]:
    """Yield a server with the settings of the tests' own, killed in the end."""
    env = environment(database_url, **more)
    program = subprocess.Popen([sys.executable, "-m", "sync_server", "run"], env=env, stderr=subprocess.PIPE)
    try:
        assert program.stderr is not None
        said = next(line for line in map(json.loads, program.stderr) if line["event"] == "serving")
        threading.Thread(target=program.stderr.read, daemon=True).start()  # a full pipe would hold it up
        yield Process(program, said["address"])
    finally:
        program.kill()
        program.wait()
