"""Frames on their way out: at once where they may, in their order always. Checks `sync_server/live/outgoing.py`."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from sync_server.live import outgoing
from sync_server.live.frames import Peer
from sync_server.live.outgoing import OUT, Outgoing


class _Peer:
    """One that reads while `reads` is set."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.at_once = 0
        self.reads = asyncio.Event()
        self.is_cut = False

    def put(self, data: bytes) -> bool:
        if self.reads.is_set():
            self.got.append(data)
            self.at_once += 1
        return self.reads.is_set()

    async def send(self, data: bytes) -> None:
        await self.reads.wait()
        await asyncio.sleep(0)  # others have their turn before it has left
        self.got.append(data)

    def abort(self) -> None:
        self.is_cut = True


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_frame_leaves_at_once_where_nothing_waits() -> None:
    async def test() -> None:
        peer = _Peer()
        peer.reads.set()
        out = Outgoing(cast(Peer, peer))
        out.put_now(b"before it began")
        assert peer.got == []
        sending = asyncio.create_task(out.run())
        await _settle()
        out.put_now(b"at once")
        assert (peer.got, peer.at_once) == ([b"before it began", b"at once"], 1)
        sending.cancel()

    asyncio.run(test())


def test_no_frame_overtakes_one_that_is_on_its_way_or_waits() -> None:
    async def test() -> None:
        peer = _Peer()
        out = Outgoing(cast(Peer, peer))
        sending = asyncio.create_task(out.run())
        out.put_now(b"0")
        await _settle()
        peer.reads.set()  # it reads again, and the first has not left yet
        out.put_now(b"1")
        out.put_now(b"2")
        await out.put(b"3")
        assert (peer.got, out.waiting) == ([], 3)
        await _settle()
        out.put_now(b"4")
        assert peer.got == [b"0", b"1", b"2", b"3", b"4"]
        sending.cancel()

    asyncio.run(test())


def test_what_waits_has_so_much_room() -> None:
    async def test() -> None:
        out = Outgoing(cast(Peer, _Peer()))
        for _ in range(OUT):
            out.put_now(b"")
        with pytest.raises(asyncio.QueueFull):
            out.put_now(b"")

    asyncio.run(test())


def test_a_peer_that_does_not_read_is_cut_and_told_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "SEND_S", 0.01)

    async def test() -> None:
        peer = _Peer()
        out = Outgoing(cast(Peer, peer))
        out.put_now(b"0")
        await out.run()
        assert peer.is_cut
        peer.reads.set()
        out.put_now(b"1")
        assert (peer.got, out.waiting) == ([], 1)

    asyncio.run(test())
