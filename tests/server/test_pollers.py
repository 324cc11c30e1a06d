"""Who asks devices, with which version, clock and how much untold; heard on the live line."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any
from uuid import UUID, uuid4

from domain.edit import Edit, Step
from domain.sync import Alive, Live, Person, Subscribe
from sync_server.database import Work
from sync_server.live.polling import WINDOW
from sync_server.live.presence import arrive, hear
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, an_edit, living, making

HOUR_US = 3_600_000_000


async def test_a_poller_tells_its_version_its_clock_and_what_it_has_not_told(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        install = await live.install(admin, "collector", "Mast")
        (before,) = await admin.get("/pollers")
        assert (before["version"], before["connected_us"], before["untold"]) == ("", None, None)
        replica = await live.connect(admin, install, version="9.8.7\n" + "x" * 100)
        await replica.led()
        await replica.say(Alive(time.time_ns() // 1000 + HOUR_US, 2**40))
        ends_s = time.monotonic() + PATIENCE_S
        while (one := (await admin.get("/pollers"))[0])["untold"] in (None, 0) or not one["is_judge"]:
            assert time.monotonic() < ends_s, one
            await asyncio.sleep(0.1)
        assert abs(one["ahead_us"] - HOUR_US) < HOUR_US / 2
        assert one["untold"] == 2_000_000_000
        assert one["version"].startswith("9.8.7")
        assert len(one["version"]) <= 60
        assert one["connected_us"] is not None
        assert (await admin.get("/installs"))[0]["version"] == one["version"]
        page = await admin.http.get("/admin/pollers", headers={"Authorization": f"Bearer {admin.token}"})
        assert "60 min ahead" in page.text
        assert "9.8.7" in page.text
        await live.server.tenant(root)
        stranger = await live.server.member(root, "tenant_admin")
        assert await stranger.get("/pollers") == []


async def test_who_was_on_a_server_that_died_was_seen_until_it_was_heard_last(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        tenant = UUID(await live.server.tenant(root))
        admin = await live.server.member(root, "tenant_admin")
        install = await live.install(admin, "collector", "Mast")
        database = live.server.services.database
        who = Work(tenant, UUID((await admin.get("/auth/me"))["id"]))
        async with database.transaction(Work(tenant)) as transaction:
            await arrive(transaction, who, Person(install, who.id, "Ada", "Mast", 0), uuid4(), WINDOW, None)
        seen_us, heard_us = await live.server.owner.fetchrow("""
            WITH old AS (UPDATE identity.install SET seen_us = identity.now_us() - 7200000000 RETURNING seen_us)
            UPDATE sync.line SET heard_us = identity.now_us() - 3600000000 FROM old RETURNING seen_us, heard_us
        """) or (0, 0)
        assert (await admin.get("/pollers"))[0]["seen_us"] == seen_us
        await hear(database, tenant, {})
        one = (await admin.get("/pollers"))[0]
        assert (one["seen_us"], one["connected_us"]) == (heard_us, None)
        assert not await live.server.owner.fetchval("SELECT count(*) FROM sync.line")


async def test_who_reaches_some_sites_learns_of_computers_that_poll_what_he_sees_and_of_no_other(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        near, far = [await live.install(admin, "collector", name) for name in ("Near", "Far")]
        boss = await live.join(admin, near)
        mine, other, device, beyond = (uuid4() for _ in range(4))
        await boss.push(
            an_edit(
                making("site", mine, name="Mine"),
                making("site", other, name="Other"),
                making("device", device, name="R", address="10.0.0.1", site=str(mine), polled_by=str(near)),
                making("device", beyond, name="S", address="10.0.0.2", site=str(other), polled_by=str(far)),
            )
        )
        limited = await live.server.member(admin, "engineer", sites=[str(mine)])
        laptop = await live.install(limited, name="Own")
        his = await live.join(limited, laptop)
        await live.join(admin, far)
        await his.say(Subscribe(("presence",)))
        people: tuple[Person, ...] = ()
        named: set[str] = set()
        while len(people) < 3 or named != {"Near", "Own"}:  # what is not another is not told again
            told = await his.hear(Live)
            people = people if told.people is None else told.people
            named = named if told.pollers is None else {one.name for one in told.pollers}
        assert sorted(one.computer for one in people) == ["", "Near", "Own"]
        assert [one["name"] for one in await limited.get("/pollers")] == ["Near"]
        assert {one["name"] for one in await admin.get("/pollers")} == {"Near", "Far"}
        sharing = await limited.get("/sharing")
        assert sorted(sharing["collectors"]) == ["", "Near"]


async def test_a_device_is_polled_by_computers_of_the_team_only(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        hers = await live.join(admin)
        gone, there = [await live.install(admin, "collector", name) for name in ("Gone", "There")]
        await admin.ask("DELETE", f"/installs/{gone}", expect=200)
        await live.server.tenant(root)
        stranger = await live.server.member(root, "tenant_admin")
        foreign = await live.install(stranger, "collector", "Foreign")
        for install in (uuid4(), gone, foreign):
            named = making("device", uuid4(), name="R", address="10.0.0.1", polled_by=str(install))
            (outcome,) = await hers.push(an_edit(named))
            assert (outcome.revision, [one.field for one in outcome.refusals]) == (0, ["polled_by"])
        id = uuid4()
        (outcome,) = await hers.push(
            an_edit(making("device", id, name="R", address="10.0.0.1", polled_by=str(there)))
        )
        assert outcome.revision
        assert (await hers.until("device", id)).polled_by == there


async def test_a_computer_that_is_no_id_costs_nobody_elses_edit_and_any_spelling_of_one_counts(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        hers = await live.join(admin)
        there = await live.install(admin, "collector", "There")

        def polled(by: object, **more: Any) -> Edit:
            address = f"10.0.0.{next(hosts)}"
            return an_edit(making("device", None, name="R", address=address, polled_by=by), **more)

        hosts = itertools.count(1)
        plain = an_edit(making("site", None, name="Mine"))
        wrong = [polled("me"), polled(7), *(polled(str(uuid4()), undoes=id) for id in (uuid4(), plain.id))]
        good = [polled(str(there).upper()), polled(there.hex)]
        outcomes = await hers.push(plain, *wrong, *good)
        assert [bool(one.revision) for one in outcomes] == [True, *[False] * 4, True, True]
        assert [[why.field for why in one.refusals] for one in outcomes[1:5]] == [["polled_by"]] * 4


async def test_an_undo_brings_back_the_computer_that_was_there_before_and_no_other(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        hers = await live.join(admin)
        gone, other = [str(await live.install(admin, "collector", name)) for name in ("Gone", "Other")]
        id = uuid4()
        freed = an_edit(Step("device", id, {"polled_by": gone}, {"polled_by": None}))
        made = making("device", id, name="R", address="10.0.0.1", polled_by=gone)
        assert all(one.revision for one in await hers.push(an_edit(made), freed))
        for install in (gone, other):
            await admin.ask("DELETE", f"/installs/{install}", expect=200)

        def named(install: str) -> Step:
            return Step("device", id, {"polled_by": None}, {"polled_by": install})

        tried = (
            an_edit(named(other), undoes=freed.id),
            an_edit(named(gone)),
            an_edit(named(gone), undoes=freed.id),
        )
        outcomes = await hers.push(*tried)
        assert [bool(one.revision) for one in outcomes] == [False, False, True]
