"""Agents with more interfaces than can be read: what fits is read and polled, and what was left out is told."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import BadReply
from engine.drivers import snmp_crowd, snmp_interfaces
from engine.drivers.snmp_interfaces import NOT_READ
from engine.drivers.snmp_session import SnmpSession
from engine.protocols import ber
from engine.protocols.snmp import Message, Pdu, Version
from tests.engine.agent import IF, IFX, ScriptedAgent, switch
from tests.engine.peers import encode_reply, octets
from tests.engine.test_driver_snmp import Read, converse, facts, values

IF_NUMBER = "1.3.6.1.2.1.2.1.0"
VLAN, PPP = 135, 23


def concentrator(sessions: int, *, vlans: int = 0, ports: int = 4) -> dict[str, bytes]:
    """A switch of some ports, after the sessions of subscribers and before its VLANs."""
    objects = switch(ports=0)
    for oid, tlv in switch(ports=ports).items():
        column, _, n = oid.rpartition(".")
        objects[f"{column}.{sessions + int(n)}" if column.startswith((IF, IFX)) else oid] = tlv
    more = [(n, PPP, f"Virtual-Access{n}") for n in range(1, sessions + 1)]
    more += [(9_000 + n, VLAN, f"vlan{n}") for n in range(vlans)]
    for index, kind, name in more:
        objects |= {
            f"{IF}.2.{index}": octets(name),
            f"{IF}.3.{index}": ber.encode_integer(kind),
            f"{IF}.8.{index}": ber.encode_integer(1),
        }
    objects[IF_NUMBER] = ber.encode_integer(sessions + vlans + ports)
    return objects


def interfaces(told: dict[str, Any]) -> list[str]:
    return [field.removeprefix("interface/") for field in told if field.startswith("interface/")]


def test_of_three_thousand_sessions_the_ports_and_vlans_are_read_and_polled_and_few_sessions() -> None:
    agent = ScriptedAgent(concentrator(3_000, vlans=60))

    async def conversation(read: Read) -> None:
        reading = await read()
        told = facts(reading)
        assert told["identity"] == "sw1"
        names = interfaces(told)
        assert names[:4] == ["ge1", "ge2", "ge3", "ge4"]
        assert {f"vlan{n}" for n in range(60)} < set(names)
        assert len(names) == 4 + 60 + snmp_crowd.MOST_SESSIONS
        assert told[NOT_READ] == "2,872 of 3,064 interfaces (2,872 ppp): the table is too long"
        assert values(reading)["if_oper_up", "vlan59"] == 1.0
        agent.asked.clear()
        assert values(await read())["if_oper_up", "ge4"] == 1.0
        assert agent.counts(Pdu.GET_BULK) == 0

    converse(agent, conversation)


def test_a_slow_agent_whose_time_is_gone_is_read_in_part_in_the_next_cycle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = ScriptedAgent(concentrator(3_000))

    async def conversation(read: Read) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(snmp_interfaces, "LIST_SHARE", 0.0)  # the first walk took all of it
            told = facts(await read())
        assert told["identity"] == "sw1"
        assert interfaces(told) == []
        told = facts(await read())
        assert interfaces(told)[:4] == ["ge1", "ge2", "ge3", "ge4"]
        assert "2,872 ppp" in told[NOT_READ]

    converse(agent, conversation)


def test_what_does_not_fit_into_the_time_is_told_as_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = ScriptedAgent(concentrator(3_000))
    asked = [0]

    def has_used(self: SnmpSession, share: float) -> bool:
        asked[0] += share == snmp_crowd.LIST_SHARE
        return share == snmp_crowd.LIST_SHARE and asked[0] > 4

    monkeypatch.setattr(SnmpSession, "has_used", has_used)

    async def conversation(read: Read) -> None:
        told = facts(await read())
        assert interfaces(told)[0] == "Virtual-Access1"
        assert len(interfaces(told)) == snmp_crowd.MOST_SESSIONS
        assert " of 3,004 interfaces (" in told[NOT_READ]
        assert "not listed" in told[NOT_READ]

    converse(agent, conversation)


def test_interfaces_that_are_known_stay_while_there_is_no_time_for_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = ScriptedAgent(concentrator(3_000))

    async def conversation(read: Read) -> None:
        assert interfaces(facts(await read()))
        with monkeypatch.context() as patch:
            patch.setattr(SnmpSession, "has_used", lambda self, share: True)
            agent.objects["1.3.6.1.2.1.1.3.0"] = ber.encode_integer(1, ber.TIME_TICKS)
            reading = await read()
            assert "interface/" not in reading.facts_whole
        assert "ge1" in interfaces(facts(await read()))

    converse(agent, conversation)


def test_a_table_that_grew_short_again_is_read_whole_and_nothing_is_told_as_left_out() -> None:
    agent = ScriptedAgent(concentrator(3_000))

    async def conversation(read: Read) -> None:
        assert NOT_READ in facts(await read())
        agent.objects = concentrator(2)
        agent.objects["1.3.6.1.2.1.1.3.0"] = ber.encode_integer(1, ber.TIME_TICKS)
        reading = await read()
        assert sorted(interfaces(facts(reading)))[:2] == ["Virtual-Access1", "Virtual-Access2"]
        assert NOT_READ not in facts(reading)
        assert NOT_READ in reading.facts_whole

    converse(agent, conversation)


def test_two_hundred_ports_over_version_1_are_all_read() -> None:
    agent = ScriptedAgent(switch(ports=200, wide=False))
    agent.versions = {Version.V1}

    async def conversation(read: Read) -> None:
        with pytest.raises(Exception, match="no answer"):
            await read()
        told = facts(await read())
        assert len(interfaces(told)) == 200
        assert NOT_READ not in told

    converse(agent, conversation, timeout_s=4.0)


def test_rows_that_go_on_although_the_agent_counts_few_are_an_error() -> None:
    objects = concentrator(3_000)
    objects[IF_NUMBER] = ber.encode_integer(12)

    async def conversation(read: Read) -> None:
        with pytest.raises(BadReply, match=r"does not end|more than 2048 rows"):
            await read()

    converse(ScriptedAgent(objects), conversation)


def test_a_table_of_the_profile_that_is_refused_costs_nothing_but_itself() -> None:
    agent = ScriptedAgent(switch() | {"1.3.6.1.2.1.25.1.6.0": ber.encode_integer(77, ber.GAUGE32)})
    inner = agent._bulk

    def refuse_sensors(request: Message) -> bytes:
        if any(oid.startswith("1.3.6.1.2.1.99.") for oid, _ in request.varbinds):
            return encode_reply(request, [], 13)
        return inner(request)

    agent._bulk = refuse_sensors  # type: ignore[method-assign]

    async def conversation(read: Read) -> None:
        reading = await read()
        told = facts(reading)
        assert len(interfaces(told)) == 2
        unread = {field: why for field, why in told.items() if field.startswith("not_read/")}
        assert unread
        assert all("error 13" in why for why in unread.values())
        assert values(await read())["if_oper_up", "ge1"] == 1.0

    converse(agent, conversation)
