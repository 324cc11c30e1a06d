"""What a newcomer does first: adds what is at hand. Here that is this machine's own snmpd and sshd."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.real_peers import COMMUNITY, HOST, running_snmpd, running_sshd
from tests.e2e.window_process import Line, WindowProcess

PLACE = ("--site", "Attic", "--region", "Home", "--lng", "9.74", "--lat", "47.5")
OFTEN = ("--interval", "1")
NO_RATE_YET = "–"


def is_round_trip(said: str | None) -> bool:
    """Tell whether a fact says how long an answer took."""
    return said is not None and said.endswith(" ms")


@pytest.mark.skipif(sys.platform == "win32", reason="net-snmp's agent and this sshd run on Unix")
def test_a_real_snmpd_is_shown_with_its_interfaces_and_a_real_sshd_by_tcp_and_ping(tmp_path: Path) -> None:
    with (
        running_snmpd(tmp_path) as snmp_port,
        running_sshd(tmp_path) as (ssh_port, sshd),
        WindowProcess(tmp_path, "attic") as window,
    ):
        window.until(lambda line: line["engine_pid"] != 0, "the engine of an empty network")
        snmp = ("--snmp-port", str(snmp_port), "--snmp-community-stdin")
        window.add(HOST, "--name", "attic", *PLACE, *OFTEN, *snmp, typed=f"{COMMUNITY}\n")
        window.until(
            lambda line: line["tree"] == "attic, up" and line["rendered"] == 1, "snmpd up, on the map"
        )
        window.tell("select")
        own = {name for _, name in socket.if_nameindex()}

        def shows_traffic(line: Line) -> bool:
            shows_all = own <= set(line["interfaces"]) and {"Location", "SNMP", "Memory"} <= set(
                line["facts"]
            )
            return shows_all and NO_RATE_YET not in line["interfaces"]["lo"]

        shown = window.until(shows_traffic, "every interface, and the loopback's traffic")["facts"]
        assert shown["Location"] == "Under the roof"
        assert shown["Address"] == HOST
        assert is_round_trip(shown["SNMP"])
        assert "Memory" in shown

        window.add(HOST, "--name", "door", *PLACE[:2], *OFTEN, "--tcp", str(ssh_port), "--ping")
        window.tell("watch door")
        window.until(lambda line: line["tree"] == "door, up", "sshd up")
        window.tell("select")
        tcp = f"TCP {ssh_port}"
        window.until(
            lambda line: is_round_trip(line["facts"].get(tcp)) and is_round_trip(line["facts"].get("Ping")),
            "sshd by TCP and by ping",
        )

        sshd.terminate()
        window.until(
            lambda line: (
                line["tree"] == "door, degraded"
                and "nobody listens there" in line["facts"].get(tcp, "")
                and is_round_trip(line["facts"].get("Ping"))
            ),
            "sshd gone, its host still there",
        )
