"""librouteros takes a simulated router for a device; what it cannot do (tags, streams, cancel) is spoken by hand."""

from __future__ import annotations

import asyncio
import re

import librouteros
import pytest
from librouteros.exceptions import TrapError
from librouteros.query import Key

from simnet.network import VORALPNET, load_network
from simnet.query import matches
from simnet.serving import SimulatedNetwork, SimulatedRouter
from tests.engine.simnet_peers import BareClient, HandClock, api, rows, run


@pytest.mark.parametrize("version", ["6.42.12", "6.49.17", "7.18.2"])
def test_both_forms_of_login_are_taken_by_the_versions_that_have_them(version: str) -> None:
    async def scene() -> None:
        async with SimulatedRouter(version=version, board="hAP ac^2") as router:
            method = librouteros.login.async_token if version == "6.42.12" else librouteros.login.async_plain
            client = await api(router.api_address, login_method=method)
            assert await rows(client, "/system/identity/print") == [{"name": "Device"}]

    run(scene())


def test_the_sync_client_of_librouteros_works_too() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:

            def ask() -> list[str]:
                host, port = router.api_address
                client = librouteros.connect(
                    host=host,
                    port=port,
                    username="monitor",
                    password="alpenglow",
                    encoding="utf-8",
                    timeout=30,
                )
                try:
                    return [row["name"] for row in client.path("interface")]
                finally:
                    client.close()

            assert await asyncio.to_thread(ask) == ["ether1", "ether2", "bridge"]

    run(scene())


@pytest.mark.parametrize(
    ("version", "complaint"), [("7.18.2", "invalid user name or password"), ("6.42.12", "cannot log in")]
)
def test_a_wrong_password_is_a_trap(version: str, complaint: str) -> None:
    async def scene() -> None:
        async with SimulatedRouter(version=version, board="hAP ac^2") as router:
            method = librouteros.login.async_token if version == "6.42.12" else librouteros.login.async_plain
            with pytest.raises(TrapError, match=complaint):
                await api(router.api_address, password="wrong", login_method=method)

    run(scene())


def test_who_is_not_logged_in_is_told_so_and_cut_off() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            client.say("/system/identity/print")
            assert await client.hear() == ["!fatal", "not logged in"]
            assert await client.reader.read() == b""

    run(scene())


def test_the_menus_of_a_router_say_what_a_monitor_needs() -> None:
    async def scene() -> None:
        async with SimulatedRouter(board="CCR2004-16G-2S+", interface="sfp-sfpplus1") as router:
            client = await api(router.api_address)
            (resource,) = await rows(client, "/system/resource/print")
            assert re.fullmatch(r"(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?", resource["uptime"])
            assert resource["version"] == "7.18.2 (stable)"
            assert resource["board-name"] == "CCR2004-16G-2S+"
            assert resource["free-memory"] < resource["total-memory"]
            (board,) = await rows(client, "/system/routerboard/print")
            assert board["serial-number"] == "HE7A0B1C2D3"
            port = (await rows(client, "/interface/print", "?name=sfp-sfpplus1"))[0]
            assert port["running"] is True
            assert port["mac-address"].count(":") == 5
            assert port["rx-byte"] > port["tx-byte"] > 0
            (neighbour,) = await rows(client, "/ip/neighbor/print")
            assert (neighbour["identity"], neighbour["interface"]) == ("Neighbour", "sfp-sfpplus1")
            assert "discovered-by" in neighbour
            (light,) = await rows(
                client,
                "/interface/ethernet/monitor",
                "=numbers=sfp-sfpplus1",
                "=once=",
                "=.proplist=sfp-rx-power,status",
            )
            assert light["status"] == "link-ok"
            assert -30 < float(light["sfp-rx-power"]) < 0
            (address,) = await rows(client, "/ip/address/print")
            assert address["address"] == f"{router.api_address[0]}/32"
            (update,) = await rows(client, "/system/package/update/check-for-updates")
            assert update["status"] == "New version is available"

    run(scene())


def test_health_is_one_record_before_version_7_and_rows_since() -> None:
    async def scene() -> None:
        async with SimulatedRouter(board="CCR1009-7G-1C-1S+", version="6.49.17") as old:
            (record,) = await rows(await api(old.api_address), "/system/health/print")
            assert 20 < float(record["voltage"]) < 28
        async with SimulatedRouter() as new:
            health = await rows(await api(new.api_address), "/system/health/print")
            assert {"name", "value", "type"} <= health[0].keys()
            assert [row["name"] for row in health] == ["voltage", "temperature", "cpu-temperature"]

    run(scene())


@pytest.mark.parametrize(
    ("board", "version", "menu", "absent", "shape"),
    [
        ("hAP ac^2", "6.49.17", "wireless", "wifi", r"-\d\ddBm@6Mbps"),
        ("hAP ac^2", "7.14.3", "wireless", "wifiwave2", r"-\d\ddBm@VHT80-9"),
        ("hAP ax^2", "7.11.3", "wifiwave2", "wifi", r"-\d\d"),
        ("hAP ax^2", "7.18.2", "wifi", "wireless", r"-\d\d"),
    ],
)
def test_a_radio_registers_in_the_menu_of_its_driver_and_version(
    board: str, version: str, menu: str, absent: str, shape: str
) -> None:
    async def scene() -> None:
        interface, field = ("wlan1", "signal-strength") if menu == "wireless" else ("wifi1", "signal")
        async with SimulatedRouter(board=board, version=version, interface=interface) as router:
            client = await api(router.api_address)
            (entry,) = await rows(client, f"/interface/{menu}/registration-table/print")
            assert re.fullmatch(shape, str(entry[field]))
            assert entry["interface"] == interface
            with pytest.raises(TrapError, match="no such command prefix"):
                await rows(client, f"/interface/{absent}/registration-table/print")

    run(scene())


def test_a_60_ghz_radio_is_monitored_in_its_own_menu() -> None:
    async def scene() -> None:
        async with SimulatedRouter(board="CubeG-5ac60ay", version="7.16.2", interface="wlan60-1") as router:
            client = await api(router.api_address)
            (radio,) = await rows(client, "/interface/w60g/monitor", "=numbers=wlan60-1", "=once=")
            assert radio["connected"] is True
            assert -90 < radio["rssi"] < -30

    run(scene())


def test_queries_and_proplist_choose_rows_and_values() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await api(router.api_address)
            name, kind = Key("name"), Key("type")
            chosen = client.path("interface").select(name).where(kind == "ether", name != "ether1")
            assert [row async for row in chosen] == [{"name": "ether2"}]
            either = client.path("interface").select(name).where(name.In("bridge", "ether1"))
            assert [row async for row in either] == [{"name": "ether1"}, {"name": "bridge"}]

    run(scene())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["name=a"], True),
        (["name=b"], False),
        (["comment"], True),
        (["-comment"], False),
        (["-nothing"], True),
        ([">mtu=1499"], True),
        (["<mtu=1500"], False),
        (["name=b", "name=a", "#|"], True),
        (["name=b", "name=a", "#&"], False),
        (["name=b", "#!"], True),
        (["name=b", "name=a", "#1!&|"], True),
        (["name=b", "name=a", "#0"], True),
        (["name=a", "#!.&"], False),
        (["name=a=b"], False),
    ],
)
def test_query_words_are_a_stack_machine(words: list[str], wanted: bool) -> None:
    assert matches({"name": "a", "comment": "", "mtu": "1500"}, words) is wanted


def test_count_only_says_how_many() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print", "=count-only=", "?type=ether")
            assert await client.hear() == ["!done", "=ret=2"]

    run(scene())


def test_an_empty_answer_is_said_since_7_18_and_only_since() -> None:
    async def scene() -> None:
        for version, wanted in (("7.18.2", [["!empty"], ["!done"]]), ("7.16.2", [["!done"]])):
            async with SimulatedRouter(version=version) as router:
                client = await BareClient.connect(router.api_address)
                await client.log_in()
                client.say("/interface/print", "?name=nothing")
                assert await client.hear_until("!done") == wanted
                assert await rows(await api(router.api_address), "/interface/print", "?name=nothing") == []

    run(scene())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["/no/such/print"], "no such command prefix"),
        (["/interface/dance"], "no such command"),
        (["/system/reboot"], "no such command"),
        (["/system/identity/set", "=name=mine"], "not enough permissions"),
        (["/interface/monitor-traffic", "=interface=nothing", "=once="], "does not match"),
        (["/interface/ethernet/monitor", "=numbers=bridge", "=once="], "no such item"),
        (["/interface/print", "?#|"], "stack is empty"),
    ],
)
def test_what_a_router_cannot_do_is_a_trap_and_the_connection_lives_on(
    words: list[str], complaint: str
) -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await api(router.api_address)
            with pytest.raises(TrapError, match=complaint):
                await rows(client, *words)
            assert len(await rows(client, "/system/identity/print")) == 1

    run(scene())


def test_commands_under_way_are_told_apart_by_their_tags() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/system/identity/print", ".tag=7")
            client.say("/nonsense/print", ".tag=8")
            heard = [await client.hear() for _ in range(4)]
            assert heard[:2] == [["!re", ".tag=7", "=name=Device"], ["!done", ".tag=7"]]
            assert heard[2][:2] == ["!trap", ".tag=8"]
            assert heard[3] == ["!done", ".tag=8"]

    run(scene())


def test_traffic_streams_until_it_is_cancelled() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/monitor-traffic", "=interface=ether1,ether2", "=interval=50ms", ".tag=5")
            heard = [await client.hear() for _ in range(4)]
            assert ["=name=ether2" in words for words in heard] == [False, True, False, True]
            assert any(word.startswith("=rx-bits-per-second=") for word in heard[1])
            assert [words[-1] for words in heard] == [
                "=.section=0",
                "=.section=0",
                "=.section=1",
                "=.section=1",
            ]
            client.say("/cancel", "=tag=5", ".tag=6")
            rest = [words for words in await _hear_end(client, "6") if words[0] != "!re"]
            assert rest == [
                ["!trap", ".tag=5", "=category=2", "=message=interrupted"],
                ["!done", ".tag=5"],
                ["!done", ".tag=6"],
            ]

    run(scene())


async def _hear_end(client: BareClient, tag: str) -> list[list[str]]:
    heard = [await client.hear()]
    while heard[-1] != ["!done", f".tag={tag}"]:
        heard.append(await client.hear())
    return heard


def test_who_listens_hears_an_interface_fall() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/listen", ".tag=1", "=.proplist=name,running,link-downs")
            client.say("/system/identity/print")
            await client.hear_until("!done")
            router.command(["cut", "Device"])
            assert await client.hear() == ["!re", ".tag=1", "=name=ether2", "=running=false", "=link-downs=1"]

    run(scene())


@pytest.mark.parametrize(
    "data", [b"\xff" * 40, b"\xef\xff\xff\xff", b"\xf0\x0f\xa0\x00\x00", b"\x01a" * 3000]
)
def test_a_client_that_sends_what_no_command_can_be_is_let_go(data: bytes) -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            reader, writer = await asyncio.open_connection(*router.api_address)
            writer.write(data)
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
            finally:
                writer.close()

    run(scene())


def test_both_ends_of_a_link_count_the_same_octets() -> None:
    async def scene() -> None:
        clock = HandClock()
        async with SimulatedNetwork(load_network(VORALPNET), clock=clock) as network:
            link = next(link for link in network.network.links if link.name == "Wangen - Lindau")

            async def count(router: str, interface: str) -> tuple[int, int]:
                client = await api(network[router].api_address)
                (row,) = await rows(client, "/interface/print", f"?name={interface}")
                client.protocol.transport.writer.close()
                return row["rx-byte"], row["tx-byte"]

            first = [await count(link.a, link.a_interface), await count(link.b, link.b_interface)]
            clock.now_s += 600
            network.command(["load", link.name, "80"])
            clock.now_s += 600
            second = [await count(link.a, link.a_interface), await count(link.b, link.b_interface)]
            (a_in, a_out), (b_in, b_out) = [
                (new[0] - old[0], new[1] - old[1]) for old, new in zip(first, second, strict=True)
            ]
            assert abs(a_out - b_in) <= 1
            assert abs(a_in - b_out) <= 1
            assert a_out * 8 > 600 * 0.8 * link.capacity_bps

    run(scene())
