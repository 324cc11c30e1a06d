"""Who asks devices, with which version, clock and how much untold; heard on the live line."""

from __future__ import annotations

import asyncio
import time

from domain.sync import Alive
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, living

HOUR_US = 3_600_000_000


async def test_a_poller_tells_its_version_its_clock_and_what_it_has_not_told(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        install = await live.install(admin, "collector", "Mast")
        (before,) = await admin.get("/pollers")
        assert (before["version"], before["connected_us"], before["untold"]) == ("", None, None)
        replica = await live.connect(admin, install, version="9.8.7\n" + "x" * 100)
        await replica.led()
        await replica.say(Alive(time.time_ns() // 1000 + HOUR_US, 2**40))
        ends_s = time.monotonic() + PATIENCE_S
        while (one := (await admin.get("/pollers"))[0])["untold"] is None or not one["is_judge"]:
            assert time.monotonic() < ends_s, one
            await asyncio.sleep(0.1)
        assert abs(one["ahead_us"] - HOUR_US) < HOUR_US / 2
        assert one["untold"] == 2_000_000_000
        assert one["version"].startswith("9.8.7")
        assert len(one["version"]) <= 60
        assert one["connected_us"] is not None
        assert (await admin.get("/installs"))[0]["version"] == one["version"]
        page = await admin.http.get("/admin/pollers", headers={"Authorization": f"Bearer {admin.token}"})
        assert "60 min ahead" in page.text
        assert "9.8.7" in page.text
        await live.server.tenant(root)
        stranger = await live.server.member(root, "tenant_admin")
        assert await stranger.get("/pollers") == []
