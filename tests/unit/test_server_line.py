"""An install that says nothing any more: the server ends its line within 15 s, in virtual time. Counterpart: `test_line.py`."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from uuid import UUID

from domain.polling import BEAT_S
from domain.sync import Alive, encode
from sync_server.live.frames import HangUp
from sync_server.live.line import Line
from tests.unit.virtual_time import run

BEATS = 20


class Peer:
    """An install that says so many beats, and then nothing more."""

    left_in_peace = False

    def __init__(self) -> None:
        self.silent_s = self.aborted_s = 0.0
        self._said = 0

    async def receive(self) -> bytes:
        """Return the next beat, if ever."""
        if self._said == BEATS:
            self.silent_s = asyncio.get_running_loop().time()
            await asyncio.Future()
        await asyncio.sleep(BEAT_S)
        self._said += 1
        return encode(Alive(self._said))

    def put(self, data: bytes) -> bool:
        """Take what is sent."""
        return True

    async def send(self, data: bytes) -> None:
        """Take what is sent."""

    def abort(self) -> None:
        """Be cut off."""
        self.aborted_s = asyncio.get_running_loop().time()

    async def refuse(self, why: HangUp) -> None:
        """Be told why; one who says nothing is told nothing."""
        raise AssertionError(why)


def test_an_install_that_falls_silent_right_after_a_beat_is_hung_up_within_fifteen_seconds() -> None:
    async def main() -> None:
        peer = Peer()
        line = Line(
            UUID(int=1),
            peer,  # type: ignore[arg-type]
            SimpleNamespace(now_us=lambda: 1),  # type: ignore[arg-type]
            SimpleNamespace(id=UUID(int=2), tenant=UUID(int=3)),  # type: ignore[arg-type]
            person=None,
            fitness=0,
            run_id=None,
            may_tell=False,
            jumps=False,
            cursor=0,
            told_by=0,
            topics=frozenset(),
            protocol=1,
        )
        assert not await line.run(b"welcome"), "it did not leave in peace"
        assert peer.silent_s == 1_000.0 + BEATS * BEAT_S, "whoever beats is not given up"
        assert peer.silent_s < peer.aborted_s <= peer.silent_s + 15.0

    run(main())
