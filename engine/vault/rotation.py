"""New keys, so that being killed at any point loses nothing. Counterpart: `places.py` keeps the keys, `storage/` the record.

Theory: the database holds the public half of the right key and the place where it lies, and changes them in the one
transaction that seals all secrets anew. Before it the place has both keys, the next one in a slot of its own; after it the
next one moves up. A move to another place is the same with two places, because a key that lay in a worse place is not to be
trusted in a better one; the place that is left, or was to be entered, is noted until it is empty.
One rule: no slot is overwritten while the database may mean the key in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from domain.vault import KeyPlace
from engine.storage import StorageFailed, StorageRefused, Store
from engine.storage.store import Secrets
from engine.vault.key_text import InstallKey, decode_key, encode_key, public_of
from engine.vault.places import KeyStore, PlaceUnavailable, Slot

RECORD = "vault"
_SLOTS: tuple[Slot, ...] = ("current", "next")
_log = logging.getLogger("engine.vault")


class KeyRecord(msgspec.Struct, frozen=True):
    """What the database knows of the install's key. `left` is another place that may hold a key that opens nothing."""

    place: KeyPlace
    public: bytes
    rotated_us: int = 0
    left: KeyPlace | None = None
    auto_lock_min: int = 0


Stores = Mapping[KeyPlace, KeyStore]


def read_record(store: Store) -> KeyRecord | None:
    """Return the record, None where the database is from before there was one. Raises StorageRefused where it is damaged."""
    try:
        return msgspec.convert(store.setting(RECORD), KeyRecord | None)
    except msgspec.ValidationError as error:
        raise StorageRefused(
            f"{store.path}: what it says of the install's key cannot be read: {error}"
        ) from None


def keep_record(store: Store, record: KeyRecord) -> None:
    """Write the record. Raises StorageFailed."""
    store.keep_setting(RECORD, record)


class Found(NamedTuple):
    """A key and the slot it lies in. `is_right`: it is the one that was asked for."""

    key: InstallKey
    slot: Slot
    is_right: bool


def find_key(keys: KeyStore, public: bytes | None) -> Found | None:
    """Return the key with that public half; else the one that is current, or alone; None where there is none at all.

    Raises PlaceUnavailable, or StorageRefused where what lies there is no key.
    """
    texts: dict[Slot, bytes] = {slot: text for slot in _SLOTS if (text := keys.read(slot)) is not None}
    for slot, text in texts.items():
        with suppress(ValueError):
            key = decode_key(text)
            if public_of(key) == public:
                return Found(key, slot, True)
    for slot, text in texts.items():
        return Found(_decoded(keys, text), slot, False)
    return None


def settle(keys: KeyStore, found: Found) -> None:
    """Leave the right key alone in its place. Raises PlaceUnavailable."""
    if found.slot == "next":
        keys.promote()
    elif found.is_right:
        keys.drop("next")


def rotate(
    store: Store,
    stores: Stores,
    *,
    before: KeyRecord,
    after: KeyRecord,
    key: InstallKey,
    reseal: Callable[[], Secrets],
) -> Secrets:
    """Put the `key` that `after` names in its place, with what `reseal` returns; return the secrets as they are sealed now.

    Raises PlaceUnavailable or StorageFailed; all is then as it was, or will be when the place is settled next.
    """
    source, target = stores[before.place], stores[after.place]
    moves = source is not target
    found = find_key(source, before.public)
    if found is None or not found.is_right:
        raise PlaceUnavailable(f"{source.name} does not hold the key in use: start the engine again")
    settle(source, found)
    if moves:
        _empty(target)
        keep_record(store, msgspec.structs.replace(before, left=after.place))
    sealed = reseal()
    target.write("next", encode_key(key))
    try:
        store.reseal(sealed, RECORD, msgspec.structs.replace(after, left=before.place if moves else None))
    except StorageFailed:
        record = read_record(store)  # a disk that fails while it commits may have committed
        if record is None or record.public != after.public:
            with suppress(PlaceUnavailable):  # it opens nothing, and is dropped when the place is settled
                target.drop("next")
            raise
    try:
        target.promote()
    except PlaceUnavailable as error:
        _log.warning("key_not_settled", extra={"reason": str(error)})
    return sealed


def leave(store: Store, stores: Stores, record: KeyRecord) -> KeyRecord:
    """Empty the place that was left, where there is one; return the record as it is then."""
    if record.left is None:
        return record
    left, kept = stores[record.left], stores[record.place]
    try:
        if left is not kept:
            _empty(left)
        clean = msgspec.structs.replace(record, left=None)
        keep_record(store, clean)
    except (PlaceUnavailable, StorageFailed) as error:  # the next start tries again
        _log.warning("key_place_not_left", extra={"reason": str(error), "place": record.left})
        return record
    return clean


def _empty(keys: KeyStore) -> None:
    keys.drop("next")
    keys.drop("current")


def _decoded(keys: KeyStore, text: bytes) -> InstallKey:
    try:
        return decode_key(text)
    except ValueError as error:
        raise StorageRefused(
            f"{keys.name} is no install key: {error}. Put the right one back; or move this one away, a new one is made "
            "and the secrets are entered again. It has not been changed."
        ) from None
