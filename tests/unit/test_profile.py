"""The profile: one engine each, private files, an address that the system can take. Windows' lock with a made-up msvcrt."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from engine.file_lock import LOCKED_BYTE, WindowsLocking, system_locking
from engine.profile import Profile, ProfileTaken


def test_a_second_engine_is_told_which_process_holds_the_profile(tmp_path: Path) -> None:
    profile = Profile.open(tmp_path / "new" / "profile")
    with pytest.raises(ProfileTaken, match=f"process {os.getpid()}") as taken:
        Profile.open(profile.folder)
    assert taken.value.pid == str(os.getpid())
    profile.close()
    Profile.open(profile.folder).close()


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe has no folder")
def test_the_folder_of_a_killed_engines_socket_goes_at_the_next_start_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    profile = Profile.open(tmp_path / ("long" * 30))
    address = Path(profile.new_address())
    address.touch()
    profile.announce(str(address))
    os.close(profile._lock_fd)  # it was killed: nothing is taken back
    assert address.exists()

    again = Profile.open(profile.folder)
    next_address = Path(again.new_address())
    assert [next_address.parent] == [*temporary.iterdir()]

    strange = temporary / "somebody_elses" / "engine.sock"
    strange.parent.mkdir()
    strange.touch()
    again.announce(str(strange))
    os.close(again._lock_fd)
    third = Profile.open(profile.folder)
    third.new_address()
    assert strange.exists()
    third.close()


class Msvcrt:
    """Locks bytes as Windows does: one holder a byte."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.held: set[int] = set()

    def locking(self, fd: int, mode: int, nbytes: int) -> None:
        """Lock from the file's position on."""
        assert (mode, nbytes) == (self.LK_NBLCK, 1)
        position = os.lseek(fd, 0, os.SEEK_CUR)
        if position in self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(position)


def test_on_windows_the_lock_is_a_byte_behind_the_text_so_that_the_pid_can_be_read(tmp_path: Path) -> None:
    locking = WindowsLocking(Msvcrt())
    profile = Profile.open(tmp_path, locking)
    assert (tmp_path / "engine.lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(ProfileTaken, match=str(os.getpid())):
        Profile.open(tmp_path, locking)
    assert locking._msvcrt.held == {LOCKED_BYTE}  # type: ignore[attr-defined]
    profile.close()


def test_a_file_that_is_not_locked_can_be(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w") as one, (tmp_path / "f").open("w") as other:
        assert system_locking().try_lock(one.fileno())
        assert not system_locking().try_lock(other.fileno())


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    profile = Profile.open(tmp_path)
    key = profile.endpoint_key()
    assert len(key) == 32 and profile.endpoint_key() == key
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "endpoint.key").stat().st_mode) == 0o600
    (tmp_path / "endpoint.key").write_bytes(b"cut")
    assert len(profile.endpoint_key()) == 32
    profile.close()


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes have no folder")
def test_a_socket_lies_in_a_private_folder_and_a_long_profile_gets_a_short_one(tmp_path: Path) -> None:
    near = Profile.open(tmp_path / "p")
    address = Path(near.new_address())
    assert stat.S_IMODE(address.parent.stat().st_mode) == 0o700
    far = Profile.open(tmp_path / ("x" * 120))
    short = Path(far.new_address())
    assert len(os.fsencode(short)) <= 100 and stat.S_IMODE(short.parent.stat().st_mode) == 0o700
    near.close()
    far.close()
    assert not short.parent.exists()


def test_the_announcement_is_there_while_the_engine_is(tmp_path: Path) -> None:
    profile = Profile.open(tmp_path)
    profile.announce("/somewhere")
    told = json.loads((tmp_path / "endpoint.json").read_text())
    assert (told["address"], told["pid"]) == ("/somewhere", os.getpid()) and told["family"]
    profile.close()
    assert not (tmp_path / "endpoint.json").exists()
