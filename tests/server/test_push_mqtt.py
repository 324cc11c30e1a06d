"""Telemetry over MQTT, with a real broker: acknowledged when it is on disk, by nobody under another's topic."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from domain.vault import Secret
from sync_server.push.mqtt import broker_of
from sync_server.settings import SettingRefused, Settings
from tests.server.clients import Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.pushing import Publisher, at, broker, pushed_to, pusher, until

FIELD = "field"
"""A user of the broker that may publish everywhere: what a broker that is set up wrongly lets through."""
EVERYWHERE = f"\nuser {FIELD}\ntopic write tenant/#\n"
POISON = """
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE check_violation USING MESSAGE = 'this one is poison'; END $$;
    CREATE TRIGGER poison BEFORE INSERT ON sample FOR EACH ROW WHEN (NEW.data = '\\x00001842'::bytea) EXECUTE FUNCTION poison();
"""
"""A row of the value 38 cannot be written."""


def figure(server: Server, name: str, **labels: str) -> Callable[[], Awaitable[int]]:
    """Return what tells a figure of a server."""

    async def ask() -> int:
        return int(server.app.state.metrics.registry.get_sample_value(name, labels) or 0)

    return ask


def connected(server: Server) -> Callable[[], Awaitable[int]]:
    """Return what tells whether a server is at its broker."""
    return figure(server, "push_mqtt_connected")


def counted(server: Server, outcome: str) -> Callable[[], Awaitable[int]]:
    """Return what tells how many messages of the broker had an outcome."""
    return figure(server, "push_messages_total", way="mqtt", outcome=outcome)


async def test_what_a_device_publishes_is_stored_one_or_many_in_a_payload(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, **at(mosquitto)) as (server, root):
            mast = await pusher(server, root)
            await until(connected(server), 1)
            field = Publisher(mosquitto, FIELD, "x")
            many = [{"values": {"level": n}} for n in range(20)]
            await field.publish(mast.topic(), {"key": mast.secret, "values": {"level": 1}})
            await field.publish(mast.topic(), {"key": mast.secret, "messages": many})
            await field.publish(mast.topic("shadow"), {"key": mast.secret, "reported": {"firmware": "7.1"}})
            await until(mast.stored, 21)
            await until(counted(server, "stored"), 22)
            assert (await root.get(f"/devices/{mast.device}/shadow"))["reported"] == {"firmware": "7.1"}
            field.close()


async def test_the_broker_lets_a_device_publish_under_its_own_topic_alone(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database) as (server, root):
        mast, other = await pusher(server, root), await pusher(server, root)
        with broker({mast.device: "m", other.device: "o"}) as mosquitto:
            publisher = Publisher(mosquitto, mast.device, "m")
            for topic in (other.topic(), other.topic("shadow"), mast.topic("commands"), "tenant/x"):
                await publisher.publish(topic, b"{}")
            assert publisher.refused == 4
            await publisher.publish(mast.topic(), b"{}")
            assert publisher.refused == 4
            publisher.close()


async def test_where_the_broker_lets_all_through_nobody_writes_as_another_device_or_tenant(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, **at(mosquitto)) as (server, root):
            foreign = await pusher(server, root)
            north = await server.member(root, "tenant_admin")
            await server.tenant(root)
            mast, other = await pusher(server, root), await pusher(server, root)
            field = Publisher(mosquitto, FIELD, "x")
            await until(connected(server), 1)
            values = {"values": {"level": 1}}
            await field.publish(other.topic(), {"key": mast.secret, **values})
            await field.publish(foreign.topic(), {"key": mast.secret, **values})
            await field.publish(other.topic(), {"key": "hgd_" + "A" * 43, **values}, values, b"\x00no JSON")
            await field.publish(f"tenant/{mast.tenant}/device/{foreign.device}/telemetry", values)
            await field.publish("tenant/x/device/y/telemetry", values)
            await until(counted(server, "invalid"), 5)
            await until(counted(server, "unauthorized"), 2)
            assert [await one.stored() for one in (mast, other, foreign)] == [0, 0, 0]
            held = await root.get("/quarantine")
            reasons = sorted(one["reason"] for one in held)
            assert reasons == ["KEY_UNKNOWN", "KEY_UNKNOWN", "NOT_JSON", "TOPIC_CONFLICT", "TOPIC_CONFLICT"]
            assert "hgd_A" not in json.dumps(held)
            assert mast.secret[4:] not in json.dumps(held)
            assert await north.get("/quarantine") == []
            field.close()


@pytest.mark.usefixtures("standing")
async def test_a_tenant_that_floods_the_broker_has_what_is_its_own_and_takes_nothing_from_another(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, push_tenant_per_s=1.0, **at(mosquitto)) as (server, root):
            loud = [await pusher(server, root) for _ in range(2)]
            await server.tenant(root)
            quiet = await pusher(server, root)
            await until(connected(server), 1)
            field = Publisher(mosquitto, FIELD, "x")
            for one in loud:
                await field.publish(one.topic(), *[{"key": one.secret, "values": {"a": 1}}] * 20)
            await field.publish(quiet.topic(), {"key": quiet.secret, "values": {"a": 1}})
            await until(counted(server, "limited"), 30)
            await until(quiet.stored, 1)
            assert sum([await one.stored() for one in loud]) == 10
            field.close()


async def test_a_poison_message_is_a_dead_letter_after_three_tries_and_its_neighbours_are_stored(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, ingest_flush_ms=50, **at(mosquitto)) as (server, root):
            await server.owner.execute(POISON)
            mast, other = await pusher(server, root), await pusher(server, root)
            await until(connected(server), 1)
            field = Publisher(mosquitto, FIELD, "x")
            for one, level in ((mast, 38), (other, 1), (mast, 2)):
                await field.publish(one.topic(), {"key": one.secret, "values": {"level": level}})
            await until(counted(server, "dead"), 1)
            for one in (mast, other):
                await until(one.stored, 1)
            (dead,) = await root.get("/quarantine?kind=dead")
            assert (dead["reason"], dead["deliveries"], dead["device"]) == ("NOT_STORED", 3, mast.device)
            assert "this one is poison" in dead["said"]
            replayed = await root.post(f"/quarantine/{dead['id']}/replay")
            assert (replayed["stored"], replayed["reason"]) == (False, "NOT_STORED")
            await server.owner.execute("DROP TRIGGER poison ON sample")
            assert await root.post(f"/quarantine/{dead['id']}/replay") == {
                "stored": True,
                "reason": "",
                "said": "",
            }
            assert await mast.stored() == 2
            assert await root.get("/quarantine") == []
            field.close()


async def test_what_comes_while_the_server_is_away_or_the_database_fails_waits_at_the_broker(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, **at(mosquitto)) as (server, root):
            mast = await pusher(server, root)
            await until(connected(server), 1)
            field = Publisher(mosquitto, FIELD, "x")
            await server.owner.execute("REVOKE INSERT ON sample FROM heliograph_requests")
            payloads = [{"key": mast.secret, "values": {"level": n}} for n in range(30)]
            await field.publish(mast.topic(), *payloads[:10])
            await until(figure(server, "push_mqtt_waiting"), 10)
        await field.publish(mast.topic(), *payloads[10:])
        async with serving(server_database, **at(mosquitto)) as later:
            mast.server = later
            await later.owner.execute("GRANT INSERT ON sample TO heliograph_requests")
            await until(mast.stored, 30)
            field.close()


async def test_a_flood_of_one_device_leaves_the_others_alone(server_database: ServerDatabase) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, push_device_per_s=5.0, **at(mosquitto)) as (server, root):
            loud, quiet = await pusher(server, root), await pusher(server, root)
            await until(connected(server), 1)
            field = Publisher(mosquitto, FIELD, "x")
            flood = {"key": loud.secret, "messages": [{"values": {"level": 1}}] * 500}
            await field.publish(loud.topic(), *[flood] * 10)
            for _ in range(20):
                await field.publish(quiet.topic(), {"key": quiet.secret, "values": {"level": 1}})
            await until(quiet.stored, 20)
            assert await loud.stored() < 500
            field.close()


def test_a_broker_on_another_computer_is_reached_over_tls_or_not_at_all() -> None:
    settings = {"database_url": Secret("postgresql://x@/y")}
    for address in ("mqtt://192.0.2.1:1883", "mqtt://broker.example"):
        with pytest.raises(SettingRefused, match="mqtts:// expected"):
            broker_of(Settings(**settings, mqtt_broker=address))
    there = broker_of(Settings(**settings, mqtt_broker="mqtts://broker.example"))
    assert there is not None
    assert (there.port, there.context is not None and there.context.check_hostname) == (8883, True)
    with pytest.raises(SettingRefused, match="MQTT_CA"):
        broker_of(Settings(**settings, mqtt_broker="mqtts://broker.example", mqtt_ca="/nowhere"))
