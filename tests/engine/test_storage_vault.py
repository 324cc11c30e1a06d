"""The vault: what is kept opens here and only here, and nothing of it can be read from the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from domain.inventory import Inventory
from engine.storage import StorageRefused, Store
from engine.storage.batch import SealedSecret
from engine.vault import KEY_FILE, SECRET_CAP_BYTES, SecretNotHere, Vault, restrict_by_folder, system_restrict
from tests.engine.stores import edit, open_store, row

ONE, TWO = UUID(int=1), UUID(int=2)
SECRET = "correct horse battery stäple"
_numbers = count(1)


def write(store: Store, id: UUID, sealed: SealedSecret) -> None:
    """Have an edit bring a sealed secret to the disk."""
    number = next(_numbers)
    assert store.apply_edit(edit(number), Inventory(), row(store, number), {id: sealed})


def put(store: Store, vault: Vault, id: UUID, secret: str) -> None:
    """Do what an edit with a secret does."""
    sealed = vault.seal(id, secret)
    write(store, id, sealed)
    vault.keep({id: sealed})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "net.sqlite")
    yield store
    store.close()


def test_a_secret_comes_back_after_reopening(tmp_path: Path) -> None:
    store = open_store(tmp_path / "net.sqlite")
    put(store, Vault.open(store, tmp_path), ONE, SECRET)
    store.close()
    again = open_store(tmp_path / "net.sqlite")
    assert Vault.open(again, tmp_path).get(ONE) == SECRET
    again.close()


def test_no_file_of_the_profile_holds_the_secret_or_half_of_it(tmp_path: Path, store: Store) -> None:
    put(store, Vault.open(store, tmp_path), ONE, SECRET)
    half = SECRET.encode()[:10]
    for phase in ("open", "closed"):
        for path in tmp_path.iterdir():
            assert half not in path.read_bytes(), (phase, path.name)
        store.close()


def test_a_new_secret_takes_the_place_of_the_old(tmp_path: Path, store: Store) -> None:
    vault = Vault.open(store, tmp_path)
    put(store, vault, ONE, "old")
    put(store, vault, TWO, "other")
    put(store, vault, ONE, "new")
    assert [Vault.open(store, tmp_path).get(id) for id in (ONE, TWO)] == ["new", "other"]


def test_a_deleted_secret_is_gone_for_good(tmp_path: Path, store: Store) -> None:
    vault = Vault.open(store, tmp_path)
    put(store, vault, ONE, SECRET)
    vault.delete(ONE)
    vault.delete(TWO)
    for each in (vault, Vault.open(store, tmp_path)):
        with pytest.raises(SecretNotHere, match="there is no secret"):
            each.get(ONE)


def test_another_installs_key_opens_nothing_and_says_what_to_do(tmp_path: Path, store: Store) -> None:
    put(store, Vault.open(store, tmp_path), ONE, SECRET)
    (tmp_path / KEY_FILE).unlink()
    stranger = Vault.open(store, tmp_path)
    with pytest.raises(KeyError) as caught:
        stranger.get(ONE)
    assert KEY_FILE in str(caught.value) and "enter the secret again" in str(caught.value)
    assert SECRET not in str(caught.value)
    put(store, stranger, ONE, "entered again")
    assert stranger.get(ONE) == "entered again"


def test_a_sealed_row_put_in_anothers_place_does_not_open(tmp_path: Path, store: Store) -> None:
    put(store, Vault.open(store, tmp_path), ONE, SECRET)
    write(store, TWO, store.secrets()[ONE])
    with pytest.raises(SecretNotHere):
        Vault.open(store, tmp_path).get(TWO)


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_a_changed_bit_is_noticed(tmp_path: Path, store: Store, place: int) -> None:
    put(store, Vault.open(store, tmp_path), ONE, SECRET)
    kept = store.secrets()[ONE]
    parts = [bytearray(kept.sealed), bytearray(kept.wrapped)]
    whole = len(parts[0]) + len(parts[1])
    at = place * whole // 120
    part, at = (parts[0], at) if at < len(parts[0]) else (parts[1], at - len(parts[0]))
    part[at] ^= 1
    write(store, ONE, type(kept)(bytes(parts[0]), bytes(parts[1])))
    with pytest.raises(SecretNotHere):
        Vault.open(store, tmp_path).get(ONE)


def test_the_key_file_is_its_users_alone(tmp_path: Path, store: Store) -> None:
    Vault.open(store, tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_key_file_that_others_may_read_is_closed_again(tmp_path: Path, store: Store) -> None:
    Vault.open(store, tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    Vault.open(store, tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_on_windows_no_mode_is_set_and_the_key_works(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fchmod")
    put(store, Vault.open(store, tmp_path, restrict_by_folder), ONE, SECRET)
    assert Vault.open(store, tmp_path, restrict_by_folder).get(ONE) == SECRET


def test_each_system_has_its_own_way_to_close_a_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert system_restrict() is restrict_by_folder
    monkeypatch.setattr("sys.platform", "darwin")
    assert system_restrict() is not restrict_by_folder


@pytest.mark.parametrize(
    "content",
    [b"", b"heliograph-install-key-1 ", b"\x00" * 300, b"heliograph-install-key-1 AAAA\n", b"x" * 99],
)
def test_a_damaged_key_file_is_refused_and_kept(tmp_path: Path, store: Store, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(StorageRefused, match=r"install\.key is no install key"):
        Vault.open(store, tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_file_is_whole_or_not_there(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full, pytest.raises(StorageRefused, match="No space left"):
        full.setattr(os, "fsync", fail)
        Vault.open(store, tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    put(store, Vault.open(store, tmp_path), ONE, SECRET)


def test_a_secret_over_the_cap_is_refused_without_showing_it(tmp_path: Path, store: Store) -> None:
    with pytest.raises(ValueError, match="16385 bytes") as caught:
        put(store, Vault.open(store, tmp_path), ONE, "s" * (SECRET_CAP_BYTES + 1))
    assert "ssss" not in str(caught.value)
    assert store.secrets() == {}
