"""Who is there, and what they look at."""

from __future__ import annotations

from uuid import uuid4

from domain.sync import Live, Person, Present, Subscribe
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Replica, living
from tests.server.test_live import a_team


async def people(replica: Replica, wanted: int, **looks: object) -> tuple[Person, ...]:
    """Return who is there, once so many are by what came last, be it before what else was heard, and one of them looks so."""
    while True:
        told = [one.people for one in replica.messages if isinstance(one, Live) and one.people is not None]
        there = told[-1] if told else ()
        seen = [p for p in there if all(getattr(p, name) == value for name, value in looks.items())]
        if len(there) == wanted and seen:
            return there
        await replica.next()


async def test_the_team_sees_who_is_there_and_what_they_look_at(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, wall, _ = await a_team(live, "engineer", "engineer", "wall")
        hers = await live.join(anna, topics=("presence",))
        await people(hers, 1)
        his = await live.join(ben)
        there = await people(hers, 2)
        assert {person.install for person in there} == {hers.install, his.install}
        assert {person.name for person in there} == {"One engineer"}
        assert {person.computer for person in there} == {"Laptop"}
        thing = uuid4()
        await his.say(Present(looks_at=thing, works_on=thing))
        await people(hers, 2, looks_at=thing, works_on=thing)
        await his.say(Subscribe(("presence",)))
        await people(his, 2, install=hers.install)
        await his.line.close()
        await people(hers, 1)
        page = await live.connect(wall, None, topics=("presence", "device_status"))
        await page.hear_all()
        assert not any(isinstance(message, Live) for message in page.messages), "a wall tells no names"


async def test_a_copy_of_an_install_is_told_what_it_is_and_the_two_do_not_take_turns_at_once(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, *_ = await a_team(live, "engineer")
        first = await live.join(anna)
        await live.join(anna, install=first.install)
        said = await first.refused()
        assert "copied" in said.message and "join again" in said.message
        assert said.retry_after_s >= 10.0
