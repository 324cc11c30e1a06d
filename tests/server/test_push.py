"""Telemetry over HTTP: acknowledged when it is on disk, of whom the key says, in quarantine where it is none."""

from __future__ import annotations

import time

import pytest

from tests.server.conftest import ServerDatabase
from tests.server.pushing import device_of, pushed_to, pusher


async def test_whatever_a_device_measures_is_stored_under_its_name(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        values = {"battery_pct": 88.5, "door open": True, "if_in_bps/ether1": 1e6, "temperature_c": -4}
        assert await mast.push({"values": values}) == {"stored": 1, "refused": []}
        latest = await root.get(f"/devices/{mast.device}/metrics")
        told = {(one["metric"], one["instance"]): one["value"] for one in latest["values"]}
        assert told == {
            ("pushed", "battery_pct"): 88.5,
            ("pushed", "door open"): 1.0,
            ("if_in_bps", "ether1"): 1e6,
            ("temperature_c", ""): -4.0,
        }
        series = await root.get(f"/devices/{mast.device}/series?metric=pushed&instance=battery_pct")
        assert series["value"] == [88.5]


async def test_many_messages_at_once_and_the_same_again_are_stored_once(
    server_database: ServerDatabase,
) -> None:
    now_us = time.time_ns() // 1000
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        messages = [{"at_us": now_us - n, "values": {"level": n}} for n in range(300)]
        for _ in range(2):
            assert (await mast.push(*messages))["stored"] == 300
        assert await mast.stored() == 300
        assert (await mast.push(*[{"values": {"level": 1}}] * 50))["stored"] == 50
        assert await mast.stored() == 350


async def test_what_is_no_message_is_told_with_its_place_and_held(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        told = await mast.push(
            {"values": {"a": 1}},
            {"values": {"a": "warm"}},
            {"values": {}},
            {"values": {"a": 1e300}},
            {"values": {"a": 1}, "at_us": 17},
            {"values": {"a": 1}, "tenant": "other"},
            {"values": {"a": 1}, "device": "00000000-0000-0000-0000-000000000001"},
            {"values": {"a\nb": 1}},
            {"values": {"rtt_ms": 1, "rtt_ms/": 2}},
        )
        codes = [(one["place"], one["code"]) for one in told["refused"]]
        assert told["stored"] == 1
        assert codes == [
            (1, "NOT_A_NUMBER"),
            (2, "INVALID_INPUT"),
            (3, "NOT_A_NUMBER"),
            (4, "TIME_OUT_OF_RANGE"),
            (5, "INVALID_INPUT"),
            (6, "DEVICE_CONFLICT"),
            (7, "INVALID_INPUT"),
            (8, "INVALID_INPUT"),
        ]
        held = await root.get("/quarantine")
        assert sorted(one["reason"] for one in held) == sorted(code for _, code in codes)
        assert {(one["kind"], one["way"], one["device"], one["key"]) for one in held} == {
            ("invalid", "http", mast.device, mast.key)
        }
        assert held[-1]["body"] == '{"values":{"a":"warm"}}'


async def test_where_nothing_that_is_refused_may_be_stored_nothing_is(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database, quarantine_rows=0) as (server, root):
        mast = await pusher(server, root)
        told = await mast.push({"values": {"a": "warm"}}, {"values": {"a": 1}})
        assert (told["stored"], [one["code"] for one in told["refused"]]) == (1, ["NOT_A_NUMBER"])
        assert await root.get("/quarantine") == []


async def test_a_key_is_refused_when_it_is_none_or_over_and_pushes_for_nobody_else(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        other = await device_of(root)
        assert (await mast.push({"values": {"a": 1}, "device": other}))["stored"] == 0
        forged = server.somebody("hgd_" + "A" * 43)
        for stranger in (forged, server.somebody(), server.somebody(root.token)):
            body = {"messages": [{"values": {"a": 1}}]}
            assert await stranger.refused("POST", "/telemetry", body) == (401, "INVALID_CREDENTIALS")
        assert await mast.http.refused("GET", "/devices") == (401, "INVALID_CREDENTIALS")
        await mast.push({"values": {"a": 1}})
        await root.ask("DELETE", f"/push-keys/{mast.key}", expect=204)
        await mast.push({"values": {"a": 1}}, expect=401)
        assert (await root.get(f"/push-keys/{mast.key}"))["ended_us"]
        assert await mast.stored() == 1


async def test_a_key_that_was_ended_elsewhere_is_forgotten_within_a_round(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        await mast.push({"values": {"a": 1}})
        ended = "UPDATE identity.push_key SET ended_us = identity.now_us() WHERE id = $1 RETURNING id"
        id = await server.owner.fetchval(ended, mast.key)
        assert (await mast.push({"values": {"a": 1}}))["stored"] == 1
        server.app.state.push_keys.forget([id])
        await mast.push({"values": {"a": 1}}, expect=401)


async def test_a_key_for_many_pushes_for_every_device_of_its_tenant_and_no_other(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database) as (server, root):
        foreign = await pusher(server, root)
        await server.tenant(root)
        devices = [await device_of(root) for _ in range(3)]
        many = await pusher(server, root, devices[0])
        made = await root.post("/push-keys", {"name": "All"}, expect=201)
        many.http = server.somebody(made["secret"])
        bodies = [{"values": {"a": 1}, "device": device} for device in (*devices, foreign.device, "nonsense")]
        told = await many.push(*bodies, {"values": {"a": 1}})
        assert told["stored"] == 3
        assert {one["code"] for one in told["refused"]} == {"DEVICE_NOT_FOUND"}
        assert await foreign.stored() == 0


@pytest.mark.usefixtures("standing")
async def test_a_device_that_floods_is_stopped_and_the_others_are_not(
    server_database: ServerDatabase,
) -> None:
    async with pushed_to(server_database, push_device_per_s=1.0) as (server, root):
        loud, quiet = await pusher(server, root), await pusher(server, root)
        told = await loud.push(*[{"values": {"a": 1}}] * 500)
        assert told["stored"] == 10
        assert {one["code"] for one in told["refused"]} == {"RATE_LIMIT_EXCEEDED"}
        answer = await loud.http.ask(
            "POST", "/telemetry", {"messages": [{"values": {"a": 1}}] * 5}, expect=429
        )
        assert int(answer.headers["Retry-After"]) >= 1
        for _ in range(5):
            assert (await quiet.push({"values": {"a": 1}}))["stored"] == 1
        assert await root.get("/quarantine") == []


@pytest.mark.usefixtures("standing")
async def test_a_tenant_that_floods_takes_nothing_from_another(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database, push_tenant_per_s=1.0) as (server, root):
        loud = [await pusher(server, root) for _ in range(2)]
        await server.tenant(root)
        quiet = await pusher(server, root)
        stored = [(await one.push(*[{"values": {"a": 1}}] * 8))["stored"] for one in loud]
        assert stored == [8, 2]
        assert (await quiet.push({"values": {"a": 1}}))["stored"] == 1


async def test_a_queue_that_is_full_is_said_and_nothing_is_taken(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database, ingest_queue=10) as (server, root):
        mast = await pusher(server, root)
        answer = await mast.http.ask(
            "POST", "/telemetry", {"messages": [{"values": {"a": 1}}] * 11}, expect=503
        )
        assert int(answer.headers["Retry-After"]) >= 1
        assert await mast.stored() == 0
        assert (await mast.push(*[{"values": {"a": 1}}] * 10))["stored"] == 10


async def test_one_key_cannot_make_up_lists_of_names_for_ever(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database, push_lists=3) as (server, root):
        mast, other = await pusher(server, root), await pusher(server, root)
        told = await mast.push(*[{"values": {f"name {n}": 1}} for n in range(5)])
        assert [one["code"] for one in told["refused"]] == ["TOO_MANY_LISTS"] * 2
        assert (await other.push({"values": {"name 9": 1}}))["stored"] == 1


async def test_beyond_a_tenants_caps_is_told_of_that_message_alone(server_database: ServerDatabase) -> None:
    async with pushed_to(server_database, tenant_schemas=2) as (server, root):
        mast = await pusher(server, root)
        told = await mast.push(*[{"values": {f"name {n}": 1}} for n in range(3)])
        assert told["stored"] == 2
        assert [one["code"] for one in told["refused"]] == ["TOO_MANY_SERIES"]
        assert [one["kind"] for one in await root.get("/quarantine")] == ["invalid"]


async def test_what_a_device_reports_of_itself_is_kept_as_it_was_last(
    server_database: ServerDatabase,
) -> None:
    now_us = time.time_ns() // 1000
    async with pushed_to(server_database) as (server, root):
        mast = await pusher(server, root)
        await mast.push({"reported": {"firmware": "7.1"}, "at_us": now_us})
        await mast.push({"reported": {"firmware": "6.9"}, "at_us": now_us - 5})
        assert await root.get(f"/devices/{mast.device}/shadow") == {
            "device": mast.device,
            "at_us": now_us,
            "reported": {"firmware": "7.1"},
        }
        told = await mast.push({"reported": {"text": "x" * 10_000}})
        assert told["refused"][0]["code"] == "INVALID_INPUT"
        other = await device_of(root)
        assert await root.refused("GET", f"/devices/{other}/shadow") == (404, "SHADOW_NOT_FOUND")


async def test_what_two_senders_tell_of_a_device_at_the_same_time_stands_side_by_side(
    server_database: ServerDatabase,
) -> None:
    now_us, hour_us = time.time_ns() // 1000, 3_600_000_000
    async with pushed_to(server_database) as (server, root):
        one = await pusher(server, root)
        two, past = await pusher(server, root, one.device), await pusher(server, root, one.device)
        await one.push({"at_us": now_us - 9, "values": {"a": 1, "b": 1}})
        await two.push({"at_us": now_us, "values": {"b": 2, "c": 2}})
        await past.push({"at_us": now_us - hour_us, "values": {"d": 3}})
        latest = await root.get(f"/devices/{one.device}/metrics")
        assert {value["instance"]: value["value"] for value in latest["values"]} == {"a": 1, "b": 2, "c": 2}
        assert latest["at_us"] == now_us
