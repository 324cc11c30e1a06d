"""Another tenant's ids in bodies and queries are as ids of nothing, in every place where OpenAPI or the inventory lets one stand.

Counterpart: `refs.py`, the places; `test_foreign_ids.py`, ids in paths.
One rule: the same request with an id of one's own does what it should, so that what is refused is the id.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.server.asking import ask, refusal_of
from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.refs import REFS, Fate, Place, places_in
from tests.server.test_foreign_ids import two_sides
from tests.server.things import Side

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OF_ONES_OWN = ("/auth/switch", "/installs/{id}/owed")
"""Routes of who asks: the platform's administrator may enter any tenant, and leaves nothing for another's install."""
BY_WORD = {("POST", "/telemetry", "messages[].device")}
"""Places that the document does not tell of: a message's fields are any."""


def fate_of(said: httpx.Response) -> tuple[Fate, str]:
    """Return what became of a request, and what is said of a refusal without the ids in it."""
    status, _, words = refusal_of(said)
    fate: Fate = "done" if said.is_success else "refused"
    data = said.json().get("data") if said.content else None
    if isinstance(data, list) and data and data[0].get("state") == "refused":
        fate, words = "refused", str(data[0]["refusals"])
    elif isinstance(data, dict) and data.get("refused"):
        fate, words = "refused", str(data["refused"])
    elif data == [] or data == {"kept": 0}:
        fate = "nothing"
    return fate, f"{status} {ID.sub('ID', words)}"


async def tried(north: Side, south: Side, person: Person, place: Place) -> list[Any]:
    """Return what is wrong where somebody puts an id of the other tenant into a place."""
    method, path, _ = place
    ref = REFS[place]
    told = {}
    for of, id in (
        ("theirs", await ref.own(south)),
        ("none", str(uuid4())),
        ("own", await ref.own(north)),
    ):
        target = "" if ref.on is None else await ref.on(north)
        said = await ask(person, method, path, target, await ref.put(north, id))
        assert said.status_code < 500, (place, said.text)
        told[of] = fate_of(said)
    is_right = told["theirs"] == told["none"] and (told["theirs"][0], told["own"][0]) == (
        ref.fate,
        ref.with_own,
    )
    return [] if is_right else [(place, told)]


async def test_another_tenants_ids_in_bodies_and_queries_are_as_ids_of_nothing(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        north, south, _ = await two_sides(server)
        places = places_in(server.app.openapi())
        assert places - set(REFS) == set(), "say in refs.py what an id there does"
        assert set(REFS) - places == BY_WORD, "these are no places for an id any more"
        for place in REFS:
            for person in (north.admin, north.root):
                asker = person
                if place[1] in OF_ONES_OWN and person is north.root:
                    continue
                if place[1] == "/auth/switch":
                    asker = await server.log_in(
                        person.opened["user"]["login"]
                    )  # whose session is another then
                wrong += await tried(north, south, asker, place)
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.parametrize("role", ["engineer", "viewer"])
async def test_whoever_may_less_hears_no_more_of_another_tenants_ids(
    server_database: ServerDatabase, role: str
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        north, south, actors = await two_sides(server)
        for place, ref in REFS.items():
            method, path, _ = place
            if path.startswith("/auth/"):
                continue
            said = []
            for id in (await ref.own(south), str(uuid4())):
                target = "" if ref.on is None else await ref.on(north)
                answer = await ask(actors[role], method, path, target, await ref.put(north, id))
                said.append(fate_of(answer))
            if said[0] != said[1]:
                wrong.append((place, said))
    assert wrong == [], "\n".join(map(str, wrong))
