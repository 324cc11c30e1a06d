"""Where the key lies: which place a profile gets, keyrings that are none, hang or refuse, keys that were lost or exchanged."""

from __future__ import annotations

import base64
import json
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from domain.inventory import Inventory
from engine.storage import StorageFailed, StorageRefused, Store
from engine.vault import KEY_FILE, PlaceUnavailable, SecretNotHere, Vault, VaultLocked
from engine.vault.key_text import COST, MasterKey, WrongPassword, decode_key, encode_key
from engine.vault.keyring_place import SERVICE, chosen
from engine.vault.places import KeyFolder
from tests.engine.keyrings import (
    CHEAP,
    ForgetfulBackend,
    MemoryBackend,
    RefusingBackend,
    SilentBackend,
    place,
)
from tests.engine.stores import edit, open_store, row

ONE, TWO = UUID(int=1), UUID(int=2)
PASSWORD = "Zugspitze 2962"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "net.sqlite")
    yield store
    store.close()


def filled(vault: Vault) -> Vault:
    """Put two secrets into a vault."""
    sealed = {id: vault.seal(id, f"secret {id.int}") for id in (ONE, TWO)}
    assert vault._store.apply_edit(edit(1), Inventory(), row(vault._store, 1), sealed)
    vault.keep(sealed)
    return vault


def opens(vault: Vault) -> bool:
    """Tell whether both secrets open."""
    return [vault.get(id) for id in (ONE, TWO)] == ["secret 1", "secret 2"]


def read_only(store: Store, is_so: bool) -> None:
    """Let the database be written no more, or again."""
    connection = store._connection.connection.driver_connection
    assert connection is not None
    connection.execute(f"PRAGMA query_only = {int(is_so)}")


# Which place


def test_a_new_profile_has_its_key_in_the_keyring_where_there_is_one(tmp_path: Path, store: Store) -> None:
    backend = MemoryBackend()
    vault = filled(Vault.open(store, tmp_path, new_place="auto", keyring=place(backend)))
    assert vault.record.place == "keyring" and not (tmp_path / KEY_FILE).exists()
    assert [*backend.entries] == [(SERVICE, "origin")]
    assert opens(Vault.open(store, tmp_path, new_place="auto", keyring=place(backend)))


@pytest.mark.parametrize("backend", [None, RefusingBackend(), ForgetfulBackend()])
def test_without_a_keyring_that_works_the_key_is_in_the_file(
    tmp_path: Path, store: Store, backend: MemoryBackend | None
) -> None:
    vault = filled(Vault.open(store, tmp_path, new_place="auto", keyring=place(backend)))
    assert vault.record.place == "file" and opens(vault)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_keyring_that_was_asked_for_and_is_none_refuses_the_start(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StorageRefused, match="no keyring on this computer"):
        Vault.open(store, tmp_path, new_place="keyring", keyring=place(None))


def test_a_profile_from_before_keeps_its_file_though_there_is_a_keyring(tmp_path: Path, store: Store) -> None:
    key = X25519PrivateKey.generate()
    raw = base64.b64encode(key.private_bytes_raw())
    (tmp_path / KEY_FILE).write_bytes(b"heliograph-install-key-1 " + raw + b"\n")
    backend = MemoryBackend()
    vault = Vault.open(store, tmp_path, new_place="auto", keyring=place(backend))
    assert vault.record.place == "file" and backend.entries == {}
    assert vault.record.public == key.public_key().public_bytes_raw()


def test_only_backends_that_seal_what_they_keep_are_used() -> None:
    def backend(module: str) -> Any:
        return type("Keyring", (), {"__module__": module})()

    real = backend("keyring.backends.SecretService")
    unreal = [
        backend(name)
        for name in ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file", "mine")
    ]
    chain = type("Chain", (), {"backends": [*unreal, real]})()
    empty = type("Chain", (), {"backends": []})()
    assert [chosen(one) for one in (*unreal, empty)] == [None] * 5
    assert chosen(real) is real and chosen(chain) is real


# Keyrings that misbehave


def test_a_keyring_that_has_answered_may_be_asked_again_though_its_thread_still_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading.Thread, "is_alive", lambda thread: True)
    keyring = place(MemoryBackend())
    keyring.write("current", b"a key")
    assert keyring.read("current") == b"a key"


def test_a_keyring_that_hangs_does_not_hang_the_start_and_says_so(tmp_path: Path, store: Store) -> None:
    kept = MemoryBackend()
    filled(Vault.open(store, tmp_path, new_place="keyring", keyring=place(kept)))
    silent = SilentBackend()
    silent.entries = kept.entries
    vault = Vault.open(store, tmp_path, keyring=place(silent, limit_s=0.05))
    assert vault.locked and not vault.needs_password
    with pytest.raises(VaultLocked, match="the vault is locked: the system's keyring did not answer within"):
        vault.get(ONE)
    with pytest.raises(PlaceUnavailable, match="still does not answer"):
        vault.fetch()
    assert silent.asked == 1, "no second thread waits behind the first"
    filled_meanwhile = vault.seal(TWO, "entered while locked")
    vault.keep({TWO: filled_meanwhile})
    silent.let_go.set()
    thread = vault._stores["keyring"]._asking  # type: ignore[attr-defined]
    thread.join()
    vault._stores["keyring"]._limit_s = 30.0  # type: ignore[attr-defined]
    vault.fetch()
    assert [vault.get(id) for id in (ONE, TWO)] == ["secret 1", "entered while locked"]


def test_a_key_is_never_in_the_words_of_a_keyring_that_fails(tmp_path: Path, store: Store) -> None:
    vault = filled(Vault.open(store, tmp_path, keyring=place(RefusingBackend())))
    with pytest.raises(PlaceUnavailable) as caught:
        vault.rotate("keyring", None, 1)
    assert str(caught.value) == "the system's keyring failed: KeyringLockedError"
    assert caught.value.__cause__ is None and opens(vault)


# Keys that are gone, or others


def test_a_key_that_the_keyring_lost_is_replaced_and_new_secrets_can_be_entered(
    tmp_path: Path, store: Store
) -> None:
    backend = MemoryBackend()
    filled(Vault.open(store, tmp_path, new_place="keyring", keyring=place(backend)))
    backend.entries.clear()
    vault = Vault.open(store, tmp_path, keyring=place(backend))
    with pytest.raises(SecretNotHere, match="enter the secret again"):
        vault.get(ONE)
    vault.keep({ONE: vault.seal(ONE, "again")})
    assert vault.get(ONE) == "again" and vault.record.place == "keyring"


def test_the_right_file_put_back_opens_everything_again(tmp_path: Path, store: Store) -> None:
    filled(Vault.open(store, tmp_path))
    (tmp_path / KEY_FILE).rename(tmp_path / "aside")
    Vault.open(store, tmp_path)
    (tmp_path / "aside").replace(tmp_path / KEY_FILE)
    assert opens(Vault.open(store, tmp_path))
    assert opens(Vault.open(store, tmp_path))


# New keys that cannot be made


def test_a_disk_that_fails_leaves_all_as_it_was(tmp_path: Path, store: Store) -> None:
    vault = filled(Vault.open(store, tmp_path))
    before = (tmp_path / KEY_FILE).read_bytes()
    read_only(store, True)
    with pytest.raises(StorageFailed):
        vault.rotate("file", None, 5)
    assert opens(vault) and (tmp_path / KEY_FILE).read_bytes() == before
    read_only(store, False)
    assert opens(Vault.open(store, tmp_path)) and not (tmp_path / f"{KEY_FILE}.next").exists()
    assert vault.rotate("file", None, 6) == 2 and opens(vault) and opens(Vault.open(store, tmp_path))


def test_secrets_that_cannot_be_written_leave_no_key_behind(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise StorageFailed("database or disk is full")

    vault, backend = filled(Vault.open(store, tmp_path)), MemoryBackend()
    with monkeypatch.context() as patched, pytest.raises(StorageFailed):
        patched.setattr(Store, "reseal", fail)
        vault.rotate("file", None, 5)
    assert not (tmp_path / f"{KEY_FILE}.next").exists() and opens(vault)
    vault = Vault.open(store, tmp_path, keyring=place(backend))
    with monkeypatch.context() as patched, pytest.raises(StorageFailed):
        patched.setattr(Store, "reseal", fail)
        vault.rotate("keyring", None, 5)
    assert backend.entries == {} and opens(vault)


def test_a_key_that_did_not_move_up_is_not_overwritten_by_the_next(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: KeyFolder) -> None:
        raise PlaceUnavailable("read-only")

    vault = filled(Vault.open(store, tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(KeyFolder, "promote", refuse)
        assert vault.rotate("file", None, 1) == 2
        following = (tmp_path / f"{KEY_FILE}.next").read_bytes()
        with pytest.raises(PlaceUnavailable, match="read-only"):
            vault.rotate("file", None, 2)
        assert (tmp_path / f"{KEY_FILE}.next").read_bytes() == following
        assert opens(vault) and opens(Vault.open(store, tmp_path))
    assert vault.rotate("file", None, 3) == 2 and opens(Vault.open(store, tmp_path))


def test_a_commit_that_failed_only_in_name_counts(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, reseal = filled(Vault.open(store, tmp_path)), Store.reseal

    def fail_late(*given: Any) -> None:
        reseal(*given)
        raise StorageFailed("disk I/O error")

    monkeypatch.setattr(Store, "reseal", fail_late)
    assert vault.rotate("file", None, 1) == 2
    assert opens(vault) and opens(Vault.open(store, tmp_path))


def test_a_secret_that_does_not_open_stays_as_it_is_when_keys_are_made_new(
    tmp_path: Path, store: Store
) -> None:
    vault = filled(Vault.open(store, tmp_path))
    (tmp_path / KEY_FILE).rename(tmp_path / "aside")
    other = Vault.open(store, tmp_path)
    sealed = {TWO: other.seal(TWO, "entered again")}
    assert store.apply_edit(edit(2), Inventory(), row(store, 2), sealed)
    other.keep(sealed)
    foreign = store.secrets()[ONE]
    assert other.rotate("file", None, 1) == 1
    assert store.secrets()[ONE] == foreign and other.get(TWO) == "entered again"
    assert vault.get(ONE) == "secret 1", "who still has the former key in memory"


def test_the_old_key_opens_nothing_any_more(tmp_path: Path, store: Store) -> None:
    vault = filled(Vault.open(store, tmp_path))
    (tmp_path / "thief").write_bytes((tmp_path / KEY_FILE).read_bytes())
    vault.rotate("file", None, 1)
    (tmp_path / "thief").replace(tmp_path / KEY_FILE)
    stolen = Vault.open(store, tmp_path)
    for id in (ONE, TWO):
        with pytest.raises(SecretNotHere):
            stolen.get(id)


# The master password


def test_with_a_master_password_it_starts_locked_and_opens_with_the_password_alone(
    tmp_path: Path, store: Store
) -> None:
    filled(Vault.open(store, tmp_path)).rotate("password", PASSWORD, 7, CHEAP)
    vault = Vault.open(store, tmp_path)
    assert vault.locked and vault.needs_password and vault.record.place == "password"
    with pytest.raises(VaultLocked, match="the vault is locked: unlock it with the master password"):
        vault.get(ONE)
    for wrong in ("", PASSWORD + " ", PASSWORD.lower()):
        with pytest.raises(WrongPassword):
            vault.unlock(wrong)
    vault.unlock(PASSWORD)
    assert opens(vault)
    vault.lock()
    assert vault.locked


def test_the_same_password_typed_on_another_keyboard_opens_too(tmp_path: Path, store: Store) -> None:
    filled(Vault.open(store, tmp_path)).rotate("password", "Gru\u0308nten 1738", 7, CHEAP)
    vault = Vault.open(store, tmp_path)
    vault.unlock("Gr\u00fcnten 1738")
    assert opens(vault)


def test_new_keys_are_under_the_same_password_and_a_new_password_takes_the_place_of_the_old(
    tmp_path: Path, store: Store
) -> None:
    filled(Vault.open(store, tmp_path)).rotate("password", PASSWORD, 1, CHEAP)
    vault = Vault.open(store, tmp_path)
    vault.unlock(PASSWORD)
    vault.rotate("password", None, 2)
    again = Vault.open(store, tmp_path)
    again.unlock(PASSWORD)
    assert opens(again)
    again.rotate("password", "another password", 3, CHEAP)
    last = Vault.open(store, tmp_path)
    with pytest.raises(WrongPassword):
        last.unlock(PASSWORD)
    last.unlock("another password")
    assert opens(last)


def test_a_locked_vault_makes_no_new_keys(tmp_path: Path, store: Store) -> None:
    filled(Vault.open(store, tmp_path)).rotate("password", PASSWORD, 1, CHEAP)
    before = (tmp_path / KEY_FILE).read_bytes()
    with pytest.raises(VaultLocked):
        Vault.open(store, tmp_path).rotate("file", None, 2)
    assert (tmp_path / KEY_FILE).read_bytes() == before


def test_the_file_of_a_locked_vault_does_not_hold_the_key(tmp_path: Path, store: Store) -> None:
    vault = filled(Vault.open(store, tmp_path))
    vault.rotate("password", PASSWORD, 1, CHEAP)
    key = vault._held.key
    assert key is not None
    raw, text = key.private_bytes_raw(), (tmp_path / KEY_FILE).read_bytes()
    assert raw not in text and base64.b64encode(raw) not in text and PASSWORD.encode() not in text


def test_a_guess_costs_64_mib_and_three_passes_and_less_than_a_patient_persons_time() -> None:
    assert (COST.memory_kib, COST.passes) >= (64 * 1024, 3)
    started_s = time.process_time()
    MasterKey(PASSWORD)
    assert time.process_time() - started_s > 0.02, "a guess costs something"


def altered(**fields: object) -> bytes:
    """Return the text of a sealed key with other fields."""
    head, _, body = (
        encode_key(MasterKey(PASSWORD, CHEAP).seal(X25519PrivateKey.generate())).decode().partition(" ")
    )
    told = json.loads(body)
    for name, value in fields.items():
        (told["cost"] if name in told["cost"] else told)[name] = value
    return f"{head} {json.dumps(told)}\n".encode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"memory_kib": 2**31}, "memory_kib from 1 to"),
        ({"memory_kib": 0}, "memory_kib from 1 to"),
        ({"memory_kib": 7}, "memory_kib of at least 8"),
        ({"passes": 10**6}, "passes from 1 to"),
        ({"lanes": 64}, "lanes from 1 to"),
        ({"salt": "AAAA"}, "wrong lengths"),
        ({"sealed": ""}, "wrong lengths"),
        ({"public": 5}, "cannot be read"),
        ({"nonce": "A" * 2000}, "longer than"),
    ],
)
def test_a_hostile_file_is_refused_before_any_work_is_done(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode_key(altered(**fields))


@pytest.mark.parametrize("fields", [{"passes": 2}, {"memory_kib": 72}, {"public": "A" * 43 + "="}])
def test_what_stands_beside_the_sealed_key_cannot_be_changed(fields: dict[str, object]) -> None:
    key = decode_key(altered(**fields))
    with pytest.raises(WrongPassword):
        key.open(PASSWORD)  # type: ignore[union-attr]
