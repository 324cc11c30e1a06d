"""The SNMP driver against agents real, simulated and scripted."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest

from domain.errors import BadReply, NoAnswer
from domain.observation import Reading
from engine.drivers import Login
from engine.drivers import snmp as driver_module
from engine.drivers.snmp_session import answer_bytes
from engine.protocols import ber
from engine.protocols.snmp import Pdu, Version
from engine.transport import Transports
from tests.engine.agent import IF, IFX, SYS, ScriptedAgent, counter32, counter64, switch
from tests.engine.peers import device_at, driver_of, octets, udp_peer

COMMUNITY = Login("", "public")
Read = Callable[[], Awaitable[Reading]]


def converse(
    agent: ScriptedAgent, conversation: Callable[[Read], Awaitable[None]], timeout_s: float = 10.0
) -> None:
    """Hold a conversation with a driver that asks a scripted agent."""

    async def main() -> None:
        transports = await Transports.open()
        async with udp_peer(agent) as peer:
            device = device_at(peer.address, "snmp")
            driver = driver_of(transports, device, COMMUNITY, timeout_s=timeout_s, retries=0)

            async def read() -> Reading:
                return (await driver.read()).reading

            await conversation(read)
            await driver.close()
        await transports.close()

    asyncio.run(main())


def facts(reading: Reading) -> dict[str, Any]:
    return dict(reading.facts)


def values(reading: Reading) -> dict[tuple[str, str], float]:
    return {(metric, instance): value for metric, instance, value in reading.values}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ScriptedAgent, float], None]]:
    """Move the time at which answers are taken to have come, and the agent's uptime with it."""
    now_s = [1000.0]
    session = driver_module.SnmpSession
    ask = session._ask

    def ask_at(self: Any, encode: Any) -> Any:
        future = ask(self, encode)
        wrapped: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(done: asyncio.Future[Any]) -> None:
            if wrapped.done():
                return
            error = done.exception()
            if error is not None:
                wrapped.set_exception(error)
            else:
                wrapped.set_result(msgspec.structs.replace(done.result(), at_s=now_s[0]))

        future.add_done_callback(settle)
        return wrapped

    monkeypatch.setattr(session, "_ask", ask_at)

    def advance(agent: ScriptedAgent, seconds: float) -> None:
        now_s[0] += seconds
        ticks = ber.decode_value(agent.objects[f"{SYS}.3.0"], 0, len(agent.objects[f"{SYS}.3.0"]))[0]
        assert isinstance(ticks, int)
        agent.objects[f"{SYS}.3.0"] = ber.encode_integer(ticks + int(seconds * 100), ber.TIME_TICKS)

    yield advance


def test_the_first_reading_tells_the_system_and_every_interface() -> None:
    async def conversation(read: Read) -> None:
        reading = await read()
        told = facts(reading)
        assert told["identity"] == "sw1"
        assert told["contact"] == "anna"
        assert told["location"] == "attic"
        assert told["description"] == "A switch"
        assert told["object_id"] == "1.3.6.1.4.1.9.1.1"
        assert told["interface/ge2"] == {
            "name": "ge2",
            "index": 2,
            "alias": "room 2",
            "kind": "ether",
            "mac": "02:00:00:00:00:02",
            "speed_bps": 1_000_000_000,
            "admin_up": True,
            "oper_up": True,
            "bond": "",
        }
        assert "interface/" in reading.facts_whole
        assert values(reading) == {
            ("if_oper_up", "ge1"): 1.0,
            ("if_oper_up", "ge2"): 1.0,
            ("uptime_s", ""): 3600.0,
        }

    converse(ScriptedAgent(switch()), conversation)


def test_later_readings_tell_rates_and_no_fact_again(clock: Callable[[ScriptedAgent, float], None]) -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        await read()
        clock(agent, 10.0)
        agent.objects[f"{IFX}.6.1"] = counter64(1000 + 50_000)
        agent.objects[f"{IF}.14.2"] = counter32(20)
        reading = await read()
        assert values(reading)["if_in_bps", "ge1"] == 40_000
        assert values(reading)["if_out_bps", "ge1"] == 0
        assert values(reading)["if_in_errors_per_s", "ge2"] == 2
        assert reading.facts == ()
        assert reading.facts_whole == ()

    converse(agent, conversation)


def test_an_agent_without_wide_counters_is_read_in_32_bits_across_a_wrap(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch(wide=False))

    async def conversation(read: Read) -> None:
        agent.objects[f"{IF}.10.1"] = counter32(2**32 - 1000)
        told = facts(await read())
        assert told["interface/Port 1"]["speed_bps"] == 100_000_000
        clock(agent, 10.0)
        agent.objects[f"{IF}.10.1"] = counter32(2**32 + 1000)
        assert values(await read())["if_in_bps", "Port 1"] == 1600

    converse(agent, conversation)


def test_an_agent_that_speaks_only_v1_is_found_and_read(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch(wide=False))
    agent.versions = {Version.V1}

    async def conversation(read: Read) -> None:
        with pytest.raises(NoAnswer):
            await read()
        assert "interface/Port 2" in facts(await read())
        await read()
        clock(agent, 10.0)
        agent.objects[f"{IF}.10.2"] = counter32(2000 + 10_000)
        agent.asked.clear()
        assert values(await read())["if_in_bps", "Port 2"] == 8000
        assert agent.counts(Pdu.GET) == 1  # what v1 would refuse is not asked for any more

    converse(agent, conversation, timeout_s=3.0)


def test_an_agent_that_never_answers_is_asked_in_both_versions_by_turns() -> None:
    agent = ScriptedAgent({})
    versions: list[int] = []

    async def conversation(read: Read) -> None:
        for _ in range(4):
            with pytest.raises(NoAnswer):
                await read()

    def answer(data: bytes) -> None:
        versions.append(data[4])

    agent.__class__ = type("Silent", (ScriptedAgent,), {"__call__": lambda self, data: answer(data)})
    converse(agent, conversation, timeout_s=0.05)
    assert versions == [Version.V2C, Version.V1, Version.V2C, Version.V1]


def test_an_agent_with_small_replies_is_asked_in_smaller_pieces() -> None:
    agent = ScriptedAgent(switch(ports=8))
    agent.most_varbinds = 7

    async def conversation(read: Read) -> None:
        reading = await read()
        assert len([field for field in facts(reading) if field.startswith("interface/")]) == 8
        assert values(reading)["if_oper_up", "ge8"] == 1.0

    agent.bulk_rows = 1
    for column in (3, 5, 6, 7):  # 10 columns in a row of 7 would not fit at all
        for port in range(1, 9):
            del agent.objects[f"{IF}.{column}.{port}"]
    agent.most_varbinds = 10
    converse(agent, conversation)


def test_a_cycle_of_48_ports_costs_few_datagrams_each_below_one_frame() -> None:
    agent = ScriptedAgent(switch(ports=48))

    async def conversation(read: Read) -> None:
        await read()
        await read()
        agent.asked.clear()
        reading = await read()
        assert len([1 for metric, _, _ in reading.values if metric == "if_in_bps"]) == 48
        assert len(agent.asked) <= 7
        assert all(len(message.varbinds) <= 48 for message in agent.asked)
        sizes = [sum(answer_bytes(oid) for oid, _ in message.varbinds) for message in agent.asked]
        assert max(sizes) <= 1_400
        assert all(message.varbinds[0][0] == f"{SYS}.3.0" for message in agent.asked)

    converse(agent, conversation)


def test_an_interface_that_goes_down_is_told_as_value_and_as_fact() -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        await read()
        agent.objects[f"{IF}.8.2"] = ber.encode_integer(2)
        reading = await read()
        assert values(reading)["if_oper_up", "ge2"] == 0.0
        assert facts(reading)["interface/ge2"]["oper_up"] is False
        assert facts(await read()) == {}

    converse(agent, conversation)


def test_a_new_number_of_interfaces_is_looked_at_again() -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        for _ in range(driver_module.LOOK_AGAIN_CYCLES):
            await read()
        agent.objects |= switch(ports=3)
        reading = await read()
        assert "interface/ge3" in facts(reading)
        assert "interface/" in reading.facts_whole
        assert values(reading)["if_oper_up", "ge3"] == 1.0

    converse(agent, conversation)


def test_numbers_of_interfaces_that_never_settle_do_not_make_every_cycle_a_walk() -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        walks = 0
        for cycle in range(2 * driver_module.LOOK_AGAIN_CYCLES):
            agent.objects["1.3.6.1.2.1.2.1.0"] = ber.encode_integer(2 + cycle)
            agent.asked.clear()
            await read()
            walks += agent.counts(Pdu.GET_BULK) > 0
        assert walks <= 3

    converse(agent, conversation)


def test_the_slow_look_every_twenty_cycles_leaves_no_gap_in_the_rates(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        await read()
        looked = 0
        for cycle in range(1, 45):
            clock(agent, 10.0)
            agent.objects[f"{IFX}.6.1"] = counter64(1000 + 10_000 * cycle)
            reading = await read()
            assert values(reading)["if_in_bps", "ge1"] == 8000
            looked += "interface/" in reading.facts_whole
        assert looked in (1, 2)

    converse(agent, conversation)


def test_names_that_are_doubled_missing_or_hostile_stay_apart_and_harmless() -> None:
    objects = switch(ports=4)
    objects[f"{IFX}.1.2"] = octets("ge1")
    objects[f"{IFX}.1.3"] = octets("")
    objects[f"{IFX}.1.4"] = octets("\x1b[2J\u202e<b>" + "x" * 1000)
    objects[f"{IFX}.1.5"] = octets("<pppoe-anna>")
    objects[f"{IF}.2.5"] = octets("<pppoe-anna>")

    async def conversation(read: Read) -> None:
        names = [field for field in facts(await read()) if field.startswith("interface/")]
        assert names == [
            "interface/ge1",
            "interface/ge1#2",
            "interface/Port 3",
            f"interface/<b>{'x' * 60}…"[:74],
        ]

    converse(ScriptedAgent(objects), conversation)


def test_values_of_the_wrong_type_are_left_out_and_hurt_nothing() -> None:
    objects = switch()
    for oid in list(objects):
        if oid.startswith((f"{IF}.", f"{IFX}.")) and not oid.startswith((f"{IF}.2.", f"{IFX}.1.")):
            objects[oid] = octets("no number") if "1" in oid[-3:] else ber.encode_oid("1.3.6")
    objects[f"{SYS}.3.0"] = octets("tomorrow")
    objects[f"{SYS}.5.0"] = ber.encode_integer(7)

    async def conversation(read: Read) -> None:
        reading = await read()
        assert facts(reading)["identity"] is None
        assert facts(reading)["interface/ge1"]["speed_bps"] == 0
        assert reading.values == ()
        await read()

    converse(ScriptedAgent(objects), conversation)


def test_processors_memory_and_disk_are_one_figure_each() -> None:
    hr = "1.3.6.1.2.1.25"
    objects = switch() | {
        f"{hr}.1.1.0": ber.encode_integer(900_000, ber.TIME_TICKS),
        f"{hr}.3.3.1.2.196608": ber.encode_integer(10),
        f"{hr}.3.3.1.2.196609": ber.encode_integer(30),
    }
    kinds = {1: ("1.3.6.1.2.1.25.2.1.2", "Physical memory", 1024, 1000, 900)}
    kinds[6] = ("1.3.6.1.2.1.25.2.1.1", "Memory buffers", 1024, 1000, 100)
    kinds[7] = ("1.3.6.1.2.1.25.2.1.1", "Cached memory", 1024, 1000, 300)
    kinds[31] = ("1.3.6.1.2.1.25.2.1.4", "/boot", 4096, 9000, 8000)
    kinds[36] = ("1.3.6.1.2.1.25.2.1.4", "/", 4096, 5000, 4000)
    for row, (kind, name, unit, size, used) in kinds.items():
        table = f"{hr}.2.3.1"
        objects |= {
            f"{table}.2.{row}": ber.encode_oid(kind),
            f"{table}.3.{row}": octets(name),
            f"{table}.4.{row}": ber.encode_integer(unit),
            f"{table}.5.{row}": ber.encode_integer(size),
            f"{table}.6.{row}": ber.encode_integer(used),
        }

    async def conversation(read: Read) -> None:
        got = values(await read())
        assert got["cpu_load_pct", ""] == 20
        assert got["memory_used_bytes", ""] == 500 * 1024
        assert got["memory_total_bytes", ""] == 1000 * 1024
        assert got["disk_used_bytes", ""] == 4000 * 4096
        assert got["disk_total_bytes", ""] == 5000 * 4096
        assert got["uptime_s", ""] == 9000

    converse(ScriptedAgent(objects), conversation)


def test_a_look_that_stays_unanswered_is_no_failure_at_first_and_then_a_lively_one() -> None:
    agent = ScriptedAgent(switch())
    inner = agent._bulk
    agent._bulk = lambda request: inner(request) if len(request.varbinds) < 5 else b""  # type: ignore[method-assign]

    async def conversation(read: Read) -> None:
        assert facts(await read())["identity"] == "sw1"
        await read()
        with pytest.raises(BadReply, match="answers, but not to all that it is asked"):
            await read()

    converse(agent, conversation, timeout_s=0.8)


def test_a_driver_that_is_closed_goes_without_the_collector_and_its_community_with_it() -> None:
    async def main() -> weakref.ref[object]:
        transports = await Transports.open()
        async with udp_peer(ScriptedAgent(switch())) as peer:
            driver = driver_of(transports, device_at(peer.address, "snmp"), COMMUNITY)
            await driver.read()
            await driver.read()
            await driver.close()
        await transports.close()
        return weakref.ref(driver)

    gc.disable()
    try:
        assert asyncio.run(main())() is None
    finally:
        gc.enable()
