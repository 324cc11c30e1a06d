"""Which layers of the map are shown, and in which order. Counterpart: `map_assets/src/stack.js`, `panels/layers.py` shows them.

One rule: what is down is in no layer; it is seen whatever is off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Signal


class Layer(NamedTuple):
    """One group of layers: its key in the page, its name, what it means; `by_default` whether it is on at first."""

    key: str
    title: str
    means: str
    by_default: bool = True


SYMBOLS = Layer(
    "status", "Status", "What is up or not known. Always on top, so that no other layer can ever hide a fault"
)
"""Stands over all others and is not reordered: the symbols are on a glass over the map (docs/decisions/0007)."""
NETWORK = (
    Layer(
        "people", "People", "Who else of the team is at which device, link or site, and who has a tunnel open"
    ),
    Layer("alerts", "Alerts", "How many are open, at each device and link", by_default=False),
    Layer("names", "Names", "Of devices; what is down is always named"),
    Layer("load", "Load", "What links carry, both ways; off: in one quiet colour"),
    Layer(
        "latency", "Latency", "Round trip to each device, at its end of links beneath them", by_default=False
    ),
    Layer("signal", "Signal", "How the two ends of each radio link hear each other"),
    Layer("sectors", "Sectors", "Where the antennas of access points look"),
    Layer("candidates", "Candidates", "Cables that devices tell of and nobody has drawn"),
)
"""From the top down, as they stand when nobody reorders them."""
GROUND = (
    Layer("places", "Places", "Names of towns and waters"),
    Layer("borders", "Borders", "Of countries and regions"),
    Layer("roads", "Roads", "Motorways and major roads"),
    Layer("rail", "Railways", "Lines of railways"),
)
"""Parts of the basemap; they stay beneath the network."""
LAYERS = {layer.key: layer for layer in (SYMBOLS, *NETWORK, *GROUND)}
_ORDER = tuple(layer.key for layer in NETWORK)
_ONCE_USUAL = ("people", "alerts", "names", "latency", "load", "candidates", "signal", "sectors")
"""What nobody had reordered was remembered as this, though the bands of latency lay beneath the links then too."""


class MapLayers(QObject):
    """What one map shows."""

    changed = Signal()

    def __init__(self, send: Callable[..., None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self.order: tuple[str, ...] = _ORDER
        """Keys of the network's layers, from the top down."""
        self.hidden = frozenset(layer.key for layer in LAYERS.values() if not layer.by_default)

    def state(self) -> dict[str, Any]:
        """Return what a page is told: the order from the ground up, empty where it is the page's own."""
        order = [] if self.order == _ORDER else list(reversed(self.order))
        return {"layers": {"order": order, "usual": list(reversed(_ORDER)), "hidden": sorted(self.hidden)}}

    def shows(self, key: str) -> bool:
        """Tell whether a layer is on."""
        return key not in self.hidden

    def show(self, key: str, *, shown: bool) -> None:
        """Turn a layer on or off."""
        self._set(self.order, self.hidden - {key} if shown else self.hidden | {key})

    def move(self, key: str, steps: int) -> None:
        """Move a layer of the network so many steps down, or up where that is negative."""
        rest = [other for other in self.order if other != key]
        if len(rest) == len(self.order):
            return
        rest.insert(max(0, min(len(rest), self.order.index(key) + steps)), key)
        self._set(tuple(rest), self.hidden)

    def reset(self) -> None:
        """Show what is shown at first, in its first order."""
        self._set(_ORDER, frozenset(layer.key for layer in LAYERS.values() if not layer.by_default))

    def recall(self, order: Iterable[str], hidden: Iterable[str]) -> None:
        """Take up what was remembered; keys that are not known any more are left out, new ones stand where they belong."""
        kept = [key for key in dict.fromkeys(order) if key in _ORDER]
        if tuple(kept) == _ONCE_USUAL:
            kept.clear()
        for place, key in enumerate(_ORDER):
            if key not in kept:
                kept.insert(min(place, len(kept)), key)
        self._set(tuple(kept), frozenset(key for key in hidden if key in LAYERS))

    def _set(self, order: tuple[str, ...], hidden: frozenset[str]) -> None:
        if (order, hidden) == (self.order, self.hidden):
            return
        self.order, self.hidden = order, hidden
        self._send(**self.state())
        self.changed.emit()
