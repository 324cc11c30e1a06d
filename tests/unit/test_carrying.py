"""What is said of what links carry: news a few seconds later, all of it each minute, and nothing by who does not judge."""

from __future__ import annotations

from uuid import UUID

from domain.inventory import Inventory
from domain.load import LinkState
from domain.sync import LOADS_AT_ONCE, Load, Loads
from engine.judge.following import carry
from engine.state import State
from engine.sync.carrying import EVERY_US, WHOLE_EVERY_US, Carrying

A, B = UUID(int=1), UUID(int=2)


def state(**bps: float | None) -> State:
    made = State(Inventory(), UUID(int=9))
    for id, carried in zip((A, B), bps.values(), strict=False):
        made.link_states[id] = LinkState(id, "up", 1, 1, carried, None)
    return made


def said(loads: list[Loads]) -> list[Load]:
    return [one for part in loads for one in part.links]


def test_who_does_not_judge_says_nothing() -> None:
    assert Carrying(state(a=1.0)).next(0, 1) == []


def test_all_is_said_first_and_then_what_differs_by_more_than_a_twentieth() -> None:
    links = state(a=100.0, b=None)
    carrying = Carrying(links)
    assert said(carrying.next(7, EVERY_US)) == [(A, 100.0, None), (B, None, None)]
    links.link_states[A] = LinkState(A, "up", 1, 1, 104.0, None)
    assert carrying.next(7, 2 * EVERY_US - 1) == [], "not so soon"
    assert carrying.next(7, 2 * EVERY_US) == []
    links.link_states[A] = LinkState(A, "up", 1, 1, 106.0, 0.0)
    assert said(carrying.next(7, 3 * EVERY_US)) == [(A, 106.0, 0.0)]
    links.link_states[A] = LinkState(A, "up", 1, 1, None, 0.0)
    assert said(carrying.next(7, 4 * EVERY_US)) == [(A, None, 0.0)]


def test_all_is_said_again_each_minute_under_another_fence_and_on_another_line() -> None:
    carrying = Carrying(state(a=1.0, b=2.0))
    at_us = EVERY_US
    assert len(said(carrying.next(7, at_us))) == 2
    assert len(said(carrying.next(8, at_us + 1))) == 2
    assert said(carrying.next(8, at_us + EVERY_US + 1)) == []
    assert len(said(carrying.next(8, at_us + WHOLE_EVERY_US + 1))) == 2
    carrying.begin_anew()
    assert len(said(carrying.next(8, at_us + WHOLE_EVERY_US + 2))) == 2


def test_many_are_said_in_pieces() -> None:
    links = state()
    for number in range(LOADS_AT_ONCE + 1):
        links.link_states[UUID(int=number)] = LinkState(UUID(int=number), "up")
    assert [len(part.links) for part in Carrying(links).next(1, EVERY_US)] == [LOADS_AT_ONCE, 1]


def test_what_is_no_load_is_not_known_and_a_link_that_is_not_here_is_nothing() -> None:
    links = state(a=1.0)
    odd: list[Load] = [(A, float("nan"), -1.0), (B, 1.0, 1.0)]
    assert carry(links, odd) == [A]
    assert links.link_states == {A: LinkState(A, "up", 1, 1, None, None)}
    assert carry(links, odd) == []
