"""Whatever comes over the line: it costs its sender, and nobody else."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec
import pytest
import websockets

from domain.edit import Step
from domain.sync import FRAME_CAP_BYTES, Alive, Hello, Outcomes, Taken, Welcome, encode
from sync_server.live import greeting, line
from sync_server.live.budget import Budget
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Replica, an_edit, living, making
from tests.server.servers import until
from tests.server.test_live import a_team

DEEP = b"\x91" * 100_000
BAD = {
    b"": "BAD_MESSAGE",
    b"\xc1": "BAD_MESSAGE",
    b"\xff" * 100: "BAD_MESSAGE",
    DEEP: "BAD_MESSAGE",
    msgspec.msgpack.encode({"type": "taken", "revision": "many"}): "BAD_MESSAGE",
    msgspec.msgpack.encode({"type": "push", "edits": []}): "BAD_MESSAGE",
    msgspec.msgpack.encode({"type": "dance"}): "UPDATE_NEEDED",
    msgspec.msgpack.encode([1, 2, 3]): "BAD_MESSAGE",
    encode(Hello(1, "again")): "BAD_MESSAGE",
    msgspec.msgpack.encode({"type": "welcome"}): "UPDATE_NEEDED",
}


def test_a_budget_is_a_second_of_haste_and_then_a_pace() -> None:
    budget = Budget(10)
    assert [budget.spend(1, 0.0) for _ in range(11)] == [0.0] * 10 + [0.1]
    assert budget.spend(1, 0.1) == pytest.approx(0.1)
    assert budget.spend(1, 5.0) == 0.0
    assert budget.spend(19, 5.0) == pytest.approx(1.0)


async def test_what_is_no_message_ends_the_line_of_who_sent_it(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        install, his = await live.install(anna), await live.join(ben)
        for data, code in BAD.items():
            replica = await live.connect(anna, install)
            await replica.hear(Welcome)
            await replica.line.send(data)
            assert (await replica.refused()).code == code, data[:40]
        replica = await live.connect(anna, install)
        await replica.line.send("text")
        assert (await replica.refused()).code == "BAD_MESSAGE"
        replica = await live.connect(anna, install)
        await replica.hear(Welcome)
        with pytest.raises(websockets.ConnectionClosed):
            await replica.line.send(b"\0" * (FRAME_CAP_BYTES + 1))
            await replica.refused()
        (outcome,) = await his.push(an_edit(making("site", name="All is well")))
        assert outcome.revision == 1


async def test_what_no_database_takes_is_refused_and_takes_nothing_with_it(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        hers = await live.join(anna)
        good, odd = uuid4(), uuid4()
        told = await hers.push(
            an_edit(making("site", name="a\0b")),
            an_edit(making("site", odd, name="N", lng=float("nan"), lat=float("inf"))),
            an_edit(making("site", name=b"bytes")),
            an_edit(making("site", good, name="Good")),
            an_edit(Step("site", good, {"name": "Good"}, {"note": "\ud7ff" * 10})),
            an_edit(),
        )
        assert [bool(one.refusals) for one in told] == [True, False, False, False, False, True]
        assert await live.server.owner.fetchval("SELECT place IS NULL FROM site WHERE id = $1", odd)
        row = hers.row(1, "trap", None, text="a\0b")
        assert (await hers.tell(journal=(row,))).refused == 1
        row = hers.row(2, "trap", None, text="x" * 70_000)
        assert (await hers.tell(journal=(row,))).refused == 1
        assert (await hers.tell(journal=(hers.row(3, "trap", None, text="fine"),))).kept_seq == 3


async def test_of_a_push_what_is_of_a_newer_app_is_refused_alone(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        hers = await live.join(anna)
        first, last = (an_edit(making("site", name=name)) for name in ("First", "Last"))
        step = {"kind": "rack", "id": str(uuid4()), "before": None, "after": {"units": 42}}
        alien = {**msgspec.to_builtins(an_edit()), "steps": [step]}
        field = an_edit(making("site", name="Third", tilt_deg=3))
        pushed = [*map(msgspec.to_builtins, (first, field, last))]
        pushed.insert(1, alien)
        await hers.line.send(msgspec.msgpack.encode({"type": "push", "edits": pushed}))
        told = (await hers.hear(Outcomes)).outcomes
        assert [str(one.id) for one in told] == [edit["id"] for edit in pushed]
        assert [[why.code for why in one.refusals] for one in told] == [
            [],
            ["UNKNOWN_VERSION"],
            ["UNKNOWN_FIELD"],
            [],
        ]
        assert "'tilt_deg' is of a newer version" in told[2].refusals[0].message
        assert [one.revision for one in told] == [1, 0, 0, 2]
        await hers.line.send(msgspec.msgpack.encode({"type": "push", "edits": [alien]}))
        assert (await hers.hear(Outcomes)).outcomes == told[1:2]
        await hers.line.send(msgspec.msgpack.encode({"type": "push", "edits": [{**alien, "id": 7}]}))
        assert (await hers.refused()).code == "BAD_MESSAGE"


async def test_an_edit_is_answered_as_it_was_however_often_it_comes(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        site = uuid4()
        made = an_edit(making("site", site, name="A", lng=-0.0, lat=1e-7))
        first = await hers.push(made)
        await hers.push(an_edit(Step("site", site, {"name": "A"}, {"name": "B"})))
        late = an_edit(Step("site", site, {"name": "A", "note": ""}, {"name": "C", "note": "his"}))
        wrong = an_edit(making("device", name="R", address="nowhere"))
        gone = an_edit(Step("site", uuid4(), {"name": "A"}, {"name": "B"}))
        told = await his.push(late, wrong, gone)
        (clash,) = told[0].clashes
        (lost,) = clash.fields
        assert (lost.name, lost.was, lost.theirs, lost.mine) == ("name", "A", "B", "C")
        assert told[0].revision == 3
        assert told[1].refusals and told[1].revision == 0
        assert told[2].clashes[0].gone and told[2].revision == 0
        await hers.push(an_edit(Step("site", site, {"name": "B"}, {"name": "A"})))
        assert await his.push(late, wrong, gone) == told
        assert await hers.push(made, made) == first * 2
        (other,) = await hers.push(msgspec.structs.replace(made, title="Another"))
        assert other.refusals[0].code == "EDIT_ALREADY_EXISTS"
        while len(hers.edits) < 4:
            await hers.hear_all()
        seen = {row.edit.id: row for row in hers.edits}
        assert seen[late.id].clashes == told[0].clashes, "both sides see what was not applied"
        assert seen[late.id].edit.steps[0].after == {"note": "his"}
        assert hers.things["site", site].note == "his"


async def test_who_takes_nothing_is_left_behind_and_caught_up(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        await hers.push(an_edit(making("site", name="S0")))
        his = await live.join(ben)
        his.takes = False
        await hers.push(an_edit(making("site", name="S1")))
        first = await his.hear_all()
        for number in range(2, 30):
            await hers.push(an_edit(making("site", name=f"S{number}")))
        assert (first.since, len(first.sites)) == (1, 1)
        assert live.server.app.state.hub.behind >= 1
        his.takes = True
        await his.say(Taken(first.revision - 1))
        await his.say(Taken(first.revision))
        while len(his.things) < 30:
            await his.hear_all()
        parts = [m for m in his.messages if type(m).__name__ == "Entries"]
        assert len(parts) < 12, "what was touched meanwhile comes at once"


async def test_who_says_nothing_is_hung_up_and_who_floods_is_slowed(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        with monkeypatch.context() as hasty:
            hasty.setattr(greeting, "HELLO_S", 0.5)
            mute = await websockets.connect(live.url, open_timeout=PATIENCE_S)
            data = await mute.recv()
        assert isinstance(data, bytes) and b"BAD_MESSAGE" in data
        hers = await live.join(anna)
        silent = await live.join(ben)
        hub = live.server.app.state.hub
        (line_of_silent,) = [one for one in hub.lines() if one.install == silent.install]
        for one in (hers, silent):
            await one.tell()  # what they said before is heard
        heard_s = line_of_silent.heard_s
        with monkeypatch.context() as hasty:  # for who is heard meanwhile; who is heard again has longer
            hasty.setattr(line, "DEAD_AFTER_S", 2.0)
            await silent.say(Alive(0))
            await until(lambda: line_of_silent.heard_s > heard_s)
        silent.line.transport.pause_reading()  # half-open: nothing is read, nothing said

        async def breathe(replica: Replica) -> None:
            while True:
                await replica.say(Alive(0))
                await asyncio.sleep(0.5)

        breathing = asyncio.ensure_future(breathe(hers))
        started_s = asyncio.get_running_loop().time()
        flood = [asyncio.ensure_future(hers.say(Alive(n))) for n in range(900)]
        await asyncio.gather(*flood)
        await hers.push(an_edit(making("site", name="After the flood")))
        assert asyncio.get_running_loop().time() - started_s > 3.0, "it had to wait for its pace"
        await line_of_silent.ended.wait()
        await until(lambda: [one.install for one in hub.lines()] == [hers.install])
        breathing.cancel()


async def test_a_page_of_another_site_gets_no_line(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(
                live.url, origin=websockets.Origin("https://evil.example"), open_timeout=PATIENCE_S
            )
        ours = await websockets.connect(
            live.url, origin=websockets.Origin("http://noc.test"), open_timeout=PATIENCE_S
        )
        await ours.send(encode(Hello(1, (await anna.post("/auth/stream-token"))["token"])))
        assert b"welcome" in (await ours.recv())[:40]  # type: ignore[operator]


async def test_a_server_that_stops_says_when_to_come_again(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        hers = await live.join(anna)
        await live.server.app.state.hub.close()
        refused = await hers.refused()
        assert (refused.code, refused.retry_after_s > 0) == ("CLOSING", True)
        late = await live.connect(anna, hers.install)
        assert (await late.refused()).code == "CLOSING"


async def test_one_install_has_one_line(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        first = await live.join(anna)
        second = await live.join(anna, first.install)
        assert (await first.refused()).code == "TOO_MANY"
        assert (await second.push(an_edit(making("site", name="S"))))[0].revision == 1


async def test_who_says_where_it_stands_is_told_from_there(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        await hers.push(an_edit(making("site", name="A")))
        his = await live.join(
            ben
        )  # who comes to a tenant without anything may be told twice that there is nothing
        await hers.push(an_edit(making("site", name="B")))
        await his.hear_all()
        his.takes = False
        await his.tell()  # the server knows by now what it has taken
        await hers.push(an_edit(making("site", name="C")))
        assert (await his.hear_all()).since == 2
        await his.say(Taken(1))  # an older copy of it: what came does not follow on what it has
        again = await his.hear_all()
        assert (again.since, sorted(site.name for site in again.sites)) == (1, ["B", "C"])
