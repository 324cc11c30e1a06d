"""Who has which tunnel open, told to lines: news that come while it is told, lines without room, lines that are new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from domain.sync import Live, decode_to_install
from domain.tunnels import TOLD_FOR_S, TeamTunnel
from sync_server.live.shelf import view_of
from sync_server.live.team_tunnels import TeamTunnels

ANN, BEN = UUID(int=1), UUID(int=2)
R1, R2 = UUID(int=11), UUID(int=12)
SITE = frozenset((UUID(int=50),))


class Line:
    """A line that keeps what it is told, where it has room."""

    def __init__(self, sites: frozenset[UUID] | None = None) -> None:
        self.id = uuid4()
        self.topics = frozenset(("presence",))
        reach = SimpleNamespace(sites=sites)
        self.who = SimpleNamespace(permissions=frozenset(), reach=reach, may=lambda _: True)
        self.has_room = True
        self.told: list[set[UUID]] = []

    def tell(self, data: bytes) -> bool:
        live = decode_to_install(data)
        assert isinstance(live, Live) and live.tunnels is not None
        if self.has_room:
            self.told.append({one.device for one in live.tunnels})
        return self.has_room


class Reach:
    """Who reaches one site sees R1; `meanwhile` is done while that is asked."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._meanwhile = meanwhile

    async def by_view(self, people: Any) -> Any:
        self._meanwhile()
        return {view_of(who): frozenset((R1,)) for who in people}


def team() -> TeamTunnels:
    return TeamTunnels(UUID(int=9), cast("Any", None))


def take(tunnels: TeamTunnels, install: UUID, *devices: UUID, now_s: float = 0.0) -> bool:
    some = tuple(TeamTunnel(install, one, "ssh", 22, "direct", 0, install=install) for one in devices)
    return tunnels.take(msgspec.msgpack.encode((install, some)), now_s)


def tell(tunnels: TeamTunnels, *lines: Line, reach: Reach | None = None, now_s: float = 0.0) -> None:
    asyncio.run(tunnels.tell(cast("Any", lines), cast("Any", reach or Reach()), now_s))


def test_each_is_told_what_it_reaches_once_and_what_is_forgotten() -> None:
    tunnels, all_sites, one_site = team(), Line(), Line(SITE)
    assert take(tunnels, ANN, R1, R2)
    tell(tunnels, all_sites, one_site)
    assert not take(tunnels, ANN, R1, R2), "said again it is no news"
    tell(tunnels, all_sites, one_site)
    assert (all_sites.told, one_site.told) == ([{R1, R2}], [{R1}])
    tell(tunnels, all_sites, one_site, now_s=TOLD_FOR_S + 1)
    assert (all_sites.told[1:], one_site.told[1:]) == ([set()], [set()])


def test_news_that_come_while_it_is_told_reach_all() -> None:
    tunnels, all_sites, one_site = team(), Line(), Line(SITE)
    tell(tunnels, all_sites)
    take(tunnels, ANN, R2)
    came = [lambda: take(tunnels, BEN, R1)]
    reach = Reach(lambda: came.pop()() if came else None)
    tell(tunnels, all_sites, one_site, reach=reach)
    tell(tunnels, all_sites, one_site, reach=reach)
    assert (all_sites.told[-1], one_site.told[-1]) == ({R1, R2}, {R1})


def test_news_that_come_while_a_new_line_is_told_reach_the_others() -> None:
    tunnels, old, new = team(), Line(), Line(SITE)
    take(tunnels, ANN, R1)
    tell(tunnels, old)
    came = [lambda: take(tunnels, BEN, R2)]
    reach = Reach(lambda: came.pop()() if came else None)
    tell(tunnels, old, new, reach=reach)
    tell(tunnels, old, new, reach=reach)
    assert (old.told[-1], new.told[-1]) == ({R1, R2}, {R1})


def test_a_line_without_room_hears_it_the_next_time() -> None:
    tunnels, full, other = team(), Line(), Line()
    take(tunnels, ANN, R1)
    full.has_room = False
    tell(tunnels, full, other)
    full.has_room = True
    tell(tunnels, full, other)
    assert full.told == other.told == [{R1}]


def test_a_line_that_comes_anew_is_told_also_that_there_is_nothing() -> None:
    tunnels, before, again = team(), Line(), Line()
    take(tunnels, ANN, R1)
    tell(tunnels, before)
    take(tunnels, ANN)
    tell(tunnels, again)
    tell(tunnels, again)
    assert again.told == [set()]
