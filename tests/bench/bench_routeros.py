"""Connect, log in, four queries and leave, per CPU second: our session against librouteros' two clients.

What one of simnet's routers answers is replayed by a process of its own. Ours is what a poll runs: transport, codec, session;
the words are the driver's, and the same for all. A further figure is of the whole driver on kept connections to that router.
One rule: only the client's own CPU counts (`process_time`), and ours and theirs alternate.
"""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from operator import truediv
from pathlib import Path

from msgspec import structs

from engine.drivers.driver import Login
from engine.drivers.mikrotik import RouterOsDriver
from engine.drivers.routeros_session import Endpoint, RouterOsSession
from engine.transport.tcp import TcpTransport
from tests.bench.routeros_agent import Replay, Wakefulness, record

PAIRS = 15
PORTS = 14
LANES = 8
DEVICES = 120
"""Routers that one run of ours polls; librouteros polls a fifth of them in its."""

READINGS = 40
QUERIES = (
    ("/system/resource/print", "=.proplist=uptime,version,cpu-load,free-memory,total-memory"),
    ("/interface/print", "=.proplist=name,running,disabled,rx-byte,tx-byte,rx-packet,tx-packet"),
    ("/system/health/print", "=.proplist=name,value"),
    ("/ip/neighbor/print", "=.proplist=interface,mac-address,address,identity,version,board"),
)
_USER, _PASSWORD = "monitor", "alpenglow"
Poll = Callable[[], Awaitable[int]]
"""Polls one router once and returns how many rows came."""


@contextmanager
def router() -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Run the agent in a process of its own; give the addresses of what replays a router's answers, and of the router."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "tests.bench.bench_routeros", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        try:
            address, port, full_address, full_port = process.stdout.readline().decode().split()
            yield (address, int(port)), (full_address, int(full_port))
        finally:
            process.kill()


async def serve() -> None:
    """Serve one router until standard input ends; the first line on stdout says where: what replays it, and itself."""
    from simnet import network as net
    from simnet.serving import SimulatedNetwork

    names = ["Core", *(f"R{number:02d}" for number in range(PORTS))]
    spec = net.RouterSpec("", "", "relay", "CCR2004-16G-2S+", "7.18.2", "HE7A0B1C2D3", ("routeros",))
    load = net.Load(1e6, 9e6)
    network = net.Network(
        name="one router",
        vantage="Core",
        seed=1,
        snmp=net.SnmpCredential("SNMP", "public"),
        routeros=net.RouterOsCredential("API", _USER, _PASSWORD),
        sites=tuple(net.Site(name, "relay", "Allgäu", 10.3, 47.7, 700) for name in names),
        routers=tuple(structs.replace(spec, name=name, site=name) for name in names),
        links=tuple(
            net.LinkSpec("Core", f"ether{n + 2}", name, "ether2", "fibre", 1e9, load, load)
            for n, name in enumerate(names[1:])
        ),
    )
    async with SimulatedNetwork(network, serve=["Core"]) as simulated:
        address = simulated["Core"].api_address
        login = ("/login", f"=name={_USER}", f"=password={_PASSWORD}")
        answers = await record(address, login, QUERIES)
        wakefulness, loop = Wakefulness(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: Replay(answers, wakefulness), "127.0.0.1", 0)
        async with server:
            sys.stdout.write("{} {} ".format(*server.sockets[0].getsockname()))
            sys.stdout.write("{} {}\n".format(*address))
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)


def our_poll(tcp: TcpTransport, endpoint: Endpoint) -> Poll:
    """Our session, a new one for each poll."""

    async def poll() -> int:
        session = await RouterOsSession.open(tcp, endpoint, Login(_USER, _PASSWORD), 5.0)
        done = await session.run(QUERIES, 5.0)
        session.close()
        return sum(len(printed.rows) for printed in done.answers)

    return poll


def librouteros_poll(host: str, port: int) -> Poll:
    """librouteros' asynchronous client, one command after another as it must."""
    import librouteros

    async def poll() -> int:
        client = await librouteros.async_connect(
            host=host, port=port, username=_USER, password=_PASSWORD, encoding="utf-8", timeout=5
        )
        rows = 0
        for words in QUERIES:
            rows += len([row async for row in client.rawCmd(*words)])
        await client.close()
        return rows

    return poll


def librouteros_sync_poll(host: str, port: int) -> Poll:
    """librouteros' synchronous client."""
    import librouteros

    async def poll() -> int:
        client = librouteros.connect(
            host=host, port=port, username=_USER, password=_PASSWORD, encoding="utf-8", timeout=5
        )
        rows = sum(len(tuple(client.rawCmd(*words))) for words in QUERIES)
        client.close()
        return rows

    return poll


async def polls_per_cpu_s(poll: Poll, count: int, lanes: int) -> float:
    """Poll so many times, a few at a time."""

    async def lane() -> None:
        for _ in range(count // lanes):
            assert await poll() >= 2 * PORTS

    started = time.process_time()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    return count // lanes * lanes / (time.process_time() - started)


async def readings_per_cpu_s(drivers: list[RouterOsDriver]) -> float:
    """Read all drivers in turn over their kept connections."""
    started = time.process_time()
    for _ in range(READINGS):
        await asyncio.gather(*(driver.read() for driver in drivers))
    return READINGS * len(drivers) / (time.process_time() - started)


async def _compare() -> dict[str, float]:
    with router() as ((host, port), full):
        tcp, endpoint = TcpTransport(), Endpoint(host, port)
        ours = our_poll(tcp, endpoint)
        peers = {
            "librouteros": (librouteros_poll(host, port), LANES),
            "librouteros_sync": (librouteros_sync_poll(host, port), 1),
        }
        rates: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
        ratios: dict[str, list[float]] = {name: [] for name in peers}
        gc.collect()
        gc.freeze()  # what was made at the start is no garbage, for either
        for _ in range(PAIRS + 1):
            for name, (poll, lanes) in peers.items():
                own = await polls_per_cpu_s(ours, DEVICES, LANES)
                theirs = await polls_per_cpu_s(poll, DEVICES // 5, lanes)
                rates["ours"].append(own)
                rates[name].append(theirs)
                ratios[name].append(truediv(own, theirs))
        drivers = [
            RouterOsDriver(tcp, Endpoint(*full), Login(_USER, _PASSWORD), timeout_s=5, answer_s=5, phase=n)
            for n in range(LANES)
        ]
        kept = [await readings_per_cpu_s(drivers) for _ in range(4)]
        for driver in drivers:
            await driver.close()
        await tcp.close()
        gc.unfreeze()
    figures = {f"vs_{name}_x": round(statistics.median(values[1:]), 2) for name, values in ratios.items()}
    figures |= {f"{name}_per_cpu_s": round(statistics.median(values[1:])) for name, values in rates.items()}
    figures["driver_readings_per_cpu_s"] = round(statistics.median(kept[1:]))
    return figures


def run() -> dict[str, dict[str, object]]:
    """Return the figures, and which peers and system they are of."""
    loop = asyncio.new_event_loop()
    loop_name = type(loop).__name__
    loop.close()
    return {
        "figures": dict(asyncio.run(_compare())),
        "peers": {
            "librouteros": version("librouteros"),
            "python": platform.python_version(),
            "system": platform.platform(),
            "loop": f"asyncio {loop_name}",
        },
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        sys.stdout.write(json.dumps(run(), indent=1) + "\n")
