"""What links carry, told to lines: each what it reaches, once; all to who comes later, nothing to who may see no numbers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from domain.sync import LOADS_AT_ONCE, Live, Load, decode_to_install
from sync_server.live.carried import Carried
from sync_server.live.shelf import view_of

A, B = UUID(int=1), UUID(int=2)
SITE = frozenset((UUID(int=50),))


class Line:
    """A line that keeps what it is told."""

    def __init__(
        self, sites: frozenset[UUID] | None = None, *, sees: bool = True, wants: bool = True
    ) -> None:
        self.id = uuid4()
        self.topics = frozenset(("metric_update",)) if wants else frozenset()
        reach = SimpleNamespace(sites=sites)
        self.who = SimpleNamespace(permissions=frozenset(), reach=reach, may=lambda _: sees)
        self.told: list[Load] = []
        self.parts: list[int] = []

    def tell(self, data: bytes) -> None:
        live = decode_to_install(data)
        assert isinstance(live, Live)
        self.told += live.loads
        self.parts.append(len(live.loads))


class Reach:
    """Who reaches one site sees A."""

    async def by_view(self, people: Any) -> Any:
        return {view_of(who): frozenset((A,)) for who in people}


def tell(carried: Carried, *lines: Line) -> None:
    asyncio.run(carried.tell(cast("Any", lines), cast("Any", Reach())))


def take(carried: Carried, *loads: Load) -> None:
    carried.take(msgspec.msgpack.encode(loads))


def test_each_is_told_what_it_reaches_and_may_see_and_what_it_has_heard_no_more() -> None:
    carried = Carried()
    all_sites, one_site, no_numbers, no_wish = Line(), Line(SITE), Line(sees=False), Line(wants=False)
    lines = (all_sites, one_site, no_numbers, no_wish)
    take(carried, (A, 1.0, None), (B, 2.0, 3.0))
    tell(carried, *lines)
    tell(carried, *lines)
    assert sorted(all_sites.told) == [(A, 1.0, None), (B, 2.0, 3.0)]
    assert one_site.told == [(A, 1.0, None)]
    assert no_numbers.told == no_wish.told == []
    take(carried, (B, 4.0, 4.0))
    tell(carried, *lines)
    assert all_sites.told[2:] == [(B, 4.0, 4.0)] and len(one_site.told) == 1


def test_who_comes_later_is_told_all_that_is_known_of_the_one_who_judges() -> None:
    carried, first, later = Carried(), Line(), Line()
    take(carried, (A, 1.0, 1.0))
    tell(carried, first)
    tell(carried, first, later)
    assert later.told == [(A, 1.0, 1.0)] and len(first.told) == 1
    carried.forget()
    last = Line()
    tell(carried, first, later, last)
    assert last.told == []


def test_many_are_told_in_pieces() -> None:
    carried, line = Carried(), Line()
    take(carried, *((UUID(int=number), 1.0, 1.0) for number in range(LOADS_AT_ONCE + 1)))
    tell(carried, line)
    assert line.parts == [LOADS_AT_ONCE, 1]
