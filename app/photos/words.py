"""What is said of photographs. Counterpart: `domain/photo.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.photo import Photo


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
