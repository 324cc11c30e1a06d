"""What a line may want to hear of, each by itself; and in which protocol it is spoken with."""

from __future__ import annotations

import time

import pytest

from domain.alerts import fingerprint
from domain.health import Health
from domain.sync import SYNC_PROTOCOL, TOPICS, Alive, Cycles, Entries, Hello, Live, Subscribe, Welcome
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import AT_US, Replica, living
from tests.server.servers import until
from tests.server.test_live import a_team
from tests.server.test_live_telling import a_device, opened


async def _heard_all(line: Replica, since_us: int) -> None:
    """Wait until all that the server had to tell by a moment is here."""
    while True:
        message = await line.next()
        if isinstance(message, Alive) and message.at_us > since_us:
            return


async def test_a_listener_with_one_topic_hears_of_that_and_of_nothing_else(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.room.HEARTBEAT_S", 0.5)
    monkeypatch.setattr("sync_server.live.room.TICK_S", 0.5)
    async with living(server_database, ingest_flush_ms=20) as live:
        anna, ben, admin = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        device = await a_device(hers)
        listeners = {topic: await live.connect(admin, None, topics=(topic,)) for topic in TOPICS}
        for topic, line in listeners.items():
            await line.hear(Welcome)
            await line.say(Subscribe((topic,), (device,)))
        hub = live.server.app.state.hub
        await until(lambda: sum(one.devices == {device} for one in hub.lines()) == len(TOPICS))
        for line in listeners.values():
            await _heard_all(line, hub.works.now_us())
        now_us = round(live.server.services.now_s() * 1e6)
        down = Health(device, hers.install or device, "down", AT_US, AT_US)
        row = hers.row(1, "alert_opened", device, **opened(device))
        await hers.tell(journal=(row,), health=(down,), fence=fence)
        await hers.say(Cycles(7, ((device, now_us, (("rtt_ms", "", 2.5),)),)))
        his = await live.join(ben)
        assert await listeners["device_status"].until("health", device) == down
        assert (await listeners["alert_fired"].until("alert", fingerprint("device_down", device))).is_open
        while not (shown := await listeners["metric_update"].hear(Live)).numbers:
            pass
        assert [one[0] for one in shown.numbers] == [device]
        while his.install not in {
            one.install for one in (await listeners["presence"].hear(Live)).people or ()
        }:
            pass
        for line in listeners.values():
            await _heard_all(line, time.time_ns() // 1000)
        status, alerts = listeners["device_status"], listeners["alert_fired"]
        assert {kind for kind, _ in status.things} == {"device", "health"}
        assert {kind for kind, _ in alerts.things} == {"alert"}
        assert not alerts.edits and [one.kind for one in alerts.journal] == ["alert_opened"]
        assert not [one for one in status.journal if one.kind.startswith("alert_")]
        for topic, line in listeners.items():
            lives = [one for one in line.messages if isinstance(one, Live)]
            assert not any(one.people for one in lives) or topic == "presence"
            assert not any(one.numbers or one.loads for one in lives) or topic == "metric_update"
            assert not any(one.heard for one in lives) or topic == "device_status"
            has_entries = any(isinstance(one, Entries) for one in line.messages)
            assert has_entries == (topic in ("device_status", "alert_fired")), topic


async def test_news_of_each_topic_is_told_as_it_comes_and_waits_for_no_beat_and_no_look(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(server_database) as live:
        anna, ben, admin = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        device = await a_device(hers)
        listeners = {topic: await live.connect(admin, None, topics=(topic,)) for topic in TOPICS}
        for topic, line in listeners.items():
            await line.hear(Welcome)
            await line.say(Subscribe((topic,), (device,)))
        hub = live.server.app.state.hub
        await until(lambda: sum(one.devices == {device} for one in hub.lines()) == len(TOPICS))
        for name in ("TICK_S", "HEARTBEAT_S", "LOOK_S"):  # nothing is told because time has passed
            monkeypatch.setattr(f"sync_server.live.room.{name}", 86_400.0)
        now_us = round(live.server.services.now_s() * 1e6)
        down = Health(device, hers.install or device, "down", AT_US, AT_US)
        row = hers.row(1, "alert_opened", device, **opened(device))
        await hers.tell(journal=(row,), health=(down,), fence=fence)
        assert await listeners["device_status"].until("health", device) == down
        assert (await listeners["alert_fired"].until("alert", fingerprint("device_down", device))).is_open
        await hers.say(Cycles(7, ((device, now_us, (("rtt_ms", "", 2.5),)),)))
        while not (await listeners["metric_update"].hear(Live)).numbers:
            pass
        his = await live.join(ben)
        while his.install not in {
            one.install for one in (await listeners["presence"].hear(Live)).people or ()
        }:
            pass


async def test_who_wants_to_hear_of_more_is_told_what_was_there_before(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, _, admin = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        device = await a_device(hers)
        down = Health(device, hers.install or device, "down", AT_US, AT_US)
        await hers.tell(
            journal=(hers.row(1, "alert_opened", device, **opened(device)),), health=(down,), fence=fence
        )
        listener = await live.connect(admin, None, topics=("presence",))
        await listener.hear(Welcome)
        alert = fingerprint("device_down", device)
        await listener.say(Subscribe(("presence", "alert_fired")))
        assert (await listener.until("alert", alert)).is_open
        assert ("health", device) not in listener.things
        await listener.say(Subscribe(("device_status", "alert_fired")))
        assert await listener.until("health", device) == down
        assert ("alert", alert) in listener.things, "what it has goes on"
        before = listener.revision
        await listener.say(Subscribe(("device_status",)))
        await listener.say(Subscribe(("device_status", "alert_fired")))
        await hers.tell(journal=(hers.row(2, "alert_cleared", device, **opened(device)),), fence=fence)
        while listener.revision <= before or listener.things["alert", alert].is_open:
            await listener.hear_all()


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        (SYNC_PROTOCOL + 1, "update the server"),
        (SYNC_PROTOCOL, ""),
        (SYNC_PROTOCOL - 1, ""),
        (SYNC_PROTOCOL - 2, "update the app"),
    ],
)
async def test_a_protocol_and_the_one_before_are_spoken_and_others_are_told_who_is_to_be_updated(
    server_database: ServerDatabase, protocol: int, says: str
) -> None:
    async with living(server_database) as live:
        anna, *_ = await a_team(live, "engineer")
        install = await live.install(anna)
        line = await live.open()
        await line.say(Hello(protocol, (await anna.post("/auth/stream-token"))["token"], install))
        if says:
            refused = await line.refused()
            assert refused.code == "UPDATE_NEEDED" and says in refused.message and not refused.retry_after_s
            return
        welcome = await line.hear(Welcome)
        assert welcome.protocol == protocol
        (only,) = next(iter(live.server.app.state.hub.rooms.values())).lines
        assert only.protocol == protocol
