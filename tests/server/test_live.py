"""The live line: who comes in, what a team tells each other, once and whole."""

from __future__ import annotations

from uuid import uuid4

from domain.edit import Step
from domain.sync import SYNC_PROTOCOL, EditRow, Hello
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live, an_edit, living, making


async def a_team(live: Live, *roles: str) -> list[Person]:
    """Return members of a new tenant, its administrator last."""
    root = await live.server.found()
    await live.server.tenant(root)
    admin = await live.server.member(root, "tenant_admin")
    return [*[await live.server.member(admin, role) for role in roles], admin]


async def test_what_one_changes_the_other_hears(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await live.join(ben)
        assert (hers.revision, hers.things) == (0, {})
        site, device = uuid4(), uuid4()
        made = an_edit(
            making("site", site, name="Mast"),
            making("device", device, name="R1", address="10.0.0.1", site=str(site)),
        )
        (outcome,) = await hers.push(made)
        assert (outcome.id, outcome.revision, outcome.clashes, outcome.refusals) == (made.id, 1, (), ())
        assert (await his.until("device", device)).name == "R1"
        assert his.things["site", site].name == "Mast"
        (told,) = his.edits
        assert isinstance(told, EditRow)
        assert (told.revision, told.edit.author, told.edit.title) == (1, "One engineer", "Work")
        assert (await hers.until("device", device)).name == "R1"
        gone = an_edit(Step("device", device, {"name": "R1"}, None))
        await his.push(gone)
        while ("device", device) in hers.things:
            await hers.hear_all()
        assert list(hers.things) == [("site", site)]


async def test_a_late_comer_and_one_who_was_away_know_the_same(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        away = await live.join(ben)
        assert away.welcome is not None
        await away.line.close()
        ids = [uuid4() for _ in range(3)]
        for number, id in enumerate(ids):
            await hers.push(an_edit(making("site", id, name=f"S{number}")))
        await hers.push(an_edit(Step("site", ids[0], {"name": "S0"}, None)))
        late = await live.join(ben)
        back = await live.join(ben, epoch=away.welcome.epoch, revision=away.revision)
        assert late.things == back.things
        assert sorted(site.name for site in late.things.values()) == ["S1", "S2"]
        assert late.welcome is not None and late.welcome.epoch == away.welcome.epoch
        assert late.revision == back.revision == 4


async def test_who_has_no_token_no_install_or_no_tenant_does_not_come_in(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, ben, admin = await a_team(live, "engineer", "engineer")
        mine, other = await live.install(anna), await live.install(ben)
        stranger = await live.connect(anna, mine, token="hgs_" + "x" * 43)
        assert (await stranger.refused()).code == "TOKEN_INVALID"
        used = (await anna.post("/auth/stream-token"))["token"]
        first = await live.connect(anna, mine, token=used)
        await first.hear_all()
        assert (await (await live.connect(anna, mine, token=used)).refused()).code == "TOKEN_INVALID"
        assert (await (await live.connect(anna, other)).refused()).code == "INSTALL_REVOKED"
        assert (await (await live.connect(anna, uuid4())).refused()).code == "INSTALL_REVOKED"
        await admin.ask("DELETE", f"/installs/{mine}", expect=200)
        assert (await first.refused()).code == "INSTALL_REVOKED"
        assert await anna.refused("GET", "/auth/me") == (
            401,
            "INVALID_CREDENTIALS",
        )  # who holds the computer acts no more
        anna = await live.server.log_in(anna.opened["user"]["login"])
        assert (await (await live.connect(anna, mine)).refused()).code == "INSTALL_REVOKED"
        root = await live.server.log_in("root@platform")
        assert (await (await live.connect(root, None)).refused()).code == "NOT_A_MEMBER"
        old = await live.connect(ben, other)
        assert Hello(SYNC_PROTOCOL + 1, "").protocol > SYNC_PROTOCOL
        await old.line.close()
