"""Killed after it answered: what an install was told to be kept is kept, and what was not comes once more and once only."""

from __future__ import annotations

from uuid import UUID, uuid4

from domain.edit import Edit
from domain.journal import JournalRow
from domain.sync import Kept, Outcomes, Push, Tell, Welcome
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live, Replica, an_edit, living, making
from tests.server.live_process import Process, process
from tests.server.test_live import a_team

ROUNDS = 3
EDITS = 40


async def work(
    replica: Replica, edits: list[Edit], rows: list[JournalRow], until: int
) -> tuple[set[UUID], int]:
    """Push and tell all at once; return what was answered: edits, and the last row, once so many answers came."""
    told: set[UUID] = set()
    kept = 0
    for edit, row in zip(edits, rows, strict=True):
        await replica.say(Push((edit,)))
        await replica.say(Tell(row.seq, (row,)))
    for _ in range(until):
        match await replica.next():
            case Outcomes(outcomes):
                told |= {one.id for one in outcomes if one.revision}
            case Kept(_, kept_seq):
                kept = max(kept, kept_seq)
    return told, kept


async def test_a_killed_server_has_lost_nothing_that_it_answered(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:  # another server of the same team
        anna, _ = await a_team(live, "engineer")
        install = await live.install(anna)
        edits = [an_edit(making("site", uuid4(), name=f"S{number}")) for number in range(EDITS)]
        answered: set[UUID] = set()
        kept = 0
        for number in range(ROUNDS):
            with process(server_database.requests) as server:
                replica = await joined(live, anna, install, server)
                assert replica.welcome is not None and replica.welcome.kept_seq >= kept
                rows = [replica.row(seq, "engine_started") for seq in range(1, EDITS + 1)]
                told, last = await work(replica, edits, rows, 12 + 9 * number)
                server.kill()
                answered |= told
                kept = max(kept, last)
            applied = {row["id"] for row in await live.server.owner.fetch("SELECT id FROM edit")}
            assert {str(id) for id in answered} <= {str(id) for id in applied}
            rows_kept = await live.server.owner.fetchval(
                "SELECT count(*) FROM journal WHERE origin = $1 AND seq <= $2", install, kept
            )
            assert rows_kept == kept
        assert answered
        replica = await live.join(anna, install)
        outcomes = await replica.push(*edits)
        assert all(one.revision for one in outcomes)
        told_again = await replica.tell(
            journal=tuple(replica.row(seq, "engine_started") for seq in range(1, EDITS + 1))
        )
        assert told_again.kept_seq == EDITS
        for count in (
            "SELECT count(*) FROM edit",
            "SELECT count(*) FROM site",
            "SELECT count(*) FROM journal WHERE kind = 'engine_started'",
        ):
            assert await live.server.owner.fetchval(count) == EDITS


async def test_two_servers_tell_each_other(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        with process(server_database.requests) as server:
            his = await joined(live, ben, await live.install(ben), server)
            site = uuid4()
            await hers.push(an_edit(making("site", site, name="Here")))
            assert (await his.until("site", site)).name == "Here"
            fence = (await hers.led()).fence
            server.kill()
            assert hers.lease.fence == fence
        with process(server_database.requests) as server:
            other = await joined(live, ben, await live.install(ben), server)
            await hers.line.close()
            assert (await other.led()).fence > fence


async def joined(live: Live, person: Person, install: UUID, server: Process) -> Replica:
    """Return a replica at another server of the team."""
    elsewhere = Live(live.server, server.live)
    replica = await elsewhere.connect(person, install)
    replica.welcome = await replica.hear(Welcome)
    await replica.hear_all()
    return replica
