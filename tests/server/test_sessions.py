"""Logging in, refreshing, switching, ending: over HTTP, on a real database."""

from __future__ import annotations

import asyncio
import base64
import time

import asyncpg
import jwt
import pytest

from sync_server.security.principal import Origin
from sync_server.security.totp import code_of
from tests.server.clients import PASSWORD, URL, Person, Server, serving
from tests.server.conftest import ServerDatabase


async def test_the_first_administrator_founds_the_platform_once(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        link = await server.services.links.offer_founding()
        body = {"token": link, "login": "Root@Example.org", "name": "Root", "password": PASSWORD}
        await server.somebody().post("/auth/founding", body, expect=204)
        root = await server.log_in("root@example.org")
        me = await root.get("/auth/me")
        assert (me["role"], me["tenant"], me["name"]) == ("platform_admin", None, "Root")
        assert await server.somebody().refused("POST", "/auth/founding", body) == (404, "LINK_NOT_FOUND")
        assert await server.services.links.offer_founding() is None


async def test_of_many_founders_at_one_moment_one_is_the_first(server_database: ServerDatabase) -> None:
    async with serving(server_database) as one, serving(server_database) as two:
        link = await one.services.links.offer_founding()
        bodies = [
            {"token": link, "login": f"root{n}@platform", "name": "Root", "password": PASSWORD}
            for n in range(12)
        ]
        asked = [
            (one, two)[n % 2].somebody().ask("POST", "/auth/founding", body) for n, body in enumerate(bodies)
        ]
        said = await asyncio.gather(*asked)
        assert sorted(response.status_code for response in said) == [204] + [404] * 11
        assert await one.owner.fetchval("SELECT count(*) FROM identity.account") == 1


async def test_an_older_link_for_the_first_administrator_ends_with_the_next(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        first = await server.services.links.offer_founding()
        assert first is not None
        await server.services.links.offer_founding()
        assert await server.somebody().refused("POST", "/auth/link", {"token": first}) == (
            404,
            "LINK_NOT_FOUND",
        )


async def test_an_access_token_names_who_where_and_what_for(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        viewer = await server.member(root, "viewer")
        claims = jwt.decode(viewer.token, options={"verify_signature": False})
        assert claims["sub"] == viewer.opened["user"]["id"]
        assert claims["org"] == tenant
        assert claims["exp"] - claims["iat"] == 600
        assert "devices:read" in claims["permissions"]
        assert "devices:write" not in claims["permissions"]
        assert claims["scopes"] == []
        assert claims["jti"]


async def test_whoever_knows_no_password_learns_nothing_but_that(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        await server.found()
        said = set()
        for login, password in (
            ("root@platform", "another long password"),
            ("nobody@platform", PASSWORD),
            ("", ""),
            ("root@platform", "x" * 60_000),
            ("' OR true --", PASSWORD),
        ):
            response = await server.somebody().ask(
                "POST", "/auth/login", {"login": login, "password": password}
            )
            assert response.status_code == 401
            said.add((response.json()["error"]["code"], response.json()["error"]["message"]))
        assert len(said) == 1
        rows = await server.owner.fetch("SELECT * FROM identity.audit WHERE act = 'session.refused'")
        assert len(rows) == 5
        assert all("password" not in str(dict(row)) or "wrong" in str(dict(row)) for row in rows)
        assert not any("another long" in str(dict(row)) for row in rows)


async def test_a_refresh_token_is_good_once_and_twice_ends_the_session(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        other = await server.log_in("root@platform")
        first = root.opened["refresh_token"]
        second = await root.post("/auth/refresh", {"refresh_token": first})
        assert second["refresh_token"] != first
        root.token = second["access_token"]
        await root.get("/auth/me")
        second = await root.post("/auth/refresh", {"refresh_token": second["refresh_token"]})
        assert await root.refused("POST", "/auth/refresh", {"refresh_token": first}) == (401, "TOKEN_EXPIRED")
        assert await root.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        stolen = {"refresh_token": second["refresh_token"]}
        assert await root.refused("POST", "/auth/refresh", stolen) == (401, "TOKEN_EXPIRED")
        acts = [row["act"] for row in await other.get("/audit")]
        assert "session.stolen" in acts
        assert await other.get("/auth/sessions")


async def test_a_session_that_was_stolen_ends_together_with_the_audits_word_of_it(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        first = root.opened["refresh_token"]
        second = await root.post("/auth/refresh", {"refresh_token": first})
        await root.post("/auth/refresh", {"refresh_token": second["refresh_token"]})
        cut = "CREATE FUNCTION identity.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cut off'; END $$"
        await server.owner.execute(cut)
        await server.owner.execute(
            "CREATE TRIGGER cut BEFORE INSERT ON identity.audit FOR EACH ROW EXECUTE FUNCTION identity.cut()"
        )
        with pytest.raises(asyncpg.RaiseError):
            await server.services.sessions.refresh(first, Origin())
        ended = "SELECT count(*) FROM identity.session WHERE ended_us IS NOT NULL"
        assert await server.owner.fetchval(ended) == 0, "as if it had not been asked: the next time ends it"
        await server.owner.execute("DROP TRIGGER cut ON identity.audit")
        assert await root.refused("POST", "/auth/refresh", {"refresh_token": first}) == (401, "TOKEN_EXPIRED")
        assert await server.owner.fetchval(ended) == 1
        stolen = "SELECT detail FROM identity.audit WHERE act = 'session.stolen'"
        assert len(await server.owner.fetch(stolen)) == 1


async def test_a_session_lasts_as_its_kind_does_however_its_refresh_token_is_brought(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, session_h=1, program_session_h=720) as server:
        await server.found()
        browser = server.somebody()
        body = {"login": "root@platform", "password": PASSWORD, "cookies": True}
        await browser.post("/auth/login", body, headers={"Origin": URL})
        token = browser.http.cookies.get("heliograph_refresh")
        await server.somebody().post("/auth/refresh", {"refresh_token": token})
        program = await server.log_in("root@platform")
        await program.post("/auth/refresh", {"refresh_token": program.opened["refresh_token"]})
        lasts = "SELECT round((until_us - identity.now_us()) / 3600000000.0)::int FROM identity.session WHERE id = $1"
        browsers = "SELECT id FROM identity.session WHERE kind = 'browser'"
        assert await server.owner.fetchval(lasts, await server.owner.fetchval(browsers)) == 1
        assert await server.owner.fetchval(lasts, program.opened["session"]) == 30 * 24


async def test_who_did_not_get_the_answer_refreshes_once_more_within_ten_seconds(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.stop_clock()
        first = {"refresh_token": root.opened["refresh_token"]}
        lost = await root.post("/auth/refresh", first)
        got = await root.post("/auth/refresh", first)
        assert got["refresh_token"] != lost["refresh_token"]
        root.token = got["access_token"]
        await root.get("/auth/me")
        assert await root.refused("POST", "/auth/refresh", first) == (401, "TOKEN_EXPIRED")
        again = await server.log_in("root@platform")
        late = {"refresh_token": again.opened["refresh_token"]}
        await again.post("/auth/refresh", late)
        await server.owner.execute(
            "UPDATE identity.refresh_token SET made_us = made_us - 11000000, used_us = used_us - 11000000"
        )
        assert await again.refused("POST", "/auth/refresh", late) == (401, "TOKEN_EXPIRED")


async def test_of_many_who_bring_one_refresh_token_at_one_moment_two_get_a_new_one_and_the_session_ends(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        body = {"refresh_token": root.opened["refresh_token"]}
        said = await asyncio.gather(*(server.somebody().ask("POST", "/auth/refresh", body) for _ in range(6)))
        assert sum(response.status_code == 200 for response in said) <= 2
        assert await root.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")


async def test_a_session_that_nobody_uses_runs_out(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.owner.execute("UPDATE identity.session SET until_us = identity.now_us()")
        assert await root.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        body = {"refresh_token": root.opened["refresh_token"]}
        assert await root.refused("POST", "/auth/refresh", body) == (401, "TOKEN_EXPIRED")


async def test_who_logs_out_is_out_at_once_at_every_instance(server_database: ServerDatabase) -> None:
    async with serving(server_database) as one, serving(server_database) as two:
        root = await one.found()
        elsewhere = two.somebody(root.token)
        await elsewhere.get("/auth/me")
        await root.post("/auth/logout", expect=204)
        assert await elsewhere.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")


async def test_a_token_that_is_revoked_by_its_id_is_refused_and_its_session_goes_on(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        before = root.token
        await server.tenant(root)
        assert await server.somebody(before).refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        await root.get("/auth/me")


async def test_own_sessions_are_listed_and_ended_and_nobody_elses(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        viewer = await server.member(root, "viewer")
        phone = await server.log_in(viewer.opened["user"]["login"])
        rows = await viewer.get("/auth/sessions")
        assert [row["is_this"] for row in rows].count(True) == 1
        assert {row["address"] for row in rows} == {"192.0.2.1"}
        roots = (await root.get("/auth/sessions"))[0]["id"]
        assert await viewer.refused("DELETE", f"/auth/sessions/{roots}") == (404, "SESSION_NOT_FOUND")
        other = next(row["id"] for row in rows if not row["is_this"])
        await viewer.ask("DELETE", f"/auth/sessions/{other}", expect=204)
        assert await phone.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        await viewer.get("/auth/me")


async def test_a_changed_password_ends_all_other_sessions(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        phone = await server.log_in("root@platform")
        new = "another good long one"
        wrong = await root.refused("POST", "/auth/password", {"old": "not the old one", "new": new})
        assert wrong == (401, "INVALID_CREDENTIALS")
        short = await root.refused("POST", "/auth/password", {"old": PASSWORD, "new": "short"})
        assert short == (422, "INVALID_INPUT")
        await root.post("/auth/password", {"old": PASSWORD, "new": new}, expect=204)
        assert await phone.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
        await root.get("/auth/me")
        await server.log_in("root@platform", new)


async def test_a_password_kept_at_yesterdays_cost_is_kept_at_todays_after_the_next_login(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        await server.found()
    async with serving(server_database, password_memory_kib=128) as server:
        await server.log_in("root@platform")
        kept = await server.owner.fetchval("SELECT password FROM identity.account")
        assert "m=128," in kept
        await server.log_in("root@platform")


async def put_authenticator(person: Person) -> tuple[bytes, list[str]]:
    """Give somebody an authenticator; return its secret and the recovery codes."""
    made = await person.post("/auth/totp", {"password": PASSWORD})
    secret = base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))
    code = code_of(secret, int(time.time() // 30))
    done = await person.post("/auth/totp/confirm", {"code": code})
    return secret, done["codes"]


async def test_with_an_authenticator_a_password_alone_opens_nothing(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        secret, codes = await put_authenticator(root)
        body = {"login": "root@platform", "password": PASSWORD}
        nobody = server.somebody()
        assert await nobody.refused("POST", "/auth/login", body) == (401, "TOTP_REQUIRED")
        wrong = await nobody.refused("POST", "/auth/login", {**body, "code": "000000x"})
        assert wrong == (401, "INVALID_CREDENTIALS")
        code = code_of(
            secret, int(time.time() // 30) + 1
        )  # later than the one that was used, and a step early at most
        said = await asyncio.gather(
            *(nobody.ask("POST", "/auth/login", {**body, "code": code}) for _ in range(5))
        )
        assert sorted(response.status_code for response in said) == [200] + [401] * 4
        await nobody.post("/auth/login", {**body, "code": codes[0]})
        assert await nobody.refused("POST", "/auth/login", {**body, "code": codes[0]}) == (
            401,
            "INVALID_CREDENTIALS",
        )
        dump = await server.owner.fetchval("SELECT totp FROM identity.account")
        assert secret not in dump


async def test_an_authenticator_counts_from_its_first_right_code_and_goes_with_a_code(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await root.post("/auth/totp", {"password": PASSWORD})
        await server.log_in("root@platform")
        assert await root.refused("POST", "/auth/totp/confirm", {"code": "000000x"}) == (422, "INVALID_INPUT")
        _, codes = await put_authenticator(root)
        assert await root.refused("POST", "/auth/totp", {"password": PASSWORD}) == (409, "TOTP_CONFLICT")
        assert await root.refused("POST", "/auth/totp/remove", {"password": PASSWORD}) == (
            422,
            "INVALID_INPUT",
        )
        await root.post("/auth/totp/remove", {"password": PASSWORD, "code": codes[3]}, expect=204)
        await server.log_in("root@platform")


async def test_a_stream_token_opens_one_stream_within_25_seconds(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        made = await root.post("/auth/stream-token")
        assert made["expires_s"] == 25
        admission, origin = server.services.admission, (await who_asks(server, root)).origin
        who = await admission.admit_stream(made["token"], origin)
        assert (str(who.tenant), who.role) == (tenant, "platform_admin")
        with pytest.raises(Exception, match="used before"):
            await admission.admit_stream(made["token"], origin)
        late = (await root.post("/auth/stream-token"))["token"]
        await server.owner.execute("UPDATE identity.stream_token SET until_us = until_us - 26000000")
        with pytest.raises(Exception, match="too old"):
            await admission.admit_stream(late, origin)
        await server.stop_clock()
        in_time = (await root.post("/auth/stream-token"))["token"]
        await server.owner.execute("UPDATE identity.stream_token SET until_us = until_us - 24000000")
        await admission.admit_stream(in_time, origin)


async def test_a_stream_token_dies_with_its_session(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        token = (await root.post("/auth/stream-token"))["token"]
        origin = (await who_asks(server, root)).origin
        await root.post("/auth/logout", expect=204)
        with pytest.raises(Exception, match="session is over"):
            await server.services.admission.admit_stream(token, origin)


async def who_asks(server: Server, person: Person):  # type: ignore[no-untyped-def]
    """Return the principal behind somebody's token."""
    from sync_server.security.principal import Origin

    return await server.services.admission.admit(person.token, Origin("192.0.2.1"), "api")
