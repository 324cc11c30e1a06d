"""Pictures kept by their content: how they travel between window and engine. Counterpart: `engine/blobs.py` keeps them.

Theory: a picture's name is the SHA-256 of its bytes, so that it is sent once, kept once and never changed. It goes in pieces,
because a frame has a cap; who sends asks first how much is there already, and goes on behind that.
One rule: nobody believes a name: what arrives is hashed before it is kept, and again before it is shown.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

BLOB_CAP_BYTES = 8 * 1024 * 1024
"""The largest picture."""
PIECE_BYTES = 256 * 1024
"""Most bytes in one message."""


class PictureWay(msgspec.Struct, frozen=True):
    """A picture that is on its way between this computer and its team's server: `done` of `size` bytes are there. `is_up`: it
    goes to the server, else it comes. `trouble`: why it does not go on, in words."""

    digest: str
    size: int
    done: int = 0
    is_up: bool = True
    trouble: str = ""


class PutBlob(msgspec.Struct, tag="put_blob", frozen=True):
    """Here are bytes of a picture from `offset` on; none asks how much is there. Reply.result: {"have": bytes that are there}.

    Pieces come in order: one that does not begin where the last ended changes nothing, and the reply says where to go on. At
    `size` it is whole and kept; INVALID_INPUT at "size", "data" or "digest" where it is too big, no picture, or not what its
    name says.
    """

    request: int
    digest: str
    size: int
    offset: int = 0
    data: bytes = b""


class GetBlob(msgspec.Struct, tag="get_blob", frozen=True):
    """Ask for a piece of a picture. Reply.result: {"size": of the whole, "data": bytes from `offset` on}; BLOB_NOT_FOUND."""

    request: int
    digest: str
    offset: int = 0


class DevelopPhoto(msgspec.Struct, tag="develop_photo", frozen=True):
    """Here are bytes of a file from `offset` on; two pictures are to be made of it and kept, as `domain/photo.py` says. `digest`
    is the file's. Reply.result: {"have": bytes that are there}, and with the last piece {"digest", "thumb", "width", "height",
    "taken_us"} of `Photo`. The file itself is kept by nobody.

    Pieces go as those of `PutBlob`. `name` is what people call the file, for what is said of it: INVALID_INPUT at "size", "data"
    (no picture, or none that can be read) or "digest".
    """

    request: int
    digest: str
    size: int
    offset: int = 0
    data: bytes = b""
    name: str = ""


BlobRequest = PutBlob | GetBlob | DevelopPhoto


DIGEST_CHARS = 64
LISTED_AT_ONCE = 4_000
"""Pictures in one answer of a server; the next begin behind its last."""


def digest_of(data: bytes) -> str:
    """Return the name of some content: its SHA-256, 64 hex digits."""
    return sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    """Tell whether a text can be the name of some content."""
    return len(text) == DIGEST_CHARS and all(c in "0123456789abcdef" for c in text)


def picture_kind(data: bytes) -> str:
    """Return the MIME type of a PNG or JPEG by its first bytes, "" of anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else ""
