"""Places among connections: as many as there are, each once."""

from __future__ import annotations

from uuid import UUID

from sync_server.live.places import Places

NORTH, SOUTH = UUID(int=1), UUID(int=2)


def test_a_tenant_has_so_many_places_and_all_together_so_many() -> None:
    places = Places(3, 2)
    assert [places.take(NORTH) for _ in range(3)] == [True, True, False]
    assert [places.take(SOUTH) for _ in range(2)] == [True, False]
    assert places.taken == {NORTH: 2, SOUTH: 1}


def test_a_place_that_is_given_back_is_anybodys() -> None:
    places = Places(1, 1)
    assert places.take(NORTH) and not places.take(SOUTH)
    places.give_back(NORTH)
    assert not places.taken and places.take(SOUTH)
