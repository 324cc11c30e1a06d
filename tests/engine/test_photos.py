"""Photographs out of files: upright, small enough, and without a word of the telephone's; what lies or is a bomb is refused."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from domain.blobs import PIECE_BYTES, DevelopPhoto, GetBlob, digest_of
from domain.inventory import Inventory
from domain.photo import FILE_CAP_BYTES, SIDE_PX, THUMB_PX, Photo
from engine.blobs import Blobs
from engine.photo_reader import develop
from engine.photos import Darkroom
from tests.engine.photo_files import (
    PHONE,
    bomb,
    developed,
    encoded,
    jpeg,
    kept,
    scene,
    swapped_colours,
    talkative,
)


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Return a test that runs in a loop of its own."""
    return wraps(test)(lambda *args, **kwargs: asyncio.run(test(*args, **kwargs)))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty store."""
    return Blobs(tmp_path / "pictures", Inventory)


def is_dark(picture: Image.Image, across: float, down: float) -> bool:
    """Tell whether a picture is dark at a place, 0 to 1 from its top left corner."""
    at = picture.convert("RGB").getpixel(
        (int(across * (picture.width - 1)), int(down * (picture.height - 1)))
    )
    assert isinstance(at, tuple)
    return at[0] < 40 and at[2] > 40


@in_a_loop
async def test_a_photograph_is_upright_smaller_and_says_nothing_of_the_telephone(blobs: Blobs) -> None:
    data = jpeg(scene(3_000, 2_000), turned=6, taken="2026:05:01 10:00:00", offset="+02:00")
    assert PHONE.encode() in data
    told = (await developed(blobs, data)).result
    picture, thumb = await kept(blobs, told["digest"]), await kept(blobs, told["thumb"])
    assert (told["width"], told["height"]) == picture.size == (1_365, SIDE_PX)
    assert max(thumb.size) == THUMB_PX
    assert told["taken_us"] == 1_777_622_400_000_000
    for shown in (picture, thumb):
        assert is_dark(shown, 0.5, 0.1), "left of the sensor is up"
        assert not is_dark(shown, 0.5, 0.9)
        assert not shown.getexif()
    folder = blobs._folder
    assert sorted(file.name for file in folder.iterdir()) == sorted((told["digest"], told["thumb"]))
    assert not any(PHONE.encode() in file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_a_file_says_beside_its_picture_is_kept(kind: str) -> None:
    data = talkative(kind)
    assert PHONE.encode() in data
    _, picture, thumb = develop(data)
    for made in (picture, thumb):
        assert PHONE.encode() not in made
        with Image.open(io.BytesIO(made)) as shown:
            shown.load()
            assert not {"comment", "exif", "xmp", "icc_profile"} & set(shown.info)


def middle(data: bytes) -> tuple[int, ...]:
    """Return the colour in the middle of what is made of a file."""
    _, picture, _ = develop(data)
    with Image.open(io.BytesIO(picture)) as shown:
        at = shown.convert("RGB").getpixel((shown.width // 2, shown.height // 2))
    assert isinstance(at, tuple)
    return tuple(int(part) for part in at)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_has_the_colours_that_its_profile_means(kind: str) -> None:
    red = Image.new("RGB", (64, 64), (250, 0, 0))
    assert middle(encoded(kind, red))[0] > 200
    shown = middle(encoded(kind, red, icc_profile=swapped_colours()))
    assert shown[2] > 200 > 60 > shown[0]


def test_a_profile_of_nothing_leaves_a_picture_as_it_is() -> None:
    for picture in (Image.new("CMYK", (64, 64), (0, 255, 255, 0)), Image.new("RGB", (64, 64), (250, 0, 0))):
        shown = middle(encoded("JPEG", picture, icc_profile=swapped_colours()[:-900]))
        assert shown[0] > 200 > 60 > shown[2]


def test_grey_of_16_bits_is_as_bright_as_it_was() -> None:
    for level in (0x2000, 0x8000, 0xF000):
        shown = middle(encoded("PNG", Image.new("I;16", (64, 64), level)))
        assert all(abs(part - level // 256) <= 2 for part in shown)


@pytest.mark.parametrize("turned", range(1, 9))
@in_a_loop
async def test_every_way_to_hold_a_camera_ends_upright(blobs: Blobs, turned: int) -> None:
    dark = {
        1: (0, 0.5),
        2: (1, 0.5),
        3: (1, 0.5),
        4: (0, 0.5),
        5: (0.5, 0),
        6: (0.5, 0),
        7: (0.5, 1),
        8: (0.5, 1),
    }
    told = (await developed(blobs, jpeg(turned=turned))).result
    picture = await kept(blobs, told["digest"])
    across, down = dark[turned]
    assert is_dark(picture, across, down)
    assert not is_dark(picture, 1 - across, 1 - down)


@in_a_loop
async def test_png_and_webp_are_taken_and_what_is_clear_becomes_white(blobs: Blobs) -> None:
    clear = Image.new("RGBA", (300, 200), (255, 0, 0, 0))
    for data in (encoded("PNG", clear), encoded("WEBP", clear), encoded("PNG", clear.convert("P"))):
        told = (await developed(blobs, data, "shot.png")).result
        picture = await kept(blobs, told["digest"])
        assert picture.format == "JPEG"
        assert picture.size == (300, 200)
    told = (await developed(blobs, encoded("PNG", clear))).result
    at = (await kept(blobs, told["digest"])).getpixel((9, 9))
    assert isinstance(at, tuple)
    assert min(at) > 250
    assert told["taken_us"] is None


HEIC = b"\0\0\0\x18ftypheic" + bytes(200)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HEIC, "IMG_1.jpg is not taken: it is HEIC, which cannot be read here: save it as JPEG first"),
        (b"<svg onload=alert(1)>", "it is no JPEG, PNG or WebP"),
        (b"RIFF\0\0\0\0WAVEfmt ", "it is no JPEG, PNG or WebP"),
        (bomb(), "it has 30,000 x 30,000 pixels, at most 64 million are taken"),
        (jpeg()[:3_000], "it cannot be decoded"),
        (b"\xff\xd8\xff" + bytes(5_000), "it cannot be decoded"),
        (encoded("PNG", Image.new("1", (9_000, 8))), "too narrow to be seen"),
    ],
)
@in_a_loop
async def test_what_cannot_be_a_photograph_is_refused_in_words(blobs: Blobs, data: bytes, words: str) -> None:
    (refusal,) = (await developed(blobs, data)).refusals
    assert words in refusal.message
    assert not blobs._folder.exists()


@in_a_loop
async def test_a_file_that_lies_about_its_name_or_size_is_refused(blobs: Blobs) -> None:
    data = jpeg()
    for size, digest, field in (
        (FILE_CAP_BYTES + 1, digest_of(data), "size"),
        (0, digest_of(data), "size"),
        (10, digest_of(data), "digest"),
        (len(data[:PIECE_BYTES]), digest_of(b"other"), "digest"),
    ):
        reply = await blobs.answer(DevelopPhoto(1, digest, size, 0, data[:PIECE_BYTES]))
        assert [one.field for one in reply.refusals] == [field]
    reply = await blobs.answer(DevelopPhoto(1, "../x", 5, 0, b"x"))
    assert [one.field for one in reply.refusals] == ["digest"]


@in_a_loop
async def test_pieces_that_come_twice_change_nothing_and_the_oldest_of_three_files_begins_anew() -> None:
    room = Darkroom()
    files = [jpeg(scene(seed=seed)) for seed in range(3)]
    for data in files:
        for _ in range(2):
            said = await room.take(DevelopPhoto(1, digest_of(data), len(data), 0, data[:1_000]))
            assert getattr(said, "result", None) == {"have": 1_000}
    first = await room.take(DevelopPhoto(1, digest_of(files[0]), len(files[0])))
    assert getattr(first, "result", None) == {"have": 0}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.stdin.buffer.read(); sys.exit(3)", "its reader ended without an answer"),
        ("import time; time.sleep(60)", "it took more than 0.5 s to read"),
        (
            'import sys; sys.stdin.buffer.read(); print(\'{"made":{"digest":"x","thumb":"y","size":2,\''
            '\'"thumb_size":2,"width":1,"height":1}}\'); print(\'abc\')',
            "its reader ended without an answer",
        ),
    ],
)
@in_a_loop
async def test_a_reader_that_dies_hangs_or_lies_refuses_one_file(program: str, words: str) -> None:
    file_s = 0.5 if "sleep" in program else 30.0
    room = Darkroom([sys.executable, "-c", program], file_s)
    data = jpeg(scene(64, 64))
    said = await room.take(DevelopPhoto(1, digest_of(data), len(data), 0, data))
    assert words in getattr(said, "refusals")[0].message  # noqa: B009 a Reply, or what was made


@in_a_loop
async def test_one_file_is_read_at_a_time(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
sys.stdin.buffer.read()
try:
    os.mkdir({str(tmp_path / "reading")!r})
except FileExistsError:
    sys.stdout.write('{{"wrong": "another is read"}}')
    sys.exit()
time.sleep(0.5)
os.rmdir({str(tmp_path / "reading")!r})
sys.stdout.write('{{"wrong": "alone"}}')
"""
    room = Darkroom([sys.executable, "-c", program])
    files = [jpeg(scene(64, 64, seed)) for seed in range(2)]
    said = await asyncio.gather(
        *(room.take(DevelopPhoto(1, digest_of(data), len(data), 0, data)) for data in files)
    )
    assert all("alone" in getattr(one, "refusals")[0].message for one in said)  # noqa: B009 as above


@in_a_loop
async def test_a_full_store_drops_what_the_server_has_too_and_never_what_is_here_alone(
    tmp_path: Path,
) -> None:
    inventory = Inventory()
    whole = Blobs(tmp_path / "pictures", lambda: inventory)
    told = [(await developed(whole, jpeg(scene(seed=seed)))).result for seed in range(3)]
    for number, one in enumerate(told):
        photo = Photo(UUID(int=number), one["digest"], one["thumb"], 4, 3, 1, site=UUID(int=9))
        inventory.tables["photo"][photo.id] = photo
    held = sum(file.stat().st_size for file in whole._folder.iterdir())
    tight = Blobs(tmp_path / "pictures", lambda: inventory, held + 15_000)
    (refusal,) = (await developed(tight, jpeg(scene(seed=9)))).refusals
    assert "delete photographs or backgrounds first" in refusal.message
    tight.elsewhere = frozenset(one["digest"] for one in told[:2])
    await tight.answer(GetBlob(1, told[0]["digest"]))  # somebody looks at it: the other goes first
    assert (await developed(tight, jpeg(scene(seed=9)))).result["have"]
    here = {file.name for file in tight._folder.iterdir()}
    assert told[1]["digest"] not in here
    assert {told[0]["digest"], told[2]["digest"], *(one["thumb"] for one in told)} <= here
