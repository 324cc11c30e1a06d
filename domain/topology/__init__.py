"""The graph of a network: what hangs on what, what a failure costs, and what is the cause of what is seen.

    graph.py      Topology: devices, links and entries, edited in place
    structure.py  dominators and blocks in one pass; routes.py: shortest ways and their repair
    impact.py     what-if of any set, single points of failure
    moved.py      what links would carry then: the load of who sends another way, hop by hop
    causes.py     which of the silent devices are the cause, and which only lie behind; parts.py: what keeps that cheap
Counterpart: `engine/judge/`, which feeds and asks. One rule: pure, no clock, UUIDs at the edge and small numbers inside.
"""

from domain.topology.causes import Blast, Causes, Changes, Verdict
from domain.topology.graph import Topology
from domain.topology.impact import Impact, SinglePoint, impact, single_points, way_after
from domain.topology.moved import LEAST_BPS, LinkNow, LinkThen, Moved, moved_load

__all__ = [
    "LEAST_BPS",
    "Blast",
    "Causes",
    "Changes",
    "Impact",
    "LinkNow",
    "LinkThen",
    "Moved",
    "SinglePoint",
    "Topology",
    "Verdict",
    "impact",
    "moved_load",
    "single_points",
    "way_after",
]
