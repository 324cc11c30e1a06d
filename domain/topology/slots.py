"""The words that the rooms of the graph share: slots and pairs. Counterpart: `graph.py`, which gives slots out.

One rule: a slot is a device's small number inside one graph; it is used again when the device has gone, and stays in the package.
"""

from __future__ import annotations

Near = list[list[int]]
"""For every slot its neighbours, one mention for each link between the two."""

_SHIFT = 32


def pair(a: int, b: int) -> int:
    """Return one number for two slots, whatever their order."""
    return a << _SHIFT | b if a < b else b << _SHIFT | a


def ends(of: int) -> tuple[int, int]:
    """Return the two slots of a pair."""
    return of >> _SHIFT, of & (1 << _SHIFT) - 1
