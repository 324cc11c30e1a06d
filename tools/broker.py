"""A mosquitto of our own: loopback, a free port, passwords and rights in files. Counterpart: tests and benches of MQTT.

Theory: the rights are those that `docs/guide/ingest.md` tells an administrator to write: a device logs in with its own id and may
write under it and read its commands, the server may read what devices write, and nobody else anything.
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
SERVER = "heliograph"
RIGHTS = f"""\
user {SERVER}
topic read tenant/+/device/+/telemetry
topic read tenant/+/device/+/shadow

pattern write tenant/+/device/%u/telemetry
pattern write tenant/+/device/%u/shadow
pattern read tenant/+/device/%u/commands
"""
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
max_inflight_messages 0
max_queued_messages 1000000
message_size_limit 65536
persistence true
persistence_location {folder}/
autosave_interval 1
log_dest file {folder}/log
"""


class NoBroker(Exception):
    """Mosquitto 2 is needed, and it is not here or does not start."""


class Mosquitto:
    """A broker in a folder. It can be stopped and started again, and keeps its sessions. Raises NoBroker.

    `port` 0: any; another may have it before this does.
    """

    def __init__(
        self, folder: Path, passwords: Mapping[str, str], more_rights: str = "", port: int = 0
    ) -> None:
        self._program = shutil.which("mosquitto") or shutil.which(
            "mosquitto", path="/usr/sbin:/usr/local/sbin"
        )
        if self._program is None:
            raise NoBroker("mosquitto is missing: apt-get install mosquitto")
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", port)) as free:
            self.port: int = free.getsockname()[1]
        self._who = give_away(folder)
        files = {
            "conf": CONFIGURATION.format(port=self.port, folder=folder),
            "rights": RIGHTS + more_rights,
            "passwords": "".join(f"{name}:{password}\n" for name, password in passwords.items()),
        }
        for name, text in files.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
            give_away(path)
        hashing: list[str | Path] = ["mosquitto_passwd", "-U", folder / "passwords"]
        subprocess.run(hashing, check=True, capture_output=True, **self._who)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [str(self._program), "-c", str(self._folder / "conf")]
        self._server = subprocess.Popen(command, start_new_session=True, **self._who)
        until_s = time.monotonic() + START_CAP_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError as error:
                if self._server.poll() is not None or time.monotonic() > until_s:
                    log = self._folder / "log"
                    said = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
                    raise NoBroker(f"mosquitto did not start ({error}):\n{said}") from None
                time.sleep(POLL_S)

    def stop(self) -> None:
        """End it in peace: what it holds for others is on disk then."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None
