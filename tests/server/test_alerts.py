"""Alerts, rules, tags, events and metrics over the API; foreign monitors' messages become alerts."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import pytest

from domain.alert_rules import DEFAULT_RULES
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import ANY, a_device


async def a_tenant(server: Server) -> tuple[Person, dict[str, Any]]:
    """Return the administrator of a tenant, and a device of it."""
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    return admin, await a_device(admin, "R1", "10.0.0.1")


async def test_people_act_on_an_alert_and_it_is_a_journal_row_each(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, device = await a_tenant(server)
        alert = await admin.post(
            "/alerts", {"key": "k", "title": "Hot", "device": device["id"], "severity": "critical"}
        )
        assert (alert["kind"], alert["title"], alert["count"]) == ("external", "Hot", 1)
        assert await admin.get("/alerts/counts") == {
            "total": 1,
            "critical": 1,
            "unacknowledged": 1,
            "silenced": 0,
        }
        path = f"/alerts/{alert['id']}"
        taken = await admin.post(f"{path}/acknowledge", {"text": "on my way"})
        assert taken["acknowledged_by"] == "One tenant_admin"
        assert await admin.post(f"{path}/acknowledge", {}) == taken
        await admin.post(f"{path}/comment", {"text": "<script>alert(1)</script>"})
        await admin.post(f"{path}/assign", {"to": "Ada"})
        resolved = await admin.post(f"{path}/resolve", {})
        assert [act["what"] for act in resolved["acts"]] == [
            "acknowledged",
            "commented",
            "assigned",
            "resolved",
        ]
        assert await admin.get("/alerts") == []
        assert [one["id"] for one in await admin.get("/alerts?state=closed")] == [alert["id"]]
        assert await admin.refused("POST", f"{path}/acknowledge", {}) == (409, "ALERT_CLOSED")
        assert await admin.refused("POST", f"{path}/comment", {"text": " "}) == (
            422,
            "MISSING_REQUIRED_FIELD",
        )
        assert await admin.refused("POST", f"{path}/comment", {"text": "x" * 2001}) == (422, "INVALID_INPUT")
        kinds = [row["kind"] for row in await admin.get(f"/events?subject={device['id']}")]
        assert kinds == [
            "alert_resolved",
            "alert_assigned",
            "alert_commented",
            "alert_acknowledged",
            "alert_opened",
            "edit_applied",
        ]
        acts = await server.owner.fetchval(
            "SELECT count(*) FROM identity.audit WHERE subject = $1 AND starts_with(act, 'alert.')",
            alert["id"],
        )
        assert acts == 6


async def test_alerts_are_found_by_what_they_are(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, device = await a_tenant(server)
        other = await a_device(admin, "R2", "10.0.0.2")
        for key, one, severity in (("a", device, "info"), ("b", device, "critical"), ("c", other, "info")):
            message = {"key": key, "title": key, "device": one["id"], "severity": severity}
            await admin.post("/alerts", message)
        for query, found in {
            "": "cba",
            "?severity=info": "ca",
            f"?subject={other['id']}": "c",
            "?acknowledged=true": "",
            "?silenced=false&severity=critical": "b",
            "?state=closed": "",
            "?state=all": "cba",
            "?rule=x": "",
        }.items():
            assert "".join(one["title"] for one in await admin.get(f"/alerts{query}")) == found, query
        first = (await admin.ask("GET", "/alerts?limit=2", expect=200)).json()
        rest = await admin.get(f"/alerts?limit=2&cursor={first['meta']['page']['next']}")
        assert [one["title"] for one in (*first["data"], *rest)] == ["c", "b", "a"]


async def test_alerts_and_events_beyond_reach_are_not_there(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        near, far = [(await admin.post("/sites", {"name": n}, expect=201))["id"] for n in "NF"]
        ids = {}
        for number, site in enumerate((near, far), 1):
            device = await a_device(admin, f"R{number}", f"10.0.0.{number}", site=site)
            message = {"key": "k", "title": f"T{number}", "device": device["id"]}
            ids[site] = (await admin.post("/alerts", message))["id"]
        local = await server.member(root, "engineer", sites=[near])
        assert [one["title"] for one in await local.get("/alerts")] == ["T1"]
        assert (await local.get("/alerts/counts"))["total"] == 1
        assert await local.refused("GET", f"/alerts/{ids[far]}") == (404, "ALERT_NOT_FOUND")
        for act in ("acknowledge", "resolve"):
            assert await local.refused("POST", f"/alerts/{ids[far]}/{act}", {}) == (404, "ALERT_NOT_FOUND")
        await local.post(f"/alerts/{ids[near]}/acknowledge", {})
        events = [row["kind"] for row in await local.get("/events")]
        assert sorted(events) == ["alert_acknowledged", "alert_opened", "edit_applied", "edit_applied"]
        await server.owner.execute("DROP POLICY within_reach ON alert")
        assert len(await local.get("/alerts")) == 2, "it is the policy that hides them"
        await server.owner.execute("DROP POLICY within_reach ON journal")
        assert len(await local.get("/events")) > 4


async def a_hook(server: Server) -> tuple[Person, dict[str, Any], dict[str, Any]]:
    admin, device = await a_tenant(server)
    return admin, device, await admin.post("/hooks", {"name": "Zabbix"}, expect=201)


async def say(
    server: Server,
    hook: dict[str, Any],
    message: Any,
    *,
    off_s: float = 0,
    from_s: float | None = None,
    **wrong: Any,
) -> tuple[int, Any]:
    """Send a message signed at so many seconds from a moment, which is now where none is given; return status and body."""
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    at = str(int((server.services.now_s() if from_s is None else from_s) + off_s))
    secret = wrong.get("secret", hook["secret"]).encode()
    signature = hmac.new(secret, f"{wrong.get('at', at)}.".encode() + content, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": at,
        "X-Signature": wrong.get("signature", f"sha256={signature}"),
    }
    path = f"/hooks/{wrong.get('id', hook['hook']['id'])}"
    said = await server.somebody().ask("POST", path, content=wrong.get("content", content), headers=headers)
    return said.status_code, said.json()


async def test_a_signed_message_becomes_an_alert_once(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, device, hook = await a_hook(server)
        message = {
            "key": "cpu",
            "title": "CPU\u202e busy",
            "address": "10.0.0.1",
            "text": "95 %\x1b[31m",
            "value": 95.5,
        }
        assert (await say(server, hook, message))[0] == 422, "a title that reorders text is refused"
        message["title"] = "CPU busy"
        now = {"from_s": server.services.now_s()}
        status, first = await say(server, hook, message, off_s=-5, **now)
        assert (status, first["data"]["subject"], first["data"]["reason"]) == (200, device["id"], "95 %")
        assert (await say(server, hook, message, **now))[1]["data"] == first["data"], "again is harmless"
        status, over = await say(server, hook, {**message, "state": "resolved", "text": "fine"}, **now)
        assert (status, over["data"]["cleared_why"]) == (200, "fine")
        assert (await say(server, hook, message, off_s=-5, **now))[1]["data"]["count"] == 1, (
            "an old one comes too late"
        )
        status, again = await say(server, hook, message, off_s=5, **now)
        assert (again["data"]["count"], again["data"]["cleared_us"]) == (2, None)
        assert [one["count"] for one in await admin.get("/alerts")] == [2]
        told = await server.owner.fetch(
            "SELECT actor_name, actor_kind FROM identity.audit WHERE act = 'alert.told'"
        )
        assert {tuple(row) for row in told} == {("Zabbix", "key")}


async def test_a_monitor_whose_clock_is_behind_loses_no_alert(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, device, hook = await a_hook(server)
        fires = {"key": "cpu", "title": "CPU busy", "device": device["id"]}
        over = {**fires, "state": "resolved"}
        now = {"from_s": server.services.now_s()}
        for off_s, message, count, is_open in (
            (-200, fires, 1, True),
            (-190, over, 1, False),
            (-180, fires, 2, True),
            (-185, over, 2, True),
            (-180, over, 2, False),
            (-180, fires, 2, False),
            (-170, fires, 3, True),
        ):
            status, said = await say(server, hook, message, off_s=off_s, **now)
            seen = status, said["data"]["count"], said["data"]["cleared_us"] is None
            assert seen == (200, count, is_open), off_s
        await admin.post(f"/alerts/{said['data']['id']}/resolve", {})
        said = (await say(server, hook, fires, off_s=-160, **now))[1]
        assert said["data"]["resolved_us"] is None, "the monitor still sees it"


async def test_what_is_not_signed_now_with_the_hooks_secret_is_refused(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, device, hook = await a_hook(server)
        message = {"key": "cpu", "title": "CPU busy", "device": device["id"]}
        other = json.dumps({**message, "key": "other"}).encode()
        absent = (404, "HOOK_NOT_FOUND")
        for wrong in (
            {"secret": "another"},
            {"signature": ""},
            {"signature": "sha256=" + "0" * 64},
            {"signature": "sha256=zz"},
            {"content": other},
            {"at": "1"},
            {"off_s": -301},
            {"off_s": 400},
            {"id": uuid4()},
        ):
            status, said = await say(server, hook, message, **wrong)  # type: ignore[arg-type]
            assert (status, said["error"]["code"]) == absent, wrong
        for body, code in (
            ({**message, "device": str(uuid4())}, "DEVICE_NOT_FOUND"),
            ({**message, "severity": "worst"}, "INVALID_INPUT"),
            ({**message, "key": "x" * 121}, "INVALID_INPUT"),
            ({**message, "tenant": "x"}, "INVALID_INPUT"),
        ):
            assert (await say(server, hook, body))[1]["error"]["code"] == code
        assert await admin.get("/alerts") == []
        assert hook["secret"] not in (await admin.ask("GET", "/hooks", expect=200)).text
        await admin.ask("DELETE", f"/hooks/{hook['hook']['id']}", expect=204)
        status, said = await say(server, hook, message)
        assert (status, said["error"]["code"]) == absent


async def test_a_hook_ends_with_its_maker_and_has_a_limit(server_database: ServerDatabase) -> None:
    async with serving(server_database, limit_api_per_min=40) as server:
        admin, device, hook = await a_hook(server)
        other = await server.member(admin, "tenant_admin")
        message = {"key": "cpu", "title": "CPU busy", "device": device["id"]}
        assert (await say(server, hook, message))[0] == 200
        assert [one["is_on"] for one in await other.get("/hooks")] == [True]
        maker = hook["hook"]["maker"]
        await server.owner.execute("UPDATE identity.membership SET off_us = 1 WHERE account_id = $1", maker)
        assert [one["is_on"] for one in await other.get("/hooks")] == [False]
        assert (await say(server, hook, message))[1]["error"]["code"] == "HOOK_NOT_FOUND"
        await server.stop_clock()
        statuses = {(await say(server, hook, message, secret="x"))[0] for _ in range(60)}
        assert 429 in statuses


async def test_a_built_in_rule_is_changed_switched_off_and_brought_back(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, _ = await a_tenant(server)
        own = await admin.post("/rules", {"name": "Mine", "kind": "device_down", "for_s": 30.0}, expect=201)
        rules = await admin.get("/rules?limit=200")
        assert {rule["id"] for rule in rules} == {own["id"], *(str(rule.id) for rule in DEFAULT_RULES)}
        assert [rule["id"] for rule in rules] == sorted(rule["id"] for rule in rules)
        down = next(rule for rule in rules if rule["key"] == "device_down")
        assert down["is_built_in"]
        path, tag = f"/rules/{down['id']}", {"headers": {"If-Match": down["etag"]}}
        assert await admin.refused("DELETE", path) == (404, "RULE_NOT_FOUND")
        off = (await admin.ask("PATCH", path, {"is_on": False}, expect=200, **tag)).json()["data"]
        assert (off["is_on"], off["is_built_in"], off["key"]) == (False, False, "device_down")
        assert len(await admin.get("/rules?limit=200")) == len(rules)
        assert [rule["key"] for rule in await admin.get("/rules?is_on=false")] == ["device_down"]
        await admin.ask("DELETE", path, expect=204)
        assert (await admin.get(path))["is_on"] is True
        wrong = {"name": "T", "kind": "threshold", "metric": "no_such"}
        assert (await admin.refused("POST", "/rules", wrong))[0] == 422


async def test_tags_are_counted_renamed_and_taken_away(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, device = await a_tenant(server)
        await a_device(admin, "R2", "10.0.0.2", tags=["old", "new"])
        await admin.ask("PATCH", f"/devices/{device['id']}", {"tags": ["old", "x/y"]}, expect=200, **ANY)
        assert {tag["name"]: tag["devices"] for tag in await admin.get("/tags")} == {
            "old": 2,
            "new": 1,
            "x/y": 1,
        }
        said = (await admin.ask("PATCH", "/tags/old", {"name": "new"}, expect=200)).json()["data"]
        assert said == {"name": "new", "devices": 2}
        assert {tag["name"]: tag["devices"] for tag in await admin.get("/tags")} == {"new": 2, "x/y": 1}
        assert [row["edit"]["title"] for row in await admin.get("/edits?limit=1")] == [
            "Rename the tag old to new"
        ]
        assert await admin.refused("PATCH", "/tags/new", {"name": ""}) == (422, "INVALID_INPUT")
        await admin.ask("DELETE", "/tags/new", expect=204)
        assert await admin.refused("DELETE", "/tags/new") == (404, "TAG_NOT_FOUND")
        assert [tag["name"] for tag in await admin.get("/tags")] == ["x/y"]


@pytest.mark.parametrize("limited", [False, True])
async def test_numbers_are_given_of_devices_within_reach(
    server_database: ServerDatabase, limited: bool
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        site = (await admin.post("/sites", {"name": "S"}, expect=201))["id"]
        device = await a_device(admin, "R1", "10.0.0.1", site=site)
        other = await a_device(admin, "R2", "10.0.0.2")
        now_us = await feed(server, (await admin.get("/auth/me"))["tenant"], device["id"], other["id"])
        who = await server.member(root, "viewer", sites=[site]) if limited else admin
        latest = await who.get("/metrics/latest")
        assert len(latest) == (1 if limited else 2)
        one = await who.get(f"/devices/{device['id']}/metrics")
        assert one == next(row for row in latest if row["device"] == device["id"])
        assert one["values"] == [{"metric": "rtt_ms", "instance": "", "value": 7.5, "unit": "ms"}]
        span = f"metric=rtt_ms&from_us={now_us - 60_000_000}&to_us={now_us}"
        assert (await who.get(f"/devices/{device['id']}/series?{span}"))["value"] == [7.5]
        as_in_the_guide = await who.get(f"/devices/{device['id']}/series?metric=rtt_ms&points=200")
        assert as_in_the_guide == {"at_us": [now_us], "value": [7.5], "low": [7.5], "high": [7.5]}
        beyond = await who.ask("GET", f"/devices/{other['id']}/series?{span}")
        assert beyond.status_code == (404 if limited else 200)
        for wrong in ("metric=x&from_us=0&to_us=1", "metric=rtt_ms&from_us=2&to_us=1", "from_us=1"):
            said = await who.ask("GET", f"/devices/{device['id']}/series?{wrong}")
            assert said.status_code in (404, 422), wrong
        assert {row["name"] for row in await who.get("/metrics")} >= {"rtt_ms", "cpu_load_pct"}


async def feed(server: Server, tenant: str, *devices: str) -> int:
    """Store a cycle of a number of each device; return when it was."""
    import struct
    from uuid import UUID

    from domain.metrics import CATALOGUE
    from sync_server.samples import Cycle, Samples

    samples: Samples = server.app.state.samples
    now_us = round(server.services.now_s() * 1_000_000)
    schema = samples.learn([(CATALOGUE["rtt_ms"].key, "")])
    cycles = [Cycle(UUID(int=1), UUID(one), now_us, schema, struct.pack("<f", 7.5)) for one in devices]
    written = await samples.write(UUID(tenant), cycles, now_us)
    assert written.rows == len(devices)
    return now_us
