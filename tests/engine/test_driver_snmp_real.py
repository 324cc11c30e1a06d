"""The SNMP driver against agents that are not scripted: simnet's MikroTik routers and a real net-snmp."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import DeviceError
from domain.metrics import is_believable
from domain.observation import Reading
from engine.drivers import Driver
from engine.transport import Transports
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of
from tests.engine.test_driver_snmp import COMMUNITY, facts, values
from tests.ports import free_port


@pytest.mark.parametrize(
    ("board", "version", "interface", "expected"),
    [
        ("RB922UAGS-5HPacD", "6.49.10", "wlan1", ("signal_dbm", "wlan1")),
        ("RB922UAGS-5HPacD", "7.18.2", "wlan1", ("signal_to_noise_db", "wlan1")),
        ("CubeG-5ac60ay", "7.18.2", "wlan60-1", ("signal_dbm", "wlan60-1")),
        ("CCR2004-16G-2S+", "7.18.2", "sfp-sfpplus1", ("fan_rpm", "fan1")),
        ("CCR2004-16G-2S+", "6.49.10", "sfp-sfpplus1", ("power_w", "")),
    ],
)
def test_a_mikrotik_tells_its_health_and_radios_over_snmp(
    board: str, version: str, interface: str, expected: tuple[str, str]
) -> None:
    async def main() -> Reading:
        transports = await Transports.open()
        async with SimulatedRouter(board=board, version=version, interface=interface) as router:
            device = device_at(router.snmp_address, "snmp")
            driver = driver_of(transports, device, COMMUNITY)
            reading = (await driver.read()).reading
            await driver.close()
        await transports.close()
        return reading

    reading = asyncio.run(main())
    got = values(reading)
    told = facts(reading)
    assert told["os"] == "RouterOS"
    assert told["version"] == version
    assert told["serial"] == "HE7A0B1C2D3"
    assert told["model"] == board
    assert expected in got
    assert 20 < got["temperature_c", ""] < 80
    assert 5 < got["voltage_v", ""] < 60
    assert all(is_believable(metric, value) for metric, _, value in reading.values)


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A real net-snmp agent of this machine, as whoever runs the tests."""
    program = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "snmpd is needed: apt-get install snmpd"
    port = free_port()
    config = tmp_path / "snmpd.conf"
    config.write_text(
        "rocommunity public 127.0.0.1\nsysLocation Attic\nsysContact anna\nsysName real\ndisk /\n"
    )
    command = [
        program,
        "-f",
        "-C",
        "-c",
        str(config),
        "-Lf",
        str(tmp_path / "log"),
        "-I",
        "-smux",
        f"udp:127.0.0.1:{port}",
    ]
    process = subprocess.Popen(command, env={"SNMP_PERSISTENT_DIR": str(tmp_path)})
    yield "127.0.0.1", port
    process.terminate()
    process.wait(60)


@pytest.mark.skipif(sys.platform == "win32", reason="net-snmp's agent runs on Unix")
def test_a_real_snmpd_is_shown_with_its_interfaces(snmpd: tuple[str, int]) -> None:
    async def main() -> Reading:
        transports = await Transports.open()
        device = device_at(snmpd, "snmp")
        driver: Driver = driver_of(transports, device, COMMUNITY, timeout_s=5.0)
        deadline_s = time.monotonic() + 60
        while True:
            try:
                reading = (await driver.read()).reading
                break
            except DeviceError:
                assert time.monotonic() < deadline_s, "snmpd did not come up"
                await asyncio.sleep(0.05)
        second = (await driver.read()).reading
        assert ("if_oper_up", "lo", 1.0) in second.values
        assert ("if_in_bps", "lo") in values(second)
        await driver.close()
        await transports.close()
        return reading

    reading = asyncio.run(main())
    told = facts(reading)
    assert told["identity"] == "real"
    assert told["location"] == "Attic"
    assert told["interface/lo"]["kind"] == "loopback"
    assert {f"interface/{name}" for _, name in socket.if_nameindex()} <= set(told)
    own = [field.removeprefix("address/") for field in told if field.startswith("address/")]
    assert "127.0.0.1" not in own
    assert set(_outward()) <= set(own)
    for address in own:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.bind((address, 0))
    got = values(reading)
    assert told["profile"] == "linux"
    assert 1e6 < got["memory_used_bytes", ""] < got["memory_total_bytes", ""]
    disks = [instance for metric, instance in got if metric == "disk_total_bytes"]
    assert disks, "a computer has a disk; in a chroot it may be another than /"
    assert all(0 <= got["disk_used_bytes", disk] <= got["disk_total_bytes", disk] for disk in disks)
    assert {("load_1min", ""), ("processes", ""), ("swap_used_bytes", "")} <= got.keys()


def _outward() -> list[str]:
    """Return the address that this computer would send from to the world, if it has a way there; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("198.51.100.1", 9))
        except OSError:
            return []
        return [asking.getsockname()[0]]
