"""Targets pinged per CPU second at equal loss: our ICMP transport, as the ping driver asks it, against fping.

Both ask the same 10,000 addresses of the loopback net, which all answer: one echo, one more where none came back in 2 s, as
fast as they can. One rule: CPU is all of the process that pings, user and system; of loopback the kernel's answering is in it
on both sides.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from domain.errors import NoAnswer
from engine.transport import Transports
from engine.transport.icmp import IcmpTransport
from engine.transport.icmp_flights import Peer

TARGETS = 10_000
PAIRS = 15
TIMEOUT_S = 2.0
RETRIES = 1


class Run(NamedTuple):
    """What one sweep took, and how many targets did not answer."""

    cpu_s: float
    took_s: float
    lost: int


def addresses() -> list[str]:
    """Return the targets."""
    return [f"127.7.{n // 250}.{n % 250 + 1}" for n in range(TARGETS)]


async def our_sweep(icmp: IcmpTransport, peers: list[Peer]) -> Run:
    """Ping all at once, and wait for each."""
    begun_cpu_s, begun_s, lost = time.process_time(), time.monotonic(), 0
    asked = [icmp.ping(peer, TIMEOUT_S, RETRIES) for peer in peers]
    for answer in asked:
        try:
            await answer
        except NoAnswer:
            lost += 1
    return Run(time.process_time() - begun_cpu_s, time.monotonic() - begun_s, lost)


def fping_sweep(listed: Path) -> Run:
    """Let fping do it; its start counts, which is a few milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun_s = time.monotonic()
    timeout_ms = str(round(TIMEOUT_S * 1000))
    command = [
        "fping",
        "-q",
        "-s",
        "-i",
        "0",
        "-r",
        str(RETRIES),
        "-B",
        "1",
        "-t",
        timeout_ms,
        "-f",
        str(listed),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took_s = time.monotonic() - begun_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = re.search(r"(\d+) alive", done.stderr)
    assert alive is not None, done.stderr
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(cpu_s, took_s, TARGETS - int(alive[1]))


async def our_runs(targets: list[str]) -> Run:
    """Sweep twice through one transport, and return the second: it is kept, as the engine's is.

    It is closed for fping's turn: a raw socket hears the whole computer's echoes, and would cost whoever pings.
    """
    transports = await Transports.open()
    icmp = transports.icmp
    assert icmp.can_ping("127.0.0.1"), icmp.notice
    peers = [icmp.peer(target) for target in targets]
    gc.collect()
    gc.freeze()  # what was made at the start is no garbage
    await our_sweep(icmp, peers)
    swept = await our_sweep(icmp, peers)
    gc.unfreeze()
    await transports.close()
    return swept


def run() -> dict[str, dict[str, object]]:
    """Return the figures, and which peer and system they are of."""
    program = shutil.which("fping")
    assert program, "fping is missing: apt install fping"
    targets = addresses()
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "targets"
        listed.write_text("\n".join(targets) + "\n")
        ours: list[Run] = []
        theirs: list[Run] = []
        for _ in range(PAIRS):
            ours.append(asyncio.run(our_runs(targets)))
            theirs.append(fping_sweep(listed))
    ratios = [peer.cpu_s / own.cpu_s for own, peer in zip(ours, theirs, strict=True)]
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "figures": {
            "vs_fping_x": round(statistics.median(ratios), 2),
            "targets_per_cpu_s": round(TARGETS / statistics.median(run.cpu_s for run in ours)),
            "fping_targets_per_cpu_s": round(TARGETS / statistics.median(run.cpu_s for run in theirs)),
            "sweep_s": round(statistics.median(run.took_s for run in ours), 2),
            "fping_sweep_s": round(statistics.median(run.took_s for run in theirs), 2),
            "lost": max(run.lost for run in ours),
            "fping_lost": max(run.lost for run in theirs),
        },
        "peers": {
            "fping": said.splitlines()[0].rpartition(" ")[2] if said else "",
            "python": platform.python_version(),
            "system": platform.platform(),
            "user": "root" if os.geteuid() == 0 else "not root",
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
