"""kill -9 of a server under a tunnel: both ends end it in words, and the next connection goes by the server that came back.

Counterparts: `test_tunnels.py`, which kills collectors; `processes.py`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import pytest

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.tunnels import OpenTunnel, Tunnel
from engine.compose import new_id
from migrations.guards import REQUESTS
from tests.server.test_kills import prepared
from tests.team.processes import WAIT_S, Member, an_office, until
from tools.cluster import url_of


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """Yield the sockets of a cluster."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-pg-"))
    try:
        with prepared(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def said_back(tunnel: Tunnel, router: socket.socket) -> tuple[socket.socket, socket.socket] | None:
    """Return both ends of a connection by a tunnel, once a word of its own has passed; None where none comes."""
    word = os.urandom(8)
    near = socket.create_connection(("127.0.0.1", tunnel.port))
    near.sendall(word)
    router.settimeout(20.0)
    try:
        far, _ = router.accept()
        while not says(far, word):  # a poll of the port says nothing, one that was given up another word
            far.close()
            far, _ = router.accept()
    except TimeoutError:
        near.close()
        return None
    for end in (near, far):
        end.settimeout(WAIT_S)
    return near, far


def says(far: socket.socket, word: bytes) -> bool:
    """Tell whether somebody says a word, before what else or nothing."""
    far.settimeout(20.0)
    said = b""
    with suppress(TimeoutError, ConnectionError):
        while len(said) < len(word) and (data := far.recv(len(word) - len(said))):
            said += data
    return said == word


def trouble(member: Member) -> str:
    """Return why the connection failed that a window shows."""
    told = member.client.state.get(("tunnels", None))
    return next((one.trouble for one in told.tunnels if one.trouble), "") if told is not None else ""


def test_a_killed_server_ends_what_passes_in_words_and_the_tunnel_goes_on_with_the_next(
    tmp_path: Path, sockets: Path
) -> None:
    with (
        an_office(url_of(sockets, "hg", REQUESTS)) as office,
        socket.create_server(("127.0.0.1", 0)) as router,
        ExitStack() as ending,
    ):
        root = office.found()
        office.tenant(root, "Voralp")
        hill = office.join(root, tmp_path, "tenant_admin", "hill", "--collector")
        ben = office.join(root, tmp_path, "engineer", "ben")
        for member in (hill, ben):
            ending.callback(member.stop)
        hill.start("--collector")
        ben.start()
        ben.online()
        port = router.getsockname()[1]
        device = Device(new_id(), "r1", "127.0.0.1", (Probe("tcp", port),), interval_s=300.0)
        ben.edit("add", creation("device", device))
        ben.online()
        hill.shows("device", device.id)

        def opened() -> tuple[Tunnel, socket.socket, socket.socket] | None:
            reply = ben.client.ask(lambda number: OpenTunnel(number, device.id, port, "Ben"))
            if reply.refusals:  # its engine has not heard of the device yet
                return None
            tunnel = msgspec.convert(reply.result["tunnel"], Tunnel)
            ends = said_back(tunnel, router)
            return (tunnel, *ends) if tunnel.way == "relay" and ends is not None else None

        tunnel, near, far = until(opened, "the collector carries it")
        office.kill()
        assert near.recv(1) == b"", "the near end is closed"
        assert far.recv(1) == b"", "the far end is closed"
        ben.until(lambda: "server" in trouble(ben))
        office.start()
        ben.online()
        near, far = until(lambda: said_back(tunnel, router), "it goes on by the server that came back")
        far.sendall(b"y")
        assert near.recv(1) == b"y"
