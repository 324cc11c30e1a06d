"""The simulator as a program: started, spoken to, shared among processes, stopped; and a thousand routers at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simnet.control import FILE_NAME
from simnet.serving import SimulatedNetwork
from simnet.synthetic import build_network
from tests.engine.simnet_peers import Address, BareClient, ask_bare, get_sys_name, run, snmp_values

SYS_NAME, IN_OCTETS = "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.31.1.1.1.6"
SECOND_PROCESS_TIMEOUT_S = 60


class Program:
    """A running `python -m simnet run`, and commands to it."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state = state
        command = [sys.executable, "-m", "simnet", "run", "--state", str(state), "--with-parent", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline() or b"{}")
        return line

    def tell(self, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "simnet", *words, "--state", str(self.state)],
            capture_output=True,
            timeout=SECOND_PROCESS_TIMEOUT_S,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).decode().strip()

    def wait(self) -> tuple[int, str]:
        """Wait for its end; closes its standard input."""
        _, errors = self.process.communicate(timeout=SECOND_PROCESS_TIMEOUT_S)
        return self.process.returncode, errors.decode()


@contextlib.contextmanager
def running(state: Path, *arguments: str) -> Iterator[Program]:
    program = Program(state, *arguments)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.process.communicate()


def test_the_program_runs_is_told_what_to_do_and_stops(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    with running(tmp_path / "state", "--inventory", str(inventory)) as program:
        ready = program.ready()
        assert (ready["event"], ready["devices"], ready["links"]) == ("ready", 60, 62)
        content = json.loads(inventory.read_bytes())
        if os.name == "posix":
            assert inventory.stat().st_mode & 0o077 == 0
            assert (tmp_path / "state" / FILE_NAME).stat().st_mode & 0o077 == 0
        grunten = next(device for device in content["devices"] if device["name"] == "Grünten")
        probe = next(probe for probe in grunten["probes"] if probe["kind"] == "snmp")
        community = next(c["secret"] for c in content["credentials"] if c["name"] == probe["credential"])
        place = (grunten["address"], probe["port"])
        ask = get_sys_name(1, community.encode())

        assert ask_bare(place, ask, 30) is not None
        assert program.tell("kill", "grunten") == (0, "Grünten is dead")
        assert ask_bare(place, ask, 0.15) is None
        assert "Grünten: dead" in program.tell("list")[1]
        assert program.tell("revive", "Grünten") == (0, "Grünten boots")
        assert ask_bare(place, ask, 30) is not None
        code, said = program.tell("cut", "Grüntn - Burgberg")
        assert (code, "there is no link" in said) == (1, True)

        second = Program(tmp_path / "state")
        code, errors = second.wait()
        assert code == 2
        assert "runs already" in errors

        assert program.tell("stop")[0] == 0
        code, errors = program.wait()
        assert code == 0, errors
        assert not (tmp_path / "state" / FILE_NAME).exists()
        code, said = program.tell("list")
        assert (code, "no simulator runs here" in said) == (2, True)


def test_it_ends_with_its_parent_and_on_a_signal(tmp_path: Path) -> None:
    with (
        running(tmp_path / "a", "--devices", "3") as first,
        running(tmp_path / "b", "--devices", "3") as second,
    ):
        assert first.ready()["devices"] == second.ready()["devices"] == 3
        if sys.platform != "win32":
            second.process.send_signal(signal.SIGTERM)
        assert first.wait()[0] == 0
        assert second.wait()[0] == 0


def test_a_file_that_is_no_network_is_said_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "network.json"
    broken.write_text("{}")
    with running(tmp_path / "state", "--network", str(broken)) as program:
        assert program.ready() == {}
        code, errors = program.wait()
        assert code == 2
        assert [json.loads(line)["level"] for line in errors.splitlines()] == ["error"]
        assert "missing required field" in errors


def test_several_processes_hold_one_world(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    arguments = ("--devices", "12", "--processes", "2", "--inventory", str(inventory))
    with running(tmp_path / "state", *arguments) as program:
        assert program.ready()["processes"] == 2
        content = json.loads(inventory.read_bytes())
        places = {
            device["name"]: (device["address"], device["probes"][0]["port"]) for device in content["devices"]
        }
        for place in places.values():
            assert ask_bare(place, get_sys_name(1), 30) is not None
        link = content["links"][0]
        assert {link["a"], link["b"]} == {"R00001", "R00002"}  # served by different processes
        program.tell("cut", f"{link['a']} - {link['b']}")

        async def counters() -> list[set[str]]:
            return [
                set(await snmp_values("snmpwalk", places[name], IN_OCTETS)) for name in ("R00001", "R00002")
            ]

        before, after = run(counters()), run(counters())
        assert all(old & new for old, new in zip(before, after, strict=True)), (
            "a cut link stands still at both ends"
        )
        program.tell("kill", "R00002")
        assert ask_bare(places["R00002"], get_sys_name(1), 0.15) is None
        assert ask_bare(places["R00001"], get_sys_name(1), 30) is not None
        assert program.wait()[0] == 0


class Census(asyncio.DatagramProtocol):
    """Asks many agents for their name and gathers the answers."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self.heard: dict[Address, bytes] = {}
        self.news = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Address) -> None:  # type: ignore[override]
        self.heard[addr] = data
        self.news.set()

    async def ask(self, places: list[Address]) -> None:
        for place in places:
            self.transport.sendto(get_sys_name(0x0102_0304), place)
        while not self.heard.keys() >= set(places):
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 30)


@pytest.mark.parametrize("devices", [1000])
def test_a_thousand_routers_answer_from_one_process(devices: int) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(build_network(devices)) as network:
            names = list(network.world.routers)
            transport, census = await asyncio.get_running_loop().create_datagram_endpoint(
                Census, local_addr=("127.0.0.1", 0)
            )
            for start in range(0, devices, 100):
                await census.ask([network[name].snmp_address for name in names[start : start + 100]])
            transport.close()
            assert all(census.heard[network[name].snmp_address].endswith(name.encode()) for name in names)
            for start in range(0, devices, 100):
                await asyncio.gather(*(identify(network, name) for name in names[start : start + 100 : 4]))

    async def identify(network: SimulatedNetwork, name: str) -> None:
        client = await BareClient.connect(network[name].api_address)
        client.say("/login")
        first = await client.hear()
        if first == ["!done"] or first[0] == "!trap":
            await client.hear() if first[0] == "!trap" else None
            await client.log_in()
            client.say("/system/identity/print")
            assert await client.hear() == ["!re", f"=name={name}"]
        else:
            assert first[1].startswith("=ret=")
        client.close()

    run(scene())
