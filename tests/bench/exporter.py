"""Prometheus' SNMP exporter as a client: a scrape is a GET of the same ten OIDs. Counterpart: `bench_poll.py`.

One rule: only the exporter's own CPU counts, not that of who asks it over HTTP.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROGRAM = "prometheus-snmp-exporter"
LANES = 8
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _config(oids: tuple[str, ...]) -> str:
    """Return a configuration of version 0.21 with one module that gets these OIDs."""
    got = "\n".join(f"  - {oid}" for oid in oids)
    metrics = "\n".join(
        f"  - name: value{n}\n    oid: {oid.removesuffix('.0')}\n    type: gauge\n    help: A value"
        for n, oid in enumerate(oids)
    )
    return f"bench:\n  get:\n{got}\n  metrics:\n{metrics}\n  version: 2\n  auth:\n    community: public\n"


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def version() -> str:
    """Return which exporter this is."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return (said.stdout + said.stderr).split()[2]


@contextlib.contextmanager
def exporter_client(port: int, oids: tuple[str, ...]) -> Iterator[Callable[[int], float]]:
    """Run the exporter; give what makes so many scrapes of the agent and returns the CPU seconds they took."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        config = Path(folder) / "snmp.yml"
        config.write_text(_config(oids))
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
        free.close()
        command = [PROGRAM, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{listen}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(listen)

                def lane(count: int) -> None:
                    connection = http.client.HTTPConnection("127.0.0.1", listen, timeout=10)
                    for _ in range(count):
                        connection.request("GET", f"/snmp?module=bench&target=127.0.0.1:{port}")
                        answer = connection.getresponse()
                        body = answer.read()
                        assert answer.status == 200, body[:300]
                    connection.close()

                def scrape(count: int) -> float:
                    began_s = _cpu_s(process.pid)
                    with ThreadPoolExecutor(LANES) as pool:
                        list(pool.map(lane, [count // LANES] * LANES))
                    return (_cpu_s(process.pid) - began_s) * count / (count // LANES * LANES)

                yield scrape
            finally:
                process.kill()


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{PROGRAM} did not open port {port} in 20 s")
