"""Who may give what, within his reach and at his door: each case is refused by one check, known by its words or its code.

Counterparts: `sync_server/api/checks.py`, `push_keys.py`, `operators.py`, `routes.py`; `sync_server/live/tunnel_door.py`.
One rule: where another check stands behind with the same code, a case names the words.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import websockets

from domain.crossing import Begin, decode_from_door, encode
from domain.sync import Refused
from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Live, living
from tests.server.test_live import a_team
from tests.server.test_reach import a_valley

DENIED = (403, "INSUFFICIENT_PERMISSIONS")


async def said_to(person: Person, path: str, body: object) -> tuple[int, str, str]:
    """Return status, code and words of a POST that is refused."""
    response = await person.ask("POST", path, body)
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


async def test_who_reaches_some_sites_gives_nobody_more(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        north, south = valley.ids["north"], valley.ids["south"]
        local = await server.member(valley.admin, "tenant_admin", sites=[north])
        no_more = (*DENIED, "you reach some sites only, and give no more")
        user = {"login": "new@example.org", "name": "New", "role": "viewer"}
        key = {"name": "K", "scopes": ["read"]}
        for path, body in (("/users", user), ("/keys", key)):
            for sites in (None, [south], [north, south], [str(uuid4())]):
                assert await said_to(local, path, {**body, "sites": sites}) == no_more, (path, sites)
            await local.post(path, {**body, "sites": [north]}, expect=201)
        name_one = (*DENIED, "you reach some sites only: name a device there")
        assert await said_to(local, "/push-keys", {"name": "P"}) == name_one
        await local.post("/push-keys", {"name": "P", "device": valley.ids["R north"]}, expect=201)


async def test_the_platform_enters_a_tenant_first_and_gives_a_login_once(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        site = {"name": "Hill"}
        assert await said_to(root, "/sites", site) == (*DENIED, "that is in a tenant: enter one first")
        await server.tenant(root)
        await root.post("/sites", site, expect=201)
        await server.member(root, "viewer", "taken@example.org")
        body = {"login": "taken@example.org", "name": "Op", "role": "platform_operator"}
        taken = (409, "USER_ALREADY_EXISTS", "there is an account of this login")
        assert await said_to(root, "/platform/users", body) == taken


async def said_at_the_door(live: Live, person: Person, install: UUID, begin: dict[str, object]) -> Refused:
    """Return why somebody's tunnel is not opened."""
    token = (await person.post("/auth/stream-token"))["token"]
    async with websockets.connect(f"{live.url}/tunnel", open_timeout=PATIENCE_S) as line:
        await line.send(encode(Begin(token, install, **{"tunnel": uuid4(), **begin})))  # type: ignore[arg-type]
        data = await line.recv()
    assert isinstance(data, bytes)
    said = decode_from_door(data)
    assert isinstance(said, Refused)
    return said


async def test_a_tunnel_is_opened_by_who_may_to_what_he_reaches_and_somebody_carries(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        ann, ben, admin = await a_team(live, "engineer", "viewer")
        made = await admin.post("/devices", {"name": "R1", "address": "10.0.0.1"}, expect=201)
        site = (await admin.post("/sites", {"name": "Hill"}, expect=201))["id"]
        near = await live.server.member(admin, "engineer", sites=[site])
        hers, his = await live.install(ann), await live.install(ben)
        nears = await live.install(near)
        there = {"device": UUID(made["id"]), "port": 8291}
        for person, install, begin, code in (
            (ben, his, there, "NOT_ALLOWED"),
            (ann, his, there, "INSTALL_REVOKED"),
            (ann, hers, {**there, "device": uuid4()}, "NOT_FOUND"),
            (near, nears, there, "NOT_FOUND"),
            (ann, hers, {**there, "port": 5432}, "PORT_NOT_ALLOWED"),
            (ann, hers, there, "NOBODY"),
            (ann, hers, {**there, "via": his}, "NOBODY"),
        ):
            assert (await said_at_the_door(live, person, install, begin)).code == code, (code, begin)
        refused = await admin.get("/audit?act=tunnel.refused")
        assert len(refused) == 6, "who comes with another's install has not come in"


async def test_a_window_that_polls_a_device_carries_nothing_to_it_for_others(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        ann, ben, admin = await a_team(live, "engineer", "engineer")
        hers, his = await live.install(ann), await live.install(ben, name="Ben's van")
        await live.join(ben, his, run=uuid4())
        device = {"name": "R1", "address": "10.0.0.1", "polled_by": str(his)}
        made = await admin.post("/devices", device, expect=201)
        begin = {"device": UUID(made["id"]), "port": 8291}
        said = await said_at_the_door(live, ann, hers, begin)
        words = "the device is polled from Ben's van, which is no collector and carries nothing for others"
        assert (said.code, said.message) == ("NOBODY", words)
