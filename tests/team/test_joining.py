"""A network joins a team on a real server: what it sends, what it makes, and what it leaves alone."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from domain.inventory import Credential, Device, Inventory, Link, Probe, Site
from domain.team import JoinTeam, LookAtServer, NetworkCard
from domain.vault import Secret
from engine.compose import new_id, now_us
from engine.storage import Store
from engine.storage.team import TeamStore
from engine.sync.membership import read_membership
from engine.vault import Vault
from tests.engine.tls_peers import issue
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.joins import joining
from tests.team.servers import listening

FRESH = "another good long one"


async def test_an_invitation_makes_a_folder_with_an_install_that_the_server_knows(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server, joining(tmp_path) as here:
        root = await server.found()
        tenant = await server.tenant(root, "North net")
        link = await server.invite(root, "engineer", "mara@example.org")

        seen = (await here.answer(LookAtServer(1, link))).result
        assert seen == {
            "address": server.url,
            "fingerprint": "",
            "is_trusted": True,
            "tenant": "North net",
            "login": "mara@example.org",
            "needs_password": True,
        }
        reply = await here.answer(JoinTeam(2, link, password=Secret(FRESH), computer="Mara's laptop"))

        assert not reply.refusals
        folder = Path(reply.result["profile"])
        assert folder == tmp_path / "teams" / tenant and reply.result["tenant"] == "North net"
        store = Store.open(folder / "heliograph.db", now_us=now_us(), new_id=new_id)
        member = read_membership(store)
        assert member is not None and member.role == "engineer" and member.is_everywhere
        assert store.loaded.tenant.id == UUID(tenant) and store.loaded.origin == member.install
        installs = await root.get("/installs")
        assert [(one["id"], one["name"], one["kind"]) for one in installs] == [
            (str(member.install), "Mara's laptop", "window")
        ]
        assert installs[0]["proven_us"] and TeamStore(store).read().edits == []
        refresh = Vault.open(store, folder).get(member.install)
        store.close()
        assert (await server.somebody().post("/auth/refresh", {"refresh_token": refresh}))["access_token"]
        card = msgspec.json.decode((folder / "network.json").read_bytes(), type=NetworkCard)
        assert card == NetworkCard(UUID(tenant), "North net", server.url)
        _assert_sealed(folder, FRESH, refresh)

        again = await here.answer(JoinTeam(3, server.url, "mara@example.org", Secret(FRESH)))
        assert [one.code for one in again.refusals] == ["ALREADY_JOINED"]
        over = await here.answer(LookAtServer(4, link))
        assert [one.code for one in over.refusals] == ["LINK_OVER"]


async def test_of_several_tenants_one_is_chosen_in_the_session_that_is_open(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server, joining(tmp_path) as here:
        root = await server.found()
        first = await server.tenant(root, "A net")
        await server.member(root, "engineer", "mara@example.org")
        second = await server.tenant(root, "B net")
        link = await server.invite(root, "viewer", "mara@example.org")
        await server.somebody().post(
            "/auth/link/take", {"token": link.partition("#")[2], "password": PASSWORD}, expect=204
        )
        asked = JoinTeam(1, server.url, "mara@example.org", Secret(PASSWORD))
        offered = await here.answer(asked)
        assert offered.result == {"tenants": [[first, "A net", "engineer"], [second, "B net", "viewer"]]}
        chosen = msgspec.structs.replace(asked, tenant=UUID(second))
        joined = await here.answer(chosen)
        assert joined.result["tenant"] == "B net"
        mara = await server.log_in("mara@example.org")
        sessions = await mara.get("/auth/sessions")
        assert len(sessions) == 2 + 1  # of the member's first log-in, of the join, and this one
        store = Store.open(Path(joined.result["profile"]) / "heliograph.db", now_us=now_us(), new_id=new_id)
        member = read_membership(store)
        store.close()
        assert member is not None and (member.role, member.tenant) == ("viewer", UUID(second))


async def test_what_is_here_goes_along_as_an_edit_and_its_secrets_stay(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    things: list[tuple[str, Any]] = [
        ("site", below := Site(new_id(), "Hut", "", 1.0, 2.0)),
        ("site", above := Site(new_id(), "Tower", "", 1.0, 2.0)),
        ("credential", login := Credential(new_id(), "community", "snmp_community", "")),
        (
            "device",
            a := Device(new_id(), "a", "192.0.2.1", (Probe("snmp", 0, login.id),), "relay", below.id),
        ),
        ("device", b := Device(new_id(), "b", "192.0.2.2", (Probe("icmp"),), "relay", above.id)),
        ("link", Link(new_id(), a.id, b.id)),
    ]
    inventory = Inventory()
    for kind, thing in things:
        inventory.tables[kind][thing.id] = thing
    inventory.tables["site"][below.id] = msgspec.structs.replace(below, pop=above.id)
    async with listening(server_database) as server, joining(tmp_path, inventory) as here:
        root = await server.found()
        await server.tenant(root)
        await server.member(root, "viewer", "look@example.org")
        asked = JoinTeam(1, server.url, "look@example.org", Secret(PASSWORD), bring=True)
        refused = await here.answer(asked)
        assert [(one.code, one.field) for one in refused.refusals] == [("INSUFFICIENT_PERMISSIONS", "bring")]
        await server.member(root, "engineer", "mara@example.org")
        joined = await here.answer(msgspec.structs.replace(asked, login="mara@example.org"))
        assert (joined.result["brought"], joined.result["secrets_left"]) == (6, 1)
        store = Store.open(Path(joined.result["profile"]) / "heliograph.db", now_us=now_us(), new_id=new_id)
        kept = TeamStore(store).read()
        store.close()
        (own,) = kept.edits
        assert own.state == "pending" and [step.kind for step in own.edit.steps] == [
            *("site", "site", "credential", "device", "device", "link")
        ]
        assert own.edit.steps[0].id == above.id, "what something hangs under is made before it"


async def test_a_certificate_that_nobody_vouches_for_is_shown_before_anything_is_sent(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    shown = issue(tmp_path, "noc")
    async with (
        listening(server_database, shown.path) as server,
        joining(tmp_path) as here,
    ):
        root = await server.found()
        await server.tenant(root, "North net")
        link = await server.invite(root, "engineer", "mara@example.org")
        seen = (await here.answer(LookAtServer(1, link))).result
        assert not seen["is_trusted"] and seen["tenant"] == "" and seen["fingerprint"] == shown.pin
        untrusted = await here.answer(JoinTeam(2, link, password=Secret(FRESH)))
        assert [one.code for one in untrusted.refusals] == ["CERTIFICATE_UNTRUSTED"]
        other = "0" * 64
        changed = await here.answer(JoinTeam(3, link, password=Secret(FRESH), fingerprint=other))
        assert [one.code for one in changed.refusals] == ["CERTIFICATE_CHANGED"]
        agreed = (await here.answer(LookAtServer(4, link, seen["fingerprint"]))).result
        assert agreed["tenant"] == "North net" and agreed["login"] == "mara@example.org"
        joined = await here.answer(JoinTeam(5, link, password=Secret(FRESH), fingerprint=seen["fingerprint"]))
        assert joined.result["tenant"] == "North net"


async def test_what_fails_leaves_no_folder_and_says_what_to_do(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server, joining(tmp_path) as here:
        root = await server.found()
        await server.tenant(root)
        await server.member(root, "wall", "wall@example.org")
        cases = [
            (JoinTeam(1, server.url, "wall@example.org", Secret("wrong")), "INVALID_CREDENTIALS"),
            (JoinTeam(1, server.url, "wall@example.org", Secret(PASSWORD)), "INSUFFICIENT_PERMISSIONS"),
            (JoinTeam(1, server.url, "", Secret(PASSWORD)), "INVALID_INPUT"),
            (JoinTeam(1, "http://noc.example.org", "x", Secret("y")), "INVALID_INPUT"),
            (JoinTeam(1, f"{server.url}/link#abc", "x", Secret("y")), "LINK_OVER"),
            (JoinTeam(1, "http://127.0.0.1:1", "x", Secret("y")), "NO_ANSWER"),
        ]
        for asked, code in cases:
            reply = await here.answer(asked)
            assert [one.code for one in reply.refusals] == [code], asked
        assert not [*(tmp_path / "teams").glob("*")]
        wall = await server.log_in("wall@example.org")
        sessions = await wall.get("/auth/sessions")
        assert len(sessions) == 2, "the session of the join that failed is over"


def _assert_sealed(folder: Path, *secrets: str) -> None:
    """Fail where others may read a team's folder, or a secret stands in it as it is."""
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "heliograph.db").stat().st_mode) == 0o600
    files = [path for path in folder.iterdir() if path.is_file()]
    assert files and not any(secret.encode() in path.read_bytes() for path in files for secret in secrets)
