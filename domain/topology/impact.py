"""What a failure would cost, before it happens: of any set of devices and links, or of each alone. Counterpart: the what-if.

One rule: nothing observed enters here; this is the network as intended, and `causes.py` holds it against what is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from typing import Literal
from uuid import UUID

import msgspec

from domain.topology.graph import Topology
from domain.topology.slots import ends, pair


class Impact(msgspec.Struct, frozen=True):
    """What is lost with a set of devices and links, and what is changed. No order is promised but that of `rerouted`.

    devices      no entry reaches them any more, or they are themselves the failed
    sites        all of whose devices are lost
    subscribers  of the lost devices
    degraded     still reached, but no longer over two disjoint ways from the device they hung on
    rerouted     still reached, but not by their shortest way of before: device -> its next hop towards an entry now
    turned       those of `rerouted` whose own next hop is another than before; the rest lie behind these
    """

    devices: tuple[UUID, ...] = ()
    sites: tuple[UUID, ...] = ()
    subscribers: int = 0
    degraded: tuple[UUID, ...] = ()
    rerouted: dict[UUID, UUID] = {}
    turned: tuple[UUID, ...] = ()


class SinglePoint(msgspec.Struct, frozen=True):
    """A device or link whose loss alone takes others along. The counts are of all that is lost, a failed device included."""

    kind: Literal["device", "link"]
    id: UUID
    devices: int
    sites: int
    subscribers: int


def impact(topology: Topology, devices: Iterable[UUID] = (), links: Iterable[UUID] = ()) -> Impact:
    """Return what a set of failed devices and links would cost. KeyError where one is not there.

    An island, which no entry reaches, is lost only where it is named itself. The first question after an edit pays for the
    dominators and the routes; the others cost what lies behind the failed, and the blocks that these lie in.
    """
    failed = {topology.index[device] for device in devices}
    gone: dict[int, int] = {}
    for link in set(links):
        both = topology.links[link]
        gone[both] = gone.get(both, 0) + 1
    routes = topology.routes
    hop = routes.hop
    cut = {both for both, count in gone.items() if count >= topology.width(both)}
    lower_ends = [low for both in cut for low, high in _both_ways(both) if hop[low] == high]
    broken = routes.broken(failed, lower_ends)
    hops = routes.repair(broken, failed, (lambda a, b: pair(a, b) not in cut) if cut else None)
    lost = failed | (broken - hops.keys())
    structure = topology.structure
    blocks = {structure.block[v] for v in failed if structure.twice[v]}
    blocks.update(structure.block_of_link(*ends(both)) for both in gone)
    blocks.discard(-1)
    weak = [v for block in blocks for v in structure.weakened(block, failed, gone) if v not in lost]
    ids = topology.ids
    return Impact(
        topology.names(lost),
        tuple(topology.sites_within(lost)),
        sum(topology.subscribers[v] for v in lost),
        topology.names(weak),
        {a: b for v, w in hops.items() if (a := ids[v]) is not None and (b := ids[w]) is not None},
        topology.names(v for v, w in hops.items() if hop[v] != w),
    )


def way_after(topology: Topology, found: Impact, device: UUID) -> tuple[UUID, ...]:
    """Return the shortest way that a device has in the face of an impact, both ends included; () where it has none."""
    if device in found.devices:
        return ()
    index = topology.index
    other = {index[a]: index[b] for a, b in found.rerouted.items()}
    return topology.names(topology.routes.way(index[device], other))


def single_points(topology: Topology, limit: int | None = None) -> list[SinglePoint]:
    """Return the devices and links whose loss alone takes others along, the dearest first: by subscribers, devices, sites.

    A link is one where it is the only way to what is behind it; a device that nothing hangs on is none.
    """
    structure, sums = topology.structure, topology.sums
    size, above, twice, ids = structure.size, structure.above, structure.twice, topology.ids
    found: list[tuple[int, int, int, str, int, UUID]] = []
    for v in structure.at:
        if size[v] > 1 and (device := ids[v]) is not None:
            count, sites, subscribers = sums.of_subtree(v)
            found.append((subscribers, count, sites, "device", -device.int, device))
    for link, both in topology.links.items():
        for low, high in _both_ways(both):
            if above[low] == high and not twice[low]:
                count, sites, subscribers = sums.of_subtree(low)
                found.append((subscribers, count, sites, "link", -link.int, link))
    ordered = sorted(found, reverse=True) if limit is None else nlargest(limit, found)
    return [
        SinglePoint("link" if kind == "link" else "device", id, count, sites, subscribers)
        for subscribers, count, sites, kind, _, id in ordered
    ]


def _both_ways(both: int) -> tuple[tuple[int, int], tuple[int, int]]:
    a, b = ends(both)
    return (a, b), (b, a)
