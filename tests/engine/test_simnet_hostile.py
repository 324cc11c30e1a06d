"""The hostile peers are as wrong as they say, and only in that."""

from __future__ import annotations

import asyncio

import pytest

from simnet.hostile import HOSTILE_IDENTITY, HUGE_WORD_BYTES, HostileRouter
from simnet.serving import SimulatedRouter
from tests.engine.simnet_peers import BareClient, api, ask_bare, get_sys_name, rows, run, snmp

IF_DESCR = "1.3.6.1.2.1.2.2.1.2"


async def ask(router: SimulatedRouter, timeout_s: float = 5) -> tuple[bytes, tuple[str, int]] | None:
    return await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(0x1234_5678), timeout_s)


async def honest_reply() -> bytes:
    async with SimulatedRouter() as router:
        reply = await ask(router)
        assert reply is not None
        assert reply[1] == router.snmp_address
        return reply[0]


def test_a_silent_agent_listens_and_says_nothing() -> None:
    async def scene() -> None:
        async with HostileRouter(snmp="silent") as router:
            assert await ask(router, 0.1) is None

    run(scene())


@pytest.mark.parametrize(("trick", "same_address"), [("wrong_address", False), ("wrong_port", True)])
def test_a_right_answer_comes_from_a_wrong_place(trick: str, same_address: bool) -> None:
    async def scene() -> None:
        honest = await honest_reply()
        async with HostileRouter(snmp=trick) as router:  # type: ignore[arg-type]
            reply = await ask(router)
            assert reply is not None
            assert reply[0] == honest
            assert (reply[1][0] == router.snmp_address[0]) is same_address
            assert reply[1] != router.snmp_address

    run(scene())


def test_each_spoiled_answer_is_spoiled_in_its_own_way() -> None:
    async def scene() -> None:
        honest = await honest_reply()
        said: dict[str, bytes] = {}
        for trick in ("garbage", "wrong_id", "wrong_community", "cut_short", "huge_length"):
            async with HostileRouter(snmp=trick) as router:  # type: ignore[arg-type]
                reply = await ask(router)
                assert reply is not None
                said[trick] = reply[0]
        assert said["wrong_id"] == honest.replace(b"\x12\x34\x56\x78", b"\x12\x34\x56\x79")
        assert said["wrong_community"] == honest.replace(b"public", b"cilbup")
        assert honest.startswith(said["cut_short"])
        assert len(said["cut_short"]) < len(honest)
        assert said["huge_length"][:6] == b"\x30\x84\xff\xff\xff\xff"
        assert said["garbage"][:2] != honest[:2]

    run(scene())


def test_a_stuck_walk_is_called_out_by_net_snmp_and_an_endless_one_goes_on() -> None:
    async def scene() -> None:
        async with HostileRouter(snmp="stuck_walk") as router:
            assert "OID not increasing" in await snmp("snmpwalk", router.snmp_address, IF_DESCR)
        async with HostileRouter(snmp="endless_walk") as router:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    snmp("snmpwalk", router.snmp_address, IF_DESCR, options="-v2c -Cc"), 0.3
                )

    run(scene())


def test_a_refused_port_refuses_and_a_silent_one_accepts() -> None:
    async def scene() -> None:
        async with HostileRouter(api="refused") as router:
            with pytest.raises(ConnectionRefusedError):
                await BareClient.connect(router.api_address)
        async with HostileRouter(api="silent") as router:
            client = await BareClient.connect(router.api_address)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.log_in(), 0.1)

    run(scene())


def test_a_huge_word_is_announced_and_begins_to_come() -> None:
    async def scene() -> None:
        async with HostileRouter(api="huge_word") as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print")
            head = await client.reader.readexactly(4)
            assert int.from_bytes(head, "big") & 0x0FFF_FFFF == HUGE_WORD_BYTES
            assert await client.reader.readexactly(1_000_000) == b"x" * 1_000_000
            client.close()

    run(scene())


def test_an_endless_reply_keeps_its_tag_and_does_not_end() -> None:
    async def scene() -> None:
        async with HostileRouter(api="endless_reply") as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print", ".tag=9")
            for _ in range(2000):
                assert (await client.hear())[:2] == ["!re", ".tag=9"]
            client.close()
        async with HostileRouter(api="endless_sentence") as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print")
            assert b"\x00" not in (await client.reader.readexactly(100_000))
            client.close()

    run(scene())


def test_a_dripping_peer_gives_one_octet_at_a_time() -> None:
    async def scene() -> None:
        async with HostileRouter(api="drip", pace_s=0.02) as router:
            client = await BareClient.connect(router.api_address)
            client.say("/login")
            assert [len(await client.reader.read(100)) for _ in range(3)] == [1, 1, 1]
            client.close()

    run(scene())


def test_garbage_wrong_tags_and_hanging_up_in_mid_word() -> None:
    async def scene() -> None:
        async with HostileRouter(api="garbage") as router:
            client = await BareClient.connect(router.api_address)
            client.say("/login")
            assert (await client.reader.readexactly(1))[0] >= 0xF8
            client.close()
        async with HostileRouter(api="wrong_tag") as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print", ".tag=1")
            assert await client.hear_until("!done") == [
                ["!re", ".tag=nobody", "=name=x"],
                ["!done", ".tag=nobody"],
            ]
            client.close()
        async with HostileRouter(api="hangs_up") as router:
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/interface/print")
            with pytest.raises(asyncio.IncompleteReadError):
                await client.hear()

    run(scene())


def test_a_hostile_identity_reaches_the_client_as_it_is() -> None:
    async def scene() -> None:
        raw = HOSTILE_IDENTITY.encode("utf-8", "surrogateescape")
        assert b"<img" in raw
        assert b"\x1b[" in raw
        assert "\u202e".encode() in raw
        assert b"\xff" in raw
        async with SimulatedRouter(identity=HOSTILE_IDENTITY) as router:
            reply = await ask(router)
            assert reply is not None
            assert reply[0].endswith(raw)
            client = await BareClient.connect(router.api_address)
            await client.log_in()
            client.say("/system/identity/print")
            assert raw.decode("utf-8", "replace") in (await client.hear())[1]
            assert len(await rows(await api(router.api_address), "/interface/print")) == 3

    run(scene())
