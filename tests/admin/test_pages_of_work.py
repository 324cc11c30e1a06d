"""Pages of what works for a tenant and what it uses: pollers, usage."""

from __future__ import annotations

import time
from uuid import UUID, uuid4

import pytest

from sync_server.samples import Cycle
from sync_server.security.principal import Origin
from sync_server.usage import Used
from tests.admin.test_every_page import ask
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import a_device
from tests.server.test_installs import registered
from tests.server.test_samples import SERIES

ALERT = "00000000-0000-0000-0000-00000000a1e7"


async def test_a_poller_that_is_not_heard_any_more_is_silent(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        assert "Nothing asks devices" in (await ask(admin, "GET", "/admin/pollers")).text
        install, idle = [(await registered(admin))[0]["id"] for _ in range(2)]
        await server.owner.execute("UPDATE identity.install SET name = '<b>idle' WHERE id = $1::uuid", idle)
        await server.owner.execute(
            "UPDATE identity.install SET kind = 'collector' WHERE tenant_id = $1::uuid", tenant
        )
        device = await a_device(admin, "R1", "10.0.0.1")
        for ago_s, state in ((60, "asking"), (600, "silent")):
            await server.owner.execute(
                "INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)"
                " VALUES ($1::uuid, $2::uuid, $3::uuid, 'up', 1, $4, '{}', '')"
                " ON CONFLICT (tenant_id, device_id, vantage) DO UPDATE SET heard_us = excluded.heard_us",
                *(tenant, device["id"], install, time.time_ns() // 1000 - ago_s * 1_000_000),
            )
            said = (await ask(admin, "GET", "/admin/pollers")).text
            assert f">{state}<" in said
            assert "nothing yet" in said
            assert "<b>idle" not in said
        await server.owner.execute(
            "INSERT INTO sync.lease VALUES ($1::uuid, 'judge', $2::uuid, 1, identity.now_us() + 600000000)",
            *(tenant, install),
        )
        assert "judges" in (await ask(admin, "GET", "/admin/pollers")).text
        await server.tenant(root)
        stranger = await server.member(root, "tenant_admin")
        assert "Nothing asks devices" in (await ask(stranger, "GET", "/admin/pollers")).text


USED = """
    SELECT tenant_id, sum(requests)::int AS requests, sum(polls)::int AS polls, sum(numbers)::int AS numbers
    FROM identity.usage GROUP BY tenant_id"""
"""What was counted of each tenant, on whatever day."""


async def test_usage_is_counted_for_each_tenant_and_shown_to_it_and_to_the_platform(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = UUID(await server.tenant(root, "North"))
        admin = await server.member(root, "tenant_admin")
        await a_device(admin, "R1", "10.0.0.1")
        await server.services.usage.write()
        await server.owner.execute("TRUNCATE identity.usage")
        for _ in range(7):
            await admin.get("/devices")
        samples, now_us = server.app.state.samples, time.time_ns() // 1000
        cycles = [Cycle(uuid4(), uuid4(), now_us, samples.learn(SERIES), bytes(8)) for _ in range(3)]
        await samples.write(tenant, [*cycles, cycles[0]], now_us)
        await server.services.usage.write()
        found = await server.owner.fetch(USED)  # of two days where it is midnight meanwhile
        assert [(one["tenant_id"].int, *one[1:]) for one in found] == [(tenant.int, 7, 3, 6)]
        said = (await ask(admin, "GET", "/admin/usage")).text
        assert "<dt>Numbers, 30 days</dt><dd>6</dd>" in said
        listed = (await ask(root, "GET", "/admin/tenants")).text
        assert '<td data-label="Devices" class="number">1</td>' in listed
        assert '<td data-label="Numbers" class="number">6</td>' in listed
        who = await server.services.admission.admit(admin.token, Origin(), "api")
        async with server.services.database.transaction(who) as transaction:
            assert await transaction.fetch("SELECT * FROM identity.usage_of_all(30)") == []
            assert await transaction.fetch("SELECT * FROM devices_of_all()") == []


async def test_what_was_counted_while_the_database_was_away_is_written_later(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = UUID(await server.tenant(root))
        usage = server.services.usage
        await usage.write()
        await server.owner.execute("TRUNCATE identity.usage")
        await server.owner.execute("ALTER FUNCTION identity.count_usage RENAME TO away")
        usage.add(tenant, Used(requests=5))
        usage.add(uuid4(), Used(requests=9))  # of a tenant that is gone
        await usage.write()
        await server.owner.execute("ALTER FUNCTION identity.away RENAME TO count_usage")
        usage.add(tenant, Used(requests=2))
        await usage.write()
        assert [one["requests"] for one in await server.owner.fetch(USED)] == [7]


async def test_what_was_used_before_midnight_is_of_that_day_whenever_it_is_written(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = UUID(await server.tenant(root))
        usage = server.services.usage
        await usage.write()
        await server.owner.execute("TRUNCATE identity.usage")
        day = 20_000
        for passed_s, requests in ((-0.5, 3), (0.5, 4), (1.5, 5)):
            monkeypatch.setattr(
                "sync_server.usage.time.time", lambda passed_s=passed_s: day * 86_400 + passed_s
            )
            usage.add(tenant, Used(requests=requests))
        monkeypatch.undo()
        await usage.write()
        found = await server.owner.fetch(
            "SELECT day, requests FROM identity.usage WHERE day < 20001 ORDER BY day"
        )
        assert [tuple(row) for row in found] == [(day - 1, 3), (day, 9)]


async def test_what_was_done_to_an_alert_meanwhile_is_said_to_who_comes_second(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        mara, joe = [await server.member(root, "engineer", name=who) for who in ("Mara", "Joe")]
        device = await a_device(mara, "R1", "10.0.0.1")
        await server.owner.execute(
            "INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, reason, acknowledged_by, count, title)"
            " VALUES ($1::uuid, $2::uuid, 'hot', $3::uuid, 'warning', 5, '', '', 1, 'Too hot')",
            *(tenant, ALERT, device["id"]),
        )
        take = f"/admin/alerts/{ALERT}/take"
        assert "is yours" in (await ask(mara, "POST", take, text="")).text
        again = (await ask(joe, "POST", take, text="")).text
        assert "was taken by Mara already" in again and "is yours" not in again
        await server.owner.execute("UPDATE alert SET cleared_us = 6")
        for act in ("take", "resolve"):
            late = await ask(joe, "POST", f"/admin/alerts/{ALERT}/{act}", text="")
            assert late.status_code == 409 and 'class="problem' in late.text, late.text


async def test_a_rule_keeps_its_digits_its_lines_and_its_commas_when_it_is_saved(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        scope = {"regions": ["Tirol, Ost", "Vorarlberg"], "tags": ["a, b"]}
        rule = {"name": "Full", "kind": "threshold", "metric": "if_in_bps", "threshold": 1234567891.0}
        made = await admin.post("/rules", {**rule, "note": "one\ntwo", "scope": scope}, expect=201)
        page = (await ask(admin, "GET", f"/admin/rules/{made['id']}")).text
        assert 'value="1234567891"' in page and ">one\ntwo</textarea>" in page
        assert ">Tirol, Ost\nVorarlberg</textarea>" in page
        typed = {
            **{"name": "Full", "kind": "threshold", "metric": "if_in_bps", "op": "gt", "severity": "warning"},
            **{"threshold": "1234567891", "for_s": "0", "reach": "all", "etag": made["etag"]},
            **{"note": "one\r\ntwo", "regions": "Tirol, Ost\r\nVorarlberg", "tags": "a, b"},
        }
        saved = await ask(admin, "POST", f"/admin/rules/{made['id']}", **typed)
        assert "Saved" in saved.text
        after = await admin.get(f"/rules/{made['id']}")
        assert {**after, "etag": ""} == {**made, "etag": ""}
        odd = await ask(admin, "POST", f"/admin/rules/{made['id']}", **{**typed, "threshold": "1,000"})
        assert "1000 or 1.5 expected" in odd.text
        site = await admin.post("/sites", {"name": "Hill"}, expect=201)
        limited = await server.member(root, "engineer", sites=[site["id"]])
        assert "Make a rule" in (await ask(admin, "GET", "/admin/rules")).text
        assert "Make a rule" not in (await ask(limited, "GET", "/admin/rules")).text
