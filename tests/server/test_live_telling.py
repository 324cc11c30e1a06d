"""What installs tell: journals kept once and without a gap, a judge who counts while it holds the lease, people's acts."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.alerts import Beginning, body_of, fingerprint
from domain.fact import Fact, digest
from domain.health import Health
from domain.journal import SUBJECT_KINDS
from domain.load import LinkState
from domain.sync import Cycles, Digests, Kept, Live, Subscribe, Wanted
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import AT_US, Replica, an_edit, living, making
from tests.server.servers import beat_soon
from tests.server.test_live import a_team


async def a_device(replica: Replica, address: str = "10.0.0.1") -> UUID:
    """Make a device; return its id."""
    id = uuid4()
    (outcome,) = await replica.push(an_edit(making("device", id, name="R1", address=address)))
    assert outcome.revision
    return id


def opened(device: UUID, **more: Any) -> dict[str, Any]:
    """Return the body of a row that opens an alert."""
    begun = Beginning("device_down", "device_down", "critical", 1, AT_US, reason="silent", **more)
    return body_of(begun)


async def test_rows_of_a_journal_are_kept_once_and_without_a_gap(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        rows = [hers.row(seq, "engine_started", version=str(seq)) for seq in range(1, 6)]
        assert await hers.tell(journal=tuple(rows[:3])) == Kept(1, 3)
        assert await hers.tell(journal=tuple(rows[1:3])) == Kept(1, 3)
        assert await hers.tell(journal=(rows[4],)) == Kept(1, 3), "there is a gap before it"
        assert await hers.tell(journal=tuple(rows[2:])) == Kept(1, 5)
        while len(his.journal) < 5:
            await his.hear_all()
        assert his.journal == rows
        again = await live.join(anna, hers.install)
        assert again.welcome is not None and again.welcome.kept_seq == 5
        assert [row for row in again.journal if row.origin == hers.install] == rows


async def test_another_origins_rows_are_refused(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        forged = (his.row(1, "engine_started"),)
        assert await hers.tell(journal=forged) == Kept(1, 0, refused=1)
        assert await his.tell(journal=forged) == Kept(1, 1)
        edit = hers.row(1, "edit_applied", title="Mine")
        assert await hers.tell(journal=(edit,)) == Kept(1, 1), "the tenant tells its edits itself"
        while not his.journal:
            await his.hear_all()
        assert [row.origin for row in his.journal] == [his.install]


async def test_what_happened_to_something_says_to_what(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        device = await a_device(hers)
        kinds = sorted(SUBJECT_KINDS)
        nameless = [hers.row(seq, kind) for seq, kind in enumerate(kinds, 1)]
        assert await hers.tell(journal=tuple(nameless)) == Kept(1, len(kinds), refused=len(kinds))
        named = hers.row(len(kinds) + 1, "operation_started", device, kind="scan", title="Scan")
        nothing = hers.row(len(kinds) + 2, "vault_locked")
        assert await hers.tell(journal=(named, nothing)) == Kept(1, len(kinds) + 2)
        while nothing not in his.journal:
            await his.hear_all()
        assert [row for row in his.journal if row.origin == hers.install] == [named, nothing]
        owners = "SELECT count(*) FROM journal WHERE tenant_id IS NULL OR (subject IS NULL AND kind = ANY ($1::text[]))"
        assert await live.server.owner.fetchval(owners, kinds) == 0


async def test_who_judges_for_the_team_holds_the_lease(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        his = await live.join(ben)
        device = await a_device(hers)
        link_end = await a_device(hers, "10.0.0.2")
        link = uuid4()
        await hers.push(an_edit(making("link", link, a=str(device), b=str(link_end))))
        alert = fingerprint("device_down", device)
        seen = {
            "health": (Health(device, hers.install or uuid4(), "down", AT_US, AT_US),),
            "link_states": (LinkState(link, "down", AT_US, AT_US),),
        }
        for forged in (0, fence - 1, fence, fence + 1):
            kept = await his.tell(
                journal=(his.row(forged + 1, "alert_opened", device, **opened(device)),), fence=forged, **seen
            )
            assert kept.retry_after_s == 0
        assert await live.server.owner.fetchval("SELECT count(*) FROM alert") == 0
        assert await live.server.owner.fetchval("SELECT count(*) FROM health") == 0
        assert await live.server.owner.fetchval("SELECT count(*) FROM link_state") == 0
        await hers.tell(journal=(hers.row(1, "alert_opened", device, **opened(device)),), fence=fence, **seen)
        assert (await his.until("alert", alert)).is_open
        assert his.things["health", device].status == "down"
        assert his.things["link_state", link].status == "down"
        assert [row.origin for row in his.journal if row.kind == "alert_opened"] == [hers.install]
        await hers.line.close()
        assert (await his.led()).fence > fence
        back = await live.join(anna, hers.install)
        cleared = back.row(2, "alert_cleared", device, **opened(device))
        await back.tell(journal=(cleared,), fence=fence)
        assert await live.server.owner.fetchval("SELECT cleared_us FROM alert") is None


async def test_a_load_that_is_no_number_is_refused_and_one_that_is_kept_stops_nobodys_line(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.shelf.KEPT_S", 0.0)
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        his = await live.join(ben)
        a, b = [str(await a_device(hers, address)) for address in ("10.0.0.1", "10.0.0.2")]
        links = [uuid4() for _ in range(3)]
        await hers.push(an_edit(*(making("link", link, a=a, b=b) for link in links)))
        loads = ((math.nan, 1.0), (1.0, -math.inf), (2.0, None))
        states = [LinkState(link, "up", AT_US, AT_US, *load) for link, load in zip(links, loads, strict=True)]
        assert (await hers.tell(link_states=tuple(states), fence=fence)).refused == 2
        assert await his.until("link_state", links[2]) == states[2]
        odd = "UPDATE link_state SET ab_bps = $1, ba_bps = 'NaN' WHERE link_id = $2"
        for value in (math.inf, -math.inf):
            await live.server.owner.execute(odd, value, links[2])
            again = await live.join(ben)
            told = [thing for (kind, _), thing in again.things.items() if kind == "link_state"]
            assert told == [LinkState(links[2], "up", AT_US, AT_US)]


async def test_what_a_person_did_is_by_who_asks_and_takes_the_permission(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, eve, _ = await a_team(live, "engineer", "viewer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        device = await a_device(hers)
        alert = fingerprint("device_down", device)
        took = {**opened(device), "by": "Somebody else", "text": "on my way"}
        await hers.tell(journal=(hers.row(1, "alert_acknowledged", device, **took),))
        assert await live.server.owner.fetchval("SELECT count(*) FROM alert") == 0, "there is nothing to take"
        await hers.tell(journal=(hers.row(2, "alert_opened", device, **opened(device)),), fence=fence)
        evil = await live.join(eve)
        resolved = evil.row(1, "alert_resolved", device, **opened(device), by="Anna")
        assert await evil.tell(journal=(resolved,)) == Kept(1, 1, refused=1)
        await hers.tell(journal=(hers.row(3, "alert_acknowledged", device, **took),))
        while evil.things["alert", alert].acknowledged_us is None:
            await evil.hear_all()
        told = evil.things["alert", alert]
        assert (told.acknowledged_by, told.is_open) == ("One engineer", True)
        assert told.acts[-1].text == "on my way"


async def test_facts_are_told_of_ones_own_vantage_and_as_they_are_last(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        assert hers.install is not None and his.install is not None
        device = await a_device(hers)
        serial = Fact(device, "serial", "snmp", hers.install, AT_US, "A1")
        version = Fact(device, "version", "snmp", hers.install, AT_US, {"major": 7, "odd": 1e16})
        foreign = Fact(device, "serial", "snmp", his.install, AT_US, "B2")
        nowhere = Fact(uuid4(), "serial", "snmp", hers.install, AT_US, "A1")
        assert (await hers.tell(facts=(serial, version, foreign, nowhere))).refused == 2
        await his.until("fact", device)
        told = await live.server.owner.fetch("SELECT field, vantage FROM fact ORDER BY field")
        assert [row["field"] for row in told] == ["serial", "version"]
        await hers.say(Digests({device: digest([serial, version])}))
        assert (await hers.hear(Wanted)).devices == ()
        newer = Fact(device, "serial", "snmp", hers.install, AT_US + 1, "A2")
        await hers.say(Digests({device: digest([newer, version]), uuid4(): b""}))
        assert (await hers.hear(Wanted)).devices == (device,)
        gone = Fact(device, "version", "snmp", hers.install, AT_US + 1, None)
        await hers.tell(facts=(newer, serial, gone))
        assert await live.server.owner.fetch("SELECT field, value FROM fact") == [("serial", '"A2"')]


async def test_numbers_are_on_disk_when_they_are_kept_and_seen_by_who_watches(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database, ingest_flush_ms=20) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        device = await a_device(hers)
        at_us = live.server.services.now_s() * 1_000_000
        cycle = (device, round(at_us), (("rtt_ms", "", 2.5), ("if_in_bps", "ether1", float("nan"))))
        await his.say(Subscribe(("metric_update",), (device, uuid4())))
        await his.tell()  # what it subscribed to holds by now
        unknown = (uuid4(), round(at_us), (("rtt_ms", "", 2.5),))
        strange = (device, round(at_us), (("no_such_metric", "", 2.5),))
        await hers.say(Cycles(7, (cycle, unknown, strange)))
        assert await hers.hear(Kept) == Kept(7, refused=2)
        assert await live.server.owner.fetchval("SELECT count(*) FROM sample") == 1
        while not (shown := await his.hear(Live)).numbers:
            pass
        assert [(id, values[0]) for id, _, values in shown.numbers] == [(device, ("rtt_ms", "", 2.5))]


async def test_who_does_not_poll_hears_when_devices_that_go_on_were_heard(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat_soon(monkeypatch)
    async with living(server_database, ingest_flush_ms=20) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        device = await a_device(hers)
        await his.say(Subscribe(("device_status",)))
        await his.tell()
        at_us = round(live.server.services.now_s() * 1_000_000)
        told = ((device, at_us, (("rtt_ms", "", 2.5),)), (device, at_us - 1, (("rtt_ms", "", 2.4),)))
        await hers.say(Cycles(7, told))
        assert await his.hear(Live) == Live(heard=((device, at_us),))


async def test_who_may_not_tell_is_heard_and_nothing_is_kept(server_database: ServerDatabase) -> None:
    async with living(server_database, ingest_flush_ms=20) as live:
        anna, eve, _ = await a_team(live, "engineer", "viewer")
        hers, evil = await live.join(anna), await live.join(eve)
        assert evil.install is not None
        device = await a_device(hers)
        fact = Fact(device, "serial", "snmp", evil.install, AT_US, "E")
        kept = await evil.tell(journal=(evil.row(1, "trap", device),), facts=(fact,))
        assert (kept.kept_seq, kept.refused) == (1, 2)
        await evil.say(Cycles(2, ((device, AT_US, (("rtt_ms", "", 1.0),)),)))
        assert (await evil.hear(Kept)).refused == 1
        (outcome,) = await evil.push(an_edit(making("site", name="Mine")))
        assert (outcome.revision, outcome.refusals[0].code) == (0, "INSUFFICIENT_PERMISSIONS")
        assert evil.lease.fence == 0
        for table in ("fact", "sample", "site", "journal"):
            rows = await live.server.owner.fetchval(f"SELECT count(*) FROM {table}")
            assert rows == (1 if table == "journal" else 0), table
