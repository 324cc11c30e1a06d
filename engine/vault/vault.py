"""Secrets, sealed: what opens them, where that lies, and whether it is at hand. Counterpart: `storage/`, `keeper.py`.

Theory: each secret is sealed under a data key of its own, which is wrapped to the installs that may open it. A laptop alone
is an envelope with one member; joining a team adds wraps and migrates nothing. The install's private key lies in a key place;
under a master password it is out of reach until somebody unlocks it, and so it is while a keyring does not answer.
One rule: an opened secret is returned and not kept; only sealed bytes stay in memory and on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from domain.vault import KeyPlace
from engine.storage import StorageFailed, StorageRefused, Store
from engine.storage.batch import SealedSecret
from engine.vault import rotation
from engine.vault.envelope import DoesNotOpen, rewrap, seal, unseal
from engine.vault.key_text import COST, Cost, InstallKey, MasterKey, SealedKey, encode_key, public_of
from engine.vault.keyring_place import KeyringPlace
from engine.vault.places import KeyFolder, KeyStore, PlaceUnavailable, Restrict
from engine.vault.rotation import KeyRecord, Stores

NewPlace = Literal["auto", "keyring", "file"]
"""Where the key of a new profile goes; "auto" is the keyring where there is a real one, else the file."""

_log = logging.getLogger("engine.vault")


class SecretNotHere(KeyError):
    """This install cannot give the secret: there is none, or it was sealed for another install's key."""

    def __str__(self) -> str:
        return str(self.args[0])


class VaultLocked(SecretNotHere):
    """The secret is there, and its key is not at hand."""


class _Held(NamedTuple):
    """What opens the secrets, None while locked, and the secrets: replaced together, because threads read them."""

    key: X25519PrivateKey | None
    sealed: dict[UUID, SealedSecret]


class Vault:
    """The secrets of one tenant that this install may open. What `seal` makes goes to disk with an edit, then to `keep`."""

    def __init__(
        self, store: Store, stores: Stores, record: KeyRecord, key: InstallKey | None, why: str
    ) -> None:
        self._store = store
        self._stores = stores
        self._tenant = store.loaded.tenant.id
        self._record = record
        self._sealed_key = key if isinstance(key, SealedKey) else None
        self._master: MasterKey | None = None
        self._held = _Held(key if isinstance(key, X25519PrivateKey) else None, store.secrets())
        self._why = why

    @classmethod
    def open(
        cls,
        store: Store,
        profile_dir: Path,
        restrict: Restrict | None = None,
        *,
        new_place: NewPlace = "file",
        keyring: KeyStore | None = None,
        first: X25519PrivateKey | None = None,
    ) -> Vault:
        """Open the vault of a store with the install key of a profile, which is `first` or made where there is none.

        Raises StorageRefused where what lies in its place is no key, or none can be made.
        """
        folder = KeyFolder(profile_dir, restrict)
        keyring = keyring or KeyringPlace(str(store.loaded.origin))
        stores: Stores = {"keyring": keyring, "file": folder, "password": folder}
        record = rotation.read_record(store)
        if record is None:
            record, key = _first_key(stores, new_place, first)
            _keep(store, record)
            return cls(store, stores, record, key, "")
        keys = stores[record.place]
        try:
            found = rotation.find_key(keys, record.public)
        except PlaceUnavailable as error:
            _log.warning("key_unavailable", extra={"message_for_user": str(error), "place": record.place})
            return cls(store, stores, record, None, str(error))
        if found is None:
            _log.warning(
                "key_lost", extra={"place": record.place, "message_for_user": _LOST.format(keys.name)}
            )
            place: NewPlace = "keyring" if record.place == "keyring" else "file"
            made, key = _first_key(stores, place)
            record = msgspec.structs.replace(record, place=made.place, public=made.public)
            _keep(store, record)
        else:
            key = found.key
            fitting = msgspec.structs.replace(
                record, place=_place_of(record.place, key), public=public_of(key)
            )
            if fitting != record:
                _log.warning("key_is_another", extra={"place": fitting.place})
                record = fitting
                _keep(store, record)
            try:
                rotation.settle(keys, found)
            except PlaceUnavailable as error:  # before the next rotation it has to be
                _log.warning("key_not_settled", extra={"reason": str(error)})
        return cls(store, stores, rotation.leave(store, stores, record), key, "")

    @property
    def record(self) -> KeyRecord:
        """Where the key lies and how old it is."""
        return self._record

    @property
    def locked(self) -> bool:
        """Whether secrets cannot be opened now."""
        return self._held.key is None

    @property
    def needs_password(self) -> bool:
        """Whether it is a password that opens it."""
        return self._sealed_key is not None

    @property
    def why_locked(self) -> str:
        """Return what to do about it, as a sentence; empty where it is open."""
        if not self.locked:
            return ""
        return self._why or "unlock it with the master password"

    def seal(self, id: UUID, secret: str) -> SealedSecret:
        """Return a secret sealed for this install, locked or not. Keeps nothing. Raises ValueError above the cap."""
        return seal(X25519PublicKey.from_public_bytes(self._record.public), self._tenant, id, secret)

    def keep(self, secrets: Mapping[UUID, SealedSecret]) -> None:
        """Give these from now on, in place of the former ones; they are on disk already."""
        self._held.sealed.update(secrets)

    def get(self, id: UUID) -> str:
        """Return a credential's secret. Raises SecretNotHere (a KeyError), VaultLocked."""
        key, sealed = self._held
        if id not in sealed:
            raise SecretNotHere(f"there is no secret of credential {id} on this computer")
        if key is None:
            raise VaultLocked(f"the vault is locked: {self.why_locked}")
        try:
            return unseal(key, self._tenant, id, sealed[id])
        except DoesNotOpen:
            raise SecretNotHere(
                f"the secret of credential {id} was sealed for another key than the one in "
                f"{self._stores[self._record.place].name}: put the right key file back, or enter the secret again"
            ) from None

    def sealed(self, id: UUID) -> SealedSecret | None:
        """Return a secret as it is sealed, None where there is none here."""
        return self._held.sealed.get(id)

    def opens(self, id: UUID, secret: SealedSecret) -> bool:
        """Tell whether a sealed secret is one of this credential that this install can open. Raises VaultLocked."""
        try:
            unseal(self._key(), self._tenant, id, secret)
        except DoesNotOpen:
            return False
        return True

    def wrap_for(self, id: UUID, publics: Sequence[bytes]) -> list[bytes]:
        """Return the data key of a credential's secret wrapped to installs' public keys. Raises SecretNotHere, VaultLocked,
        ValueError where one is no key."""
        held = self._held.sealed.get(id)
        if held is None:
            raise SecretNotHere(f"there is no secret of credential {id} on this computer")
        try:
            return rewrap(self._key(), self._tenant, id, held.wrapped, publics)
        except DoesNotOpen:
            raise SecretNotHere(f"the secret of credential {id} was sealed for another key") from None

    def sealed_anew(self, id: UUID, publics: Sequence[bytes]) -> tuple[SealedSecret, list[bytes]]:
        """Return a credential's secret under another data key, and that key wrapped to installs' public keys. Keeps nothing.
        Raises as `wrap_for`."""
        fresh = self.seal(id, self.get(id))
        return fresh, rewrap(self._key(), self._tenant, id, fresh.wrapped, publics)

    def is_same(self, id: UUID, secret: SealedSecret) -> bool:
        """Tell whether a sealed secret is, under whatever key, the one that is kept. Raises VaultLocked."""
        held = self._held.sealed.get(id)
        if held is None or not self.opens(id, held) or not self.opens(id, secret):
            return False
        key = self._key()
        return unseal(key, self._tenant, id, held) == unseal(key, self._tenant, id, secret)

    def forget(self, ids: Iterable[UUID]) -> None:
        """Give these no more; they are off the disk already."""
        for id in ids:
            self._held.sealed.pop(id, None)

    def _key(self) -> X25519PrivateKey:
        if self._held.key is None:
            raise VaultLocked(f"the vault is locked: {self.why_locked}")
        return self._held.key

    def delete(self, id: UUID) -> None:
        """Forget a credential's secret, if there is one. Raises StorageFailed."""
        self._store.delete_secret(id)
        self._held.sealed.pop(id, None)

    def destroy_key(self) -> None:
        """Delete the key for good: nothing that is sealed here, or in a copy, opens any more. Raises PlaceUnavailable."""
        keys = self._stores[self._record.place]
        keys.drop("next")
        keys.drop("current")

    def unlock(self, password: str) -> None:
        """Have the key at hand again; takes most of a second. Raises WrongPassword."""
        if self._sealed_key is not None:
            key, self._master = self._sealed_key.open(password)
            self._held = self._held._replace(key=key)

    def lock(self) -> None:
        """Forget the key until the next `unlock`; only for a vault with a master password."""
        if self._sealed_key is not None:
            self._master = None
            self._held = self._held._replace(key=None)

    def set_auto_lock(self, minutes: int) -> None:
        """Keep after how long it is to be locked. Raises StorageFailed."""
        record = msgspec.structs.replace(self._record, auto_lock_min=minutes)
        rotation.keep_record(self._store, record)
        self._record = record

    def rotate(self, place: KeyPlace, password: str | None, now_us: int, cost: Cost = COST) -> int:
        """Make new keys, have them in `place`, seal all secrets anew; return how many.

        `password` None keeps the master password that it was unlocked with. A secret that does not open stays as it is.
        Raises VaultLocked, PlaceUnavailable or StorageFailed; it then gives what it gave before.
        """
        key, sealed = self._held
        if key is None:
            raise VaultLocked(f"the vault is locked: {self.why_locked}")
        fresh, master = X25519PrivateKey.generate(), None
        if place == "password":
            master = MasterKey(password, cost) if password is not None else self._master
            if master is None:
                raise ValueError("a master password is needed")
        kept: InstallKey = fresh if master is None else master.seal(fresh)
        after = msgspec.structs.replace(
            self._record, place=place, public=public_of(kept), rotated_us=now_us, left=None
        )

        def reseal() -> dict[UUID, SealedSecret]:
            found = {}
            for id, old in sealed.items():
                try:
                    found[id] = seal(fresh.public_key(), self._tenant, id, unseal(key, self._tenant, id, old))
                except DoesNotOpen:
                    _log.warning("secret_not_sealed_anew", extra={"credential_id": id})
            return found

        renewed = rotation.rotate(
            self._store, self._stores, before=self._record, after=after, key=kept, reseal=reseal
        )
        self._held = _Held(fresh, {**sealed, **renewed})
        self._master, self._sealed_key = master, kept if isinstance(kept, SealedKey) else None
        written = rotation.read_record(self._store) or after
        self._record = rotation.leave(self._store, self._stores, written)
        return len(renewed)

    def fetch(self) -> None:
        """Ask a key place that gave no key once more. Raises PlaceUnavailable."""
        keys = self._stores[self._record.place]
        try:
            found = rotation.find_key(keys, self._record.public)
            if found is None or not found.is_right:
                raise PlaceUnavailable(f"{keys.name} does not hold the key in use: start the engine again")
            rotation.settle(keys, found)
        except PlaceUnavailable as error:
            self._why = str(error)
            raise
        self._why = ""
        if isinstance(found.key, SealedKey):
            self._sealed_key = found.key
        else:
            self._held = self._held._replace(key=found.key)


_LOST = "There is no install key in {} any more. A new one was made: enter the secrets again, or put the old one back."


def _first_key(
    stores: Stores, new_place: NewPlace, first: X25519PrivateKey | None = None
) -> tuple[KeyRecord, InstallKey]:
    """Return the key of a profile without a record, which is found or made. Raises StorageRefused."""
    places: list[KeyPlace] = ["file"]
    try:
        if new_place != "file" and stores["file"].read("current") is None:
            places.insert(0, "keyring")
        for place in places:
            try:
                return _key_in(stores[place], place, first)
            except PlaceUnavailable as error:
                if place == "file" or new_place == "keyring":
                    raise
                _log.info("key_goes_to_file", extra={"reason": str(error)})
    except PlaceUnavailable as error:
        raise StorageRefused(str(error)) from error
    raise AssertionError("the last place returns or raises")


def _key_in(keys: KeyStore, place: KeyPlace, first: X25519PrivateKey | None) -> tuple[KeyRecord, InstallKey]:
    found = rotation.find_key(keys, None)
    if found is not None:
        return KeyRecord(_place_of(place, found.key), public_of(found.key)), found.key
    key = first or X25519PrivateKey.generate()
    keys.write("current", encode_key(key))
    return KeyRecord(place, public_of(key)), key


def _place_of(place: KeyPlace, key: InstallKey) -> KeyPlace:
    """Return the place by what lies there: the user may have put another form of the file."""
    if place == "keyring":
        return place
    return "password" if isinstance(key, SealedKey) else "file"


def _keep(store: Store, record: KeyRecord) -> None:
    try:
        rotation.keep_record(store, record)
    except StorageFailed as error:  # a full disk is no reason not to poll: the next start writes it
        _log.error("storage_failed", extra={"reason": error.message})
