"""When a computer says that it is in step with its team: by what it heard, and never because a line merely stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.inventory import Site, Tenant
from domain.sync import Alive, Entries, Welcome
from engine.sync.steps import Steps

ID = UUID(int=1)
WELCOME = Welcome(1, "", Tenant(ID, "North"), "e", 10, ID, "", "viewer", (), True, 0, 0)


def welcomed(revision: int, here: int, to_come: int = 0) -> Steps:
    steps = Steps()
    steps.begin(msgspec.structs.replace(WELCOME, revision=revision, to_come=to_come), here)
    return steps


def part(things: int, **fields: Any) -> Entries:
    sites = tuple(Site(UUID(int=n), f"s{n}", "", None, None) for n in range(things))
    return Entries(**{"since": 0, "revision": 10, "complete": False, "sites": sites, **fields})


def alive(revision: int) -> Alive:
    return Alive(0, revision=revision)


def test_who_has_all_at_the_welcome_is_in_step_and_stays_so_while_beats_come() -> None:
    steps = welcomed(10, here=10)
    assert steps.is_synced and steps.is_in_step
    steps.on_alive(alive(10), 10)
    assert steps.is_in_step
    steps.on_alive(alive(0), 10)
    assert steps.is_in_step, "an older server says no revision with its beats"


def test_while_a_snapshot_comes_nobody_is_in_step_and_what_came_is_counted() -> None:
    steps = welcomed(10, here=0, to_come=5)
    assert not steps.is_synced
    steps.on_entries(part(3), 0, is_whole=False)
    steps.on_alive(alive(10), 0)
    assert (steps.is_synced, steps.is_in_step, steps.received, steps.to_come) == (False, False, 3, 5)
    steps.on_entries(part(2, complete=True), 10, is_whole=True)
    assert (steps.is_synced, steps.is_in_step, steps.received, steps.to_come) == (True, True, 0, 0)


def test_what_came_to_the_server_between_two_beats_may_be_on_its_way() -> None:
    steps = welcomed(10, here=10)
    steps.on_alive(alive(14), 10)
    assert steps.is_in_step
    steps.on_entries(part(1), 12, is_whole=True)
    assert not steps.is_in_step, "there was 14 by then"
    steps.on_entries(part(1), 14, is_whole=True)
    assert steps.is_in_step


def test_who_has_not_by_a_beat_what_there_was_at_the_one_before_is_behind() -> None:
    steps = welcomed(10, here=10)
    steps.on_alive(alive(14), 10)
    steps.on_alive(alive(14), 10)
    assert not steps.is_synced and not steps.is_in_step
    steps.on_alive(alive(14), 14)
    assert steps.is_synced


def test_without_a_line_nobody_is_in_step() -> None:
    steps = welcomed(10, here=10)
    steps.end()
    assert not steps.is_synced and not steps.is_in_step
