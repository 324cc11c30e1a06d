"""What is refused of photographs, and that they go with what they show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.photos.words import day
from domain.edit import Edit, Step, creation, deletion
from domain.inventory import Device, Inventory, Site
from domain.merge import merge
from domain.photo import CAPTION_CAP, Photo
from domain.rules import refusals

HILL = Site(UUID(int=500), "Hochstein")
A = Device(UUID(int=1), "R1", "10.0.0.1", site=HILL.id)
PHOTO = Photo(UUID(int=700), "ab" * 32, "cd" * 32, 2_048, 1_536, 10**15, "mara", "The mast", 10**15, HILL.id)


def there(*things: Any) -> Inventory:
    """Return an inventory of these."""
    found = Inventory()
    for thing in things:
        found.tables[type(thing).__name__.lower()][thing.id] = thing
    return found


def edit(*steps: Step) -> Edit:
    """Return an edit of these steps."""
    return Edit(UUID(int=9), 10**15, "mara", "Work", steps)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"site": None}, "site", "a site or a device expected, got neither"),
        ({"device": A.id}, "site", "a site or a device expected, got both"),
        ({"site": UUID(int=4)}, "site", "there is no site"),
        ({"site": None, "device": UUID(int=4)}, "device", "there is no device"),
        ({"digest": "../etc/passwd"}, "digest", "64 hex digits"),
        ({"thumb": ""}, "thumb", "64 hex digits"),
        ({"width": 2_049}, "width", "a width of 1 to 2048 pixels expected, got 2049"),
        ({"height": 0}, "height", "got 0"),
        ({"caption": "x" * (CAPTION_CAP + 1)}, "caption", "at most 250"),
        ({"caption": "a\nb"}, "caption", "control"),
        ({"author": "x" * 121}, "author", "at most 120"),
        ({"taken_us": -1}, "taken_us", "a time of 1970 to 2100"),
        ({"taken_us": 10**18}, "taken_us", "a time of 1970 to 2100"),
        ({"added_us": 10**18}, "added_us", "a time of 1970 to 2100"),
    ],
)
def test_a_photograph_is_refused_at_the_field(fields: dict[str, Any], field: str, words: str) -> None:
    wrong = msgspec.structs.replace(PHOTO, **fields)
    (refusal,) = refusals(there(HILL, A), edit(creation("photo", wrong)))
    assert refusal.field == field
    assert words in refusal.message


def test_a_time_that_no_calendar_has_is_words() -> None:
    for at_us in (10**18, -(10**18), 10**30):
        assert day(at_us) == "at an unknown time"


def test_a_photograph_hangs_at_a_site_or_at_a_device() -> None:
    of_device = msgspec.structs.replace(PHOTO, site=None, device=A.id)
    for photo in (PHOTO, of_device, msgspec.structs.replace(PHOTO, caption="برج" * 20)):
        assert not refusals(there(HILL, A), edit(creation("photo", photo)))


def test_what_has_photographs_is_deleted_with_them() -> None:
    photo = msgspec.structs.replace(PHOTO, site=None, device=A.id)
    (refusal,) = refusals(there(A, HILL, photo), edit(deletion("device", A)))
    assert refusal.message == "1 photograph of it would be left: delete them with it"
    assert not refusals(there(A, HILL, photo), edit(deletion("photo", photo), deletion("device", A)))


def test_two_captions_clash_and_a_deletion_wins() -> None:
    mine = Step("photo", PHOTO.id, {"caption": "The mast"}, {"caption": "Mine"})
    theirs = msgspec.structs.replace(PHOTO, caption="Theirs")
    merged = merge(there(HILL, theirs), edit(mine))
    assert merged.edit is None
    assert [one.name for clash in merged.clashes for one in clash.fields] == ["caption"]
    gone = merge(there(HILL, theirs), edit(deletion("photo", PHOTO)))
    assert gone.edit is not None
    assert gone.edit.steps[0].before is not None
    assert gone.edit.steps[0].before["caption"] == "Theirs"
