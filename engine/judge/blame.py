"""Whose fault it is that somebody hears somebody else no more. Counterpart: `consequences.py` asks, `faults.py` feeds.

One rule: the answer is the subject of a fault that is shown, so that what follows from it can be listed there.
"""

from __future__ import annotations

from uuid import UUID

from domain.fault import Consequence
from domain.topology import Causes
from engine.judge.network import Network
from engine.judge.suspects import Suspects
from engine.state import State


class Blame:
    """`turned`: devices to whom an answer may be another than before; who takes them up empties it.

    `followed`: of each fault what followed from it, by an id of its own; `consequences.py` writes it.
    """

    def __init__(self, state: State, causes: Causes, suspects: Suspects, network: Network) -> None:
        self.turned: set[UUID] = set()
        self.followed: dict[UUID, dict[UUID, Consequence]] = {}
        self._state, self._causes, self._suspects, self._network = state, causes, suspects, network

    def turn_link(self, id: UUID) -> None:
        """Note that a link fell or stands again."""
        link = self._state.inventory.link(id)
        if link is not None:
            self.turned.update((link.a, link.b))

    def of(self, far: UUID, near: UUID) -> UUID | None:
        """Return by whose fault a device is not heard by another that lives, or None where it is nobody's.

        It is down, behind a cause, or hangs on what is; or it lives, and all links between the two are down.
        """
        if far not in self._network.topology:
            return None
        if far in self._suspects.members:
            return far
        fallen = far if self._causes.is_down(far) else self._causes.fallen_above(far)
        if fallen is not None:
            roots = self._suspects.told(fallen, self._causes.verdict(fallen).roots)
            return next((root for root in roots if root in self._state.faults), fallen)
        return next((id for id in self._fallen_links(far, near) if id in self._state.faults), None)

    def is_unsure(self, far: UUID, near: UUID) -> bool:
        """Tell whether all links between two are down, and nobody knows yet whether that is news or an end of them died."""
        fallen = self._fallen_links(far, near) if far in self._network.topology else []
        return bool(fallen) and not any(id in self._state.faults for id in fallen)

    def _fallen_links(self, far: UUID, near: UUID) -> list[UUID]:
        """Return the links between two if all of them are down."""
        links = self._network.links_between(far, near)
        states = [self._state.link_states.get(id) for id in links]
        return links if all(state is not None and state.status == "down" for state in states) else []

    def far_ends(self, device: UUID, port: str) -> list[UUID]:
        """Return who is at a port of a device, as devices themselves tell."""
        return self._network.far_ends(device, port)
