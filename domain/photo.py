"""Photographs of sites and devices as the inventory names them. Counterparts: `inventory.py`; `blobs.py`, how their bytes travel.

Theory: a photograph is two pictures that are kept by their content: itself, 2,048 px long at most, and a small one for lists.
Both are made by the engine out of what a person gave, upright and without what the camera wrote into the file. Pictures never
change: another photograph is another thing. One rule: it hangs at one site or at one device, never at both.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

CAPTION_CAP = 250
SIDE_PX = 2_048
"""Longest side of a photograph as it is kept."""
THUMB_PX = 320
"""Longest side of the small one."""
FILE_CAP_BYTES = 25 * 1024 * 1024
"""Largest file that a photograph is made of."""


class Photo(msgspec.Struct, frozen=True):
    """A photograph of a site or of a device. `digest` and `thumb`: the SHA-256 of the picture and of the small one, 64 hex digits
    each; `width` and `height` in pixels, of the picture. `taken_us`: when the camera says that it was taken, None where it does
    not; `added_us`, `author`: when it came here, and by whom."""

    id: UUID
    digest: str
    thumb: str
    width: int
    height: int
    added_us: int
    author: str = ""
    caption: str = ""
    taken_us: int | None = None
    site: UUID | None = None
    device: UUID | None = None

    @property
    def subject(self) -> UUID | None:
        """What it shows: the id of a site or of a device."""
        return self.site or self.device
