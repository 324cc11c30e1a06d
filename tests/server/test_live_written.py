"""What a process wrote a moment ago is told without being read, in the database's words; two parts are out at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.health import Health, ProbeHealth
from domain.load import LinkState
from domain.observation import Failure
from domain.sync import Alive, Taken, decode_to_install
from sync_server.live import room, shelf, written
from sync_server.live.intake import Intake, Told
from sync_server.live.line import PARTS_OUT
from sync_server.live.reading import Cursor, Page, begun, page_of, read_pages
from sync_server.live.written import Wrote
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import AT_US, PATIENCE_S, Replica, an_edit, living, making
from tests.server.test_live import a_team
from tests.server.test_live_telling import a_device, opened


async def test_it_says_what_would_be_read(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "viewer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        await live.join(ben)
        devices = [await a_device(hers, f"10.0.0.{n}") for n in range(1, 4)]
        link = uuid4()
        await hers.push(an_edit(making("link", link, a=str(devices[0]), b=str(devices[1]))))
        install = hers.install or uuid4()
        probes = {
            "icmp": ProbeHealth(3, AT_US, 1_200, Failure("no_answer", "nach 2 s")),
            "snmp": ProbeHealth(),
        }
        health = [
            Health(
                devices[0],
                install,
                "down",
                AT_US,
                AT_US + 1,
                probes,
                "schweigt \u2013 \u6c89\u9ed8 \U0001f4e1",
            ),
            Health(devices[1], install, "up", AT_US, AT_US),
            Health(uuid4(), install, "up", AT_US, AT_US),
        ]
        states = [LinkState(link, "down", AT_US, AT_US, 0.1 + 0.2, None)]
        turned = hers.row(2, "status", devices[0], to="down", of={"b": 1, "a": [1.5, None, "\\"]})
        began = [hers.row(seq, "engine_started", version="1") for seq in range(1, 8)]
        tells: list[dict[str, Any]] = [
            {"journal": [(1, began[0])]},
            {"health": health, "link_states": states, "journal": [(2, turned), (3, began[2]), (4, None)]},
            {"fence": 0, "health": health, "journal": [(5, hers.row(5, "status", devices[2]))]},
            {"fence": 0, "journal": [(6, began[5])]},
        ]
        wrote: list[Wrote] = []
        database = live.server.services.database
        intake = Intake(database, lambda _, one: wrote.append(one))
        tenant = await live.server.owner.fetchval("SELECT tenant_id FROM device LIMIT 1")
        people = [line.who for line in live.server.app.state.hub.lines()]
        assert len({who.permissions for who in people}) == 2
        for number, tell in enumerate(tells, 1):
            await intake.put(tenant, Told(install, "Anna", may_act=True, **{"fence": fence, **tell}))
            one = wrote[-1]
            assert len(wrote) == number
            for who in people:
                for only in (None, "device_status", "alert_fired"):
                    cursors = [begun(one.revision - 1), begun(one.revision)]
                    read = await read_pages(database, who, cursors, only)
                    pages = [page_of(who, cursor.since, one, only) for cursor in cursors]
                    assert [*map(_plain, pages)] == [*map(_plain, read)]
        assert (len(wrote[1].health), len(wrote[1].link_states), len(wrote[1].journal)) == (2, 1, 2)
        # what is more than that is left to the database: alerts, health of several vantages, rows that are there already
        more: list[dict[str, Any]] = [
            {"journal": [(7, hers.row(7, "alert_opened", devices[0], **opened(devices[0])))]},
            {"health": [health[0], Health(devices[1], UUID(int=1), "up", AT_US, AT_US)]},
        ]
        for tell in more:
            await intake.put(tenant, Told(install, "Anna", may_act=True, **{"fence": fence, **tell}))
        await live.server.owner.execute("DELETE FROM sync.received")
        again = Told(install, "Anna", may_act=True, journal=[(6, began[6])])
        assert (await intake.put(tenant, again)).seq == 6
        assert len(wrote) == len(tells)


def _plain(page: Page) -> tuple[Any, ...]:
    """Return what a page says, whatever the order of things in it."""
    parts = [decode_to_install(part.data) for part in page.parts]
    said = [
        {
            name: sorted(told, key=repr) if isinstance(told := getattr(part, name), tuple) else told
            for name in part.__struct_fields__
        }
        for part in parts
    ]
    return said, [(part.revision, part.is_complete) for part in page.parts], page.revision, page.rest


async def test_statuses_that_came_here_are_not_read_and_what_else_was_touched_is(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Sequence[Cursor]] = []

    async def counted(database: Any, who: Any, cursors: Sequence[Cursor], only: Any = None) -> list[Page]:
        reads.append(cursors)
        return await read_pages(database, who, cursors, only)

    monkeypatch.setattr(shelf, "read_pages", counted)
    monkeypatch.setattr(written, "KEPT_S", PATIENCE_S)
    monkeypatch.setattr(
        room, "LOOK_S", PATIENCE_S
    )  # who looks while something is on disk and not noted yet reads it
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        his = await live.join(ben)
        device = await a_device(hers)
        before = 0
        for number in range(1, 7):
            await _turn(hers, device, fence, number)
            for one in (hers, his):  # who has not taken it is told apart, while more is written
                await _hears(one, device, number)
            before = before or len(reads)  # from the first on all is known here, whoever asks again
        assert len(reads) == before
        await hers.push(an_edit(making("device", id := uuid4(), name="R2", address="10.0.0.2")))
        await _turn(hers, device, fence, 7)
        await _hears(his, device, 7)
        await his.until("device", id)
        assert len(reads) > before


async def test_who_takes_nothing_is_sent_two_parts_and_then_what_it_missed_as_it_is(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        his, third = await live.join(ben), await live.join(ben)
        device = await a_device(hers)
        await his.until("device", device)
        await third.until("device", device)
        await his.tell()  # the server knows by now what it has taken
        his.takes = False
        for number in range(1, 6):
            await _turn(hers, device, fence, number)
            await _hears(third, device, number)
        told = [await his.hear_all() for _ in range(PARTS_OUT)]
        assert [one.health[0].since_us for one in told] == [1, 2]
        await his.say(Taken(told[0].revision))
        late = await his.hear_all()
        assert (late.since, late.health[0].since_us) == (told[1].revision, 5), "what it missed, as it is now"
        await his.say(Taken(told[1].revision))
        await his.say(Taken(late.revision))
        his.takes = True
        await _turn(hers, device, fence, 6)
        await _hears(his, device, 6)


async def _turn(judge: Replica, device: UUID, fence: int, at_us: int) -> None:
    """Tell a status."""
    await judge.say(Alive(0))
    kept = await judge.tell(
        health=(Health(device, judge.install or device, "up", at_us, at_us),), fence=fence
    )
    assert not kept.retry_after_s and not kept.refused


async def _hears(replica: Replica, device: UUID, at_us: int) -> None:
    """Wait until a status is told."""
    while (one := replica.things.get(("health", device))) is None or one.since_us < at_us:
        await replica.hear_all()
