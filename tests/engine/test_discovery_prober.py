"""One address is asked: real agents, routers that let us in or not, and hosts that mean no good."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from domain.discovering import Asking
from domain.finding import Find
from domain.inventory import Probe
from engine.discovery import prober as module
from engine.discovery.prober import LoginTries, Met
from engine.protocols.routeros import SentenceReader, encode_sentence
from simnet.serving import SimulatedRouter
from tests.engine.discovery_peers import (
    COMMUNITY,
    LOGIN,
    LOGIN_2,
    LOGIN_3,
    NET,
    OTHER,
    USER,
    community,
    opened,
    prober,
    snmpds,
    transports,
    until_answering,
)
from tests.engine.peers import Talk, tcp_peer, udp_peer
from tests.ports import free_port

V3_USERS = "createUser anna SHA authsecret1 AES privsecret1\nrouser anna priv\n"


def anna(auth: str) -> module.Opened:
    secret = json.dumps({"auth": auth, "privacy": "privsecret1"})
    return opened(USER, "snmp_v3", secret, "anna", auth="sha1", privacy="aes128")


def test_a_real_agent_is_who_it_says_over_v2c_and_over_v3(tmp_path: Path) -> None:
    async def main() -> list[Met | None]:
        port = free_port()
        address = f"{NET}.3"
        asking = Asking(snmp_port=port, ports=())
        with snmpds(tmp_path, port, {address: "attic-3"}, V3_USERS):
            async with transports() as (made, _):
                await until_answering(made, [address], port)
                return [
                    await prober(made, logins, asking).ask(address)
                    for logins in (
                        [community("wrong", OTHER), community()],
                        [anna("authsecret1")],
                        [anna("not the password")],
                    )
                ]

    by_community, by_user, refused = asyncio.run(asyncio.wait_for(main(), 120))
    assert by_community is not None
    assert by_user is not None
    assert refused is not None
    found = by_community.find
    assert found.identity == by_user.find.identity == "attic-3"
    assert found.sys_descr.startswith("Linux ")
    assert found.sys_object_id.startswith("1.3.6.1.4.1.8072.")
    assert found.profile == "linux"
    assert found.probes[0].credential == COMMUNITY
    assert by_user.find.probes[0].credential == USER
    assert found.engine_id == by_user.find.engine_id == refused.find.engine_id != ""
    assert (refused.find.probes, refused.let_nobody_in) == ((), True)
    assert not by_community.let_nobody_in


def test_a_router_tells_the_same_over_snmp_and_over_its_api_and_names_its_neighbours() -> None:
    async def main() -> list[Met | None]:
        async with SimulatedRouter(identity="gipfel") as router, transports() as (made, _):
            address, snmp_port = router.snmp_address
            asking = Asking(snmp_port=snmp_port, routeros_port=router.api_address[1])
            api = opened(LOGIN, "routeros_login", "alpenglow", "monitor")
            found = [
                await prober(made, logins, asking).ask(address)
                for logins in ([community("public")], [api], [community("public"), api])
            ]
            return found

    over_snmp, over_api, over_both = asyncio.run(asyncio.wait_for(main(), 120))
    assert over_snmp is not None
    assert over_api is not None
    assert over_both is not None
    for met in (over_snmp, over_api, over_both):
        assert (met.find.identity, met.find.serial) == ("gipfel", "HE7A0B1C2D3")
        assert (met.find.vendor, met.find.board, met.find.version) == ("MikroTik", "RB5009UG+S+", "7.18.2")
        assert [neighbour.identity for neighbour in met.neighbours] == ["Neighbour"]
        assert met.find.macs
    assert over_snmp.find.id == over_api.find.id == over_both.find.id
    assert [probe.kind for probe in over_both.find.probes] == ["snmp", "routeros"]
    assert over_api.find.probes == (Probe("routeros", 18728, LOGIN),)
    assert over_api.find.macs == over_snmp.find.macs


def test_an_agent_of_v1_alone_is_found() -> None:
    from engine.protocols.snmp import Version
    from tests.engine.agent import ScriptedAgent, switch

    async def main() -> Met | None:
        agent = ScriptedAgent(switch())
        agent.versions = {Version.V1}

        def answer(data: bytes) -> bytes | None:
            return agent(data) if data[2:5] != b"\x02\x01\x03" and data[3:6] != b"\x02\x01\x03" else None

        async with udp_peer(answer, f"{NET}.9") as peer, transports() as (made, _):
            asking = Asking(snmp_port=peer.address[1], ports=())
            return await prober(made, [community("public")], asking).ask(peer.address[0])

    met = asyncio.run(asyncio.wait_for(main(), 120))
    assert met is not None
    assert (met.find.identity, met.find.sys_descr) == ("sw1", "A switch")
    assert met.find.engine_id == ""


def test_a_chassis_serial_is_read_where_no_profile_tells_one() -> None:
    from engine.protocols import ber
    from tests.engine.agent import ScriptedAgent, switch
    from tests.engine.peers import octets

    entity = "1.3.6.1.2.1.47.1.1.1.1"
    objects = switch() | {
        f"{entity}.5.1": ber.encode_integer(9), f"{entity}.5.2": ber.encode_integer(3),
        f"{entity}.11.1": octets("MODULE-1"), f"{entity}.11.2": octets("CHASSIS-7"),
        "1.3.6.1.2.1.1.2.0": ber.encode_oid("1.3.6.1.4.1.99999.1"),
    }  # fmt: skip

    async def main() -> Met | None:
        agent = ScriptedAgent(objects)

        def answer(data: bytes) -> bytes | None:
            return None if b"\x02\x01\x03" in data[2:7] else agent(data)

        async with udp_peer(answer, f"{NET}.10") as peer, transports() as (made, _):
            asking = Asking(snmp_port=peer.address[1], ports=())
            return await prober(made, [community("public")], asking).ask(peer.address[0])

    met = asyncio.run(asyncio.wait_for(main(), 120))
    assert met is not None
    assert met.find.serial == "CHASSIS-7"
    assert met.find.profile == "generic"


def test_a_host_that_answers_nothing_but_pings_is_a_find_by_its_address() -> None:
    async def main() -> Met | None:
        async with transports() as (made, _):
            return await prober(made, [community()], Asking(snmp_port=free_port(), ports=(free_port(),))).ask(
                f"{NET}.11"
            )

    met = asyncio.run(asyncio.wait_for(main(), 120))
    assert met is not None
    assert met.find.addresses == (f"{NET}.11",)
    assert met.find.probes == met.find.ports == ()


def test_who_answers_no_ping_is_let_be_unless_it_is_wanted() -> None:
    async def main() -> tuple[Met | None, int, Met | None, int]:
        asked: list[bytes] = []
        async with (
            udp_peer(asked.append, f"{NET}.12") as peer,
            transports((f"{NET}.12",)) as (made, _),
        ):
            asking = Asking(snmp_port=peer.address[1], ports=())
            quiet = await prober(made, [], asking).ask(f"{NET}.12")
            before = len(asked)
            wanted = Asking(snmp_port=peer.address[1], ports=(), asks_silent=True)
            loud = await prober(made, [], wanted).ask(f"{NET}.12")
            return quiet, before, loud, len(asked)

    quiet, before, loud, after = asyncio.run(asyncio.wait_for(main(), 120))
    assert (quiet, before) == (None, 0)
    assert loud is None
    assert after > 0


def test_without_the_right_to_ping_the_protocols_are_asked_straight_away(tmp_path: Path) -> None:
    async def main() -> tuple[Met | None, Met | None]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-ROSSSH\r\n")

        async with tcp_peer(talk) as port, transports(may_ping=False) as (made, _):
            asking = Asking(snmp_port=free_port(), ports=(port,))
            there = await prober(made, [], asking).ask("127.0.0.1")
            gone = await prober(made, [], Asking(snmp_port=free_port(), ports=())).ask(f"{NET}.13")
            return there, gone

    there, gone = asyncio.run(asyncio.wait_for(main(), 120))
    assert there is not None
    assert len(there.find.ports) == 1
    assert gone is None


def router_that_refuses(tried: list[str]) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sentences = SentenceReader()
        while data := await reader.read(65_536):
            for sentence in sentences.feed(data):
                words = [word.decode() for word in sentence]
                tried.extend(word for word in words if word.startswith("=password="))
                writer.write(encode_sentence(["!trap", "=message=invalid user name or password (6)"]))
                writer.write(encode_sentence(["!done"]))

    return talk


def test_no_host_is_tried_with_more_logins_than_were_allowed_nor_again_by_the_next_sweep() -> None:
    tried: list[str] = []
    now_s = [0.0]

    async def main() -> tuple[Met | None, Met | None, int, int]:
        logins = [
            opened(id, "routeros_login", f"secret{id.int}", "monitor") for id in (LOGIN, LOGIN_2, LOGIN_3)
        ]
        tries = LoginTries(lambda: now_s[0])
        async with tcp_peer(router_that_refuses(tried)) as port, transports() as (made, _):
            asking = Asking(snmp_port=free_port(), routeros_port=port, ports=(), logins_per_host=2)
            first = await prober(made, logins, asking, tries).ask("127.0.0.1")
            after_first = len(tried)
            second = await prober(made, logins, asking, tries).ask("127.0.0.1")
            after_second = len(tried)
            now_s[0] = module.LOGIN_MEMORY_S + 1
            await prober(made, logins, asking, tries).ask("127.0.0.1")
            return first, second, after_first, after_second

    first, second, after_first, after_second = asyncio.run(asyncio.wait_for(main(), 120))
    assert tried[:2] == ["=password=secret4", "=password=secret5"]
    assert after_first == after_second == 2
    assert len(tried) == 4
    assert first is not None
    assert second is not None
    assert first.let_nobody_in
    assert first.find.probes == ()
    assert first.find.ports == second.find.ports != ()


def test_a_host_that_answers_nonsense_everywhere_is_a_find_without_a_way_in() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\xff\xfe!trap" * 5_000)
            await writer.drain()

    async def main() -> Met | None:
        junk = [b"\x30\x82\xff\xff" + b"\x02" * 900, b"\x30", b"A" * 1_400]
        async with (
            udp_peer(lambda _: junk, "127.0.0.1") as peer,
            tcp_peer(flood) as port,
            transports() as (made, _),
        ):
            asking = Asking(snmp_port=peer.address[1], routeros_port=port, ports=(port,))
            api = opened(LOGIN, "routeros_login", "alpenglow", "monitor")
            return await prober(made, [community(), api, anna("authsecret1")], asking).ask("127.0.0.1")

    met = asyncio.run(asyncio.wait_for(main(), 120))
    assert met is not None
    assert met.find.probes == ()
    assert met.find.engine_id == ""


def test_a_host_that_never_ends_is_left_with_what_it_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOST_S", 4.0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x05")
            await asyncio.sleep(0.05)

    async def main() -> Met | None:
        async with tcp_peer(drip) as port, transports() as (made, _):
            asking = Asking(snmp_port=free_port(), routeros_port=port, ports=(port,))
            api = opened(LOGIN, "routeros_login", "alpenglow", "monitor")
            return await prober(made, [api], asking).ask("127.0.0.1")

    met = asyncio.run(asyncio.wait_for(main(), 120))
    assert met is not None
    assert len(met.find.ports) == 1


def test_the_memory_of_logins_has_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOGIN_MEMORY_CAP", 3)
    tries = LoginTries(lambda: 0.0)
    for n in range(9):
        tries.note(f"10.0.0.{n}")
    assert [tries.left(f"10.0.0.{n}", 1) for n in (5, 6, 8)] == [1, 0, 0]


def test_what_hostile_facts_say_is_text_and_capped() -> None:
    draft = module._Draft("10.0.0.1")
    draft.add((("serial", 7), ("identity", ["x"]), ("interface/e", "no dict"), ("neighbour/x", {"mac": 3})))
    draft.add((f"interface/{n}", {"mac": f"48:8F:5A:00:{n // 256:02X}:{n % 256:02X}"}) for n in range(2_000))
    draft.is_there = True
    made = object.__new__(module.Prober)
    made._now_us = lambda: 1
    met = made._met(draft)
    assert met is not None
    assert isinstance(met.find, Find)
    assert (met.find.serial, met.find.identity, met.neighbours) == ("", "", ())
    assert len(met.find.macs) == 511
