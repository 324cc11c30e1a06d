"""Who judges for the team: the fittest that was heard lately, one at a time, another soon after it is gone."""

from __future__ import annotations

from uuid import UUID

import pytest

from sync_server.live import presence
from sync_server.live.polling import COLLECTOR, OWN, UNFIT, WINDOW
from sync_server.live.presence import LEASE_S, Candidate, Lease, next_lease
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import living
from tests.server.test_live import a_team

S = 1_000_000
NOW_US = 1_000 * S
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
NOBODY = Lease(None, 4, 0)


@pytest.fixture(autouse=True)
def of_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lease hold here for as long as it does elsewhere."""
    monkeypatch.setattr(presence, "LEASE_S", LEASE_S)


def one(
    install: UUID, fitness: int = WINDOW, since_s: float = 0, heard_s: float = 0, is_blind: bool = False
) -> Candidate:
    """Return somebody who came `since_s` and was heard `heard_s` ago."""
    return Candidate(install, fitness, NOW_US - round(since_s * S), NOW_US - round(heard_s * S), is_blind)


def held(install: UUID, left_s: float) -> Lease:
    """Return a lease that holds for so long."""
    return Lease(install, 4, NOW_US + round(left_s * S))


@pytest.mark.parametrize(
    ("old", "there", "holder", "fence"),
    [
        (NOBODY, [], None, 4),
        (NOBODY, [one(A, UNFIT)], None, 4),
        (NOBODY, [one(A, OWN)], None, 4),
        (NOBODY, [one(A), one(B, since_s=5)], B, 5),
        (NOBODY, [one(A, since_s=9), one(B, COLLECTOR)], B, 5),
        (NOBODY, [one(A, heard_s=LEASE_S + 1)], None, 4),
        (held(A, 3), [one(A), one(B, since_s=99)], A, 4),
        (held(A, 3), [one(A), one(B, COLLECTOR)], B, 5),
        (held(A, 3), [one(B)], A, 4),
        (held(A, 0), [one(B)], B, 5),
        (held(A, -1), [one(A, heard_s=13), one(B, heard_s=1)], B, 5),
        (held(A, 3), [one(A, UNFIT), one(B)], A, 4),
        (held(A, -1), [], None, 4),
        (held(A, 3), [one(A, is_blind=True), one(B)], B, 5),
        (held(A, 3), [one(A, is_blind=True), one(B, is_blind=True)], A, 4),
        (held(A, 3), [one(A, is_blind=True)], A, 4),
        (held(A, 3), [one(A, COLLECTOR, is_blind=True), one(B)], A, 4),
        (NOBODY, [one(A, since_s=9, is_blind=True), one(B)], B, 5),
    ],
)
def test_the_lease_is_one_installs_at_a_time(
    old: Lease, there: list[Candidate], holder: UUID | None, fence: int
) -> None:
    lease = next_lease(old, there, NOW_US)
    assert (lease.install, lease.fence) == (holder, fence)


def test_it_holds_for_as_long_since_its_holder_was_heard() -> None:
    lease = next_lease(held(A, 1), [one(A, heard_s=2)], NOW_US)
    assert lease == Lease(A, 4, NOW_US + round((LEASE_S - 2) * S))
    assert next_lease(lease, [one(A, heard_s=5)], NOW_US) == lease, "it is never shortened"


async def test_a_collector_has_it_before_a_window_and_gives_it_back_when_it_leaves(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, eve, admin = await a_team(live, "engineer", "viewer")
        window = await live.join(anna)
        first = (await window.led()).fence
        assert window.lease.holder == "Laptop"
        viewer = await live.join(eve)
        collector = await live.join(admin, await live.install(admin, "collector", "Mast 7"))
        second = (await collector.led()).fence
        assert second > first
        while window.lease.holder != "Mast 7":
            await window.next()
        assert (window.lease.fence, window.lease.for_s) == (0, 0.0)
        await collector.line.close()
        assert (await window.led()).fence > second
        assert viewer.lease.fence == 0


async def test_of_a_line_that_breaks_the_lease_is_waited_for(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        lease = await hers.led()
        his = await live.join(ben)
        hers.line.transport.abort()
        assert (await his.led()).fence > lease.fence
        assert await live.server.owner.fetchval("SELECT install_id FROM sync.lease") == his.install
