"""SNMP agents that restart: what their indexes meant before is not believed until they were looked at again."""

from __future__ import annotations

import gc
from collections.abc import Callable

from engine.drivers.snmp_session import SnmpSession
from engine.protocols import ber
from engine.protocols.snmp import Pdu
from tests.engine.agent import IF, IFX, SYS, ScriptedAgent, counter64, switch
from tests.engine.peers import octets
from tests.engine.test_driver_snmp import Read, clock, converse, facts, values

__all__ = ["clock"]


def test_after_a_reboot_indexes_are_read_anew_and_no_rate_is_made_up(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        await read()
        clock(agent, 10.0)
        agent.objects[f"{SYS}.3.0"] = ber.encode_integer(100, ber.TIME_TICKS)
        agent.objects[f"{IFX}.1.1"], agent.objects[f"{IFX}.1.2"] = octets("ge2"), octets("ge1")
        agent.objects[f"{IFX}.6.1"], agent.objects[f"{IFX}.6.2"] = counter64(9_000_000), counter64(8_000_000)
        reading = await read()
        assert facts(reading)["interface/ge1"]["index"] == 2
        assert not [metric for metric, _, _ in reading.values if metric == "if_in_bps"]
        clock(agent, 10.0)
        agent.objects[f"{IFX}.6.2"] = counter64(8_000_000 + 1000)
        assert values(await read())["if_in_bps", "ge1"] == 800

    converse(agent, conversation)


def test_a_reboot_is_seen_of_a_device_that_was_away_for_longer_than_it_had_run(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch())
    agent.objects[f"{SYS}.3.0"] = ber.encode_integer(1_000, ber.TIME_TICKS)

    async def conversation(read: Read) -> None:
        await read()
        clock(agent, 10.0)
        await read()
        clock(agent, 600.0)
        agent.objects[f"{SYS}.3.0"] = ber.encode_integer(25_000, ber.TIME_TICKS)
        agent.objects[f"{IFX}.1.1"], agent.objects[f"{IFX}.1.2"] = octets("ge2"), octets("ge1")
        agent.objects[f"{IF}.8.1"] = ber.encode_integer(2)
        told = values(await read())
        assert (told["if_oper_up", "ge1"], told["if_oper_up", "ge2"]) == (1.0, 0.0)

    converse(agent, conversation)


def test_an_agent_whose_clock_stands_still_is_not_taken_for_one_that_reboots(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch())

    async def conversation(read: Read) -> None:
        await read()
        await read()
        stands = agent.objects[f"{SYS}.3.0"]
        agent.asked.clear()
        for _ in range(3):
            clock(agent, 60.0)
            agent.objects[f"{SYS}.3.0"] = stands
            assert values(await read())["if_oper_up", "ge1"] == 1.0
        assert agent.counts(Pdu.GET_BULK) == 0

    converse(agent, conversation)


def test_after_a_reboot_nothing_is_read_by_old_indexes_while_a_look_is_unanswered(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(switch())
    bulk = agent._bulk

    async def conversation(read: Read) -> None:
        await read()
        clock(agent, 10.0)
        agent.objects[f"{SYS}.3.0"] = ber.encode_integer(100, ber.TIME_TICKS)
        agent.objects[f"{IFX}.1.1"], agent.objects[f"{IFX}.1.2"] = octets("ge2"), octets("ge1")
        agent.objects[f"{IF}.8.1"] = ber.encode_integer(2)  # ge2, which has the index that ge1 had, is down
        agent._bulk = lambda request: b""  # type: ignore[method-assign]
        assert ("if_oper_up", "ge1") not in values(await read())
        clock(agent, 10.0)
        assert ("if_oper_up", "ge1") not in values(await read())
        agent._bulk = bulk  # type: ignore[method-assign]
        clock(agent, 10.0)
        told = values(await read())
        assert (told["if_oper_up", "ge1"], told["if_oper_up", "ge2"]) == (1.0, 0.0)
        clock(agent, 10.0)
        assert values(await read())["if_oper_up", "ge2"] == 0.0

    converse(agent, conversation, timeout_s=1.5)


def test_an_agent_that_restarts_again_and_again_leaves_no_questions_behind(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent, kept = ScriptedAgent(switch()), list[int]()

    async def conversation(read: Read) -> None:
        for restart in range(12):
            clock(agent, 10.0)
            agent.objects[f"{SYS}.3.0"] = ber.encode_integer(100 + restart, ber.TIME_TICKS)
            agent.objects[f"{IFX}.1.1"] = octets(f"ge{restart % 2 + 1}")
            agent.objects[f"{IFX}.1.2"] = octets(f"ge{2 - restart % 2}")
            await read()
            clock(agent, 10.0)
            await read()
            sessions = [thing for thing in gc.get_objects() if type(thing) is SnmpSession]
            kept.append(max(len(session._gets) for session in sessions))

    converse(agent, conversation)
    assert 0 < kept[-1] <= kept[0]
