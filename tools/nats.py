"""A nats-server of our own: loopback, a free port, JetStream in a folder. Counterpart: tests and benches of several servers.

One rule: what is missing is named with what to install.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tools.cluster import give_away

START_CAP_S = 90.0
POLL_S = 0.05
CONFIGURATION = """\
listen: 127.0.0.1:{port}
jetstream {{ store_dir: "{folder}/jetstream", max_memory_store: 64MB, max_file_store: 256MB }}
log_file: "{folder}/log"
{more}
"""


class NoNats(Exception):
    """nats-server 2.9 or later is needed, and it is not here or does not start."""


class NatsServer:
    """A nats-server in a folder, with more lines of configuration and the files that these name.

    It can be killed and started again, and keeps what it had. `port` 0: any; another may have it before this does. Raises NoNats.
    """

    def __init__(
        self, folder: Path, more: str = "", files: Mapping[str, bytes] | None = None, port: int = 0
    ) -> None:
        self._program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
        if self._program is None:
            raise NoNats("nats-server is missing: apt-get install nats-server")
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", port)) as free:
            self.port: int = free.getsockname()[1]
        self._who = give_away(folder)
        lines = CONFIGURATION.format(port=self.port, folder=folder, more=more).encode()
        for name, data in {"conf": lines, **(files or {})}.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(data)
            give_away(path)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [str(self._program), "-c", str(self._folder / "conf")]
        where = {**self._who, "cwd": self._folder}
        self._server = subprocess.Popen(command, start_new_session=True, **where)
        until_s = time.monotonic() + START_CAP_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError as error:
                if self._server.poll() is not None or time.monotonic() > until_s:
                    log = self._folder / "log"
                    said = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
                    raise NoNats(f"nats-server did not start ({error}):\n{said}") from None
                time.sleep(POLL_S)

    def kill(self) -> None:
        """Kill it where it stands."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
