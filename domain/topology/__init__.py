"""The graph of a network: what hangs on what, what a failure costs, and what is the cause of what is seen.

    graph.py      Topology: devices, links and entries, edited in place
    structure.py  dominators and blocks in one pass; routes.py: shortest ways and their repair
    impact.py     what-if of any set, single points of failure
    causes.py     which of the silent devices are the cause, and which only lie behind; parts.py: what keeps that cheap
Counterpart: `engine/judge/`, which feeds and asks. One rule: pure, no clock, UUIDs at the edge and small numbers inside.
"""

from domain.topology.causes import Blast, Causes, Changes, Verdict
from domain.topology.graph import Topology
from domain.topology.impact import Impact, SinglePoint, impact, single_points, way_after

__all__ = [
    "Blast",
    "Causes",
    "Changes",
    "Impact",
    "SinglePoint",
    "Topology",
    "Verdict",
    "impact",
    "single_points",
    "way_after",
]
