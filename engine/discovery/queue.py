"""The review queue: what was found and waits for a person. Counterpart: sweep, walk and MNDP fill it, `finding.py` compares.

Theory: a find that comes is merged with those it shares a key with, as long as no stronger key tells them apart, and compared
with the inventory. What is a device already, or is ignored, is not kept. Devices change too: those that did are noted, and
`refresh` compares anew the finds that share a key with one of them, and no others: so many devices at a time, for an outage turns
ten thousand at once, and no find before all of them, for what looks known may be two devices'. All is held in memory, with a
cap; what changed is told as rows to put and ids to delete, which whoever keeps them on disk and shows them gets together.
What left because somebody ignored it or made a device of it stays aside for a day, and comes back when that is undone.
One rule: nothing leaves the queue for the inventory from here; a person's edit does that, and the next comparison sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from uuid import UUID

import msgspec

from domain.fact import Fact
from domain.finding import Find, KnownDevice, KnownDevices, Match, match, merge, settled, tells_who
from domain.identity import Keys, shared_key

FINDS_CAP = 10_000
KEPT_US = 90 * 86_400_000_000
"""A find that was not seen for so long is forgotten."""
AGED_EVERY_US = 3_600_000_000
ASIDE_US = 86_400_000_000

TOLD_AGAIN_US = 60_000_000
"""That a find was merely seen again is told, and written, this often."""

Changed = Callable[[Sequence[Find], Sequence[UUID]], None]


class ReviewQueue:
    """All finds. `known_of` tells what is known of a device now, None where it is gone; `changed` gets rows and ids."""

    def __init__(
        self, *, known_of: Callable[[UUID], KnownDevice | None], changed: Changed, now_us: Callable[[], int]
    ) -> None:
        self._known_of = known_of
        self._changed = changed
        self._now_us = now_us
        self._known = KnownDevices()
        self._finds: dict[UUID, Find] = {}
        self._by_key: dict[str, set[UUID]] = {}
        self._told_us: dict[UUID, int] = {}
        self._ignored: frozenset[str] = frozenset()
        self._to_compare: dict[UUID, None] = {}
        self._affected: set[UUID] = set()
        self._aside: dict[UUID, tuple[int, Find]] = {}
        self._aside_by_key: dict[str, set[UUID]] = {}
        self._returning: dict[UUID, None] = {}
        self._aged_us = now_us()
        self.left_out = 0
        """Finds that were not taken because the queue was full, since the start."""

    def __len__(self) -> int:
        return len(self._finds)

    def __iter__(self) -> Iterator[Find]:
        return iter([*self._finds.values()])

    def get(self, id: UUID) -> Find | None:
        """Return a find."""
        return self._finds.get(id)

    # Around it

    def load(self, finds: Iterable[Find], devices: Iterable[UUID], ignored: Iterable[str] = ()) -> None:
        """Begin with what was kept and is not old or ignored; `refresh` compares it with all devices."""
        self._ignored = frozenset(ignored)
        gone: list[UUID] = []
        oldest_us = self._now_us() - KEPT_US
        for kept in finds:
            if kept.last_us < oldest_us or len(self._finds) >= FINDS_CAP or self._is_ignored(kept.keys):
                gone.append(kept.id)
            else:
                self._hold(kept)
        self._affected.update(self._finds)
        self.change_devices(devices)
        self._tell((), gone)

    def set_ignored(self, keys: Iterable[str]) -> None:
        """Take the keys that are never shown again; put aside what has one of them, have back what has none any more."""
        before, self._ignored = self._ignored, frozenset(keys)
        ids = {id for key in self._ignored for id in self._by_key.get(key, ())}
        self._tell((), self._put_aside([self._finds[id] for id in ids]))
        self._have_back({id for key in before - self._ignored for id in self._aside_by_key.get(key, ())})

    def change_devices(self, devices: Iterable[UUID]) -> None:
        """Note that these devices changed, came or went; `refresh` compares."""
        self._to_compare |= dict.fromkeys(devices)

    def learn(self, facts: Iterable[Fact]) -> None:
        """Note what devices tell of themselves, where it says who they are."""
        for fact in facts:
            if tells_who(fact.field):
                self._to_compare[fact.subject] = None

    @property
    def is_behind(self) -> bool:
        """Tell whether the last refresh left anything for the next: have that soon."""
        return bool(self._to_compare or self._affected or self._returning)

    def refresh(self, most: int = FINDS_CAP) -> None:
        """Compare anew what shares a key with a device that changed, of so many devices and finds; cheap where none did."""
        self._forget_old()
        for id in list(islice(self._to_compare, most)):
            del self._to_compare[id]
            old, new = self._known.get(id), self._known_of(id)
            if old == new:
                continue
            for device in (old, new):
                if device is not None:
                    self._affected |= self._sharing(device.keys)
            if old is not None:
                aside = (id for text in old.keys.texts for id in self._aside_by_key.get(text, ()))
                self._returning |= dict.fromkeys(aside)
            if new is None:
                self._known.drop(id)
            else:
                self._known.put(new)
        if self._to_compare:
            return
        put: list[Find] = []
        gone: list[UUID] = []
        for id in list(islice(self._affected, most)):
            self._affected.remove(id)
            old_find = self._finds[id]
            compared = self._compared(old_find)
            if compared is None:
                gone += self._put_aside([old_find])
            elif compared != old_find:
                self._finds[id] = compared
                put.append(compared)
        self._tell(put, gone)
        if not self._affected:
            returning = list(islice(self._returning, most))
            for id in returning:
                del self._returning[id]
            self._have_back(returning)

    def _put_aside(self, finds: Iterable[Find]) -> list[UUID]:
        """Take finds out that may come back; return their ids."""
        leaving = list(finds)
        for find in leaving:
            self._drop_aside(find.id)
            self._aside[find.id] = self._now_us(), find
            for text in find.keys.texts:
                self._aside_by_key.setdefault(text, set()).add(find.id)
        while len(self._aside) > FINDS_CAP:
            self._drop_aside(next(iter(self._aside)))
        return self._drop_all(leaving)

    def _have_back(self, ids: Iterable[UUID]) -> None:
        """Take up again what was put aside, where it is neither ignored nor known any more."""
        for id in ids:
            _, find = self._aside.get(id, (0, None))
            if find is not None and not self._is_ignored(find.keys) and self._compared(find) is not None:
                self._drop_aside(id)
                self.take(find)

    def _drop_aside(self, id: UUID) -> None:
        _, find = self._aside.pop(id, (0, None))
        for text in find.keys.texts if find is not None else ():
            self._aside_by_key[text].discard(id)
            if not self._aside_by_key[text]:
                del self._aside_by_key[text]

    # What comes

    def take(self, find: Find) -> Match | None:
        """Merge a find with what is known of it; return what it is to the inventory, None where it is left out."""
        merged = settled(find)
        if merged is None:
            return None
        parts = self._parts(merged)
        for part in parts:
            merged = merge(part, merged)
        if self._is_ignored(merged.keys):
            self._tell((), self._put_aside(parts))
            return None
        found = match(merged, self._known)
        if found.kind == "known":
            self._tell((), self._put_aside(parts))
            return found
        if not parts and len(self._finds) >= FINDS_CAP:
            self.left_out += 1
            return None
        self._replace(parts, msgspec.structs.replace(merged, match=found))
        return found

    # What people do

    def forget(self, id: UUID) -> bool:
        """Drop a find, which may come again; False where there is none."""
        if id not in self._finds:
            return False
        self._drop(id)
        self._tell((), (id,))
        return True

    def join(self, ids: Sequence[UUID]) -> Match | None:
        """Make one of several finds because a person says so; return what it is, None where there are not at least two."""
        parts = [self._finds[id] for id in dict.fromkeys(ids) if id in self._finds]
        if len(parts) < 2:
            return None
        merged = parts[0]
        for part in parts[1:]:
            merged = merge(merged, part)
        found = match(merged, self._known)
        if found.kind == "known":
            self._tell((), self._put_aside(parts))
        else:
            self._replace(parts, msgspec.structs.replace(merged, match=found))
        return found

    # Inside

    def _parts(self, find: Find) -> list[Find]:
        """Return the finds that are one with this, and with each other: what a key joins must not be told apart by another."""
        found = [self._finds[id] for id in self._sharing(find.keys)]
        joined = [(key, other) for other in found if (key := shared_key(find.keys, other.keys))]
        rank = ("serial", "mac", "engine", "address")
        joined.sort(
            key=lambda pair: (rank.index(pair[0].partition(":")[0]), -pair[1].last_us, pair[1].id.int)
        )
        parts: list[Find] = []
        keys = find.keys
        for _, other in joined:
            if shared_key(keys, other.keys):
                parts.append(other)
                keys = merge(find, other).keys if len(parts) == 1 else _union(keys, other.keys)
        return parts

    def _forget_old(self) -> None:
        now_us = self._now_us()
        if abs(now_us - self._aged_us) >= AGED_EVERY_US:
            self._aged_us = now_us
            old = [find for find in self._finds.values() if find.last_us < now_us - KEPT_US]
            self._tell((), self._drop_all(old))
            for id in [id for id, (at_us, _) in self._aside.items() if now_us - at_us > ASIDE_US]:
                self._drop_aside(id)

    def _sharing(self, keys: Keys) -> set[UUID]:
        return {id for text in keys.texts for id in self._by_key.get(text, ())}

    def _compared(self, find: Find) -> Find | None:
        """Return a find with what it is to the inventory now, None where it is known there."""
        found = match(find, self._known)
        if found.kind == "known":
            return None
        return find if found == find.match else msgspec.structs.replace(find, match=found)

    def _is_ignored(self, keys: Keys) -> bool:
        return bool(self._ignored) and not self._ignored.isdisjoint(keys.texts)

    def _replace(self, parts: Sequence[Find], new: Find) -> None:
        gone = [part.id for part in parts if part.id != new.id]
        old, told_us = self._finds.get(new.id), self._told_us.get(new.id, 0)
        for part in parts:
            self._drop(part.id)
        self._hold(new)
        is_news = old is None or bool(gone) or _without_times(old) != _without_times(new)
        if is_news or new.last_us - told_us >= TOLD_AGAIN_US:
            self._tell((new,), gone)
        else:
            self._told_us[new.id] = told_us

    def _hold(self, find: Find) -> None:
        if find.id in self._finds:
            self._drop(find.id)
        self._finds[find.id] = find
        self._told_us[find.id] = find.last_us
        for text in find.keys.texts:
            self._by_key.setdefault(text, set()).add(find.id)

    def _drop(self, id: UUID) -> None:
        find = self._finds.pop(id)
        self._told_us.pop(id, None)
        self._affected.discard(id)
        for text in find.keys.texts:
            owners = self._by_key[text]
            owners.discard(id)
            if not owners:
                del self._by_key[text]

    def _drop_all(self, finds: Iterable[Find]) -> list[UUID]:
        gone = [find.id for find in finds]
        for id in gone:
            self._drop(id)
        return gone

    def _tell(self, put: Sequence[Find], gone: Sequence[UUID]) -> None:
        if put or gone:
            self._changed(put, gone)


def _union(a: Keys, b: Keys) -> Keys:
    return Keys(
        a.serial or b.serial,
        a.macs | b.macs,
        a.engine_id or b.engine_id,
        a.addresses | b.addresses,
        a.name or b.name,
    )


def _without_times(find: Find) -> tuple[Find, frozenset[tuple[object, ...]]]:
    seen = frozenset((one.source, one.by, one.interface) for one in find.sources)
    return msgspec.structs.replace(find, last_us=0, sources=()), seen
