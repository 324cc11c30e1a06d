"""Installs and the keys of credentials: proof of the private key, who may hold what, revoking, what it leaves to be changed."""

from __future__ import annotations

import base64
import os
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sync_server.api.installs import CHALLENGE
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def registered(person: Person, name: str = "Van", kind: str = "window") -> tuple[dict[str, Any], str]:
    """Register an install; return it and what its challenge held."""
    key = X25519PrivateKey.generate()
    body = {"name": name, "kind": kind, "public_key": text(key.public_key().public_bytes_raw())}
    made = await person.post("/installs", body, expect=201)
    sealed = base64.b64decode(made["challenge"])
    held = SUITE.decrypt(sealed, key, CHALLENGE + UUID(made["install"]["id"]).bytes)
    return made["install"], text(held)


async def proven(person: Person, name: str = "Van", kind: str = "window") -> str:
    """Return the id of an install that has proven its key."""
    install, answer = await registered(person, name, kind)
    await person.post(f"/installs/{install['id']}/proof", {"answer": answer})
    return str(install["id"])


async def with_credential(server: Server) -> tuple[Person, str]:
    """Return the administrator of a tenant with a credential, and the credential's id."""
    root = await server.found()
    tenant = await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    id = uuid4()
    await server.owner.execute(
        "INSERT INTO credential (tenant_id, id, name, kind, \"user\") VALUES ($1, $2, 'Login', 'routeros_login', 'admin')",
        tenant,
        id,
    )
    await server.owner.execute(
        "INSERT INTO identity.secret (tenant_id, credential_id, ciphertext, version, past, entered_us)"
        " VALUES ($1, $2, $3, 1, '{}', 1)",
        tenant,
        id,
        os.urandom(40),
    )
    return admin, str(id)


def wraps_for(*installs: str, epoch: int = 1) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "version": 1,
        "wraps": [{"install": one, "wrapped": text(os.urandom(80))} for one in installs],
    }


async def test_an_install_proves_its_key_once_and_nobody_elses(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, _ = await with_credential(server)
        engineer = await server.member(admin, "engineer")
        install, answer = await registered(engineer)
        path = f"/installs/{install['id']}/proof"
        assert await admin.refused("POST", path, {"answer": answer}) == (404, "INSTALL_NOT_FOUND")
        wrong = await engineer.refused("POST", path, {"answer": text(os.urandom(32))})
        assert wrong == (422, "INVALID_INPUT")
        done = await engineer.post(path, {"answer": answer})
        assert done["proven_us"]
        assert await engineer.refused("POST", path, {"answer": answer}) == (422, "INVALID_INPUT")
        again = {"name": "Copy", "kind": "window", "public_key": install["public_key"]}
        assert await admin.refused("POST", "/installs", again) == (409, "INSTALL_ALREADY_EXISTS")
        for key in ("", "nonsense", text(b"x" * 31), text(bytes(32))):
            body = {"name": "Bad", "kind": "window", "public_key": key}
            assert await admin.refused("POST", "/installs", body) == (422, "INVALID_INPUT"), key
        collector = {"name": "C", "kind": "collector", "public_key": text(os.urandom(32))}
        assert await engineer.refused("POST", "/installs", collector) == (403, "INSUFFICIENT_PERMISSIONS")


async def test_only_a_person_registers_an_install(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        key = await root.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201)
        public = text(X25519PrivateKey.generate().public_key().public_bytes_raw())
        body = {"name": "Van", "kind": "window", "public_key": public}
        program = server.somebody(key["secret"])
        assert await program.get("/edits") == [], "what it needs else it may"
        assert await program.refused("POST", "/installs", body) == (403, "INSUFFICIENT_PERMISSIONS")
        assert (await root.post("/installs", body, expect=201))["install"]["name"] == "Van"


async def test_a_credential_is_wrapped_to_those_who_may_hold_it_and_fetched_by_them(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, credential = await with_credential(server)
        engineer, viewer = await server.member(admin, "engineer"), await server.member(admin, "viewer")
        collector = await proven(admin, "Hill", "collector")
        van, phone = await proven(engineer), await proven(viewer)
        unproven = (await registered(engineer))[0]["id"]
        path = f"/credentials/{credential}"

        async def holders() -> set[str]:
            return {install["id"] for install in await admin.get(f"{path}/installs")}

        assert (await admin.get(f"{path}/audience"))["kind"] == "server"
        assert await holders() == {collector}
        await admin.ask("PUT", f"{path}/audience", {"kind": "engineers"}, expect=200)
        assert await holders() == {collector, van}
        for one in (phone, unproven, str(uuid4())):
            said = await admin.refused("PUT", f"{path}/wraps", wraps_for(one))
            assert said == (404, "INSTALL_NOT_FOUND")
        await admin.ask("PUT", f"{path}/wraps", wraps_for(collector, van), expect=204)
        (own,) = await engineer.post(f"/installs/{van}/wraps")
        assert own["credential"] == credential
        assert await viewer.refused("POST", f"/installs/{van}/wraps") == (404, "INSTALL_NOT_FOUND")
        assert await viewer.post(f"/installs/{phone}/wraps") == []
        people = {"kind": "people", "people": [viewer.opened["user"]["id"]], "is_left": True}
        await admin.ask("PUT", f"{path}/audience", people, expect=200)
        assert await holders() == {phone}
        assert await engineer.post(f"/installs/{van}/wraps") == []


async def test_who_reaches_some_sites_changes_nothing_of_a_credential_that_is_used_beyond_them(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, credential = await with_credential(server)
        hill, valley = str(uuid4()), str(uuid4())
        tenant = (await admin.get("/auth/me"))["tenant"]
        for site in (hill, valley):
            await server.owner.execute(
                "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, $3, '', '')",
                tenant,
                site,
                f"Site {site[-4:]}",
            )
        limited = await server.member(admin, "engineer", sites=[hill])
        van = await proven(limited)
        path = f"/credentials/{credential}"
        mine = {"kind": "engineers", "sites": [hill]}
        for standing in (None, {"kind": "engineers", "sites": [hill, valley]}):
            if standing is not None:
                await admin.ask("PUT", f"{path}/audience", standing, expect=200)
            for what, body in (("audience", mine), ("wraps", wraps_for(van))):
                said = await limited.refused("PUT", f"{path}/{what}", body)
                assert said == (404, "CREDENTIAL_NOT_FOUND"), (standing, what)
        await admin.ask("PUT", f"{path}/audience", mine, expect=200)
        await limited.ask("PUT", f"{path}/wraps", wraps_for(van), expect=204)
        people = {"kind": "people", "people": [limited.opened["user"]["id"]], "sites": [hill]}
        await limited.ask("PUT", f"{path}/audience", people, expect=200)


async def test_a_revoked_install_gets_nothing_and_what_it_held_is_listed(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, credential = await with_credential(server)
        engineer = await server.member(admin, "engineer")
        van, spare = await proven(engineer), await proven(engineer, "Spare")
        path = f"/credentials/{credential}"
        await admin.ask("PUT", f"{path}/audience", {"kind": "engineers"}, expect=200)
        await admin.ask("PUT", f"{path}/wraps", wraps_for(van, spare), expect=204)
        said = (await admin.ask("DELETE", f"/installs/{van}", expect=200)).json()["data"]
        assert said["epoch"] == 2
        assert [(one["credential"], one["name"]) for one in said["exposed"]] == [(credential, "Login")]
        assert await engineer.refused("POST", f"/installs/{van}/wraps") == (404, "INSTALL_NOT_FOUND")
        assert len(await engineer.post(f"/installs/{spare}/wraps")) == 1
        assert (
            await server.owner.fetchval("SELECT wrapped FROM identity.wrap WHERE install_id = $1", van)
            is None
        )
        assert await admin.refused("PUT", f"{path}/wraps", wraps_for(spare)) == (409, "EPOCH_CONFLICT")
        await admin.ask("PUT", f"{path}/wraps", wraps_for(spare, epoch=2), expect=204)
        assert await admin.refused("PUT", f"{path}/wraps", wraps_for(van, epoch=2)) == (
            404,
            "INSTALL_NOT_FOUND",
        )
        assert await admin.refused("DELETE", f"/installs/{van}") == (404, "INSTALL_NOT_FOUND")
        await server.owner.execute("DELETE FROM credential")
        assert [one["credential"] for one in await admin.get(f"/installs/{van}/exposed")] == [credential]
