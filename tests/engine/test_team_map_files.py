"""What comes of a map of the team: kept through what goes wrong here, gone with who gives it up, whatever is under way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.blobs import PIECE_BYTES, PutBlob
from domain.errors import Refusal
from domain.maps import MAPS_CAP, RemoveMap
from domain.team_map import TeamMap
from domain.wire import Reply
from engine.maps import library as maps_library
from engine.maps import team_files
from engine.maps.team_files import TeamMapFiles
from engine.parts import append
from tests.engine.map_profile import Profile, converse
from tests.engine.peers import until
from tests.map_files import write_map

DIES = [sys.executable, "-c", "raise SystemExit(3)"]
HANGS = [sys.executable, "-c", "input(); input()"]


def content(folder: Path) -> bytes:
    """Return what a map is."""
    return write_map(folder / "a.pmtiles").read_bytes()


def content_of(path: str) -> bytes:
    """Return what a file holds."""
    return Path(path).read_bytes()


def part_of(profile: Profile, data: bytes) -> Path:
    """Return where what came of it lies."""
    return profile.folder / "maps" / f"{sha256(data).hexdigest()}.part"


def wanting(profile: Profile, data: bytes, size_bytes: int = 0) -> TeamMapFiles:
    """Return the team's files, of which one is wanted."""
    files, digest = TeamMapFiles(profile.library), sha256(data).hexdigest()
    size_bytes = size_bytes or len(data)
    bounds = (9.0, 47.0, 10.0, 48.0)
    one = TeamMap(profile.new_id(), "The valley", digest, size_bytes, "protomaps", 0, 10, bounds, 1)
    files.shared = {digest: one}
    assert files.want(digest) is None
    return files


async def bring(files: TeamMapFiles, data: bytes, *, of: bytes = b"") -> Reply:
    """Have all of a map come; return what was said last."""
    digest, have = sha256(of or data).hexdigest(), 0
    reply = await files.answer(PutBlob(0, digest, len(data)))
    while not reply.refusals and (have := reply.result["have"]) < len(data):
        piece = data[have : have + PIECE_BYTES]
        reply = await files.answer(PutBlob(0, digest, len(data), have, piece))
    return reply


def refusals(reply: Reply) -> list[str]:
    """Return the codes of what is refused."""
    return [one.code for one in reply.refusals]


def conversed(tmp_path: Path, conversation: Callable[[Profile], Awaitable[None]], **options: Any) -> None:
    """Have a conversation with a profile."""
    converse(tmp_path / "profile", conversation, **options)


def test_a_part_is_kept_where_the_process_that_reads_it_dies_and_is_a_map_at_the_next_try(
    tmp_path: Path,
) -> None:
    data = content(tmp_path)

    async def dies(profile: Profile) -> None:
        assert refusals(await bring(wanting(profile, data), data)) == ["STORAGE_FAILED"]
        assert part_of(profile, data).read_bytes() == data

    async def lives(profile: Profile) -> None:
        files = wanting(profile, data)
        assert files.wanted() == {sha256(data).hexdigest()}
        assert refusals(await bring(files, data)) == []
        (one,) = profile.maps
        assert (one.name, content_of(one.path)) == ("The valley", data)
        assert not part_of(profile, data).exists()

    conversed(tmp_path, dies, command=DIES)
    conversed(tmp_path, lives)


def test_a_part_is_kept_where_the_list_is_full_or_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(tmp_path)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def conversation(profile: Profile) -> None:
        files = wanting(profile, data)
        with monkeypatch.context() as patch:
            patch.setattr(maps_library, "write_list", no_room)
            reply = await bring(files, data)
            assert refusals(reply) == ["STORAGE_FAILED"]
            assert "No space left on device" in reply.refusals[0].message
        with monkeypatch.context() as patch:
            patch.setattr(maps_library, "MAPS_CAP", 0)
            assert refusals(await bring(files, data)) == ["TOO_MANY_MAPS"]
        assert [file.name for file in (profile.folder / "maps").iterdir()] == [part_of(profile, data).name]
        assert part_of(profile, data).read_bytes() == data
        assert refusals(await bring(files, data)) == []
        assert len(profile.maps) == 1 < MAPS_CAP

    conversed(tmp_path, conversation)


def test_what_is_no_map_or_another_is_deleted_and_another_size_is_refused_at_once(tmp_path: Path) -> None:
    data = content(tmp_path)

    async def conversation(profile: Profile) -> None:
        lie = b"PMTiles\x03" + bytes(2_000)
        for sent, named in ((lie, lie), (data, data + lie)):
            files = wanting(profile, named, len(sent))
            assert refusals(await bring(files, sent, of=named)) == ["MAP_DAMAGED"]
            assert not part_of(profile, named).exists()
        reply = await bring(wanting(profile, data, len(data) + 1), data)
        assert reply.refusals == (
            Refusal(
                "MAP_DAMAGED",
                f"the server has {len(data):,} bytes of it, the map has {len(data) + 1:,}",
                "size",
            ),
        )

    conversed(tmp_path, conversation)


def test_what_is_given_up_while_a_piece_is_written_or_it_is_read_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(tmp_path)
    digest = sha256(data).hexdigest()

    async def conversation(profile: Profile) -> None:
        files = wanting(profile, data)

        def given_up(part: Path, offset: int, piece: bytes) -> int:
            files.drop(digest)
            return append(part, offset, piece)

        with monkeypatch.context() as patch:
            patch.setattr(team_files, "append", given_up)
            assert refusals(await bring(files, data)) == ["MAP_NOT_FOUND"]
        assert not part_of(profile, data).exists()
        assert files.want(digest) is None
        reading = asyncio.create_task(bring(files, data))
        await until(lambda: digest in files._reading)
        files.drop(digest)
        assert refusals(await reading) == ["MAP_NOT_FOUND"]
        assert not part_of(profile, data).exists()
        assert profile.maps == []

    conversed(tmp_path, conversation, command=HANGS)


def test_what_is_wanted_again_before_who_brought_it_is_told_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(tmp_path)
    digest = sha256(data).hexdigest()

    async def conversation(profile: Profile) -> None:
        files = wanting(profile, data)
        take = profile.library.take_part

        async def removed(part: Path, digest: str, name: str) -> None:
            await take(part, digest, name)
            reply = await profile.library.answer(RemoveMap(1, profile.maps[0].id))
            assert not reply.refusals and files.want(digest) is None

        with monkeypatch.context() as patch:
            patch.setattr(profile.library, "take_part", removed)
            assert not refusals(await bring(files, data))
        assert part_of(profile, data).exists() and profile.maps == []
        assert not refusals(await bring(files, data))
        assert profile.maps[0].digest == digest

    conversed(tmp_path, conversation)


def test_an_open_file_that_cannot_be_deleted_is_deleted_when_nobody_has_it_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(tmp_path)
    digest = sha256(data).hexdigest()

    async def conversation(profile: Profile) -> None:
        files = wanting(profile, data)
        unlink = Path.unlink

        def is_open(file: Path, missing_ok: bool = False) -> None:
            raise PermissionError(13, "another process uses it")

        def given_up(part: Path, offset: int, piece: bytes) -> int:
            monkeypatch.setattr(Path, "unlink", is_open)
            files.drop(digest)
            monkeypatch.setattr(Path, "unlink", unlink)
            return append(part, offset, piece)

        monkeypatch.setattr(team_files, "append", given_up)
        assert refusals(await bring(files, data)) == ["MAP_NOT_FOUND"]
        assert not part_of(profile, data).exists()

    conversed(tmp_path, conversation)


def test_nothing_is_put_where_it_does_not_belong_or_the_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.part"
    with pytest.raises(FileNotFoundError):
        append(file, 0, b"abc")
    file.touch()
    assert append(file, 0, b"abc") == 3
    assert append(file, 1, b"x") == append(file, 9, b"x") == 3
    assert append(file, 3, b"de") == 5
    assert file.read_bytes() == b"abcde"
