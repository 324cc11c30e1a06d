"""What is refused of photographs. Counterpart: `rules.py`, which asks here. One rule: as there."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from domain.blobs import is_digest
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.photo import SIDE_PX, Photo


def photo_refusals(inventory: Inventory, photo: Photo) -> Iterator[Refusal]:
    """Go over what is refused of a photograph: what it hangs at, its pictures and their size."""
    if (photo.site is None) == (photo.device is None):
        said = f"a site or a device expected, got {'neither' if photo.site is None else 'both'}"
        yield Refusal("INVALID_INPUT", said, "site", photo.id)
    if photo.site is not None and inventory.site(photo.site) is None:
        yield Refusal("SITE_NOT_FOUND", f"there is no site {photo.site}", "site", photo.id)
    if photo.device is not None and inventory.device(photo.device) is None:
        yield Refusal("DEVICE_NOT_FOUND", f"there is no device {photo.device}", "device", photo.id)
    for field in ("digest", "thumb"):
        if not is_digest(getattr(photo, field)):
            said = "the SHA-256 of a picture expected, 64 hex digits"
            yield Refusal("INVALID_INPUT", said, field, photo.id)
    for field in ("width", "height"):
        if not 1 <= (side := getattr(photo, field)) <= SIDE_PX:
            yield Refusal(
                "INVALID_INPUT", f"a {field} of 1 to {SIDE_PX} pixels expected, got {side}", field, photo.id
            )


def hanging_photos(inventory: Inventory, kind: str, id: UUID) -> Iterator[Refusal]:
    """Go over what stands against deleting a thing: photographs of it that are not deleted with it."""
    if kind not in ("site", "device"):
        return
    left = sum(1 for _ in inventory.photos(id))
    if left:
        said = f"{left} photograph{'s' if left > 1 else ''} of it would be left: delete them with it"
        yield Refusal("IN_USE", said, subject=id)
