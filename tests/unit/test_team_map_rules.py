"""What is refused of maps that people share with their team."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import Edit, Step, change, creation, deletion
from domain.inventory import Inventory
from domain.rules import refusals
from domain.team_map import TEAM_MAP_CAP_BYTES, TEAM_MAPS_CAP, TeamMap, is_map
from tests.engine.stores import TEAM_MAP


def there(*maps: TeamMap) -> Inventory:
    """Return an inventory of these."""
    found = Inventory()
    found.tables["team_map"].update((one.id, one) for one in maps)
    return found


def refused(inventory: Inventory, step: Step) -> list[tuple[str, str]]:
    """Return the fields and words of what is refused of one step."""
    edit = Edit(UUID(int=9), 10**15, "mara", "Share", (step,))
    return [(one.field, one.message) for one in refusals(inventory, edit)]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"digest": "../../etc/passwd"}, "digest", "64 hex digits"),
        ({"digest": "AB" * 32}, "digest", "64 hex digits"),
        ({"size_bytes": 0}, "size_bytes", "a size of 1 to"),
        ({"size_bytes": TEAM_MAP_CAP_BYTES + 1}, "size_bytes", "a size of 1 to"),
        ({"min_zoom": 15}, "max_zoom", "zooms from 0 to 22 expected, got 15 to 14"),
        ({"max_zoom": 23}, "max_zoom", "got 0 to 23"),
        ({"bounds": (9.0, 48.0, 10.0, 47.0)}, "bounds", "in degrees expected"),
        ({"bounds": (-181.0, 47.0, 10.0, 48.0)}, "bounds", "got -181, 47, 10, 48"),
        ({"name": " "}, "name", "a name is needed"),
        ({"author": "x" * 121}, "author", "at most 120"),
        ({"added_us": -1}, "added_us", "a time of 1970 to 2100"),
    ],
)
def test_what_lies_about_itself_is_refused_at_its_field(
    fields: dict[str, Any], field: str, words: str
) -> None:
    one = msgspec.structs.replace(TEAM_MAP, **fields)
    found = refused(Inventory(), creation("team_map", one))
    assert [name for name, _ in found] == [field]
    assert words in found[0][1]


def test_a_map_across_the_antimeridian_is_shared_renamed_and_taken_back() -> None:
    one = msgspec.structs.replace(TEAM_MAP, bounds=(170.0, -20.0, -170.0, -10.0))
    assert refused(Inventory(), creation("team_map", one)) == []
    step = change("team_map", one, msgspec.structs.replace(one, name="Fiji"))
    assert step is not None and refused(there(one), step) == []
    assert refused(there(one), deletion("team_map", one)) == []


def test_the_same_file_is_in_the_team_once_and_there_is_an_end_of_maps() -> None:
    other = msgspec.structs.replace(TEAM_MAP, id=UUID(int=1), name="Again")
    (found,) = refused(there(TEAM_MAP), creation("team_map", other))
    assert found == ("digest", f"that map is in the team already, as {TEAM_MAP.name}")
    many = [
        msgspec.structs.replace(TEAM_MAP, id=UUID(int=10_000 + n), digest=f"{n:064x}")
        for n in range(TEAM_MAPS_CAP)
    ]
    (full,) = refused(there(*many), creation("team_map", other))
    assert full[1] == "at most 200 maps in a team: take one back"


def test_a_file_that_claims_to_be_no_map_is_known_by_its_first_bytes() -> None:
    assert is_map(b"PMTiles\x03rest")
    assert not any(map(is_map, (b"", b"PMTiles", b"PMTiles\x02", b"\x89PNG\r\n\x1a\n", b"SQLite format 3\0")))
