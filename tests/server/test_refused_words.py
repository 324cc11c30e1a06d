"""Who may not change something is told so in the words of the field, of whatever kind it is."""

from __future__ import annotations

from uuid import uuid4

from domain.inventory import KINDS
from domain.nouns import NOUNS
from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase

REACHED = ("site", "device", "link")


async def refused_words(person: Person, kind: str) -> list[str]:
    """Return why somebody may not change a thing of a kind."""
    step = {"kind": kind, "id": str(uuid4()), "before": {"note": ""}, "after": {"note": "x"}}
    edit = {"id": str(uuid4()), "at_us": 10**15, "title": "Mine", "steps": [step]}
    (said,) = (await person.ask("POST", "/edits", {"edits": [edit]}, expect=200)).json()["data"]
    return [refusal["message"] for refusal in said["refusals"]]


async def test_a_member_who_reaches_some_sites_only_is_refused_in_words_of_every_kind(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        site = (await admin.post("/sites", {"name": "South"}, expect=201))["id"]
        local = await server.member(admin, "engineer", sites=[site])
        for kind in KINDS:
            words = await refused_words(local, kind)
            one, many = NOUNS[kind]
            if kind in REACHED:
                assert words == [f"there is no such {one}"]
            else:
                assert f"you reach some sites only, and may not change {many}" in words
            assert not [said for said in words if kind in said.replace(one, "").replace(many, "").split()]
