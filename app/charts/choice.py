"""What can be drawn of a device. Counterpart: `device_graph.py` draws it; here so that naming it costs no chart library."""

from __future__ import annotations

from typing import NamedTuple


class Choice(NamedTuple):
    """A title, and the (metric, instance, name) of one or two curves."""

    title: str
    curves: tuple[tuple[str, str, str], ...]
