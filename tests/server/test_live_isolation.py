"""Nothing of another tenant is in any message, ever, and nothing of what is beyond reach but that it is gone."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

from domain.alerts import Beginning, body_of, fingerprint
from domain.edit import Step
from domain.fact import Fact
from domain.health import Health
from domain.sync import Entries, Gone, Live, Present
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import AT_US, Replica, an_edit, living, making

PHOTO = {"digest": "ab" * 32, "thumb": "cd" * 32, "width": 4, "height": 3, "added_us": AT_US}


async def fill(replica: Replica, mark: str, addresses: str) -> dict[str, UUID]:
    """Make and tell some of everything, each with a mark in it; return the ids."""
    names = (
        "site",
        "device",
        "other",
        "link",
        "rule",
        "diagram",
        "spot",
        "drawing",
        "credential",
        "photo",
        "view",
    )
    ids = {name: uuid4() for name in names}
    text = {name: str(id) for name, id in ids.items()}
    at = {"site": text["site"]}
    edit = an_edit(
        making("site", ids["site"], name=f"{mark} site"),
        making("credential", ids["credential"], name=f"{mark} community", kind="snmp_community"),
        making("device", ids["device"], name=f"{mark} R1", address=f"{addresses}.1", **at),
        making("device", ids["other"], name=f"{mark} R2", address=f"{addresses}.2", **at),
        making("link", ids["link"], a=text["device"], b=text["other"], note=mark),
        making("rule", ids["rule"], name=f"{mark} rule", kind="device_down"),
        making("diagram", ids["diagram"], name=f"{mark} submap", **at),
        making("drawing", ids["drawing"], diagram=text["diagram"], shape="text", x=0, y=0, text=mark),
        making("photo", ids["photo"], caption=mark, device=text["device"], **PHOTO),
        making("photo", ids["view"], caption=mark, **at, **PHOTO),
        title=f"{mark} work",
    )
    (outcome,) = await replica.push(edit)
    assert not outcome.refusals, outcome
    fence = (await replica.led()).fence
    assert replica.install is not None
    device = ids["device"]
    begun = Beginning("device_down", "device_down", "critical", 1, AT_US, reason=f"{mark} is silent")
    await replica.tell(
        journal=(
            replica.row(1, "alert_opened", device, **body_of(begun)),
            replica.row(2, "trap", device, text=mark),
        ),
        health=(Health(device, replica.install, "down", AT_US, AT_US, reason=mark),),
        facts=(Fact(device, "serial", "snmp", replica.install, AT_US, mark),),
        fence=fence,
    )
    await replica.say(Present(looks_at=device))
    ids["alert"] = fingerprint("device_down", device)
    return ids


async def listen(replica: Replica, for_s: float) -> None:
    """Hear whatever comes for a while."""
    try:
        async with asyncio.timeout(for_s):
            while True:
                await replica.next()
    except TimeoutError:
        pass


async def test_nothing_of_another_tenant_is_in_any_message(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        server = live.server
        root = await server.found()
        members = []
        for name in ("Aaaa", "Bbbb"):
            await server.tenant(root, name)
            admin = await server.member(root, "tenant_admin", f"admin@{name}.example", name=f"{name} admin")
            members.append(
                (admin, await server.member(admin, "engineer", f"eng@{name}.example", name=f"{name} eng"))
            )
        replicas = []
        for (admin, engineer), mark, addresses in zip(
            members, ("AAAA", "BBBB"), ("10.1.0", "10.2.0"), strict=True
        ):
            writer = await live.join(engineer, topics=("presence",))
            reader = await live.join(admin, await live.install(admin), topics=("presence",))
            ids = await fill(writer, mark, addresses)
            for replica in (writer, reader):
                for kind, id in (("alert", ids["alert"]), ("health", ids["device"]), ("fact", ids["device"])):
                    await replica.until(kind, id)
            replicas.append((writer, reader))
        for writer, reader in replicas:
            await listen(writer, 1.0)
            await listen(reader, 1.0)
        for (writer, reader), mine, theirs in zip(
            replicas, (b"AAAA", b"BBBB"), (b"BBBB", b"AAAA"), strict=True
        ):
            for replica in (writer, reader):
                heard = b"".join(replica.frames)
                assert mine in heard
                assert theirs not in heard
                assert theirs.capitalize() not in heard
            assert {kind for kind, _ in reader.things} >= {
                "site",
                "device",
                "alert",
                "health",
                "fact",
                "credential",
            }


async def test_who_reaches_some_sites_is_told_what_stands_there_and_what_comes_and_goes(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        server = live.server
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        engineer = await server.member(admin, "engineer")
        writer = await live.join(engineer, topics=("presence",))
        near = await fill(writer, "NEAR", "10.1.0")
        local = await server.member(admin, "engineer", sites=[str(near["site"])])
        limited = await live.join(local, topics=("presence",))
        assert limited.welcome is not None and not limited.welcome.is_everywhere
        told = {(kind, id) for kind, id in limited.things if kind not in ("rule", "credential")}
        expected = {("health", near["device"]), ("fact", near["device"])}
        expected |= {(kind, near[kind]) for kind in ("site", "link", "diagram", "drawing", "alert", "device")}
        expected |= {("photo", near["photo"]), ("photo", near["view"])}
        assert told == expected | {("device", near["other"])}
        assert limited.edits == []

        far, device, photo = uuid4(), uuid4(), uuid4()
        await writer.push(
            an_edit(
                making("site", far, name="FARR site"),
                making("device", device, name="FARR R9", address="10.9.0.1", site=str(far)),
                making("photo", photo, caption="FARR mast", device=str(device), **PHOTO),
                title="FARR work",
            )
        )
        await writer.say(Present(looks_at=device))
        fence = writer.lease.fence
        assert writer.install is not None
        await writer.tell(
            health=(Health(device, writer.install, "down", AT_US, AT_US, reason="FARR"),),
            facts=(Fact(device, "serial", "snmp", writer.install, AT_US, "FARR"),),
            fence=fence,
        )
        await listen(limited, 1.5)
        assert b"FARR" not in b"".join(limited.frames)
        assert all(
            not person.looks_at
            for m in limited.messages
            if isinstance(m, Live)
            for person in m.people or ()
            if person.looks_at == device
        )
        forged = an_edit(Step("device", device, {"name": "FARR R9"}, {"name": "Mine"}))
        (outcome,) = await limited.push(forged)
        assert [refusal.code for refusal in outcome.refusals] == ["DEVICE_NOT_FOUND"]
        kept = await limited.tell(
            facts=(Fact(device, "serial", "snmp", limited.install or device, AT_US, "x"),)
        )
        assert kept.refused == 1

        moved = Step("device", device, {"site": str(far)}, {"site": str(near["site"])})
        await writer.push(an_edit(moved, title="It moves"))
        await limited.until("health", device)
        assert limited.things["device", device].name == "FARR R9"
        assert limited.things["fact", device].value == "FARR"
        assert limited.things["photo", photo].caption == "FARR mast"
        back = Step("device", device, {"site": str(near["site"])}, {"site": str(far)})
        await writer.push(an_edit(back))
        while ("device", device) in limited.things:
            await limited.hear_all()
        gone = [one for m in limited.messages if isinstance(m, Entries) for one in m.gone]
        assert {
            Gone("device", device),
            Gone("health", device),
            Gone("fact", device),
            Gone("photo", photo),
        } <= set(gone)


async def test_a_role_that_changes_is_told_anew_what_it_may_see(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        server = live.server
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        engineer = await server.member(admin, "engineer")
        writer = await live.join(await server.member(admin, "engineer"))
        await fill(writer, "MARK", "10.1.0")
        replica = await live.join(engineer)
        assert replica.welcome is not None
        assert any(kind == "credential" for kind, _ in replica.things)
        user = engineer.opened["user"]["id"]
        await admin.ask("PATCH", f"/users/{user}", {"role": "viewer"}, expect=200)
        refused = await replica.refused()
        assert (refused.code, refused.retry_after_s > 0) == ("CLOSING", True)
        assert replica.install is not None
        again = await live.join(
            engineer, replica.install, epoch=replica.welcome.epoch, revision=replica.revision
        )
        assert again.welcome is not None and again.welcome.epoch != replica.welcome.epoch
        assert next(m for m in again.messages if isinstance(m, Entries)).since == 0
        assert not any(kind == "credential" for kind, _ in again.things)
        await admin.ask("DELETE", f"/users/{user}", expect=204)
        assert (await again.refused()).code == "SESSION_OVER"
