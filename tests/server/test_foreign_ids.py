"""Another tenant's things are not there: each route of OpenAPI with a right request, whose owner's is carried out.

Counterparts: `things.py` and `asking.py`, what each route is asked; `test_matrix.py`, who may ask at all.
One rule: a foreign id is answered as one that never was, word for word, by everybody who may ask.
"""

from __future__ import annotations

from typing import Any

from tests.server.asking import ask, refusal_of, request_of
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_matrix import everybody, may, operations
from tests.server.things import Side, side_of, tenant, thing_of, user

EVERYWHERE = "/tenants/{id}"
"""What belongs to the platform, whose administrators see all of it; who is none is refused, as `test_matrix.py` tells."""


async def two_sides(server: Server) -> tuple[Side, Side, dict[str, Person]]:
    """Return two tenants, and somebody of every role in the first, the platform's among them."""
    root = await server.found()
    north = await side_of(server, root)
    actors = await everybody(server, root)
    south = await side_of(server, await server.log_in("root@platform"))
    return north, south, {**actors, "tenant_admin": north.admin}


async def test_another_tenants_things_are_not_found_as_if_they_were_not_and_are_their_owners(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    tried = 0
    async with serving(server_database) as server:
        north, south, actors = await two_sides(server)
        paths = server.app.openapi()["paths"]
        for method, path, allow in operations(server):
            if "{" not in path or path.startswith(EVERYWHERE):
                continue
            thing = thing_of(path)
            build = request_of(method, path, "requestBody" in paths[f"/api/v1{path}"][method.lower()])
            own = await thing.make(south)
            foreign = await user(south) if path.startswith("/platform/") else own
            askers = {"nobody": server.somebody()} if allow == "anybody" else actors
            for actor, person in askers.items():
                if allow != "anybody" and not may(actor, allow):
                    continue
                tried += 1
                unknown = thing.unknown()
                theirs = await ask(person, method, path, foreign, await build(north, foreign, south))
                none = await ask(person, method, path, unknown, await build(north, unknown, south))
                said = refusal_of(theirs, foreign), refusal_of(none, unknown)
                if said[0] != said[1] or said[0][:2] != (404, thing.code):
                    wrong.append((method, path, actor, *said))
            owner = south.admin if may("tenant_admin", allow) or allow == "anybody" else south.root
            done = await ask(owner, method, path, own, await build(south, own, south))
            if not done.is_success:
                wrong.append((method, path, "its owner", done.status_code, done.text[:200]))
        assert tried > 150
        assert await tenant(south) in {one["id"] for one in await south.root.get("/tenants")}
    assert wrong == [], "\n".join(map(str, wrong))
