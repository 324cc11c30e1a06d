"""The graph's answers worked out from scratch with networkx, slowly and by the letter. Counterpart: `domain/topology/`.

One rule: nothing of what is tested is used here; it is told the same edits and states, and asked the same questions.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import networkx as nx

Graph = nx.MultiGraph
SOURCE = UUID(int=0)
TOGETHER_US = 120_000_000


class Plan:
    """The network as intended, and as it is seen."""

    def __init__(self) -> None:
        self.weights: dict[UUID, tuple[int, UUID | None]] = {}
        self.links: dict[UUID, tuple[UUID, UUID]] = {}
        self.entries: set[UUID] = set()
        self.live: set[UUID] = set()
        self.down: dict[UUID, int] = {}
        self.fallen: dict[UUID, int] = {}

    # the graph

    def graph(self, without: Iterable[UUID] = (), without_links: Iterable[UUID] = ()) -> Graph:
        """Return the network with a source joined to the entries."""
        graph = nx.MultiGraph()
        graph.add_node(SOURCE)
        graph.add_nodes_from(self.weights)
        graph.add_edges_from((SOURCE, entry, SOURCE) for entry in self.entries)
        graph.add_edges_from((a, b, link) for link, (a, b) in self.links.items())
        graph.remove_nodes_from(list(without))
        gone = set(without_links)
        graph.remove_edges_from([edge for edge in graph.edges(keys=True) if edge[2] in gone])
        return graph

    def above(self) -> dict[UUID, UUID]:
        """Return the immediate dominator of every device that is reached."""
        above = dict(nx.immediate_dominators(nx.DiGraph(self.graph()), SOURCE))
        return {v: d for v, d in above.items() if v != SOURCE and d is not None}

    @staticmethod
    def has_two_ways(graph: Graph, a: UUID, b: UUID) -> bool:
        """Tell whether neither a device between nor a link alone parts a from b."""
        if a not in graph or b not in graph:
            return False
        part = nx.node_connected_component(graph, a)
        if b not in part:
            return False
        less = nx.MultiGraph(graph.subgraph(part))
        for edge in list(less.edges(keys=True)):
            less.remove_edge(*edge)
            if not nx.has_path(less, a, b):
                return False
            less.add_edge(*edge)
        return all(nx.has_path(nx.restricted_view(less, [v], []), a, b) for v in part - {a, b})

    def loses_second_way(self, failed: Iterable[UUID], links: Iterable[UUID]) -> set[UUID]:
        """Return who had two ways from the device above, and has one."""
        failed, links = set(failed), set(links)
        if not failed and not links:
            return set()
        before, after = self.graph(), self.graph(failed, links)
        return {
            v
            for v, top in self.above().items()
            if v in after
            and top in after
            and nx.has_path(after, top, v)
            and not self.has_two_ways(after, top, v)
            and self.has_two_ways(before, top, v)
        }

    def reached(self, failed: Iterable[UUID] = (), links: Iterable[UUID] = ()) -> dict[UUID, int]:
        """Return the distance of every device that an entry reaches, 1 at an entry."""
        found = nx.single_source_shortest_path_length(self.graph(failed, links), SOURCE)
        return {v: steps for v, steps in found.items() if v != SOURCE}

    def weigh(self, lost: Iterable[UUID], excused: Iterable[UUID] = ()) -> tuple[set[UUID], int]:
        """Return the sites that are wholly among the lost or excused, and the subscribers of the lost."""
        lost, excused = set(lost), set(excused)
        sites = {site for v in lost if (site := self.weights[v][1])}
        stand = {site: {v for v, (_, at) in self.weights.items() if at == site} for site in sites}
        return {s for s in sites if stand[s] <= lost | excused}, sum(self.weights[v][0] for v in lost)

    # what is seen

    def fell(self) -> dict[UUID, int]:
        """Return the down devices of the graph and when they fell."""
        return {v: since for v, since in self.down.items() if v in self.weights}

    def quiet(self) -> set[UUID]:
        """Return the devices that are neither live nor down."""
        return set(self.weights) - self.live - self.down.keys()

    def counting(self) -> nx.Graph:
        """Return the devices and the links that count."""
        graph = nx.Graph()
        graph.add_nodes_from(self.weights)
        fell = self.fell()
        for link, (a, b) in self.links.items():
            first = min((fell[v] for v in (a, b) if v in fell), default=None)
            if link not in self.fallen or (first is not None and self.fallen[link] >= first - TOGETHER_US):
                graph.add_edge(a, b)
        return graph

    def is_cut_off(self) -> bool:
        """Tell whether the poller is."""
        fell = self.fell()
        return not self.live & self.weights.keys() and len(fell) >= 2 and bool(self.entries & fell.keys())

    def explain(self) -> dict[UUID, set[UUID]]:
        """Return of every down device its roots: itself where it is one; of all an empty set where the poller is cut off."""
        fell, quiet, graph = self.fell(), self.quiet(), self.counting()
        if self.is_cut_off():
            return {v: set() for v in fell}
        reached = self.reached().keys()
        hanging = {v: reached - self.reached([v]).keys() - {v} for v in fell}
        roots = {v for v in fell if v in self.entries or self._sees_life(graph, v, quiet, hanging[v])}
        causes = {v: {v} for v in roots}
        for part in nx.connected_components(graph.subgraph((fell.keys() | quiet) - roots)):
            within = part & fell.keys()
            around = {w for v in part for w in graph[v] if w in roots}
            if within and not around:
                tops = [v for v in within if within <= hanging[v] | {v}]
                around = set(tops) or {min(within, key=lambda v: (fell[v], v))}
            causes.update(dict.fromkeys(within, around))
        return causes

    def _sees_life(self, graph: nx.Graph, down: UUID, quiet: set[UUID], hanging: set[UUID]) -> bool:
        """Tell whether a walk from a down device through quiet ones, none of which hangs on it, meets life."""
        open_to = nx.Graph(graph.subgraph(quiet | self.live | {down}))
        open_to.remove_edges_from([(a, b) for a, b in open_to.edges if {a, b} <= self.live])
        seen, waiting = {down}, [down]
        while waiting:
            v = waiting.pop()
            if v in self.entries and v != down:
                return True
            for w in set(open_to[v]) - seen:
                seen.add(w)
                if w in hanging:
                    continue
                if w in self.live:
                    return True
                waiting.append(w)
        return False

    def blasts(self) -> dict[UUID, set[UUID]]:
        """Return of every root what it explains, itself included."""
        found: dict[UUID, set[UUID]] = {}
        for v, roots in self.explain().items():
            for root in roots:
                found.setdefault(root, {root}).add(v)
        return found

    def weakened(self) -> set[UUID]:
        """Return the live devices that have lost their second way."""
        fallen = [link for link in self.fallen if link in self.links]
        return self.loses_second_way(self.fell(), fallen) & self.live
