"""Clocks of servers that differ: who is known is heard, who is not and is old is dropped, and it is said."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from sync_server.health import news_part
from sync_server.live.bus import APART_S, KNOWN_S, Bus, Piece
from tests.server.conftest import ServerDatabase
from tests.server.servers import until
from tests.server.test_bus import KEYRING, _said, ear


@pytest.mark.parametrize(
    ("behind_s", "is_heard"), [(50.0, True), (70.0, False), (-50.0, True), (-70.0, False)]
)
async def test_clocks_may_differ_and_what_is_old_is_dropped(
    server_database: ServerDatabase, behind_s: float, is_heard: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with ear(server_database) as mine:
        sender = Bus(mine.bus._way, mine.database, KEYRING, lambda: time.time() - behind_s)
        for _ in range(2):
            mine.bus.hear(sender.framed([Piece("word", uuid4(), b"x")]))
        assert (len(mine.heard), mine.bus.stale) == ((2, 0) if is_heard else (0, 2))
        assert _said(caplog).count("frame_too_old") == (0 if is_heard else 1), "said once"
        said = {"status": "up", "by": "postgresql"}
        await until(lambda: mine.bus.is_up)
        assert news_part(mine.bus) == (said if is_heard else said | {"why": "clocks 70 s apart"})


async def test_who_is_known_is_heard_whatever_his_clock_does_and_a_stranger_is_told_of_again(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    off_s, run_s = [0.0], [0.0]
    async with ear(server_database) as mine:
        way, database = mine.bus._way, mine.database
        hearer = Bus(way, database, KEYRING, clock=lambda: run_s[0])
        known, stranger = (
            Bus(way, database, KEYRING, lambda: time.time() + off_s[0]),
            Bus(way, database, KEYRING, lambda: time.time() - 70.0),
        )
        frames = []
        for off_s[0] in (0.0, 3_600.0, -3_600.0):
            frames.append(known.framed([Piece("word", uuid4(), b"x")]))
            hearer.hear(frames[-1])
        assert (hearer.stale, len(hearer._last)) == (0, 1)
        for frame in frames:
            hearer.hear(frame)
        assert (hearer.stale, hearer.apart_s) == (3, 0.0), "what is repeated is no clock's fault"
        for run_s[0] in (10.0, 20.0, 10.0 + APART_S):
            hearer.hear(stranger.framed([Piece("word", uuid4(), b"x")]))
        assert hearer.apart_s == pytest.approx(70.0, abs=5.0)
        assert _said(caplog).count("frame_too_old") == 2, "again after a while"
        run_s[0] += APART_S
        assert hearer.apart_s == 0.0


async def test_who_was_not_heard_for_long_is_forgotten(server_database: ServerDatabase) -> None:
    now_s = [1e6]
    async with ear(server_database) as mine:
        hearer, senders = (
            Bus(mine.bus._way, mine.database, KEYRING, lambda: now_s[0], lambda: now_s[0]),
            [Bus(mine.bus._way, mine.database, KEYRING, lambda: now_s[0]) for _ in range(50)],
        )
        for sender in senders:
            hearer.hear(sender.framed([Piece("word", uuid4(), b"x")]))
        assert len(hearer._last) == 50
        now_s[0] += KNOWN_S + 1.0
        hearer.hear(senders[0].framed([Piece("word", uuid4(), b"x")]))
        assert len(hearer._last) == 1
