"""Which pictures a team shares: those under schematics, and photographs. Counterparts: `contents.py`, which brings and
fetches them; `sync_server/api/pictures.py`.

One rule: the small pictures of photographs come first, they are in every list.
"""

from __future__ import annotations

from domain.blobs import BLOB_CAP_BYTES
from domain.inventory import Inventory
from domain.photo import Photo
from engine.sync.contents import Ware

PICTURES = Ware("picture", 512 * 1024, BLOB_CAP_BYTES)
PICTURES_PATH = "/pictures"


def shown_in(inventory: Inventory) -> dict[str, str]:
    """Return what shows each picture that an inventory names, in words: small ones of photographs, backgrounds, photographs."""
    photos = {photo: f"A photograph of “{_subject(inventory, photo)}”" for photo in inventory.photos()}
    shown = {photo.thumb: words for photo, words in photos.items()}
    shown.update(
        (d.background, f"The picture under “{d.name}”") for d in inventory.diagrams() if d.background
    )
    shown.update((photo.digest, words) for photo, words in photos.items())
    return shown


def _subject(inventory: Inventory, photo: Photo) -> str:
    thing = inventory.site(photo.site) or (inventory.device(photo.device) if photo.device else None)
    return thing.name if thing is not None else ""
