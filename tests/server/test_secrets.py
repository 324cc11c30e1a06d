"""Secrets of a team on its server: who may tell one, who gets it, who could give it to whom; the server cannot open it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from engine.storage.batch import SealedSecret
from engine.vault.envelope import seal, unseal
from sync_server.api.wraps import PAGE_BYTES
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_installs import SUITE, proven, text

BOUND = b"heliograph 1 wrap"


async def team(server: Server) -> tuple[Person, Person, str, str]:
    """Return the administrator of a tenant, an engineer, the tenant, and the id of a credential without a secret."""
    root = await server.found()
    tenant = await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    credential = await login(server, tenant)
    return admin, await server.member(admin, "engineer"), tenant, credential


async def login(server: Server, tenant: str, id: UUID | None = None) -> str:
    id = id or uuid4()
    await server.owner.execute(
        "INSERT INTO credential (tenant_id, id, name, kind, \"user\") VALUES ($1, $2, $3, 'routeros_login', 'admin')",
        tenant,
        id,
        f"Login {id.hex[-6:]}",
    )
    return str(id)


def told(*installs: str, epoch: int = 1, sealed: bytes | None = None) -> dict[str, Any]:
    wraps = [{"install": one, "wrapped": text(os.urandom(80))} for one in installs]
    return {"sealed": text(sealed or os.urandom(60)), "epoch": epoch, "wraps": wraps}


async def engineers(person: Person, credential: str, **more: Any) -> None:
    await person.ask("PUT", f"/credentials/{credential}/audience", {"kind": "engineers", **more}, expect=200)


async def put(person: Person, credential: str, body: dict[str, Any]) -> int:
    said = await person.ask("PUT", f"/credentials/{credential}/secret", body, expect=200)
    version: int = said.json()["data"]["version"]
    return version


async def fetched(person: Person, install: str) -> dict[str, dict[str, Any]]:
    return {one["credential"]: one for one in await person.post(f"/installs/{install}/wraps")}


async def test_a_told_secret_reaches_those_it_was_wrapped_to_and_another_takes_all_wraps_of_the_first(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, credential = await team(server)
        van, spare = await proven(engineer), await proven(admin, "Spare")
        await engineers(admin, credential)
        path, first = f"/credentials/{credential}/secret", told(van, spare)
        before = await server.owner.fetchval("SELECT revision FROM tenant WHERE id = $1", tenant)
        assert await put(engineer, credential, first) == 1
        row = await server.owner.fetchrow(
            "SELECT revision, (SELECT revision FROM sync.touched WHERE id = $2) FROM tenant t WHERE id = $1",
            tenant,
            credential,
        )
        assert row is not None
        revision, touched = row
        assert touched == revision == before + 1
        (own,) = (await fetched(engineer, van)).values()
        assert (own["sealed"], own["wrapped"], own["version"]) == (
            first["sealed"],
            first["wraps"][0]["wrapped"],
            1,
        )
        assert await put(engineer, credential, first) == 1, "told again it is the same"
        second = told(spare)
        assert await put(admin, credential, second) == 2
        assert await fetched(engineer, van) == {}, "the old key's wraps are gone"
        assert (await fetched(admin, spare))[credential]["sealed"] == second["sealed"]
        assert await engineer.refused("PUT", path, first) == (409, "SECRET_CONFLICT"), (
            "what was replaced stays so"
        )
        late = {"epoch": 1, "version": 1, "wraps": first["wraps"]}
        said = await engineer.refused("PUT", f"/credentials/{credential}/wraps", late)
        assert said == (409, "SECRET_CONFLICT")
        (row,) = [r for r in await admin.get("/events?kind=secret_changed") if r["body"]["version"] == 2]
        assert row["subject"] == credential and row["body"]["by"] == "One tenant_admin"


async def test_who_may_not_is_refused_and_nothing_is_kept(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, engineer, _, credential = await team(server)
        van = await proven(engineer)
        viewer, manager = await server.member(admin, "viewer"), await server.member(admin, "manager")
        phone = await proven(viewer)
        path = f"/credentials/{credential}/secret"
        for person in (viewer, manager):
            said = await person.refused("PUT", path, told(van))
            assert said == (403, "INSUFFICIENT_PERMISSIONS")
            said = await person.refused("GET", f"/installs/{van}/owed")
            assert said == (403, "INSUFFICIENT_PERMISSIONS")
        collector = await proven(admin, "Hill", "collector")
        people = {"kind": "people", "people": [viewer.opened["user"]["id"]]}
        audiences: list[tuple[dict[str, Any], set[str]]] = [
            ({"kind": "server"}, {collector}),
            ({"kind": "engineers"}, {collector, van}),
            (people, {phone}),
        ]
        for audience, may in audiences:
            body = {**audience, "is_left": True}
            await admin.ask("PUT", f"/credentials/{credential}/audience", body, expect=200)
            for install in (van, phone, collector):
                status = (await engineer.ask("PUT", path, told(install))).status_code
                assert status == (200 if install in may else 404), (audience, install)
        kept = await server.owner.fetchval(
            "SELECT version FROM identity.secret WHERE credential_id = $1", credential
        )
        assert kept == 4
        await engineers(admin, credential, is_left=True)
        bad: list[dict[str, Any]] = [
            told(),
            told(van, sealed=b"x" * 27),
            told(van, sealed=os.urandom(20_001)),
            {**told(van), "sealed": "no base64!"},
            {**told(van), "wraps": [{"install": van, "wrapped": text(b"x" * 47)}]},
            {**told(van), "wraps": told(*[van] * 501)["wraps"]},
        ]
        for body in bad:
            assert (await engineer.refused("PUT", path, body))[0] == 422, str(body)[:80]
        assert await engineer.refused("PUT", path, told(van, epoch=2)) == (409, "EPOCH_CONFLICT")
        assert kept == await server.owner.fetchval("SELECT version FROM identity.secret")


async def test_neither_another_tenants_nor_a_revoked_install_gets_or_leaves_anything(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        north = await server.tenant(root)
        mara = await server.member(root, "engineer")
        admin = await server.member(root, "tenant_admin")
        credential = await login(server, north)
        await server.tenant(root)
        foreign = await server.member(root, "tenant_admin")
        van, spare, theirs = await proven(mara), await proven(admin, "Spare"), await proven(foreign)
        await engineers(admin, credential)
        path = f"/credentials/{credential}/secret"
        assert await foreign.refused("PUT", path, told(theirs)) == (404, "CREDENTIAL_NOT_FOUND")
        assert await mara.refused("PUT", path, told(theirs)) == (404, "INSTALL_NOT_FOUND")
        await put(mara, credential, told(van))
        assert await foreign.refused("GET", f"/installs/{van}/owed") == (404, "INSTALL_NOT_FOUND")
        assert await admin.refused("GET", f"/installs/{van}/owed") == (404, "INSTALL_NOT_FOUND"), (
            "not one's own"
        )
        owed = await mara.get(f"/installs/{van}/owed")
        assert [one["install"] for one in owed["missing"]] == [spare] and owed["epoch"] == 1
        await admin.ask("DELETE", f"/installs/{spare}", expect=200)
        owed = await mara.get(f"/installs/{van}/owed")
        assert owed["epoch"] == 2
        assert [one["install"] for one in owed["missing"]] == [van], "its own is of the epoch before"
        left = {"credential": credential, "version": 1, "wrapped": text(os.urandom(80))}
        body = {"epoch": 2, "wraps": [{**left, "install": spare}, {**left, "install": van}]}
        assert await mara.post(f"/installs/{van}/owed", body) == {"kept": 1}
        assert await admin.refused("POST", f"/installs/{spare}/wraps") == (404, "INSTALL_NOT_FOUND")
        assert await admin.refused("POST", f"/installs/{spare}/owed", body) == (404, "INSTALL_NOT_FOUND")
        assert (await mara.get(f"/installs/{van}/owed"))["missing"] == []
        await admin.ask("DELETE", f"/installs/{van}", expect=200)
        assert await mara.refused("PUT", path, told(van, epoch=3)) == (404, "INSTALL_NOT_FOUND")


async def test_who_joins_later_is_owed_to_and_what_is_left_is_of_what_holds_now(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, credential = await team(server)
        hill = str(uuid4())
        await server.owner.execute(
            "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, 'Hill', '', '')",
            tenant,
            hill,
        )
        await engineers(admin, credential)
        van = await proven(engineer)
        await put(engineer, credential, told(van))
        later, limited = await proven(admin, "Later"), await server.member(admin, "engineer", sites=[hill])
        near = await proven(limited)
        (missing,) = (await engineer.get(f"/installs/{van}/owed"))["missing"]
        assert (missing["credential"], missing["version"], missing["install"]) == (credential, 1, later)
        assert (await admin.get(f"/installs/{later}/owed"))["missing"] == [], (
            "it holds nothing that it could give"
        )
        said = await limited.refused("PUT", f"/credentials/{credential}/secret", told(near))
        assert said == (404, "CREDENTIAL_NOT_FOUND"), "it is used beyond his sites"
        await engineers(admin, credential, sites=[hill])
        owed = (await engineer.get(f"/installs/{van}/owed"))["missing"]
        assert {one["install"] for one in owed} == {later, near}
        wraps = [
            {"credential": credential, "version": version, "install": one, "wrapped": text(os.urandom(80))}
            for one, version in ((later, 1), (near, 7))
        ]
        assert await engineer.post(f"/installs/{van}/owed", {"epoch": 1, "wraps": wraps}) == {"kept": 1}
        assert await fetched(admin, later) and not await fetched(limited, near)
        said = await admin.refused("PUT", f"/credentials/{credential}/audience", {"kind": "server"})
        assert said == (409, "HOLDER_CONFLICT"), "nobody would be left who has it"
        body = {"kind": "people", "people": [admin.opened["user"]["id"]]}
        await admin.ask("PUT", f"/credentials/{credential}/audience", body, expect=200)
        assert (await engineer.get(f"/installs/{van}/owed"))["missing"] == [], (
            "it may not hold it any more itself"
        )
        assert await fetched(engineer, van) == {}


async def test_many_secrets_come_in_parts_that_fit(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, _ = await team(server)
        van = await proven(engineer)
        made = {await login(server, tenant) for _ in range(35)}
        for credential in made:
            await engineers(admin, credential)
            await put(engineer, credential, told(van, sealed=os.urandom(20_000)))
        found: set[str] = set()
        path = f"/installs/{van}/wraps?limit=200"
        cursor = ""
        while True:
            said = await engineer.ask("POST", path + cursor, expect=200)
            assert len(said.content) < 2 * PAGE_BYTES
            found |= {one["credential"] for one in said.json()["data"]}
            if not (following := said.json()["meta"]["page"].get("next")):
                break
            cursor = f"&cursor={following}"
        assert found == made


async def test_a_deleted_credentials_secret_comes_back_with_it_and_goes_for_good_later(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, tenant, credential = await team(server)
        van = await proven(engineer)
        await engineers(admin, credential)
        await put(engineer, credential, told(van))
        await server.owner.execute("DELETE FROM credential")
        assert await fetched(engineer, van) == {}
        await login(server, tenant, UUID(credential))
        await engineers(admin, credential)
        await server.owner.execute("SELECT identity.forget(0)")
        assert await fetched(engineer, van)
        await server.owner.execute("DELETE FROM credential")
        await server.owner.execute("SELECT identity.forget(-1000000)")
        assert await server.owner.fetchval("SELECT count(*) FROM identity.secret") == 0
        assert await server.owner.fetchval("SELECT wrapped FROM identity.wrap") is None


async def test_nothing_in_the_database_opens_a_secret(server_database: ServerDatabase) -> None:
    """A dump of all rows is searched for the secret, its data key and the private key; the right key opens what is in it."""
    secret = "correct horse battery staple"
    async with serving(server_database) as server:
        admin, engineer, tenant, credential = await team(server)
        await engineers(admin, credential)
        key = X25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        made = await engineer.post(
            "/installs", {"name": "Van", "kind": "window", "public_key": text(public)}, expect=201
        )
        van = made["install"]["id"]
        answer = SUITE.decrypt(
            base64.b64decode(made["challenge"]), key, b"heliograph 1 install " + UUID(van).bytes
        )
        await engineer.post(f"/installs/{van}/proof", {"answer": text(answer)})
        sealed = seal(X25519PublicKey.from_public_bytes(public), UUID(tenant), UUID(credential), secret)
        body = {
            "sealed": text(sealed.sealed),
            "epoch": 1,
            "wraps": [{"install": van, "wrapped": text(sealed.wrapped)}],
        }
        await put(engineer, credential, body)
        (own,) = (await fetched(engineer, van)).values()
        kept = SealedSecret(base64.b64decode(own["sealed"]), base64.b64decode(own["wrapped"]))
        assert unseal(key, UUID(tenant), UUID(credential), kept) == secret
        bound = BOUND + UUID(tenant).bytes + UUID(credential).bytes
        data_key = SUITE.decrypt(kept.wrapped, key, bound)
        dump = await dumped(server)
        assert public.hex() in dump and sealed.sealed.hex() in dump, "the search would find it"
        forms: list[Callable[[bytes], str]] = [bytes.hex, text, lambda data: data.decode("latin-1")]
        for hidden in (secret.encode(), data_key, key.private_bytes_raw()):
            assert not any(form(hidden) in dump for form in forms)


async def dumped(server: Server) -> str:
    """Return every row of every table, bytes in hex."""
    tables = await server.owner.fetch(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text"
        " IN ('public', 'identity', 'sync')"
    )
    rows = [row[0] for (name,) in tables for row in await server.owner.fetch(f"SELECT t::text FROM {name} t")]
    assert len(tables) > 40
    return "\n".join(rows)


async def test_who_reaches_some_sites_is_named_with_them_and_his_next_computer_gets_it_too(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, _, tenant, credential = await team(server)
        hill = str(uuid4())
        await server.owner.execute(
            "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, 'Hill', '', '')",
            tenant,
            hill,
        )
        limited = await server.member(admin, "engineer", sites=[hill])
        path = f"/credentials/{credential}/audience"
        people = [one.opened["user"]["id"] for one in (admin, limited)]
        said = await admin.ask("PUT", path, {"kind": "people", "people": people}, expect=422)
        assert said.json()["error"]["code"] == "INVALID_INPUT" and "One engineer" in said.text
        await admin.ask("PUT", path, {"kind": "people", "people": people, "sites": [hill]}, expect=200)
        desk, first = await proven(admin, "Desk"), await proven(limited)
        await put(admin, credential, told(desk, first))
        second = await proven(limited, "Second")
        (missing,) = (await admin.get(f"/installs/{desk}/owed"))["missing"]
        assert missing["install"] == second
        (also,) = (await limited.get(f"/installs/{first}/owed"))["missing"]
        assert also["install"] == second
        left = {"credential": credential, "version": 1, "install": second, "wrapped": text(os.urandom(80))}
        body = {"epoch": 1, "wraps": [left]}
        assert await limited.post(f"/installs/{first}/owed", body) == {"kept": 1}
        assert credential in await fetched(limited, second)
