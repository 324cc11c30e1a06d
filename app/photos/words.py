"""What is said of photographs. Counterpart: `domain/photo.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from app.words import size
from domain.blobs import PictureWay
from domain.photo import Photo
from domain.team import TeamState


class Journey(NamedTuple):
    """How far the bytes of a photograph are on their way to the team, or from it, in words, and which part; `trouble`: they do
    not go on."""

    words: str
    part: float
    is_up: bool = True
    trouble: bool = False


def journeys_in(team: TeamState | None) -> dict[str, PictureWay]:
    """Return what is on its way, by the picture's digest."""
    return {one.digest: one for one in team.pictures} if team is not None else {}


def journey_of(photo: Photo, ways: dict[str, PictureWay]) -> Journey | None:
    """Return how far a photograph is, its small picture with it; None where nothing of it is on its way."""
    some = [way for digest in (photo.digest, photo.thumb) if (way := ways.get(digest)) is not None]
    if not some:
        return None
    whole, done, is_up = sum(one.size for one in some), sum(one.done for one in some), some[0].is_up
    if trouble := next((one.trouble for one in some if one.trouble), ""):
        return Journey(f"On this computer alone: {trouble}", 0.0, is_up, trouble=True)
    if not done:
        return Journey(
            "Its picture waits for the server" if is_up else "On its way from the team", 0.0, is_up
        )
    where = "with the server" if is_up else "here"
    return Journey(f"{size(done)} of {size(whole)} are {where}", done / max(whole, 1), is_up)


def in_order(photos: Iterable[Photo]) -> list[Photo]:
    """Return photographs as they are shown: those that came first, first."""
    return sorted(photos, key=lambda photo: (photo.added_us, photo.id))


def day(at_us: int) -> str:
    """Return a local day: 5 May 2026; words where no calendar has it."""
    try:
        at = datetime.fromtimestamp(at_us / 1e6)
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
    return f"{at.day} {at:%b %Y}"


def origin_of(photo: Photo) -> str:
    """Return when a photograph was taken where that is known, and who brought it when."""
    taken = f"Taken {day(photo.taken_us)}, added" if photo.taken_us is not None else "Added"
    return f"{taken} {day(photo.added_us)}" + (f" by {photo.author}" if photo.author else "")
