"""The network as intended, as a graph that is edited in place. Counterpart: `impact.py` and `causes.py`, its readers.

One rule: an edit costs what it touches; what is derived (dominators, routes, sums) is computed when first asked for after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from uuid import UUID

from domain.topology.routes import Routes
from domain.topology.slots import Near, ends, pair
from domain.topology.structure import Structure


class Sums:
    """Running totals in the order of `Structure.at`, so that what a subtree holds is one subtraction."""

    def __init__(
        self, structure: Structure, subscribers: list[int], site_slots: dict[UUID, list[int]]
    ) -> None:
        at, place, above = structure.at, structure.place, structure.above
        self._structure = structure
        self._subscribers = [0, *accumulate(subscribers[v] for v in at)]
        lost_with = [0] * len(at)
        for slots in site_slots.values():
            common = slots[0]
            for v in slots[1:]:
                while common not in (structure.source, v) and not structure.dominates(common, v):
                    common = above[common]
                    if common == -1:
                        break
                if common in (-1, structure.source):
                    break
            if common not in (-1, structure.source) and min(place[v] for v in slots) >= 0:
                lost_with[place[common]] += 1
        self._sites = [0, *accumulate(lost_with)]

    def of_subtree(self, v: int) -> tuple[int, int, int]:
        """Return (devices, sites, subscribers) that are lost with a slot that an entry reaches, itself included."""
        start = self._structure.place[v]
        end = start + self._structure.size[v]
        return (
            end - start,
            self._sites[end] - self._sites[start],
            self._subscribers[end] - self._subscribers[start],
        )


class Topology:
    """Devices, the links between them, and the entries by which pollers reach them.

    `version` rises with every edit of devices, links or entries, not with a change of weights. Ids are UUIDs at the edge;
    the attributes below `version` are slots, for this package only.
    """

    def __init__(self) -> None:
        self.version = 0
        self.ids: list[UUID | None] = []
        self.index: dict[UUID, int] = {}
        self.near: Near = []
        self.subscribers: list[int] = []
        self.sites: list[UUID | None] = []
        self.links: dict[UUID, int] = {}
        self.entries: set[int] = set()
        self._free: list[int] = []
        self._built_at = -1
        self._structure: Structure | None = None
        self._routes: Routes | None = None
        self._sums: Sums | None = None
        self._site_slots: dict[UUID, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, device: UUID) -> bool:
        return device in self.index

    # edits

    def put_node(self, device: UUID, subscribers: int = 0, site: UUID | None = None) -> None:
        """Add a device, or alter the weights of one that is there: its own subscribers and where it stands."""
        slot = self.index.get(device)
        if slot is None:
            self.version += 1
            if self._free:
                slot = self._free.pop()
            else:
                slot = len(self.ids)
                self.ids.append(None)
                self.near.append([])
                self.subscribers.append(0)
                self.sites.append(None)
            self.ids[slot], self.index[device] = device, slot
        self.subscribers[slot], self.sites[slot] = subscribers, site
        self._sums = self._site_slots = None

    def remove_node(self, device: UUID) -> None:
        """Take a device away, with the links that end at it. KeyError where it is not there."""
        slot = self.index[device]
        if self.near[slot]:
            for link in [link for link, both in self.links.items() if slot in ends(both)]:
                self.remove_link(link)
        del self.index[device]
        self.ids[slot] = self.sites[slot] = None
        self.subscribers[slot] = 0
        self.entries.discard(slot)
        self._free.append(slot)
        self._sums = self._site_slots = None
        self.version += 1

    def put_link(self, link: UUID, a: UUID, b: UUID) -> None:
        """Join two devices, or lay a link anew. KeyError where an end is not there, ValueError where both are one device."""
        one, other = self.index[a], self.index[b]
        if one == other:
            raise ValueError(f"a link joins two devices, {link} has {a} at both ends")
        if link in self.links:
            if self.links[link] == pair(one, other):
                return
            self.remove_link(link)
        self.links[link] = pair(one, other)
        self.near[one].append(other)
        self.near[other].append(one)
        self.version += 1

    def remove_link(self, link: UUID) -> None:
        """Take a link away. KeyError where it is not there."""
        one, other = ends(self.links.pop(link))
        self.near[one].remove(other)
        self.near[other].remove(one)
        self.version += 1

    def set_entries(self, devices: Iterable[UUID]) -> None:
        """Say by which devices pollers reach the network. KeyError where one is not there."""
        entries = {self.index[device] for device in devices}
        if entries != self.entries:
            self.entries = entries
            self.version += 1

    # questions

    def dominates(self, a: UUID, b: UUID) -> bool:
        """Tell whether every way from an entry to b leads through a. KeyError where one is not there."""
        return self.structure.dominates(self.index[a], self.index[b])

    def behind(self, device: UUID) -> tuple[UUID, ...]:
        """Return the devices that hang on this one alone, itself left out. KeyError where it is not there."""
        return self.names(self.structure.subtree(self.index[device])[1:])

    def way(self, device: UUID) -> tuple[UUID, ...]:
        """Return the shortest way from a device to an entry, both ends included; () for an island. KeyError as above."""
        return self.names(self.routes.way(self.index[device]))

    def width(self, both: int) -> int:
        """Return how many links join a pair of slots."""
        a, b = ends(both)
        return self.near[a].count(b) if len(self.near[a]) < len(self.near[b]) else self.near[b].count(a)

    def names(self, slots: Iterable[int]) -> tuple[UUID, ...]:
        """Return the ids of slots that are taken."""
        ids = self.ids
        return tuple(id for v in slots if (id := ids[v]) is not None)

    # what is derived, once for each version

    def _forget_old(self) -> None:
        if self._built_at != self.version:
            self._structure = self._routes = self._sums = None
            self._built_at = self.version

    @property
    def structure(self) -> Structure:
        """The dominator tree and blocks of this version."""
        self._forget_old()
        if self._structure is None:
            self._structure = Structure(self.near, sorted(self.entries))
        return self._structure

    @property
    def routes(self) -> Routes:
        """The shortest ways of this version."""
        self._forget_old()
        if self._routes is None:
            self._routes = Routes(self.near, self.entries)
        return self._routes

    @property
    def sums(self) -> Sums:
        """What each subtree of this version holds."""
        self._forget_old()
        if self._sums is None:
            self._sums = Sums(self.structure, self.subscribers, self.site_slots)
        return self._sums

    @property
    def site_slots(self) -> dict[UUID, list[int]]:
        """The slots that stand at each site."""
        if self._site_slots is None:
            found: dict[UUID, list[int]] = {}
            for v in self.index.values():
                if (site := self.sites[v]) is not None:
                    found.setdefault(site, []).append(v)
            self._site_slots = found
        return self._site_slots

    def sites_within(
        self, lost: Iterable[int], excused: Callable[[int], bool] | None = None
    ) -> Iterator[UUID]:
        """Go over the sites all of whose devices are among `lost`, which names none twice, or excused."""
        among: dict[UUID, int] = {}
        sites = self.sites
        for v in lost:
            if (site := sites[v]) is not None:
                among[site] = among.get(site, 0) + 1
        slots = self.site_slots
        for site, count in among.items():
            stand = slots[site]
            if count == len(stand) or (excused and count == len(stand) - sum(map(excused, stand))):
                yield site
