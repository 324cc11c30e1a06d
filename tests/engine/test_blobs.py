"""Pictures by their content: in pieces, again after a break, and nothing that lies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from domain.blobs import BLOB_CAP_BYTES, PIECE_BYTES, GetBlob, PutBlob, digest_of
from domain.diagram import Diagram
from domain.inventory import Inventory
from domain.wire import Reply
from engine.blobs import Blobs

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2_500
DIGEST = digest_of(PICTURE)


def ask(blobs: Blobs, request: PutBlob | GetBlob) -> Reply:
    """Ask and wait for the one reply."""
    return asyncio.run(blobs.answer(request))


def put(blobs: Blobs, data: bytes, digest: str = "") -> Reply:
    """Send a picture in pieces as the window does, from where the store says it is."""
    name = digest or digest_of(data)
    reply = ask(blobs, PutBlob(1, name, len(data)))
    while not reply.refusals and reply.result["have"] < len(data):
        have = reply.result["have"]
        reply = ask(blobs, PutBlob(1, name, len(data), have, data[have : have + PIECE_BYTES]))
    return reply


def get(blobs: Blobs, digest: str) -> bytes:
    """Fetch a picture in pieces."""
    data = b""
    while True:
        reply = ask(blobs, GetBlob(1, digest, len(data)))
        assert not reply.refusals
        data += bytes(reply.result["data"])
        if len(data) == reply.result["size"]:
            return data


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty store."""
    return Blobs(tmp_path / "pictures", Inventory)


def test_a_picture_comes_back_as_it_was(blobs: Blobs) -> None:
    assert put(blobs, PICTURE).result == {"have": len(PICTURE)}
    assert get(blobs, DIGEST) == PICTURE


def test_a_picture_goes_on_where_it_was_broken_off_also_after_a_restart(tmp_path: Path) -> None:
    first = Blobs(tmp_path / "pictures", Inventory)
    ask(first, PutBlob(1, DIGEST, len(PICTURE), 0, PICTURE[:1000]))
    again = Blobs(tmp_path / "pictures", Inventory)
    assert ask(again, PutBlob(1, DIGEST, len(PICTURE))).result == {"have": 1000}
    assert put(again, PICTURE).result == {"have": len(PICTURE)}
    assert get(again, DIGEST) == PICTURE


def test_a_piece_that_comes_twice_or_too_early_changes_nothing(blobs: Blobs) -> None:
    for offset in (0, 0, 5_000):
        piece = PICTURE[offset : offset + 1000]
        assert ask(blobs, PutBlob(1, DIGEST, len(PICTURE), offset, piece)).result == {"have": 1000}
    put(blobs, PICTURE)
    assert get(blobs, DIGEST) == PICTURE


def test_content_that_lies_about_its_name_is_not_kept(blobs: Blobs) -> None:
    other = digest_of(b"something else")
    [refusal] = put(blobs, PICTURE, other).refusals
    assert refusal.message == "the picture is not what its name says: it changed on its way"
    assert ask(blobs, GetBlob(1, other)).refusals[0].code == "BLOB_NOT_FOUND"
    assert ask(blobs, PutBlob(1, other, len(PICTURE))).result == {"have": 0}


def test_what_is_no_picture_is_not_kept(blobs: Blobs) -> None:
    [refusal] = put(blobs, b"<svg onload=alert(1)>").refusals
    assert (refusal.field, refusal.message) == ("data", "no PNG and no JPEG")


@pytest.mark.parametrize("size", [0, -1, BLOB_CAP_BYTES + 1])
def test_a_picture_of_no_size_or_too_big_is_refused_at_once(blobs: Blobs, size: int) -> None:
    [refusal] = ask(blobs, PutBlob(1, DIGEST, size, 0, PICTURE[:10])).refusals
    assert refusal.field == "size"


def test_a_piece_is_capped_and_more_than_was_said_is_not_kept(blobs: Blobs) -> None:
    big = PICTURE + bytes(PIECE_BYTES)
    assert ask(blobs, PutBlob(1, DIGEST, len(big), 0, big)).refusals[0].field == "data"
    [refusal] = ask(blobs, PutBlob(1, DIGEST, 100, 0, PICTURE[:200])).refusals
    assert refusal.field == "digest"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "ab" * 31 + "/."])
def test_a_name_is_a_hash_before_it_is_a_path(blobs: Blobs, name: str) -> None:
    for request in (PutBlob(1, name, 10, 0, PICTURE[:10]), GetBlob(1, name)):
        assert ask(blobs, request).refusals[0].field == "digest"


def test_what_nothing_shows_makes_room_and_what_is_shown_stays(tmp_path: Path) -> None:
    pictures = [PICTURE + bytes([i]) for i in range(4)]
    shown = Inventory()
    papers = [Diagram(UUID(int=i), "Floor", None, digest_of(data)) for i, data in enumerate(pictures)]
    blobs = Blobs(tmp_path / "pictures", lambda: shown, cap_bytes=3 * len(pictures[0]))
    for picture in pictures[:3]:
        put(blobs, picture)
    shown.tables["diagram"][papers[0].id] = papers[0]
    assert not put(blobs, pictures[3]).refusals
    assert get(blobs, digest_of(pictures[0])) == pictures[0]
    assert ask(blobs, GetBlob(1, digest_of(pictures[1]))).refusals
    shown.tables["diagram"].update((paper.id, paper) for paper in papers)
    [refusal] = put(blobs, PICTURE + b"one more").refusals
    assert refusal.field == "size"
