"""Ports for servers that tests start. One rule: each worker has a range of its own, below those that systems give out.

A port that the system gives out may be another's before the server that it is for has bound it.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

RANGE = 10_000, 32_000
WORKERS = 16

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % WORKERS
_size = (RANGE[1] - RANGE[0]) // WORKERS
_first = RANGE[0] + _worker * _size
_turns = itertools.count(random.Random(os.getpid()).randrange(_size))


def free_port() -> int:
    """Return a port of 127.0.0.1 where nobody listens, over TCP or UDP, and which is not handed out again soon."""
    for turn in itertools.islice(_turns, _size):
        port = _first + turn % _size
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise RuntimeError(f"no port from {_first} to {_first + _size} is free")
