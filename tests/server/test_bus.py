"""What goes between processes: nobody else's, whole, capped; NATS by TLS, key or token, and lost and found again."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import nats as library
import pytest

from domain.vault import Secret
from sync_server.database import Database, Work
from sync_server.ledger import NEWS
from sync_server.live.bus import PAYLOAD_CAP_BYTES, PIECES_CAP, WHOLES_CAP, Bus, Piece
from sync_server.live.hub import CHANNELS
from sync_server.live.nkey import SEED, USER, NKey, credentials_in, encoded
from sync_server.live.notices import DEAF, LOST, Notices
from sync_server.live.stream import Stream, key_of, servers_of
from sync_server.security.keyring import Keyring
from sync_server.settings import SettingRefused, Settings
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.servers import WAYS, nats, until

URL = Secret("postgresql://x@/y")
KEYRING = Keyring(["the secret of a server that is tested"])
SEED_TEXT = encoded(bytes([SEED | USER >> 5, (USER & 31) << 3]) + b"\x07" * 32)


class Ear:
    """A bus and what it heard."""

    def __init__(self, way: Any, database: Database, keyring: Keyring = KEYRING) -> None:
        self.bus = Bus(way, database, keyring)
        self.database = database
        self.heard: list[tuple[str, UUID, bytes]] = []
        self.gaps = 0
        kinds = ("word", *CHANNELS)
        self.bus.start({kind: self._hearer(kind) for kind in kinds}, self._on_gap)

    def _hearer(self, kind: str) -> Any:
        return lambda id, payload: self.heard.append((kind, id, payload))

    def _on_gap(self) -> None:
        self.gaps += 1

    async def write(self, id: UUID) -> None:
        """Have a transaction say news."""
        async with self.database.transaction(Work()) as transaction:
            await transaction.execute("SELECT sync.say($1, $2)", NEWS, str(id))


@asynccontextmanager
async def ear(
    database: ServerDatabase, way: str = "postgresql", keyring: Keyring = KEYRING, **settings: Any
) -> AsyncIterator[Ear]:
    """Yield a bus of its own."""
    chosen = Settings(database_url=Secret(database.requests), pool_min=0, **settings)
    opened = await Database.open(chosen)
    made = Ear(Stream(chosen) if way == "nats" else Notices(opened, chosen, CHANNELS), opened, keyring)
    try:
        yield made
    finally:
        await made.bus.close()
        await opened.close()


def at(server: Any) -> dict[str, Any]:
    """Return the settings of a server at a NATS."""
    return {"way": "nats", "nats_url": Secret(f"nats://127.0.0.1:{server.port}")}


@pytest.mark.parametrize("way", WAYS)
async def test_what_one_says_the_others_hear_whole_and_once(
    server_database: ServerDatabase, way: str
) -> None:
    with nats() as server:
        given = at(server) if way == "nats" else {}
        async with ear(server_database, **given) as one, ear(server_database, **given) as other:
            await until(lambda: one.bus.is_up and other.bus.is_up)
            tenant, large = uuid4(), bytes(range(256)) * 900
            one.bus.say("word", tenant, b"small")
            one.bus.say("word", tenant, large)
            one.bus.say("word", tenant, b"x" * (PAYLOAD_CAP_BYTES + 1))
            one.bus.say("of a newer version", tenant, b"")
            await one.write(tenant)
            await until(lambda: len(other.heard) == 3 and one.heard)
            assert sorted(other.heard) == sorted(
                [("word", tenant, b"small"), ("word", tenant, large), (NEWS, tenant, b"")]
            )
            assert one.heard == [(NEWS, tenant, b"")]
            assert (one.bus.dropped, other.bus.broken) == (1, 0)
            with pytest.raises(ZeroDivisionError):
                async with one.database.transaction(Work()) as transaction:
                    await transaction.execute("SELECT sync.say($1, $2)", NEWS, str(tenant))
                    raise ZeroDivisionError
            await one.write(last := uuid4())
            await until(lambda: other.heard[-1] == (NEWS, last, b""))
            assert len(other.heard) == 4, "what was rolled back was not said"


async def test_a_payload_of_nobody_of_ours_is_dropped_and_counted(server_database: ServerDatabase) -> None:
    with nats() as server:
        foreign = Keyring(["the secret of some other installation"])
        async with (
            ear(server_database, **at(server)) as mine,
            ear(server_database, keyring=foreign, **at(server)) as evil,
        ):
            await until(lambda: mine.bus.is_up and evil.bus.is_up)
            tenant = uuid4()
            evil.bus.say("word", tenant, b"believe me")
            await evil.write(tenant)
            await until(lambda: mine.bus.broken == 2)
            stranger = await library.connect(f"nats://127.0.0.1:{server.port}")
            ours = mine.bus.framed([Piece("word", tenant, b"once")])
            for data in (b"", b"\x00" * 16, ours[:-1], b"\xff" * 100_000, ours[:16] + ours[:16]):
                await stranger.publish("heliograph.live", data)
                await stranger.publish(f"heliograph.said.{NEWS}.{uuid4()}", data)
            await stranger.flush()
            await until(lambda: mine.bus.broken == 12)
            await stranger.close()
            assert mine.heard == []


async def test_what_somebody_at_nats_repeats_is_dropped_and_counted(server_database: ServerDatabase) -> None:
    with nats() as server:
        async with ear(server_database, **at(server)) as one, ear(server_database, **at(server)) as other:
            await until(lambda: one.bus.is_up and other.bus.is_up)
            stranger = await library.connect(f"nats://127.0.0.1:{server.port}")
            kept: list[Any] = []

            async def keep(message: Any) -> None:
                kept.append((message.subject, message.data))

            await stranger.subscribe("heliograph.live", cb=keep)
            await stranger.subscribe("heliograph.said.>", cb=keep)
            await stranger.flush()
            tenant = uuid4()
            for word in (b"one", b"two"):
                one.bus.say("word", tenant, word)
                await until(lambda word=word: ("word", tenant, word) in other.heard)
            await one.write(tenant)
            await until(lambda: len(kept) == len(other.heard) == 3)
            (live, first), (_, second) = (one for one in kept if one[0] == "heliograph.live")
            ((said, news),) = (one for one in kept if one[0] != "heliograph.live")
            before = list(other.heard)
            for subject, data in (
                (live, second),
                (live, first),
                (live, news),
                (f"heliograph.said.{NEWS}.{uuid4()}", first),
                (said, news),
            ):
                await stranger.publish(subject, data)
            await stranger.flush()
            await until(lambda: (other.bus.stale, other.bus.broken) == (2, 1))
            await until(lambda: len(other.heard) == len(before) + 2)
            assert {*other.heard[len(before) :]} == {(NEWS, tenant, b"")}, (
                "it can have others ask, and that is all"
            )
            await stranger.close()


async def test_pieces_that_never_become_whole_take_no_more_than_their_room(
    server_database: ServerDatabase,
) -> None:
    async with ear(server_database) as mine, ear(server_database) as other:
        for number in range(3 * WHOLES_CAP):
            mine.bus.hear(other.bus.framed([Piece("word", uuid4(), b"x", number, 0, 2)]))
        mine.bus.hear(other.bus.framed([Piece("word", uuid4(), b"x", 0, 0, PIECES_CAP + 1)]))
        mine.bus.hear(other.bus.framed([Piece("word", uuid4(), b"x", 0, 7, 3)]))
        assert (len(mine.bus._wholes), mine.heard) == (WHOLES_CAP, [])


async def test_news_that_found_no_way_are_told_when_there_is_one_again(
    server_database: ServerDatabase,
) -> None:
    with nats() as server:
        async with ear(server_database, **at(server)) as one, ear(server_database, **at(server)) as other:
            await until(lambda: one.bus.is_up and other.bus.is_up)
            gaps = other.gaps
            server.kill()
            await until(lambda: not one.bus.is_up and not other.bus.is_up)
            tenant = uuid4()
            for _ in range(50):
                await one.write(tenant)
            assert one.heard == [(NEWS, tenant, b"")] * 50, "who wrote it hears it all the same"
            one.bus.say("word", tenant, b"momentary")
            server.start()
            await until(lambda: other.heard)
            assert other.heard == [(NEWS, tenant, b"")], "once, as it is one tenant, and nothing stale"
            await until(lambda: other.gaps > gaps)  # a server that was killed may have lost some


async def test_who_lost_his_connection_alone_goes_on_behind_what_he_heard(
    server_database: ServerDatabase,
) -> None:
    with nats() as server:
        async with ear(server_database, **at(server)) as one, ear(server_database, **at(server)) as other:
            await until(lambda: one.bus.is_up and other.bus.is_up)
            first, second = uuid4(), uuid4()
            await one.write(first)
            await until(lambda: other.heard)
            gaps = other.gaps
            await other.bus._way._client.close()  # type: ignore[attr-defined]
            for _ in range(5):
                await one.write(second)
            await until(lambda: len(other.heard) >= 2)
            assert other.heard[0] == (NEWS, first, b"")
            assert set(other.heard[1:]) == {(NEWS, second, b"")}, "once a batch, and the first not again"
            assert other.gaps == gaps, "nothing was missed, so nobody asks all"


async def test_nats_knows_a_server_by_its_key_or_not_at_all(server_database: ServerDatabase) -> None:
    key = NKey(Secret(SEED_TEXT))
    with nats(f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}") as server:
        async with (
            ear(server_database, **at(server), nats_nkey=Secret(SEED_TEXT)) as mine,
            ear(server_database, **at(server)) as stranger,
        ):
            await until(lambda: mine.bus.is_up)
            await mine.write(uuid4())
            await until(lambda: mine.bus.said)
            assert not stranger.bus.is_up


async def test_over_tls_or_not_at_all(
    server_database: ServerDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = a_certificate(tmp_path)
    lines = """
        tls { cert_file: "./cert", key_file: "./key" }
        authorization { user: us, password: s3cr3t-word }
    """
    with nats(lines, files) as server, nats() as plain:
        secret = Secret(f"tls://us:s3cr3t-word@127.0.0.1:{server.port}")
        given = {"way": "nats", "nats_ca": str(tmp_path / "cert"), "nats_url": secret}
        async with ear(server_database, **given) as mine:
            await until(lambda: mine.bus.is_up)
        async with ear(server_database, way="nats", nats_url=secret) as unknown:
            await until(lambda: "CERTIFICATE_VERIFY_FAILED" in _said(caplog))
            assert not unknown.bus.is_up
        downgraded = Secret(f"tls://us:s3cr3t-word@127.0.0.1:{plain.port}")
        async with ear(server_database, **{**given, "nats_url": downgraded}) as fooled:
            await until(lambda: "offers none" in _said(caplog))
            assert not fooled.bus.is_up
    assert "s3cr3t" not in _said(caplog)


def test_a_wrong_setting_of_nats_is_said_without_what_it_was() -> None:
    for text in (
        "http://u:s3cr3t@h",
        "nats://u:s3cr3t@",
        "nats://u:s3cr3t@h:99999",
        "nats://192.0.2.1:1/x s3cr3t",
    ):
        with pytest.raises(SettingRefused, match="expected") as refused:
            servers_of(Settings(database_url=URL, nats_url=Secret(text)))
        assert "s3cr3t" not in str(refused.value)
    for text in ("nats://u:s3cr3t@192.0.2.1", "nats://t0ken@nats.example"):
        with pytest.raises(SettingRefused, match="tls:// expected"):
            servers_of(Settings(database_url=URL, nats_url=Secret(text)))
    found = servers_of(
        Settings(database_url=URL, nats_url=Secret("nats://u%40x:p%2F@localhost, tls://[::1]:7"))
    )
    assert [(one.url, one.user, one.password) for one in found] == [
        ("nats://localhost:4222", "u@x", "p/"),
        ("tls://[::1]:7", "", ""),
    ]


def test_a_key_and_a_credentials_file_are_read_as_nats_writes_them() -> None:
    file = (
        "-----BEGIN NATS USER JWT-----\nab.cd.ef\n------END NATS USER JWT------\n\nIMPORTANT\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{SEED_TEXT}\n------END USER NKEY SEED------\n"
    )
    token, key = credentials_in(Secret(file))
    assert (token, key.public[0], SEED_TEXT[:2]) == ("ab.cd.ef", "U", "SU")
    assert key_of(Settings(database_url=URL, nats_creds=Secret(file)))[0] == "ab.cd.ef"
    for wrong in (SEED_TEXT[:-1] + "A", SEED_TEXT[:10], "", "!!", key.public):
        with pytest.raises(ValueError, match="seed of a user's nkey expected") as refused:
            NKey(Secret(wrong))
        assert SEED_TEXT[5:15] not in str(refused.value)
    with pytest.raises(SettingRefused, match="only one"):
        key_of(Settings(database_url=URL, nats_creds=Secret(file), nats_nkey=Secret(SEED_TEXT)))


def a_certificate(folder: Path) -> dict[str, bytes]:
    """Return a certificate for this computer, and its key."""
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", folder / "key", "-out", folder / "cert", "-days", "2", "-subj", "/CN=nats"]
    subprocess.run([*made, *files, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return {name: (folder / name).read_bytes() for name in ("cert", "key")}


def _said(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(f"{record.getMessage()} {vars(record).get('reason')}" for record in caplog.records)


async def test_who_listens_and_hears_nothing_is_no_way_and_says_so_until_it_hears(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sync_server.live.notices.ECHO_S", 0.2)
    monkeypatch.setattr("sync_server.live.notices.ECHO_EVERY_S", 0.1)
    is_pooled = True

    class Pooled(asyncpg.Connection):  # type: ignore[type-arg]
        async def add_listener(self, channel: str, callback: Any) -> None:
            await super().add_listener(channel, callback)
            if is_pooled:  # as if another connection of a pooler's had taken it
                await self.execute(f"UNLISTEN {channel}")

    pooled = partial(asyncpg.connect, connection_class=Pooled)
    monkeypatch.setattr("sync_server.live.notices.asyncpg.connect", pooled)
    async with serving(server_database) as server:
        bus = server.app.state.hub.bus
        await until(lambda: bus.why)
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert not bus.is_up
        said = await server.somebody().http.get("/health")
        assert (said.status_code, said.json()["parts"]["news"]) == (
            200,
            {"status": "late", "by": "postgresql", "why": DEAF},
        )
        assert _said(caplog).count("listening_deaf") == 1
        is_pooled = False
        monkeypatch.setattr("sync_server.live.notices.ECHO_S", 60.0)  # what comes late is no matter here
        await until(lambda: bus.is_up)
        said = await server.somebody().http.get("/health")
        assert said.json()["parts"]["news"] == {"status": "up", "by": "postgresql"}


async def test_who_heard_and_hears_no_more_is_found_out(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.notices.ECHO_S", 60.0)
    monkeypatch.setattr("sync_server.live.notices.ECHO_EVERY_S", 0.1)
    monkeypatch.setattr("sync_server.live.notices.RETRY_S", 0.3)
    async with ear(server_database) as mine:
        await until(lambda: mine.bus.is_up)
        gaps = mine.gaps
        hears = mine.bus._way._hears  # type: ignore[attr-defined]

        asked, is_looked_at = 0, asyncio.Event()

        async def deaf() -> bool | None:
            nonlocal asked
            asked += 1
            if asked == 5:
                await is_looked_at.wait()
            return await hears() if asked in (3, 4) else False  # twice in a row, and for good after

        monkeypatch.setattr(mine.bus._way, "_hears", deaf)
        await until(lambda: asked > 4)
        assert (mine.bus.is_up, mine.gaps) == (True, gaps), "a word that is late twice costs nothing"
        monkeypatch.setattr("sync_server.live.notices.ECHO_EVERY_S", 600.0)  # it never rests so long
        is_looked_at.set()
        await until(lambda: not mine.bus.is_up)
        assert mine.bus.why == LOST
        monkeypatch.setattr(mine.bus._way, "_hears", hears)
        await until(lambda: mine.bus.is_up)
        assert mine.gaps > gaps
