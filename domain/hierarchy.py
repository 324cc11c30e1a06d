"""Region, POP, site, device: what stands in what, and how all that stands there fares. Counterpart: `inventory.py`, whose
`region_of` says where a site belongs; the window's tree and the panel of a site show it.

Theory: a site stands under its POP while both are in one region, else at the top of its own. Each place keeps how many of its
devices have which status, so that a status that turns touches the way up and nothing else, and the worst is found in seven
steps however many stand there.
One rule: the worst status is the first in fault order of which there is one; a thousand that are well outvote nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal
from uuid import UUID

from domain.inventory import POPS_DEEP, Inventory, Site

FAULT_ORDER = ("down", "affected", "degraded", "stale", "unknown", "maintenance", "up")
"""Statuses as they are shown, the worst first."""
Level = Literal["region", "site", "device", "none"]
Key = tuple[Level, UUID | str | None]
"""A region by its name ("" is none), a site or a device by its id; ("none", None) holds devices without a site."""
NO_SITE: Key = ("none", None)
StatusOf = Callable[[UUID], str]


class RollUp:
    """How all the devices at or below a place fare. `subscribers` are those of the devices themselves."""

    __slots__ = ("_counts", "subscribers")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.subscribers = 0

    @property
    def total(self) -> int:
        """How many devices there are."""
        return sum(self._counts.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many devices have each status, in fault order; a status that none has is not there."""
        return {status: self._counts[status] for status in FAULT_ORDER if status in self._counts}

    @property
    def worst(self) -> str:
        """The worst status of all devices; `unknown` where there are none."""
        return next((status for status in FAULT_ORDER if status in self._counts), "unknown")

    def add(self, status: str, count: int, subscribers: int) -> None:
        """Count devices of one status in, or out where `count` is negative."""
        left = self._counts.get(status, 0) + count
        if left:
            self._counts[status] = left
        else:
            self._counts.pop(status, None)
        self.subscribers += subscribers


class Hierarchy:
    """The tree of an inventory that is changed from outside: whoever changes it says what was touched."""

    def __init__(self, inventory: Inventory, status_of: StatusOf) -> None:
        self.read(inventory, status_of)

    def read(self, inventory: Inventory, status_of: StatusOf) -> None:
        """Make it all anew out of another inventory."""
        self._inventory, self._status_of = inventory, status_of
        self._above: dict[Key, Key] = {}
        self._below: dict[Key, dict[Key, None]] = {}
        self._rollups: dict[Key, RollUp] = {}
        self._counted: dict[UUID, tuple[str, int]] = {}
        self._hung: dict[UUID, set[UUID]] = {}
        self._pop: dict[UUID, UUID] = {}
        self.take((site.id for site in inventory.sites()), (device.id for device in inventory.devices()))

    # What is where

    def tops(self) -> list[Key]:
        """Return the regions, and what holds the devices without a site where there are any."""
        return [key for key in self._below if key[0] in ("region", "none")]

    def below(self, key: Key) -> list[Key]:
        """Return the sites and devices that stand in a place itself."""
        return list(self._below.get(key, ()))

    def above(self, key: Key) -> Key | None:
        """Return what a thing stands in; None for a region, and for what is not there."""
        return self._above.get(key)

    def devices(self, key: Key) -> Iterator[UUID]:
        """Go over the devices at or below a place."""
        for kind, id in self._all_below(key):
            if kind == "device":
                yield id  # type: ignore[misc]

    def sites(self, key: Key) -> Iterator[UUID]:
        """Go over the sites below a place, without itself."""
        for kind, id in self._all_below(key):
            if kind == "site":
                yield id  # type: ignore[misc]

    def hung_under(self, site: UUID) -> set[UUID]:
        """Return the sites whose POP a site is, those of other regions too."""
        return set(self._hung.get(site, ()))

    def rollup(self, key: Key) -> RollUp:
        """Return how a place fares; an empty one where there is none."""
        return self._rollups.get(key) or RollUp()

    # What changes

    def turn(self, devices: Iterable[UUID]) -> set[Key]:
        """Look again how devices fare, and return all whose roll-up is another: they themselves and the ways up."""
        touched: set[Key] = set()
        for id in devices:
            key: Key = ("device", id)
            old = self._counted.get(id)
            device = self._inventory.device(id)
            if old is None or device is None or key not in self._above:
                continue
            new = (self._status_of(id), device.subscribers)
            if new != old:
                self._counted[id] = new
                for place in self._way_up(key):
                    self._rollups[place].add(old[0], -1, -old[1])
                    self._rollups[place].add(new[0], 1, new[1])
                    touched.add(place)
                touched.add(key)
        return touched

    def take(self, sites: Iterable[UUID], devices: Iterable[UUID]) -> bool:
        """Take sites and devices that were added, changed or removed; tell whether anything stands elsewhere than before."""
        moved = is_new = False
        waiting, seen = list(sites), set[UUID]()
        loose: list[UUID] = []
        while waiting:
            id = waiting.pop()
            if id in seen:
                continue
            seen.add(id)
            site = self._inventory.site(id)
            self._hang(id, site.pop if site is not None else None)
            waiting += self._hung.get(id, ())
            is_new |= site is not None and ("site", id) not in self._below
            moved |= self._put_site(id, site, loose)
        if is_new:  # what named a site before it was there finds it now
            loose += [child for _, child in self._below.get(NO_SITE, ())]  # type: ignore[misc]
        for device in (*devices, *loose):
            moved |= self._put_device(device)
        return moved

    # Inside

    def _all_below(self, key: Key) -> Iterator[Key]:
        waiting = [key]
        while waiting:
            for child in self._below.get(waiting.pop(), ()):
                yield child
                if child[0] == "site":
                    waiting.append(child)

    def _way_up(self, key: Key) -> Iterator[Key]:
        """Go over what a thing stands in, from the nearest up to its region."""
        above = self._above.get(key)
        while above is not None:
            yield above
            above = self._above.get(above)

    def _hang(self, site: UUID, pop: UUID | None) -> None:
        old = self._pop.pop(site, None)
        if old is not None and old != pop:
            self._hung[old].discard(site)
            if not self._hung[old]:
                del self._hung[old]
        if pop is not None:
            self._pop[site] = pop
            self._hung.setdefault(pop, set()).add(site)

    def _put_site(self, id: UUID, site: Site | None, loose: list[UUID]) -> bool:
        key: Key = ("site", id)
        if site is None:
            loose += [child for kind, child in self._below.get(key, ()) if kind == "device"]  # type: ignore[misc]
            for child in self.below(key):
                self._move(child, None)
            was = self._move(key, None)
            self._below.pop(key, None)
            self._rollups.pop(key, None)
            return was
        self._below.setdefault(key, {})
        self._rollups.setdefault(key, RollUp())
        return self._move(key, self._place_of(site))

    def _place_of(self, site: Site) -> Key:
        """Return what a site stands in: its POP, if that is in its region and not too deep, else its region."""
        inventory = self._inventory
        region = inventory.region_of(site)
        pop = above = inventory.site(site.pop)
        seen = {site.id}
        while above is not None and above.id not in seen and len(seen) <= POPS_DEEP:
            seen.add(above.id)
            above = inventory.site(above.pop)
        if pop is None or above is not None or inventory.region_of(pop) != region:
            return ("region", region)
        return ("site", pop.id)

    def _put_device(self, id: UUID) -> bool:
        key: Key = ("device", id)
        device = self._inventory.device(id)
        if device is None:
            was = self._move(key, None)
            self._counted.pop(id, None)
            return was
        if id in self._counted:
            self.turn((id,))
        else:
            self._counted[id] = (self._status_of(id), device.subscribers)
        return self._move(key, ("site", device.site) if self._inventory.site(device.site) else NO_SITE)

    def _move(self, key: Key, to: Key | None) -> bool:
        """Put a thing with all below it into another place, or nowhere; False where it stands there already."""
        if self._above.get(key) == to:
            return False
        self._count(key, -1)
        old = self._above.pop(key, None)
        if old is not None:
            del self._below[old][key]
            if not self._below[old] and old[0] != "site":
                del self._below[old], self._rollups[old]
        if to is not None:
            self._above[key] = to
            self._below.setdefault(to, {})[key] = None
            self._rollups.setdefault(to, RollUp())
            self._count(key, 1)
        return True

    def _count(self, key: Key, sign: int) -> None:
        """Count a thing in or out, all the way up."""
        if key[0] == "device":
            status, subscribers = self._counted[key[1]]  # type: ignore[index]
            counts = {status: 1}
        else:
            counts, subscribers = self.rollup(key).counts, self.rollup(key).subscribers
        for place in self._way_up(key):
            for status, count in counts.items():
                self._rollups[place].add(status, sign * count, 0)
            self._rollups[place].subscribers += sign * subscribers
